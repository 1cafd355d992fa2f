"""A tower of squares, what its first layers learn alone, and how deep they move."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from hlnb.data.patterns import toy_problem
from hlnb.data.problem import Problem
from hlnb.data.quadratic import SquaredQuadratic
from hlnb.errors import HlnbError
from hlnb.models.networks import toy_network
from hlnb.results import Result
from hlnb.schedules import Phase, greedy
from hlnb.seeding import stream
from hlnb.studies.feature_correction import experiment as fc
from hlnb.studies.feature_correction import tower as towers
from hlnb.training.loop import train
from hlnb.training.runs import Run

pytestmark = pytest.mark.usefixtures("one_process")

THREE = towers.Tower((1.0, -2.0), (0.06, 0.04), d=3)


def alone(problem):
    """What layer 1 alone learns, from the moments of s, derived by hand."""
    a = problem.bottom.a.numpy()
    alpha, beta = problem.strengths
    square, cube = a**2, a**3
    third = 30 * cube + 3 * a * (1 - 2 * square)
    fourth = 272 * a**4 + 24 * square * (1 - 2 * square)
    fourth += 32 * a * (cube.sum() - cube)
    fit = a + 4 * (alpha + beta) * square + 2 * alpha * beta * third
    return fit + alpha**2 * beta * fourth


def test_a_tower_squares_what_is_below():
    x, y, _ = THREE.sample(50, generator=stream(0, "test"))
    s = (x.double().square() - 1) @ THREE.bottom.a
    v = s + 0.06 * s.square()
    assert torch.allclose(y.double(), v + 0.04 * v.square(), atol=1e-4)
    two = replace(THREE, strengths=(0.2,))
    known = SquaredQuadratic((1.0, -2.0), 0.2, d=3)
    for ours, theirs in zip(
        two.sample(5, generator=stream(1, "test"))[:2],
        known.sample(5, generator=stream(1, "test"))[:2],
        strict=True,
    ):
        assert ours.equal(theirs)
    split = THREE.split(3, n_train=20)
    assert len(split["train"].x) == 20
    assert split["train"].x.equal(THREE.split(3, n_train=20)["train"].x)
    assert not split["train"].x.equal(split["test"].x[:20])
    assert isinstance(THREE, Problem)
    assert THREE.describe()["strengths"] == (0.06, 0.04)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"strengths": ()}, "give it a strength at least"),
        ({"strengths": (0.1, float("nan"))}, "strengths"),
        ({"direction": (1.0,) * 4}, "no more than d = 3"),
    ],
)
def test_towers_that_cannot_be_are_refused(change, message):
    with pytest.raises(HlnbError, match=message):
        replace(THREE, **change)


def test_its_network_can_be_exact():
    model = towers.tower_network(THREE)
    assert model.names == ("form", "square2", "square3")
    params = model.init(stream(0, "init"))
    params |= {"form.weight": torch.diag(THREE.bottom.a).float()}
    params |= {"square2.weight": torch.tensor([0.06])}
    params |= {"square3.weight": torch.tensor([0.04])}
    x, y, _ = THREE.sample(50, generator=stream(0, "test"))
    assert torch.allclose(model.apply(params, x)[:, 0], y, atol=1e-4)


def test_the_best_fit_of_layer_1_is_the_one_derived_by_hand():
    truth = THREE.bottom.a.numpy()
    by_hand = towers.learned(np.diag(alone(THREE)), np.nan, truth=truth).angle
    assert towers.best(THREE, layers=1).angle == pytest.approx(by_hand, abs=1e-5)
    two = replace(THREE, strengths=(0.2,))
    known = SquaredQuadratic((1.0, -2.0), 0.2, d=3).predicted_cosine
    assert towers.best(two, layers=1).angle == pytest.approx(
        float(fc.angle(np.array([known]))[0]), abs=1e-5
    )


def test_each_layer_more_mends_and_all_are_exact():
    one, two, three = (towers.best(THREE, layers=k) for k in (1, 2, 3))
    assert one.angle > two.angle > 0.1
    assert three.angle == pytest.approx(0, abs=1e-4)
    assert np.isnan(one.strength)
    assert two.strength > 0.07 > three.strength
    assert three.strength == pytest.approx(0.06, abs=1e-4)
    with pytest.raises(HlnbError, match="The tower has 3 levels only"):
        towers.best(THREE, layers=4)


def test_the_error_of_layer_1_falls_with_the_first_power_and_the_second():
    strengths = [0.003, 0.006]
    found = towers.best_angles((1.0, -2.0), strengths, levels=3)
    assert list(found) == [1, 2]
    assert towers.slopes(found[1], strengths) == pytest.approx([1], abs=0.05)
    assert towers.slopes(found[2], strengths) == pytest.approx([2], abs=0.05)


def test_a_gap_lets_three_layers_take_over_what_four_levels_make():
    """Below (3 − √5)/2 the term of second order goes: hundreds of times less."""
    near, far = (
        towers.best_angles((1.0, -2.0), [0.01], levels=4, ratio=r)[3][0]
        for r in (0.5, 0.25)
    )
    assert near > 20 * far


def test_what_is_learned_does_not_depend_on_scale():
    truth = np.array([3.0, 4.0])
    right = towers.learned(np.diag(truth), 0.2, truth=truth)
    assert right == pytest.approx((0, 0.2), abs=1e-9)
    assert towers.learned(2 * np.diag(truth), 0.1, truth=truth) == pytest.approx(
        (0, 0.2), abs=1e-9
    )
    off = np.array([[0.0, 1], [1, 0]])
    assert towers.learned(off, 0, truth=truth).angle == pytest.approx(90)
    assert towers.learned(-np.diag(truth), 0, truth=truth).angle == pytest.approx(180)


def test_runs_end_near_the_best_fit():
    """Layer 1 of three, 5,000 inputs: 2 degrees are ample (tried)."""
    problem = replace(THREE, strengths=(0.05, 0.05), n_test=2)
    result = towers.climb(problem, layers=1, seeds=[20], n_train=5000)
    (found,) = towers.reached(result, problem)
    assert found.angle == pytest.approx(towers.best(problem, layers=1).angle, abs=2)
    assert found.strength == 0  # frozen


def test_first_layers_are_those_before_and_after_all_learn():
    model = toy_network(d=20, n_classes=2, T=4, channels=2, hidden=3)
    weights = np.arange(2.0 * 4 * 8).reshape(2, 4, 2, 1, 4)  # runs, records, filters
    result = Result(
        {"runs": [{"seed": 0, "lr": 0.1}, {"seed": 1, "lr": 0.1}]},
        np.array([0, 10, 20, 40]),
        np.array([0.0, 1, 2, 4]),
        {"conv.weight": weights},
        {},
    )
    found = fc.first_layers(result, model, epochs=2)
    assert found.before.tolist() == weights[:, 2, :, 0].tolist()
    assert found.after.tolist() == weights[:, 3, :, 0].tolist()
    same = fc.FirstLayers(found.before, -2 * found.before)
    np.testing.assert_allclose(same.cosines, -1)


def test_the_reach_of_a_correction_is_trained_layer_by_layer():
    """Each from the same network: equal to one training with one phase more."""
    problem = toy_problem(1, d=20, T=4)
    model = toy_network(d=20, n_classes=2, T=4, channels=2, hidden=3)
    begun = greedy(model, epochs=1)
    found = fc.reach(problem, model, begun, Run(5, 0.3), epochs=2, n_train=32)
    assert found.error.shape == (4,)
    assert (found.moved[0] == 0).all()
    assert [(row > 0).tolist() for row in found.moved[1:]] == [
        [False, False, True],
        [False, True, True],
        [True, True, True],
    ]
    whole = replace(begun, phases=(*begun.phases, Phase(2, model.names[-2:])))
    measures = {"w": fc.Weights("hidden"), "error": fc.Error("test")}
    trace = train(
        problem, model, whole, Run(5, 0.3), measures=measures, n_train=32, every=10**6
    )
    assert trace.values["error"][-1] == found.error[2]
    before, after = trace.values["w"][-2:]
    assert found.moved[2][1] == pytest.approx(
        np.linalg.norm(after - before) / np.linalg.norm(before), rel=1e-5
    )
