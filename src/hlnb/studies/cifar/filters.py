"""What the convolutions of an image network answer to: Figure 1 and its controls.

Layer 1 and layer 2 are the two convolutions, whose units see 4×4 and 7×7 pixels (before
pooling). An answer is a unit's output after its ReLU.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, Real
from torch import Tensor

from hlnb.data.images import to_rgb
from hlnb.kept import kept
from hlnb.metrics.filters import best_inputs, coherence, cut, random_places, top_patches
from hlnb.models.layers import Conv, Params
from hlnb.models.model import Model
from hlnb.seeding import stream

LAYERS = (1, 2)
NO_ANSWER = 225  # grey


def _convolutions(model: Model) -> tuple[Conv, Conv]:
    """The two convolutions without pooling."""
    first, second = model.layers[:2]
    return dataclasses.replace(first, pool=1), dataclasses.replace(second, pool=1)


def sides(model: Model) -> dict[int, int]:
    """Side, in pixels, of what a unit sees, by layer."""
    first, second = _convolutions(model)
    return {1: first.size, 2: first.size + second.size - 1}


def answers(
    model: Model, params: Params, images: Float[Tensor, "n 3 h w"]
) -> dict[int, Float[np.ndarray, "n channel height width"]]:
    """Answers of each unit of both layers, at every place of every image."""
    first, second = _convolutions(model)
    with torch.no_grad():
        low = first.apply(params, images)
        high = second.apply(params, low)
    return {1: low.contiguous().numpy(), 2: high.contiguous().numpy()}


def best_answers(
    found: Float[np.ndarray, "n channel height width"],
    where: Int[np.ndarray, "channel count 3"],
) -> Float[np.ndarray, "channel count"]:
    """What each channel answers at these places."""
    image, row, column = np.moveaxis(where, -1, 0)
    return found[image, np.arange(len(where))[:, None], row, column]


def patches(
    found: Mapping[int, Float[np.ndarray, "n channel height width"]],
    images: Float[Tensor, "n 3 h w"],
    model: Model,
) -> dict[int, np.ndarray]:
    """The five patches that excite each channel most, as pictures; grey: no answer."""
    pictures, shown = to_rgb(images), {}
    for layer, outputs in found.items():
        where = top_patches(outputs)
        shown[layer] = cut(pictures, where, side=sides(model)[layer])
        shown[layer][best_answers(outputs, where) <= 0] = NO_ANSWER
    return shown


def coherences(
    found: Mapping[int, Float[np.ndarray, "n channel height width"]],
    images: Float[Tensor, "n 3 h w"],
    model: Model,
    *,
    form: bool,
) -> dict[int, Float[np.ndarray, " channel"]]:
    """Coherence of each channel's five best patches; NaN: fewer than five answers."""
    pixels = images.movedim(1, -1).numpy()
    values = {}
    for layer, outputs in found.items():
        where = top_patches(outputs)
        values[layer] = coherence(
            cut(pixels, where, side=sides(model)[layer]), form=form
        )
        values[layer][best_answers(outputs, where).min(1) <= 0] = np.nan
    return values


def random_coherences(
    images: Float[Tensor, "n 3 h w"],
    model: Model,
    *,
    form: bool,
    seed: int,
    draws: int = 1000,
) -> dict[int, Float[np.ndarray, " draw"]]:
    """Coherence of five patches from random places of five images, for each layer.

    Draws with a patch of one colour, which has no form, are left out.
    """
    pixels = images.movedim(1, -1).numpy()
    generator = stream(seed, "random patches")
    values = {}
    for layer, side in sides(model).items():
        places = pixels.shape[1] - side + 1
        where = random_places(
            len(pixels), places=places, channels=draws, generator=generator
        )
        drawn = coherence(cut(pixels, where, side=side), form=form)
        values[layer] = drawn[~np.isnan(drawn)]
    return values


def typical_length(images: Float[Tensor, "n 3 h w"], side: int) -> float:
    """Median Euclidean norm of the images' patches, on the scale of network inputs."""
    windows = images.unfold(2, side, 1).unfold(3, side, 1)
    return float(windows.square().sum((1, 4, 5)).sqrt().median())


@kept
def best_pictures(
    model: Model,
    params: Params,
    images: Float[Tensor, "n 3 h w"],
    *,
    seed: int,
    starts: int = 8,
) -> dict[int, tuple[Real[np.ndarray, "channel 3 _ _"], Real[np.ndarray, "_ channel"]]]:
    """Activation maximization: by layer, the best patch and what each start found.

    Patches have the `typical_length` of the images' patches. What is maximized is the
    output before the ReLU. In layer 1 the best patch is the filter itself, scaled to
    that length.
    """
    first, second = _convolutions(model)
    found = {}
    for layer, conv in zip(LAYERS, (first, second), strict=True):
        side = sides(model)[layer]
        weight, bias = (params[f"{conv.name}.{part}"] for part in ("weight", "bias"))

        def says(
            x: Tensor, layer: int = layer, weight: Tensor = weight, bias: Tensor = bias
        ) -> Tensor:
            n, channels = x.shape[:2]
            x = x.flatten(0, 1)
            if layer == 2:
                x = first.apply(params, x)
            x = x.reshape(n, channels, -1)
            return (x * weight.flatten(1)).sum(2) + bias

        begin = torch.randn(
            (starts, len(weight), 3, side, side),
            generator=stream(seed, f"activation maximization/{layer}"),
        )
        length = typical_length(images, side)
        inputs, answered = best_inputs(says, begin, norm=length)
        top = answered.argmax(0)
        best = inputs[top, torch.arange(len(weight))]
        found[layer] = best.numpy(), answered.numpy()
    return found


def cosine_to_patches(
    best: Real[np.ndarray, "channel 3 s s"],
    found: Float[np.ndarray, "n channel height width"],
    images: Float[Tensor, "n 3 h w"],
) -> Float[np.ndarray, " channel"]:
    """Cosine of each channel's best input with the mean of its five best patches.

    NaN: fewer than five answers.
    """
    where = top_patches(found)
    pixels = images.movedim(1, -1).numpy()
    mean = cut(pixels, where, side=best.shape[-1]).mean(1)
    pairs = [
        F.cosine_similarity(torch.tensor(a).flatten(), torch.tensor(b).flatten(), dim=0)
        for a, b in zip(np.moveaxis(best, 1, -1), mean, strict=True)
    ]
    cosines = np.array([float(pair) for pair in pairs])
    cosines[best_answers(found, where).min(1) <= 0] = np.nan
    return cosines
