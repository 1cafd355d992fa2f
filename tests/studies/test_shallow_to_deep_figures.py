"""Figures of the chapter on learning from shallow to deep hold what they were given."""

import numpy as np
import pytest

from drawn import labels
from hlnb.studies.shallow_to_deep.figures import (
    FLOOR,
    LEARNERS,
    clusters_frame,
    conditions_figure,
    learners_figure,
    left_figure,
    prediction_figure,
    signal_figure,
    why_figure,
)

FIRST, GREEDY = "one step, first patch", "greedy"


pytestmark = pytest.mark.usefixtures("closed")


def of_colour(ax, label):
    return [line for line in ax.lines if line.get_color() == LEARNERS[label][0]]


def test_learners_differ_in_colour_dashes_and_marker():
    for i in range(3):
        assert len({str(look[i]) for look in LEARNERS.values()}) == len(LEARNERS)


def test_errors_of_learners_by_ratio():
    runs = {0.5: np.array([1.0, 0.8, 0.9]), 2.0: np.array([0.1, 0.3, 0.2])}
    fig = learners_figure({"one": {FIRST: runs, GREEDY: runs}, "two": {FIRST: runs}})
    one, two = fig.axes
    assert one.get_title() == "one"
    (middle,) = (line for line in of_colour(one, FIRST) if line.get_label() == FIRST)
    assert middle.get_ydata() == pytest.approx([0.9, 0.2])
    dots = of_colour(one, GREEDY)[0]
    assert sorted(dots.get_ydata()) == [0.8, 0.9, 1.0]
    assert dots.get_xdata() == pytest.approx([0.5] * 3, rel=0.02)
    assert len(of_colour(two, GREEDY)) == 0
    assert labels(fig) == [FIRST, GREEDY, "10 %"]
    assert "P*" in one.get_xlabel()
    assert one.get_ylabel()
    assert [t.get_text() for t in one.get_xticklabels()] == ["0.5", "2"]


def test_end_errors_against_misplaced_tuples():
    fig = why_figure({FIRST: (np.array([0.0, 0.5]), np.array([0.1, 0.9]))})
    (dots,) = of_colour(fig.axes[0], FIRST)
    assert dots.get_xydata().tolist() == [[0, 0.1], [0.5, 0.9]]
    assert "wrong cluster" in fig.axes[0].get_xlabel()


def test_a_frame_shows_features_and_crosses_wrong_tuples():
    points = np.arange(8.0).reshape(4, 2)
    fig = clusters_frame(
        points, np.array([0, 0, 1, 1]), [False, True, False, False], limit=9, title="t"
    )
    (ax,) = fig.axes
    first, second, crossed = ax.lines
    assert first.get_xydata().tolist() == points[:2].tolist()
    assert second.get_xydata().tolist() == points[2:].tolist()
    assert first.get_marker() != second.get_marker()
    assert crossed.get_xydata().tolist() == [points[1].tolist()]
    assert ax.get_xlim() == (-9, 9)


def test_conditions_that_hold_have_another_mark():
    found = {
        "a": {"signal": np.array([5.0, 4.0]), "clean": np.array([0.9, 0.8])},
        "b": {"signal": np.array([0.0, 0.1]), "clean": np.array([0.2, np.inf])},
    }
    thresholds = {"signal": 1.0, "clean": 0.5}
    fig = conditions_figure(found, thresholds, {"signal": "(i)", "clean": "(ii)"})
    left, right = fig.axes
    marks = [line for line in left.lines if line.get_marker() in "oX"]
    assert [mark.get_marker() for mark in marks] == ["o", "X"]
    assert marks[1].get_xdata().tolist() == [FLOOR, 0.1]
    assert [t.get_text() for t in left.get_yticklabels()] == ["a", "b"]
    assert right.get_xlabel() == "(ii)"
    assert labels(fig) == ["holds", "does not hold", "threshold"]
    assert marks[0].get_ydata().tolist() == [0, 0]


def test_errors_left_by_problem_and_way():
    found = {
        "a": {GREEDY: np.array([0.2, 0.4, 0.3]), "simultaneous": np.array([0.0])},
        "b": {GREEDY: np.array([2.0])},
    }
    fig = left_figure(found)
    (ax,) = fig.axes
    marks, bar, far, _ = of_colour(ax, GREEDY)
    assert marks.get_xdata().tolist() == [0.2, 0.4, 0.3]
    assert bar.get_xdata() == [0.3]
    assert far.get_xdata().tolist() == [1.3]
    assert round(np.mean(far.get_ydata())) == 1
    assert labels(fig) == [GREEDY, "simultaneous", "median"]


def test_the_prediction_has_a_named_point_a_problem():
    predicted = {"a": 0.0, "b": 2.0, "c": 1.5}
    shares = {GREEDY: {"a": 0.2, "b": 0.9, "c": np.nan}, "layer-wise": {"b": -7.0}}
    fig = prediction_figure(predicted, shares, success=0.5)
    left, right = fig.axes
    assert [ax.get_title() for ax in fig.axes] == [GREEDY, "layer-wise"]
    dots = [tuple(line.get_xydata()[0]) for line in of_colour(left, GREEDY)]
    assert dots == [(FLOOR, 0.2), (2.0, 0.9)]
    names = [text.get_text() for text in left.texts]
    assert names == ["a", "b"]
    (below,) = of_colour(right, "layer-wise")
    assert below.get_ydata()[0] == right.get_ylim()[0] + 0.05
    assert "threshold" in left.get_xlabel()
    assert "gap" in left.get_ylabel()


def test_names_of_near_points_are_apart():
    predicted = {name: 2.0 for name in "abcd"}
    fig = prediction_figure(
        predicted, {GREEDY: {name: 0.9 for name in "abcd"}}, success=0.5
    )
    heights = sorted(text.get_position()[1] for text in fig.axes[0].texts)
    assert min(np.diff(heights)) > 0.07


def test_wrong_tuples_against_signal():
    found = {"one": (np.array([0.2, 5.0]), np.array([0.5, 0.0]))}
    fig = signal_figure(found)
    (ax,) = fig.axes
    assert ax.lines[0].get_xydata().tolist() == [[0.2, 0.5], [5.0, 0.0]]
    assert ax.get_xscale() == "log"
    assert "signal" in ax.get_xlabel()
    assert "share" in ax.get_ylabel()
    assert labels(fig) == ["one"]
