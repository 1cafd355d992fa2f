"""The rows of Table 1: what is trained, what is read off, and what is said of it."""

from dataclasses import replace

import numpy as np
import pytest

from hlnb.data.patterns import toy_problem
from hlnb.errors import HlnbError
from hlnb.metrics.times import first_hit
from hlnb.models.networks import toy_network
from hlnb.results import Result
from hlnb.schedules import only
from hlnb.studies.table_1 import experiment as table1
from hlnb.studies.table_1.claims import (
    changes,
    deviation_claims,
    foreign_ranks,
    in_words,
    interpretability_claims,
    layerwise_claims,
    properties,
    property_claims,
    simultaneous_claims,
    single_claims,
    variant_claims,
)
from hlnb.studies.table_1.experiment import (
    READINGS,
    REPORTED,
    Protocol,
    ShiftedPattern,
    arrived,
    best_rate,
    moved,
    reproduce,
    variants,
)
from hlnb.training.executors import Here
from hlnb.training.runs import grid
from hlnb.training.sweep import sweep

SMALL = Protocol(
    d=36,
    T=6,
    n_train=256,
    seeds=2,
    more_seeds=3,
    lrs=(0.1, 0.5),
    slow_lrs=(0.2, 0.5),
    sweep_epochs=25,
    epochs=20,
    alone_epochs=9,
)


@pytest.fixture(scope="module")
def rows():
    return {r: reproduce(1, r, SMALL, executor=Here()) for r in READINGS}


def result(errors, *, lrs=(0.1,), filters=None):
    """A Result with these validation and test errors (run, record), a run a row."""
    errors = np.array(errors, float)
    seeds = len(errors) // len(lrs)
    traces = {"validation": errors, "test": errors}
    if filters is not None:
        traces["filters"] = np.array(filters, float)
    records = np.arange(errors.shape[1])
    runs = [{"seed": s, "lr": lr} for lr in lrs for s in range(seeds)]
    return Result({"runs": runs}, records, records, traces, {})


def test_the_best_rate_has_the_lowest_median_time():
    slow, fast = [[0.5, 0.2, 0.05]] * 3, [[0.5, 0.05, 0.05]] * 2 + [[0.5, 0.5, 0.5]]
    assert best_rate(result(slow + fast, lrs=(0.1, 0.3))) == 0.3
    assert best_rate(result(fast + slow, lrs=(0.1, 0.3))) == 0.1


def test_where_most_runs_fail_more_arrivals_win_then_lower_errors():
    none, one = [[0.5, 0.2]] * 3, [[0.5, 0.05], [0.5, 0.5], [0.5, 0.5]]
    assert best_rate(result(none + one, lrs=(0.1, 0.3))) == 0.3
    worse = [[0.5, 0.3]] * 3
    assert best_rate(result(worse + none, lrs=(0.1, 0.3))) == 0.3
    assert best_rate(result(none + none, lrs=(0.1, 0.3))) == 0.1


def test_a_run_that_ended_early_counts_with_its_last_error():
    early = [[0.5, 0.2, np.nan]] * 3
    late = [[0.5, 0.4, 0.3]] * 3
    assert best_rate(result(late + early, lrs=(0.1, 0.3))) == 0.3


def test_deviation_is_that_of_the_arrival():
    filters = np.ones((2, 3, 1, 1, 4))
    filters[0, 1] = 3  # moved by twice its length when the error first is 0.1
    found = moved(result([[0.5, 0.1, 0.1], [0.5, 0.5, 0.5]], filters=filters), 0.1)
    assert found[0] == pytest.approx(2)
    assert np.isnan(found[1])


def test_a_shifted_pattern_is_the_first_one_a_pixel_further():
    problem = toy_problem(1, d=36, T=6, scale=0.5)
    for near, of in (
        (ShiftedPattern.of(problem), problem),
        (ShiftedPattern.of(problem).with_seed(3), problem.with_seed(3)),
    ):
        one, two = near.patterns.tolist()
        assert one == of.patterns[0].tolist()
        assert two == [one[-1], *one[:-1]]
        assert (near.classes, near.d) == (problem.classes, 36)


def test_a_row_has_the_runs_of_its_protocol(rows):
    for reading, row in rows.items():
        assert row.problem.scale == (1.0 if reading == "printed" else 6**-0.5)
        assert len(row.rates.runs) == 2 * 2
        assert len(row.together.runs) == 3
        assert {run["lr"] for run in row.together.runs} == {row.best}
        assert row.after.epochs[-1] == 25
        assert row.layerwise.epochs[-1] == 3 * 20
        assert row.phase_ends == [20, 40, 60]
        assert row.phase_errors().shape == (2, 3)
        assert [row.alone_cap(layer) for layer in row.alone] == [20, 9, 9]
        assert row.single in row.alone
        assert row.deviations().shape == (2, 2)
        assert row.times.shape == row.deviation.shape == (3,)


def test_runs_of_equal_seed_are_the_same_in_every_training(rows):
    """The sweep, the chosen rate and the longer training start and go alike."""
    row = rows["unit"]
    swept = row.rates.of("filters", lr=row.best)
    known = np.isfinite(swept[:, :, 0, 0, 0]).sum(1)
    for seed in range(2):
        for other in (row.together, row.after):
            n = min(known[seed], other.of("filters").shape[1])
            theirs = other.of("filters")[seed, :n]
            same = np.isfinite(theirs)
            assert (theirs[same] == swept[seed, :n][same]).all()


def test_the_first_layerwise_phase_is_the_filters_alone(rows):
    row = rows["printed"]
    alone = sweep(
        row.problem,
        row.model,
        only(row.model, "conv", epochs=20),
        grid(range(2), SMALL.slow_lrs),
        executor=Here(),
        **table1.common_settings(SMALL),
    )
    shared = row.layerwise.upto(20)
    for name, values in alone.traces.items():
        assert (shared.traces[name] == values).all()
    assert (shared.epochs == alone.epochs).all()


def test_filters_are_those_of_their_time(rows):
    row = rows["printed"]
    trace = row.together.of("filters")[0, :, :, 0]
    assert (row.filters("start", seed=0) == trace[0]).all()
    when = row.times[0]
    assert np.isfinite(when)
    assert (row.filters("arrival", seed=0) == trace[int(when)]).all()
    end = row.after.of("filters")[0, -1, :, 0]
    assert (row.filters("end", seed=0) == end).all()


def test_filters_of_a_run_that_never_arrived_are_its_last(rows):
    row = rows["printed"]
    errors = np.full_like(row.together.of("test"), 0.5)
    traces = {**row.together.traces, "test": errors}
    never = replace(row, together=replace(row.together, traces=traces))
    known = np.isfinite(errors * row.together.of("filters")[:, :, 0, 0, 0])[0].sum()
    last = row.together.of("filters")[0, known - 1, :, 0]
    assert (never.filters("arrival", seed=0) == last).all()


def test_an_unknown_reading_is_refused():
    with pytest.raises(HlnbError, match=r"no reading 'small': take one of \['printed'"):
        reproduce(1, "small", SMALL, executor=Here())


def test_variants_change_what_they_say(rows, monkeypatch):
    seen = {}
    original = table1.until_arrival

    def spy(problem, model, protocol, **settings):
        seen[len(model.layers), problem.noise] = settings["lrs"]
        return original(problem, model, protocol, **settings)

    monkeypatch.setattr(table1, "until_arrival", spy)
    row = rows["unit"]
    found = variants(row, SMALL, executor=Here())
    assert list(found) == ["as defined", "with noise", "two layers"]
    assert set(seen) == {(3, 0.1 * row.problem.scale), (2, 0.0)}
    assert all(lrs == [row.best] for lrs in seen.values())
    assert (found["as defined"] == row.times).all()
    assert found["with noise"].shape == (2,)


# --- claims ---------------------------------------------------------------------------

BUILDERS = (
    simultaneous_claims,
    layerwise_claims,
    single_claims,
    deviation_claims,
    interpretability_claims,
    property_claims,
)


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_every_cell_of_the_row_has_a_claim(rows, number):
    """With the runs of one problem under the number of another: only words differ."""
    renamed = {r: replace(row, number=number) for r, row in rows.items()}
    claims = [claim for build in BUILDERS for claim in build(renamed)]
    ids = [claim.id for claim in claims]
    assert len(set(ids)) == len(ids) == 2 * (2 + 1 + 1 + 1 + 2 + 4)
    assert all(claim.n >= 2 for claim in claims)
    report = REPORTED[number]
    by_id = {claim.id: claim for claim in claims}
    for tag in READINGS:
        assert by_id[f"tp{number}-simultaneous-{tag}"].theirs == str(
            report.simultaneous
        )
        assert by_id[f"tp{number}-deviation-{tag}"].theirs == str(report.deviation)
        single = by_id[f"tp{number}-single-{tag}"].theirs
        assert single == ("N/A" if report.single is None else str(report.single))


def test_a_row_without_arrivals_still_speaks(rows, monkeypatch):
    """No run at 0.1: words and claims say so, and no number is invented."""
    row = rows["unit"]

    def never(result):
        traces = {**result.traces}
        for on in ("test", "validation"):
            traces[on] = np.where(np.isnan(traces[on]), np.nan, 0.5)
        return replace(result, traces=traces)

    parts = ("rates", "together", "after", "layerwise")
    alone = {name: never(found) for name, found in row.alone.items()}
    bad = replace(row, alone=alone, **{p: never(getattr(row, p)) for p in parts})
    monkeypatch.setattr(table1.Reproduction, "best", row.best)  # that of its runs
    words = in_words(bad)
    assert words["sim_unit"] == "not reached within 20, 0 of 3 reached"
    assert words["dev_unit"] == "no run arrived"
    (claim,) = deviation_claims({"unit": bad})
    assert (claim.ours, claim.n, claim.verdict) == (None, 3, "not reproduced")
    assert claim.note.endswith("0 of 3 arrived")
    has = properties(bad)
    assert has[1].all()
    assert has[4].all()
    assert not has[3].any()  # no arrival, no evidence of having travelled
    noisy = {"unit": {"with noise": row.times, "two layers": row.times}}
    for claim in variant_claims({"unit": bad}, noisy):
        assert claim.verdict == "not testable here"


def test_properties_are_what_they_are_called(rows):
    row = rows["printed"]
    has = properties(row)
    alone = [np.isfinite(row.alone_times(layer)) for layer in row.alone]
    assert (has[1] == ~np.any(alone, axis=0)).all()
    assert (has[4] == ~np.isfinite(row.layerwise_times)).all()
    far = row.deviations()
    for run in range(2):
        seen = far[:, run][~np.isnan(far[:, run])]
        assert has[3][run] == (len(seen) > 0 and bool((seen >= 1).all()))
    ranks = foreign_ranks(row, "end")
    assert ((ranks > 0) & (ranks <= 1)).all()
    assert (has[2] == (ranks <= 0.05)).all()


def test_changes_are_zero_for_filters_that_did_not_move(rows):
    row = rows["unit"]
    filters = row.after.of("filters")
    still = {**row.after.traces, "filters": np.repeat(filters[:, :1], 26, axis=1)}
    frozen = replace(row, after=replace(row.after, traces=still))
    assert np.abs(changes(frozen, "end")).max() == 0
    assert changes(row, "arrival").shape == (3, 3)


def test_arrivals_are_first_hits(rows):
    row = rows["printed"]
    errors = row.rates.of("test", lr=0.5)
    expected = first_hit(row.rates.epochs, errors)
    assert (arrived(row.rates, "test", lr=0.5) == expected).all()


def test_the_reports_network_is_the_one_that_learns(rows):
    for row in rows.values():
        assert row.model == toy_network(d=36, n_classes=2, T=6)
