"""Figures of the chapters on parities hold the numbers they are given."""

import functools
import math
from types import SimpleNamespace

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

from hlnb.metrics.chance import interval
from hlnb.studies.parity import captions
from hlnb.studies.parity import figures as pp

RNG = np.random.default_rng([11, 1])
D = [16, 32, 64]
RATIOS = np.array([2.0, 3.04, 9.0])
DEGREES = np.array([bin(i).count("1") for i in range(64)])
SHARES = RNG.dirichlet(np.full(64, 0.3))
COST = {
    4: np.array([100.0, 200, 300]),
    8: np.array([1000.0, 4000, math.inf]),
    12: np.full(3, math.inf),
}
ERRORS = {4: np.zeros(3), 8: np.array([0, 0.01, 0.3]), 12: np.array([0.5, 0.49, 0.51])}
NAMES = ("rank", "noise", "frame", "signal", "cost", "told", "batch")
NAMES += ("gap", "hidden", "signals", "memory")
BATCHES = {10: np.array([400.0, 900]), 100: np.array([2000.0, math.inf])}
TIMES = [np.array([1.0, 2, 1]), np.array([3.0, math.inf, 4]), np.array([9.0, 30, 20])]


@pytest.fixture(autouse=True)
def _close():
    with matplotlib.rc_context({"figure.max_open_warning": 0}):
        yield
    plt.close("all")


def hidden_run(n):
    t = np.linspace(0, 1, n)
    times = {"falls_at": 0.75, "leads_from": 0.5}
    return SimpleNamespace(
        t=t, error=0.5 * (1 - t**4), own=10.0 ** (2 * t), best=2 + t, **times
    )


def made():
    """A figure of each kind."""
    training, test = RNG.random((3, 6)) / 2, RNG.random((3, 6)) / 2
    training[1, 4:] = test[1, 4:] = np.nan
    three = {kind: 10.0 ** -RNG.uniform(1, 5, (4, 3)) for kind in ("a", "b", "c")}
    return {
        "rank": pp.rank_figure(
            {8: [600, 1900], 30: [500, 1900], 60: [800, 2000]},
            [0, 5],
            {8: [0.3, 0.9], 30: [0.3, 0.9], 60: [0.3, 1]},
            trials=2000,
        ),
        "noise": pp.noise_figure(
            {0.0: [10, 10, 10], 0.01: [9, 6, 2]},
            {0.0: [1, 1, 1], 0.01: [0.9, 0.5, 0.3]},
            TIMES,
            [1.2, 3, 25],
            d=D,
            trials=10,
            noise=0.01,
        ),
        "frame": pp.shares_frame(SHARES, DEGREES),
        "signal": pp.signal_figure(three, [4, 5, 6], bounds={"law": [0.1, 0.05, 0.02]}),
        "cost": pp.cost_figure(
            COST, ERRORS, {12: ERRORS[12]}, cap=5000, elimination={4: 14, 8: 18, 12: 22}
        ),
        "told": pp.told_figure(
            {3: 1.0, 8: 0.7},
            {3: np.array([0.9, 1.0]), 8: np.array([0.2, 0.3])},
            {3: 20, 8: 1},
            runs=20,
            luck={3: 0.5, 8: 0.01},
        ),
        "batch": pp.batch_figure(BATCHES, cap=5000, points=256),
        "gap": pp.gap_figure(10.0 ** -RNG.uniform(2, 4, 20), [1, 7], RATIOS).figure,
        "hidden": pp.hidden_figure(
            {(20, 2): [hidden_run(5)], (30, 3): [hidden_run(9), hidden_run(7)]}
        ).figure,
        "signals": pp.signals_frame(
            10.0 ** -RNG.uniform(0, 4, 99), 0.3, reach=(1e-5, 1), title="t"
        ),
        "memory": pp.memory_figure(np.arange(6.0), training, test),
    }


@functools.cache
def figures():
    found = made()
    assert tuple(found) == NAMES
    for fig in found.values():
        fig.canvas.draw()
    return found


def lines(ax, marker):
    return [line for line in ax.lines if line.get_marker() == marker]


def test_shares_have_exact_intervals():
    ax = figures()["rank"].axes[0]
    drawn = next(c for c in ax.containers if c.get_label() == "d = 60, 2000 draws")
    dots, _, (bars,) = drawn
    np.testing.assert_allclose(dots.get_ydata(), [0.4, 1.0])
    for segment, count in zip(bars.get_segments(), (800, 2000), strict=True):
        np.testing.assert_allclose(segment[:, 1], interval(count, 2000), atol=1e-12)
    laws = [line.get_ydata() for line in ax.lines if line.get_color() == pp.LAW]
    assert [list(y) for y in laws] == [[0.3, 0.9], [0.3, 0.9], [0.3, 1]]


def test_tries_show_every_repeat_that_ended_and_the_mean():
    _, ax = figures()["noise"].axes
    dots = [list(line.get_ydata()) for line in lines(ax, "s")]
    assert dots == [[1, 2, 1], [3, 4], [9, 30, 20]]
    (mean,) = lines(ax, "_")
    assert mean.get_ydata()[0] == pytest.approx(4 / 3)
    assert math.isinf(mean.get_ydata()[1])  # the mean of a run that never ended
    (law,) = [line for line in ax.lines if line.get_color() == pp.LAW]
    assert list(law.get_ydata()) == [1.2, 3, 25]


def test_a_frame_shows_every_share_at_its_size():
    left, right = figures()["frame"].axes
    dots = lines(left, ".")
    assert len(dots) == 7
    for size, line in enumerate(dots):
        expected = np.maximum(SHARES[size == DEGREES], pp.LEAST_SHARE)
        assert (line.get_ydata() == expected).all()
        assert (line.get_xdata().round() == size).all()
    assert sum(patch.get_width() for patch in right.patches) == pytest.approx(1)
    marks = [line.get_ydata()[0] for line in left.lines if len(line.get_ydata()) == 2]
    assert marks[-2:] == [2.0**-6, np.median(np.maximum(SHARES, pp.LEAST_SHARE))]


def test_frames_share_their_axes():
    small = pp.shares_frame(np.array([0.5, 0.3, 0.2, 0]), np.array([0, 1, 1, 2]))
    for one, other in zip(small.axes, figures()["frame"].axes, strict=True):
        assert one.get_ylim() == other.get_ylim()
        assert one.get_xlim() == other.get_xlim()


def test_runs_that_did_not_learn_are_crosses_with_their_number():
    left, right = figures()["cost"].axes
    crosses = [line.get_xdata()[0] for line in lines(left, "x")]
    assert crosses == [8, 12]
    assert {"1", "3", "not within:"} == {text.get_text() for text in left.texts}
    assert all(line.get_ydata()[0] > 5000 for line in lines(left, "x"))
    (median,) = [line for line in left.lines if line.get_label() == "SGD, median"]
    assert list(median.get_ydata()[:2]) == [200, 4000]
    assert np.isnan(median.get_ydata()[2])
    (needed,) = lines(left, "P")
    assert list(needed.get_ydata()) == [14, 18, 22]
    (control,) = lines(right, "_")
    assert list(control.get_ydata()) == list(ERRORS[12])
    (ends,) = [line for line in right.lines if line.get_label() == "SGD, median"]
    assert list(ends.get_ydata()) == [0, 0.01, 0.5]


def test_signals_are_dots_by_run_and_medians_by_line():
    values = {"a": np.array([[0.1, 0.2], [0.3, 0.2], [0.2, 0.9]])}
    (ax,) = pp.signal_figure(values, [4, 5], bounds={"law": [0.5, 0.25]}).axes
    dots = lines(ax, "o")
    assert [list(line.get_ydata()) for line in dots] == values["a"].tolist()
    named = {line.get_label(): list(line.get_ydata()) for line in ax.lines}
    assert named["a"] == [0.2, 0.2]
    assert named["law"] == [0.5, 0.25]


def test_a_limit_is_total_variation_plus_luck():
    (ax,) = made()["told"].axes
    lines = {line.get_label(): line.get_ydata() for line in ax.lines}
    assert lines["proved: no more than this"].tolist() == [1, pytest.approx(0.71)]
    assert lines["measured limit, mean over all sets"].tolist() == pytest.approx(
        [1, 0.26]
    )


def test_batches_that_did_not_learn_are_crosses():
    (ax,) = made()["batch"].axes
    crosses = [line for line in ax.lines if line.get_marker() == "x"]
    assert [line.get_xdata().tolist() for line in crosses] == [[100]]
    assert [text.get_text() for text in ax.texts] == ["1"]


def test_bars_of_the_support_are_coloured():
    signal = np.array([0.1, 0.02, 0.3, 0.004])
    drawn = pp.gap_figure(signal, [0, 2], RATIOS)
    (ax,) = drawn.figure.axes
    assert ax.get_title() == "d = 4, |I| = 2"
    assert ax.get_ylim()[0] < signal.min()
    assert ax.get_ylim()[1] > signal.max()
    for i, height in enumerate(signal):
        (bar,) = [p for p in ax.patches if p.get_x() + p.get_width() / 2 == i]
        assert bar.get_height() == height
        colour = matplotlib.colors.to_hex(bar.get_facecolor(), keep_alpha=False)
        assert colour.upper() == (pp.NETWORK if i in (0, 2) else pp.NULL)
    assert "coordinates 0, 2. Over 3 runs" in drawn.alt
    assert "3.0 [2.0–9.0] times" in drawn.alt


def test_the_signal_is_divided_by_the_largest_other():
    run = hidden_run(5)
    drawn = pp.hidden_figure({(20, 2): [run], (30, 3): []})
    above, _, below, _ = drawn.figure.axes
    assert above.get_title() == "d = 20, |I| = 2"
    assert (above.lines[0].get_ydata() == run.error).all()
    assert list(below.lines[0].get_ydata()) == list(run.own / run.best)
    assert list(below.lines[1].get_ydata()) == [1, 1]
    assert below.get_yscale() == "log"
    assert "0.45 at 0.75 [0.75–0.75], I leads from 0.50" in drawn.alt
    assert "|I| = 3: the error falls below 0.45 at –, I" in drawn.alt


def test_a_frame_of_signals_counts_every_set_and_marks_the_support():
    others = np.array([1e-9, 1e-3, 2e-3, 0.5])
    (ax,) = pp.signals_frame(others, 7.0, reach=(1e-4, 1), title="t").axes
    assert sum(patch.get_height() for patch in ax.patches) == len(others)
    (mark,) = [line for line in ax.lines if line.get_label() == "$I$"]
    assert list(mark.get_xdata()) == [1, 1]  # at the edge, not outside
    assert ax.get_xlim() == (1e-4, 1)


def test_memory_curves_end_with_the_last_run():
    values = np.array([[0.5, 0.2, 0, np.nan], [0.5, 0, np.nan, np.nan]])
    (ax,) = pp.memory_figure(np.arange(4.0), values, values).axes
    middle = [line for line in ax.lines if line.get_linewidth() == 2]
    assert [line.get_label() for line in middle] == ["test error", "training error"]
    assert list(middle[0].get_ydata()) == [0.5, 0.1, 0]


def test_dense_curves_stay_where_a_run_ended():
    class Found:
        steps = np.array([0, 50, 100, 150])
        errors = np.array([[0.5, 0.4, 0.01, np.nan], [0.5, 0.01, np.nan, np.nan]])

        def of(self, name):
            assert name == "test error"
            return self.errors

    drawn = captions.dense({4: Found(), 6: Found()}, cap=200)
    middle = [line for line in drawn.figure.axes[0].lines if line.get_linewidth() > 1.5]
    assert [line.get_label() for line in middle] == ["d = 4", "d = 6"]
    assert middle[0].get_ydata() == pytest.approx([0.5, 0.795, 0.99, 0.99])
    assert "d = 4: 75 [50–100]" in drawn.alt


def texts(fig):
    """All text but that of ticks."""
    axes = [axis for ax in fig.axes for axis in (ax.xaxis, ax.yaxis)]
    ticks = {tick for axis in axes for tick in axis.get_ticklabels(which="both")}
    found = fig.findobj(matplotlib.text.Text)
    return [text for text in found if text.get_text().strip() and text not in ticks]


@pytest.mark.parametrize("name", NAMES)
def test_figures_are_labelled_legible_and_whole(name):
    fig = figures()[name]
    (left, low), (right, high) = fig.get_tightbbox().get_points()  # inches
    width, height = fig.get_size_inches()
    assert min(left, low) >= -0.01
    assert right <= width + 0.01
    assert high <= height + 0.01
    for text in texts(fig):
        place = text.get_window_extent()
        assert fig.bbox.padded(1).containsx(place.x0), text
        assert fig.bbox.padded(1).containsx(place.x1), text
        assert text.get_fontsize() >= 8
    lowest = {ax.get_subplotspec().colspan.start: ax for ax in fig.axes}
    assert all(ax.get_xlabel() for ax in lowest.values())
    assert fig.axes[0].get_ylabel()


@pytest.mark.parametrize("name", NAMES)
def test_no_point_lies_outside_its_axes(name):
    for ax in figures()[name].axes:
        (x0, x1), (y0, y1) = sorted(ax.get_xlim()), sorted(ax.get_ylim())
        for line in ax.lines:
            if line.get_transform() == ax.transData:
                x, y = line.get_xydata().T
                seen = (x >= x0) & (x <= x1) & (y >= y0) & (y <= y1)
                assert (seen | ~np.isfinite(x) | ~np.isfinite(y)).all()


def test_powers_have_a_line_a_size_and_crosses_for_what_was_missed():
    steps = {
        2: [np.array([10.0, 20, 30]), np.array([40.0, 50, 60])],
        3: [np.array([100.0, 200, 300]), np.array([np.inf, np.inf, 400])],
    }
    fig, caption, alt = pp.powers_figure(steps, [10, 20], cap=1000)
    (ax,) = fig.axes
    lines = {line.get_label(): line for line in ax.lines}
    assert lines["$k$ = 2"].get_ydata().tolist() == [20, 50]
    assert lines["$k$ = 3"].get_ydata()[0] == 200
    assert np.isnan(lines["$k$ = 3"].get_ydata()[1])
    assert [text.get_text() for text in ax.texts] == ["2"]
    assert "3 runs" in caption
    assert "k = 3: 200 [100–300], 3 of 3 reached at d = 10" in alt


@pytest.mark.parametrize("k", [1, 2, 5])
def test_the_sum_of_weighted_relus_meets_each_label(k):
    drawn = pp.zigzag_figure(k)
    line, dots = drawn.figure.axes[1].lines
    at = np.interp(dots.get_xdata(), *line.get_data())
    assert np.allclose(at, np.arange(k + 1) % 2)
    plt.close(drawn.figure)


def test_digits_show_the_share_of_runs_that_find_the_set():
    found = {"single": {10: [True, True], 15: [True, False]}, "exact": {15: [True] * 2}}
    drawn = pp.digits_figure(found)
    single, exact = drawn.figure.axes[0].lines
    assert [*single.get_ydata()] == [1, 0.5]
    assert [*exact.get_ydata()] == [1]
    assert "single: 2 at d = 10, 1 at d = 15; exact: 2 at d = 15." in drawn.alt
    plt.close(drawn.figure)
