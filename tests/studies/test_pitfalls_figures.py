"""Figures of the chapter on pitfalls hold what they were given."""

import numpy as np
import pytest

from drawn import labels, lines
from hlnb.studies.pitfalls.figures import (
    KIND_STYLES,
    LABELS,
    SET_STYLES,
    regions_frame,
    reliance_figure,
    remedies_figure,
    sets_figure,
    stuck_figure,
    trained_figure,
)

pytestmark = pytest.mark.usefixtures("closed")

X = np.array([[0.0, 1], [-1, 0], [0.5, 0.5]])
Y = np.array([0, 1, 1])
REGION = np.array([[0.0, 1], [0.25, 0.5]])


def test_styles_differ_in_colour_dashes_and_marker():
    for styles in (SET_STYLES, [s[:3] for s in KIND_STYLES.values()], LABELS):
        for part in zip(*styles, strict=True):
            assert len({str(p) for p in part}) == len(styles)


def points(ax):
    return [np.stack(line.get_data(), 1).tolist() for line in ax.lines[:2]]


def test_sets_are_points_by_label_over_regions():
    drawn = sets_figure({"one": (X, Y), "two": (2 * X, Y)}, REGION, reach=3.0)
    fig = drawn.figure
    assert "(3 training points each)" in drawn.caption
    left, right = fig.axes
    assert points(left) == [[[0, 1]], [[-1, 0], [0.5, 0.5]]]
    assert points(right) == [[[0, 2]], [[-2, 0], [1, 1]]]
    assert [line.get_marker() for line in left.lines] == ["o", "^"]
    assert len(left.lines) == 2
    assert [list(xy) for xy in right.lines[2].get_data()] == [[-3, 3], [3, -3]]
    for ax in fig.axes:
        (image,) = ax.images
        assert image.get_array().tolist() == REGION.tolist()
        assert image.origin == "lower"
        assert image.get_extent() == [-3, 3, -3, 3]
        assert image.get_clim() == (0, 1)
        assert ax.get_xlabel() == "$x_1$"
        assert ax.get_xlim() == ax.get_ylim() == (-3, 3)
    assert left.get_ylabel() == "$x_2$"
    assert [ax.get_title() for ax in fig.axes] == ["one", "two"]
    assert labels(fig) == ["label 0", "label 1", "45-degree halfspace"]


def test_the_shade_of_a_label_is_the_colour_of_its_points():
    fig = sets_figure({"one": (X, Y)}, REGION, reach=3.0).figure
    zero, one = (fig.axes[0].images[0].get_cmap()(v) for v in (0.0, 1.0))
    assert zero[0] > zero[2]  # orange
    assert one[2] > one[0]  # blue
    for line, share in zip(fig.axes[0].lines, (zero, one), strict=False):
        red, _, blue = (int(line.get_color()[i : i + 2], 16) for i in (1, 3, 5))
        assert (red > blue) == (share[0] > share[2])


def test_a_frame_names_set_step_and_error():
    fig = regions_frame(
        {"one": (X, Y), "two": (2 * X, Y)},
        [REGION, 1 - REGION],
        step=40,
        errors=[0.5, 0.0471],
        reach=2.0,
    )
    assert [ax.get_title() for ax in fig.axes] == [
        "one, step 40: error 0.500",
        "two, step 40: error 0.047",
    ]
    shown = [ax.images[0].get_array().tolist() for ax in fig.axes]
    assert shown == [REGION.tolist(), (1 - REGION).tolist()]
    assert points(fig.axes[1])[0] == [[0, 2]]
    assert fig.axes[0].get_ylabel() == "$x_2$"


def test_trained_networks_in_words():
    sets = {"one": (X, Y), "two": (X, Y)}
    shown = {"step": 40, "errors": [0.5, 0.1], "reach": 2.0}
    drawn = trained_figure(sets, [REGION, 1 - 0 * REGION], **shown)
    assert len(drawn.figure.axes) == 2
    assert "after 40 steps" in drawn.caption
    assert "25 % (one) and 100 % (two)" in drawn.alt


def test_stuck_shows_curves_times_and_what_never_arrived():
    steps = np.array([1, 10, 100, 1000])
    runs = np.array(
        [[0.5, 0.4, 0.05, 0.0], [0.5, 0.5, 0.2, 0.009], [0.4, 0.3, 0.1, np.nan]]
    )
    curves = {"one": (steps, runs), "two": (steps, runs + 0.1)}
    times = {"one": np.array([900.0, 100, 300]), "two": np.array([np.inf, np.inf, 50])}
    fig, caption, alt = stuck_figure(curves, times, goal=0.01, cap=1000)
    assert "3 networks a set" in caption
    assert "one: 300 [100–900], 3 of 3 reached; two: >1000 [50–>1000], 1 of 3" in alt
    left, right = fig.axes
    (middle,) = lines(left, "one")
    # An error of 0 has no place on a log scale: it stands at a third of the goal
    # The run that ended keeps its last value
    expected = [0.5, 0.4, 0.1, 0.009]
    assert middle.get_ydata() == pytest.approx(expected)
    assert middle.get_color() == SET_STYLES[0][0]
    assert lines(left, "two")[0].get_linestyle() == SET_STYLES[1][1]
    assert len(left.lines) == 2 * (3 + 1) + 1
    assert left.lines[0].get_ydata()[-1] == pytest.approx(0.01 / 3)
    assert left.lines[-1].get_ydata()[0] == 0.01
    one, tick, two, cross = right.lines[:4]
    assert sorted(one.get_xdata()) == [100, 300, 900]
    assert (one.get_marker(), two.get_marker()) == ("o", "s")
    assert np.abs(one.get_ydata()).max() < 0.5
    assert tick.get_xdata()[0] == 300
    assert tick.get_ydata()[0] == 0
    assert two.get_xdata().tolist() == [50]
    assert (cross.get_marker(), cross.get_ydata()[0]) == ("x", 1)
    assert cross.get_xdata()[0] > 1000
    assert right.texts[0].get_text() == "2"
    assert right.lines[4].get_xdata()[0] == 1000
    assert len(right.lines) == 5  # no median of `two`, which was not reached
    assert left.get_xscale() == left.get_yscale() == right.get_xscale() == "log"
    assert left.get_xlabel() == "steps"
    assert left.get_ylabel() == "test error (share)"
    assert right.get_xlabel() == "steps to test error 0.01"
    assert right.get_ylim()[0] > right.get_ylim()[1]
    assert labels(fig) == ["one", "two", "goal: 0.01"]


def test_a_curve_ends_where_all_runs_have_ended():
    runs = np.array([[0.5, 0.1, np.nan], [0.5, np.nan, np.nan]])
    curves = {str(i): (np.array([1, 10, 100]), runs) for i in range(6)}
    times = {name: np.array([10.0, 1]) for name in curves}
    left, _ = stuck_figure(curves, times, goal=0.1, cap=100).figure.axes
    for name in curves:
        (middle,) = lines(left, name)
        assert middle.get_xdata().tolist() == [1, 10]
        assert middle.get_ydata() == pytest.approx([0.5, 0.3])


def test_reliance_has_a_curve_for_each_kind():
    steps = np.array([0, 5, 10])
    runs = np.array([[0.5, 0.6, 1], [0.5, 0.8, 1], [0.4, 0.9, 0.9]])
    kinds = {"standard": runs, "simple": 1 - runs, "complex": runs / 2}
    drawn = reliance_figure({"one": (steps, kinds), "two": (2 * steps, kinds)})
    fig = drawn.figure
    ends = "1.000 test inputs as they are, 0.000 simple coordinate shuffled, 0.500"
    for name in ("one", "two"):
        assert f"{name}: {ends} complex coordinates shuffled" in drawn.alt
    for ax, factor in zip(fig.axes, (1, 2), strict=True):
        for kind, values in kinds.items():
            colour, dashes, marker, words = KIND_STYLES[kind]
            (middle,) = lines(ax, words)
            assert middle.get_ydata() == pytest.approx(np.median(values, 0))
            assert middle.get_xdata().tolist() == (factor * steps).tolist()
            assert middle.get_color() == colour
            assert middle.get_linestyle() == dashes
            assert middle.get_marker() == marker
        assert len(ax.lines) == 3 * 4 + 1
        assert list(ax.lines[-1].get_ydata()) == [0.5, 0.5]
        assert ax.get_xlabel() == "steps"
        assert ax.get_ylim()[1] > 1
    assert [ax.get_title() for ax in fig.axes] == ["one", "two"]
    assert fig.axes[0].get_ylabel() == "AUC (share)"
    assert labels(fig) == [style[3] for style in KIND_STYLES.values()]


def test_remedies_have_a_row_each():
    values = {
        "error": np.array([0.05, 0.06]),
        "simple": np.array([0.5, 0.6]),
        "complex": np.array([0.9, 0.8]),
    }
    found = {"none": values, "some": {k: v / 2 for k, v in values.items()}}
    fig, caption, alt = remedies_figure(found, floor=0.05)
    assert "2 data sets" in caption
    errors, aucs = alt.split(" AUCs with the linear coordinate shuffled: ")
    said = "none 0.055 [0.050–0.060]; some 0.028 [0.025–0.030]."
    assert errors == f"Test errors: {said}"
    assert aucs.startswith("none 0.550 [0.500–0.600]; some")
    left, right = fig.axes
    assert [line.get_xdata().tolist() for line in left.lines[:2]] == [
        [0.05, 0.06],
        [0.025, 0.03],
    ]
    assert list(left.lines[2].get_xdata()) == [0.05, 0.05]
    assert right.lines[0].get_xdata().tolist() == [0.5, 0.6]
    assert right.lines[1].get_xdata().tolist() == [0.9, 0.8]
    assert right.lines[0].get_color() == KIND_STYLES["simple"][0]
    assert right.lines[1].get_color() == KIND_STYLES["complex"][0]
    assert list(right.lines[4].get_xdata()) == [0.5, 0.5]
    for row, line in enumerate(left.lines[:2]):
        assert np.abs(line.get_ydata() - row).max() < 0.5
    assert [t.get_text() for t in left.get_yticklabels()] == ["none", "some"]
    assert left.get_ylim() == (1.5, -0.5)
    assert left.get_xlabel() == "test error (share)"
    assert right.get_xlabel() == "AUC (share)"
    assert labels(fig) == [KIND_STYLES[k][3] for k in ("simple", "complex")]
