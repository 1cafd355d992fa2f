"""Metrics: identities and hand-made cases."""

import math

import numpy as np
import pytest
import torch

from hlnb.data.problem import Batch
from hlnb.errors import HlnbError
from hlnb.metrics import foreign, likeness
from hlnb.metrics.distance import deviation
from hlnb.metrics.filters import cut, top_patches
from hlnb.metrics.measures import Error, Loss, losses
from hlnb.metrics.times import describe, first_hit, held, median, value_at, within_phase
from hlnb.seeding import stream

RNG = np.random.default_rng([7, 4])
AT = np.array([0, 1, 2, 3])
NEVER = math.inf


def test_error_counts_by_weight_and_takes_nan_for_wrong():
    outputs = torch.tensor([[2.0, 1], [0, 1], [math.nan, 0], [3, math.inf]])
    y = torch.tensor([0, 0, 0, 1])
    assert Error()({}, Batch(torch.zeros(4, 1), y), outputs) == 0.75
    weight = torch.tensor([0.7, 0.1, 0.1, 0.1])
    error = Error()({}, Batch(torch.zeros(4, 1), y, weight), outputs)
    assert float(error) == pytest.approx(0.3)


def test_loss_of_equal_outputs_is_log_of_the_classes():
    batch = Batch(torch.zeros(3, 1), torch.tensor([0, 1, 4]))
    assert float(Loss()({}, batch, torch.zeros(3, 5))) == pytest.approx(math.log(5))


def test_loss_of_numbers_is_the_mean_squared_error():
    batch = Batch(torch.zeros(2, 1), torch.tensor([0.5, 4.0]))
    outputs = torch.tensor([[1.5], [2.0]])
    assert losses(outputs, batch.y).tolist() == [1.0, 4.0]
    assert float(Loss()({}, batch, outputs)) == 2.5
    weighted = batch._replace(weight=torch.tensor([0.75, 0.25]))
    assert float(Loss()({}, weighted, outputs)) == 1.75
    with pytest.raises(HlnbError, match="3 outputs, and the problem asks for one"):
        losses(torch.zeros(2, 3), batch.y)


def test_first_hit_is_the_first_and_inf_when_there_is_none():
    values = np.array(
        [[0.5, 0.1, 0.3, 0.0], [0.5, 0.4, 0.3, 0.2], [0.5] + 3 * [np.nan]]
    )
    assert first_hit(AT, values).tolist() == [1, NEVER, NEVER]
    assert first_hit(AT, values, threshold=0.5).tolist() == [0, 0, 0]


def test_value_at_the_hit():
    values = np.array([[10.0, 11, 12, 13], [20, 21, 22, 23]])
    found = value_at(AT, values, when=np.array([2, NEVER]))
    assert found[0] == 12
    assert np.isnan(found[1])


def test_median_counts_censored_runs_as_late():
    assert median(np.array([3, 1, NEVER])) == 3
    assert median(np.array([1.0, 2.0])) == 1.5
    assert median(np.array([NEVER, 1, NEVER])) == NEVER
    assert median(np.array([NEVER, 1])) == NEVER


def test_describe_never_drops_a_censored_run():
    assert describe(np.array([7, 3, 13.0]), cap=50) == "7 [3–13], 3 of 3 reached"
    some = describe(np.array([7, NEVER, 13.0]), cap=50)
    assert some == "13 [7–>50], 2 of 3 reached"
    none = describe(np.array([NEVER, NEVER]), cap=50)
    assert none == "not reached within 50, 0 of 2 reached"


def test_within_phase_counts_from_the_phase_start():
    times = np.array([0, 5, 10, 11, 25, NEVER])
    found = within_phase(times, ends=(10, 20, 30))
    assert found.tolist() == [0, 5, 10, 1, 5, NEVER]


def test_deviation_by_hand_and_by_norm():
    weights = np.zeros((2, 3, 4, 5))
    weights[:, 0] = 1
    weights[:, 1] = 2
    weights[:, 2] = RNG.normal(size=(2, 4, 5))
    found = deviation(weights, axes=2)
    assert (found[:, 0] == 0).all()
    assert found[:, 1] == pytest.approx(1)
    for run in range(2):
        moved = np.linalg.norm(weights[run, 2] - weights[run, 0])
        assert found[run, 2] == pytest.approx(moved / np.linalg.norm(weights[run, 0]))


def test_convolution_number_is_the_sum_of_the_full_convolution():
    """1ᵀ(w ∗ F) = (Σ w)(Σ F) to 1e-12: why it knows a filter by its sum only."""
    w, F = RNG.normal(size=(20, 16)), RNG.normal(size=(10, 16))
    sums = [[np.convolve(f, p, mode="full").sum() for p in F] for f in w]
    by_hand = np.mean(np.max(sums, axis=1))
    assert float(likeness.max_convolution(w, F)) == pytest.approx(by_hand, rel=1e-12)


def test_dot_and_cosine_by_hand():
    w, F = RNG.normal(size=(20, 16)), RNG.choice([-1.0, 1.0], size=(4, 16))
    dots = np.array([[f @ p for p in F] for f in w])
    assert float(likeness.max_dot(w, F)) == pytest.approx(dots.max(1).mean())
    cosines = dots / np.linalg.norm(w, axis=1)[:, None] / 4
    best = np.abs(cosines).max(1).mean()
    assert float(likeness.max_cosine(w, F)) == pytest.approx(best)
    assert float(likeness.max_cosine(3 * w, 0.1 * F)) == pytest.approx(best)
    assert float(likeness.max_cosine(-F, F)) == pytest.approx(1)
    np.testing.assert_allclose(likeness.cosines(w, F), cosines)


def test_scores_take_many_runs_at_once():
    w, F = RNG.normal(size=(3, 20, 16)), RNG.normal(size=(3, 2, 16))
    for score in (likeness.max_dot, likeness.max_convolution, likeness.max_cosine):
        one_by_one = [float(score(w[i], F[i])) for i in range(3)]
        np.testing.assert_allclose(score(w, F), one_by_one)


def test_relative_change_of_nothing_is_nan():
    change = likeness.relative_change(np.array([3.0, 0.0]), np.array([2.0, 0.0]))
    assert change[0] == 0.5
    assert np.isnan(change[1])


def test_rank_among_foreign_patterns_is_uniform_for_unrelated_filters():
    """The p-value is ≤ 0.1 in 10 % of cases when filters know nothing.

    300 cases: the count is Binomial(300, 0.1); outside [8, 58] with probability 4e-6.
    """
    hits = 0
    for case in range(300):
        rng = np.random.default_rng([case, 1])
        w, F = rng.normal(size=(20, 16)), rng.choice([-1.0, 1.0], size=(2, 16))
        generator = stream(case, "foreign")
        p = foreign.rank_among_foreign(
            likeness.max_cosine, w, F, generator=generator, n_foreign=99
        )
        hits += p <= 0.1
    assert 8 <= hits <= 58


def test_rank_among_foreign_patterns_sees_filters_that_match():
    F = RNG.choice([-0.25, 0.25], size=(2, 16))
    w = F[RNG.integers(2, size=20)] + 0.05 * RNG.normal(size=(20, 16))
    p = foreign.rank_among_foreign(
        likeness.max_cosine, w, F, generator=stream(0, "foreign")
    )
    assert p == 1 / 1000


@pytest.mark.parametrize("score", [likeness.max_cosine, likeness.max_correlation])
def test_the_rank_of_each_filter_is_that_of_a_network_of_one(score):
    F = RNG.choice([-0.25, 0.25], size=(2, 8))
    w = RNG.normal(size=(5, 8))
    w[0] = F[1]
    shared = {"generator": stream(0, "foreign"), "n_foreign": 99}
    found = foreign.rank_each_among_foreign(score, w, F, **shared)
    assert found.shape == (5,)
    for one, p in zip(w, found, strict=True):
        alone = {"generator": stream(0, "foreign"), "n_foreign": 99}
        assert p == foreign.rank_among_foreign(score, one[None], F, **alone)
    assert found[0] <= 0.05  # it is one of its patterns


def test_the_rank_of_each_unrelated_filter_is_uniform():
    """200 cases of one filter each: outside [6, 40] with probability 5e-5."""
    hits = 0
    for case in range(200):
        rng = np.random.default_rng([case, 2])
        w, F = rng.normal(size=(1, 16)), rng.choice([-1.0, 1.0], size=(2, 16))
        (p,) = foreign.rank_each_among_foreign(
            likeness.max_correlation,
            w,
            F,
            generator=stream(case, "foreign"),
            n_foreign=99,
        )
        hits += p <= 0.1
    assert 6 <= hits <= 40


@pytest.mark.parametrize("one_per_image", [True, False])
def test_top_patches_are_the_largest_answers(one_per_image):
    answers = RNG.normal(size=(6, 3, 5, 4))
    where = top_patches(answers, count=4, one_per_image=one_per_image)
    assert where.shape == (3, 4, 3)
    for channel in range(3):
        found = [answers[i, channel, r, c] for i, r, c in where[channel]]
        pool = answers[:, channel].reshape(6, -1)
        best = pool.max(1) if one_per_image else pool.ravel()
        assert found == sorted(best, reverse=True)[:4]


def test_cut_takes_the_pixels_that_the_filter_saw():
    images = RNG.integers(0, 256, size=(4, 8, 9, 3))
    where = np.array([[[3, 1, 2], [0, 4, 5]], [[1, 0, 0], [2, 4, 5]]])
    patches = cut(images, where, side=4)
    assert patches.shape == (2, 2, 4, 4, 3)
    for channel in range(2):
        for k in range(2):
            i, r, c = where[channel, k]
            assert (patches[channel, k] == images[i, r : r + 4, c : c + 4]).all()


def test_curves_of_runs_that_ended_are_continued_with_their_last_value():
    nan = math.nan
    values = np.array([[3.0, 2, nan, nan], [4, 3, 2, 1], [5, nan, nan, nan]])
    expected = [[3.0, 2, 2, 2], [4, 3, 2, 1], [5, 5, 5, 5]]
    assert held(values).tolist() == expected
