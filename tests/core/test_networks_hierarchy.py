"""Networks for strings: the deep CNN equals the published one in other units."""

import math

import pytest
import torch

from hlnb.data.hierarchy import RandomHierarchy
from hlnb.errors import HlnbError
from hlnb.models.layers import Layer, Patch
from hlnb.models.networks import deep_cnn
from hlnb.schedules import greedy, layerwise
from hlnb.seeding import stream

SIZES = {"vocab_size": 5, "n_classes": 3, "tuple_size": 2, "depth": 3}
WIDTH = 8


def published(weights, x):
    """Cagnetta et al.: weights N(0, 1), sums over the root of the input channels."""
    for weight in weights[:-1]:
        n, positions, channels = x.shape
        patches = x.reshape(n, positions // 2, 2 * channels)
        x = (patches @ weight.mT / math.sqrt(channels)).relu()
    return x[:, 0] @ weights[-1].mT / WIDTH


def test_the_network_is_the_published_one_in_other_units():
    """Outputs agree, and so do they after a step at lr/h beside one at lr·h."""
    lr = 0.1
    model = deep_cnn(**SIZES, width=WIDTH)
    names = [f"{name}.weight" for name in model.names]
    params = {k: v.double() for k, v in model.init(stream(0, "init")).items()}
    params["readout.bias"].zero_()
    theirs = [(WIDTH * params[name]).requires_grad_() for name in names]
    problem = RandomHierarchy(5, 3, 2, depth=3)
    batch = problem.split(0, n_train=30)["train"]
    x = batch.x.double()
    torch.testing.assert_close(model.apply(params, x), published(theirs, x))
    ours = {k: v.clone().requires_grad_() for k, v in params.items()}
    for outputs in (model.apply(ours, x), published(theirs, x)):
        torch.nn.functional.cross_entropy(outputs, batch.y).backward()
    for name, weight in zip(names, theirs, strict=True):
        here = WIDTH * (ours[name] - lr / WIDTH * ours[name].grad)
        torch.testing.assert_close(here, weight - lr * WIDTH * weight.grad)


def test_patches_tile_a_string():
    x = torch.arange(12.0).view(1, 4, 3)
    layer = Patch("level1", 3, 2, 2, 1.0)
    assert isinstance(layer, Layer)
    assert layer.patches(x).tolist() == [
        [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]],
    ]
    weight = torch.zeros(2, 6)
    weight[0, 4], weight[1, 0] = 2, -1
    out = layer.apply({"level1.weight": weight}, x)
    assert out.tolist() == [[[8, 0], [20, 0]]]


def test_weights_have_the_spread_that_the_width_asks_for():
    """Standard deviation 1/h within 5 of its standard errors."""
    params = deep_cnn(**SIZES, width=64).init(stream(0, "init"))
    weight = params["level2.weight"]
    assert weight.shape == (64, 128)
    error = 1 / math.sqrt(2 * weight.numel())
    assert abs(float(weight.std()) * 64 - 1) < 5 * error


def test_schedules_of_layers_and_heads_fit():
    model = deep_cnn(**SIZES, width=WIDTH)
    assert model.names == ("level1", "level2", "level3", "readout")
    for schedule in (greedy(model, epochs=1), layerwise(model, epochs=1)):
        schedule.check(model)
    params = model.init(stream(0, "init"))
    x = RandomHierarchy(5, 3, 2, depth=3).split(0, n_train=4)["train"].x
    for exit in ("level1", "level2", None):
        assert model.apply(params, x, exit=exit).shape == (4, 3)
    with pytest.raises(HlnbError, match="width = 0: take a whole number from 1 up"):
        deep_cnn(**SIZES, width=0)
