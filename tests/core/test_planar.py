"""Problems in the plane, and labels in random order."""

import math

import numpy as np
import pytest
import torch

from hlnb.data.altered import Shuffled
from hlnb.data.digits import Digits
from hlnb.data.planar import Bent, Stripes
from hlnb.data.problem import Problem
from hlnb.errors import HlnbError
from hlnb.seeding import stream

ALL = [Stripes(), Bent(), Shuffled(Bent())]


@pytest.mark.parametrize("problem", ALL, ids=lambda p: type(p).__name__)
def test_each_is_a_problem_as_all_others(problem):
    assert isinstance(problem, Problem)
    split = problem.split(1, n_train=7)
    again = problem.split(1, n_train=7)
    assert len(split["train"].x) == 7
    assert all(torch.equal(split[k].y, again[k].y) for k in split)
    other = problem.split(2, n_train=7)
    assert not torch.equal(split["train"].x, other["train"].x)
    assert problem.n_classes == 2
    assert problem.with_seed(3) == problem
    assert problem.describe()
    batch = problem.sample(9, generator=stream(0, "x"))
    assert batch.y.dtype == torch.long
    assert batch.x.shape == (9, 2)


def test_parts_of_a_split_differ():
    split = Stripes(n_validation=7, n_test=7).split(0, n_train=7)
    assert not torch.equal(split["train"].x, split["test"].x)
    assert not torch.equal(split["test"].x, split["validation"].x)


def test_stripes_run_along_the_diagonal_and_alternate():
    x = torch.tensor([[0.1, 0.1], [0.4, -0.2], [0.3, 0.3], [-0.1, -0.1], [0.6, 0.5]])
    assert Stripes(0.5).labels(x).tolist() == [0, 0, 1, 1, 0]
    assert Stripes(1.0).labels(x).tolist() == [0, 0, 0, 1, 1]


def test_points_of_stripes_fill_the_square_and_classes_are_even():
    """20,000 points: 0.02 is over 5 sd of a share of one half."""
    batch = Stripes().sample(20_000, generator=stream(0, "x"))
    assert batch.x.abs().max() <= 1
    assert abs(float(batch.y.double().mean()) - 0.5) < 0.02
    assert abs(float(batch.x.var()) - 1 / 3) < 0.01


def test_points_of_the_disc_are_uniform():
    """Half of the disc's area lies within radius √½; 0.02 is over 5 sd."""
    batch = Bent().sample(20_000, generator=stream(0, "x"))
    radius = batch.x.norm(dim=1)
    assert radius.max() <= 1
    assert abs(float((radius < math.sqrt(0.5)).double().mean()) - 0.5) < 0.02
    assert batch.x.mean(0).abs().max() < 0.02


def test_a_share_of_labels_is_flipped():
    """20,000 labels: 0.015 is over 5 sd of a share of 0.1."""
    problem = Bent(flipped=0.1)
    batch = problem.sample(20_000, generator=stream(0, "x"))
    wrong = (batch.y != problem.labels(batch.x)).double().mean()
    assert abs(float(wrong) - 0.1) < 0.015
    clean = Bent(flipped=0).sample(500, generator=stream(0, "x"))
    assert torch.equal(clean.y, problem.labels(clean.x))


def test_the_boundary_is_a_sine():
    x = torch.tensor([[0.25, 0.49], [0.25, 0.51], [-0.25, -0.49], [-0.25, -0.51]])
    assert Bent(height=0.5, waves=1).labels(x).tolist() == [0, 1, 1, 0]


def test_shuffled_labels_are_the_same_ones_in_another_order():
    digits = Digits(halves=True)
    true, mixed = digits.split(0, n_train=500), Shuffled(digits).split(0, n_train=500)
    for k in true:
        assert torch.equal(true[k].x, mixed[k].x)
        assert torch.equal(true[k].y.sort().values, mixed[k].y.sort().values)
        assert not torch.equal(true[k].y, mixed[k].y)
    agree = np.mean([(true[k].y == mixed[k].y).double().mean() for k in true])
    assert 0.4 < agree < 0.6
    one, two = (
        p.sample(50, generator=stream(0, "x")) for p in (digits, Shuffled(digits))
    )
    assert torch.equal(one.x, two.x)
    assert not torch.equal(one.y, two.y)


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (lambda: Stripes(width=0), "between 0 and 4 wide"),
        (lambda: Stripes(width=5), "between 0 and 4 wide"),
        (lambda: Bent(flipped=0.5), "a share below one half"),
        (lambda: Bent(flipped=-0.1), "a share below one half"),
    ],
)
def test_what_is_no_problem_is_refused(made, text):
    with pytest.raises(HlnbError, match=text):
        made()
