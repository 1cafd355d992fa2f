"""A convolution over rows and the affine layer above it, without the blank windows.

A toy problem's row is blank but for its patterns, and every blank window gives the same
activations h0, the ReLU of the biases. So sums over positions l split exactly into

    Σ_l W_l h_l = (Σ_l W_l) h0 + Σ_{l not blank} W_l (h_l - h0),

and what a step adds to every W_l alike is kept once, in C: W_l = V_l + C. A step then
costs the same at every length of a row. Windows are sorted by position, so that each
V_l is read once a pass. Numba compiles the two loops over positions, rows of weights
and outputs stay in registers (`vectors`), and tests hold all of it to autograd.
"""

import hashlib
import inspect
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from hlnb.models.layers import Affine, Conv, Params
from hlnb.training.fast import vectors
from hlnb.training.fast.vectors import (
    compiled,
    dot,
    load,
    plus,
    rectified,
    store,
    zeros,
)

# Numba compiles a kept loop anew when its own file changes: `vectors` belongs to it
LANES = hashlib.sha256(Path(vectors.__file__).read_bytes()).hexdigest()[:8]


class Windows(NamedTuple):
    """The windows of some rows that are not blank, sorted by position."""

    row: Int[np.ndarray, " window"]  # which row a window is of, counted in the batch
    source: Int[np.ndarray, " window"]  # and in all rows
    at: Int[np.ndarray, " window"]  # the position of a window
    where: Int[np.ndarray, " position"]  # positions that have a window
    first: Int[np.ndarray, " position+1"]  # where the windows of each begin
    n: int  # rows in the batch


class Rows:
    """Rows of pixels, and where their windows of `size` pixels are not blank."""

    def __init__(self, x: Float[Tensor, "n d"], size: int):
        self.x, self.size = x.contiguous().numpy(), size
        self.first, self.at = _find(self.x, size)  # row i: at[first[i] : first[i + 1]]

    def windows(self, chosen: Int[Tensor, " batch"]) -> Windows:
        """The windows of the chosen rows."""
        positions = self.x.shape[1] - self.size + 1
        found = _sort(positions, self.first, self.at, chosen.numpy())
        return Windows(*found, n=len(chosen))


@compiled
def _find(x, size):
    (n, d), positions = x.shape, x.shape[1] - size + 1
    first = np.zeros(n + 1, np.int64)
    found = np.empty(0, np.int32)
    for filling in (False, True):
        count = 0
        for i in range(n):
            done = 0  # windows before this position are
            for p in range(d):
                if x[i, p] != 0:
                    for at in range(max(done, p - size + 1), min(p + 1, positions)):
                        if filling:
                            found[count] = at
                        count += 1
                    done = min(p + 1, positions)
            first[i + 1] = count
        if not filling:
            found = np.empty(count, np.int32)
    return first, found


@compiled
def _sort(positions, begin, found, chosen):
    first = np.zeros(positions + 1, np.int32)
    for i in chosen:
        for k in range(begin[i], begin[i + 1]):
            first[found[k] + 1] += 1
    for at in range(positions):
        first[at + 1] += first[at]
    place, row = first[:-1].copy(), np.empty(first[-1], np.int32)
    source, place_of = np.empty_like(row), np.empty_like(row)
    for r in range(len(chosen)):
        i = chosen[r]
        for k in range(begin[i], begin[i + 1]):
            j = place[found[k]]
            place[found[k]] += 1
            row[j], source[j], place_of[j] = r, i, found[k]
    where = np.flatnonzero(np.diff(first))
    return row, source, place_of, where, np.append(first[where], first[-1])


class Forward(NamedTuple):
    """What a step needs of its forward pass."""

    active: Float[np.ndarray, "window channel"]  # h_l
    extra: Float[np.ndarray, "window channel"]  # h_l - h0
    blank: Float[np.ndarray, "1 channel"]  # h0
    sums: Float[np.ndarray, "n channel"]  # Σ_l (h_l - h0)


class RowWeights(NamedTuple):
    """The parameters of both layers, as the loops need them, and two sums."""

    filters: Float[np.ndarray, "size channel"]  # a copy
    shift: Float[np.ndarray, "1 channel"]
    own: Float[np.ndarray, "position channel unit"]  # V
    common: Float[np.ndarray, "channel unit"]  # C
    total: Float[np.ndarray, "channel unit"]  # Σ_l W_l
    bias: Float[np.ndarray, " unit"]


class Lower:
    """The convolution and the layer above it, as they are in `params`.

    `params` holds the upper weights as `laid_out` has them. Between steps the weights
    of both layers there lag behind, until `settle` is called.
    """

    def __init__(self, conv: Conv, affine: Affine, params: Params):
        channels, units = conv.channels_out, affine.n_out
        self.names = (f"{conv.name}.weight", f"{affine.name}.weight")
        self.filters, upper = (params[name] for name in self.names)
        own = upper.mT.numpy().reshape(-1, channels, units)
        self.weights = RowWeights(
            self.filters.squeeze(1).mT.contiguous().numpy(),
            params[f"{conv.name}.bias"].unsqueeze(0).numpy(),
            own,
            *np.zeros((2, channels, units), own.dtype),
            params[f"{affine.name}.bias"].numpy(),
        )
        own.sum(0, out=self.weights.total)
        self._forward, self._descend = _loops(channels, units, conv.size)

    def forward(
        self, x: Float[np.ndarray, "row d"], seen: Windows
    ) -> tuple[Float[np.ndarray, "n unit"], Forward]:
        """Outputs before the ReLU for the chosen of `x`, and what `descend` needs."""
        return self._forward(x, seen, self.weights)

    def descend(
        self,
        x: Float[np.ndarray, "row d"],
        seen: Windows,
        kept: Forward,
        slope: Float[np.ndarray, "n unit"],
        *,
        lr: float,
        learns: tuple[bool, bool],
    ) -> None:
        """A step in place; slope: the loss by the outputs; learns: (conv, affine)."""
        self._descend(x, seen, kept, slope, slope.dtype.type(lr), learns, self.weights)

    def now(self) -> dict[str, Tensor]:
        """The weights of both layers as they are now."""
        upper = self.weights.own + self.weights.common
        upper = torch.from_numpy(upper.reshape(-1, upper.shape[2])).mT
        filters = torch.from_numpy(self.weights.filters.copy()).mT.unsqueeze(1)
        return dict(zip(self.names, (filters, upper), strict=True))

    def settle(self) -> None:
        """Brings `params` up to date."""
        filters, _, own, common, total, _ = self.weights
        self.filters.copy_(torch.from_numpy(filters).mT.unsqueeze(1))
        own += common
        common[:] = 0
        own.sum(0, out=total)


def laid_out(affine: Affine, params: dict[str, Tensor]) -> None:
    """Puts the weights above a convolution in memory input after input, not unit after
    unit: their values and their shape stay."""
    name = f"{affine.name}.weight"
    params[name] = params[name].mT.contiguous().mT


@cache
def _loops(channels: int, units: int, size: int) -> tuple[Callable, Callable]:
    """A forward pass and a step for layers of this size, two windows at a time: what
    is read of one position's weights then serves twice."""

    def forward(x, seen, weights):
        filters, shift, own, common, total, bias = weights
        row, source, at, where, first, n = seen
        active = np.empty((len(row), channels), own.dtype)
        extra, blank = np.empty_like(active), np.maximum(shift, 0)
        sums, out = np.zeros((n, channels), own.dtype), np.empty((n, units), own.dtype)
        out[:] = bias + blank[0] @ total
        one = own.dtype.type(1)
        for j in range(len(row)):
            h, i, a = load(channels, shift, 0), source[j], at[j]
            for t in range(size):
                h = plus(h, x[i, a + t], load(channels, filters, t))
            h = rectified(h, h)
            store(active, j, h)
            h = plus(h, -one, load(channels, blank, 0))
            store(extra, j, h)
            store(sums, row[j], plus(load(channels, sums, row[j]), one, h))
        for p in range(len(where)):
            here, end = own[where[p]], first[p + 1]
            for j in range(first[p], end, 2):
                k = min(j + 1, end - 1)  # an odd one twice: it is written, not added
                y, z = load(units, out, row[j]), load(units, out, row[k])
                for c in range(channels):
                    w = load(units, here, c)
                    y, z = plus(y, extra[j, c], w), plus(z, extra[k, c], w)
                store(out, row[j], y)
                store(out, row[k], z)
        out += sums @ common
        return out, Forward(active, extra, blank, sums)

    def descend(x, seen, kept, slope, lr, learns, weights):
        filters, shift, own, common, total, bias = weights
        row, source, at, where, first, _ = seen
        active, extra, blank, sums = kept
        every, back = slope.sum(0), slope @ common.T
        down, step, one = np.empty_like(active), -lr * slope, own.dtype.type(1)
        for p in range(len(where)):
            here, end = own[where[p]], first[p + 1]
            if learns[0]:
                for j in range(first[p], end, 2):
                    k = min(j + 1, end - 1)
                    d, e = load(units, slope, row[j]), load(units, slope, row[k])
                    for c in range(channels):
                        w = load(units, here, c)
                        down[j, c], down[k, c] = dot(d, w), dot(e, w)
            if learns[1]:
                for c in range(0, channels, 2):
                    b = min(c + 1, channels - 1)
                    v, w = load(units, here, c), load(units, here, b)
                    for j in range(first[p], end):
                        d = load(units, step, row[j])
                        v, w = plus(v, extra[j, c], d), plus(w, extra[j, b], d)
                    store(here, c, v)
                    store(here, b, w)
        if learns[0]:
            blanks = load(channels, (total @ every).reshape(1, -1), 0)
            moved, by_filter = zeros(channels, one), np.zeros_like(filters)
            for j in range(len(row)):
                g = load(channels, back, row[j])
                g = plus(g, one, load(channels, down, j))
                blanks = plus(blanks, -one, g)
                g = rectified(g, load(channels, active, j))
                moved = plus(moved, one, g)
                store(down, j, g)
            for j in range(0, len(row), 2):
                k = min(j + 1, len(row) - 1)
                g, h = load(channels, down, j), load(channels, down, k)
                if j == k:  # an odd one counts once
                    h = zeros(channels, one)
                i, a, m, b = source[j], at[j], source[k], at[k]
                for t in range(size):
                    now = plus(load(channels, by_filter, t), x[i, a + t], g)
                    store(by_filter, t, plus(now, x[m, b + t], h))
            moved = plus(moved, one, rectified(blanks, load(channels, blank, 0)))
            store(shift, 0, plus(load(channels, shift, 0), -lr, moved))
            filters -= lr * by_filter
        if learns[1]:
            every *= lr
            common -= np.outer(blank[0], every)
            total -= np.outer(len(own) * blank[0], every) + lr * (sums.T @ slope)
            bias -= every

    for loop in (forward, descend):  # Numba finds a kept function by its name alone
        loop = inspect.unwrap(loop)
        name = f"{loop.__name__}_{channels}_{units}_{size}_{LANES}"
        loop.__qualname__ = loop.__name__ = name
    return compiled(forward), compiled(descend)
