"""Figures of backward feature correction."""

import numpy as np
import pytest

from hlnb.studies.feature_correction import figures as plots

pytestmark = pytest.mark.usefixtures("closed")


def test_angles_show_every_run_and_the_formula():
    found = {
        "one": {0.1: {s: np.array([1.0, 2.0]) for s in plots.SHOWN}},
        "two": {0.1: {s: np.array([3.0, 4.0]) for s in plots.SHOWN}},
    }
    line = ([0.0, 0.1], np.array([0.0, 2.0]))
    fig = plots.angles_figure(found, {"one": line, "two": line})
    one, two = fig.axes
    assert [one.get_title(), two.get_title()] == ["one", "two"]
    assert "degrees" in one.get_ylabel()
    assert one.get_xlabel() == "strength α of the square"
    formula, *states = one.lines
    assert formula.get_ydata().tolist() == [0, 2]
    assert [line.get_ydata().tolist() for line in states] == 3 * [[1, 2]]
    assert len({line.get_marker() for line in states}) == 3
    assert len({line.get_color() for line in states}) == 3
    labels = [text.get_text() for text in fig.legends[0].get_texts()]
    assert labels == ["formula, layer 1 alone", *plots.LABELS.values()]


def test_a_frame_shows_what_is_learned_beside_both_answers():
    fig = plots.coefficients_frame(
        np.array([0.1, 0.2]),
        np.array([0.3, 0.4]),
        np.array([0.5, 0.6]),
        title="epoch 2",
    )
    (ax,) = fig.axes
    assert ax.get_title() == "epoch 2"
    assert [bar.get_height() for bar in ax.patches] == [0.1, 0.2]
    assert [line.get_ydata().tolist() for line in ax.lines] == [[0.3, 0.4], [0.5, 0.6]]
    assert ax.get_ylim() == (pytest.approx(0.15), pytest.approx(0.75))


def test_states_have_a_row_each_and_their_median():
    states = {
        state: np.array([1.0, 2.0, 9.0]) + i
        for i, state in enumerate(plots.STATE_STYLES)
    }
    fig = plots.states_figure({"p": ("share", states), "q": ("accuracy", states)})
    left, right = fig.axes
    assert [t.get_text() for t in left.get_yticklabels()] == list(states)
    assert {t.get_text() for t in right.get_yticklabels()} == {""}
    assert [left.get_xlabel(), right.get_xlabel()] == ["share", "accuracy"]
    runs, middles = left.lines[::2], left.lines[1::2]
    for place, (values, run, middle) in enumerate(
        zip(states.values(), runs, middles, strict=True)
    ):
        assert run.get_xdata().tolist() == values.tolist()
        assert set(run.get_ydata()) == {place}
        assert [*middle.get_xdata(), *middle.get_ydata()] == [np.median(values), place]
    low, high = left.get_ylim()
    assert low > high  # untrained on top
