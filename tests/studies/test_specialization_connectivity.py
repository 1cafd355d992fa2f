"""Barriers and permutations: invariance in float64, exact cases, equal parts."""

import numpy as np
import pytest
import torch

from hlnb.data.digits import Digits
from hlnb.data.problem import Batch
from hlnb.errors import HlnbError
from hlnb.models.networks import mlp
from hlnb.studies.specialization import connectivity as mode
from hlnb.training.executors import Here

DIGITS = Digits()
MODEL = mlp(d=64, widths=(9, 9), n_out=10)
TEST = DIGITS.split(0, n_train=50)["test"]
HOW = {"lr": 0.2, "n_train": 50, "batch_size": 16}


def double(seed):
    """Untrained parameters in double precision, with biases."""
    return {k: v.astype(np.float64) for k, v in mode.untrained(MODEL, seed).items()}


def test_renamed_units_change_no_output():
    state = double(0)
    orders = mode.random_orders(MODEL, state, 1)
    other = mode.permuted(MODEL, state, orders)
    a, b = (mode.logits(MODEL, s, TEST) for s in (state, other))
    assert abs(a - b).max() < 1e-12
    assert any((other[k] != state[k]).any() for k in state)
    assert all(sorted(o) == list(range(9)) for o in orders.values())


def test_matching_finds_the_names_again():
    state = double(0)
    orders = mode.random_orders(MODEL, state, 1)
    other = mode.permuted(MODEL, state, orders)
    back, found = mode.matched(MODEL, other, state)
    assert all(np.array_equal(back[k], state[k]) for k in state)
    for layer, order in orders.items():
        assert np.array_equal(order[found[layer]], np.arange(9))


def test_matching_never_lies_farther_and_keeps_the_function():
    one, two = double(0), double(1)
    fit, _ = mode.matched(MODEL, two, one)

    def product(state):
        return sum((one[k] * state[k]).sum() for k in one)

    assert product(fit) > product(two)
    a, b = (mode.logits(MODEL, s, TEST) for s in (two, fit))
    assert abs(a - b).max() < 1e-12


def test_an_assignment_is_the_best_with_the_other_layer_held():
    """One round from the identity: no swap of two units of layer 1 gains."""
    one, two = double(0), double(1)
    fit, _ = mode.matched(MODEL, two, one)
    best = sum((one[k] * fit[k]).sum() for k in one)
    for layer in ("layer1", "layer2"):
        for i in range(9):
            for j in range(i):
                order = np.arange(9)
                order[[i, j]] = order[[j, i]]
                rest = {k: np.arange(9) for k in ("layer1", "layer2")}
                new = mode.permuted(MODEL, fit, rest | {layer: order})
                assert sum((one[k] * new[k]).sum() for k in one) <= best + 1e-9


def test_a_line_has_its_ends_and_their_mixtures():
    one, two = double(0), double(1)
    errors = mode.along(MODEL, one, two, TEST, points=5)
    ends = [mode.error(mode.logits(MODEL, s, TEST), TEST) for s in (one, two)]
    assert np.allclose(errors[[0, -1]], ends)
    quarter = {k: 0.75 * one[k] + 0.25 * two[k] for k in one}
    assert errors[1] == mode.error(mode.logits(MODEL, quarter, TEST), TEST)
    with pytest.raises(HlnbError, match="needs its ends and one between"):
        mode.along(MODEL, one, two, TEST, points=2)


def test_a_barrier_is_the_top_less_the_mean_of_the_ends():
    assert mode.barrier(np.array([0.1, 0.5, 0.3])) == pytest.approx(0.3)
    assert mode.barrier(np.array([0.1, 0.1, 0.1])) == 0
    rows = np.array([[0.1, 0.5, 0.3], [0.2, 0.1, 0.2]])
    assert np.allclose(mode.barrier(rows), [0.3, 0])


def test_error_counts_wrong_answers():
    batch = Batch(torch.zeros(4, 1), torch.tensor([0, 1, 1, 0]))
    assert mode.error(np.array([[1, 0], [1, 0], [0, 1], [0, 1]]), batch) == 0.5


def test_mixtures_are_sums():
    found = mode.mixed([{"w": np.ones(2)}, {"w": np.arange(2.0)}], [0.25, 0.5])
    assert np.allclose(found["w"], [0.25, 0.75])


def test_going_on_is_training_further():
    """Two epochs at once, and one after the other with the same order of the data."""
    start = mode.untrained(MODEL, 3)
    how = {"data": 0, "order": 5, **HOW}
    whole = mode.go_on(DIGITS, MODEL, start, done=0, epochs=2, **how)
    half = mode.go_on(DIGITS, MODEL, start, done=0, epochs=1, **how)
    rest = mode.go_on(DIGITS, MODEL, half, done=1, epochs=1, **how)
    assert all(np.array_equal(whole[k], rest[k]) for k in whole)
    assert mode.go_on(DIGITS, MODEL, start, done=0, epochs=0, **how) is start
    other = mode.go_on(DIGITS, MODEL, start, done=0, epochs=1, **how | {"order": 6})
    assert not np.array_equal(other["layer1.weight"], half["layer1.weight"])
    data = mode.go_on(DIGITS, MODEL, start, done=0, epochs=1, **how | {"data": 1})
    assert not np.array_equal(data["layer1.weight"], half["layer1.weight"])


def test_siblings_share_their_start_and_others_do_not():
    common = {"data": [0, 1], "epochs": 1, "executor": Here(), **HOW}
    twins = mode.siblings(DIGITS, MODEL, shared=1, **common)
    for a, b in twins:
        assert all(np.array_equal(a[k], b[k]) for k in a)
    apart = mode.siblings(DIGITS, MODEL, shared=0, **common)
    strangers = mode.independent(DIGITS, MODEL, members=3, **common)
    assert [len(group) for group in strangers] == [3, 3]

    def distance(a, b):
        return np.linalg.norm(a["layer1.weight"] - b["layer1.weight"])

    for (a, b), (c, d, _) in zip(apart, strangers, strict=True):
        assert 0 < distance(a, b) < distance(c, d) / 2
    first = mode.go_on(
        DIGITS,
        MODEL,
        mode.untrained(MODEL, 1),
        done=0,
        epochs=1,
        data=1,
        order=1,
        **HOW,
    )
    assert np.array_equal(strangers[1][0]["readout.bias"], first["readout.bias"])
