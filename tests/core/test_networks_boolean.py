"""Networks of affine layers are PyTorch's, layer by layer."""

import math

import pytest
import torch
from torch import nn

from hlnb.errors import HlnbError
from hlnb.models.layers import Normal
from hlnb.models.networks import mlp, residual_network
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


@pytest.mark.parametrize(
    ("widths", "skip"), [((6,), False), ((6, 4), False), ((6, 6, 6), True)]
)
def test_mlp_is_pytorchs(widths, skip):
    model = mlp(d=7, widths=widths, n_out=3, skip=skip)
    hidden = [f"layer{i}" for i in range(1, len(widths) + 1)]
    assert model.names == (*hidden, "readout")
    params = drawn(model)
    x = torch.randn(5, 7, dtype=torch.float64, generator=stream(0, "x"))
    h = x
    for i, name in enumerate(hidden):
        out = (h @ params[f"{name}.weight"].mT + params[f"{name}.bias"]).relu()
        h = out + h if skip and i else out
    out = h @ params["readout.weight"].mT + params["readout.bias"]
    torch.testing.assert_close(model.apply(params, x), out)


def test_mlp_starts_by_the_law_it_is_given():
    model = mlp(d=64, widths=(64, 64), initialization=Normal(math.sqrt(2 / 64)))
    weight = model.init(stream(0, "init"))["layer2.weight"]
    assert weight.var().item() == pytest.approx(2 / 64, rel=0.1)  # 4096 draws: 4.5 sd


def test_refusals():
    with pytest.raises(HlnbError, match="depth = 1: take a whole number from 2 up"):
        residual_network(d=7, depth=1)
    with pytest.raises(HlnbError, match="width = 0: take"):
        residual_network(d=7, width=0)
    for widths in ((), (3, 0)):
        with pytest.raises(HlnbError, match=r"^widths = "):
            mlp(d=7, widths=widths)
