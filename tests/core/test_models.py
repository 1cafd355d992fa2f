"""Our layers are PyTorch's layers, and frozen parts can be computed once."""

import inspect
import math
from collections.abc import Sequence

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from hlnb.errors import HlnbError
from hlnb.models import networks
from hlnb.models.layers import Affine, Conv, Glorot, Normal, Uniform
from hlnb.models.model import Model
from hlnb.models.networks import image_network, toy_network
from hlnb.schedules import greedy
from hlnb.seeding import stream


def double(params):
    return {name: value.double() for name, value in params.items()}


def load(module, params, layer):
    state = {part: params[f"{layer}.{part}"] for part in ("weight", "bias")}
    module.load_state_dict(state)
    return module


class Turned(nn.Module):
    """(n, channel, position) → (n, position, channel): our order of features."""

    def forward(self, x):
        return x.mT


def test_toy_network_is_the_reports_network():
    model = toy_network(d=100, n_classes=4)
    params = double(model.init(stream(0, "init")))
    x = torch.randn(7, 100, dtype=torch.float64, generator=stream(0, "x"))
    theirs = nn.Sequential(
        nn.Unflatten(1, (1, 100)),
        load(nn.Conv1d(1, 20, 16).double(), params, "conv"),
        nn.ReLU(),
        Turned(),
        nn.Flatten(),
        load(nn.Linear(20 * 85, 100).double(), params, "hidden"),
        nn.ReLU(),
        load(nn.Linear(100, 4).double(), params, "readout"),
    )
    assert torch.allclose(model.apply(params, x), theirs(x), rtol=1e-12, atol=1e-12)


def test_image_network_is_the_reports_cnn():
    model = image_network(hidden=8)
    params = double(model.init(stream(0, "init")))
    x = torch.randn(3, 3, 32, 32, dtype=torch.float64, generator=stream(0, "x"))
    theirs = nn.Sequential(
        load(nn.Conv2d(3, 32, 4).double(), params, "conv1"),
        nn.ReLU(),
        load(nn.Conv2d(32, 32, 4).double(), params, "conv2"),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        load(nn.Linear(32 * 13 * 13, 8).double(), params, "hidden"),
        nn.ReLU(),
        load(nn.Linear(8, 10).double(), params, "readout"),
    )
    assert torch.allclose(model.apply(params, x), theirs(x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("layer", "module"),
    [
        (Affine("a", 50, 40), nn.Linear(50, 40)),
        (Conv("c", 3, 16, 4, dims=2), nn.Conv2d(3, 16, 4)),
        (Conv("c", 1, 20, 16, dims=1), nn.Conv1d(1, 20, 16)),
    ],
)
def test_initialization_has_pytorchs_law(layer, module):
    """Both uniform on ±1/√fan_in: same shapes, inside the bound, same spread.

    The sd of n uniform draws has relative sd √(0.2 / n); 6 sigma: false alarm 2e-9.
    """
    params = layer.init(stream(0, "init"), Uniform())
    for part in ("weight", "bias"):
        ours, theirs = params[f"{layer.name}.{part}"], getattr(module, part)
        bound = 1 / math.sqrt(module.weight[0].numel())
        assert ours.shape == theirs.shape
        assert ours.abs().max() <= bound
        assert theirs.abs().max() <= bound
        spread = float(ours.double().pow(2).mean().sqrt()) * math.sqrt(3) / bound
        assert abs(spread - 1) < 6 * math.sqrt(0.2 / ours.numel())


def test_applying_in_two_parts_is_applying_at_once():
    model = toy_network(d=40, n_classes=2)
    params = model.init(stream(0, "init"))
    x = torch.randn(5, 40, generator=stream(0, "x"))
    whole = model.apply(params, x)
    for cut in range(4):
        below = model.apply(params, x, stop=cut)
        assert torch.equal(model.apply(params, below, start=cut), whole)
    assert torch.equal(model.activations(params, x)["readout"], whole)
    assert list(model.activations(params, x)) == ["conv", "hidden", "readout"]


def test_pooling_padding_and_two_layers():
    conv = Conv("conv", 1, 2, 4, dims=1, padding=2, pool=3)
    x = torch.randn(5, 20, generator=stream(0, "x"))
    params = conv.init(stream(0, "i"), Uniform())
    found = conv.apply(params, x)
    theirs = load(nn.Conv1d(1, 2, 4, padding=2), params, "conv")(x[:, None]).relu()
    assert torch.allclose(found.mT, F.max_pool1d(theirs, 3), atol=1e-6)
    assert found.shape == (5, conv.side(20), 2)
    model = toy_network(d=40, n_classes=2, n_layers=2)
    assert model.names == ("conv", "readout")
    assert model.apply(model.init(stream(0, "init")), x.repeat(1, 2)).shape == (5, 2)


def test_names_lead_back_to_layers():
    model = Model((Affine("a.b", 2, 2), Affine("c", 2, 2)))
    owners = {model.layer_of(name) for name in model.init(stream(0, "init"))}
    assert owners == set(model.names)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_layers": 4}, "2 or 3 layers, not 4"),
        ({"d": 15}, "do not fit a row of d = 15"),
        ({"hidden": 0}, "hidden = 0"),
        ({"channels": -1}, "channels = -1"),
    ],
)
def test_refuses_networks_that_cannot_be(settings, message):
    with pytest.raises(HlnbError, match=message):
        toy_network(**{"d": 40, "n_classes": 2, **settings})


BUILT = {  # each builder of networks, with sizes that it takes
    networks.toy_network: {"d": 40, "n_classes": 2},
    networks.image_network: {},
    networks.residual_network: {"d": 8},
    networks.mlp: {"d": 8, "widths": [3, 4]},
    networks.deep_cnn: {
        **{"vocab_size": 3, "n_classes": 2, "tuple_size": 2, "depth": 2, "width": 4}
    },
}
SIZES = [
    (build, name)
    for build in BUILT
    for name, about in inspect.signature(build).parameters.items()
    if about.annotation in (int, Sequence[int]) and name != "n_layers"  # 2 or 3
]


def test_every_builder_is_tried():
    defined = {
        f
        for _, f in inspect.getmembers(networks, inspect.isfunction)
        if f.__module__ == networks.__name__
    }
    assert {f.__name__ for f in defined} == {f.__name__ for f in BUILT}


@pytest.mark.parametrize(("build", "name"), SIZES)
@pytest.mark.parametrize("wrong", [-1, 0, 1.5, "2", True, None])
def test_every_size_is_refused_in_one_sentence(build, name, wrong):
    if wrong == 0 and name == "padding":
        return
    many, plain = name == "widths", inspect.unwrap(build)  # without the types' check
    for value in ([3, wrong], [wrong, 3]) if many else (wrong,):
        with pytest.raises(HlnbError, match=rf"^{name} = .*: take a whole"):
            plain(**{**BUILT[build], name: value})


def test_sizes_that_do_not_fit_together():
    for side in (1, 3, 5, 7):
        with pytest.raises(HlnbError, match=f"an image of {side} × {side} pixels: ra"):
            networks.image_network(side=side)
    assert networks.image_network(side=8).layers
    with pytest.raises(HlnbError, match=r"widths = 3 is no list: take \[3\]"):
        inspect.unwrap(networks.mlp)(d=2, widths=3)


@pytest.mark.parametrize(
    ("law", "sd"), [(Glorot(), math.sqrt(2 / (300 + 200))), (Normal(0.02), 0.02)]
)
def test_other_initializations_have_their_law(law, sd):
    """Zero biases; the sd of n draws is within 6 sigma (normal: 1/√(2n) relative)."""
    params = Affine("a", 300, 200).init(stream(0, "init"), law)
    assert not params["a.bias"].any()
    found = float(params["a.weight"].double().std())
    assert abs(found / sd - 1) < 6 / math.sqrt(2 * 300 * 200)


def test_a_head_reads_the_layer_it_is_named_for():
    model = toy_network(d=40, n_classes=3, channels=4)
    params = double(model.init(stream(0, "init")))
    x = torch.randn(5, 40, dtype=torch.float64, generator=stream(0, "x"))
    seen = model.apply(params, x, stop=1).flatten(1)
    expected = F.linear(seen, params["conv_head.weight"], params["conv_head.bias"])
    assert torch.allclose(model.apply(params, x, exit="conv"), expected, rtol=1e-12)
    assert "conv_head" not in model.names
    without = Model(model.layers).init(stream(0, "init"))
    assert all(
        torch.equal(v, model.init(stream(0, "init"))[k]) for k, v in without.items()
    )


@pytest.mark.parametrize("pool", [1, 2, 3])
def test_pooling_first_changes_neither_outputs_nor_gradients(pool):
    """ReLU and maximum commute; channels last is only a layout."""
    layer = Conv("c", 3, 4, 4, dims=2, pool=pool)
    drawn = double(layer.init(stream(0, "init"), Uniform()))
    x = torch.randn(5, 3, 12, 12, dtype=torch.float64, generator=stream(0, "x"))
    tell = torch.randn(5, 4, 9 // pool, 9 // pool, generator=stream(0, "y")).double()
    found = []
    for kind in ("ours", "textbook"):
        params = {k: v.clone().requires_grad_() for k, v in drawn.items()}
        own = x.clone().requires_grad_()
        if kind == "ours":
            out = layer.apply(params, own)
        else:
            out = F.conv2d(own, params["c.weight"], params["c.bias"]).relu()
            out = F.max_pool2d(out, pool)
        (out * tell).sum().backward()
        found.append([out, own.grad, *(v.grad for v in params.values())])
    for ours, textbook in zip(*found, strict=True):
        assert torch.allclose(ours, textbook, rtol=1e-12, atol=1e-14)


def test_a_skip_adds_the_input():
    plain, skip = (Affine("a", 4, 4, skip=skip) for skip in (False, True))
    params = double(plain.init(stream(0, "init"), Uniform()))
    x = torch.randn(3, 2, 2, dtype=torch.float64, generator=stream(0, "x"))
    torch.testing.assert_close(
        skip.apply(params, x), plain.apply(params, x) + x.flatten(1)
    )
    with pytest.raises(HlnbError, match="cannot add 4 inputs to 3 outputs"):
        Affine("a", 4, 3, skip=True)


def test_the_image_network_has_a_head_after_each_convolution():
    model = image_network(side=16, channels=3, hidden=7)
    params = model.init(stream(0, "init"))
    x = torch.randn(2, 3, 16, 16, generator=stream(0, "x"))
    for exit in ("conv1", "conv2"):
        assert model.apply(params, x, exit=exit).shape == (2, 10)
    assert greedy(model, epochs=1).epochs == 3


def test_an_exit_that_is_none_is_refused_with_those_there_are():
    network = toy_network(d=40, n_classes=2)
    for exit in ("readout", "nowhere"):
        with pytest.raises(HlnbError, match=rf"{exit!r}.*: its exits are conv\."):
            network.path(exit)
    with pytest.raises(HlnbError, match="none but the readout"):
        Model(network.layers).path("conv")
