"""Each verdict that the claims on parities can give, from numbers made by hand."""

import math

import numpy as np
import pytest

from hlnb.studies.parity import claims

INF, N = math.inf, 20
WORDS = {20: "reproduced", 10: "undecided", 0: "not reproduced"}  # of 20 runs
YES, NO, NONE = "reproduced", "not as stated", "not testable here"


def values(*numbers):
    return np.array(numbers, float)


def runs(good, bad, n):
    """N runs: `n` of them good, the others bad."""
    return values(*[good] * n, *[bad] * (N - n))


def verdicts(found):
    assert len({c.id for c in found}) == len(found)
    return [c.verdict for c in found]


@pytest.mark.parametrize(("n", "verdict"), WORDS.items())
def test_elimination_is_counted(n, verdict):
    of = {"ds": [4, 8], "law": [0.95], "spare": [1]}
    found = claims.elimination(found=(runs(1, 0, n) > 0).tolist(), **of)
    assert verdicts(found) == [verdict, YES]
    assert found[0].note == "d from 4 to 8, |I| = d/2"


def test_one_case_refutes_a_theorem():
    for holds, verdict in (([True, True], YES), ([True, False], NO), ([], NONE)):
        found = claims.representation(exact=holds, silent=[True], ds=[4])
        assert verdicts(found) == [verdict, YES]
        found = claims.representation(exact=[True], silent=holds, ds=[4])
        assert verdicts(found) == [YES, verdict]
        found = claims.lemma(deviations=values(0), bounded=holds)
        assert verdicts(found) == [YES, verdict]
    for deviations, verdict in (((1e-12, 0), YES), ((2e-12, 0), NO)):
        found = claims.lemma(deviations=values(*deviations), bounded=[True])
        assert verdicts(found) == [verdict, YES]
        assert {c.kind for c in found if c.verdict == YES} == {"identity"}


def test_full_rank_is_likely_from_95_percent_on():
    for law, verdict in (([0.95, 0.99], YES), ([0.94, 0.95], NO)):
        of = {"found": [True], "ds": [4], "law": law, "spare": [1, 2]}
        assert claims.elimination(**of)[1].verdict == verdict


def test_the_rank_law_holds_unless_a_p_value_is_tiny():
    of = {"gaps": values(0.1, 0.2), "seconds": [0.5] * 5, "d_large": 9}
    for p, verdict in (((2e-4, 0.5), YES), ((1e-4, 0.5), NO)):
        found = claims.rank_law(p_values=values(*p), **of)
        assert verdicts(found) == [verdict, YES]
        assert f"{min(p):.2f}" in found[0].note


def test_fast_is_below_a_second():
    of = {"gaps": values(0.1), "p_values": values(0.5), "d_large": 9}
    for seconds, verdict in (([0.9] * 5, YES), ([1.0] * 5, "not reproduced")):
        found = claims.rank_law(seconds=seconds, **of)[1]
        assert (found.verdict, found.kind) == (verdict, "guess")


def test_noise_counts_failures_at_the_last_dimension():
    of = {"problems": N, "noise": 0.01, "ds": [4, 8]}
    of |= {"ratios": values(1, 1), "p_values": values(0.5)}
    for failed, verdict in WORDS.items():
        one, _ = claims.with_noise(found=[N, N - failed], **of)
        assert one.verdict == verdict
        assert one.note == "at d = 4 it fails in 0"


def test_the_law_of_tries_holds_unless_a_p_value_is_tiny():
    of = {"found": [0, 0], "problems": N, "noise": 0.01, "ds": [4, 8]}
    for p, verdict, kind in (
        ((2e-4, 0.5), YES, "identity"),
        ((1e-4, 0.5), NO, "claim"),
    ):
        found = claims.with_noise(ratios=values(0.9, 1.2), p_values=values(*p), **of)[1]
        assert (found.verdict, found.kind) == (verdict, kind)
        assert (found.low, found.high) == (0.9, 1.2)
        assert f"{min(p):.2f}" in found.note


@pytest.mark.parametrize(("n", "verdict"), WORDS.items())
def test_runs_are_counted(n, verdict):
    found = claims.dense_share(shares=runs(0.9, 1, n), d=12)
    assert verdicts(found) == [verdict]
    chance = claims.by_chance(lowest=0.4871, runs=2)
    found = claims.within_budget(
        steps=runs(50, INF, n), errors=runs(0.46, 0.45, n), d=20, chance=chance
    )
    assert verdicts(found) == [verdict] * 2
    assert found[1].note == "lowest error with random labels: 0.487 (2 runs)"
    found = claims.sparse(
        **{"d": 30, "k": 3, "half_error": runs(0.46, 0.45, n), "runs": 25},
        **{"leads_from": runs(0.7, 0.8, n), "falls_at": np.full(N, 0.8)},
        chance="by chance",
    )
    assert verdicts(found) == [verdict] * 2
    assert found[0].note == "20 of 25 runs learned it; by chance"


def test_nothing_learned_is_not_testable():
    none = {"half_error": values(), "leads_from": values(), "falls_at": values()}
    found = claims.sparse(d=30, k=3, **none, runs=5, chance="")
    assert verdicts(found) == [NONE] * 2
    budget = claims.within_budget(steps=values(), errors=values(), d=20, chance="")
    assert verdicts(budget) == [NONE] * 2


LAWS = {"power law": 1000.0, "exponential": 3000.0}


@pytest.mark.parametrize(
    ("steps", "cap", "verdict"),
    [
        (runs(1001, 1001, N), 5000, YES),
        (runs(INF, 1001, N), 5000, YES),  # ended after the power law's number
        (runs(INF, INF, N), 999, "undecided"),  # ended before: nobody can say
        (runs(1000, 999, N), 5000, "not reproduced"),
        (runs(1001, 999, 10), 5000, "undecided"),
    ],
)
def test_an_exponential_outgrows_the_power_that_fits_below(steps, cap, verdict):
    of = {"errors": runs(0.46, 0.1, N), "d": 30, "ahead": 24, "laws": LAWS}
    of["fitted"] = [10, 8, 20]
    fails, cost = claims.cost(steps=steps, cap=cap, chance="", **of)
    assert fails.verdict == YES
    assert cost.verdict == (NONE if cap < 1000 else verdict)
    assert "power law 1,000 steps, exponential 3,000" in cost.note
    assert cost.statement.endswith("above the power law fitted to d = 8 to 20")
    assert fails.statement.startswith(f"Within {cap:,} steps SGD does not find")


def test_the_largest_dimension_fails():
    for n, verdict in WORDS.items():
        of = {"d": 30, "ahead": 24, "laws": LAWS, "cap": 9, "chance": ""}
        of["fitted"] = [8, 20]
        found = claims.cost(errors=runs(0.46, 0.45, n), steps=runs(1, 1, N), **of)
        assert found[0].verdict == verdict


def test_noise_hides_a_set():
    of = {"d": 14, "noise": 1.0, "steps": 200}
    for n, verdict in WORDS.items():
        variation = runs(0.09, 0.1, n)
        found = claims.about_noise(deviation=values(1e-12), variation=variation, **of)
        assert verdicts(found) == [YES, verdict]
    off = claims.about_noise(deviation=values(2e-12, 0), variation=variation, **of)
    assert off[0].verdict == NO


def test_one_problem_solved_in_few_steps_refutes_every_architecture():
    for found, verdict in (([True, False], NO), ([False, False], YES)):
        assert verdicts(claims.exact_steps(found=found, d=9)) == [verdict]


def test_small_batches_are_held_against_large_ones_run_by_run():
    for n, verdict in WORDS.items():
        found = {10: runs(5, 9, n), 100: runs(1, 1, N), 1000: runs(7, 7, N)}
        (claim,) = claims.about_batches(found, d=4)
        assert claim.verdict == verdict
        assert "Batches of 10 learn from fewer examples than batches of 1000" in (
            claim.statement
        )
    never = {10: runs(5, 5, N), 1000: runs(INF, INF, N)}
    assert verdicts(claims.about_batches(never, d=4)) == [YES]
    neither = {10: runs(INF, INF, N), 1000: runs(INF, INF, N)}
    assert verdicts(claims.about_batches(neither, d=4)) == [NONE]


def test_luck_is_binomial():
    # 3 of 6 or fewer, at 0.5; 0.45 of 6 is 2.7
    assert claims.by_luck(n_test=6).endswith("probability 3e-01")
    assert math.comb(6, 0) + math.comb(6, 1) + math.comb(6, 2) == 22  # of 64
    assert claims.by_luck(n_test=4000).endswith("probability 1e-10")


@pytest.mark.parametrize(("n", "verdict"), WORDS.items())
def test_a_gap_is_a_ratio_above_1(n, verdict):
    (claim,) = claims.fourier_gap(runs(1.01, 1, n), d=50, k=3)
    assert claim.verdict == verdict


@pytest.mark.parametrize(("n", "verdict"), WORDS.items())
def test_amplified_is_no_more_steps_with_larger_batches(n, verdict):
    few, of = runs(100, 100, N), {"batches": [32, 320], "d": 30, "k": 3}
    (claim,) = claims.amplified(few, runs(100, 101, n), **of)
    assert claim.verdict == verdict
    (never,) = claims.amplified(few, runs(INF, INF, N), **of)
    assert never.verdict == "not reproduced"
    (neither,) = claims.amplified(runs(INF, INF, N), runs(INF, INF, N), **of)
    assert neither.verdict == NONE


def test_exponents_are_bounded_by_the_size_and_may_rise_with_it():
    exponents = {2: runs(1, 1, N), 3: runs(2, 2, N), 4: runs(4.1, 4, N)}
    found = claims.about_powers(exponents, ds=[10, 20])
    assert verdicts(found) == [YES, YES, "not reproduced", YES]
    flat = exponents | {4: runs(2.4, 2.4, N)}
    assert verdicts(claims.about_powers(flat, ds=[10, 20]))[-1] == "not reproduced"
    lost = exponents | {4: runs(math.nan, math.nan, N)}
    assert verdicts(claims.about_powers(lost, ds=[10, 20]))[2:] == [NONE, NONE]


@pytest.mark.parametrize(
    ("epochs", "low", "verdict"),
    [(9, 0.5, YES), (INF, 0.5, "not reproduced"), (9, 0.51, "not reproduced")],
)
def test_by_heart_is_no_training_error_and_a_coin_in_test(epochs, low, verdict):
    found = claims.memory(epochs=runs(epochs, 9, N), intervals=[(low, 0.6)] * N)
    assert verdicts(found) == [verdict]
    assert "0.2 runs of 20" in found[0].note
