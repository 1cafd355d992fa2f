"""The layer-wise learner that Ren et al. prove to learn random hierarchies.

Source: Ren, Dandi, Krzakala and Lee 2026. A layer sees patches of the level below as
random Fourier features and predicts the label from the first patch alone, by ridge
regression on fresh strings; its outputs, scaled to sum to one, are the tokens of the
next layer. Equal patches are grouped, so that a solve costs no more than there are
different ones. Level 1 is nearest the input.
"""

import math
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from hlnb.data.hierarchy import RandomHierarchy
from hlnb.errors import HlnbError
from hlnb.kept import kept
from hlnb.seeding import stream

FREQUENCIES = 500  # M
SHARE = 0.3  # width of the kernel, in units of the median distance of tokens
N_TEST = 2000
FEW = 500  # tokens among which the median distance is taken

Vectors = Float[np.ndarray, "_n _dim"]
Codes = Int[np.ndarray, "_n _position"]


class Balanced(RandomHierarchy):
    """A grammar in which every symbol begins equally many tuples.

    So Ren et al. draw rules where they show that their condition on the signal holds:
    for each first symbol m tuples, dealt at random, m to each feature. Refuses all but
    s = 2 and n_c = v.
    """

    def __post_init__(self):
        super().__post_init__()
        if self.tuple_size != 2 or self.n_classes != self.vocab_size:
            raise HlnbError(
                "Each symbol begins m tuples if there are m for each feature: take s = "
                "2 and n_c = v."
            )

    @cached_property
    def rules(self) -> tuple[Int[Tensor, "_ m s"], ...]:
        v, m = self.vocab_size, self.n_synonyms
        found = []
        for level in range(1, self.depth + 1):
            generator = stream(self.seed, f"balanced rules of level {level}")
            second = [torch.randperm(v, generator=generator)[:m] for _ in range(v)]
            first = torch.arange(v).repeat_interleave(m)
            tuples = torch.stack([first, torch.cat(second)], 1)
            order = torch.randperm(v * m, generator=generator)
            found.append(tuples[order].view(v, m, 2))
        return tuple(found)


class FourierLayer(NamedTuple):
    """One trained layer: W, and the frequencies of its random features."""

    frequencies: Float[np.ndarray, "_frequency _input"]
    weights: Float[np.ndarray, "_label _feature"]

    def __call__(self, patches: Vectors) -> Vectors:
        """What it makes of patches: W x / ⟨1, W x⟩."""
        made = fourier(patches, self.frequencies) @ self.weights.T
        return made / made.sum(1, keepdims=True)


def fourier(patches: Vectors, frequencies: Vectors) -> Vectors:
    """M^(−1/2) (cos ⟨w, h⟩, sin ⟨w, h⟩) for each of M frequencies w."""
    angles = patches @ frequencies.T
    both = np.concatenate([np.cos(angles), np.sin(angles)], 1)
    return both / math.sqrt(len(frequencies))


def ridge(
    x: Float[np.ndarray, "patch feature"],
    counts: Float[np.ndarray, "patch label"],
    *,
    penalty: float,
) -> Float[np.ndarray, "label feature"]:
    """W with the least ½ E‖e_label − W x‖² + ½ · penalty · ‖W‖².

    counts: how often each patch was seen with each label, at least once.
    """
    joint = counts / counts.sum()
    root = np.sqrt(joint.sum(1, keepdims=True))
    a = root * x
    if len(x) > x.shape[1]:
        gram = a.T @ a + penalty * np.eye(x.shape[1])
        return np.linalg.solve(gram, x.T @ joint).T
    kernel = a @ a.T + penalty * np.eye(len(x))
    return (a.T @ np.linalg.solve(kernel, joint / root)).T


def grouped(ids: Codes, size: int) -> tuple[Codes, Codes]:
    """Each different tuple of `size` tokens once, and which one stands where."""
    n, positions = ids.shape
    tuples = ids.reshape(-1, size)
    codes = tuples[:, 0].astype(np.int64)
    for k in range(1, size):
        codes = codes * (int(ids.max()) + 1) + tuples[:, k]
    _, first, where = np.unique(codes, return_index=True, return_inverse=True)
    return tuples[first], where.reshape(n, positions // size)


def represented(
    layers: Sequence[FourierLayer], strings: Codes, *, vocab_size: int, size: int
) -> tuple[Codes, Vectors]:
    """What the layers make of strings: which token stands where, and its vector."""
    ids, table = strings, np.eye(vocab_size)
    for layer in layers:
        tuples, ids = grouped(ids, size)
        table = layer(table[tuples].reshape(len(tuples), -1))
    return ids, table


def fit(problem: RandomHierarchy, n: int, *, seed: int) -> list[FourierLayer]:
    """The layers, from the input up, each from `n` fresh strings."""
    mine, s = problem.with_seed(seed), problem.tuple_size
    layers: list[FourierLayer] = []
    for level in range(1, mine.depth + 1):
        generator = stream(seed, f"strings for level {level}")
        drawn = mine.derive(n, generator=generator)
        first = drawn.symbols[0][:, : s**level].numpy()
        ids, table = represented(layers, first, vocab_size=mine.vocab_size, size=s)
        tuples, where = grouped(ids, s)
        patches = table[tuples].reshape(len(tuples), -1)
        width = SHARE * _median_distance(table[:FEW])
        shape = (FREQUENCIES, patches.shape[1])
        draws = torch.randn(shape, generator=generator, dtype=torch.float64)
        frequencies = draws.numpy() / width
        counts = np.zeros((len(tuples), mine.n_classes))
        np.add.at(counts, (where[:, 0], drawn.labels.numpy()), 1)
        penalty = 1 / (mine.n_synonyms * mine.features(level))
        weights = ridge(fourier(patches, frequencies), counts, penalty=penalty)
        layers.append(FourierLayer(frequencies, weights))
    return layers


def _median_distance(table: Vectors) -> float:
    squares = np.square(table).sum(1)
    apart = squares[:, None] + squares - 2 * table @ table.T
    pairs = apart[np.triu_indices(len(table), 1)]
    return float(np.sqrt(np.median(pairs.clip(min=0)))) or 1.0


class LevelByLevel(NamedTuple):
    """How the learner did."""

    error: float  # on test strings, over that of guessing
    within: Float[np.ndarray, " level"]  # share of outputs' variance within features


@kept
def learned(problem: RandomHierarchy, n: int, *, seed: int) -> LevelByLevel:
    """How the learner does on the grammar of `seed`, from `n` strings a level."""
    mine, s = problem.with_seed(seed), problem.tuple_size
    layers = fit(mine, n, seed=seed)
    drawn = mine.derive(N_TEST, generator=stream(seed, "test strings"))
    ids, table = drawn.symbols[0].numpy(), np.eye(mine.vocab_size)
    within = []
    for level, layer in enumerate(layers, start=1):
        tuples, ids = grouped(ids, s)
        table = layer(table[tuples].reshape(len(tuples), -1))
        features = drawn.symbols[level].numpy().ravel()
        within.append(within_features(table[ids.ravel()], features))
    wrong = table[ids[:, 0]].argmax(1) != drawn.labels.numpy()
    error = wrong.mean() / (1 - 1 / mine.n_classes)
    return LevelByLevel(float(error), np.array(within))


def within_features(outputs: Vectors, features: Int[np.ndarray, " _n"]) -> float:
    """The share of the variance of outputs that is within features: 0 if synonyms get
    equal outputs, 1 if features say nothing of them."""
    member = np.eye(features.max() + 1)[features]
    sizes = member.sum(0).clip(min=1)
    means = (member.T @ outputs) / sizes[:, None]
    total = np.square(outputs - outputs.mean(0)).sum()
    return float(np.square(outputs - means[features]).sum() / total)
