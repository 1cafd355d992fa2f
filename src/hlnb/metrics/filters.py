"""What image filters look for, and which inputs and patches excite them most.

Filters are (…, filter, 3, h, w), in planes of red, green and blue; a filter's energy is
the sum of its squares. Activations are (n, channel, height, width). A place is (image,
row, column), the first pixel of a patch.
"""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, Real
from torch import Tensor

PADDED = 15  # samples of the spectrum along each axis; odd: none is its own mirror
GREY = np.ones(3) / np.sqrt(3)  # the direction in which red, green and blue are equal


def _energy(
    filters: Real[np.ndarray, "*batch filter 3 h w"],
) -> Float[np.ndarray, "*batch filter"]:
    return (filters**2).sum((-3, -2, -1))


def mean_share(
    filters: Real[np.ndarray, "*batch filter 3 h w"],
) -> Float[np.ndarray, "*batch filter"]:
    """Share of a filter's energy in its mean colour, 0 to 1; 1: it ignores all form.

    Independent entries of mean 0 give 1/(h·w) on average.
    """
    flat = np.broadcast_to(filters.mean((-2, -1), keepdims=True), filters.shape)
    return _energy(flat) / _energy(filters)


def orientation(
    filters: Real[np.ndarray, "*batch filter 3 h w"],
) -> Float[np.ndarray, "*batch filter"]:
    """How far a filter prefers one orientation, 0 to 1; 1: its waves are all parallel.

    From the Fourier energy P(k) of the filter without its mean colour: the matrix
    T = Σ P k kᵀ/|k|² has eigenvalues a ≥ b, and the result is (a − b)/(a + b).
    A step edge across 4×4 pixels has 0.59: so small a window blurs directions. NaN for
    a filter of one colour everywhere.
    """
    form = filters - filters.mean((-2, -1), keepdims=True)
    spectrum = np.fft.fft2(form, s=(PADDED, PADDED))
    power = (np.abs(spectrum) ** 2).sum(-3)  # all colours
    k = np.fft.fftfreq(PADDED)
    down, across = np.meshgrid(k, k, indexing="ij")
    square = down**2 + across**2
    square[0, 0] = 1  # a filter without its mean has no energy there
    total = power.sum((-2, -1))
    straight = (power * (across**2 - down**2) / square).sum((-2, -1))
    slanted = (power * 2 * across * down / square).sum((-2, -1))
    with np.errstate(invalid="ignore"):
        return np.hypot(straight, slanted) / total


def colour_share(
    filters: Real[np.ndarray, "*batch filter 3 h w"],
) -> Float[np.ndarray, "*batch filter"]:
    """Share of a filter's energy that sets colours against each other, 0 to 1.

    0: red, green and blue have equal weights at every pixel (the filter sees grey); 1:
    they sum to 0 at every pixel. Independent entries give 2/3 on average.
    """
    grey = np.einsum("...chw,c->...hw", filters, GREY)
    return 1 - (grey**2).sum((-2, -1)) / _energy(filters)


def top_patches(
    activations: Real[np.ndarray, "n channel height width"],
    *,
    count: int = 5,
    one_per_image: bool = True,
) -> Int[np.ndarray, "channel count 3"]:
    """(image, row, column) of the `count` largest activations of each channel.

    Largest first; ties go to the first in reading order. `one_per_image`: neighbouring
    places in one image see almost the same pixels, so only an image's best place
    counts.
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

    `where`: (image, row, column). `images`: (n, height, width, 3); the result:
    (channel, count, side, side, 3).
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

    Patches are on the scale of network inputs, where 0 is the mean image. `form`: the
    mean colour of each patch is subtracted, so that only edges and textures count. NaN
    where a patch is zero.
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

    `places`: positions along a side of an image. The null for `top_patches`.
    """
    shuffled = torch.rand(channels, n_images, generator=generator).argsort(1)
    corners = torch.randint(places, (channels, count, 2), generator=generator)
    return torch.cat([shuffled[:, :count, None], corners], dim=2).numpy()


STEPS = 150


def best_inputs(
    answers: Callable[[Tensor], Tensor],
    first: Float[Tensor, "start channel *input"],
    *,
    norm: float,
) -> tuple[Float[Tensor, "start channel *input"], Float[Tensor, "start channel"]]:
    """Inputs of length `norm` to which each channel answers most, and the answers.

    `answers` maps inputs (start, channel, …), one for each channel, to answers (start,
    channel). Gradient ascent on the sphere from `first`, in STEPS steps (Erhan et al.
    2009). Every start climbs to a local maximum; compare the starts to see how many
    there are.
    """

    def long(x: Tensor) -> Tensor:
        return norm * F.normalize(x.flatten(2), dim=2).reshape(x.shape)

    x = long(first)
    for step in range(STEPS):
        x.requires_grad_()
        (uphill,) = torch.autograd.grad(answers(x).sum(), x)
        length = 1 - step / STEPS  # long steps first, short ones to settle
        x = long(x.detach() + length * long(uphill))
    return x, answers(x).detach()
