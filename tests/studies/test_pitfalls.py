"""Pitfalls: networks written down, AUCs, ensembles, what is removed from inputs."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from hlnb.data.problem import Batch, Problem
from hlnb.data.slabs import Slabs, piece_width
from hlnb.errors import HlnbError
from hlnb.metrics.measures import Error, Measure, all_weights
from hlnb.models.networks import mlp
from hlnb.schedules import simultaneous
from hlnb.studies.pitfalls import experiment as pit
from hlnb.training.executors import processes
from hlnb.training.loop import train
from hlnb.training.optimizers import SGD
from hlnb.training.runs import Run, grid
from hlnb.training.sweep import sweep

SMALL = {"n_test": 200, "n_validation": 60}


def tiny(*pieces, **more):
    return Slabs(pieces, **SMALL, **more)


@pytest.fixture
def here(monkeypatch):
    monkeypatch.setenv("HLNB_WORKERS", "1")
    return processes()


# Problems and networks of the plane


def test_the_two_sets_of_the_plane():
    left, right = pit.plane(), pit.plane(0.1)
    assert left.pieces == (1, 5)
    assert right.pieces == (2, 5)
    assert (left.noise, right.noise) == (0.0, 0.1)
    assert torch.equal(left.rotation, right.rotation)
    # The line of the right set is the diagonal
    assert_allclose(right.rotation[0], [0.5**0.5, 0.5**0.5])


@pytest.mark.parametrize("k", [2, 3, 5, 7])
@pytest.mark.parametrize("margin", [0.05, 0.1])
def test_the_network_by_hand_is_right_everywhere_and_zero_in_the_gaps(k, margin):
    problem = Slabs((1, k), margin=margin, turn=0.0)
    model, params = pit.by_hand(problem, 1)
    assert model.layers[0].n_out == k - 1
    width = piece_width(k, margin)
    step = width + 2 * margin
    t = torch.linspace(-1, 1, 4001, dtype=torch.float64)
    x = torch.stack([torch.rand(4001, dtype=torch.float64), t], 1)
    found = pit.score(model.apply(params, x))
    middles = -1 + width / 2 + step * torch.arange(k, dtype=torch.float64)
    signs = torch.tensor([-1.0 if zero else 1.0 for zero in pit_labels(k)]).double()
    at = torch.stack([torch.zeros(k).double(), middles], 1)
    assert_allclose(pit.score(model.apply(params, at)), signs, atol=1e-12)
    gaps = torch.stack([torch.zeros(k - 1).double(), middles[:-1] + step / 2], 1)
    assert_allclose(pit.score(model.apply(params, gaps)), 0, atol=1e-12)
    # On the pieces the score keeps its sign, by at least the slope times the margin
    for middle, sign in zip(middles, signs, strict=True):
        inside = (t - middle).abs() <= width / 2
        assert (found[inside] * sign).min() >= 2 / step * margin - 1e-9


def pit_labels(k):
    """Whether label 0 sits in each piece, from the rule that labels alternate."""
    first = k in (2, 5)
    return [first if piece % 2 == 0 else not first for piece in range(k)]


def test_by_hand_reads_the_coordinate_through_the_rotation():
    problem = Slabs((2, 7, 5), seed=4)
    model, params = pit.by_hand(problem, 1)
    x, y, _ = problem.sample(500, generator=torch.Generator().manual_seed(0))
    assert (model.apply(params, x.double()).argmax(1) == y).all()
    with pytest.raises(HlnbError, match="A coordinate of noise holds no label"):
        pit.by_hand(Slabs((1, 5)), 0)


def test_one_network_is_right_on_both_sets():
    for problem in (pit.plane(), pit.plane(0.1)):
        assert pit.hand_errors(problem, [1]) == [0.0]
    one, two = (pit.by_hand(p, 1)[1] for p in (pit.plane(), pit.plane(0.1)))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_hand_errors_are_test_errors(monkeypatch):
    """A network for other pieces errs, on the share of inputs that it gets wrong."""
    problem, other = Slabs((1, 5), n_test=500, turn=0.0), Slabs((1, 3), turn=0.0)
    model, params = pit.by_hand(other, 1)
    monkeypatch.setattr(pit, "by_hand", lambda problem, coordinate: (model, params))
    x, y, _ = problem.split(4, n_train=1)["test"]
    expected = (model.apply(params, x.double()).argmax(1) != y).double().mean()
    assert pit.hand_errors(problem, [4]) == [float(expected)]
    assert 0 < expected < 1


def test_points_are_training_inputs():
    x, y = pit.points(pit.plane(), 3, n=7)
    batch = pit.plane().split(3, n_train=7)["train"]
    assert (x == batch.x.numpy()).all()
    assert (y == batch.y.numpy()).all()


def test_regions_go_up_with_the_second_input():
    model = mlp(d=2, widths=(2,))
    params = {
        "layer1.weight": torch.eye(2),
        "layer1.bias": torch.zeros(2),
        "readout.weight": torch.tensor([[0.0, 0.0], [1.0, 3.0]]),
        "readout.bias": torch.zeros(2),
    }
    found = pit.regions(model, params, side=3, reach=2.0)

    def p(x1, x2):
        return 1 / (1 + np.exp(-(max(x1, 0) + 3 * max(x2, 0))))

    expected = [[p(x1, x2) for x1 in (-2, 0, 2)] for x2 in (-2, 0, 2)]
    assert_allclose(found, expected, rtol=1e-5)
    assert pit.regions(*pit.by_hand(pit.plane(), 1), side=3).shape == (3, 3)


# AUC


def test_the_auc_counts_pairs():
    rng = np.random.default_rng(0)
    scores, y = rng.integers(0, 6, 40), rng.integers(0, 2, 40)
    pairs = [(a > b) + 0.5 * (a == b) for a in scores[y == 1] for b in scores[y == 0]]
    assert pit.auc(scores, y) == pytest.approx(np.mean(pairs))
    assert pit.auc(-scores, y) == pytest.approx(1 - np.mean(pairs))
    assert pit.auc(y, y) == 1
    assert pit.auc(0 * y, y) == 0.5


@pytest.mark.parametrize("label", [0, 1])
def test_an_auc_needs_both_labels(label):
    with pytest.raises(HlnbError, match="needs inputs of both labels"):
        pit.auc(np.arange(3), np.full(3, label))


def test_the_measure_is_the_auc_of_the_score():
    outputs = torch.tensor([[0.0, 1], [2, 2.5], [5, 4], [9, 0]])
    batch = Batch(torch.zeros(4, 1), torch.tensor([1, 0, 1, 0]))
    found = pit.AUC()({}, batch, outputs)
    assert float(found) == 0.75
    outputs[0, 0] = torch.inf
    assert bool(pit.AUC()({}, batch, outputs).isnan())


def test_reliance_looks_at_five_batches():
    measures = pit.reliance()
    assert all(isinstance(m, Measure) for m in measures.values())
    assert {name: m.on for name, m in measures.items()} == {
        "error": "test",
        "train": "train",
        "validation": "validation",
        "standard": "test",
        "simple": "simple shuffled",
        "complex": "complex shuffled",
    }
    errors = [name for name, m in measures.items() if isinstance(m, Error)]
    assert errors == ["error", "train", "validation"]


def test_a_network_that_reads_one_coordinate_has_these_aucs():
    problem = Slabs((2, 5), n_test=4000, turn=0.0, seed=0)
    split = problem.split(0, n_train=1)
    aucs = {}
    for coordinate in (0, 1):
        model, params = pit.by_hand(problem, coordinate)
        params = {name: value.float() for name, value in params.items()}
        aucs[coordinate] = pit.reliance_of(model, [params], [split])
    # 5 standard deviations of an AUC of chance, √(1/12 · 4/4000)
    chance = 5 * (4 / 12 / 4000) ** 0.5
    for coordinate, gone, left in ((0, "simple", "complex"), (1, "complex", "simple")):
        found = aucs[coordinate]
        assert [*found] == ["standard", "error", "simple", "complex"]
        assert found["standard"] == 1
        assert found["error"] == 0
        assert found[left] == 1
        assert abs(found[gone] - 0.5) < chance


# Training


def test_decay_shrinks_weights_as_it_says():
    weight = torch.tensor([2.0], requires_grad=True)
    stepper = SGD(decay=0.1).build([weight], 0.5)
    weight.sum().backward()
    stepper.step()
    assert weight.item() == pytest.approx(2 - 0.5 * (1 + 0.1 * 2))
    with_momentum = SGD(0.9, decay=0.1).build([weight], 0.5)
    assert with_momentum.defaults["momentum"] == 0.9


def test_without_decay_it_is_sgd():
    problem, model = tiny(2, 5), mlp(d=2, widths=(4,))
    traces = [
        train(
            problem,
            model,
            simultaneous(model, epochs=2),
            Run(0, 0.1),
            measures=all_weights(model.names),
            optimizer=optimizer,
            n_train=64,
            batch_size=16,
        )
        for optimizer in (SGD(0.5), SGD(0.5, decay=0.0), SGD(0.5, decay=0.3))
    ]
    for name in traces[0].values:
        plain, same, other = (trace.values[name][-1] for trace in traces)
        assert_allclose(plain, same, rtol=1e-6)
        assert np.abs(plain).sum() > np.abs(other).sum()


def learned(problem, seeds, here, **more):
    how = {"lr": 0.1, "epochs": 2, "n_train": 512, "optimizer": SGD()}
    return pit.learned(problem, seeds, executor=here, **(how | more))


def test_learned_is_a_sweep_of_the_published_network(here):
    problem = tiny(2, 5, 5)
    found = learned(problem, [0, 1], here, records=2)
    model = mlp(d=3, widths=(100, 100))
    direct = sweep(
        problem,
        model,
        simultaneous(model, epochs=2),
        grid([0, 1], [0.1]),
        measures=pit.reliance() | all_weights(model.names),
        optimizer=SGD(),
        n_train=512,
        batch_size=256,
        every=2,
        executor=here,
    )
    assert found.steps.tolist() == direct.steps.tolist() == [0, 2, 4]
    for name in direct.traces:
        assert (found.of(name) == direct.of(name)).all()


def test_learned_goes_on_from_a_result(here):
    problem = tiny(2, 5)
    whole = learned(problem, [0], here, records=4)
    half = learned(problem, [0], here, epochs=1)
    rest = learned(problem, [0], here, epochs=1, after=half)
    assert (rest.of("layer2.weight")[:, -1] == whole.of("layer2.weight")[:, -1]).all()
    assert rest.steps[-1] == whole.steps[-1]


def test_stopped_puts_the_record_of_lowest_validation_error_last(here):
    found = learned(tiny(2, 5), [0, 1], here, records=4)
    order = np.array([[0.5, 0.1, 0.3, 0.1, 0.2], [0.4, 0.4, np.nan, 0.2, np.nan]])
    traces = {**found.traces, "validation": order}
    for name in ("error", "readout.bias"):
        assert len(np.unique(found.of(name)[:, :, ...], axis=1)[0]) > 1
    result = pit.stopped(type(found)(found.spec, found.steps, found.epochs, traces, {}))
    for name in traces:
        kept = result.of(name)
        assert (kept[0, -1] == traces[name][0, 1]).all()
        assert (kept[1, -1] == traces[name][1, 3]).all()
        np.testing.assert_array_equal(kept[:, :-1], traces[name][:, :-1])
    assert order[0, -1] == 0.2  # what was given is as it was


def test_stopped_can_leave_out_the_first_records(here):
    found = learned(tiny(2, 5), [0, 1], here, records=4)
    order = np.array([[0.0, 0.1, 0.3, 0.1, 0.2], [0.0, 0.4, np.nan, 0.2, np.nan]])
    result = type(found)(
        found.spec, found.steps, found.epochs, {"validation": order}, {}
    )
    assert pit.stopped(result).of("validation")[:, -1].tolist() == [0, 0]
    late = pit.stopped(result, since=1).of("validation")[:, -1]
    assert late.tolist() == [0.1, 0.2]


def test_parameters_and_at_end_are_those_of_the_run(here):
    problem = tiny(2, 5, 5)
    found = learned(problem, [0, 1], here)
    model = mlp(d=3, widths=(100, 100))
    by_record = found.of("layer1.weight")
    for run, record in ((1, 0), (0, -1)):
        params = found.params(run, record)
        assert (params["layer1.weight"].numpy() == by_record[run, record]).all()
        assert [*params] == [*model.init(torch.Generator())]
    ends = pit.at_end(found)
    assert len(ends) == 2
    assert len(pit.at_end(found, n=1)) == 1
    for run in (0, 1):
        params = found.params(run)
        alone = pit.reliance_of(model, [params], [problem.split(run, n_train=1)])
        assert ends[run] == pytest.approx(alone, abs=1e-6)
        assert ends[run]["error"] == pytest.approx(found.of("error")[run, -1])


# Ensembles


def test_members_share_data_and_nothing_else(here):
    problem = pit.Members(tiny(2, 5))
    assert isinstance(problem, Problem)
    assert problem.n_classes == 2
    one, mate, other = (problem.split(s, n_train=30) for s in (3, 103, 4))
    assert all((one[k].x == mate[k].x).all() for k in one)
    assert not torch.equal(one["train"].x, other["train"].x)
    assert all(
        (one[k].x == b.x).all() for k, b in tiny(2, 5).split(3, n_train=30).items()
    )
    assert torch.equal(
        problem.with_seed(203).problem.rotation, tiny(2, 5, seed=3).rotation
    )
    found = learned(problem, [0, 100], here)
    first = found.of("layer1.weight")[:, 0]
    assert not np.allclose(first[0], first[1])
    alone = learned(tiny(2, 5), [0], here)
    assert (found.of("layer2.weight")[0] == alone.of("layer2.weight")[0]).all()
    draw = [
        p.sample(5, generator=torch.Generator().manual_seed(0)).x
        for p in (problem, tiny(2, 5))
    ]
    assert torch.equal(*draw)
    assert problem.describe()["of"] == tiny(2, 5).describe()


def linear(weight, size=1.0):
    """A network whose score is ⟨weight, x⟩, times a size."""
    d = len(weight)
    both = torch.cat([torch.tensor([weight]), -torch.tensor([weight])])
    params = {
        "layer1.weight": both,
        "layer1.bias": torch.zeros(2),
        "readout.weight": size * torch.tensor([[0.0, 0], [1, -1]]),
        "readout.bias": torch.zeros(2),
    }
    return mlp(d=d, widths=(2,)), params


def test_members_of_a_mean_are_equally_loud():
    split = Slabs((2, 5), turn=0.0, n_test=2000).split(0, n_train=1)
    model, right = linear([1.0, 0.0])
    loud = linear([-1.0, 0.0], size=1000.0)[1]
    useless = linear([0.0, 1.0], size=1000.0)[1]
    # Equal and opposite: what is left is rounding
    found = pit.reliance_of(model, [right, useless], [split, split])
    alone = pit.reliance_of(model, [useless], [split])
    assert found["standard"] > 0.85
    assert abs(alone["standard"] - 0.5) < 0.1
    three = pit.reliance_of(model, [right, right, loud], [split] * 3)
    assert three["standard"] == 1
    assert three["error"] == 0


def test_each_member_sees_its_own_inputs():
    split = Slabs((2, 5), turn=0.0, n_test=500).split(0, n_train=1)
    mirrored = {k: Batch(-b.x, b.y) for k, b in split.items()}
    model, params = linear([1.0, 0.0])
    found = pit.reliance_of(model, [params, params], [split, mirrored])
    assert abs(found["standard"] - 0.5) < 0.1
    back = linear([-1.0, 0.0])[1]
    both = pit.reliance_of(model, [params, back], [split, mirrored])
    assert both["standard"] == 1


# What is removed


def test_the_used_direction_of_a_linear_score_is_its_weight():
    weight = [0.6, 0.0, -0.8]
    model, params = linear(weight)
    x = torch.randn(40, 3, generator=torch.Generator().manual_seed(1))
    v = pit.used_direction(model, params, x)
    assert v.norm().item() == pytest.approx(1)
    assert abs(float(v @ torch.tensor(weight).double())) == pytest.approx(1, abs=1e-6)


def test_the_used_direction_is_the_first_of_the_mean_square_gradient():
    model = mlp(d=4, widths=(7, 7))
    params = model.init(torch.Generator().manual_seed(3))
    params = {name: value.double() for name, value in params.items()}
    x = torch.randn(30, 4, generator=torch.Generator().manual_seed(2)).double()
    h, slopes = 1e-6, []
    for j in range(4):
        e = torch.zeros(4).double()
        e[j] = h
        up, down = (pit.score(model.apply(params, x + s * e)) for s in (1, -1))
        slopes.append((up - down) / (2 * h))
    gradients = torch.stack(slopes, 1)
    v = pit.used_direction(model, params, x)
    strengths = torch.linalg.eigvalsh(gradients.T @ gradients)
    assert float((gradients @ v).square().sum()) == pytest.approx(
        float(strengths[-1]), rel=1e-5
    )
    assert strengths[-1] > 1.05 * strengths[-2]


def test_a_removed_direction_is_gone_from_every_batch():
    problem = tiny(2, 5, 5)
    v = (0.6, 0.0, -0.8)
    without = pit.Without(problem, {0: v, 1: (0.0, 1.0, 0.0)})
    assert isinstance(without, Problem)
    before, after = (p.split(0, n_train=20) for p in (problem, without))
    for name, batch in after.items():
        x = before[name].x
        assert (batch.x @ torch.tensor(v)).abs().max() < 1e-6
        across = torch.tensor([0.8, 0.0, 0.6])
        assert torch.allclose(batch.x @ across, x @ across, atol=1e-6)
        assert torch.equal(batch.x[:, 1], x[:, 1])
        assert torch.equal(batch.y, before[name].y)
    assert (without.split(1, n_train=20)["test"].x[:, 1] == 0).all()
    drawn = without.with_seed(1).sample(6, generator=torch.Generator().manual_seed(0))
    assert (drawn.x[:, 1] == 0).all()
    assert without.vector(0).tolist() == list(v)
    assert without.describe()["directions"] == {0: v, 1: (0.0, 1.0, 0.0)}
    other = pit.Without(problem, {0: (1.0, 0.0, 0.0)})
    assert without.describe() != other.describe()


def test_removing_used_takes_what_each_network_uses():
    problem = Slabs((2, 5, 5), **SMALL)
    nets = {}
    for seed in (0, 2):
        model, params = pit.by_hand(problem.with_seed(seed), 0)
        nets[seed] = {name: value.float() for name, value in params.items()}
    rest = pit.removing_used(problem, model, nets)
    for seed in (0, 2):
        line = problem.with_seed(seed).rotation[0]
        assert abs(float(rest.vector(seed) @ line)) == pytest.approx(1, abs=1e-5)
    assert [*rest.directions] == [0, 2]


def test_removing_used_looks_at_validation_inputs():
    problem, model = Slabs((2, 5, 5), **SMALL), mlp(d=3, widths=(9, 9))
    params = model.init(torch.Generator().manual_seed(5))
    rest = pit.removing_used(problem, model, {1: params})
    x = problem.split(1, n_train=1)["validation"].x
    v = pit.used_direction(model, params, x)
    assert_allclose(rest.vector(1), v)
    other = pit.used_direction(model, params, problem.split(1, n_train=60)["train"].x)
    assert not np.allclose(v.abs(), other.abs())


def test_removing_random_has_a_direction_of_its_own_for_each_seed():
    rest = pit.removing_random(Slabs((2, *[5] * 49)), range(100))
    found = torch.stack([rest.vector(s) for s in range(100)])
    assert_allclose(found.norm(dim=1), 1, atol=1e-6)
    # 5 standard deviations of a mean of 100 with variance 1/50
    assert found.mean(0).abs().max() < 5 * (1 / 50 / 100) ** 0.5
    assert torch.equal(
        rest.vector(3), pit.removing_random(Slabs((2, *[5] * 49)), [3]).vector(3)
    )


# Remedies, and the halfspace


def test_remedies_are_read_at_the_last_record_of_each_result(here):
    problem, seeds = tiny(2, 5, 5), [3, 5]
    base = learned(pit.Members(problem), [3, 5, 103, 105], here)
    other = learned(problem, seeds, here, lr=0.2)
    model = mlp(d=3, widths=pit.WIDTHS)
    nets = [base.params(i) for i in range(4)]
    rest = pit.removing_used(problem, model, dict(zip(seeds, nets, strict=False)))
    second = learned(rest, seeds, here)
    found = pit.remedies(
        problem, rest, base=base, faster=other, first=second, second=second
    )
    names = ["one network", "ensemble", "larger step", "slabs first", "second network"]
    assert [*found] == names
    for name, result in (("one network", base), ("larger step", other)):
        assert found[name]["error"].tolist() == result.of("error")[:2, -1].tolist()
    assert (
        found["slabs first"]["simple"].tolist() == second.of("simple")[:, -1].tolist()
    )
    for i, seed in enumerate(seeds):
        split, gone = (p.split(seed, n_train=1) for p in (problem, rest))
        crowd = pit.reliance_of(model, [nets[i], nets[i + 2]], [split, split])
        duo = pit.reliance_of(model, [nets[i], second.params(i)], [split, gone])
        for name, alone in (("ensemble", crowd), ("second network", duo)):
            assert {k: v[i] for k, v in found[name].items()} == alone


def test_the_share_on_which_a_network_is_the_halfspace():
    problem = pit.plane(0.1)
    line, slabs = (pit.by_hand(problem, coordinate) for coordinate in (0, 1))
    assert pit.halfspace_share(*line, problem) == 1
    # The slabs alone say of either side what they say of the other
    assert pit.halfspace_share(*slabs, problem) == pytest.approx(0.5, abs=0.02)
    model, params = line
    moved = params | {"layer1.bias": params["layer1.bias"] - 0.6}  # a cut at s₁ > 0.6
    assert pit.halfspace_share(model, moved, problem, far=0.7) == 1
    near = pit.halfspace_share(model, moved, problem, far=0.5)
    assert 0.5 < near < 1
