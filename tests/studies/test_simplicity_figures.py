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
    assert len(pictures) == 4
    assert np.array_equal(
        pictures[1].images[0].get_array(), rows["layer1"][:, 1].reshape(3, 3)
    )
    assert pictures[0].images[0].origin == "lower"
    assert pictures[0].get_ylabel() == "layer 1"
    assert pictures[3].get_ylabel() == "output"
    assert fig.get_suptitle() == "step 1"


def test_layers_have_runs_and_medians_of_both_states():
    values = {k: RNG.uniform(size=(4, 3)) for k in ("untrained", "trained")}
    fig = plots.layers_figure({"turns": values}, {"turns": ["1", "2", "out"]})
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
    fig = plots.information_figure({"a": at}, {"a": curves}, reached={"a": 1.5})
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
    fig = plots.beyond_figure(
        {"a": {"trained": [run, run], "no order (null)": [run]}}, linear={"a": 0.7}
    )
    (ax,) = fig.axes
    assert len(ax.lines) == 4
    assert ax.lines[-1].get_xdata()[0] == 0.7
    assert labels(fig) == ["trained", "no order (null)"]
