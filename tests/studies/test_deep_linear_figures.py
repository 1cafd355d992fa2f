"""Figures of the chapter on deep linear networks hold what they were given."""

import numpy as np
import pytest

from drawn import labels, lines
from hlnb.studies.deep_linear.figures import (
    DEPTH_STYLES,
    completion_figure,
    corner_figure,
    growth_frame,
    orders_figure,
)

pytestmark = pytest.mark.usefixtures("closed")


def test_styles_differ_in_colour_dashes_and_marker():
    for part in zip(*DEPTH_STYLES.values(), strict=True):
        assert len({str(p) for p in part}) == len(DEPTH_STYLES)


def test_orders_have_a_median_and_a_guide_of_slope_one():
    sizes = np.array([0.01, 0.02, 0.04])
    runs = np.array([[1.0, 2, 4], [2, 4, 8], [9, 9, 9]])
    found = {
        "error": {"depth 2": runs, "depth 3": 2 * runs},
        "drift": {"depth 2": runs},
    }
    fig = orders_figure(sizes, found, names=("error of it", "its drift"))
    left, right = fig.axes
    (middle,) = lines(left, "depth 2")
    assert middle.get_ydata().tolist() == [2, 4, 8]
    (guide,) = lines(right, "slope 1")
    assert (guide.get_ydata() / sizes).tolist() == pytest.approx([200 / 3] * 3)
    assert len(left.lines) == 2 * (3 + 1) + 1
    assert [ax.get_ylabel() for ax in fig.axes] == ["error of it", "its drift"]
    assert all(ax.get_xlabel() == "learning rate η" for ax in fig.axes)
    assert all(ax.get_xscale() == ax.get_yscale() == "log" for ax in fig.axes)
    assert labels(fig) == ["depth 2", "depth 3", "slope 1"]


def test_growth_is_drawn_on_two_scales():
    times = np.linspace(0, 1, 5)
    exact = np.stack([0.1 + times, 0.4 + times], 1)
    fig = growth_frame(times, exact, (times[::2], exact[::2]), depth=3)
    for ax in fig.axes:
        assert ax.lines[0].get_ydata().tolist() == exact[:, 0].tolist()
        assert ax.lines[3].get_ydata().tolist() == exact[::2, 1].tolist()
        assert ax.lines[3].get_xdata().tolist() == [0, 0.5, 1]
        assert ax.lines[3].get_marker() == "o"
        assert ax.get_xlabel() == "share of the time"
    assert [ax.get_yscale() for ax in fig.axes] == ["linear", "log"]
    assert fig.axes[0].get_title() == "depth 3"
    assert fig.axes[0].get_ylabel() == "singular value"


def test_completion_shows_paths_and_ends():
    steps = np.array([1, 10, 100])
    runs = np.array([[1.0, 0.5, 0.1], [1, 0.7, 0.3]])
    ends = {"depth 2": runs[:, -1], "least nuclear norm": np.array([0.4, 0.2])}
    fig = completion_figure({"depth 2": (steps, runs)}, ends)
    left, right = fig.axes
    assert lines(left, "depth 2")[0].get_ydata().tolist() == [1, 0.6, 0.2]
    assert left.get_xlabel() == "steps"
    assert left.get_ylabel() == "RMS error on unseen entries"
    assert [t.get_text() for t in right.get_yticklabels()] == [*ends]
    dots, middle = right.lines[2:]
    assert dots.get_xdata().tolist() == [0.2, 0.4]
    assert middle.get_xdata()[0] == pytest.approx(0.3)
    assert middle.get_ydata()[0] == 1
    assert labels(fig) == ["depth 2", "a run", "median"]


def test_the_loss_falls_to_the_right_in_the_corner():
    loss = np.array([1.0, 0.1, 0.01])
    grows = np.array([0.1, 1, 10])
    norms = {name: grows + i for i, name in enumerate("abcd")}
    fig = corner_figure(
        {"depth 1": (loss, grows), "depth 2": (loss, 2 * grows)},
        (loss[1:], grows[1:]),
        (loss, norms),
        {"depth 2": (loss, np.array([2, 1.5, 1]))},
    )
    first, second, third = fig.axes
    assert all(ax.get_xlim()[0] > ax.get_xlim()[1] for ax in fig.axes)
    assert all(ax.get_xlabel() == "loss" for ax in fig.axes)
    assert lines(first, "depth 2")[0].get_ydata().tolist() == [0.2, 2, 20]
    assert lines(first, "least for det ≥ 0")[0].get_ydata().tolist() == [1, 10]
    assert lines(second, "c")[0].get_ydata().tolist() == [2.1, 3, 12]
    assert len({line.get_linestyle() for line in second.lines}) == 4
    assert third.get_ylabel() == "effective rank"
    assert second.get_ylabel() == "norm of W"
    assert [
        [text.get_text() for text in ax.get_legend().get_texts()] for ax in fig.axes
    ] == [
        ["depth 1", "depth 2", "least for det ≥ 0"],
        [*"abcd"],
        ["depth 2"],
    ]
