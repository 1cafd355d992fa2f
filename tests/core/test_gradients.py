"""Gradients written by hand are autograd's."""

import os
import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F

from hlnb.data.patterns import toy_problem
from hlnb.models.layers import Affine, Conv
from hlnb.models.model import Model
from hlnb.models.networks import image_network, toy_network
from hlnb.seeding import stream
from hlnb.training.fast.gradients import Descent, prepared, written_out

MODELS = {
    "three layers": toy_network(d=40, n_classes=3, channels=5, hidden=7),
    "two layers": toy_network(d=40, n_classes=3, channels=5, n_layers=2),
    "padding": toy_network(d=40, n_classes=3, channels=5, hidden=7, padding=4),
    "deeper": Model(
        (Affine("a", 40, 9), Affine("b", 9, 8), Affine("c", 8, 3, relu=False))
    ),
}


def rows(kind: str, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """Six rows of 40 pixels: no window blank, most of them, or rows of one problem."""
    x = torch.randn(6, 40, dtype=dtype, generator=stream(0, "x"))
    if kind == "mostly blank":
        for i, (begin, end) in enumerate([(0, 0), (0, 3), (37, 40), (9, 30), (5, 6)]):
            x[i, :begin] = x[i, end:] = 0
        x[4, 33] = 2.0  # two places with a gap between them
    if kind == "patterns":
        problem = toy_problem(3, d=40, T=16, scale=0.25)
        x = problem.sample(6, generator=stream(0, "x")).x.to(dtype)
    return x


EXITS = [(name, exit) for name, m in MODELS.items() for exit in (None, *m.heads)]


@pytest.mark.parametrize("kind", ["full", "mostly blank", "patterns"])
@pytest.mark.parametrize(("name", "exit"), EXITS)
def test_a_step_is_autograds_step(name, exit, kind):
    """Every choice of learning layers, float64, relative 1e-10."""
    model = MODELS[name]
    layers = model.path(exit)
    x = rows(kind)
    y = torch.tensor([0, 1, 2, 2, 1, 0])
    for start in range(len(layers)):
        names = [layer.name for layer in layers[start:]]
        for learns in (*([name] for name in names), names):
            ours, theirs = (
                {k: v.double() for k, v in model.init(stream(0, "init")).items()}
                for _ in range(2)
            )
            below = model.apply(ours, x, stop=start, exit=exit)
            ours = prepared(layers[start:], ours)
            step = Descent(layers[start:], ours, below, lr=0.7, learns=learns)
            step(torch.arange(6), y)
            step.settle()
            moving = {
                k: v.requires_grad_()
                for k, v in theirs.items()
                if model.layer_of(k) in learns
            }
            loss = F.cross_entropy(model.apply(theirs, x, exit=exit), y)
            gradients = torch.autograd.grad(loss, list(moving.values()))
            for (k, v), gradient in zip(moving.items(), gradients, strict=True):
                theirs[k] = v.detach() - 0.7 * gradient
                assert not torch.equal(theirs[k], v)
            for k, v in ours.items():
                torch.testing.assert_close(v, theirs[k], rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("kind", ["full", "mostly blank", "patterns"])
@pytest.mark.parametrize("name", [n for n in MODELS if n != "deeper"])
def test_steps_that_have_not_settled_are_autograds(name, kind):
    """What all positions share is kept apart between steps, and each step needs it."""
    model, x, y = MODELS[name], rows(kind), torch.tensor([0, 1, 2, 2, 1, 0])
    theirs = {k: v.double() for k, v in model.init(stream(0, "init")).items()}
    ours = prepared(model.layers, {k: v.clone() for k, v in theirs.items()})
    step = Descent(model.layers, ours, x, lr=0.3, learns=model.names)
    moving = [k for k in theirs if model.layer_of(k) in model.names]
    for chosen in ([0, 3, 4], [5, 1], [2, 3, 0, 4], [1]):
        step(torch.tensor(chosen), y[chosen])
        for k in moving:
            theirs[k].requires_grad_()
        loss = F.cross_entropy(model.apply(theirs, x[chosen]), y[chosen])
        slopes = torch.autograd.grad(loss, [theirs[k] for k in moving])
        for k, slope in zip(moving, slopes, strict=True):
            theirs[k] = theirs[k].detach() - 0.3 * slope
        outputs = model.apply(theirs, x)
        torch.testing.assert_close(
            step.outputs(torch.arange(6)), outputs, rtol=1e-10, atol=1e-12
        )
    step.settle()
    for k in moving:
        torch.testing.assert_close(ours[k], theirs[k], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("number", range(1, 6))
def test_a_gradient_in_single_precision(number):
    """The report's sizes: within 1e-5 of the largest entry of autograd's in float64.

    The step is so long that what it started from is lost in what it adds.
    """
    problem = toy_problem(number, scale=0.25)
    model = toy_network(d=100, n_classes=problem.n_classes)
    x, y, _ = problem.sample(64, generator=stream(number, "x"))
    start = prepared(model.layers, model.init(stream(0, "init")))
    wide = {k: v.double().requires_grad_() for k, v in start.items()}
    F.cross_entropy(model.apply(wide, x.double()), y).backward()
    ours = {k: v.clone() for k, v in start.items()}
    step = Descent(model.layers, ours, x, lr=1000.0, learns=model.names)
    step(torch.arange(64), y)
    step.settle()
    for layer in model.names:
        for part in ("weight", "bias"):
            name = f"{layer}.{part}"
            gradient = (start[name].double() - ours[name].double()) / 1000
            expected = wide[name].grad
            assert (gradient - expected).abs().max() <= 1e-5 * expected.abs().max()


@pytest.mark.parametrize("kind", ["full", "mostly blank", "patterns"])
def test_outputs_are_the_networks(kind):
    x = rows(kind)
    for model in MODELS.values():
        for exit in (None, *model.heads):
            drawn = model.init(stream(1, "init"))
            params = prepared(
                model.path(exit), {k: v.double() for k, v in drawn.items()}
            )
            steps = Descent(model.path(exit), params, x)
            chosen = torch.tensor([4, 0, 0, 5])
            expected = model.apply(params, x[chosen], exit=exit)
            torch.testing.assert_close(steps.outputs(chosen), expected)


def test_looking_changes_nothing_and_settles_to_the_same():
    model, x, y = MODELS["three layers"], rows("patterns"), torch.arange(6) % 3
    found = []
    for look in (False, True):
        params = prepared(
            model.layers, {k: v.double() for k, v in model.init(stream(0, "i")).items()}
        )
        steps = Descent(model.layers, params, x, lr=0.5, learns=model.names)
        for _ in range(3):
            steps(torch.arange(6), y)
            seen = {n: v.clone() for n, v in steps.seen(params).items()} if look else {}
        steps.settle()
        found.append(params)
    for name, value in found[0].items():
        assert torch.equal(value, found[1][name]), name
        torch.testing.assert_close(value, seen[name], rtol=1e-13, atol=1e-14)


def test_a_look_at_the_weights_below_stays_as_it_was():
    model, x, y = MODELS["three layers"], rows("patterns"), torch.arange(6) % 3
    drawn = {k: v.double() for k, v in model.init(stream(0, "init")).items()}
    params = prepared(model.layers, drawn)
    steps = Descent(model.layers, params, x, lr=0.5, learns=model.names)
    steps(torch.arange(6), y)
    look = steps.seen(params)
    before = {n: look[n].clone() for n in ("conv.weight", "hidden.weight")}
    steps(torch.arange(6), y)
    steps.settle()
    for name, value in before.items():
        assert torch.equal(look[name], value), name
        assert not torch.equal(params[name], value), name


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_large_outputs_do_not_overflow(dtype):
    """Where exp of an output is beyond all numbers, the slope of the loss is not."""
    x = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=dtype)
    layer = Affine("a", 3, 3, relu=False)
    weight = torch.tensor([[3000.0, 0, -9], [0, -3000, 4], [-5, 2, 1]], dtype=dtype)
    params = prepared([layer], {"a.weight": weight, "a.bias": weight.new_zeros(3)})
    start = params["a.weight"].clone().requires_grad_()
    y = torch.tensor([1, 1, 0])
    F.cross_entropy(x @ start.mT, y).backward()
    step = Descent([layer], params, x, lr=1.0, learns=["a"])
    step(torch.arange(3), y)
    assert params["a.weight"].isfinite().all()
    torch.testing.assert_close(params["a.weight"], start.detach() - start.grad)


def test_a_network_that_diverges_shows_it():
    model, x = MODELS["three layers"], rows("patterns", torch.float32)
    params = prepared(model.layers, model.init(stream(0, "init")))
    params["conv.weight"][0, 0, 0] = float("nan")
    steps = Descent(model.layers, params, x, lr=0.1, learns=model.names)
    steps(torch.arange(6), torch.zeros(6, dtype=torch.long))
    steps.settle()
    assert params["hidden.weight"].isnan().any()
    assert steps.outputs(torch.arange(6)).isnan().any()


def test_sizes_are_not_mistaken_for_each_other(tmp_path):
    """Compiled once and read back: loops are found again by their names alone."""
    code = """
import sys, torch
from hlnb.data.patterns import toy_problem
from hlnb.training.fast.gradients import Descent, prepared
from hlnb.models.networks import toy_network
from hlnb.seeding import stream
sizes = [(4, 4, 4), (3, 4, 4), (4, 5, 4), (4, 4, 6)]  # each size changed alone
for c, h, T in sizes if sys.argv[1] == "there" else sizes[::-1]:
    net = toy_network(d=20, n_classes=2, T=T, channels=c, hidden=h)
    params = prepared(net.layers, net.init(stream(0, "init")))
    x = torch.zeros(3, 20)
    x[:, 5:9] = 1
    steps = Descent(net.layers, params, x, lr=0.1, learns=net.names)
    steps(torch.arange(3), torch.tensor([0, 1, 1]))
    steps.settle()
    gap = steps.outputs(torch.arange(3)) - net.apply(params, x)
    assert gap.abs().max() < 1e-6, (c, h, T)
"""
    kept = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    for way in ("there", "back"):
        subprocess.run([sys.executable, "-c", code, way], env=kept, check=True)
    assert len(list(tmp_path.rglob("*.nbi"))) >= 8


def test_knows_what_it_can_do():
    assert all(written_out(model.layers) for model in MODELS.values())
    assert not written_out(image_network().layers)
    assert not written_out((Conv("c", 2, 2, 4, dims=1), Affine("a", 8, 2, relu=False)))
    row, affine = Conv("c", 1, 2, 4, dims=1), Affine("a", 8, 2, relu=False)
    assert not written_out((Conv("p", 1, 2, 4, dims=1, pool=2), affine))
    assert not written_out((row, Conv("c2", 2, 2, 4, dims=1), affine))
    assert not written_out((row, Affine("a", 8, 2)))
    assert not written_out((row, Affine("a", 8, 4, relu=False), affine))
    assert not written_out((row,))
    skip = Affine("s", 8, 8, skip=True)

    class Other:
        name = "other"

        def init(self, generator, law):
            return {}

        def apply(self, params, x):
            return x

    assert not written_out((skip, affine))
    assert not written_out((row, skip, affine))

    assert not written_out((Other(), affine))
