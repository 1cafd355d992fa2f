"""How much a filter is a detector of one kind, and the claims about it."""

import numpy as np
import pytest

from hlnb.data.bars import detectors
from hlnb.errors import HlnbError
from hlnb.studies.specialization import filters as spec
from hlnb.studies.specialization.claims import about_barriers, about_filters

UPRIGHT, LEVEL = detectors(6).numpy()


def test_a_detector_answers_to_its_own_kind_alone():
    assert np.allclose(spec.responses(3 * UPRIGHT[2], 6), [3, 0])
    assert np.allclose(spec.responses(-LEVEL[4], 6), [0, 1])
    assert spec.specialization(UPRIGHT[1], 6) == pytest.approx(1)
    assert spec.specialization(-2 * LEVEL[1], 6) == pytest.approx(1)
    assert np.array_equal(spec.kinds(np.stack([UPRIGHT[0], LEVEL[3]]), 6), [0, 1])


def test_a_mixture_is_between():
    found = spec.specialization(3 * UPRIGHT[2] + LEVEL[0], 6)
    assert found == pytest.approx((3 - 1) / (3 + 1))
    assert spec.specialization(UPRIGHT[2] - LEVEL[0], 6) == pytest.approx(0)


def test_a_constant_filter_has_no_index():
    assert np.isnan(spec.specialization(np.zeros(36), 6))


def test_axes_in_front_are_kept():
    found = spec.specialization(np.ones((2, 3, 1)) * UPRIGHT[0], 6)
    assert found.shape == (2, 3)


def test_averages_are_no_detectors():
    index, answers = spec.averaged(6)
    assert index.shape == (36,)
    assert abs(index).max() < 1e-12
    assert abs(answers - 0.5).max() < 1e-12


def test_networks_have_the_filters_asked_for():
    model = spec.network(side=6, filters=5, relu=False)
    assert [layer.n_out for layer in model.layers] == [5, 2]
    assert not model.layers[0].relu
    assert not model.layers[1].relu
    assert spec.network(side=6, filters=5).layers[0].relu
    with pytest.raises(HlnbError, match="filters = 0: take a whole number from 1 up"):
        spec.network(side=6, filters=0)


def test_claims_about_filters_follow_from_the_numbers():
    degree = {
        "learned": np.array([[0.1, 0.9], [0.31, 0.7]]),
        "labels by coin": np.array([[0.1, 0.2], [0.1, 0.31]]),
    }
    found = about_filters(
        degree,
        np.array([[0.5, 0.5], [0.5, 0.3]]),
        averages=(np.array([0, 0, 0.1]), np.full((3, 2), 0.5)),
        levels=np.array([0, 3]),
        filters=8,
    )
    counts = {c.id: (c.ours, c.n, c.verdict) for c in found}
    assert counts == {
        "spec-average": (2, 3, "partly"),
        "spec-start": (1, 2, "partly"),
        "spec-end": (1, 2, "partly"),
        "spec-both": (1, 2, "partly"),
        "spec-coin": (1, 2, "partly"),
        "spec-linear": (1, 2, "partly"),
    }
    assert found[0].unit == "of 3 pairs of detectors"
    assert found[1].unit == "of 2 runs"


def test_claims_about_barriers_follow_from_the_numbers():
    wide = {
        "two inits": np.array([0.3, 0.1]),
        "one init, two orders": np.array([0.01, 0.04]),
    }
    narrow = {
        "two inits": np.array([0.5, 0.3]),
        "two inits, matched": np.array([0.2, 0.16]),
    }
    found = about_barriers(
        wide,
        narrow,
        shared=(np.array([0.3, 0.1]), np.array([0.2, 0.05])),
        averages=(np.array([2.0, 3.0]), np.array([3.0, 9.0])),
    )
    verdicts = {c.id: c.verdict for c in found}
    assert verdicts == {
        "spec-two": "partly",
        "spec-two-narrow": "reproduced",
        "spec-one": "reproduced",
        "spec-shared": "reproduced",
        "spec-matched": "partly",
        "spec-outputs": "reproduced",
    }
    assert found[0].ours == pytest.approx(20)
    assert (found[3].low, found[3].high) == pytest.approx((-10, -5))
