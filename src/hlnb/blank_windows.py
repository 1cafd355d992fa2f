"""A convolution over rows and the affine layer above it, without the blank windows.

A toy problem's row is blank but for its patterns, and every blank window gives the same
activations h0, the ReLU of the biases. So sums over positions l split exactly into

    Σ_l W_l h_l = (Σ_l W_l) h0 + Σ_{l not blank} W_l (h_l - h0),

and what a step adds to every W_l alike is kept once, in C: W_l = V_l + C. A step then
costs the same at every length of a row. Windows are sorted by position, so that each
V_l is read once a pass. Numba compiles the two loops; tests hold all of it to autograd.
"""

import inspect
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numba
import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from hlnb.models import Affine, Conv, Params

# NaN and infinity stay what they are: a run that diverges has to show it
MATH = {"reassoc", "contract", "nsz", "arcp"}


def _compiled(function: Callable) -> Callable:
    """`function` as machine code, kept on disk, without a type checker around it."""
    compiler = numba.njit(cache=True, nogil=True, fastmath=MATH, error_model="numpy")
    return compiler(inspect.unwrap(function))


class Windows(NamedTuple):
    """The windows of some rows that are not blank, sorted by position."""

    pixels: Float[Tensor, "window size"]
    first: Int[np.ndarray, " position+1"]  # where the windows of a position begin
    row: Int[np.ndarray, " window"]  # which row a window is of


class Rows:
    """Rows of pixels, and where their windows of `size` pixels are not blank."""

    def __init__(self, x: Float[Tensor, "n d"], size: int):
        self.x, self.size = x.contiguous().numpy(), size
        self.first, self.at = _find(self.x, size)  # row i: at[first[i] : first[i + 1]]

    def windows(self, chosen: Int[Tensor, " batch"]) -> Windows:
        """The windows of the chosen rows; `row` counts in the batch."""
        pixels, *order = _sort(self.x, self.first, self.at, chosen.numpy(), self.size)
        return Windows(torch.from_numpy(pixels), *order)


@_compiled
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


@_compiled
def _sort(x, begin, found, chosen, size):
    first = np.zeros(x.shape[1] - size + 2, np.int32)
    for i in chosen:
        for k in range(begin[i], begin[i + 1]):
            first[found[k] + 1] += 1
    for at in range(len(first) - 1):
        first[at + 1] += first[at]
    place, row = first[:-1].copy(), np.empty(first[-1], np.int32)
    pixels = np.empty((first[-1], size), x.dtype)
    for r in range(len(chosen)):
        i = chosen[r]
        for k in range(begin[i], begin[i + 1]):
            at = found[k]
            j = place[at]
            place[at] += 1
            row[j] = r
            for t in range(size):
                pixels[j, t] = x[i, at + t]
    return pixels, first, row


class Kept(NamedTuple):
    """What a step needs of its forward pass."""

    active: Float[np.ndarray, "window channel"]
    blank: Float[np.ndarray, " channel"]  # h0
    sums: Float[np.ndarray, "n channel"]  # Σ_l (h_l - h0)


class Lower:
    """The convolution and the layer above it, as they are in `params`.

    `params` holds the upper weights as `laid_out` has them. Between steps they lag
    behind by what all positions share, until `settle` is called.
    """

    def __init__(self, conv: Conv, affine: Affine, params: Params):
        channels, units = conv.channels_out, affine.n_out
        self.filters = params[f"{conv.name}.weight"].view(channels, -1)
        self.shift = params[f"{conv.name}.bias"]
        weight = params[f"{affine.name}.weight"].mT.numpy()
        self.weight = weight.reshape(-1, channels, units)  # V: (l, channel, unit)
        self.common = np.zeros((channels, units), weight.dtype)  # C
        self.total = self.weight.sum(0)  # Σ_l W_l
        self.bias = params[f"{affine.name}.bias"].numpy()
        self._forward, self._descend = _loops(channels, units)

    def forward(
        self, seen: Windows, n: int
    ) -> tuple[Float[np.ndarray, "n unit"], Kept]:
        """Outputs before the ReLU, for `n` rows, and what `descend` needs."""
        active = torch.addmm(self.shift, seen.pixels, self.filters.mT).relu_().numpy()
        blank = self.shift.relu().numpy()
        upper = (self.weight, self.common, self.total, self.bias)
        out, sums = self._forward(seen.first, seen.row, n, active, blank, *upper)
        return out, Kept(active, blank, sums)

    def descend(
        self,
        seen: Windows,
        kept: Kept,
        slope: Float[np.ndarray, "n unit"],
        *,
        lr: float,
        learns: tuple[bool, bool],
    ) -> None:
        """A step in place; slope: the loss by the outputs; learns: (conv, affine)."""
        upper = (self.weight, self.common, self.total, self.bias)
        rate = slope.dtype.type(lr)
        by_window, by_shift = self._descend(
            seen.first, seen.row, *kept, slope, rate, *learns, *upper
        )
        if learns[0]:
            self.filters.addmm_(torch.from_numpy(by_window).mT, seen.pixels, alpha=-lr)
            self.shift.sub_(torch.from_numpy(by_shift), alpha=lr)

    def upper(self) -> Float[Tensor, "unit pixel"]:
        """The upper weights as they are now."""
        now = self.weight + self.common
        return torch.from_numpy(now.reshape(-1, now.shape[2])).mT

    def settle(self) -> None:
        """Brings the upper weights up to date."""
        self.weight += self.common
        self.common[:] = 0
        self.total = self.weight.sum(0)


def laid_out(affine: Affine, params: dict[str, Tensor]) -> None:
    """Puts the weights above a convolution in memory input after input, not unit after
    unit: their values and their shape stay."""
    name = f"{affine.name}.weight"
    params[name] = params[name].mT.contiguous().mT


@cache
def _loops(channels: int, units: int) -> tuple[Callable, Callable]:
    """A forward pass and a step for layers of this size: constants make them fast.

    Two windows and four channels at a time, so that what is read is used often.
    """
    fours = channels - channels % 4

    def forward(first, row, n, active, blank, weight, common, total, bias):
        out = np.empty((n, units), weight.dtype)
        sums = np.zeros((n, channels), weight.dtype)
        out[:] = bias + blank @ total
        for at in range(len(weight)):
            j, end = first[at], first[at + 1]
            while j + 1 < end:
                y, z = out[row[j]], out[row[j + 1]]
                for c in range(0, fours, 4):
                    p, q = active[j, c] - blank[c], active[j, c + 1] - blank[c + 1]
                    r = active[j, c + 2] - blank[c + 2]
                    s = active[j, c + 3] - blank[c + 3]
                    e, f = (
                        active[j + 1, c] - blank[c],
                        active[j + 1, c + 1] - blank[c + 1],
                    )
                    g = active[j + 1, c + 2] - blank[c + 2]
                    h = active[j + 1, c + 3] - blank[c + 3]
                    for u in range(units):
                        a, b = weight[at, c, u], weight[at, c + 1, u]
                        v, w = weight[at, c + 2, u], weight[at, c + 3, u]
                        y[u] += (p * a + q * b) + (r * v + s * w)
                        z[u] += (e * a + f * b) + (g * v + h * w)
                for c in range(fours, channels):
                    p, e = active[j, c] - blank[c], active[j + 1, c] - blank[c]
                    for u in range(units):
                        y[u] += p * weight[at, c, u]
                    for u in range(units):
                        z[u] += e * weight[at, c, u]
                j += 2
            if j < end:
                y = out[row[j]]
                for c in range(channels):
                    p = active[j, c] - blank[c]
                    for u in range(units):
                        y[u] += p * weight[at, c, u]
        for j in range(len(row)):
            s = sums[row[j]]
            for c in range(channels):
                s[c] += active[j, c] - blank[c]
        out += sums @ common
        return out, sums

    def descend(
        first,
        row,
        active,
        blank,
        sums,
        slope,
        lr,
        lower,
        upper,
        weight,
        common,
        total,
        bias,
    ):
        zero = weight.dtype.type(0)
        every, back = slope.sum(0), slope @ common.T
        by_window, by_shift = np.empty(active.shape, weight.dtype), total @ every
        for at in range(len(weight)):
            j, end = first[at], first[at + 1]
            while lower and j < end:
                k = min(j + 1, end - 1)
                d, e = slope[row[j]], slope[row[k]]
                for c in range(0, fours, 4):
                    p = q = r = s = f = g = h = i = zero
                    for u in range(units):
                        a, b = weight[at, c, u], weight[at, c + 1, u]
                        v, w = weight[at, c + 2, u], weight[at, c + 3, u]
                        y, z = d[u], e[u]
                        p += y * a
                        q += y * b
                        r += y * v
                        s += y * w
                        f += z * a
                        g += z * b
                        h += z * v
                        i += z * w
                    by_window[k, c], by_window[k, c + 1] = f, g
                    by_window[k, c + 2], by_window[k, c + 3] = h, i
                    by_window[j, c], by_window[j, c + 1] = p, q
                    by_window[j, c + 2], by_window[j, c + 3] = r, s
                for c in range(fours, channels):
                    p = f = zero
                    for u in range(units):
                        p += d[u] * weight[at, c, u]
                        f += e[u] * weight[at, c, u]
                    by_window[k, c] = f
                    by_window[j, c] = p
                j += 2
            j = first[at]
            while upper and j + 4 <= end:
                d, e = slope[row[j]], slope[row[j + 1]]
                f, g = slope[row[j + 2]], slope[row[j + 3]]
                for c in range(channels):
                    w = weight[at, c]
                    p = lr * (active[j, c] - blank[c])
                    q = lr * (active[j + 1, c] - blank[c])
                    r = lr * (active[j + 2, c] - blank[c])
                    s = lr * (active[j + 3, c] - blank[c])
                    for u in range(units):
                        w[u] -= (p * d[u] + q * e[u]) + (r * f[u] + s * g[u])
                j += 4
            while upper and j < end:
                d = slope[row[j]]
                for c in range(channels):
                    w = weight[at, c]
                    p = lr * (active[j, c] - blank[c])
                    for u in range(units):
                        w[u] -= p * d[u]
                j += 1
        if lower:
            for j in range(len(row)):
                b = back[row[j]]
                for c in range(channels):
                    g = by_window[j, c] + b[c]
                    by_shift[c] -= g
                    by_window[j, c] = zero if active[j, c] <= 0 else g
            for c in range(channels):
                by_shift[c] = zero if blank[c] <= 0 else by_shift[c]
            for j in range(len(row)):
                for c in range(channels):
                    by_shift[c] += by_window[j, c]
        if upper:
            every *= lr
            common -= np.outer(blank, every)
            total -= np.outer(len(weight) * blank, every) + lr * (sums.T @ slope)
            bias -= every
        return by_window, by_shift

    for loop in (forward, descend):  # Numba finds a kept function by its name alone
        loop = inspect.unwrap(loop)
        loop.__qualname__ = loop.__name__ = f"{loop.__name__}_{channels}_{units}"
    return _compiled(forward), _compiled(descend)
