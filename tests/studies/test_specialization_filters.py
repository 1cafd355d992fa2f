"""How much a filter is a detector of one kind, and how it learns."""

import numpy as np
import pytest
import torch

from hlnb.data.bars import detectors
from hlnb.errors import HlnbError
from hlnb.seeding import stream
from hlnb.studies.specialization import filters as spec

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


def test_bars_that_excite_a_filter_at_least_half_as_much_as_its_best():
    own = 2 * UPRIGHT[1] - 1.5 * UPRIGHT[4] + 0.5 * LEVEL[2]
    assert np.allclose(spec.by_place(own, 6)[1].max(), 0.5 * LEVEL[2] @ LEVEL[2])
    found = spec.bars_of(np.stack([own, LEVEL[3], UPRIGHT[0]]), 6)
    up = abs(spec.by_place(own, 6)[0])
    assert found.tolist() == [(up >= up.max() / 2).sum(), 1, 1]
    assert found[0] == 2


def test_a_filter_moves_by_pictures_to_which_it_answers():
    """The step that the chapter prints is that of the cross-entropy's gradient."""
    model = spec.network(side=6, filters=3)
    params = {k: v.requires_grad_() for k, v in model.init(stream(0, "init")).items()}
    x = torch.randn(20, 36, generator=stream(1, "pictures"))
    y = torch.arange(20) % 2
    logits = model.apply(params, x)
    torch.nn.functional.cross_entropy(logits, y).backward()
    p = logits.softmax(1)[:, 1].detach()
    for f in range(3):
        w, b = (params[f"filters.{k}"][f].detach() for k in ("weight", "bias"))
        readout = params["readout.weight"].detach()[:, f]
        a = readout[1] - readout[0]
        step = ((y - p) * a * (x @ w + b > 0))[:, None] * x
        assert torch.allclose(
            -params["filters.weight"].grad[f], step.mean(0), atol=1e-6
        )
