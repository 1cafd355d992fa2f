"""Figures of image networks show the numbers they are given."""

import numpy as np

from hlnb import plotting_images

RNG = np.random.default_rng(0)


def test_patches_figure_shows_every_patch():
    patches = {"one": RNG.integers(0, 256, (8, 5, 4, 4, 3), np.uint8)}
    fig = plotting_images.patches_figure(patches, filters={"one": range(8)}, columns=2)
    images = [ax.images[0].get_array() for ax in fig.axes if ax.images]
    assert len(images) == 8
    assert images[3].shape == (5, 25, 3)
    assert (images[3][:4, 5:9] == patches["one"][3, 1]).all()
