"""Digits: disjoint splits that a seed repeats, and their halves."""

import pytest
import torch

from hlnb.data.digits import Digits
from hlnb.errors import HlnbError
from hlnb.seeding import stream


def test_digits_are_split_without_a_common_one():
    problem = Digits()
    split = problem.split(1, n_train=1000)
    assert [len(b.x) for b in split.values()] == [1000, 300, 400]
    assert list(split) == ["train", "validation", "test"]
    together = torch.cat([b.x for b in split.values()])
    assert len(together.unique(dim=0)) == len(together)
    assert together.min() == 0
    assert together.max() == 1
    again = problem.split(1, n_train=1000)["test"]
    assert torch.equal(again.x, split["test"].x)
    assert not torch.equal(problem.split(2, n_train=1000)["test"].x, again.x)
    assert len(problem.sample(7, generator=stream(0, "x")).x) == 7
    assert problem.with_seed(4) == problem
    with pytest.raises(HlnbError, match="too few for 1500 to train on"):
        problem.split(0, n_train=1500)


def test_halves_are_the_digits_below_five_and_the_others():
    ten, two = (Digits(halves=h).split(3, n_train=200)["train"] for h in (False, True))
    assert torch.equal(ten.x, two.x)
    assert torch.equal(two.y, (ten.y > 4).long())
    assert two.y.dtype == torch.long
    assert [Digits(halves=h).n_classes for h in (False, True)] == [10, 2]
    assert Digits(halves=True).describe() != Digits().describe()
