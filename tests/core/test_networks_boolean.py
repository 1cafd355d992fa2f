"""Networks for functions on the cube are PyTorch's, layer by layer."""

import pytest
import torch
from torch import nn

from hlnb.errors import HlnbError
from hlnb.models.networks import perceptron, residual_network
from hlnb.schedules import greedy
from hlnb.seeding import stream


def drawn(model):
    return {k: v.double() for k, v in model.init(stream(0, "init")).items()}


@pytest.mark.parametrize("skip", [True, False])
def test_residual_network_is_the_one_of_the_source(skip):
    """Five affine layers, ReLU after the first four, (x + previous) from 2 to 4."""
    model = residual_network(d=7, width=6, skip=skip)
    params = drawn(model)
    x = torch.randn(5, 7, dtype=torch.float64, generator=stream(0, "x"))
    linear = []
    for i, (n_in, n_out) in enumerate([(7, 6), (6, 6), (6, 6), (6, 6), (6, 1)], 1):
        layer = nn.Linear(n_in, n_out).double()
        names = {"weight": f"layer{i}.weight", "bias": f"layer{i}.bias"}
        layer.load_state_dict({part: params[name] for part, name in names.items()})
        linear.append(layer)
    h = linear[0](x).relu()
    for layer in linear[1:4]:
        h = layer(h).relu() + (h if skip else 0)
    torch.testing.assert_close(model.apply(params, x), linear[4](h))


def test_every_hidden_layer_can_learn_with_a_head():
    model = residual_network(d=7, width=6)
    assert [*model.heads] == ["layer1", "layer2", "layer3"]  # above them: the readout
    schedule = greedy(model, epochs=1)
    schedule.check(model)
    assert [phase.learns for phase in schedule.phases] == [
        ("layer1", "layer1_head"),
        ("layer2", "layer2_head"),
        ("layer3", "layer3_head"),
        ("layer4", "layer5"),
    ]


def test_perceptron():
    model = perceptron(d=7, width=6, n_out=3)
    params = drawn(model)
    x = torch.randn(5, 7, dtype=torch.float64, generator=stream(0, "x"))
    h = (x @ params["hidden.weight"].mT + params["hidden.bias"]).relu()
    out = h @ params["readout.weight"].mT + params["readout.bias"]
    torch.testing.assert_close(model.apply(params, x), out)


def test_refusals():
    with pytest.raises(HlnbError, match="take depth ≥ 2"):
        residual_network(d=7, depth=1)
    with pytest.raises(HlnbError, match="width ≥ 1"):
        residual_network(d=7, width=0)
    with pytest.raises(HlnbError, match="without units"):
        perceptron(d=7, width=0)
