"""The learner of Ren et al.: what it solves, groups and finds."""

from collections import Counter

import numpy as np
import pytest
import torch

from hlnb.data.hierarchy import RandomHierarchy
from hlnb.errors import HlnbError
from hlnb.studies.random_hierarchy import by_levels

GRAMMAR = by_levels.Balanced(5, 5, 3, depth=2)
RNG = np.random.default_rng(0)


def test_in_a_balanced_grammar_each_symbol_begins_as_many_tuples():
    problem = by_levels.Balanced(5, 5, 3, depth=3, seed=2)
    for rules in problem.rules:
        assert rules.shape == (5, 3, 2)
        assert len({tuple(pair) for pair in rules.view(-1, 2).tolist()}) == 15
        assert set(Counter(rules[..., 0].flatten().tolist()).values()) == {3}
    derived = problem.derive(50, generator=torch.Generator().manual_seed(0))
    for seen, true in zip(
        problem.parse(derived.symbols[0]), derived.symbols, strict=True
    ):
        assert seen.equal(true)
    assert not problem.with_seed(3).rules[0].equal(problem.rules[0])


@pytest.mark.parametrize("sizes", [(5, 4, 3, 2), (5, 5, 3, 3)])
def test_a_balanced_grammar_refuses_other_sizes(sizes):
    with pytest.raises(HlnbError, match="take s = 2 and n_c = v"):
        by_levels.Balanced(*sizes)


@pytest.mark.parametrize("n_features", [3, 40], ids=["fewer", "more"])
def test_the_ridge_has_no_gradient(n_features):
    """Of the loss as it stands, over single strings and not over groups."""
    x = RNG.normal(size=(8, n_features))
    counts = RNG.integers(1, 9, size=(8, 4)).astype(float)
    w = by_levels.ridge(x, counts, penalty=0.2)
    gradient = 0.2 * w
    total = counts.sum()
    for patch in range(8):
        for label in range(4):
            miss = w @ x[patch] - np.eye(4)[label]
            gradient += counts[patch, label] / total * np.outer(miss, x[patch])
    assert np.abs(gradient).max() < 1e-12


def test_grouped_and_single_strings_have_the_same_ridge():
    x = RNG.normal(size=(6, 10))
    patches, labels = RNG.integers(6, size=300), RNG.integers(3, size=300)
    counts = np.zeros((6, 3))
    np.add.at(counts, (patches, labels), 1)
    single = by_levels.ridge(x[patches], np.eye(3)[labels], penalty=0.1)
    assert np.allclose(by_levels.ridge(x, counts, penalty=0.1), single, atol=1e-12)


def test_tuples_are_grouped_where_they_stand():
    ids = np.array([[0, 2, 1, 1], [1, 1, 0, 2], [2, 0, 1, 1]])
    tuples, where = by_levels.grouped(ids, 2)
    assert tuples.tolist() == [[0, 2], [1, 1], [2, 0]]
    assert np.array_equal(tuples[where].reshape(3, 4), ids)


def test_grouped_layers_do_what_layers_do_string_by_string():
    layers = by_levels.fit(GRAMMAR, 60, seed=1)
    drawn = GRAMMAR.with_seed(1).derive(20, generator=torch.Generator().manual_seed(0))
    strings = drawn.symbols[0].numpy()
    ids, table = by_levels.represented(layers, strings, vocab_size=5, size=2)
    h = np.eye(5)[strings]
    for layer in layers:
        patches = h.reshape(len(h), -1, 2 * h.shape[2])
        h = np.stack([layer(patches[:, k]) for k in range(patches.shape[1])], 1)
    assert np.allclose(table[ids], h, atol=1e-10)
    assert np.allclose(h.sum(2), 1)


def test_fourier_features_have_the_kernel_of_their_width():
    a, b = RNG.normal(size=(2, 1, 3))
    made = by_levels.fourier(np.concatenate([a, b]), RNG.normal(size=(20000, 3)) / 2)
    expected = np.exp(-np.square(a - b).sum() / 8)  # four standard deviations: 0.03
    assert made[0] @ made[1] == pytest.approx(expected, abs=0.03)
    assert np.square(made).sum(1) == pytest.approx([1, 1])


def test_synonyms_get_equal_outputs_if_every_string_was_seen():
    """In the limit of many strings: counts are exact label rates, and synonyms' rates
    are the same, so that nothing tells them apart but the ridge."""
    problem = RandomHierarchy(4, 3, 3, depth=2, seed=1)
    every = problem.numbered(torch.arange(problem.n_max))
    tuples, where = by_levels.grouped(every.symbols[0][:, :2].numpy(), 2)
    counts = np.zeros((len(tuples), 3))
    np.add.at(counts, (where[:, 0], every.labels.numpy()), 1)
    w = by_levels.ridge(np.eye(len(tuples)), counts, penalty=1e-9)  # σ → 0
    made = w.T / w.T.sum(1, keepdims=True)
    features = problem.parents[0][problem.code(torch.tensor(tuples))].numpy()
    for feature in set(features):
        assert np.ptp(made[features == feature], axis=0).max() < 1e-9
    found = by_levels.within_features(made, features)
    assert found < 1e-12


def test_within_features_by_hand():
    outputs = np.array([[0.0], [2.0], [4.0], [6.0]])
    features = np.array([0, 0, 2, 2])  # a feature that was not seen is left out
    assert by_levels.within_features(outputs, features) == pytest.approx(4 / 20)


def test_it_learns_from_many_strings_and_not_from_few():
    problem = by_levels.Balanced(8, 8, 4, depth=2)
    few, many = (by_levels.learned.anew(problem, n, seed=40) for n in (64, 4096))
    assert few.error > 0.4
    assert many.error < 0.05
    assert many.within.shape == (2,)
    assert many.within[0] < 0.1 < few.within[1]
