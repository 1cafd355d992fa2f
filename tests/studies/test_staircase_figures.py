"""Figures of the staircase chapter say what they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from hlnb.figures.export import save
from hlnb.studies.staircase import figures as plots

STEPS = np.arange(5) * 100
RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def thick(ax):
    return [line for line in ax.lines if line.get_linewidth() == 2]


def test_degrees_have_unequal_colours_that_get_lighter():
    colours = [plots.degree_colour(k, 10) for k in range(11)]
    grey = [0.3 * r + 0.59 * g + 0.11 * b for r, g, b, _ in colours]
    assert (np.diff(grey) > 0).all()
    assert grey[-1] < 0.8  # to be seen on white


def test_targets_are_their_medians():
    losses = {
        "staircase": RNG.random((3, 5)),
        "monomial": 1 + RNG.random((3, 5)),
        "monomial, on training data": RNG.random((3, 5)),
    }
    fig = plots.targets_figure(STEPS, losses, ylabel="error", marks=[250])
    (ax,) = fig.axes
    for line, runs in zip(thick(ax), losses.values(), strict=True):
        np.testing.assert_array_equal(line.get_ydata(), np.median(runs, axis=0))
    colours = [line.get_color() for line in thick(ax)]
    assert colours[1] == colours[2] != colours[0]
    assert len({line.get_linestyle() for line in thick(ax)}) == 3
    assert [text.get_text() for text in ax.texts] == ["rate halved"]
    labels = [text.get_text() for text in fig.legends[0].get_texts()]
    assert labels == [*plots.TARGETS_IN_WORDS.values(), "the mean alone"]
    save(fig)


def test_phases_have_a_line_a_target_and_the_last_term_is_dashed():
    left = {name: RNG.random((3, 4)) for name in ("S3", "S5", "last term alone")}
    fig = plots.phases_figure([0, 5, 9, 20], left)
    (ax,) = fig.axes
    for line, runs in zip(thick(ax), left.values(), strict=True):
        np.testing.assert_array_equal(line.get_ydata(), np.median(runs, axis=0))
    assert [line.get_linestyle() for line in thick(ax)] == ["-", "-", "--"]
    assert len({str(line.get_color()) for line in thick(ax)}) == 3
    save(fig)


def test_coefficients_have_a_line_a_term_in_the_colour_of_its_degree():
    values = RNG.random((3, 5, 4))
    fig = plots.coefficients_figure(STEPS, {"a": values, "b": 0 * values})
    left, right, bar = fig.axes
    assert [ax.get_title() for ax in (left, right)] == ["a", "b"]
    for k, line in enumerate(thick(left)):
        np.testing.assert_array_equal(line.get_ydata(), np.median(values[:, :, k], 0))
        assert line.get_color() == plots.degree_colour(k + 1, 4)
    assert (thick(right)[0].get_ydata() == 0).all()
    assert bar.get_yticks().tolist() == [1, 2, 3, 4]
    assert bar.get_ylabel() == "degree of the term"
    save(fig)


def test_a_frame_has_a_bar_a_term():
    values = RNG.random((3, 4))
    fig = plots.coefficients_frame({"a": values}, title="iteration 7")
    (ax,) = fig.axes
    heights = [bar.get_height() for bar in ax.patches]
    np.testing.assert_allclose(heights, np.median(values, axis=0))
    assert ax.get_title() == "a, iteration 7"
    save(fig)


def test_mass_by_degree():
    mass = RNG.random((2, 5, 4))
    fig = plots.degree_mass_figure(STEPS, mass, np.array([0, 0.5, 0.5, 0]))
    lines = thick(fig.axes[0])
    assert len(lines) == 3  # degree 0 is not shown
    np.testing.assert_array_equal(
        lines[2].get_ydata(), np.median(mass[:, :, 3], axis=0)
    )
    save(fig)


def test_growth_shows_every_candidate_once():
    found = np.array([0.01, -0.9, 0.05])
    fig = plots.growth_figure(
        {"staircase": [(found, 1.0), (found / 100, 0.25)], "monomial": [(found, 1.0)]},
        threshold=0.1,
    )
    left, right = fig.axes
    shown = [y for line in left.lines[:4] for y in line.get_ydata()]
    assert sorted(shown) == sorted(np.abs([*found, *(found / 100)]))
    marked = [list(ax.lines[1].get_ydata()) for ax in (left, right)]
    assert marked == [[0.9], [0.9]]
    assert [text.get_text() for text in left.texts] == ["100%", "25%"]
    save(fig)


def test_trainings_are_told_apart_by_colour_marker_and_place():
    found = {
        "$S_2$": {
            "simultaneous": np.array([0.1, 0.2, 0.6]),
            "greedy": np.array([0.9, 1.0, 40.0]),
        },
        "toy": {"simultaneous": np.zeros(2)},
    }
    fig = plots.trainings_figure(found, xlabel="share left")
    (ax,) = fig.axes
    assert [label.get_text() for label in ax.get_yticklabels()] == ["$S_2$", "toy"]
    dots = [line for line in ax.lines if len(line.get_xdata()) > 1][:3]
    assert len({line.get_marker() for line in dots[:2]}) == 2
    assert len({line.get_color() for line in dots[:2]}) == 2
    medians = [float(line.get_xdata()[0]) for line in ax.lines if line.get_ms() == 11]
    assert medians == [0.2, 1.0, 0.0]
    (arrow,) = [line for line in ax.lines if line.get_marker() == ">"]
    assert float(arrow.get_xdata()[0]) == plots.WORST < ax.get_xlim()[1]
    assert [text.get_text() for text in ax.texts] == ["1"]  # one run is beyond
    labels = [text.get_text() for text in fig.legends[0].get_texts()]
    assert labels == [
        "all layers together",
        "greedy, with readouts of their own",
        "guessing",
    ]
    save(fig)
