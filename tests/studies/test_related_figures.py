"""Figures of the chapter on related works draw what they were given, with names."""

import numpy as np
import pytest

from drawn import labels, lines
from hlnb.figures.style import PART_COLOURS
from hlnb.studies.related.figures import (
    DEPTHS,
    FEATURES,
    ORDERED,
    compression_figure,
    depths_figure,
    ends_in_words,
    network_figure,
    paths_figure,
    slopes_in_words,
)

pytestmark = pytest.mark.usefixtures("closed")


def test_compression_has_runs_medians_and_predicted_lines():
    falls = 10.0 ** -np.arange(4.0)
    runs = {0.3: np.stack([falls, 2 * falls, 3 * falls]), 0.5: np.stack([falls] * 3)}
    growth = {0.3: np.array([[0.1, 0.2, 0.3, 0.4]])}
    seen = {0.3: np.array([-1.0, -1.1, -1.3])}
    fig, caption, alt = compression_figure(runs, {0.3: -1.0}, growth, seen=seen)
    assert "3 runs" in caption
    assert "ξ = 0.3: -1.100" in alt
    assert "ξ = 0.3: 0.200 to 0.400" in alt
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


def test_slopes_and_ends_in_words():
    assert slopes_in_words({0.1: -2.0, 0.5: np.array([-1.0, -3])}) == (
        "ξ = 0.1: -2.000; ξ = 0.5: -2.000"
    )
    runs = np.array([[9.0, 1, 5, 2], [9, 3, 5, 4]])
    assert ends_in_words({0.1: runs}) == "ξ = 0.1: 2.000 to 3.000"


SHOWN = ["unit of three layers, p = 3", "unit of three layers, untrained"]


def test_depths_are_drawn_against_samples():
    errors = {
        "p = 2": {
            "two layers": np.array([[0.9, 0.5], [0.7, 0.3]]),
            "three layers": np.array([[0.8, 0.1], [0.8, 0.1]]),
        }
    }
    features = {"unit of three layers, p = 3": np.array([[0.6, 0.9], [0.7, 0.9]])}
    fig, caption, alt = depths_figure(
        errors, features, [100, 1000], at_start=np.array([0.3, 0.5])
    )
    assert "2 runs" in caption
    assert "p = 2, two layers: 0.400 [0.300–0.500]" in alt
    assert "p = 3: 0.90 [0.90–0.90]" in alt
    assert "before training: 0.40 [0.30–0.50]" in alt
    left, right = fig.axes
    assert left.get_title() == "p = 2"
    (two,) = lines(left, "two layers")
    assert two.get_ydata() == pytest.approx([0.8, 0.4])
    assert two.get_color() == DEPTHS["two layers"][0]
    assert two.get_linestyle() != lines(left, "three layers")[0].get_linestyle()
    assert lines(left, "answering 0")[0].get_ydata() == [1, 1]
    (start,) = lines(right, "unit of three layers, untrained")
    assert start.get_ydata() == pytest.approx([0.4, 0.4])
    (best,) = lines(right, "unit of three layers, p = 3")
    assert best.get_ydata() == pytest.approx([0.65, 0.9])
    for ax in fig.axes:
        assert ax.get_xscale() == "log"
        assert ax.get_xlabel() == "training samples n"
        assert [t.get_text() for t in ax.get_xticklabels()] == ["100", "1000"]
    legends = [[t.get_text() for t in ax.get_legend().get_texts()] for ax in fig.axes]
    assert legends == [["two layers", "three layers", "answering 0"], SHOWN]


def test_no_two_lines_of_the_depths_look_alike():
    looks = [*DEPTHS.values(), *FEATURES.values()]
    assert len({(colour, str(dashes)) for colour, dashes, _ in looks}) == len(looks)


def test_paths_have_a_number_in_each_cell_and_a_frame_where_needed():
    matrix = np.array([[0.5, 0.25], [0.0, 0.25]])
    needs = np.array([[True, True], [False, False]])
    fig, caption, alt = paths_figure({"dense": matrix, "pruned": matrix.T}, needs)
    assert caption.startswith("Half adders")
    assert "75% (dense), 50% (pruned)" in alt
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
