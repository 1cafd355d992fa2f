"""Pictures with one bar, and data that all runs share."""

import pytest
import torch

from hlnb.data.altered import SameData
from hlnb.data.bars import OneBar, detectors
from hlnb.data.digits import Digits
from hlnb.data.problem import Problem
from hlnb.errors import HlnbError
from hlnb.seeding import stream


def test_detectors_are_of_unit_length_and_zero_mean():
    found = detectors(8)
    assert found.shape == (2, 8, 64)
    assert torch.allclose(found.norm(dim=-1), torch.ones(2, 8, dtype=torch.float64))
    assert found.sum(-1).abs().max() < 1e-12


def test_kinds_are_orthogonal_and_bars_are_where_they_should_be():
    upright, level = detectors(5)
    assert (upright @ level.T).abs().max() < 1e-12
    assert torch.equal(upright[2].reshape(5, 5)[:, 2] > 0, torch.ones(5).bool())
    assert torch.equal(level[1].reshape(5, 5)[1] > 0, torch.ones(5).bool())
    assert (upright[2].reshape(5, 5)[:, [0, 1, 3, 4]] < 0).all()


def test_pictures_without_noise_are_bars_of_their_label():
    batch = OneBar(noise=0).sample(200, generator=stream(0, "x"))
    shown = batch.x.double() @ detectors(8).flatten(0, 1).T  # (n, 16)
    best = shown.argmax(1)
    assert torch.equal(best // 8, batch.y)
    assert len(best.unique()) == 16
    assert torch.allclose(shown.max(1).values, torch.ones(1).double(), atol=1e-6)


def test_noise_has_the_deviation_asked_for():
    """12,800 pixels of sd 0.5: 0.02 is over 6 sd of the estimate."""
    noisy = OneBar(noise=0.5).sample(200, generator=stream(0, "x"))
    clean = OneBar(noise=0).sample(200, generator=stream(0, "x"))
    assert abs(float((noisy.x - clean.x).std()) - 0.5) < 0.02
    assert torch.equal(noisy.y, clean.y)


def test_labels_by_coin_are_of_no_kind():
    """2000 fair coins: 0.1 is 9 sd from 1/2."""
    clean = OneBar(noise=0).sample(2000, generator=stream(0, "x"))
    coin = OneBar(noise=0, shuffled=True).sample(2000, generator=stream(0, "x"))
    assert torch.equal(clean.x, coin.x)
    assert abs(float((clean.y == coin.y).double().mean()) - 0.5) < 0.1


def test_a_problem_as_all_others():
    problem = OneBar(n_validation=3, n_test=4)
    assert isinstance(problem, Problem)
    split = problem.split(1, n_train=5)
    assert [len(b.x) for b in split.values()] == [5, 3, 4]
    assert not torch.equal(split["train"].x[:3], split["validation"].x)
    assert problem.with_seed(4) == problem
    assert problem.n_classes == 2
    assert problem.describe()["shuffled"] is False


@pytest.mark.parametrize(
    ("settings", "text"),
    [({"side": 1}, "at least 2 × 2 pixels"), ({"noise": -1}, "at least 0")],
)
def test_what_is_no_problem_is_refused(settings, text):
    with pytest.raises(HlnbError, match=text):
        OneBar(**settings)


def test_the_same_data_for_every_seed():
    digits = Digits()
    problem = SameData(digits, 3)
    assert isinstance(problem, Problem)
    for seed in (0, 7):
        found = problem.split(seed, n_train=20)
        expected = digits.split(3, n_train=20)
        assert all(torch.equal(found[k].x, expected[k].x) for k in expected)
    assert problem.with_seed(9) == problem
    assert problem.describe() != SameData(digits, 4).describe()
    one = problem.sample(5, generator=stream(0, "x"))
    assert torch.equal(one.x, digits.sample(5, generator=stream(0, "x")).x)
    assert problem.n_classes == 10
