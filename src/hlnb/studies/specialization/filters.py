"""Filters that become detectors of one kind of bar, as the seminar notes describe.

Source: Theodosis 2021, "How neural networks learn features".
"""

import numpy as np
from jaxtyping import Float, Int, Real

from hlnb.data.bars import detectors
from hlnb.errors import at_least
from hlnb.models.layers import Affine
from hlnb.models.model import Model

KINDS = ("upright", "level")


def network(*, side: int, filters: int, relu: bool = True) -> Model:
    """One layer of filters that see the whole picture, and a readout of two classes."""
    at_least(1, side=side, filters=filters)
    first = Affine("filters", side * side, filters, relu=relu)
    return Model((first, Affine("readout", filters, 2, relu=False)))


def by_place(
    filters: Real[np.ndarray, "*n pixel"], side: int
) -> Float[np.ndarray, "*n kind place"]:
    """The response of each filter to each bar, by kind: upright, level."""
    matched = detectors(side).numpy()
    return np.einsum("...p,kip->...ki", filters.astype(float), matched)


def responses(
    filters: Real[np.ndarray, "*n pixel"], side: int
) -> Float[np.ndarray, "*n kind"]:
    """The largest |response| of each filter to a bar of each kind."""
    return abs(by_place(filters, side)).max(-1)


def bars_of(filters: Real[np.ndarray, "*n pixel"], side: int) -> Int[np.ndarray, "*n"]:
    """How many bars of its own kind excite a filter at least half as much as its best.

    By |response|; the best bar itself is one of them.
    """
    found = abs(by_place(filters, side))
    own = np.take_along_axis(
        found, found.max(-1).argmax(-1)[..., None, None], axis=-2
    ).squeeze(-2)
    return (own >= own.max(-1, keepdims=True) / 2).sum(-1)


def specialization(
    filters: Real[np.ndarray, "*n pixel"], side: int
) -> Float[np.ndarray, "*n"] | float:
    """|V − H| / (V + H) of the two responses: 0 for both alike, 1 for one kind alone.

    NaN for a filter that answers to no bar.
    """
    upright, level = np.moveaxis(responses(filters, side), -1, 0)
    with np.errstate(invalid="ignore"):
        return abs(upright - level) / (upright + level)


def kinds(filters: Real[np.ndarray, "n pixel"], side: int) -> Int[np.ndarray, " n"]:
    """0 where a filter answers more to upright bars, 1 where more to level ones."""
    return responses(filters, side).argmax(-1)


def averaged(side: int) -> tuple[np.ndarray, np.ndarray]:
    """The `specialization` of every average of an upright and a level detector, and its
    responses.

    Responses, (pair, kind), are relative to those of the detectors themselves.
    """
    upright, level = detectors(side).numpy()
    pairs = (upright[:, None] + level[None, :]).reshape(-1, side * side) / 2
    own = responses(upright[0], side)[0]
    return specialization(pairs, side), responses(pairs, side) / own
