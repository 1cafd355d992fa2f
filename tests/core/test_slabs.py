"""Slabs: pieces, moments, rotations, what is shuffled."""

import itertools
import math

import pytest
import torch

from hlnb.data.problem import Problem
from hlnb.data.slabs import (
    SHARES,
    Slabs,
    moment,
    moment_gap,
    piece_width,
    shuffled,
    threshold_accuracy,
)
from hlnb.errors import HlnbError
from hlnb.seeding import stream

KINDS = [2, 3, 5, 7]


def drawn(problem, n=20_000, seed=0):
    return problem.draw(n, generator=stream(seed, "test of slabs"))


def piece_of(s, k, margin=0.1):
    """The piece in which each value lies, from the edges of the pieces; −1: in none."""
    width, found = piece_width(k, margin), torch.full(s.shape, -1)
    for piece in range(k):
        left = -1 + piece * (width + 2 * margin)
        inside = (s >= left - 1e-6) & (s <= left + width + 1e-6)
        found[inside] = piece
    return found


def test_a_problem_of_slabs_is_a_problem():
    assert isinstance(Slabs(), Problem)
    assert Slabs().n_classes == 2
    assert len(Slabs().pieces) == 50


@pytest.mark.parametrize("k", SHARES)
@pytest.mark.parametrize("margin", [0.02, 0.1, 0.15])
def test_pieces_and_gaps_fill_the_line(k, margin):
    assert k * piece_width(k, margin) + (k - 1) * 2 * margin == pytest.approx(2)


def test_widths_are_those_of_the_published_code():
    b, m = 1.0, 0.1
    assert piece_width(3, m) == pytest.approx((2 * b - 4 * m) / 3)
    assert piece_width(5, m) == pytest.approx((2 * b - 8 * m) / 5)
    assert piece_width(7, m) == pytest.approx((2 * b - 12 * m) / 7)
    assert piece_width(2, m) == pytest.approx(b - m)


@pytest.mark.parametrize("k", KINDS)
def test_labels_alternate_along_a_coordinate(k):
    zeros, ones = SHARES[k]
    assert len(zeros) == len(ones) == k
    assert sum(zeros) == sum(ones) == 1
    label = [int(one > 0) for one in ones]
    assert [int(zero > 0) for zero in zeros] == [1 - y for y in label]
    assert all(a != b for a, b in itertools.pairwise(label))
    if k > 2:
        assert label[k // 2] == 0
        assert (zeros, ones) == (zeros[::-1], ones[::-1])
    else:
        assert label == [0, 1]


@pytest.mark.parametrize("k", KINDS)
def test_every_value_lies_in_a_piece_of_its_label(k):
    s, y, _ = drawn(Slabs((k,), turn=0.0))
    piece = piece_of(s[:, 0], k)
    assert (piece >= 0).all()
    allowed = torch.tensor(SHARES[k])[y, piece]
    assert (allowed > 0).all()
    # Both ends of the line are reached
    assert s.max() > 0.98
    assert s.min() < -0.98


@pytest.mark.parametrize("k", [1, *KINDS])
def test_pieces_have_their_shares_and_labels_are_even(k):
    n = 20_000
    s, y, _ = drawn(Slabs((k,), turn=0.0), n)
    # Five standard deviations of a share: a false alarm in 10⁶ each, some 30 of them
    assert abs(y.double().mean() - 0.5) < 5 * 0.5 / n**0.5
    for label in (0, 1):
        rows = s[y == label, 0]
        counts = torch.bincount(piece_of(rows, k), minlength=k).double() / len(rows)
        for share, found in zip(SHARES[k][label], counts, strict=True):
            allowed = 5 * math.sqrt(share * (1 - share) / len(rows))
            assert abs(found - share) <= allowed + 1e-12


def test_the_linear_coordinate_has_its_margin():
    s, y, _ = drawn(Slabs((2,), turn=0.0))
    signed = s[:, 0] * (2 * y - 1)
    assert 0.1 - 1e-6 <= signed.min() < 0.105
    assert signed.max() <= 1 + 1e-6


def test_a_coordinate_of_noise_fills_the_line_for_both_labels():
    s, y, _ = drawn(Slabs((1,), turn=0.0))
    for label in (0, 1):
        rows = s[y == label, 0].double()
        assert abs(rows.mean()) < 5 * (1 / 3 / len(rows)) ** 0.5
        assert rows.var() == pytest.approx(1 / 3, abs=0.02)  # 9 standard deviations


@pytest.mark.parametrize("noise", [0.0, 0.1, 1.0])
def test_noise_puts_its_share_into_the_gap_whatever_the_label(noise):
    n = 20_000
    s, y, _ = drawn(Slabs((2, 5), noise=noise, turn=0.0), n)
    inside = s[:, 0].abs() < 0.1 - 1e-6
    spread = math.sqrt(noise * (1 - noise) / n)
    assert abs(inside.double().mean() - noise) <= 5 * spread + 1e-12
    right = (s[:, 0] > 0) == (y == 1)
    if noise:
        share = right[inside].double().mean()
        assert abs(share - 0.5) < 5 * 0.5 / int(inside.sum()) ** 0.5
        assert s[inside, 0].min() < -0.09
        assert s[inside, 0].max() > 0.09
    assert right[~inside].all()
    found = right.double().mean()
    best = threshold_accuracy(2, noise=noise)
    assert best == pytest.approx(1 - noise / 2)
    assert abs(found - best) < 5 * 0.5 / n**0.5
    # The slabs know nothing of it
    assert (torch.tensor(SHARES[5])[y, piece_of(s[:, 1], 5)] > 0).all()


def test_coordinates_are_independent_given_the_label():
    s, y, _ = drawn(Slabs((2, 5, 7), turn=0.0), 40_000)
    for label in (0, 1):
        rows = s[y == label].double()
        for power in (1, 2):
            found = torch.corrcoef((rows**power).T) - torch.eye(3)
            # 5 standard deviations of a correlation of independent numbers
            assert found.abs().max() < 5 / len(rows) ** 0.5


# What one coordinate tells


@pytest.mark.parametrize("k", [1, *KINDS])
@pytest.mark.parametrize("power", [1, 2, 3, 4])
def test_moments_are_those_of_samples(k, power):
    s, y, _ = drawn(Slabs((k,), turn=0.0))
    for label in (0, 1):
        rows = s[y == label, 0].double() ** power
        error = rows.std() / len(rows) ** 0.5
        exact = moment(k, 0.1, label=label, power=power)
        assert abs(rows.mean() - exact) < 5 * error


@pytest.mark.parametrize("k", [5, 7])
@pytest.mark.parametrize("margin", [0.02, 0.1])
def test_slabs_have_no_correlation_with_the_label_up_to_the_cube(k, margin):
    for power in (1, 2, 3):
        assert moment_gap(k, margin, power=power) == 0.0
    assert abs(moment_gap(k, margin, power=4)) > 0.01


def test_three_slabs_differ_in_variance_and_a_line_in_its_mean():
    assert moment_gap(3, 0.1, power=1) == 0.0
    assert moment_gap(3, 0.1, power=2) > 0.3
    # Middles of the pieces lie at ±(1 + margin)/2
    assert moment_gap(2, 0.1, power=1) == pytest.approx(1.1)
    assert moment_gap(1, 0.1, power=1) == 0.0


def test_the_best_cut_is_that_of_all_cuts():
    expected = {1: 0.5, 2: 1.0, 3: 0.75, 5: 11 / 16, 7: 5 / 8}
    for k, best in expected.items():
        assert threshold_accuracy(k) == pytest.approx(best)
        s, y, _ = drawn(Slabs((k,), turn=0.0))
        ordered = (2 * y - 1)[s[:, 0].argsort()].double()
        gaps = 2 * ordered.cumsum(0).abs() / len(y)  # of the shares left of each cut
        # A random walk stays within 6 √n but for one in 10⁸
        assert abs(float(gaps.max()) + 1 - 2 * best) < 12 / len(y) ** 0.5


# Rotations


def test_a_random_rotation_is_orthogonal_and_belongs_to_the_seed():
    problem = Slabs((2, 5, 5))
    r = problem.with_seed(3).rotation
    assert torch.allclose(r @ r.T, torch.eye(3, dtype=torch.float64), atol=1e-12)
    assert (r == Slabs((2, 7, 7), seed=3).rotation).all()
    assert not torch.allclose(r, problem.with_seed(4).rotation)
    assert r.abs().max() < 0.999


def test_random_rotations_have_no_preferred_direction():
    """Without the signs of R the diagonal of Q would be negative throughout."""
    found = torch.stack([Slabs((2, 5), seed=s).rotation for s in range(400)])
    # Entries have variance 1/2: five standard deviations of a mean of 400
    assert found.mean(0).abs().max() < 5 * (0.5 / 400) ** 0.5


def test_a_turn_of_45_degrees_makes_the_line_a_diagonal():
    x = Slabs((2, 5), turn=45.0).turned(torch.tensor([[1.0, 0], [0, 1]]))
    half = 0.5**0.5
    assert torch.allclose(x, torch.tensor([[half, half], [-half, half]]))
    assert (Slabs((2, 5, 5), turn=0.0).rotation == torch.eye(3)).all()


def test_coordinates_undo_the_turn():
    problem = Slabs((2, 5, 7), seed=2)
    s, _, _ = drawn(problem, 50)
    x = problem.turned(s)
    assert torch.allclose(problem.coordinates(x), s, atol=1e-6)
    assert torch.allclose(x.norm(dim=1), s.norm(dim=1), atol=1e-6)


# Batches


def test_samples_are_pure_and_turned():
    problem = Slabs((2, 5, 5), seed=1)
    one, two = (problem.sample(30, generator=stream(0, "a")) for _ in range(2))
    assert (one.x == two.x).all()
    s, y, _ = problem.draw(30, generator=stream(0, "a"))
    assert torch.allclose(one.x, problem.turned(s))
    assert (one.y == y).all()


def test_a_split_has_the_test_inputs_twice_more_with_shuffled_coordinates():
    problem = Slabs((2, 5, 7), n_test=400, n_validation=30)
    split = problem.split(5, n_train=20)
    assert [*split] == [
        *("train", "validation", "test", "simple shuffled", "complex shuffled")
    ]
    assert [len(b.x) for b in split.values()] == [20, 30, 400, 400, 400]
    mine = problem.with_seed(5)
    s, simple, rest = (
        mine.coordinates(split[k].x)
        for k in ("test", "simple shuffled", "complex shuffled")
    )
    y = split["test"].y
    assert (split["simple shuffled"].y == y).all()
    assert (split["complex shuffled"].y == y).all()
    # Test inputs do belong to their labels
    assert ((s[:, 0] > 0) == (y == 1)).all()
    assert torch.allclose(simple[:, 1:], s[:, 1:], atol=1e-5)
    assert torch.allclose(simple[:, 0].sort()[0], s[:, 0].sort()[0], atol=1e-5)
    assert (simple[:, 0] - s[:, 0]).abs().median() > 0.1
    assert torch.allclose(rest[:, 0], s[:, 0], atol=1e-5)
    assert (rest[:, 1] - s[:, 1]).abs().median() > 0.1
    # Complex coordinates come together from one other input
    pairs = torch.cdist(
        rest[:, 1:], s[:, 1:], compute_mode="donot_use_mm_for_euclid_dist"
    )
    assert pairs.min(1)[0].max() < 1e-5


def test_batches_of_a_split_differ_and_those_of_equal_seeds_do_not():
    problem = Slabs((2, 5), n_test=40, n_validation=40)
    one, again, other = (problem.split(s, n_train=40) for s in (0, 0, 1))
    assert all((one[k].x == again[k].x).all() for k in one)
    assert not torch.equal(one["train"].x, other["train"].x)
    assert not torch.equal(one["train"].x, one["validation"].x)
    assert not torch.equal(one["train"].x, one["test"].x)
    assert not torch.equal(one["test"].y, one["validation"].y)


def test_shuffled_takes_columns_from_other_rows():
    s = torch.arange(6.0).reshape(3, 2)
    order = torch.tensor([2, 0, 1])
    assert shuffled(s, [1], order).tolist() == [[0, 5], [2, 1], [4, 3]]
    assert shuffled(s, [], order).tolist() == s.tolist()


def test_the_seed_is_no_part_of_the_description():
    assert Slabs(seed=1).describe() == Slabs(seed=2).describe()
    assert Slabs(noise=0.1).describe() != Slabs().describe()
    assert Slabs().describe()["problem"] == "slabs"


# Refusals


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"pieces": ()}, "have 1, 2, 3, 5 or 7 pieces"),
        ({"pieces": (2, 4)}, "have 1, 2, 3, 5 or 7 pieces"),
        ({"pieces": (2, 5), "margin": 0.25}, "leaves 5 pieces no gap or no width"),
        ({"pieces": (2, 5), "margin": 0.0}, "leaves 5 pieces no gap or no width"),
        ({"pieces": (2,), "noise": 1.5}, "noise = 1.5: take"),
        ({"pieces": (2,), "noise": -0.1}, "noise = -0.1: take"),
        ({"pieces": (2, 5, 5), "turn": 45.0}, "A turn by 45.0 degrees is for two"),
    ],
)
def test_absurd_problems_are_refused(wrong, text):
    with pytest.raises(HlnbError, match=text):
        Slabs(**wrong)
