"""A convolution over rows and the affine layer above it, without the blank windows.

A toy problem's row is blank but for its patterns, and every blank window gives the same
activations h0, the ReLU of the biases. So sums over positions l split exactly into

    Σ_l W_l h_l = (Σ_l W_l) h0 + Σ_{l not blank} W_l (h_l - h0),

and what a step adds to every W_l alike is kept once, in C: W_l = V_l + C. A step then
costs the same at every length of a row. Windows are sorted by position, so that each
V_l is read once a pass. Numba compiles the two loops over positions, rows of weights
and outputs stay in registers (`hlnb.lanes`), and tests hold all of it to autograd.
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

from hlnb import lanes
from hlnb.lanes import compiled, dot, fetch, load, plus, rectified, store, zeros
from hlnb.models import Affine, Conv, Params

# Numba compiles a kept loop anew when its own file changes: `lanes` belongs to it
LANES = hashlib.sha256(Path(lanes.__file__).read_bytes()).hexdigest()[:8]


class Windows(NamedTuple):
    """The windows of some rows that are not blank, sorted by position."""

    chosen: Int[np.ndarray, " batch"]  # which rows
    where: Int[np.ndarray, " position"]  # positions that have a window
    first: Int[np.ndarray, " position+1"]  # where the windows of each begin
    row: Int[np.ndarray, " window"]  # which of the chosen a window is of


class Rows:
    """Rows of pixels, and where their windows of `size` pixels are not blank."""

    def __init__(self, x: Float[Tensor, "n d"], size: int):
        self.x, self.size = x.contiguous().numpy(), size
        self.first, self.at = _find(self.x, size)  # row i: at[first[i] : first[i + 1]]

    def windows(self, chosen: Int[Tensor, " batch"]) -> Windows:
        """The windows of the chosen rows."""
        chosen, positions = chosen.numpy(), self.x.shape[1] - self.size + 1
        return Windows(chosen, *_sort(positions, self.first, self.at, chosen))


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
    for r in range(len(chosen)):
        for k in range(begin[chosen[r]], begin[chosen[r] + 1]):
            row[place[found[k]]] = r
            place[found[k]] += 1
    where = np.flatnonzero(np.diff(first))
    return where, np.append(first[where], first[-1]), row


class Kept(NamedTuple):
    """What a step needs of its forward pass."""

    active: Float[np.ndarray, "window channel"]
    blank: Float[np.ndarray, "1 channel"]  # h0
    sums: Float[np.ndarray, "n channel"]  # Σ_l (h_l - h0)


class Lower:
    """The convolution and the layer above it, as they are in `params`.

    `params` holds the weights as `laid_out` has them. Between steps the upper ones lag
    behind by what all positions share, until `settle` is called.
    """

    def __init__(self, conv: Conv, affine: Affine, params: Params):
        channels, units = conv.channels_out, affine.n_out
        self.filters = params[f"{conv.name}.weight"].squeeze(1).mT.numpy()
        self.shift = params[f"{conv.name}.bias"].unsqueeze(0).numpy()
        weight = params[f"{affine.name}.weight"].mT.numpy()
        self.weight = weight.reshape(-1, channels, units)  # V: (l, channel, unit)
        self.common = np.zeros((channels, units), weight.dtype)  # C
        self.total = self.weight.sum(0)  # Σ_l W_l
        self.bias = params[f"{affine.name}.bias"].numpy()
        self._forward, self._descend = _loops(channels, units, conv.size)

    def forward(
        self, x: Float[np.ndarray, "row d"], seen: Windows
    ) -> tuple[Float[np.ndarray, "n unit"], Kept]:
        """Outputs before the ReLU for the chosen of `x`, and what `descend` needs."""
        out, *kept = self._forward(x, *seen, *self._weights())
        return out, Kept(*kept)

    def descend(
        self,
        x: Float[np.ndarray, "row d"],
        seen: Windows,
        kept: Kept,
        slope: Float[np.ndarray, "n unit"],
        *,
        lr: float,
        learns: tuple[bool, bool],
    ) -> None:
        """A step in place; slope: the loss by the outputs; learns: (conv, affine)."""
        rate = slope.dtype.type(lr)
        self._descend(x, *seen, *kept, slope, rate, *learns, *self._weights())

    def _weights(self) -> tuple[np.ndarray, ...]:
        lower = (self.filters, self.shift)
        return (*lower, self.weight, self.common, self.total, self.bias)

    def upper(self) -> Float[Tensor, "unit pixel"]:
        """The upper weights as they are now."""
        now = self.weight + self.common
        return torch.from_numpy(now.reshape(-1, now.shape[2])).mT

    def settle(self) -> None:
        """Brings the upper weights up to date."""
        self.weight += self.common
        self.common[:] = 0
        self.total = self.weight.sum(0)


def laid_out(conv: Conv, affine: Affine, params: dict[str, Tensor]) -> None:
    """Puts the weights of both layers in memory input after input, not unit after
    unit: their values and their shapes stay."""
    for layer in (conv, affine):
        name = f"{layer.name}.weight"
        params[name] = params[name].movedim(0, -1).contiguous().movedim(-1, 0)


@cache
def _loops(channels: int, units: int, size: int) -> tuple[Callable, Callable]:
    """A forward pass and a step for layers of this size, two windows at a time: what
    is read of one position's weights then serves twice."""

    def forward(
        x, chosen, where, first, row, filters, shift, weight, common, total, bias
    ):
        n, one = len(chosen), weight.dtype.type(1)
        active = np.empty((len(row), channels), weight.dtype)
        extra = np.empty((n, channels), weight.dtype)  # h_l - h0 at one position
        sums = np.zeros((n, channels), weight.dtype)
        blank, out = np.maximum(shift, 0), np.empty((n, units), weight.dtype)
        out[:] = bias + blank[0] @ total
        bottom, h0 = load(channels, shift, 0), load(channels, blank, 0)
        for s in range(len(where)):
            at, begin, end = where[s], first[s], first[s + 1]
            here, soon = weight[at], weight[where[min(s + 1, len(where) - 1)]]
            for c in range(channels):
                fetch(units, soon, c)
            for j in range(begin, end):
                h, i = bottom, chosen[row[j]]
                for t in range(size):
                    h = plus(h, x[i, at + t], load(channels, filters, t))
                h = rectified(h, h)
                store(active, j, h)
                h = plus(h, -one, h0)
                store(extra, j - begin, h)
                store(sums, row[j], plus(load(channels, sums, row[j]), one, h))
            for j in range(begin, end - 1, 2):
                k, y, z = j - begin, load(units, out, row[j]), load(units, out, row[j + 1])
                for c in range(channels):
                    w = load(units, here, c)
                    y, z = plus(y, extra[k, c], w), plus(z, extra[k + 1, c], w)
                store(out, row[j], y)
                store(out, row[j + 1], z)
            if (end - begin) % 2:
                y = load(units, out, row[end - 1])
                for c in range(channels):
                    y = plus(y, extra[end - 1 - begin, c], load(units, here, c))
                store(out, row[end - 1], y)
        out += sums @ common
        return out, active, blank, sums

    def descend(
        x,
        chosen,
        where,
        first,
        row,
        active,
        blank,
        sums,
        slope,
        lr,
        lower,
        upper,
        filters,
        shift,
        weight,
        common,
        total,
        bias,
    ):
        n, one = len(chosen), weight.dtype.type(1)
        down = np.empty((n, channels), weight.dtype)  # by h_l at one position
        extra = np.empty((n, channels), weight.dtype)  # -lr (h_l - h0) there
        every, back = slope.sum(0), slope @ common.T
        by_filter, h0 = np.zeros(filters.shape, weight.dtype), load(channels, blank, 0)
        moved = blanks = zeros(channels, one)
        for s in range(len(where)):
            at, begin, end = where[s], first[s], first[s + 1]
            here, soon = weight[at], weight[where[min(s + 1, len(where) - 1)]]
            for c in range(channels):
                fetch(units, soon, c)
            if lower:
                for j in range(begin, end - 1, 2):
                    k = j - begin
                    d, e = load(units, slope, row[j]), load(units, slope, row[j + 1])
                    for c in range(channels):
                        w = load(units, here, c)
                        down[k, c], down[k + 1, c] = dot(d, w), dot(e, w)
                if (end - begin) % 2:
                    d = load(units, slope, row[end - 1])
                    for c in range(channels):
                        down[end - 1 - begin, c] = dot(d, load(units, here, c))
            if upper:
                for j in range(begin, end):
                    h = plus(load(channels, active, j), -one, h0)
                    store(extra, j - begin, plus(zeros(channels, one), -lr, h))
                for c in range(0, channels - 1, 2):
                    v, w = load(units, here, c), load(units, here, c + 1)
                    for j in range(begin, end):
                        d, k = load(units, slope, row[j]), j - begin
                        v, w = plus(v, extra[k, c], d), plus(w, extra[k, c + 1], d)
                    store(here, c, v)
                    store(here, c + 1, w)
                if channels % 2:
                    w = load(units, here, channels - 1)
                    for j in range(begin, end):
                        d = load(units, slope, row[j])
                        w = plus(w, extra[j - begin, channels - 1], d)
                    store(here, channels - 1, w)
            if lower:
                for j in range(begin, end):
                    g = load(channels, down, j - begin)
                    g = plus(g, one, load(channels, back, row[j]))
                    blanks = plus(blanks, -one, g)
                    g = rectified(g, load(channels, active, j))
                    moved = plus(moved, one, g)
                    store(down, j - begin, g)
                for j in range(begin, end - 1, 2):
                    g = load(channels, down, j - begin)
                    f = load(channels, down, j + 1 - begin)
                    i, k = chosen[row[j]], chosen[row[j + 1]]
                    for t in range(size):
                        now = plus(load(channels, by_filter, t), x[i, at + t], g)
                        store(by_filter, t, plus(now, x[k, at + t], f))
                if (end - begin) % 2:
                    g, i = load(channels, down, end - 1 - begin), chosen[row[end - 1]]
                    for t in range(size):
                        now = load(channels, by_filter, t)
                        store(by_filter, t, plus(now, x[i, at + t], g))
        if lower:
            # blank windows: all there are, less those at the places of the others
            store(extra, 0, plus(blanks, one, load(channels, (total @ every)[None], 0)))
            moved = plus(moved, one, rectified(load(channels, extra, 0), h0))
            store(shift, 0, plus(load(channels, shift, 0), -lr, moved))
            filters -= lr * by_filter
        if upper:
            every *= lr
            common -= np.outer(blank[0], every)
            total -= np.outer(len(weight) * blank[0], every) + lr * (sums.T @ slope)
            bias -= every

    for loop in (forward, descend):  # Numba finds a kept function by its name alone
        loop = inspect.unwrap(loop)
        name = f"{loop.__name__}_{channels}_{units}_{size}_{LANES}"
        loop.__qualname__ = loop.__name__ = name
    return compiled(forward), compiled(descend)
