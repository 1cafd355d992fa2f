"""Experiments on random hierarchies: probes, controls, outcomes and label ratios."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats

from hlnb.data.hierarchy import RandomHierarchy
from hlnb.data.problem import Problem
from hlnb.errors import HlnbError
from hlnb.metrics.synonyms import label_counts, sensitivity, synonym_ratio
from hlnb.results import Result
from hlnb.seeding import stream
from hlnb.studies.random_hierarchy import experiment as rhm
from hlnb.studies.random_hierarchy.claims import RIVALS

PROBED = rhm.Probed(5, 4, 3, depth=3, n_probes=30, n_test=20, n_validation=20)
LATIN = rhm.Uncorrelated(5, 5, 5, depth=3)
MODEL = rhm.deep(RandomHierarchy(4, 4, 4), width=3)


pytestmark = pytest.mark.usefixtures("one_process")


def test_a_probed_split_is_the_plain_one_and_a_batch_more():
    plain = RandomHierarchy(5, 4, 3, depth=3, n_test=20, n_validation=20)
    mine, theirs = PROBED.split(2, n_train=50), plain.split(2, n_train=50)
    assert [*mine] == [*theirs, "exchanged"]
    for name, batch in theirs.items():
        assert mine[name].x.equal(batch.x)
        assert mine[name].y.equal(batch.y)
    assert isinstance(PROBED, Problem)
    assert PROBED.describe()["n_probes"] == 30


def test_probes_are_strings_then_the_same_with_one_level_exchanged():
    mine = PROBED.with_seed(2)
    batch = PROBED.split(2, n_train=50)["exchanged"]
    blocks = batch.x.argmax(2).view(4, 30, 8)
    labels = batch.y.view(4, 30)
    parsed = [mine.parse(block) for block in blocks]
    for level in range(1, 4):
        assert labels[level].equal(labels[0])
        for above in range(level, 4):
            assert parsed[level][above].equal(parsed[0][above])
        assert not parsed[level][level - 1].equal(parsed[0][level - 1])
    other = PROBED.split(3, n_train=50)["exchanged"]
    assert not other.x.equal(batch.x)


def test_no_feature_of_a_latin_grammar_tells_the_class():
    """Exactly: every string is counted, at each level and each position."""
    problem = replace(LATIN, depth=2, seed=4)
    every = problem.numbered(torch.arange(problem.n_max))
    assert len(every.symbols[0].unique(dim=0)) == problem.n_max == 5**4
    tuples = problem.code(every.symbols[0].view(-1, 2, 2))
    for codes, n in ((every.symbols[0], 5), (every.symbols[1], 5), (tuples, 25)):
        counts = label_counts(codes, every.labels, n_codes=n, n_classes=5)
        assert counts.eq(counts[:, :, :1]).all()
    joint = problem.code(every.symbols[1])[:, None]
    assert label_counts(joint, every.labels, n_codes=25, n_classes=5).eq(0).any()


def test_a_latin_grammar_is_a_grammar_of_its_seed():
    found = LATIN.derive(300, generator=stream(0, "test"))
    for seen, true in zip(LATIN.parse(found.symbols[0]), found.symbols, strict=True):
        assert seen.equal(true)
    latin = LATIN.rules[-1]
    assert LATIN.code(latin).flatten().sort().values.equal(torch.arange(25))
    for position in range(2):  # in the rules of a class each feature stands once
        ordered = latin[:, :, position].sort(1).values
        assert ordered.eq(torch.arange(5)).all()
    plain = RandomHierarchy(5, 5, 5, depth=3)
    for mine, theirs in zip(LATIN.rules[:-1], plain.rules[:-1], strict=True):
        assert mine.equal(theirs)
    assert not LATIN.with_seed(1).rules[-1].equal(latin)
    assert isinstance(LATIN.with_seed(1), rhm.Uncorrelated)
    assert LATIN.describe() != plain.describe()
    assert LATIN.describe() == LATIN.with_seed(3).describe()


@pytest.mark.parametrize("change", [{"n_classes": 4}, {"n_synonyms": 4}])
def test_a_latin_square_is_square(change):
    sizes = {"vocab_size": 5, "n_classes": 5, "n_synonyms": 5} | change
    with pytest.raises(HlnbError, match="take v = m = n_c and s = 2"):
        rhm.Uncorrelated(**sizes)
    with pytest.raises(HlnbError, match="take v = m = n_c and s = 2"):
        rhm.Uncorrelated(2, 2, 2, tuple_size=3)


def test_sensitivities_are_those_of_each_level_to_each_exchange():
    model = rhm.deep(PROBED, width=6)
    params = model.init(stream(0, "init"))
    batch = PROBED.split(1, n_train=20)["exchanged"]
    found = rhm.Sensitivities(model, 3)(params, batch, None)
    assert found.shape == (3, 3)
    plain, *moved = batch.x.view(4, 30, 8, 5)
    for k, exchanged in itertools.product(range(3), range(3)):
        a, b = (model.apply(params, x, stop=k + 1) for x in (plain, moved[exchanged]))
        assert float(found[k, exchanged]) == pytest.approx(sensitivity(a, b))


def test_networks_have_the_sizes_of_the_grammar():
    model = rhm.deep(PROBED, width=7)
    assert model.names == ("level1", "level2", "level3", "readout")
    assert not model.heads
    x = PROBED.split(0, n_train=4)["train"].x
    params = model.init(stream(0, "init"))
    assert model.apply(params, x).shape == (4, 4)
    flat = rhm.shallow(PROBED, width=7)
    assert flat.names == ("layer1", "readout")
    assert flat.init(stream(0, "init"))["layer1.weight"].shape == (7, 40)


def test_a_run_ends_when_its_strings_are_fitted_and_generalizes():
    problem = rhm.Probed(4, 2, 4, depth=2, n_probes=50, n_test=20, n_validation=20)
    result = rhm.learn(
        problem,
        rhm.deep(problem, width=32),
        lrs=[0.1 / 32],
        n_train=88,
        seeds=[5],
        batch_size=4,
        updates=2000,
    )
    loss = result.of("train")[0]
    end = int((~np.isnan(loss)).sum()) - 1
    assert end < len(loss) - 1
    assert loss[end] <= rhm.FITTED < loss[end - 1]
    assert result.steps[1] == 110  # 22 batches: records every 5 epochs
    found = rhm.outcome(problem, result)
    assert found.losses == pytest.approx(loss[[end]])
    assert found.updates.tolist() == [result.steps[end]]
    assert found.tries.tolist() == [1]
    assert not found.dead.any()
    assert found.sensitivity.shape == (2, 1, 2, 2)
    assert found.sensitivity[:, 0] == pytest.approx(
        result.of("sensitivity")[0, [0, end]]
    )


def test_a_shallow_network_has_no_sensitivities():
    settings = {"lrs": [0.1], "n_train": 20, "seeds": [0], "updates": 5}
    result = rhm.learn(PROBED, rhm.shallow(PROBED, width=5), **settings)
    assert result.steps.tolist() == [0, 6]  # 2 batches an epoch, so 3 epochs
    assert set(result.traces) == {"train", "test"}
    assert rhm.outcome(PROBED, result).sensitivity is None


NAN = math.nan


def made(seeds=(7, 8), **traces):
    """Runs at one rate, three records."""
    runs = [{"seed": s, "lr": 0.1} for s in seeds]
    steps = np.array([0, 10, 20])
    arrays = {name: np.array(rows, float) for name, rows in traces.items()}
    return Result({"runs": runs}, steps, steps / 5, arrays, {})


def test_an_outcome_is_what_a_run_had_at_its_end():
    result = made(
        train=[[2, 1, 0.005], [2, 0.6, NAN]],
        test=[[1, 1, 0.3], [1, 0.6, NAN]],
        sensitivity=np.arange(6.0).reshape(2, 3, 1, 1),
    )
    found = rhm.outcome(RandomHierarchy(4, 4, 4), result)
    assert found.errors == pytest.approx([0.3 / 0.75, 0.6 / 0.75])
    assert found.losses.tolist() == [0.005, 0.6]
    assert found.dead.tolist() == [False, True]
    assert found.updates.tolist() == [20, 10]
    assert found.sensitivity[:, :, 0, 0].tolist() == [[0, 3], [2, 4]]


def test_a_run_that_died_is_run_again_at_the_next_rate(monkeypatch):
    asked = []
    losses = {(0.3, 5): 0.1, (0.3, 6): 2, (0.3, 9): 2, (0.1, 6): 0.2, (0.1, 9): 3}

    def learn(problem, model, *, lrs, seeds, n_train):
        asked.append((*lrs, *seeds))
        ends = [losses[lrs[0], seed] for seed in seeds]
        return made(
            seeds,
            train=[[2, 2, end] for end in ends],
            test=[[1, 1, end / 4] for end in ends],
            sensitivity=np.array(ends)[:, None, None, None] * np.ones((1, 3, 1, 1)),
        )

    monkeypatch.setattr(rhm, "learn", learn)
    problem = RandomHierarchy(4, 4, 4)
    found = rhm.retried(problem, MODEL, lrs=[0.3, 0.1], seeds=[5, 6, 9], n_train=8)
    assert asked == [(0.3, 5, 6, 9), (0.1, 6, 9)]
    assert found.losses.tolist() == [0.1, 0.2, 3]
    assert found.errors == pytest.approx(np.array([0.1, 0.2, 3]) / 3)
    assert found.tries.tolist() == [1, 2, 2]
    assert found.dead.tolist() == [False, False, True]
    assert found.sensitivity[1, :, 0, 0].tolist() == [0.1, 0.2, 3]
    alone = rhm.retried(problem, MODEL, lrs=[0.3], seeds=[5, 6], n_train=8)
    assert alone.tries.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("needs", "expected", "columns"),
    [
        (3.0, math.sqrt(8), [1, 2]),  # not at 2, but at 4
        (1.5, math.sqrt(2), [1, 0]),
        (0.5, 1.0, [1, 0]),  # at the first ratio already
        (99.0, math.inf, [1, 2]),
    ],
)
def test_strings_needed_are_looked_for_from_the_middle(
    monkeypatch, needs, expected, columns
):
    """With an error of 1 below what a run needs, and of 0.01 above: in the middle."""
    asked = []

    def retried(problem, model, *, n_train, seeds):
        asked.append(n_train)
        above = n_train < needs * problem.n_star
        errors = np.where(np.full(len(seeds), above), 1.0, 0.01)
        return rhm.Outcome(errors, errors, errors, np.ones(len(seeds), int), None)

    monkeypatch.setattr(rhm, "retried", retried)
    problem = RandomHierarchy(4, 4, 4)
    ratios = [1.0, 2.0, 4.0]
    found = rhm.strings_needed(problem, MODEL, ratios, seeds=[3, 4])
    share = (1 - 0.1) / (1 - 0.01)
    if math.isfinite(expected) and expected > 1:
        low = expected / math.sqrt(2)
        expected = low * 2**share
    assert found == pytest.approx(64 * np.full(2, expected))
    assert asked == [64 * ratios[column] for column in columns]


def test_each_seed_looks_for_its_own_number(monkeypatch):
    needs = {3: 0.5, 4: 3.0}
    asked = []

    def retried(problem, model, *, n_train, seeds):
        asked.append((n_train, *seeds))
        errors = np.array([1.0 * (n_train < 64 * needs[seed]) for seed in seeds])
        return rhm.Outcome(errors, errors, errors, np.ones(len(seeds), int), None)

    monkeypatch.setattr(rhm, "retried", retried)
    problem = RandomHierarchy(4, 4, 4)
    found = rhm.strings_needed(problem, MODEL, [1.0, 2.0, 4.0], seeds=[3, 4])
    assert asked == [(128, 3, 4), (64, 3), (256, 4)]
    assert found[0] == 64
    assert 128 < found[1] < 256


def test_laws_and_how_far_strings_stray_from_them():
    one, other = RandomHierarchy(4, 2, 2, depth=3), RandomHierarchy(4, 4, 3, depth=2)
    laws = rhm.laws(one)
    assert laws["n_c m^L"] == one.n_star == 16
    assert laws["m^L"] == 8
    assert laws["√n_c m^L"] == pytest.approx(8 * math.sqrt(2))
    assert laws["n_c m^(L+1)"] == 32
    assert laws["v n_c m^L"] == 64
    assert [*RIVALS] == [*laws][1:]  # each has its words
    assert laws["√P_max"] == pytest.approx(16)  # 2 · 2^7
    strings = {p: np.array([2.0 * p.n_star, math.inf]) for p in (one, other)}
    found = rhm.spreads(strings)
    assert [*found] == [*laws]
    assert found["n_c m^L"][0] == pytest.approx(1)
    assert found["m^L"][0] == pytest.approx(2)
    assert found["n_c m^(L+1)"][0] == pytest.approx(1.5)
    assert all(np.isnan(values[1]) for values in found.values())


def test_sensitivities_of_several_trainings_in_a_row():
    def ended(start, end):
        tables = np.full((2, 3, 2, 2), float(start))
        tables[1] = end
        return rhm.Outcome(*np.zeros((4, 3)), tables)

    found = rhm.sensitivities([ended(1, 0.5), ended(2, 0.25)])
    assert found.shape == (3, 3, 2, 2)
    assert found[:, 0, 0, 0].tolist() == [1, 0.5, 0.25]
    with pytest.raises(HlnbError, match="learn a Probed grammar"):
        rhm.sensitivities([rhm.Outcome(*np.zeros((4, 3)), None)])


def test_a_learning_curve_is_the_runs_at_each_size():
    settings = {"lrs": [0.01], "seeds": [1, 2], "updates": 6}
    model = rhm.deep(PROBED, width=5)
    curve = rhm.learning_curve(PROBED, model, [30, 60], **settings)
    assert [*curve] == [30, 60]
    alone = rhm.learn(PROBED, model, n_train=60, **settings)
    expected = rhm.outcome(PROBED, alone)
    assert curve[60].errors.tolist() == expected.errors.tolist()
    assert curve[60].sensitivity.tolist() == expected.sensitivity.tolist()


def test_crossings_by_hand():
    x = [1, 2, 4, 8]
    assert rhm.crossing(x, np.array([0.9, 0.3, 0.1, 0.0]), level=0.2) == pytest.approx(
        2 * math.sqrt(2)
    )
    assert rhm.crossing(x, np.array([0.9, 0.1, 0.5, 0.1]), level=0.1) == 8
    assert rhm.crossing(x, np.array([0.1, 0.1, 0.0, 0.1]), level=0.2) == 1
    assert rhm.crossing(x, np.array([0.9, 0.8, 0.1, 0.3]), level=0.2) == math.inf
    rising = -np.array([0.5, 0.5, 1.5, math.inf])
    assert rhm.crossing(x, rising, level=-1) == pytest.approx(2 * math.sqrt(2))
    assert rhm.crossing(x[2:], rising[[0, 3]], level=-1) == 8


def test_label_ratios_grow_like_the_root_of_the_number_of_strings():
    """v = m = n_c = 8: √(P/P*) within 40 % in the median of 9 grammars.

    The log of one ratio has a standard deviation of about 0.15 at P*, its median over
    nine 0.06: 40 % are over five of these.
    """
    problem = RandomHierarchy(8, 8, 8, depth=3)
    ns = [problem.n_star, 16 * problem.n_star]
    found = np.array([rhm.label_ratios(problem, ns, seed=s) for s in range(9)])
    middle = np.median(found, 0)
    assert middle == pytest.approx([1, 4], rel=0.4)


def test_label_ratios_are_of_shares_of_classes_among_strings_with_a_tuple():
    problem = RandomHierarchy(3, 2, 3, depth=2, seed=2)
    strings = problem.distinct(30, generator=stream(2, "correlations"))
    expected = []
    for position in range(2):
        columns = strings.symbols[0][:, 2 * position : 2 * position + 2]
        rates = torch.full((9, 2), math.nan, dtype=torch.float64)
        for code in range(9):
            mine = strings.labels[problem.code(columns) == code]
            if len(mine):
                rates[code] = torch.bincount(mine, minlength=2) / len(mine)
        expected.append(synonym_ratio(rates, problem.parents[0]))
    found = rhm.label_ratios(RandomHierarchy(3, 2, 3), [30], seed=2)
    assert found[0] == pytest.approx(np.median(expected), rel=1e-6)


def test_label_ratios_of_all_strings_are_infinite():
    problem = RandomHierarchy(3, 3, 2, depth=2)
    found = rhm.label_ratios(problem, [problem.n_max], seed=3)
    assert found.tolist() == [math.inf]


def test_an_uncorrelated_grammar_has_no_signal():
    problem = rhm.Uncorrelated(6, 6, 6, depth=2)
    ratios = [rhm.label_ratios(problem, [800], seed=s)[0] for s in range(7)]
    assert np.median(ratios) < 0.5
    plain = RandomHierarchy(6, 6, 6, depth=2)
    assert np.median([rhm.label_ratios(plain, [800], seed=s)[0] for s in range(7)]) > 1


@pytest.mark.parametrize("seed", range(3))
def test_small_grammars_listed(seed):
    found = rhm.list_all(RandomHierarchy(3, 2, 2, depth=2, seed=seed))
    assert found[:3] == (16, 16, 16)
    assert found.per_class.tolist() == [8, 8]
    full = rhm.list_all(RandomHierarchy(3, 3, 3, depth=2, seed=seed))
    assert full[:3] == (81, 81, 81)  # the maximal case: every string


def test_too_many_strings_are_not_listed():
    with pytest.raises(HlnbError, match="1679616 strings are too many to be listed"):
        rhm.list_all(RandomHierarchy(6, 6, 6, depth=3))


def test_exchanges_are_uniform():
    """Chi-square over the rules of the top level; fails 1 time in 10,000 by chance."""
    problem = replace(PROBED, n_probes=3000)
    _, *moved = problem.probes(0)
    counts = torch.bincount(moved[2].choices[2].flatten(), minlength=3)
    assert stats.chisquare(counts).pvalue > 1e-4
