"""Networks that several chapters share.

For rows of pixels and for images, those of the report (Glasgow, Section 5); for
functions on the cube, the residual network of Abbe et al. 2021; for vectors of any
kind, the multilayer perceptron; for strings of symbols, the deep CNN of
Cagnetta et al. 2024, with one layer per level of the hierarchy. All of them refuse a
size that is no whole number from 1 up (a padding: from 0 up).
"""

import math
from collections.abc import Sequence
from itertools import pairwise

from hlnb.errors import HlnbError, at_least
from hlnb.models.layers import (
    Affine,
    Conv,
    Initialization,
    Normal,
    Patch,
    Uniform,
)
from hlnb.models.model import Model


def toy_network(
    *,
    d: int,
    n_classes: int,
    T: int = 16,
    channels: int = 20,
    hidden: int = 100,
    n_layers: int = 3,
    padding: int = 0,
    initialization: Initialization = Uniform(),
) -> Model:
    """The report's network for rows of `d` pixels (Section 5, "Architecture").

    Three layers: `conv` (`channels` filters of length T), `hidden`, `readout`. Two
    layers: without `hidden`; the report says that it tried this too. One auxiliary
    head, after `conv`, waits for a schedule that uses it. Padding and initialization
    are not in the report. Refuses other numbers of layers, and filters longer than the
    padded row.
    """
    at_least(1, d=d, T=T, n_classes=n_classes, channels=channels, hidden=hidden)
    at_least(0, padding=padding)
    if n_layers not in (2, 3):
        raise HlnbError(f"The report's networks have 2 or 3 layers, not {n_layers}.")
    if d + 2 * padding < T:
        raise HlnbError(
            f"Filters of length T = {T} do not fit a row of d = {d} pixels."
        )
    conv = Conv("conv", 1, channels, T, dims=1, padding=padding)
    flat = channels * conv.side(d)
    if n_layers == 2:
        readout = Affine("readout", flat, n_classes, relu=False)
        return Model((conv, readout), initialization=initialization)
    layers = (
        conv,
        Affine("hidden", flat, hidden),
        Affine("readout", hidden, n_classes, relu=False),
    )
    head = Affine("conv_head", flat, n_classes, relu=False)
    return Model(layers, {"conv": head}, initialization)


def image_network(
    *,
    n_classes: int = 10,
    side: int = 32,
    channels: int = 32,
    size: int = 4,
    hidden: int = 128,
    padding: int = 0,
) -> Model:
    """The report's CNN for RGB images (Section 5.1): four parts, named in order.

    `conv1` (32 filters 4×4) – `conv2` (32 filters 4×4, 2×2 max-pooling) – `hidden` –
    `readout`. Padding, pooling window and width of `hidden` are not in the report.
    Auxiliary heads after both convolutions wait for a schedule that uses them. Refuses
    images that are too small for both convolutions and the pooling.
    """
    at_least(1, side=side, size=size, n_classes=n_classes)
    at_least(1, channels=channels, hidden=hidden)
    at_least(0, padding=padding)
    conv1 = Conv("conv1", 3, channels, size, dims=2, padding=padding)
    conv2 = Conv("conv2", channels, channels, size, dims=2, padding=padding, pool=2)
    first = conv1.side(side)
    second = conv2.side(first)
    if first < 1 or second < 1:
        raise HlnbError(
            f"Two convolutions of {size} × {size} and a pooling leave nothing of an "
            f"image of {side} × {side} pixels: raise side, or lower size."
        )
    flat = channels * second**2
    layers = (
        conv1,
        conv2,
        Affine("hidden", flat, hidden),
        Affine("readout", hidden, n_classes, relu=False),
    )
    heads = {
        "conv1": Affine("conv1_head", channels * first**2, n_classes, relu=False),
        "conv2": Affine("conv2_head", flat, n_classes, relu=False),
    }
    return Model(layers, heads)


def residual_network(
    *, d: int, width: int = 40, depth: int = 5, skip: bool = True
) -> Model:
    """The network of Abbe et al. 2021: `depth` layers, with skips between hidden ones.

    Layers are named `layer1` to `layerN`; all but the last are ReLUs. Hidden layers,
    the last one excepted, have a head of one unit, for schedules that train layer by
    layer with heads. Refuses a depth below 2.
    """
    at_least(2, depth=depth)
    at_least(1, d=d, width=width)
    hidden = [
        Affine(f"layer{i}", width if i > 1 else d, width, skip=skip and i > 1)
        for i in range(1, depth)
    ]
    readout = Affine(f"layer{depth}", width, 1, relu=False)
    heads = {
        layer.name: Affine(f"{layer.name}_head", width, 1, relu=False)
        for layer in hidden[:-1]
    }
    return Model((*hidden, readout), heads)


def mlp(
    *,
    d: int,
    widths: Sequence[int],
    n_out: int = 2,
    skip: bool = False,
    initialization: Initialization = Uniform(),
) -> Model:
    """A multilayer perceptron: ReLU layers `layer1` to `layerN`, and `readout`.

    `widths`: the units of the hidden layers, from the input up. With `skip`, each of
    them but the first adds its input to its output, which takes equal widths. Refuses
    an empty list of widths, and any below 1.
    """
    at_least(1, d=d, widths=widths, n_out=n_out)
    if isinstance(widths, int):
        raise HlnbError(f"widths = {widths} is no list: take [{widths}].")
    sizes = [d, *widths]
    hidden = [
        Affine(f"layer{i}", n_in, n, skip=skip and i > 1)
        for i, (n_in, n) in enumerate(pairwise(sizes), start=1)
    ]
    readout = Affine("readout", sizes[-1], n_out, relu=False)
    return Model((*hidden, readout), initialization=initialization)


def deep_cnn(
    *, vocab_size: int, n_classes: int, tuple_size: int, depth: int, width: int
) -> Model:
    """The deep CNN of Cagnetta et al. 2024: layers `level1` … `levelL`, `readout`.

    Their network has weights N(0, 1), divides each layer's sums by the root of its
    input channels and the readout by the width h, and learns at rate `lr`·h (published:
    0.1·h). Ours is the same one in other units: weights N(0, 1/h²), hidden sums times
    h/√channels, and a rate of `lr`/h. One rate then also fits a readout of common form,
    and auxiliary heads after each level but the last. The readout has a bias, theirs
    none.
    """
    at_least(1, vocab_size=vocab_size, n_classes=n_classes, width=width)
    at_least(1, tuple_size=tuple_size, depth=depth)
    channels = [vocab_size, *[width] * depth]
    layers = [
        Patch(
            f"level{level}",
            channels[level - 1],
            channels[level],
            tuple_size,
            width / math.sqrt(channels[level - 1]),
        )
        for level in range(1, depth + 1)
    ]
    heads = {
        f"level{level}": Affine(
            f"level{level}_head",
            width * tuple_size ** (depth - level),
            n_classes,
            relu=False,
        )
        for level in range(1, depth)
    }
    readout = Affine("readout", width, n_classes, relu=False)
    return Model((*layers, readout), heads, Normal(1 / width))
