"""The rows of Table 1: what is trained, what is read off, and what is said of it."""

from dataclasses import replace

import numpy as np
import pytest

from hlnb.data.patterns import toy_problem
from hlnb.errors import HlnbError
from hlnb.metrics.measures import Weights
from hlnb.metrics.times import first_hit
from hlnb.models.networks import toy_network
from hlnb.results import Result
from hlnb.schedules import only, simultaneous
from hlnb.studies.table_1 import experiment as table1
from hlnb.studies.table_1 import words
from hlnb.studies.table_1.claims import row_claims, similar
from hlnb.studies.table_1.experiment import (
    Protocol,
    ShiftedPattern,
    arrived,
    at_own_rate,
    best_rate,
    moved,
    own_rates,
    reproduce,
    soonest_rate,
    stayed,
    variants,
)
from hlnb.studies.table_1.report import HAS_PROPERTY, READINGS, REPORTED
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
    epochs=25,
    phase_epochs=20,
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


def test_the_best_rate_is_that_of_runs_that_arrive_and_stay():
    soon, late = [0.5, 0.05] + [0.5] * 12, [0.5, 0.5, 0.5] + [0.05] * 11
    found = result([soon] * 3 + [late] * 3, lrs=(0.1, 0.3))
    assert soonest_rate(found) == 0.1
    assert best_rate(found) == 0.3
    assert stayed(found, "test", lr=0.1).tolist() == [False] * 3
    assert stayed(found, "test", lr=0.3).tolist() == [True] * 3


def test_of_rates_with_as_many_the_sooner_then_the_lower_error_then_the_smaller():
    soon, late = [[0.5, 0.05] + [0.05] * 10] * 2, [[0.5, 0.2] + [0.05] * 10] * 2
    assert best_rate(result(late + soon, lrs=(0.1, 0.3))) == 0.3
    assert best_rate(result(soon + late, lrs=(0.1, 0.3))) == 0.1
    assert best_rate(result(soon + soon, lrs=(0.1, 0.3))) == 0.1
    worse, bad = [[0.5, 0.3]] * 2, [[0.5, 0.2]] * 2
    assert best_rate(result(worse + bad, lrs=(0.1, 0.3))) == 0.3


def test_each_run_takes_the_rate_of_its_own_validation_error():
    at_1, at_3 = [[0.5, 0.05], [0.5, 0.4]], [[0.5, 0.2], [0.5, 0.3]]
    found = result(at_1 + at_3, lrs=(0.1, 0.3))
    assert own_rates(found) == [0.1, 0.3]
    assert at_own_rate(found, "test").tolist() == [[0.5, 0.05], [0.5, 0.3]]


def test_seeds_of_choices_and_reports_have_nothing_in_common():
    for first in (0, 1000):
        protocol = replace(SMALL, seeds=200, more_seeds=200, first_seed=first)
        used = [protocol.choosing, protocol.searching(200), protocol.reporting]
        assert len({seed for seeds in used for seed in seeds}) == 600
        assert all(first <= seed < first + 1000 for seeds in used for seed in seeds)
        assert protocol.few == protocol.reporting[:200]


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
        assert {run["seed"] for run in row.rates.runs} == {0, 1}
        assert [run["seed"] for run in row.together.runs] == [400, 401, 402]
        assert {run["lr"] for run in row.together.runs} == {row.best}
        assert {run["seed"] for run in row.layerwise.runs} == {400, 401}
        assert row.cap == row.rates.epochs[-1] == 25
        assert row.phase_ends == [20, 40, 60]
        assert (
            row.phase_errors().shape == row.phase_errors("validation").shape == (2, 3)
        )
        assert row.phase_errors("unseen").shape == (2, 1)  # of the last phase
        assert [row.alone_cap(layer) for layer in row.layers] == [20, 9, 9]
        assert row.single in row.layers
        assert row.deviations().shape == (2, 2)
        assert row.times.shape == row.deviation.shape == row.stays.shape == (3,)
        assert row.last("train").shape == (3,)
        assert (row.seed(2), row.few) == (402, 2)


def test_errors_on_seen_and_unseen_inputs_surround_the_error(rows):
    for row in rows.values():
        parts = np.stack([row.last("seen"), row.last("unseen")])
        known = np.isfinite(parts).all(0)
        whole = row.last("test")[known]
        assert (parts[:, known].min(0) <= whole + 1e-6).all()
        assert (whole <= parts[:, known].max(0) + 1e-6).all()


def test_the_first_layerwise_phase_is_the_filters_alone(rows):
    row = rows["printed"]
    alone = sweep(
        row.problem,
        row.model,
        only(row.model, "conv", epochs=20),
        grid(SMALL.few, SMALL.slow_lrs),
        executor=Here(),
        **table1.common_settings(SMALL),
    )
    curves = {name: row.layerwise.traces[name] for name in table1.ARRIVAL}
    shared = replace(row.layerwise, traces=curves).upto(20)
    for name in table1.ARRIVAL:
        assert (shared.traces[name] == alone.traces[name]).all()
        assert (row.alone["conv"].traces[name] == alone.traces[name]).all()
    assert (row.alone["conv"].epochs == alone.epochs).all()


def test_filters_are_those_of_their_time(rows):
    row = rows["printed"]
    run = int(np.argmax(np.isfinite(row.times)))
    whole = sweep(
        row.problem,
        row.model,
        simultaneous(row.model, epochs=SMALL.epochs),
        grid([row.seed(run)], [row.best]),
        measures={"filters": Weights("conv")},
        n_train=SMALL.n_train,
        executor=Here(),
    )
    trace = whole.of("filters")[0, :, :, 0]
    assert (row.filters("start", run=run) == trace[0]).all()
    assert np.isfinite(row.times[run])
    assert (row.filters("arrival", run=run) == trace[int(row.times[run])]).all()
    assert (row.filters("end", run=run) == trace[-1]).all()
    for look, epoch in enumerate(table1.SHOWN, start=2):
        at = row.looks[run, look]
        assert (at == trace[epoch]).all() if epoch <= 25 else np.isnan(at).all()
    patterns = row.problem.with_seed(400 + run).patterns.numpy()
    assert (row.patterns(run) == patterns).all()


def test_filters_of_a_run_that_never_arrived_are_its_last(rows):
    row = rows["printed"]
    errors = np.full_like(row.together.of("test"), 0.5)
    traces = {**row.together.traces, "test": errors}
    never = replace(row, together=replace(row.together, traces=traces))
    last = row.filters("end", run=0)
    assert (never.filters("arrival", run=0) == last).all()


def test_an_unknown_reading_is_refused():
    with pytest.raises(HlnbError, match=r"no reading 'small': take one of \['printed'"):
        reproduce(1, "small", SMALL, executor=Here())


def test_variants_change_what_they_say(rows, monkeypatch):
    seen = {}
    original = table1.until_arrival

    def spy(problem, model, protocol, **settings):
        seen[len(model.layers), problem.noise] = settings["lrs"]
        assert list(settings["seeds"]) == [400, 401]
        return original(problem, model, protocol, **settings)

    monkeypatch.setattr(table1, "until_arrival", spy)
    row = rows["unit"]
    found = variants(row, SMALL, executor=Here())
    assert list(found) == ["as defined", "with noise", "two layers"]
    assert set(seen) == {(3, 0.1 * row.problem.scale), (2, 0.0)}
    assert all(lrs == [row.best] for lrs in seen.values())
    assert (found["as defined"] == row.times[:2]).all()
    assert found["with noise"].shape == (2,)


# --- claims ---------------------------------------------------------------------------


def times(row):
    """Times of variants, for claims: those of the row itself."""
    own = row.times[: row.few]
    return {"as defined": own, "with noise": own, "two layers": own}


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_every_cell_of_the_row_has_a_claim(rows, number):
    """With the runs of one problem under the number of another: only words differ."""
    report = REPORTED[number]
    for tag, row in rows.items():
        claims = row_claims(replace(row, number=number), times(row))
        by_id = {claim.id: claim for claim in claims}
        assert len(by_id) == len(claims) == 2 + 1 + 1 + 1 + 2 + 1 + 4
        assert all(claim.n >= 2 for claim in claims)
        assert all(claim.rule in ("number", "most") for claim in claims)
        assert by_id[f"tp{number}-simultaneous-{tag}"].theirs == str(
            report.simultaneous
        )
        assert by_id[f"tp{number}-deviation-{tag}"].theirs == str(report.deviation)
        single = by_id[f"tp{number}-single-{tag}"].theirs
        assert single.split()[0] == str(report.single or "N/A")
        for p, expected in enumerate(HAS_PROPERTY[number], start=1):
            word = "has" if expected else "lacks"
            claim = by_id[f"tp{number}-property-{p}-{tag}"]
            assert f"Problem {number} {word} Property {p}" in claim.statement


def test_a_row_without_arrivals_still_speaks(rows, monkeypatch):
    """No run at 0.1: words and claims say so, and no number is invented."""
    row = rows["unit"]

    def never(result):
        traces = {**result.traces}
        for on in table1.ARRIVAL.keys() & traces.keys():
            traces[on] = np.where(np.isnan(traces[on]), np.nan, 0.5)
        return replace(result, traces=traces)

    parts = ("rates", "together", "layerwise")
    alone = {name: never(found) for name, found in row.alone.items()}
    bad = replace(row, alone=alone, **{p: never(getattr(row, p)) for p in parts})
    monkeypatch.setattr(table1.Reproduction, "best", row.best)  # that of its runs
    said = words.in_words(bad)
    assert said["sim_unit"] == "more than 25"
    assert said["reached_unit"] == "0 of 3"
    assert said["dev_unit"] == "unknown"
    claims = {c.id: c for c in row_claims(bad, times(bad))}
    moved_by = claims["tp1-deviation-unit"]
    assert (moved_by.ours, moved_by.n) == (None, 3)
    for name in ("deviation", "noise", "property-3", "best-rate"):
        assert claims[f"tp1-{name}-unit"].verdict == "not testable here"
    has = bad.properties()
    assert has[1] == has[4] == [True, True]
    assert has[3] == [None, None]  # no arrival, no evidence of having travelled


def test_properties_are_what_they_are_called(rows):
    row = rows["printed"]
    has = row.properties()
    alone = [np.isfinite(row.alone_times(layer)) for layer in row.layers]
    assert has[1] == (~np.any(alone, axis=0)).tolist()
    assert has[4] == (~np.isfinite(row.layerwise_times)).tolist()
    far = row.deviations()
    for run in range(2):
        seen = far[:, run][~np.isnan(far[:, run])]
        assert has[3][run] == (bool((seen >= 1).all()) if len(seen) else None)
    for run, ranks in enumerate(row.ranks("end")):
        each = np.array(ranks["each at any shift"])
        assert ((each > 0) & (each <= 1)).all()
        assert has[2][run] == ((each <= 0.05).sum() > 10)  # of twenty filters
        assert row.own_filters("end")[run] == (each <= 0.05).mean()


def test_changes_are_zero_for_filters_that_did_not_move(rows):
    row = rows["unit"]
    filters = row.together.of("filters")
    still = {**row.together.traces, "filters": np.repeat(filters[:, :1], 9, axis=1)}
    frozen = replace(row, together=replace(row.together, traces=still))
    assert np.abs(frozen.changes("end")).max() == 0
    assert row.changes("arrival").shape == (3, 3)


def test_the_best_rate_of_a_seed_is_unknown_where_it_never_arrives(rows):
    row = rows["printed"]
    assert all(lr in (0.1, 0.5) for lr in row.best_by_seed)
    errors = row.rates.traces["validation"].copy()
    errors[[0, 2]] = 0.5  # both rates of the first seed
    traces = {**row.rates.traces, "validation": errors}
    found = replace(row, rates=replace(row.rates, traces=traces)).best_by_seed
    assert found[0] is None
    assert found[1] == row.best_by_seed[1]


def test_epochs_are_similar_within_a_factor_of_two_of_the_same_seed():
    base = np.array([10.0, 10, 10, 10, 70, np.inf])
    other = np.array([5.0, 20, 4, np.inf, np.inf, 3])
    found = similar(base, other, cap=100)
    assert found == [True, True, False, False, None, None]


def test_the_table_of_a_row_has_a_line_for_each_property_and_cell(rows):
    found = {r: times(row) for r, row in rows.items()}
    head, lines = words.row_table(rows, found)
    assert head[1:3] == list(READINGS.values())
    assert {len(line) for line in lines} == {4}
    named = {line[0]: line for line in lines}
    simultaneous = named["epochs to test error 0.1, all layers together"]
    assert simultaneous[3] == "4"
    counted = words.of(rows["unit"].properties()[4])
    assert named["Property 4: layer-wise training fails"][1:] == [
        words.of(rows["printed"].properties()[4]),
        counted,
        "lacks it",
    ]


def test_the_thirty_cells_are_counted_once(rows):
    claims = {
        (n, r): row_claims(replace(row, number=n), times(row))
        for n in REPORTED
        for r, row in rows.items()
    }
    _, lines = words.cells_table(claims)
    assert len(lines) == 30
    for reading in READINGS:
        assert sum(words.scoreboard(claims, reading).values()) == 30


def test_words_of_numbers():
    assert words.spread(np.array([-0.001, 0.004, np.nan])) == "0.00 [0.00 to 0.00]"
    assert words.spread(np.array([-1.0, 2.0])) == "0.50 [−1.00 to 2.00]"
    assert words.spread(np.array([np.nan])) == "undefined in every run"
    assert words.middle(np.array([3.0, np.inf, np.inf]), cap=9) == "more than 9"
    assert words.of([True, None, False]) == "1 of 3"


def test_arrivals_are_first_hits(rows):
    row = rows["printed"]
    errors = row.rates.of("test", lr=0.5)
    expected = first_hit(row.rates.epochs, errors)
    assert (arrived(row.rates, "test", lr=0.5) == expected).all()


def test_the_reports_network_is_the_one_that_learns(rows):
    for row in rows.values():
        assert row.model == toy_network(d=36, n_classes=2, T=6)
