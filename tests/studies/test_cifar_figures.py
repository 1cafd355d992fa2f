"""Figures of image networks show the numbers they are given.

Labels, legibility and edges are checked in test_plotting, with all other figures.
"""

import numpy as np
import pytest

from hlnb.studies.cifar import figures

RNG = np.random.default_rng(0)


def test_patches_figure_shows_every_patch():
    patches = {"one": RNG.integers(0, 256, (8, 5, 4, 4, 3), np.uint8)}
    fig = figures.patches_figure(patches, filters={"one": range(8)}, columns=2)
    images = [ax.images[0].get_array() for ax in fig.axes if ax.images]
    assert len(images) == 8
    assert images[3].shape == (5, 25, 3)
    assert (images[3][:4, 5:9] == patches["one"][3, 1]).all()


def test_weights_become_colours_around_grey():
    weights = np.zeros((3, 4, 4))
    weights[0, 1, 2], weights[2, 3, 3] = 2.0, -1.0
    shown = figures.picture(weights)
    assert shown.shape == (4, 4, 3)
    assert shown[0, 0].tolist() == [128, 128, 128]
    assert shown[1, 2].tolist() == [255, 128, 128]
    assert shown[3, 3].tolist() == [128, 128, 64]
    assert (figures.picture(0 * weights) == 128).all()


def test_filters_keep_their_order_in_every_network():
    filters = RNG.normal(size=(8, 3, 4, 4))
    fig = figures.filters_figure({"a": filters, "b": -filters})
    one, other = (ax.images[0].get_array() for ax in fig.axes)
    assert one.shape == (10, 20, 3)
    expected = figures.picture(filters[5])
    assert (one[5:9, 5:9] == expected).all()
    assert (other[:4, :4] == figures.picture(-filters[0])).all()


def test_a_frame_shows_input_patches_and_words():
    best, patches = RNG.normal(size=(3, 7, 7)), RNG.integers(256, size=(5, 7, 7, 3))
    fig = figures.filter_frame(
        {"layer 2": (best, patches.astype(np.uint8), "form 0.42")}
    )
    left, middle, right = fig.axes
    assert (left.images[0].get_array() == figures.picture(best)).all()
    assert (middle.images[0].get_array()[:7, 8:15] == patches[1]).all()
    assert right.texts[0].get_text() == "form 0.42"


def test_best_inputs_stand_beside_the_patches_of_their_filter():
    best = RNG.normal(size=(8, 3, 4, 4))
    patches = RNG.integers(256, size=(8, 5, 4, 4, 3)).astype(np.uint8)
    fig = figures.best_inputs_figure(
        {"layer 1": (best, patches)}, filters={"layer 1": [6, 2]}
    )
    shown = [ax.images[0].get_array() for ax in fig.axes]
    assert (shown[2] == figures.picture(best[2])).all()
    assert (shown[1][:4, :4] == patches[6, 0]).all()


def test_intervals_and_runs_are_drawn():
    values = np.array([0.4, 0.5, 0.6])
    fig = figures.variants_figure(
        {"a": values}, meanings={"a": "greedy"}, xlabel="accuracy"
    )
    interval, dots, mean = fig.axes[0].lines
    assert dots.get_xdata().tolist() == values.tolist()
    assert mean.get_xdata().tolist() == [pytest.approx(0.5)]
    low, high = interval.get_xdata()
    assert low == pytest.approx(0.5 - 4.3027 * 0.1 / np.sqrt(3), abs=1e-4)
    assert high - 0.5 == pytest.approx(0.5 - low)


def test_curves_are_flipped_where_asked():
    errors = RNG.random((2, 4))
    run = figures.Result(
        {"runs": [{"seed": 0, "lr": 1}, {"seed": 1, "lr": 1}]},
        np.arange(4),
        np.arange(4),
        {"error": errors},
        {},
    )
    fig = figures.dynamics_figure(
        {"": {"layer-wise": run}},
        rows={"error": ("error", False), "accuracy": ("error", True)},
        ends=[2, 3],
        parts=["a", "b"],
    )
    above, below = fig.axes
    np.testing.assert_array_equal(above.lines[0].get_ydata(), errors[0])
    np.testing.assert_array_equal(below.lines[1].get_ydata(), 1 - errors[1])


def test_each_run_is_a_line_through_its_states():
    states = {name: RNG.random(3) for name in "abcd"}
    fig = figures.states_figure({"": states}, ylabels=["accuracy"])
    lines = fig.axes[0].lines
    assert lines[1].get_ydata().tolist() == [states[name][1] for name in "abcd"]
    assert lines[3].get_ydata().tolist() == [np.median(states[name]) for name in "abcd"]


def test_nan_is_left_out_of_a_run_s_mean():
    values = np.array([[0.2, np.nan, 0.4]])
    fig = figures.spread_figure(
        {"layer": {"trained": values}}, ylabel="y", colours={"trained": "#000000"}
    )
    assert fig.axes[0].lines[1].get_ydata() == pytest.approx(0.3)


def test_heights_show_every_run_of_every_rate():
    rates = {0.1: RNG.random((4, 3)), 0.01: RNG.random((4, 3))}
    fig = figures.heights_figure({"Adam": rates}, ylabel="loss")
    drawn = [line.get_ydata() for line in fig.axes[0].lines]
    assert any(np.array_equal(y, rates[0.1][:, 1]) for y in drawn)
    assert any(np.array_equal(y, rates[0.01][:, 2]) for y in drawn)
    assert [np.median(rates[r][:, 1]) for r in (0.01, 0.1)] in [list(y) for y in drawn]


def test_dots_lie_at_before_and_after():
    before, after = RNG.random((2, 5)), RNG.random((2, 5))
    fig = figures.before_after_figure({"share": (before, after)})
    _, dots, means = fig.axes[0].lines
    assert dots.get_xdata().tolist() == before.ravel().tolist()
    assert dots.get_ydata().tolist() == after.ravel().tolist()
    assert means.get_ydata().tolist() == after.mean(1).tolist()


def test_parts_alone_and_their_travel_show_every_run():
    parts = ("first filters", "second filters", "hidden layer", "readout")
    alone = {part: RNG.random(3) for part in parts}
    travel = {"together": {part: RNG.random(3) for part in parts}}
    fig = figures.alone_figure(
        alone, 0.5, travel, meanings={"together": "simultaneous"}
    )
    left, right = ([list(line.get_ydata()) for line in ax.lines] for ax in fig.axes)
    assert all(list(alone[part]) in left for part in parts)
    assert all(list(travel["together"][part]) in right for part in parts)
    assert [0.3, 0.3] in left  # half of what all parts gain over guessing


def test_leaps_stand_against_what_was_said_of_them():
    said, leap = 10 ** RNG.uniform(-1, 1, 4), 1 + RNG.random(4)
    fig = figures.leaps_figure(
        {"Adam": {"part 3": (said, leap)}}, borders=[1.0], xlabels=["overshoot"]
    )
    (ax,) = fig.axes
    (marks,) = (line for line in ax.lines if line.get_label() == "part 3")
    assert np.array_equal(marks.get_xydata(), np.stack([said, leap], axis=1))
    assert ax.get_xlim()[0] < min(said.min(), 1)
    assert ax.get_xlim()[1] > said.max()
