"""Linear equations modulo 2, solved by Gaussian elimination on 64 bits at a time."""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Integer, UInt64

from hlnb.errors import HlnbError, at_least

WORD = 64  # coefficients in one machine word

Bits = Bool[np.ndarray, "*n d"] | Integer[np.ndarray, "*n d"]
Sums = Bool[np.ndarray, " n"] | Integer[np.ndarray, " n"]
Words = UInt64[np.ndarray, "*n word"]


class Solution(NamedTuple):
    """What n equations Σ_j Z_ij s_j = b_i (mod 2) say about d unknown bits s."""

    rank: int
    consistent: bool  # whether some s satisfies them all
    s: Bool[np.ndarray, " d"] | None  # one that does, unknowns left free at 0
    unique: bool  # whether no other s does


def pack(bits: Bits) -> Words:
    """Rows of bits as rows of words; bit j of a row is bit j % 64 of word j // 64.

    Refuses what is not 0 or 1.
    """
    if bits.size and not ((bits == 0) | (bits == 1)).all():
        raise HlnbError("Equations modulo 2 are made of 0 and 1: map ±1 to (1 − x)/2.")
    *shape, d = bits.shape
    padded = np.zeros((*shape, -(-d // WORD) * WORD), np.uint8)
    padded[..., :d] = bits
    return np.packbits(padded, axis=-1, bitorder="little").view("<u8")


def _eliminate(words: Words, d: int) -> list[int]:
    """The columns below `d` that have a pivot; `words` is reduced in place.

    Row i ends with the pivot of the i-th of them, the only 1 of its column.
    """
    pivots: list[int] = []
    for column in range(d):
        word, bit = divmod(column, WORD)
        has = (words[:, word] >> np.uint64(bit) & np.uint64(1)).astype(bool)
        top = len(pivots)
        if not has[top:].any():
            continue
        row = top + int(has[top:].argmax())
        words[[top, row]] = words[[row, top]]
        has[[top, row]] = has[[row, top]]
        has[top] = False
        # Words to the left hold earlier columns, in which the pivot's row may have free
        # unknowns; the row is added whole.
        words[has] ^= words[top]
        pivots.append(column)
    return pivots


def solve(bits: Bits, b: Sums) -> Solution:
    """The Solution of the equations with coefficients `bits` (n, d) and sums `b`.

    About n·d²/64 word operations; 522 equations in 512 unknowns take some 30 ms.
    """
    d = bits.shape[1]
    words = pack(np.concatenate([bits, b[:, None]], axis=1))
    pivots = _eliminate(words, d)
    word, bit = divmod(d, WORD)
    sums = (words[:, word] >> np.uint64(bit) & np.uint64(1)).astype(bool)
    rank = len(pivots)
    if sums[rank:].any():  # a row that reads 0 = 1
        return Solution(rank, False, None, False)
    s = np.zeros(d, bool)
    s[pivots] = sums[:rank]
    return Solution(rank, True, s, rank == d)


def rank(bits: Bits) -> int:
    """The rank of the matrix `bits` (n, d) modulo 2."""
    return len(_eliminate(pack(bits), bits.shape[1]))


def ranks(
    bits: Bool[np.ndarray, "trial n d"] | Integer[np.ndarray, "trial n d"],
) -> Integer[np.ndarray, " trial"]:
    """The ranks of many matrices of up to 64 columns, eliminated side by side.

    Refuses more columns.
    """
    trials, _, d = bits.shape
    if d > WORD:
        raise HlnbError(f"{d} columns do not fit a word of {WORD} bits: call `rank`.")
    words = pack(bits)[..., 0]
    unused = np.ones(words.shape, bool)  # rows that are no pivot's yet
    found = np.zeros(trials, int)
    each = np.arange(trials)
    for column in range(d):
        has = (words >> np.uint64(column) & np.uint64(1)).astype(bool) & unused
        row = has.argmax(1)
        there = has[each, row]
        has[each, row] = False
        unused[each[there], row[there]] = False
        words ^= np.where(has, words[each, row][:, None], np.uint64(0))
        found += there
    return found


def full_rank_probability(n: int, d: int) -> float:
    """P(rank d) of n uniform rows of d bits: Π_{j=1..d} (1 − 2^−(n−d+j)).

    Row by row: d columns in n dimensions are independent if each avoids the span of
    those before it, 2^i of 2^n points after i columns.
    """
    at_least(0, n=n)
    at_least(1, d=d)
    if n < d:
        return 0.0
    return math.prod(1 - 2.0 ** -(n - d + j) for j in range(1, d + 1))


def clean_probability(n: int, d: int, *, noise: float) -> float:
    """P(elimination finds s) from n uniform equations, some of whose sums are wrong.

    `noise`: the probability that a sum is wrong. (1 − noise)^n times P(rank d): once a
    sum is wrong, either nothing satisfies all equations, or something else does.
    """
    return (1 - noise) ** n * full_rank_probability(n, d)


class Attempt(NamedTuple):
    """What repeated elimination found among equations some of which are wrong."""

    s: Bool[np.ndarray, " d"] | None  # None: nothing, in all systems
    tries: int


def solve_noisy(
    systems: Iterable[tuple[np.ndarray, np.ndarray]], *, held: tuple[Bits, Sums]
) -> Attempt:
    """The first s that solves one of the `systems` and fits 3/4 of further equations.

    `held`: these. A system without a wrong sum gives the right s, which fits all sums
    that are right; any other s fits about half.
    """
    tries, (bits, b) = 0, held
    for tries, system in enumerate(systems, start=1):
        found = solve(*system)
        if found.unique and (bits[:, found.s].sum(1) % 2 == b).mean() > 0.75:
            return Attempt(found.s, tries)
    return Attempt(None, tries)
