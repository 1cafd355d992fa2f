"""Figures hold the numbers they were given; compared as artists, never as pixels."""

import math
import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest

from hlnb import plotting
from hlnb.results import Result

RNG = np.random.default_rng([1, 8])


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def result(runs=3):
    spec = {"runs": [{"seed": s, "lr": 0.1} for s in range(runs)]}
    steps = np.arange(5.0)
    return Result(spec, steps, steps, {"test": RNG.random((runs, 5))}, {})


def test_curves_draw_each_run_thin_and_the_median_thick():
    _, (ax,) = plotting.panels(1)
    found = result()
    plotting.curves(ax, found.epochs, found.of("test"), meaning="layer-wise")
    *thin, thick = ax.lines
    assert len(thin) == 3
    for line, run in zip(thin, found.of("test"), strict=True):
        assert (line.get_ydata() == run).all()
        assert line.get_linewidth() < thick.get_linewidth()
    assert (thick.get_ydata() == np.median(found.of("test"), 0)).all()
    assert {line.get_color() for line in ax.lines} == {"#D55E00"}


def test_censored_runs_are_drawn_and_counted():
    _, (ax,) = plotting.panels(1)
    times = np.array([[3, 4, math.inf], [math.inf] * 3])
    plotting.hits(ax, [0.1, 0.2], times, meaning="simultaneous", cap=50)
    crosses = [line for line in ax.lines if line.get_marker() == "x"]
    assert [line.get_xdata()[0] for line in crosses] == [0.1, 0.2]
    assert all(line.get_ydata()[0] > 50 for line in crosses)
    assert {"1", "3", "not reached:"} == {text.get_text() for text in ax.texts}
    (middle,) = (line for line in ax.lines if line.get_label() == "simultaneous")
    assert middle.get_ydata()[0] == 4
    assert np.isnan(middle.get_ydata()[1])


def test_meanings_differ_without_colour():
    dashes = [str(dash) for _, dash, _ in plotting.STYLES.values()]
    markers = [marker for _, _, marker in plotting.STYLES.values()]
    kinds = set(zip(dashes, markers, strict=True))
    assert len(kinds) == len(plotting.STYLES)


def luminance(colour):
    """Relative luminance, WCAG 2.2."""
    rgb = np.array(plotting.matplotlib.colors.to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("meaning", plotting.STYLES)
def test_lines_stand_out_from_white(meaning):
    # WCAG 2.2, 1.4.11: graphical objects need a contrast of 3 : 1.
    contrast = 1.05 / (luminance(plotting.STYLES[meaning][0]) + 0.05)
    assert contrast >= 3


def test_axes_are_labelled():
    times = {"a": np.array([[1.0, 2]]), "b": np.array([[1.0, math.inf]])}
    moved = {"a": RNG.random((1, 2)), "b": RNG.random((1, 2))}
    points = RNG.uniform(-1, 1, (20, 2))
    figures = [
        plotting.rates_figure(times, [0.1], cap=9, report=4),
        plotting.errors_figure({"a": {"simultaneous": result()}, "b": {}}),
        plotting.deviations_figure(moved, [0.1], report=0.7),
        plotting.filters_figure(RNG.random((20, 16)), points, limit=1, title="t"),
        plotting.cosines_figure([points] * 3, ["a", "b", "c"]),
        plotting.rows_figure(RNG.random((4, 9)), ["a"] * 4, RNG.random((2, 3))),
        plotting.accuracies_figure({"a": RNG.random(3)}, report=0.6),
    ]
    for fig in figures:
        assert fig.axes[0].get_ylabel() or fig.axes[0].get_yticklabels()
        assert all(ax.get_xlabel() for ax in fig.axes if ax.get_label() != "<colorbar>")


def test_a_figure_of_runs_that_all_failed_can_be_saved():
    times = {"a": np.full((2, 3), math.inf)}
    moved = {"a": np.full((2, 3), np.nan)}
    assert plotting.save(plotting.rates_figure(times, [0.1, 0.2], cap=9, report=4))
    assert plotting.save(plotting.deviations_figure(moved, [0.1, 0.2], report=0.7))


def test_equal_figures_give_equal_bytes_and_are_closed():
    def draw():
        fig, (ax,) = plotting.panels(1)
        ax.plot([1, 2], [3, 4])
        return plotting.save(fig), plotting.save(fig, dpi=50)

    assert draw() == draw()
    large, small = draw()
    assert len(small) < len(large)
    assert not plt.get_fignums()


def test_patches_figure_shows_every_patch():
    patches = {"one": RNG.integers(0, 256, (8, 5, 4, 4, 3), np.uint8)}
    fig = plotting.patches_figure(patches, filters={"one": range(8)}, columns=2)
    images = [ax.images[0].get_array() for ax in fig.axes if ax.images]
    assert len(images) == 8
    assert images[3].shape == (5, 25, 3)
    assert (images[3][:4, 5:9] == patches["one"][3, 1]).all()


def test_plotting_imports_no_torch():
    code = "import sys, hlnb.plotting; sys.exit(int('torch' in sys.modules))"
    subprocess.run([sys.executable, "-c", code], check=True)
