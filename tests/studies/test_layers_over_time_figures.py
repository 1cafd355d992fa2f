"""Figures of layers over time: every layer has its look, axes say what they show."""

import numpy as np
import pytest

from drawn import labels
from hlnb.studies.layers_over_time import figures as plots

pytestmark = pytest.mark.usefixtures("closed")
NAMES = ("layer 1", "layer 2", "readout")
RNG = np.random.default_rng(0)


def test_each_layer_has_a_look_of_its_own():
    looks = [plots.layer_style(i) for i in range(5)]
    for key in ("color", "linestyle", "marker"):
        assert len({str(look[key]) for look in looks}) == 5


def test_triangles_have_a_panel_for_each_time_on_one_scale():
    found = {f"epoch {t}": RNG.uniform(size=(4, 3, 3)) for t in (0, 5)}
    fig, caption, alt = plots.triangle_figure(found, NAMES)
    middle = np.median(found["epoch 5"], axis=0)
    assert "4 runs" in caption
    assert "epoch 5: " + ", ".join(f"{v:.2f}" for v in np.diag(middle)) in alt
    panels = fig.axes[:2]
    assert [ax.get_title() for ax in panels] == [*found]
    for ax, matrix in zip(panels, found.values(), strict=True):
        (image,) = ax.images
        assert np.array_equal(image.get_array(), np.median(matrix, axis=0))
        assert image.get_clim() == (0, 1)
        assert len(ax.patches) == 3
    assert panels[0].get_ylabel() == "layer now"


def test_a_frame_shows_one_time():
    fig = plots.triangle_frame(np.eye(3), NAMES, title="epoch 1")
    assert fig.axes[0].get_title() == "epoch 1"
    ticks = [t.get_text() for t in fig.axes[0].get_xticklabels()]
    assert ticks == ["1", "2", "readout"]


def test_settling_has_medians_and_runs():
    values = RNG.uniform(size=(4, 6, 3))
    at = np.arange(6.0)
    fig, caption, alt = plots.settling_figure(
        {"training": (at, values)},
        NAMES,
        xlabels={"training": "epoch"},
        level=0.9,
        times={"training": "1, 2, 3"},
        what="images",
    )
    assert caption.startswith(plots.MEASURED["images"])
    assert caption.endswith(" 4 runs (thin), medians (thick). Dotted: 0.9.")
    assert "training: 1, 2, 3." in alt
    (ax,) = fig.axes
    assert ax.get_xlabel() == "epoch"
    assert len(ax.lines) == 3 * (4 + 1) + 1
    thick = [line for line in ax.lines if line.get_label() in NAMES]
    for i, line in enumerate(thick):
        assert np.allclose(line.get_ydata(), np.median(values[:, :, i], axis=0))
    assert set(labels(fig)) == set(NAMES)


def test_depth_tells_trained_from_untrained():
    values = {k: RNG.uniform(size=(4, 3)) for k in ("untrained", "trained")}
    fig, caption, alt = plots.depth_figure({"purity": values}, NAMES)
    middle = ", ".join(f"{v:.2f}" for v in np.median(values["trained"], axis=0))
    assert f"purity, trained: {middle}." in alt
    assert "4 networks" in caption
    (ax,) = fig.axes
    for line in ax.lines:
        if line.get_label() in values:
            middle = np.median(values[line.get_label()], axis=0)
            assert np.allclose(line.get_ydata(), middle)
    assert set(labels(fig)) == set(values)
