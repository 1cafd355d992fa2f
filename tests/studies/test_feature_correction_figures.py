"""Figures of backward feature correction."""

import numpy as np
import pytest

from hlnb.studies.feature_correction import figures as plots
from hlnb.words import training_in_words

pytestmark = pytest.mark.usefixtures("closed")


def test_angles_show_every_run_and_the_formula():
    found = {
        "one": {0.1: {s: np.array([1.0, 2.0]) for s in plots.SHOWN}},
        "two": {0.1: {s: np.array([3.0, 4.0]) for s in plots.SHOWN}},
    }
    line = ([0.0, 0.1], np.array([0.0, 2.0]))
    fig, caption, alt = plots.angles_figure(found, {"one": line, "two": line})
    assert "(2 runs, all shown)" in caption
    assert alt.endswith("at α = 0.1: one: 1.5, 1.5, 1.5; two: 3.5, 3.5, 3.5.")
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
    fig, _, alt = plots.states_figure(
        {"p": ("share", states), "q": ("accuracy", states)}
    )
    names = [training_in_words(state) for state in states]
    assert alt.endswith(
        f"({', '.join(names)}): p: 2.00, 3.00, 4.00, 5.00, 6.00; "
        "q: 2.00, 3.00, 4.00, 5.00, 6.00."
    )
    left, right = fig.axes
    assert [t.get_text() for t in left.get_yticklabels()] == names
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


def test_a_tower_has_a_line_for_each_fit_that_errs_and_all_runs():
    exact = [0.01, 0.1], {1: np.array([1.0, 10]), 2: np.array([0.1, 5])}
    runs = [0.1], {k: np.array([[3.0 / k, 4.0 / k]]) for k in plots.TRAINED}
    fig, caption, alt = plots.tower_figure(exact, runs)
    (ax,) = fig.axes
    assert ax.get_xscale() == ax.get_yscale() == "log"
    drawn = [line.get_ydata().tolist() for line in ax.lines]
    assert drawn == [[1, 10], [3, 4], [0.1, 5], [1.5, 2], [1, 4 / 3]]
    assert "2 runs" in caption
    assert "at 0.1: layer 1: 3.5; layers 1 and 2: 1.8; all three layers: 1.2." in alt


def test_filters_stand_above_their_nearest_pattern():
    before, after = np.eye(3), np.array([[1.0, 1, 0], [0, 2, 0], [0, 0, -3]])
    patterns = np.array([[1.0, 1, 0], [0, 0, 1]])
    fig, caption, alt = plots.filters_figure({"heads": (before, after)}, patterns)
    first, second, below = fig.axes
    assert first.images[0].get_array().tolist() == np.eye(3).tolist()
    assert second.images[0].get_array()[:, 2].tolist() == [0, 0, -1]  # scaled to 1
    near = [line.get_ydata() for line in below.lines]
    np.testing.assert_allclose(near, [[0.5**0.5] * 2 + [1], [1, 0.5**0.5, 1]])
    assert caption.startswith("The 3 filters")
    assert alt.endswith("heads: 0.71 before, 1.00 after.")


def test_a_reach_shows_errors_and_what_moved():
    errors = np.array([[0.4, 0.3, 0.1], [0.4, 0.2, 0.2], [0.5, 0.3, 0.2]])
    moved = np.tile([[0.0, 0], [0, 0.5], [0.25, 1]], (3, 1, 1))
    fig, _, alt = plots.reach_figure({"p": (["conv", "readout"], errors, moved)})
    above, below = fig.axes
    assert above.lines[-1].get_ydata().tolist() == [0.4, 0.3, 0.2]
    assert [line.get_ydata().tolist() for line in above.lines[:3]] == errors.tolist()
    assert below.images[0].get_array().tolist() == [[0, 0.25], [0.5, 1]]
    assert [t.get_text() for t in below.texts] == ["–", "0.25", "0.50", "1.00"]
    assert [t.get_text() for t in below.get_yticklabels()] == ["filters", "readout"]
    assert alt.endswith("p: 0.400, 0.300, 0.200.")
