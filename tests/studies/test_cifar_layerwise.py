"""Variants of layer-wise training: what is chosen, what is measured, what is equal."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from hlnb.data.images import Images
from hlnb.errors import HlnbError
from hlnb.metrics.measures import Loss, all_weights
from hlnb.models.networks import image_network
from hlnb.results import Result
from hlnb.schedules import greedy, layerwise
from hlnb.seeding import stream
from hlnb.studies.cifar.layerwise import (
    accuracies,
    changes,
    choose_rates,
    deviations,
    first_layer_likeness,
    first_step,
    in_turn,
    lasting,
    moments_after_changes,
    overshoot,
    part_alone,
    part_curvature,
    pooled_features,
    probes,
    squared_length,
)
from hlnb.training.optimizers import SGD, Adam
from hlnb.training.runs import grid
from hlnb.training.sweep import sweep

PROBLEM = Images("shapes", n_validation=20, n_test=20)
MODEL = replace(image_network(channels=3, hidden=5), heads={})
WEIGHTS = all_weights(MODEL.names)
SMALL = {"n_train": 48, "batch_size": 16, "optimizer": Adam()}
train = partial(
    sweep,
    PROBLEM,
    MODEL,
    measures=WEIGHTS | {"validation loss": Loss("validation")},
    **SMALL,
)


@pytest.fixture(autouse=True)
def one_process(monkeypatch):
    monkeypatch.setenv("HLNB_WORKERS", "1")


def test_moments_are_dense_after_each_change_and_end_each_phase():
    moments = moments_after_changes(1000, batch_size=10, phases=2)
    within = [1, 2, 4, 8, 16, 32, 64, 100]
    assert list(moments) == [*within, *(100 + step for step in within)]
    few = moments_after_changes(50, batch_size=16, phases=1)
    assert list(few) == [1, 2, 4]  # four batches: the last is the end


def test_changes_of_a_curve():
    curve = np.array([[2, 5, 1, 1, 4, 6.0], [2, 2, 2, 7, np.nan, np.nan]])
    result = Result({"runs": []}, np.arange(6), np.arange(6) / 2, {"loss": curve}, {})
    result = replace(
        result, spec={"runs": [{"seed": 0, "lr": 1}, {"seed": 1, "lr": 1}]}
    )
    found = changes(result, "loss", epochs=[1, 2.5])
    assert found.before.tolist() == [[2, 1], [2, 2]]
    assert found.highest.tolist() == [[5, 6], [2, np.inf]]
    assert found.after.tolist() == [[1, 6], [2, np.inf]]


def test_parts_in_turn_at_one_rate_are_layer_wise_training():
    """Part by part through `after`, to the bit."""
    rates = dict.fromkeys(MODEL.names, 0.01)
    parts = in_turn(train, MODEL, rates=rates, seeds=[4, 2], epochs=2)
    whole = train(layerwise(MODEL, epochs=2), grid([4, 2], [0.01]))
    assert [*parts] == [*MODEL.names]
    for k, part in enumerate(parts, start=1):
        for name in WEIGHTS:
            ended = whole.of(name)[:, np.searchsorted(whole.epochs, 2 * k)]
            assert (parts[part].of(name)[:, -1] == ended).all()


def test_the_rate_with_the_lowest_validation_loss_is_chosen():
    lrs = [0.0001, 0.01, 1e4]
    sgd = partial(train, optimizer=SGD())
    rates, losses = choose_rates(sgd, MODEL, lrs=lrs, seeds=[0, 1], epochs=1)
    chosen = in_turn(sgd, MODEL, rates=rates, seeds=[0, 1], epochs=1)
    for below, part in zip([None, *MODEL.names], MODEL.names, strict=False):
        runs = sgd(
            part_alone(MODEL, part, epochs=1),
            grid([0, 1], lrs),
            after=below and chosen[below],
        )
        ends = {lr: runs.of("validation loss", lr=lr)[:, -1] for lr in lrs}
        medians = {
            lr: np.median(np.nan_to_num(v, nan=np.inf)) for lr, v in ends.items()
        }
        assert losses[part] == medians
        assert medians[rates[part]] == min(medians.values())
    with pytest.raises(HlnbError, match=r"No rate of \[1e\+30\] trains conv"):
        choose_rates(sgd, MODEL, lrs=[1e30], seeds=[0], epochs=1)


def small_case(part):
    """A tiny network, inputs, and the whole Hessian in one part's parameters."""
    model = replace(image_network(channels=2, size=3, side=8, hidden=3), heads={})
    params = model.init(stream(3, "init"))
    x = torch.randn((12, 3, 8, 8), generator=stream(3, "x"))
    y = torch.arange(12) % 10
    names = [f"{part}.weight", f"{part}.bias"]
    exact = {name: value.double() for name, value in params.items()}
    sizes = [exact[name].numel() for name in names]

    def loss(own):
        pieces = zip(names, own.split(sizes), strict=True)
        mine = {name: piece.view_as(exact[name]) for name, piece in pieces}
        return cross_entropy(model.apply(exact | mine, x.double()), y)

    flat = torch.cat([exact[name].flatten() for name in names])
    return (model, params, x, y, part), loss, flat


PARTS = pytest.mark.parametrize("part", ["conv1", "conv2", "hidden", "readout"])


@PARTS
def test_the_curvature_of_a_part_is_the_largest_eigenvalue(part):
    """Against the whole matrix of second derivatives, on a tiny network."""
    case, loss, flat = small_case(part)
    eigenvalues = torch.linalg.eigvalsh(torch.autograd.functional.hessian(loss, flat))
    assert eigenvalues[0] > -1e-9  # so the largest is the largest in size
    found = part_curvature(*case, tolerance=1e-9)
    assert found == pytest.approx(float(eigenvalues[-1]), rel=1e-6)
    assert found == part_curvature(*case, tolerance=1e-9)


@PARTS
@pytest.mark.parametrize("signs", [True, False])
def test_what_curvature_adds_in_the_first_step(part, signs):
    """Against the losses themselves, for a step that stays in one linear region."""
    case, loss, flat = small_case(part)
    slope = torch.autograd.functional.jacobian(loss, flat)
    step = slope.sign() if signs else slope
    lr = 1e-5 / float(step.norm())
    change = float(loss(flat - lr * step) - loss(flat))
    takes = lr * float(slope @ step)
    assert overshoot(*case, lr=lr, signs=signs) == pytest.approx(
        (change + takes) / takes, rel=1e-2
    )
    if not signs:
        assert overshoot(*case, lr=1, signs=False) <= part_curvature(*case) / 2


def test_the_curvature_of_what_diverged_is_no_number():
    params = MODEL.init(stream(0, "init"))
    x, y = (PROBLEM.split(0, n_train=4)["train"][k] for k in (0, 1))
    broken = {**params, "conv1.bias": params["conv1.bias"] * np.nan}
    assert np.isnan(part_curvature(MODEL, broken, x, y, "hidden"))
    assert np.isnan(overshoot(MODEL, broken, x, y, "hidden", lr=1, signs=False))
    with pytest.raises(HlnbError, match="There is no part 'pool'"):
        part_curvature(MODEL, params, x, y, "pool")


def test_descent_overshoots_beyond_two_over_the_curvature():
    """Full-batch steps of the readout: below the border the loss falls each time."""
    params = MODEL.init(stream(0, "init"))
    batch = PROBLEM.split(0, n_train=30)["train"]
    curvature = part_curvature(MODEL, params, batch.x, batch.y, "readout")
    assert curvature > 0
    inputs = MODEL.apply(params, batch.x, stop=3).detach()
    for factor, falls in ((1.0, True), (40.0, False)):
        own = {
            name: params[name].detach().clone().requires_grad_()
            for name in ("readout.weight", "readout.bias")
        }
        values = []
        for _ in range(6):
            loss = cross_entropy(MODEL.apply(own, inputs, start=3), batch.y)
            slopes = torch.autograd.grad(loss, [*own.values()])
            values.append(loss.item())
            own = {
                name: (value - factor / curvature * slope).detach().requires_grad_()
                for (name, value), slope in zip(own.items(), slopes, strict=True)
            }
        assert (np.diff(values) < 0).all() == falls


def test_phases_can_be_given_other_lengths():
    heads = image_network(channels=3, hidden=5)
    found = lasting(greedy(heads, epochs=1), [1, 1, 2])
    assert found.ends == (1, 2, 4)
    assert [p.learns for p in found.phases] == [
        p.learns for p in greedy(heads, epochs=7).phases
    ]
    with pytest.raises(ValueError, match="argument"):
        lasting(greedy(heads, epochs=1), [1, 1])


def test_accuracy_and_deviation_are_those_of_the_recorded_networks():
    result = train(layerwise(MODEL, epochs=1), grid([0, 1], [0.01]))
    batch = PROBLEM.split(0, n_train=10)["test"]
    for record in (0, 2, -1):
        found = accuracies(result, MODEL, batch, record=record)
        for run in (0, 1):
            params = result.params(run, record)
            right = MODEL.apply(params, batch.x).argmax(1) == batch.y
            assert found[run] == pytest.approx(float(right.double().mean()))
        moved = deviations(result, MODEL, record=record)
        assert (moved["conv1"] > 0).all() == (record != 0)
        w = result.of("hidden.weight")[1].astype(float)
        expected = np.linalg.norm(w[record] - w[0]) / np.linalg.norm(w[0])
        assert moved["hidden"][1] == pytest.approx(expected, rel=1e-5)
    broken = replace(
        result, traces={n: np.full_like(result.of(n), np.nan) for n in WEIGHTS}
    )
    assert accuracies(broken, MODEL, batch).tolist() == [0.1, 0.1]


def test_one_step_of_adam_moves_a_unit_by_rate_times_length():
    """With every gradient of one sign; the bias, which moves too, is apart."""
    params = MODEL.init(stream(0, "init"))
    x = PROBLEM.split(0, n_train=30)["train"].x
    length, sd = first_step(MODEL, params, x, "hidden")
    before = MODEL.apply(params, x, stop=2).flatten(1)
    moved = {**params, "hidden.weight": params["hidden.weight"] + 0.001}
    with torch.no_grad():
        outputs = [
            torch.nn.functional.linear(before, p["hidden.weight"], p["hidden.bias"])
            for p in (params, moved)
        ]
    shift = outputs[1] - outputs[0]
    assert float(shift.mean()) == pytest.approx(0.001 * length, rel=1e-3)
    assert sd == pytest.approx(float(outputs[0].std(0).mean()))


def test_the_squared_length_is_that_of_what_a_layer_reads():
    params = MODEL.init(stream(0, "init"))
    x = PROBLEM.split(0, n_train=30)["train"].x
    read = MODEL.activations(params, x)["conv2"].detach().flatten(1)
    expected = float((read**2).sum(1).mean())
    assert squared_length(MODEL, params, x, "hidden") == pytest.approx(expected)


def test_features_are_averaged_in_regions():
    params = MODEL.init(stream(0, "init"))
    x = PROBLEM.split(0, n_train=6)["train"].x
    layers = ["pixels", "conv2", "hidden"]
    found = pooled_features(MODEL, params, x, layers)
    assert list(found) == layers
    maps = MODEL.activations(params, x)["conv2"].detach()
    assert found["conv2"].shape == (6, 3 * 16)
    top_left = maps[:, :, :4, :4].mean((2, 3))  # 13 pixels in 4 regions: 0–3 is first
    np.testing.assert_allclose(
        found["conv2"].reshape(6, 3, 4, 4)[..., 0, 0], top_left, rtol=1e-4
    )
    pixels = x.unflatten(2, (4, 8)).unflatten(4, (4, 8)).mean((3, 5)).flatten(1)
    np.testing.assert_allclose(found["pixels"], pixels, atol=1e-5)
    torch.testing.assert_close(
        torch.tensor(found["hidden"]), MODEL.activations(params, x)["hidden"].detach()
    )
    with pytest.raises(HlnbError, match="from the input up: conv1 comes too late"):
        pooled_features(MODEL, params, x, ["conv2", "conv1"])


def test_a_first_layer_is_like_itself_and_its_permutation():
    params = MODEL.init(stream(0, "init"))
    other = MODEL.init(stream(1, "init"))
    turned = {name: value.flip(0) for name, value in params.items()}
    x = PROBLEM.split(0, n_train=20)["train"].x
    same, permuted, different = first_layer_likeness(
        MODEL, [(params, params), (params, turned), (params, other)], x
    )
    assert same == pytest.approx(1)
    assert permuted == pytest.approx(1)
    assert different < 0.99


def test_probes_see_each_layer():
    params = MODEL.init(stream(0, "init"))
    split = PROBLEM.split(0, n_train=60)
    found = probes(MODEL, params, split, ["pixels", "conv1", "hidden"])
    assert list(found) == ["pixels", "conv1", "hidden"]
    assert all(0 <= value <= 1 for value in found.values())
    dead = {**params, "hidden.weight": 0 * params["hidden.weight"]}
    blind = probes(MODEL, dead, split, ["conv1", "hidden"])
    assert blind["conv1"] == found["conv1"]
    assert blind["hidden"] <= max(
        np.bincount(split["test"].y, minlength=10) / len(split["test"].y)
    )
