"""Gradients written by hand are autograd's."""

import pytest
import torch
import torch.nn.functional as F

from hlnb.gradients import Descent, prepared, written_out
from hlnb.models import Affine, Conv, Model, image_network, toy_network
from hlnb.seeding import stream

MODELS = {
    "three layers": toy_network(d=40, n_classes=3, channels=5, hidden=7),
    "two layers": toy_network(d=40, n_classes=3, channels=5, n_layers=2),
    "padding": toy_network(d=40, n_classes=3, channels=5, hidden=7, padding=4),
    "deeper": Model(
        (Affine("a", 40, 9), Affine("b", 9, 8), Affine("c", 8, 3, relu=False))
    ),
}


EXITS = [(name, exit) for name, m in MODELS.items() for exit in (None, *m.heads)]


@pytest.mark.parametrize(("name", "exit"), EXITS)
def test_a_step_is_autograds_step(name, exit):
    """Every choice of learning layers, float64, relative 1e-10."""
    model = MODELS[name]
    layers = model.path(exit)
    x = torch.randn(6, 40, dtype=torch.float64, generator=stream(0, "x"))
    y = torch.tensor([0, 1, 2, 2, 1, 0])
    for start in range(len(layers)):
        for learns in ([layers[start].name], [layer.name for layer in layers[start:]]):
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


def test_knows_what_it_can_do():
    assert all(written_out(model.layers) for model in MODELS.values())
    assert not written_out(image_network().layers)
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
