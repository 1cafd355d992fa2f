"""Figures of the chapter on linear regression hold what they were given."""

import numpy as np
import pytest

from drawn import labels, lines
from hlnb.studies.linear_regression.figures import (
    PATH_STYLES,
    condition_figure,
    paths_figure,
    rate_frame,
    risk_figure,
    spectra_figure,
)

pytestmark = pytest.mark.usefixtures("closed")


def named(ax):
    return bool(ax.get_xlabel()) and bool(ax.get_ylabel())


def test_paths_runs_and_their_median():
    passes = np.arange(4)
    runs = np.array([[1, 0.1, 0.01, 0.0], [1, 0.2, 0.02, 0.0], [1, 0.3, 0.03, 0.0]])
    fig = paths_figure(
        {way: (passes, runs * (i + 1)) for i, way in enumerate(PATH_STYLES)}
    )
    (ax,) = fig.axes
    assert labels(fig) == [*PATH_STYLES]
    assert len(ax.lines) == 4 * (3 + 1)
    (middle,) = lines(ax, "SGD from 0")
    assert middle.get_ydata()[:3] == pytest.approx([2, 0.4, 0.04])
    assert middle.get_ydata()[3] > 0  # zero is drawn at the foot
    assert ax.get_yscale() == "log"
    assert named(ax)


def test_ways_differ_in_colour_dashes_and_marker():
    for part in zip(*PATH_STYLES.values(), strict=True):
        assert len({str(item) for item in part}) == len(PATH_STYLES)


def test_a_frame_shows_factors_and_errors():
    values = np.array([4.0, 2, 1])
    errors = np.array([[2.0, -1, 1], [-1, -0.25, 0.625]])
    fig = rate_frame(values, errors, rate=1.5)
    left, right = fig.axes
    assert left.get_title() == "η = 1.5 / λ₁"
    (spots,) = [line for line in left.lines if len(line.get_xdata()) == 3]
    assert spots.get_xdata() == pytest.approx([1, 0.5, 0.25])
    assert spots.get_ydata() == pytest.approx([-0.5, 0.25, 0.625])
    shown = {line.get_label(): line.get_ydata() for line in right.lines[:3]}
    assert shown["largest λ"] == pytest.approx([1, -0.5])
    assert shown["middle λ"] == pytest.approx([1, 0.25])
    assert shown["smallest λ"] == pytest.approx([1, 0.625])
    assert labels(fig) == ["largest λ", "middle λ", "smallest λ"]
    assert named(left)
    assert named(right)


def test_the_steepest_factor_is_inside_its_axes():
    fig = rate_frame(np.array([1.0, 0.5]), np.ones((3, 2)), rate=2.02)
    low, high = fig.axes[0].get_ylim()
    assert low < 1 - 2.02
    assert high >= 1


def test_spectra_are_densities_with_their_law():
    x = np.linspace(0.5, 2, 9)
    found = {
        f"d/n = {i}": (np.linspace(0.5, 2, 50 * (i + 1)), (x, np.full(9, 0.5 + i)))
        for i in range(5)
    }
    fig = spectra_figure(found, top=2.0)
    assert [ax.get_title() for ax in fig.axes] == [*found]
    for i, ax in enumerate(fig.axes):
        area = sum(bar.get_width() * bar.get_height() for bar in ax.patches)
        assert area == pytest.approx(1)
        assert ax.lines[0].get_ydata()[0] == 0.5 + i
        assert ax.get_ylim()[1] <= 2
        assert ax.get_xlim()[0] == 0
    assert [bool(ax.get_xlabel()) for ax in fig.axes] == [
        False,
        False,
        True,
        True,
        True,
    ]
    assert [bool(ax.get_ylabel()) for ax in fig.axes] == [
        True,
        False,
        False,
        True,
        False,
    ]
    assert labels(fig) == ["Marchenko–Pastur", "eigenvalues"] or labels(fig) == [
        "eigenvalues",
        "Marchenko–Pastur",
    ]


def test_condition_numbers_with_runs_medians_and_theory():
    ratios = {0.25: np.array([8.0, 9, 10]), 1.0: np.array([1e4, 1e5, 1e6])}
    square = {5: np.array([30.0, 300]), 10: np.array([100.0, 1300])}
    theory = (np.array([0.2, 0.3]), np.array([7.0, 12]))
    growth = (np.array([5, 10]), np.array([337.0, 1350]))
    fig = condition_figure(ratios, theory, square, growth)
    left, right = fig.axes
    assert lines(left, "median of runs")[0].get_ydata().tolist() == [9, 1e5]
    assert lines(right, "median of runs")[0].get_ydata().tolist() == [165, 700]
    assert lines(left, "theory")[0].get_ydata().tolist() == [7, 12]
    assert lines(right, "theory")[0].get_ydata().tolist() == [337, 1350]
    scattered = [line for line in left.lines if line.get_marker() == "o"]
    assert [line.get_ydata().tolist() for line in scattered] == [
        [8, 9, 10],
        [1e4, 1e5, 1e6],
    ]
    assert labels(fig) == ["median of runs", "theory"]
    assert left.get_xlabel() == "d/n"
    assert right.get_xlabel() == "n = d"
    assert left.get_ylabel() == "condition number"
    fig.canvas.draw()
    assert [tick.get_text() for tick in right.get_yticklabels()] == [
        *("30", "100", "300", "1000")
    ]
    far = condition_figure(ratios | {4.0: np.array([1.0, 1e9])}, theory, square, growth)
    far.canvas.draw()
    assert "$" in far.axes[0].get_yticklabels()[0].get_text()


def test_the_risk_has_its_limit_broken_at_the_pole():
    risks = {0.5: np.array([0.2, 0.3]), 1: np.array([5.0, 50]), 2: np.array([0.7, 0.8])}
    x = np.array([0.5, 0.9, 1.1, 2.0])
    fig = risk_figure(risks, (x, np.array([0.25, 2.2, 2.6, 0.75])), null=1.0)
    (ax,) = fig.axes
    curves = [line for line in ax.lines if line.get_linestyle() == "--"]
    assert [line.get_xdata().tolist() for line in curves] == [[0.5, 0.9], [1.1, 2.0]]
    assert lines(ax, "median of runs")[0].get_ydata() == pytest.approx(
        [0.25, 27.5, 0.75]
    )
    flat = [line for line in ax.lines if line.get_linestyle() == ":"]
    assert [*flat[0].get_ydata()] == [1, 1]
    assert labels(fig) == ["median of runs", "limit n, d → ∞", "w = 0"]
    assert named(ax)
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
