"""Hierarchies with a dial: what it turns, what it leaves, and how predictions score."""

import math

import numpy as np
import pytest
import torch

from hlnb.data.hierarchy import RandomHierarchy
from hlnb.errors import HlnbError
from hlnb.seeding import stream
from hlnb.studies.shallow_to_deep import conditions
from hlnb.studies.shallow_to_deep.conditions import tuple_parts
from hlnb.studies.shallow_to_deep.dials import (
    DIALS,
    Dialed,
    auc,
    calibrated,
    dialed,
    distance,
    half_closed,
    joined,
    log_errors,
    needs,
    outcome,
    scaled,
    score,
    together,
)

pytestmark = pytest.mark.usefixtures("one_process")


def classes(problem):
    """The table of classes over pairs of the features below them."""
    return problem.parents[-1].view(problem.vocab_size, -1)


@pytest.mark.parametrize("dial", DIALS)
@pytest.mark.parametrize("amount", [0.0, 0.4, 1.0])
def test_a_dial_leaves_a_grammar_in_which_each_string_has_one_class(dial, amount):
    problem = Dialed(4, 4, 4, depth=2, seed=3, dial=dial, amount=amount)
    every = problem.numbered(torch.arange(problem.n_max))
    assert len(every.symbols[0].unique(dim=0)) == 256
    assert problem.parse(every.symbols[0])[-1][:, 0].equal(every.labels)
    assert classes(problem).flatten().bincount().tolist() == [4] * 4
    below = RandomHierarchy(4, 4, 4, depth=2, seed=3).rules[0]
    assert problem.rules[0].equal(below)


@pytest.mark.parametrize("dial", DIALS)
def test_at_0_a_dial_leaves_the_grammar_as_drawn(dial):
    drawn = RandomHierarchy(5, 5, 5, seed=2)
    problem = Dialed(5, 5, 5, dial=dial).with_seed(2)
    for mine, theirs in zip(problem.rules, drawn.rules, strict=True):
        assert mine.equal(theirs)
    assert problem.derivations(2, n_train=50)["train"].labels.equal(
        drawn.derivations(2, n_train=50)["train"].labels
    )


def test_in_a_latin_square_each_line_has_each_class_once():
    table = classes(dialed("5-2", "Latin square", 1).with_seed(1))
    for lines in (table, table.mT):
        assert (lines.sort(1).values == torch.arange(5)).all()
    half = classes(dialed("5-2", "Latin square", 0.5).with_seed(1))
    same = (half == table).double().mean()
    assert same < 1
    assert not (half.sort(1).values == torch.arange(5)).all()


def test_two_features_come_as_near_as_asked():
    for seed in range(3):
        before = distance(classes(dialed("6-2").with_seed(seed)))
        for amount in (0.5, 1.0):
            table = classes(dialed("6-2", "alike", amount).with_seed(seed))
            assert distance(table) <= (1 - amount) * before
    apart = torch.tensor([[0, 0], [1, 1]])
    assert distance(apart) == 8
    assert distance(torch.tensor([[0, 1], [1, 0]])) == 0


def test_clues_are_in_training_labels_alone():
    problem = dialed("6-2", "clue", 0.6).with_seed(4)
    drawn = RandomHierarchy(6, 6, 6, seed=4)
    mine, theirs = (p.derivations(4, n_train=600) for p in (problem, drawn))
    assert mine["test"].labels.equal(theirs["test"].labels)
    assert mine["train"].symbols[0].equal(theirs["train"].symbols[0])
    told, true = mine["train"].labels, theirs["train"].labels
    share = float((told != true).double().mean())
    assert abs(share - 0.6 * 5 / 6) < 4 * math.sqrt(0.25 / 600)
    codes = problem.code(mine["train"].symbols[0].view(600, 2, 2))
    clues = problem.clues[torch.arange(2), codes]
    assert (clues == told[:, None]).any(1)[told != true].all()


def test_conditions_see_the_clues():
    clear, clued = (dialed("4-2", "clue", amount) for amount in (0, 0.8))
    assert conditions.numbers(clear, n_train=100, seed=3, n=4000).cleanness > 0.9
    assert conditions.numbers(clued, n_train=100, seed=3, n=4000).cleanness < 0.5
    found = tuple_parts(clued.with_seed(3), 50, generator=stream(0, "s"))
    true = tuple_parts(clear.with_seed(3), 50, generator=stream(0, "s"))
    assert found.at.equal(true.at)
    assert not found.y.equal(true.y)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"dial": "volume"}, "There is no dial 'volume': take one of Latin square"),
        ({"amount": 1.5}, "amount"),
        ({"n_synonyms": 2}, "A dial needs pairs, two levels, and v = m = n_c"),
        ({"depth": 1}, "A dial needs pairs, two levels"),
        ({"n_synonyms": 9}, "need more than the"),
    ],
)
def test_what_no_dial_can_turn_is_refused(changed, said):
    sizes = {"vocab_size": 3, "n_classes": 3, "n_synonyms": 3, "depth": 2}
    with pytest.raises(HlnbError, match=said):
        Dialed(**sizes | changed)


def test_a_dial_is_part_of_the_description():
    about = dialed("4-2", "clue", 0.3).describe()
    assert (about["dial"], about["amount"]) == ("clue", 0.3)
    assert "seed" not in about


def test_conditions_ask_for_strings_at_the_worst_level():
    deep = dialed("4-3")
    asked = needs(deep, seed=1, n=4000)
    seen = [
        conditions.numbers(deep, n_train=1, seed=1, n=4000, level=level)
        for level in (1, 2)
    ]
    assert asked["signal"] == pytest.approx(max(1 / s.signal for s in seen))
    assert asked["all"] == max(asked[k] for k in ("signal", "separation", "cleanness"))
    none = needs(dialed("4-2", "Latin square", 1), seed=1, n=4000)
    assert none["all"] == none["cleanness"] == math.inf
    unclean = needs(dialed("4-2", "clue", 0.8), seed=3, n=4000)
    assert unclean["all"] == unclean["cleanness"] == math.inf
    assert unclean["signal"] < math.inf


def test_an_outcome_has_what_was_predicted_and_found():
    easy = outcome(dialed("4-2"), [0.5, 1, 3], seed=1, n=2000)
    assert easy["top"] == 3
    assert easy["one"] == 1
    assert easy["all"] >= easy["signal"] > 0
    never = outcome(dialed("4-2", "Latin square", 1), [1, 3], seed=1, n=2000)
    assert never["found"] == never["all"] == math.inf
    both = together([easy, never])
    assert both["found"].tolist() == [easy["found"], math.inf]
    assert joined([both, both])["top"].tolist() == [3] * 4
    predicted, found, top = scaled([both], "one", 0.5)
    assert predicted.tolist() == [0.5, 0.5]
    assert found.tolist() == both["found"].tolist()
    assert top.tolist() == [3, 3]


def test_training_sets_that_leave_nothing_to_test_are_refused():
    with pytest.raises(HlnbError, match="No training set leaves strings for tests"):
        outcome(dialed("4-2"), [3.5], seed=1)


def test_errors_in_doublings_end_at_the_top():
    predicted, found = np.array([1, 8, math.inf, 2]), np.array([4, 2, math.inf, 9])
    top = np.array([8, 4, 4, 4.0])
    assert log_errors(predicted, found, top).tolist() == [2, 1, 0, 1]


def test_a_factor_is_the_median_of_what_is_known():
    found = np.array([2, 9, math.inf, 4])
    assert calibrated(np.array([1, 3, 1, math.inf]), found) == 2.5
    with pytest.raises(HlnbError, match="No run has both numbers"):
        calibrated(np.array([math.inf]), np.array([1.0]))


def test_areas_are_shares_of_pairs():
    learned = np.array([True, False, True, False])
    assert auc(np.array([3, 1, 4, 2]), learned) == 1
    assert auc(np.array([1, 3, 2, 4]), learned) == 0
    assert auc(np.ones(4), learned) == 0.5
    assert auc(np.array([3, 2, 1, 2]), learned) == 0.5
    assert math.isnan(auc(np.ones(2), np.array([True, True])))
    assert score([3, 1, 9], [True, False, None]) == 1
    assert score([1, math.inf, 9], [True, False, None]) == 0


def test_half_of_a_gap_is_closed_or_there_is_none():
    scrambled, greedy = np.array([1, 1, 0.3, 1]), np.array([0.5, 0.6, 0, 0])
    found = half_closed(scrambled, greedy, np.array([0, 0, 0.25, 0.8]), least=0.1)
    assert found == [True, False, None, True]
