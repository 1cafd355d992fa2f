"""Backward feature correction: the exact toy, its networks, and the measure."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats

from hlnb.data.hierarchy import RandomHierarchy
from hlnb.data.patterns import toy_problem
from hlnb.data.problem import Problem
from hlnb.data.quadratic import SquaredQuadratic
from hlnb.errors import HlnbError
from hlnb.models.layers import Layer
from hlnb.models.networks import deep_cnn, toy_network
from hlnb.results import Result
from hlnb.schedules import Phase, Schedule, greedy, layerwise
from hlnb.seeding import stream
from hlnb.studies.feature_correction import experiment as fc
from hlnb.training.loop import train
from hlnb.training.runs import Run

pytestmark = pytest.mark.usefixtures("one_process")

MIXED = SquaredQuadratic((1.0, -2.0, 3.0), 0.3, d=3)


def gauss(d, nodes=7):
    """Points and weights that integrate polynomials of degree 13 in each coordinate."""
    x, w = np.polynomial.hermite_e.hermegauss(nodes)
    w = w / w.sum()
    points = np.stack([g.ravel() for g in np.meshgrid(*[x] * d)], 1)
    weights = np.prod([g.ravel() for g in np.meshgrid(*[w] * d)], 0)
    return torch.tensor(points), torch.tensor(weights)


def exact_target(problem, x):
    s = (x.square() - 1) @ problem.a
    return s + problem.alpha * s.square()


@pytest.mark.parametrize("alpha", [0.0, 0.1, -0.4])
def test_the_best_quadratic_is_what_the_formula_says(alpha):
    """Projections by Gauss's rule: exact up to rounding."""
    problem = replace(MIXED, alpha=alpha)
    x, weight = gauss(3)
    f = exact_target(problem, x)
    squares = x.square() - 1
    assert torch.allclose(weight @ (squares * f[:, None]) / 2, problem.alone)
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert float(weight @ (x[:, i] * x[:, j] * f)) == pytest.approx(0, abs=1e-12)
    s = squares @ problem.a
    assert float(weight @ s.square()) == pytest.approx(1)


def test_the_angle_vanishes_where_there_is_nothing_to_correct():
    for direction in ((1.0, 1.0, 1.0), (2.0,)):
        assert SquaredQuadratic(direction, 0.4).predicted_cosine == pytest.approx(1)
    assert replace(MIXED, alpha=0.0).predicted_cosine == pytest.approx(1)
    small, large = (replace(MIXED, alpha=a).predicted_cosine for a in (0.1, 0.4))
    assert 0 < large < small < 1
    a, b = MIXED.a, MIXED.a + 4 * 0.3 * MIXED.a**2
    assert MIXED.predicted_cosine == pytest.approx(float(a @ b / a.norm() / b.norm()))


def test_samples_follow_the_target():
    problem = SquaredQuadratic((1.0, 2.0), 0.2, d=4)
    x, y, _ = problem.sample(50, generator=stream(0, "test"))
    assert torch.allclose(y, exact_target(problem, x.double()).float(), atol=1e-5)
    assert x.shape == (50, 4)
    assert problem.a[2:].eq(0).all()
    split = problem.split(3, n_train=20)
    assert not split["train"].x.equal(split["test"].x[:20])
    assert split["train"].x.equal(problem.split(3, n_train=20)["train"].x)
    assert isinstance(problem, Problem)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"direction": (0.0, 0.0)}, "has to name a coefficient that is not 0"),
        ({"direction": (1.0,) * 5}, "no more than d = 3"),
        ({"n_test": 0}, "n_test = 0: take a whole number"),
    ],
)
def test_absurd_targets_are_refused(change, message):
    with pytest.raises(HlnbError, match=message):
        replace(MIXED, **change)


def test_the_network_can_be_exact():
    model = fc.square_network(3)
    assert all(isinstance(layer, Layer) for layer in model.layers)
    x = torch.randn(40, 3, generator=stream(0, "x"), dtype=torch.float64)
    params = {
        "form.weight": torch.diag(MIXED.a),
        "square.weight": torch.tensor([MIXED.alpha], dtype=torch.float64),
        "square.bias": torch.zeros(1, dtype=torch.float64),
    }
    out = model.apply(params, x)[:, 0]
    assert torch.allclose(out, exact_target(MIXED, x))
    params["square.bias"] += 2
    assert torch.allclose(model.apply(params, x)[:, 0], out + 2)
    m = torch.arange(9.0).view(3, 3).double()
    form = model.apply(params | {"form.weight": m}, x, stop=1)[:, 0]
    assert torch.allclose(form, torch.einsum("ni,ij,nj->n", x, m, x) - m.trace())
    start = model.init(stream(0, "init"))
    assert start["form.weight"].equal(start["form.weight"].mT)
    assert start["square.weight"] == start["square.bias"] == 0


def test_form_quality_is_a_cosine():
    quality = fc.form_quality(MIXED)
    assert quality({"form.weight": 3 * torch.diag(MIXED.a)}, 0) == pytest.approx(1)
    bent = {"form.weight": torch.diag(MIXED.alone)}
    assert quality(bent, 0) == pytest.approx(MIXED.predicted_cosine)
    off = torch.tensor([[0.0, 1, 0], [1, 0, 0], [0, 0, 0]])
    assert quality({"form.weight": off}, 0) == 0


def test_training_alone_bends_the_form_and_training_of_both_mends_it():
    """α = 0.4: the cosine is .905 alone; 20,000 inputs err by .01 at most (tried)."""
    problem = SquaredQuadratic((1.0, -2.0, 3.0), 0.4, d=4)
    results = fc.exact(problem, seeds=[20], n_train=20_000)
    found = fc.qualities(
        results,
        fc.square_network(4),
        epochs=fc.TOY_EPOCHS,
        quality=fc.form_quality(problem),
    )
    for state in ("layer-wise", "first layer longer"):
        assert found[state] == pytest.approx(problem.predicted_cosine, abs=0.02)
    assert found["corrected"] > 0.999
    assert results[0].of("b")[0, -1, 0] == pytest.approx(0.4, abs=0.02)
    shorter = fc.exact(problem, seeds=[20], n_train=2000, reference=False)
    assert len(shorter) == 2
    known = fc.qualities(
        shorter,
        fc.square_network(4),
        epochs=fc.TOY_EPOCHS,
        quality=fc.form_quality(problem),
    )
    assert list(known) == list(fc.STATES[:-1])


def test_a_plan_shares_its_first_phase_and_compares_equal_epochs():
    model = toy_network(d=20, n_classes=2, T=4, channels=2, hidden=3)
    strict = fc.plan(model, layerwise(model, epochs=2), epochs=5)
    assert [p.learns for p in strict.corrected.phases] == [
        ("conv",),
        ("hidden",),
        ("readout",),
        model.names,
    ]
    assert [p.epochs for p in strict.corrected.phases] == [2, 2, 2, 5]
    assert [p.learns for p in strict.control.phases] == [("conv",), ("conv",)]
    assert strict.control.epochs == 2 + 5
    assert set(strict.control.frozen) == {"hidden", "readout"}
    assert strict.together.epochs == strict.corrected.epochs
    heads = fc.plan(model, greedy(model, epochs=2), epochs=5, lr=0.5)
    assert [p.exit for p in heads.control.phases] == ["conv", "conv"]
    assert set(heads.control.frozen) == {"hidden", "readout"}
    assert heads.corrected.phases[-1].lr == 0.5
    assert heads.control.phases[-1].lr is None
    for plan in (strict, heads):
        for schedule in plan:
            schedule.check(model)
    late = Schedule("late", (Phase(1, ("hidden", "readout")), Phase(1, ("conv",))))
    with pytest.raises(HlnbError, match="needs it to learn first: put it into phase 1"):
        fc.plan(model, late, epochs=1)


def test_states_are_the_ends_of_their_schedules():
    """Before, after and control, each equal to a training of its own in float64."""
    problem = toy_problem(1, d=20, T=4)
    model = toy_network(d=20, n_classes=2, T=4, channels=2, hidden=3)
    strict = layerwise(model, epochs=1)
    names = fc.first_weights(model)
    assert list(names) == ["conv.weight", "conv.bias"]
    common = {"measures": names, "n_train": 32, "dtype": torch.float64}

    def weights(schedule, record=-1):
        trace = train(problem, model, schedule, Run(5, 0.3), every=10**6, **common)
        return trace.values["conv.weight"][record]

    plan = fc.plan(model, strict, epochs=2)
    results = [
        Result(
            {"runs": [{"seed": 5, "lr": 0.3}]},
            trace.steps,
            trace.epochs,
            {name: value[None] for name, value in trace.values.items()},
            {},
        )
        for trace in (
            train(problem, model, s, Run(5, 0.3), every=10**6, **common) for s in plan
        )
    ]
    seen = []

    def quality(params, seed):
        assert seed == 5
        assert set(params) == set(names)
        seen.append(params["conv.weight"].numpy())
        return float(len(seen))

    found = fc.qualities(results, model, epochs=2, quality=quality)
    assert list(found) == list(fc.STATES)
    assert [v.tolist() for v in found.values()] == [[1], [2], [3], [4], [5]]
    expected = [
        weights(strict, 0),
        weights(strict),
        weights(plan.control),
        weights(plan.corrected),
        weights(plan.together),
    ]
    for ours, theirs in zip(seen, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert not np.array_equal(seen[1], seen[2])


def test_a_correction_is_a_difference_of_changes():
    states = {
        "layer-wise": np.array([0.5, 0.6]),
        "corrected": np.array([0.9, 0.7]),
        "first layer longer": np.array([0.6, 0.8]),
    }
    found = fc.correction(states)
    np.testing.assert_allclose(found.change, [0.4, 0.1])
    np.testing.assert_allclose(found.control, [0.1, 0.2])
    np.testing.assert_allclose(found.beyond, [0.3, -0.1])


def test_tuples_are_placed_by_the_others_of_their_feature():
    parents = torch.tensor([0, 0, 0, 1, 1, 1, -1])
    line = torch.tensor([0.0, 1, 2, 10, 11, 2.5, 0])[:, None]
    # the last of feature 1 is nearer to 0's mean; the one without parent is left out
    assert fc.placed(line, parents) == pytest.approx(5 / 6)
    # left out of its own mean, 0 is 5 away from it, and 5 too: the others are nearer
    pairs = torch.tensor([0.0, 5, 1.9, 2.1])[:, None]
    assert fc.placed(pairs, torch.tensor([0, 0, 1, 1])) == pytest.approx(0.5)
    with pytest.raises(HlnbError, match="take n_synonyms ≥ 2"):
        fc.placed(line, torch.arange(7))


def test_features_at_random_are_placed_by_chance():
    """Binomial test at a false-alarm rate of 1 in 1,000 (ties of draws aside)."""
    right = sum(
        round(8 * 6 * fc.placed(torch.randn(48, 200, generator=stream(s, "f")), owners))
        for s in range(20)
        for owners in [torch.arange(48) % 8]
    )
    assert stats.binomtest(right, 20 * 48, 1 / 8).pvalue > 1e-3


def test_a_level_that_knows_features_places_all_tuples():
    problem = RandomHierarchy(4, 4, 4, seed=9)
    model = deep_cnn(vocab_size=4, n_classes=4, tuple_size=2, depth=2, width=8)
    quality = fc.synonym_quality(problem, model)
    untrained = {"level1.weight": model.init(stream(0, "init"))["level1.weight"]}
    assert 0 <= quality(untrained, 1) < 1
    mine = problem.with_seed(1)
    x = mine.one_hot(mine.rules[0].flatten(0, 1)).flatten(1)  # (16 tuples, 8)
    # a linear map cannot know features; a fit of their indicator comes nearest
    target = torch.eye(4).repeat_interleave(4, 0)
    fit = torch.linalg.lstsq(x, target, driver="gelsd").solution  # (8, 4)
    good = {"level1.weight": torch.cat([fit.mT, -fit.mT])}
    assert quality(good, 1) > quality(untrained, 1)


def test_probe_quality_reads_the_first_layer_alone():
    problem = toy_problem(1, d=30, T=4)
    model = toy_network(d=30, n_classes=2, T=4, channels=4, hidden=3)
    params = model.init(stream(0, "init"))
    first = {name: params[name] for name in fc.first_weights(model)}
    quality = fc.probe_quality(problem, model, n_train=200)
    assert quality(first, 0) > 0.9
    dead = {name: 0 * value for name, value in first.items()}
    assert quality(dead, 0) < 0.7


def test_angles_are_in_degrees():
    assert fc.angle(np.array([1, 0.5, 0, -1.0000001])) == pytest.approx(
        [0, 60, 90, 180]
    )
