"""Leap: the published examples, and every order tried for random sets of supports."""

from itertools import permutations

import numpy as np
import pytest

from hlnb.data.boolean import is_merged_staircase, leap, prefixes

PUBLISHED = [  # Abbe et al. 2023, coordinates counted from 0
    (((0,), (0, 1), (0, 1, 2)), 1),
    (((0,), (1,), (1, 2, 3)), 2),
    (((0,), (0, 1, 2), (1, 2, 3, 4, 5, 6)), 4),
    (((0, 1, 2), (1, 2, 3)), 3),
]


def by_all_orders(supports):
    """The definition: the least, over orders, of the largest step."""

    def largest(order):
        seen, height = set(), 0
        for support in order:
            height = max(height, len(set(support) - seen))
            seen |= set(support)
        return height

    return min(largest(order) for order in permutations(supports))


def random_supports(rng):
    d, n = rng.integers(1, 8), rng.integers(1, 6)
    chosen = rng.random((n, d)) < rng.uniform(0.1, 0.8)
    return [tuple(np.flatnonzero(row).tolist()) for row in chosen]


@pytest.mark.parametrize(("supports", "height"), PUBLISHED)
def test_the_published_examples(supports, height):
    assert leap(supports) == height
    assert is_merged_staircase(supports) == (height == 1)


def test_the_best_of_all_orders():
    rng = np.random.default_rng([12, 0])
    heights = set()
    for _ in range(400):
        supports = random_supports(rng)
        assert leap(supports) == by_all_orders(supports)
        heights.add(leap(supports))
    assert heights >= {0, 1, 2, 3, 4}


def test_neither_order_nor_names_nor_repetition_matter():
    rng = np.random.default_rng([12, 1])
    for _ in range(100):
        supports = random_supports(rng)
        names = rng.permutation(20)
        renamed = [tuple(int(names[i]) for i in support) for support in supports]
        shuffled = [renamed[i] for i in rng.permutation(len(renamed))]
        assert leap(shuffled) == leap(supports) == leap(supports * 2)


def test_no_coordinate_is_no_leap():
    assert leap([]) == leap([()]) == 0
    assert is_merged_staircase([()])


@pytest.mark.parametrize("k", [1, 2, 5])
def test_a_staircase_has_leap_1_and_its_last_term_alone_leap_k(k):
    assert leap(prefixes(k)) == 1
    assert leap(prefixes(k)[-1:]) == k
