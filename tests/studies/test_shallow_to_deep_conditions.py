"""The three conditions: held to exact values, to loops, and to what chance does."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from hlnb.data.altered import Coin
from hlnb.data.boolean import staircase
from hlnb.data.hierarchy import RandomHierarchy
from hlnb.data.patterns import toy_problem
from hlnb.errors import HlnbError
from hlnb.models.networks import residual_network
from hlnb.seeding import stream
from hlnb.studies.shallow_to_deep.conditions import (
    CONDITIONS,
    THRESHOLDS,
    Case,
    Numbers,
    Parts,
    cases,
    conditions,
    happened,
    in_two,
    left_over,
    numbers,
    toy_case,
    tuple_parts,
)

SMALL = RandomHierarchy(4, 4, 4, depth=2, seed=3)


pytestmark = pytest.mark.usefixtures("one_process")


def look(found, *, n_train=1000, seed=0):
    return conditions(found, n_train=n_train, generator=stream(seed, "look"))


def test_tuples_as_parts():
    tuples = tuple_parts(SMALL, 50, generator=stream(0, "s"))
    strings = SMALL.derive(50, generator=stream(0, "s"))
    assert SMALL.parents[0][tuples.at].equal(strings.symbols[1])
    assert tuples.contexts.tolist() == [0, 1]
    with pytest.raises(HlnbError, match="Level 2 has no level above"):
        tuple_parts(SMALL, 5, generator=stream(0, "s"), level=2)


def exact(problem):
    """Strength of a hierarchy from all of its strings, by loops."""
    every = problem.numbered(torch.arange(problem.n_max))
    codes = problem.code(every.symbols[0].view(problem.n_max, -1, 2))
    y = F.one_hot(every.labels, problem.n_classes).double()
    total = 0.0
    for place in range(codes.shape[1]):
        for code in codes[:, place].unique():
            here = codes[:, place] == code
            rate = y[here].mean(0) - y.mean(0)
            total += float(here.double().mean() * rate.square().sum())
    return total / (1 - 1 / problem.n_classes)


def test_strength_is_unbiased_and_the_signal_of_a_hierarchy_clean():
    true = exact(SMALL)
    found = [
        look(tuple_parts(SMALL, 400, generator=stream(seed, "s")), seed=seed)
        for seed in range(40)
    ]
    strengths = np.array([f.strength for f in found])
    error = strengths.std(ddof=1) / math.sqrt(len(strengths))
    assert abs(strengths.mean() - true) < 4 * error  # 1 in 10,000 by chance
    assert error < 0.1 * true
    many = look(tuple_parts(SMALL, 20_000, generator=stream(0, "many")))
    assert many.cleanness > 0.98
    assert many.strength == pytest.approx(true, rel=0.06)


def test_signal_over_noise_grows_with_the_training_set_alone():
    found = tuple_parts(SMALL, 2000, generator=stream(0, "s"))
    few, more = look(found, n_train=64), look(found, n_train=256)
    assert more.signal == pytest.approx(4 * few.signal)
    assert more.separation == pytest.approx(4 * few.separation)
    assert more.cleanness == few.cleanness
    # 16 tuples at 2 places: noise adds 32 / n_train
    assert few.signal == pytest.approx(few.strength * 64 / 32)


def test_shuffled_labels_have_no_strength():
    found = tuple_parts(SMALL, 2000, generator=stream(0, "s"))
    strengths, above = [], 0
    for seed in range(60):
        order = torch.randperm(2000, generator=stream(seed, "shuffle"))
        seen = look(replace(found, y=found.y[order]), seed=seed)
        strengths.append(seen.strength)
        above += seen.strength > seen.chance
        assert seen.cleanness == 0 or seen.strength > seen.chance
    error = np.std(strengths, ddof=1) / math.sqrt(60)
    assert abs(np.mean(strengths)) < 4 * error
    assert above <= 16  # one of 11 is the largest: expected 5.5 of 60


def test_noise_is_taken_off_the_gap_of_roles():
    """Fair coins: the squared gap less its noise is below 0 in 68 % of draws."""
    none = 0
    for seed in range(80):
        generator = stream(seed, "coins")
        at = torch.randint(2, (300, 1), generator=generator)
        y = torch.randint(2, (300,), generator=generator)
        found = Parts(at, y, torch.arange(2), torch.zeros(1, dtype=torch.int64))
        none += look(found, seed=seed).separation == 0
    assert 38 <= none <= 70  # 54.6 expected, standard deviation 4.2


def test_a_part_that_occurs_twice_in_an_input_counts_twice():
    at = torch.tensor([[0, 0], [0, 1], [1, -1], [-1, -1]]).repeat(50, 1)
    y = torch.tensor([1.0, 0.0, 0.0, 0.0]).repeat(50)
    found = Parts(at, y, torch.arange(2), torch.zeros(2, dtype=torch.int64))
    seen = look(found)
    mean = 0.25
    role = [2 / 3 - mean, 0 - mean]  # twice in the first, once in the second
    between = 0.75 * role[0] ** 2 + 0.5 * role[1] ** 2
    cells = [(0.5, 0.5 - mean), (0.25, -mean), (0.25, 1 - mean), (0.25, -mean)]
    strength = sum(w * m**2 for w, m in cells)
    assert seen.strength == pytest.approx(strength / 0.1875, rel=0.02)
    assert seen.cleanness == pytest.approx(between / strength, rel=0.04)


def test_what_cannot_be_estimated_is_refused():
    found = tuple_parts(SMALL, 20, generator=stream(0, "s"))
    with pytest.raises(HlnbError, match="All labels are equal"):
        look(replace(found, y=torch.zeros(20)))
    with pytest.raises(HlnbError, match="n_train ≥ 1"):
        look(found, n_train=0)


def test_the_lowest_condition_in_units_of_its_threshold():
    assert set(THRESHOLDS) == set(CONDITIONS)
    seen = Numbers(0.1, 0.0, signal=3.0, cleanness=0.7, separation=8.0)
    assert seen.lowest == pytest.approx(1.4)
    assert seen.weakest == "cleanness"
    assert seen._replace(signal=0.2).lowest == 0.2
    assert seen._replace(separation=0.1).weakest == "separation"


def test_cases_hold_their_problems():
    found = cases(d=60)
    assert len(found) == 10
    for name, case in found.items():
        assert case.guessing > 0.4, name
        assert case.epochs >= len(case.model.names)
        assert case.model.heads
    assert found["toy problem 3"].guessing == 0.75
    assert found["parity of 3"].guessing == 1
    assert found["hierarchy, L = 2"].n_train == 2048
    assert found["toy problem 1"].scaled(0.5).epochs == 30
    assert found["toy problem 1"].scaled(0).epochs == 3


def test_a_case_is_trained_and_its_error_counted_in_units_of_guessing():
    case = toy_case(1, d=30, T=6, epochs=9)
    result = happened(case, "simultaneous", seeds=[0, 1])
    assert result.of("first").shape == (2, 2, 20, 1, 6)
    left = left_over(case, result)
    assert left.shape == (2,)
    assert (left < 1).all()
    frozen = happened(case, "first layer untrained", seeds=[0])
    assert (frozen.of("first")[0, 0] == frozen.of("first")[0, -1]).all()


def test_diverged_runs_count_as_twice_guessing():
    target = staircase(8, 3, n_test=50)
    model = residual_network(d=8, depth=4, width=5)
    case = Case(target, model, 1e9, 40, 20, 4)
    left = left_over(case, happened(case, "greedy", seeds=[0]))
    assert left.tolist() == [2.0]
    assert case.guessing == 3


def test_labels_by_coin_have_nothing_to_do_with_inputs():
    problem = toy_problem(4, d=40, T=8)
    real, coin = (p.split(3, n_train=2000) for p in (problem, Coin(problem)))
    assert coin["test"].y.equal(real["test"].y)
    assert coin["train"].x.equal(real["train"].x)
    agree = float((coin["train"].y == real["train"].y).double().mean())
    assert abs(agree - 0.5) < 4 * math.sqrt(0.25 / 2000)  # 1 in 16,000 by chance
    assert Coin(problem).with_seed(5).problem.seed == 5
    drawn = Coin(problem).sample(50, generator=stream(0, "x"))
    assert drawn.x.equal(problem.sample(50, generator=stream(0, "x")).x)
    assert Coin(problem).describe()["inputs"] == problem.describe()


@pytest.mark.parametrize("name", ["toy problem 1", "hierarchy, L = 3", "parity of 3"])
def test_greedy_training_in_two_is_greedy_training(name):
    case = replace(cases(d=50, width=8)[name], n_train=40, epochs=5)
    whole = happened(case, "greedy", seeds=[0])
    parts = in_two(case, seeds=[0])
    assert whole.of("first")[0, -1].tolist() == parts.of("first")[0, -1].tolist()
    assert whole.of("error")[0, -1] == parts.of("error")[0, -1]
    other = in_two(case, seeds=[0], scramble=True)
    assert other.of("first")[0, -1].tolist() != parts.of("first")[0, -1].tolist()


def test_a_first_layer_by_coin_is_kept_and_a_scrambled_one_moved_as_far():
    case = toy_case(1, d=30, T=6, epochs=30)
    kept, moved = (
        in_two(case, seeds=[0], coin=True, scramble=s).of("first")[0]
        for s in (False, True)
    )
    assert (kept[0] == kept[-1]).all()
    assert (moved[0] == moved[-1]).all()
    real = in_two(case, seeds=[0]).of("first")[0]
    assert (real[-1] != kept[-1]).any()
    begin = case.model.init(stream(0, "init"))["conv.weight"].numpy()
    far, as_far = (
        np.linalg.norm((w[-1] - begin).reshape(20, -1), axis=1) for w in (kept, moved)
    )
    assert as_far == pytest.approx(far, rel=1e-3, abs=1e-6)
    assert far.mean() > 1e-3
    cosine = ((kept[-1] - begin) * (moved[-1] - begin)).sum((1, 2))
    cosine = cosine[far > 0] / far[far > 0] ** 2
    assert abs(cosine.mean()) < 4 / math.sqrt(len(cosine) * 6)


def test_numbers_are_those_of_a_level_of_the_grammar_of_a_seed():
    deep = RandomHierarchy(3, 3, 3, depth=3)
    for level in (1, 2):
        seen = numbers(deep, n_train=7, seed=4, n=300, level=level)
        generator = stream(4, f"inputs for the conditions of level {level}")
        found = tuple_parts(deep.with_seed(4), 300, generator=generator, level=level)
        assert seen == conditions(found, n_train=7, generator=generator)
    assert numbers(deep, n_train=7, seed=4, n=300) != seen
