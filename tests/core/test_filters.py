"""Statistics of filters and patches: identities, and what random ones give."""

import numpy as np
import pytest
import torch

from hlnb.metrics.filters import (
    coherence,
    colour_share,
    mean_share,
    orientation,
    random_places,
)
from hlnb.seeding import stream

RNG = np.random.default_rng(3)
RANDOM = RNG.normal(size=(4000, 3, 4, 4))
ALL = {"mean": mean_share, "orientation": orientation, "colour": colour_share}


@pytest.mark.parametrize("name", ALL)
def test_shares_ignore_scale_and_lie_between_0_and_1(name):
    found = ALL[name](RANDOM)
    assert found.shape == (4000,)
    assert 0 <= found.min() <= found.max() <= 1
    np.testing.assert_allclose(ALL[name](-7 * RANDOM), found, rtol=1e-9)
    np.testing.assert_allclose(
        ALL[name](RANDOM.reshape(40, 100, 3, 4, 4)).ravel(), found
    )


@pytest.mark.parametrize("name", ALL)
def test_turning_a_filter_changes_no_share(name):
    turned = np.rot90(RANDOM, axes=(2, 3))
    np.testing.assert_allclose(ALL[name](turned), ALL[name](RANDOM), atol=1e-9)


@pytest.mark.parametrize(("name", "mean"), [("mean", 1 / 16), ("colour", 2 / 3)])
def test_random_filters_have_the_shares_the_docstrings_say(name, mean):
    """The mean of 4,000 is within 5 standard errors: false alarm 6e-7."""
    found = ALL[name](RANDOM)
    assert abs(found.mean() - mean) < 5 * found.std() / np.sqrt(4000)


def test_known_filters_have_known_shares():
    flat = np.ones((3, 4, 4))
    edge = flat * np.array([1, 1, -1, -1])
    opposed = np.array([1.0, -1, 0])[:, None, None] * edge
    slanted = np.cos(1.5 * (np.arange(4)[:, None] + np.arange(4))) * flat
    cross = edge + np.swapaxes(edge, 1, 2)  # horizontal and vertical, equally
    point = np.zeros((3, 4, 4))
    point[:, 1:3, 1:3] = 1
    known = np.stack([flat, edge, opposed, slanted, cross, point])
    np.testing.assert_allclose(mean_share(known)[:3], [1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(colour_share(known), [0, 0, 1, 0, 0, 0], atol=1e-12)
    no_form, edges, opposite, slants, crossed, round_ = orientation(known)
    assert np.isnan(no_form)
    assert edges == pytest.approx(0.59, abs=0.005)
    assert opposite == pytest.approx(edges)
    assert slants > 0.3
    assert crossed < edges
    assert round_ == pytest.approx(0, abs=1e-12)


def test_coherence_is_the_mean_cosine_over_pairs():
    patches = RNG.normal(size=(6, 5, 4, 4, 3))
    flat = patches.reshape(6, 5, -1)
    unit = flat / np.linalg.norm(flat, axis=2, keepdims=True)
    pairs = [[a @ b for i, a in enumerate(rows) for b in rows[:i]] for rows in unit]
    np.testing.assert_allclose(coherence(patches), np.mean(pairs, axis=1))


def test_coherence_of_equal_form_under_other_colours():
    form = RNG.normal(size=(1, 1, 4, 4, 3))
    form -= form.mean((2, 3), keepdims=True)
    colours = RNG.normal(size=(2, 5, 1, 1, 3))
    assert coherence(form + colours, form=True) == pytest.approx(1)
    assert (coherence(form + colours) < 0.99).all()
    still = np.zeros((1, 5, 4, 4, 3))
    assert np.isnan(coherence(still)).all()
    same = np.repeat(RNG.normal(size=(3, 1, 4, 4, 3)), 5, axis=1)
    assert coherence(same) == pytest.approx(1)


def test_random_places_are_uniform_and_from_different_images():
    """Counts of 29 × 29 places, 20,000 draws: each row within 6 sigma."""
    where = random_places(
        64, places=29, channels=4000, generator=stream(0, "random patches")
    )
    assert where.shape == (4000, 5, 3)
    assert all(len(set(images)) == 5 for images in where[..., 0].tolist())
    for axis, size in ((0, 64), (1, 29), (2, 29)):
        counts = np.bincount(where[..., axis].ravel(), minlength=size)
        assert len(counts) == size
        sd = np.sqrt(20_000 / size)
        assert abs(counts - 20_000 / size).max() < 6 * sd
    again = random_places(
        64, places=29, channels=4000, generator=torch.Generator().manual_seed(1)
    )
    assert (again != where).any()
