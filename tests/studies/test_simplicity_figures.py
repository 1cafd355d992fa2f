"""Figures of simplicity bias."""

import numpy as np
import pytest

from drawn import labels
from hlnb.studies.simplicity import figures as plots

pytestmark = pytest.mark.usefixtures("closed")
RNG = np.random.default_rng(0)


def test_maps_have_a_row_for_each_layer_and_a_picture_for_each_unit():
    rows = {"layer1": RNG.normal(size=(9, 3)), "output": RNG.normal(size=(9, 1))}
    fig = plots.maps_figure(rows, title="step 1")
    pictures = [ax for ax in fig.axes if ax.images]
    (bar,) = (ax for ax in fig.axes if ax.get_label() == "<colorbar>")
    assert [t.get_text() for t in bar.get_yticklabels()] == ["lowest", "highest"]
    assert len(pictures) == 4
    assert np.array_equal(
        pictures[1].images[0].get_array(), rows["layer1"][:, 1].reshape(3, 3)
    )
    assert pictures[0].images[0].origin == "lower"
    assert pictures[0].get_ylabel() == "layer 1"
    assert pictures[3].get_ylabel() == "output"
    assert fig.get_suptitle() == "step 1"


def test_points_are_drawn_by_class_and_lines_over_them():
    x, y = RNG.uniform(-1, 1, size=(20, 2)), np.arange(20) % 2
    line = np.array([-1.0, 1.0]), np.array([0.5, -0.5])
    fig, caption, alt = plots.data_figure(
        {"a": (x, y), "b": (x[:6], y[:6])}, {"a": {}, "b": {"L": line}}
    )
    left, right = fig.axes
    assert [len(ax.lines) for ax in (left, right)] == [2, 3]
    for label, points in enumerate(left.lines):
        assert np.allclose(points.get_data(), x[y == label].T)
    assert np.array_equal(right.lines[-1].get_ydata(), line[1])
    assert labels(fig) == ["class 0", "class 1", "L"]
    assert "20 and 6" in caption
    assert alt


def test_trained_maps_say_how_many_units_there_are():
    rows = {k: RNG.normal(size=(9, n)) for k, n in (("layer1", 3), ("readout", 1))}
    drawn = plots.trained_maps(rows)
    assert "3 units of the hidden layers and 1 of the output" in drawn.alt
    assert "own scale" in drawn.caption


def test_layers_have_runs_and_medians_of_both_states():
    values = {k: RNG.uniform(size=(4, 3)) for k in ("untrained", "trained")}
    fig, caption, alt = plots.layers_figure(
        {"turns": values}, {"turns": ["1", "2", "out"]}
    )
    middle = ", ".join(f"{v:.2f}" for v in np.median(values["trained"], axis=0))
    assert f"median turns of 1, 2, out, trained: {middle}." in alt
    assert "4 runs" in caption
    (ax,) = fig.axes
    assert len(ax.lines) == 2 * (4 + 1)
    thick = {line.get_label(): line for line in ax.lines if line.get_label() in values}
    for name, line in thick.items():
        assert np.allclose(line.get_ydata(), np.median(values[name], axis=0))
    assert [t.get_text() for t in ax.get_xticklabels()] == ["1", "2", "out"]
    assert set(labels(fig)) == set(values)


def test_information_has_three_curves_and_the_moment_of_l():
    at = np.array([0, 0.5, 1, 10.0])
    curves = {k: RNG.uniform(size=(2, 4)) for k in (*plots.WORDS, "accuracy")}
    fig, caption, alt = plots.information_figure(
        {"a": at}, {"a": curves}, reached={"a": 1.5}
    )
    assert "2 runs" in caption
    assert ", ".join(f"{np.median(curves[k][:, -1]):.2f}" for k in plots.WORDS) in alt
    (ax,) = fig.axes
    assert set(labels(fig)) == set(plots.WORDS.values())
    assert ax.get_xscale() == "log"
    assert ax.get_xlim()[0] == 0.5
    dotted = [line for line in ax.lines if len(line.get_xdata()) == 2]
    assert dotted[-1].get_xdata()[0] == 1.5
    colours = {plots.LOOKS[k][0] for k in plots.WORDS}
    assert len(colours) == 3


def test_beyond_has_a_line_for_each_learner():
    run = np.array([0.5, 0.8]), np.array([0.0, 0.3])
    fig, caption, alt = plots.beyond_figure(
        {"a": {"trained": [run, run], "no order (null)": [run]}},
        linear={"a": 0.7},
        both={"a": (0.125, 0.5)},
    )
    assert "(2 each)" in caption
    assert "a 0.12 and 0.50" in alt
    (ax,) = fig.axes
    assert len(ax.lines) == 4
    assert ax.lines[-1].get_xdata()[0] == 0.7
    assert labels(fig) == ["trained", "no order (null)"]
