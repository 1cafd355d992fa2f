"""Answers are the network's, best inputs are best, and silence is told."""

import numpy as np
import pytest
import torch

from hlnb.data.images import Images
from hlnb.metrics.filters import best_inputs
from hlnb.models.networks import image_network
from hlnb.seeding import stream
from hlnb.studies.cifar import filters as image_filters

MODEL = image_network(channels=5, hidden=6)
IMAGES = Images("shapes").split(0, n_train=12)["train"].x


@pytest.fixture
def params():
    return MODEL.init(stream(1, "init"))


def alone(layer, params, patches):
    """Answers of a layer to patches as large as its units see, in textbook code."""
    out = patches
    for name in ("conv1", "conv2")[:layer]:
        weight, bias = params[f"{name}.weight"], params[f"{name}.bias"]
        out = torch.nn.functional.conv2d(out, weight, bias).relu()
    assert out.shape[2:] == (1, 1)
    return out[..., 0, 0].numpy()


def test_answers_are_the_network_s_outputs_before_pooling(params):
    found = image_filters.answers(MODEL, params, IMAGES)
    assert found[1].shape == (12, 5, 29, 29)
    assert found[2].shape == (12, 5, 26, 26)
    outputs = MODEL.activations(params, IMAGES)
    np.testing.assert_array_equal(found[1], outputs["conv1"])
    pooled = torch.nn.functional.max_pool2d(torch.tensor(found[2]), 2)
    torch.testing.assert_close(pooled, outputs["conv2"])


def test_a_unit_sees_no_more_than_its_patch(params):
    """The answer at a place is that to the patch cut out there."""
    assert image_filters.sides(MODEL) == {1: 4, 2: 7}
    found = image_filters.answers(MODEL, params, IMAGES)
    for layer, side in image_filters.sides(MODEL).items():
        patch = IMAGES[3:4, :, 8 : 8 + side, 5 : 5 + side]
        np.testing.assert_allclose(
            alone(layer, params, patch)[0], found[layer][3, :, 8, 5], atol=1e-5
        )


def test_silent_filters_are_grey_and_have_no_coherence(params):
    params["conv2.bias"][2] = -1e3
    params["conv1.bias"][4] = -1e3
    found = image_filters.answers(MODEL, params, IMAGES)
    shown = image_filters.patches(found, IMAGES, MODEL)
    for form in (False, True):
        alike = image_filters.coherences(found, IMAGES, MODEL, form=form)
        assert np.flatnonzero(np.isnan(alike[1])).tolist() == [4]
        assert 2 in np.flatnonzero(np.isnan(alike[2]))
    assert (shown[2][2] == image_filters.NO_ANSWER).all()
    assert (shown[1][4] == image_filters.NO_ANSWER).all()
    assert (shown[1][0] != image_filters.NO_ANSWER).any()


def test_random_fives_are_drawn_from_their_seed():
    draw = {"model": MODEL, "form": True, "draws": 50}
    one, same, other = (
        image_filters.random_coherences(IMAGES, seed=seed, **draw) for seed in (0, 0, 1)
    )
    for layer in image_filters.LAYERS:
        np.testing.assert_array_equal(one[layer], same[layer])
        assert len(one[layer]) <= 50
        assert np.isfinite(one[layer]).all()
        assert not np.array_equal(one[layer], other[layer])


def test_the_best_input_of_a_linear_unit_is_its_weights():
    weights = torch.randn(4, 3, 6, 6, generator=stream(0, "weights"))
    first = torch.randn(3, 4, 3, 6, 6, generator=stream(0, "first"))
    x, answered = best_inputs(lambda x: (x * weights).flatten(2).sum(2), first, norm=2)
    length = weights.flatten(1).norm(dim=1)
    torch.testing.assert_close(answered, 2 * length.expand(3, 4))
    expected = 2 * weights / length[:, None, None, None]
    torch.testing.assert_close(x, expected.expand(3, 4, 3, 6, 6), atol=1e-4, rtol=1e-3)


def test_best_pictures_answer_more_than_any_patch_of_their_length(params):
    best = image_filters.best_pictures(MODEL, params, IMAGES, seed=0)
    rng = stream(2, "others")
    for layer, side in image_filters.sides(MODEL).items():
        picture, answered = best[layer]
        length = image_filters.typical_length(IMAGES, side)
        norms = np.linalg.norm(picture.reshape(5, -1), axis=1)
        np.testing.assert_allclose(norms, length, rtol=1e-5)
        others = torch.randn(500, 3, side, side, generator=rng)
        others *= length / others.flatten(1).norm(dim=1)[:, None, None, None]
        highest = np.maximum(answered.max(0), 0)
        assert (alone(layer, params, others).max(0) <= highest).all()
        own = alone(layer, params, torch.tensor(picture)).diagonal()
        np.testing.assert_allclose(own, highest, rtol=1e-3, atol=1e-4)
    filters = params["conv1.weight"].flatten(1).numpy()
    cosines = (filters * best[1][0].reshape(5, -1)).sum(1) / (
        np.linalg.norm(filters, axis=1)
        * np.linalg.norm(best[1][0].reshape(5, -1), axis=1)
    )
    np.testing.assert_allclose(cosines, 1, rtol=1e-4)


def test_cosine_to_patches_is_one_for_their_own_mean(params):
    found = image_filters.answers(MODEL, params, IMAGES)
    pixels = IMAGES.movedim(1, -1).numpy()
    for layer, side in image_filters.sides(MODEL).items():
        where = image_filters.top_patches(found[layer])
        mean = image_filters.cut(pixels, where, side=side).mean(1)
        cosines = image_filters.cosine_to_patches(
            np.moveaxis(mean, -1, 1), found[layer], IMAGES
        )
        known = ~np.isnan(cosines)
        assert known.any()
        np.testing.assert_allclose(cosines[known], 1, rtol=1e-5)
