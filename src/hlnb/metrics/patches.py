"""Which parts of which images excite a filter most."""

import numpy as np
import torch
from jaxtyping import Float, Int, Real


def top_patches(
    activations: Real[np.ndarray, "n channel height width"],
    *,
    count: int = 5,
    one_per_image: bool = True,
) -> Int[np.ndarray, "channel count 3"]:
    """(image, row, column) of the `count` largest activations of each channel.

    Largest first; ties go to the first in reading order. `one_per_image`: neighbouring
    places in one image see almost the same pixels, so take an image's best place only.
    """
    n, channels, height, width = activations.shape
    by_channel = activations.swapaxes(0, 1).reshape(channels, n, height * width)
    if one_per_image:
        place = by_channel.argmax(2)
        best = np.take_along_axis(by_channel, place[..., None], 2)[..., 0]
        image = np.argsort(-best, axis=1, kind="stable")[:, :count]
        place = np.take_along_axis(place, image, 1)
    else:
        flat = by_channel.reshape(channels, -1)
        order = np.argsort(-flat, axis=1, kind="stable")[:, :count]
        image, place = np.divmod(order, height * width)
    return np.stack([image, place // width, place % width], axis=-1)


def cut(
    images: np.ndarray, where: Int[np.ndarray, "channel count 3"], *, side: int
) -> np.ndarray:
    """The square patches of `side` pixels whose first pixels are at `where`.

    `images`: (n, height, width, 3); the result: (channel, count, side, side, 3).
    """
    image, row, column = np.moveaxis(where, -1, 0)
    offset = np.arange(side)
    rows = (row[..., None] + offset)[..., :, None]
    columns = (column[..., None] + offset)[..., None, :]
    return images[image[..., None, None], rows, columns]


def coherence(
    patches: Real[np.ndarray, "channel count side side 3"], *, form: bool = False
) -> Float[np.ndarray, " channel"]:
    """Mean cosine between the patches of each channel, over all pairs.

    On the scale of network inputs, where 0 is the mean image. `form`: each patch less
    its mean colour, so that only edges and textures count. NaN where a patch is zero.
    """
    values = patches.astype(float)
    if form:
        values = values - values.mean((2, 3), keepdims=True)
    flat = values.reshape(*values.shape[:2], -1)
    with np.errstate(invalid="ignore"):
        unit = flat / np.linalg.norm(flat, axis=2, keepdims=True)
    count = flat.shape[1]
    # |Σ u|² = count + 2 Σ over pairs
    return ((unit.sum(1) ** 2).sum(1) - count) / (count * (count - 1))


def random_places(
    n_images: int,
    *,
    places: int,
    channels: int,
    count: int = 5,
    generator: torch.Generator,
) -> Int[np.ndarray, "channel count 3"]:
    """(image, row, column) drawn uniformly, each channel's from different images.

    `places`: positions along a side of an image. What `top_patches` is held against.
    """
    shuffled = torch.rand(channels, n_images, generator=generator).argsort(1)
    corners = torch.randint(places, (channels, count, 2), generator=generator)
    return torch.cat([shuffled[:, :count, None], corners], dim=2).numpy()
