"""Figures of the chapter on related works draw what they were given, with names."""

import numpy as np
import pytest

from drawn import labels, lines
from hlnb.figures.style import PART_COLOURS
from hlnb.studies.related.figures import (
    DEPTHS,
    ORDERED,
    compression_figure,
    depths_figure,
    network_figure,
    paths_figure,
    pictures_grid,
    rank_figure,
)

pytestmark = pytest.mark.usefixtures("closed")


def test_compression_has_runs_medians_and_predicted_lines():
    falls = 10.0 ** -np.arange(4.0)
    runs = {0.3: np.stack([falls, 2 * falls, 3 * falls]), 0.5: np.stack([falls] * 3)}
    growth = {0.3: np.array([[0.1, 0.2, 0.3, 0.4]])}
    fig = compression_figure(runs, {0.3: -1.0}, growth)
    left, right = fig.axes
    assert left.get_yscale() == "log"
    (middle,) = lines(left, "ξ = 0.3")
    assert middle.get_ydata() == pytest.approx(2 * falls)
    assert middle.get_color() == ORDERED[0][0]
    (predicted,) = lines(left, "predicted")
    assert predicted.get_ydata() == pytest.approx(2 * falls)
    assert len(left.lines) == 3 + 1 + 3 + 1 + 1
    assert lines(right, "ξ = 0.3")[0].get_ydata() == pytest.approx(growth[0.3][0])
    assert labels(fig) == ["ξ = 0.3", "ξ = 0.5", "predicted"]
    assert [ax.get_xlabel() for ax in fig.axes] == ["layer (0: input)"] * 2
    assert left.get_ylabel().startswith("compression C")
    assert right.get_ylabel() == "discrimination D"


def test_ranks_have_a_panel_a_network_and_a_line_a_threshold():
    ranks = {
        "random": {
            "1e-3": np.array([[5.0, 4, 2], [7, 4, 2]]),
            "1e-12": np.ones((2, 3)),
        },
        "trained": {"1e-3": np.ones((2, 3))},
    }
    fig = rank_figure(ranks, bound={"random": np.array([[6.0, 5, 5]])})
    first, second = fig.axes
    assert [ax.get_title() for ax in fig.axes] == ["random", "trained"]
    (middle,) = lines(first, "1e-3")
    assert middle.get_xdata().tolist() == [1, 2, 3]
    assert middle.get_ydata().tolist() == [6, 4, 2]
    (bound,) = lines(first, "fewest active units so far")
    assert bound.get_ydata().tolist() == [6, 5, 5]
    assert not lines(second, "fewest active units so far")
    assert labels(fig) == ["1e-3", "1e-12", "fewest active units so far"]
    assert first.get_ylabel() == "numerical rank"


def test_depths_are_drawn_against_samples():
    errors = {
        "p = 2": {
            "two layers": np.array([[0.9, 0.5], [0.7, 0.3]]),
            "three layers": np.array([[0.8, 0.1], [0.8, 0.1]]),
        }
    }
    features = {"three layers, p = 3": np.array([[0.6, 0.9], [0.7, 0.9]])}
    fig = depths_figure(errors, features, [100, 1000], at_start=np.array([0.3, 0.5]))
    left, right = fig.axes
    assert left.get_title() == "p = 2"
    (two,) = lines(left, "two layers")
    assert two.get_ydata() == pytest.approx([0.8, 0.4])
    assert two.get_color() == DEPTHS["two layers"][0]
    assert two.get_linestyle() != lines(left, "three layers")[0].get_linestyle()
    assert lines(left, "answering 0")[0].get_ydata() == [1, 1]
    (start,) = lines(right, "three layers, at the start")
    assert start.get_ydata() == pytest.approx([0.4, 0.4])
    (best,) = lines(right, "three layers, p = 3")
    assert best.get_ydata() == pytest.approx([0.65, 0.9])
    for ax in fig.axes:
        assert ax.get_xscale() == "log"
        assert ax.get_xlabel() == "training samples n"
        assert [t.get_text() for t in ax.get_xticklabels()] == ["100", "1000"]


def test_paths_have_a_number_in_each_cell_and_a_frame_where_needed():
    matrix = np.array([[0.5, 0.25], [0.0, 0.25]])
    needs = np.array([[True, True], [False, False]])
    fig = paths_figure({"dense": matrix, "pruned": matrix.T}, needs)
    first, second = fig.axes
    assert [t.get_text() for t in first.texts] == ["50", "25", "0", "25"]
    assert [t.get_text() for t in second.texts] == ["50", "0", "25", "25"]
    corners = [tuple(np.round(box.get_xy(), 2)) for box in first.patches]
    assert corners == [(-0.46, -0.46), (0.54, -0.46)]
    assert [t.get_text() for t in first.get_xticklabels()] == ["$x_1$", "$x_2$"]
    assert first.get_ylabel() == "output"


def test_a_network_has_a_line_for_each_edge_and_a_dot_for_each_used_unit():
    weights = [
        np.array([[1.0, 0], [0, 0], [-2, 3]]),
        np.array([[1.0, 0, -1], [0, 0, 2]]),
    ]
    masks = [w != 0 for w in weights]
    fig = network_figure(weights, masks, title="pruned")
    (ax,) = fig.axes
    assert ax.get_title() == "pruned"
    drawn = [line for line in ax.lines if len(line.get_xdata()) == 2]
    assert len(drawn) == 6
    negative = [line for line in drawn if line.get_color() == PART_COLOURS[4]]
    assert len(negative) == 2
    assert {line.get_linestyle() for line in negative} == {"--"}
    assert len(ax.lines) - len(drawn) == 2 + 2 + 2  # the second hidden unit is unused
    names = [text.get_text() for text in ax.texts]
    assert names == ["$x_1$", "$x_2$", "$y_1$", "$y_2$"]
    ends = {
        tuple(np.round(line.get_ydata(), 3))
        for line in drawn
        if line.get_xdata()[0] == 0
    }
    assert (round(2 / 3, 3), 0.75) in ends  # x1, the upper input, to the first unit


def test_pictures_stand_in_named_rows():
    rows = {"pictures": np.eye(2, 4), "atoms": -np.ones((3, 4))}
    fig = pictures_grid(rows, side=2)
    shown = [ax for ax in fig.axes if ax.get_visible()]
    assert len(shown) == 5
    assert shown[0].get_ylabel() == "pictures"
    assert shown[2].get_ylabel() == "atoms"
    image = shown[1].images[0]
    assert image.get_array().tolist() == [[0, 1], [0, 0]]
    assert image.get_clim() == (-1, 1)
