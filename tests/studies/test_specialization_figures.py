"""Figures of specialization and of what lies between networks."""

import numpy as np
import pytest

from drawn import labels
from hlnb.studies.specialization import figures as plots

pytestmark = pytest.mark.usefixtures("closed")
RNG = np.random.default_rng(0)


def test_each_condition_has_a_look_of_its_own():
    bars = [plots.look(k) for k in ("learned", "labels by coin", "no ReLU")]
    lines = [plots.look(k) for k in plots.LOOKS if "init" in k]
    for group in (bars, lines):
        for key in ("color", "linestyle", "marker"):
            assert len({str(look[key]) for look in group}) == 3


def test_pictures_stand_on_one_scale_about_zero():
    pictures = RNG.normal(size=(3, 4, 4))
    fig = plots.pictures_frame(pictures, ["a", "b", "c"], title="t")
    limits = {ax.images[0].get_clim() for ax in fig.axes}
    assert limits == {(-abs(pictures).max(), abs(pictures).max())}
    assert [ax.get_title() for ax in fig.axes] == ["a", "b", "c"]


def test_the_index_has_runs_and_medians():
    values = {"learned": RNG.uniform(size=(4, 7))}
    fig, caption, alt = plots.specialization_figure(np.arange(7.0), values, filters=6)
    assert "6 filters" in caption
    assert "4 runs" in caption
    assert f"learned {np.median(values['learned'][:, 0]):.2f} and" in alt
    (ax,) = fig.axes
    assert len(ax.lines) == 5
    assert np.allclose(ax.lines[-1].get_ydata(), np.median(values["learned"], axis=0))
    assert ax.get_ylabel() == "specialization"
    assert labels(fig) == ["learned"]


def test_lines_go_from_one_network_to_the_other():
    values = RNG.uniform(size=(3, 5))
    high = {"two initializations": np.array([0.1, 0.5, 0.2])}
    fig, caption, alt = plots.lines_figure(
        {"8 units": {"two initializations": values}}, {"8 units": high}
    )
    assert "3 pairs" in caption
    assert "8 units: two initializations 0.200." in alt
    (ax,) = fig.axes
    assert np.allclose(ax.lines[0].get_xdata(), [0, 0.25, 0.5, 0.75, 1])
    assert np.allclose(ax.lines[-1].get_ydata(), np.median(values, axis=0))
    assert ax.get_title() == "8 units"
    wide = {"two initializations": values / 10}
    fig, *_ = plots.lines_figure(
        {"8 units": wide, "4 units": {"two initializations": values}}, {"8 units": high}
    )
    assert fig.axes[0].get_ylim() == (0, pytest.approx(1.05 * values.max()))


def test_barriers_have_a_mark_for_each_pair():
    by_epochs = {0: np.array([0.1, 0.3, 0.2]), 4: np.array([0.0, 0.1, 0.0])}
    fig, caption, alt = plots.spawn_figure({"calm step": by_epochs}, level=0.02)
    assert "3 pairs" in caption
    assert "2 points" in caption
    assert "calm step: 0: 0.200, 4: 0.000." in alt
    (ax,) = fig.axes
    assert np.array_equal(ax.lines[0].get_ydata(), by_epochs[0])
    assert np.allclose(ax.lines[2].get_ydata(), [0.2, 0.0])
    assert [t.get_text() for t in ax.get_xticklabels()] == ["0", "4"]
