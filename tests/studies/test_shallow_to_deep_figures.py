"""Figures of the chapter on learning from shallow to deep hold what they were given."""

import numpy as np
import pytest

from drawn import labels
from hlnb.studies.shallow_to_deep.figures import (
    LEARNERS,
    clusters_frame,
    learners_figure,
    left_figure,
    networks_figure,
    predicted_figure,
    signal_figure,
    why_figure,
)

FIRST, GREEDY = "one step, first patch", "greedy"
WORDS = "greedy, with readouts of their own"
RUNS = {0.5: np.array([1.0, 0.8, 0.9]), 2.0: np.array([0.1, 0.3, 0.2])}

pytestmark = pytest.mark.usefixtures("closed")


def of_colour(ax, label):
    return [line for line in ax.lines if line.get_color() == LEARNERS[label][0]]


def test_learners_differ_in_colour_dashes_and_marker():
    for i in range(3):
        assert len({str(look[i]) for look in LEARNERS.values()}) == len(LEARNERS)


def test_errors_of_learners_by_ratio():
    drawn = learners_figure({"one": {FIRST: RUNS, GREEDY: RUNS}, "two": {FIRST: RUNS}})
    one, two = drawn.figure.axes
    assert one.get_title() == "one"
    (middle,) = (line for line in of_colour(one, FIRST) if line.get_label() == FIRST)
    assert middle.get_ydata() == pytest.approx([0.9, 0.2])
    dots = of_colour(one, GREEDY)[0]
    assert sorted(dots.get_ydata()) == [0.8, 0.9, 1.0]
    assert dots.get_xdata() == pytest.approx([0.5] * 3, rel=0.02)
    assert len(of_colour(two, GREEDY)) == 0
    assert labels(drawn.figure) == [FIRST, WORDS, "10 %"]
    assert "P*" in one.get_xlabel()
    assert [t.get_text() for t in one.get_xticklabels()] == ["0.5", "2"]
    assert "3 runs" in drawn.caption
    assert "one, 2 P*: one step, first patch 0.20" in drawn.alt


def test_no_error_of_a_network_is_beyond_the_axis():
    high = {1.0: np.array([2.0, 1.5])}
    drawn = networks_figure({"a": {GREEDY: RUNS}, "b": {GREEDY: high}})
    for ax in drawn.figure.axes:
        assert ax.get_ylim()[1] > 2
    assert "2 to 3 runs" in drawn.caption
    assert f"b, 1 P*: {WORDS} 1.75" in drawn.alt


def test_end_errors_against_misplaced_tuples():
    drawn = why_figure({FIRST: (np.array([0.0, 0.5]), np.array([0.1, 0.9]))}, rho=0.7)
    (dots,) = of_colour(drawn.figure.axes[0], FIRST)
    assert dots.get_xydata().tolist() == [[0, 0.1], [0.5, 0.9]]
    assert "rank correlation 0.70. 1 runs have no wrong tuple" in drawn.alt
    assert "smallest error among them is 0.90" in drawn.alt


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


def test_errors_left_by_problem_and_way_stand_where_they_are():
    found = {
        "a": {GREEDY: np.array([0.2, 0.4, 0.3]), "simultaneous": np.array([0.0])},
        "b": {GREEDY: np.array([2.0])},
    }
    drawn = left_figure(found)
    (ax,) = drawn.figure.axes
    marks, bar, far, _ = of_colour(ax, GREEDY)
    assert marks.get_xdata().tolist() == [0.2, 0.4, 0.3]
    assert bar.get_xdata() == [0.3]
    assert far.get_xdata().tolist() == [2.0]
    assert ax.get_xlim()[1] > 2
    assert round(np.mean(far.get_ydata())) == 1
    assert labels(drawn.figure) == [WORDS, "all layers together", "median"]
    assert f"a: {WORDS} 0.30, all layers together 0.00; b: {WORDS} 2.00." in drawn.alt


def test_wrong_tuples_against_signal():
    found = {"one": (np.array([0.2, 5.0]), np.array([0.5, 0.0]))}
    drawn = signal_figure(found, rho=-0.8)
    (ax,) = drawn.figure.axes
    assert ax.lines[0].get_xydata().tolist() == [[0.2, 0.5], [5.0, 0.0]]
    assert ax.get_xscale() == "log"
    assert labels(drawn.figure) == ["one"]
    assert "-0.80. Of 1 runs with signal at least twice" in drawn.alt


def test_what_is_later_than_the_top_stands_in_a_band_that_says_so():
    top = np.array([8.0, 8.0, 8.0])
    guessed, needed = np.array([1, np.inf, 9.0]), np.array([2, 3.0, np.inf])
    drawn = predicted_figure({"conditions": {"clue": (guessed, needed, top)}})
    (ax,) = drawn.figure.axes
    x, y = ax.lines[0].get_xydata().T
    assert (x[0], *y[:2]) == (1, 2, 3)
    band = ax.lines[2].get_xdata()[0]
    assert band > 8
    assert (x[1:] > band).all()
    assert y[2] > band
    assert ax.get_xlim()[1] > x.max()
    assert "later" in [text.get_text() for text in ax.texts]
    assert "Later" in drawn.caption
    assert "conditions: in time or later as predicted, clue 2 of 3." in drawn.alt
