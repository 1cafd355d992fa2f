"""What the filters of a first layer look for: their mean, orientation and colour."""

import numpy as np
from jaxtyping import Float, Real

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

    Independent entries with mean 0 give 1/(h·w) on average.
    """
    flat = np.broadcast_to(filters.mean((-2, -1), keepdims=True), filters.shape)
    return _energy(flat) / _energy(filters)


def orientation(
    filters: Real[np.ndarray, "*batch filter 3 h w"],
) -> Float[np.ndarray, "*batch filter"]:
    """How far a filter prefers one orientation, 0 to 1; 1: its waves are all parallel.

    From the Fourier energy P(k) of the filter without its mean colour: the matrix
    T = Σ P k kᵀ/|k|² has eigenvalues a ≥ b, and the result is (a − b)/(a + b).
    A step edge across 4×4 pixels has 0.59: so small a window blurs directions. NaN: the
    filter is its mean colour.
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

    0: red, green and blue weigh the same everywhere (the filter sees grey); 1: they add
    up to nothing everywhere. Independent entries give 2/3 on average.
    """
    grey = np.einsum("...chw,c->...hw", filters, GREY)
    return 1 - (grey**2).sum((-2, -1)) / _energy(filters)
