"""Figures hold the numbers they were given; compared as artists, never as pixels."""

import functools
import io
import itertools
import math

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from hlnb.figures import artists, export, style
from hlnb.publishing.render import loads
from hlnb.results import Result
from hlnb.studies.cifar.figures import (
    accuracies_figure,
    before_after_figure,
    dynamics_figure,
    heights_figure,
    spread_figure,
    states_figure,
    variants_figure,
)
from hlnb.studies.table_1.figures import (
    arrivals_figure,
    changes_figure,
    deviations_figure,
    errors_figure,
    filters_figure,
    grid_figure,
    grid_norm,
    hits,
    identity_figure,
    learning_curves_figure,
    rates_figure,
    rows_figure,
    shares_figure,
    slide_figure,
    summary_figure,
)

RNG = np.random.default_rng([1, 8])


@pytest.fixture(autouse=True)
def _close():
    with matplotlib.rc_context({"figure.max_open_warning": 0}):
        yield
    plt.close("all")


def result(runs=3):
    spec = {"runs": [{"seed": s, "lr": 0.1} for s in range(runs)]}
    steps = np.arange(5.0)
    return Result(spec, steps, steps, {"test": RNG.random((runs, 5))}, {})


def test_curves_draw_each_run_thin_and_the_median_thick():
    _, (ax,) = artists.panels(1)
    found = result()
    artists.curves(ax, found.epochs, found.of("test"), meaning="layer-wise")
    *thin, thick = ax.lines
    assert len(thin) == 3
    for line, run in zip(thin, found.of("test"), strict=True):
        assert (line.get_ydata() == run).all()
        assert line.get_linewidth() < thick.get_linewidth()
    assert (thick.get_ydata() == np.median(found.of("test"), 0)).all()
    assert {line.get_color() for line in ax.lines} == {"#D55E00"}


def test_a_run_that_ends_early_ends_in_a_dot_and_its_last_value_stays_in_the_median():
    _, (ax,) = artists.panels(1)
    runs = np.array([[4.0, 3, 2, 1], [5, 1, math.nan, math.nan], [6, 6, 6, 6]])
    artists.curves(ax, np.arange(4.0), runs, meaning="simultaneous")
    *thin, thick = ax.lines
    assert [len(line.get_xdata()) for line in thin] == [4, 2, 4]
    assert [line.get_marker() for line in thin] == ["", "o", ""]
    assert thin[1].get_markevery() == [-1]
    assert list(thick.get_ydata()) == [5, 3, 2, 1]


def test_errors_of_a_result_and_of_a_pair_are_drawn_alike():
    found = result()
    drawn = {"a": {"greedy": found}, "b": {"greedy": (found.epochs, found.of("test"))}}
    left, right = errors_figure(drawn, ylabel="validation error").axes
    for one, other in zip(left.lines, right.lines, strict=True):
        assert (one.get_xydata() == other.get_xydata()).all()
    assert left.get_ylabel() == "validation error"


def test_a_row_without_a_number_in_the_report_has_no_line_for_it():
    times = {"a": (np.array([[1.0, 2], [3, 4]]), np.ones((2, 2), bool))}
    for report, lines in ((None, 0), (4, 1)):
        fig = rates_figure(times, [0.1, 0.2], cap=9, report=report)
        found = [line for line in fig.axes[0].lines if "report" in line.get_label()]
        assert len(found) == lines


def test_censored_runs_are_drawn_and_counted():
    _, (ax,) = artists.panels(1)
    times = np.array([[3, 4, math.inf], [math.inf] * 3])
    stays = np.array([[True, False, False], [False] * 3])
    hits(ax, [0.1, 0.2], times, stays, meaning="simultaneous", cap=50)
    hollow = [line for line in ax.lines if line.get_markerfacecolor() == "none"]
    assert [line.get_ydata().tolist() for line in hollow] == [[4.0], []]
    crosses = [line for line in ax.lines if line.get_marker() == "x"]
    assert [line.get_xdata()[0] for line in crosses] == [0.1, 0.2]
    assert all(line.get_ydata()[0] > 50 for line in crosses)
    assert {"1", "3", "not reached:"} == {text.get_text() for text in ax.texts}
    (middle,) = (line for line in ax.lines if line.get_label() == "all layers together")
    assert middle.get_ydata()[0] == 4
    assert np.isnan(middle.get_ydata()[1])


def test_meanings_differ_without_colour():
    dashes = [str(dash) for _, dash, _ in style.STYLES.values()]
    markers = [marker for _, _, marker in style.STYLES.values()]
    kinds = set(zip(dashes, markers, strict=True))
    assert len(kinds) == len(style.STYLES)
    assert len(set(markers)) == len(markers)


def linear(colour):
    """Light of the three primaries."""
    rgb = np.array(matplotlib.colors.to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def luminance(colour):
    """Relative luminance, WCAG 2.2."""
    return float(linear(colour) @ [0.2126, 0.7152, 0.0722])


# Machado, Oliveira and Fernandes (2009), deuteranopia, on linear RGB
DEUTERANOPIA = np.array(
    [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ]
)
TO_XYZ = np.array(
    [[0.4125, 0.3576, 0.1804], [0.2127, 0.7152, 0.0722], [0.0193, 0.1192, 0.9503]]
)


def lab(light):
    """CIELAB of linear RGB, white D65."""
    xyz = TO_XYZ @ light / (TO_XYZ @ np.ones(3))
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("sight", [np.eye(3), DEUTERANOPIA])
def test_colours_differ_for_the_colour_blind_too(sight):
    seen = [
        lab((sight @ linear(colour)).clip(0, 1))
        for colour, _, _ in style.STYLES.values()
    ]
    pairs = itertools.combinations(seen, 2)
    assert min(np.linalg.norm(one - other) for one, other in pairs) > 13


@pytest.mark.parametrize("meaning", style.STYLES)
def test_lines_stand_out_from_white(meaning):
    # WCAG 2.2, 1.4.11: graphical objects need a contrast of 3 : 1.
    contrast = 1.05 / (luminance(style.STYLES[meaning][0]) + 0.05)
    assert contrast >= 3


COLUMN = {
    "report": [4, None],
    "printed": [np.array([3.0, 5, 7]), np.array([9, 12, math.inf])],
    "unit": [np.array([8.0, math.inf, math.inf]), np.full(3, math.inf)],
    "cap": 50,
    "log": True,
    "meaning": "layer-wise",
    "xlabel": "epochs to test error 0.1",
}
READINGS = ("as printed (±1)", "unit length (±1/√T)")


@functools.cache
def figures():
    """A figure of each kind, drawn, with values that differ much between panels."""
    times = {r: RNG.uniform(1, 90, (7, 5)).round() for r in READINGS}
    times[READINGS[1]][:3, :3] = math.inf
    moved = {r: RNG.random((7, 5)) * (i + 1) for i, r in enumerate(READINGS)}
    lrs = [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5]
    at, low = np.arange(9.0), RNG.random((3, 9)) / 3
    points = RNG.uniform(-1, 1, (20, 5))
    changes = RNG.normal(size=(5, 2, 3)) * [1, 20, 0.1]
    sizes = np.array([64.0, 256, 1024, 4096])
    learned = {
        f"problem {i}": {
            name: (sizes, RNG.random((4, 4)) * i)
            for name in ("network", "tangent kernel", "random features")
        }
        for i in (1, 2, 3)
    }
    variants = ["as printed", "Adam instead of SGD", "twice as many filters"]
    arrivals = {
        f"problem {i}": {name: times[READINGS[1]][i] for name in variants}
        for i in range(1, 6)
    }
    properties = ("one layer alone does not suffice", "the filters move far")
    shares = {
        p: {f"problem {i}": (i, 9, 0.0, 1.0) for i in range(6)} for p in properties
    }
    row, responses = RNG.normal(size=100), RNG.normal(size=(20, 85))
    table = np.exp(RNG.normal(3, 2, (3, 5)))
    problems = [f"problem {i}" for i in range(1, 6)]
    marks = {"ends": [2, 5, 8], "phases": ["conv", "hidden", "readout"]}
    curves = {
        r: {"simultaneous": (at, (i + 1) * low), "layer-wise, best rates": (at, low)}
        for i, r in enumerate(READINGS)
    }
    made = {
        "rates": rates_figure(
            {k: (v, np.isfinite(v)) for k, v in times.items()},
            lrs,
            cap=200,
            report=4,
        ),
        "errors": errors_figure(curves, **marks),
        "deviations": deviations_figure(moved, lrs, report=0.691),
        "filters": filters_figure(
            RNG.random((20, 16)), points[:, :2], limit=1, title="epoch 1, error 0.12"
        ),
        "filters, k > 2": filters_figure(
            RNG.random((20, 16)), points, limit=1, title="epoch 1, error 0.12"
        ),
        "changes": changes_figure(
            dict.fromkeys(READINGS, changes),
            when=["at error 0.1", "at the end"],
            scores=["dot", "convolution", "cosine"],
        ),
        "rows": rows_figure(
            RNG.random((12, 100)), ["class 1"] * 12, RNG.random((2, 16))
        ),
        "slide": slide_figure(row, responses, limit=2, title="class 3"),
        "arrivals": arrivals_figure(arrivals, cap=200, report=137),
        "summary": summary_figure(
            {f"column {i}": COLUMN for i in range(6)}, problems=[1, 2]
        ),
        "grid": grid_figure(
            table, rows=variants, columns=problems, label="epochs", log=True
        ),
        "grid, slanted": grid_figure(
            RNG.random((2, 9)), rows="ab", columns=["cross-entropy"] * 9, label="share"
        ),
        "shares": shares_figure(shares, xlabel="share of runs"),
        "learning curves": learning_curves_figure(learned),
        "identity": identity_figure(row, 2 * row, xlabel="left", ylabel="b"),
        **image_figures(),
    }
    for fig in made.values():
        fig.canvas.draw()
    return made


def image_figures():
    """Those of `plotting_images` that have axes."""
    values = RNG.random((3, 32))
    steps = np.arange(8)
    run = Result(
        {"runs": [{"seed": s, "lr": 0.1} for s in range(3)]},
        steps,
        steps / 4,
        {"loss": 1 + RNG.random((3, 8))},
        {},
    )
    state = {f"after phase {k} and then some": RNG.random(3) for k in range(5)}
    return {
        "accuracies": accuracies_figure({"a": values[0]}, report=0.6),
        "spread": spread_figure(
            {key: {"trained": values, "random": values[:1]} for key in "abcd"},
            ylabel="coherence",
            colours={"trained": "#000000", "random": "#999999"},
        ),
        "before and after": before_after_figure(
            dict.fromkeys(["orientation", "colour opponency"], (values, values**2))
        ),
        "dynamics": dynamics_figure(
            {"one": {"layer-wise": run}, "two": {"simultaneous": run}},
            rows={"loss (nats)": ("loss", False), "accuracy": ("loss", True)},
            ends=[4, 7],
            parts=["part 1", "part 2"],
            log=["loss (nats)"],
        ),
        "variants": variants_figure(
            {"layer-wise, then together: 8 epochs": values[0, :4], "b": values[1, :4]},
            meanings={"layer-wise, then together: 8 epochs": "greedy", "b": "greedy"},
            xlabel="accuracy",
            chance=0.1,
        ),
        "heights": heights_figure(
            dict.fromkeys(
                "ab", dict.fromkeys((0.1, 0.01, 1.0), 1 + RNG.random((4, 3)))
            ),
            ylabel="loss",
        ),
        "states": states_figure(
            {"probe": state, "likeness": state}, ylabels=["accuracy", "CKA"]
        ),
    }


def test_axes_are_labelled():
    for name, fig in figures().items():
        if name.startswith(
            ("grid", "changes", "spread", "states")
        ):  # their ticks bear names
            continue
        plots = [ax for ax in fig.axes if ax.get_label() != "<colorbar>"]
        assert plots[0].get_ylabel() or plots[0].get_yticklabels(), name
        lowest = {ax.get_subplotspec().colspan.start: ax for ax in plots}
        assert all(ax.get_xlabel() for ax in lowest.values()), name
        for bar in set(fig.axes) - set(plots):
            assert bar.get_ylabel(), name


def texts(fig):
    """All text but that of ticks, some of which are beyond the limits and not drawn."""
    axes = [axis for ax in fig.axes for axis in (ax.xaxis, ax.yaxis)]
    ticks = {tick for axis in axes for tick in axis.get_ticklabels(which="both")}
    found = fig.findobj(matplotlib.text.Text)
    return [text for text in found if text.get_text().strip() and text not in ticks]


def test_nothing_is_cut_off_at_the_edge_of_a_figure():
    for name, fig in figures().items():
        (left, low), (right, high) = fig.get_tightbbox().get_points()  # inches
        width, height = fig.get_size_inches()
        assert left >= -0.01, name
        assert low >= -0.01, name
        assert right <= width + 0.01, name
        assert high <= height + 0.01, name
        for text in texts(fig):
            place = text.get_window_extent()
            assert fig.bbox.padded(1).containsx(place.x0), (name, text)
            assert fig.bbox.padded(1).containsx(place.x1), (name, text)
            assert fig.bbox.padded(1).containsy(place.y0), (name, text)
            assert fig.bbox.padded(1).containsy(place.y1), (name, text)


def test_no_point_lies_outside_its_axes():
    for name, fig in figures().items():
        for ax in fig.axes:
            (x0, x1), (y0, y1) = sorted(ax.get_xlim()), sorted(ax.get_ylim())
            for line in ax.lines:
                if line.get_transform() == ax.transData:
                    x, y = line.get_xydata().T
                    seen = (x >= x0) & (x <= x1) & (y >= y0) & (y <= y1)
                    assert (seen | np.isnan(x) | ~np.isfinite(y)).all(), name


def test_text_is_large_enough_to_read():
    for name, fig in figures().items():
        for text in fig.findobj(matplotlib.text.Text):
            assert not text.get_text().strip() or text.get_fontsize() >= 8, name


def test_cosines_with_more_than_two_patterns_are_an_image():
    points = RNG.uniform(-1, 1, (20, 3))
    fig = filters_figure(RNG.random((20, 16)), points, limit=1, title="t")
    _, ax, *_ = fig.axes
    assert (ax.images[0].get_array() == points).all()
    assert ax.images[0].get_clim() == (-1, 1)
    names = [label.get_text() for label in ax.get_xticklabels()]
    assert names == ["$F_{1}$", "$F_{2}$", "$F_{3}$"]


def test_changes_that_are_not_finite_are_not_drawn():
    changes = np.array([[[50.0, math.nan]] * 2, [[math.inf, -20]] * 2])
    fig = changes_figure({"a": changes}, when="ab", scores="cd")
    (ax,) = fig.axes
    drawn = [y for line in ax.lines[:-1] for y in line.get_ydata()]
    assert sorted(y for y in drawn if not math.isnan(y)) == [-20, -20, 50, 50]
    assert not np.isinf(drawn).any()
    fig.canvas.draw()
    low, high = ax.get_ylim()
    ticks = [
        t.get_text() for t in ax.get_yticklabels() if low < t.get_position()[1] < high
    ]
    assert {"−10", "−1", "0", "1", "10"} <= set(ticks)


def test_a_response_stands_at_the_first_pixel_of_its_window():
    row, responses = np.arange(-2.0, 8), RNG.normal(size=(4, 7))
    fig = slide_figure(row, responses, limit=2, title="t")
    top, bottom, bar = fig.axes
    values, edges, _ = top.patches[0].get_data()
    assert (values == row).all()
    assert (edges == np.arange(11) - 0.5).all()
    assert top.get_ylim() == pytest.approx((-9.1, 9.1))
    assert bottom.images[0].get_extent() == [-0.5, 6.5, 3.5, -0.5]
    assert bottom.get_xlim() == top.get_xlim() == (-0.5, 9.5)
    assert bottom.images[0].get_clim() == (-2, 2)
    assert "before bias" in bar.get_ylabel()
    fig.canvas.draw()
    assert top.get_position().x1 == bottom.get_position().x1  # pixel above pixel


def marked(ax, marker):
    return [line for line in ax.lines if line.get_marker() == marker]


def test_arrivals_show_runs_medians_and_those_that_never_came():
    times = {
        "layer-wise": np.array([4.0, 2, 3]),
        "Adam": np.array([0, 6, math.inf]),
        "none": np.full(4, math.inf),
    }
    other = {"one": np.array([5.0])}
    fig = arrivals_figure({"a": times, "b": other}, cap=10, report=7)
    ax, beside = fig.axes
    assert marked(beside, "o")[0].get_xydata().tolist() == [[5, 3]]
    (squares,) = marked(ax, "s")
    assert list(squares.get_xdata()) == [2, 3, 4]
    assert [line.get_xydata().tolist() for line in marked(ax, "|")] == [
        [[3, 0]],
        [[6, 1]],
    ]
    crosses = [line.get_xydata().tolist() for line in marked(ax, "x")]
    assert crosses == [[[17, 1]], [[17, 2]]]
    assert [text.get_text() for text in ax.texts] == ["1", "4"]
    (dots, *_) = marked(ax, "o")
    assert dots.get_color() == style.STYLES["simultaneous"][0]
    assert dots.get_xdata()[0] == ax.get_xlim()[0]  # epoch 0, on a log axis
    verticals = [
        set(line.get_xdata()) for line in ax.lines if line.get_marker() == "None"
    ]
    assert verticals == [{10}, {7}]
    legend = [text.get_text() for text in fig.legends[0].get_texts()]
    assert "report: 7" in legend
    without = arrivals_figure({"a": times}, cap=10)
    assert len(without.axes[0].lines) == len(ax.lines) - 1


def test_summary_shows_report_both_readings_and_the_censored():
    linear = COLUMN | {"cap": None, "log": False, "meaning": "simultaneous"}
    fig = summary_figure({"a": COLUMN, "b": linear}, problems=[1, 2])
    for ax in fig.axes:
        (star,) = marked(ax, "*")
        assert star.get_xdata() == [4]
        assert star.get_ydata()[0] < 0  # above the runs of the first problem
        assert star.get_color() == "black"
        assert [text.get_text() for text in ax.texts] == ["N/A", "1", "2", "3"]
        assert ax.texts[0].get_color() == "black"
        assert all(text.get_position()[0] > 12 for text in ax.texts)
        assert [line.get_xdata()[0] for line in marked(ax, "|")] == [5, 12]
        assert len(marked(ax, "x")) == 3
        assert ax.yaxis_inverted()
    left, right = fig.axes
    assert left.get_xscale() == "log"
    assert right.get_xscale() == "linear"
    assert all(line.get_xdata()[0] > 50 for line in marked(left, "x"))
    assert [50, 50] in [list(line.get_xdata()) for line in left.lines]
    assert [50, 50] not in [list(line.get_xdata()) for line in right.lines]
    hollow, _, filled, _ = marked(left, "s")
    assert list(hollow.get_xdata()) == [3, 5, 7]
    assert hollow.get_markerfacecolor() == "white"
    assert list(filled.get_xdata()) == [8]
    assert filled.get_markerfacecolor() == filled.get_color() == "#D55E00"
    assert filled.get_ydata()[0] > hollow.get_ydata()[0]


def test_a_far_value_in_the_summary_makes_the_axis_logarithmic_beyond_one():
    runs = [np.array([-8.0, 0.5, 2]), np.array([60.0, 3, math.nan])]
    column = {"report": [0.3, None], "printed": runs, "unit": runs}
    column |= {"cap": None, "log": False, "meaning": "simultaneous"}
    (ax,) = summary_figure({"a": column}, problems=[1, 2]).axes
    assert ax.get_xscale() == "symlog"
    assert list(ax.get_xticks()) == [0, 1, 10, -1]
    assert 5 in ax.get_xticks(minor=True)
    assert all(line.get_xdata()[0] > 60 for line in marked(ax, "x"))


def test_summary_wraps_to_rows_of_two():
    fig = summary_figure({str(i): COLUMN for i in range(6)}, problems=[1, 2])
    places = [ax.get_subplotspec() for ax in fig.axes]
    assert {place.rowspan.start for place in places} == {0, 1, 2}
    assert {place.colspan.start for place in places} == {0, 1}


@pytest.mark.parametrize("kind", [{}, {"log": True}, {"diverging": 1.0}])
def test_a_grid_has_a_readable_number_in_each_cell(kind):
    values = np.array([[0.1, 1, 3], [math.nan, math.inf, 1234]])
    names = {"rows": ["a", "b"], "columns": ["c", "d", "e"], "label": "epochs"}
    fig = grid_figure(values, **names, **kind)
    ax, bar = fig.axes
    shown = [text.get_text() for text in ax.texts]
    assert shown == ["0.1", "1", "3", "–", "∞", "1234"]
    image = ax.images[0]
    colours = image.to_rgba(image.get_array())[..., :3].reshape(-1, 3)
    for text, colour in zip(ax.texts, colours, strict=True):
        pair = sorted((luminance(text.get_color()), luminance(colour)))
        assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 4.5
    assert bar.get_ylabel() == "epochs"
    if "diverging" in kind:
        assert image.norm(1) == pytest.approx(0.5)
    words = [["u", "v", "w"], ["x", "y", "z"]]
    other = grid_figure(values, **names, **kind, text=words)
    assert [text.get_text() for text in other.axes[0].texts] == list("uvwxyz")


@pytest.mark.parametrize("grey", np.linspace(0, 1, 21).round(2))
def test_text_stands_out_from_every_background(grey):
    background = (grey, grey, grey)
    pair = sorted(luminance(c) for c in (background, artists.ink(background)))
    assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 4.5


def test_a_logarithmic_diverging_grid_is_white_at_its_middle():
    norm = grid_norm(np.array([0.5, 1, 8]), log=True, diverging=1.0)
    assert list(norm([0.125, 1, 8])) == pytest.approx([0, 0.5, 1])


def test_shares_show_their_interval_and_their_count():
    rows = {"p": (3, 4, 0.3, 0.9), "layer-wise": (0, 0, 0.0, 1.0)}
    (ax,) = shares_figure({"a": rows}, xlabel="share").axes
    half, interval, dot, empty = ax.lines
    assert list(half.get_xdata()) == [0.5, 0.5]
    assert interval.get_xydata().tolist() == [[0.3, 0], [0.9, 0]]
    assert dot.get_xydata().tolist() == [[0.75, 0]]
    assert empty.get_xydata().tolist() == [[0, 1], [1, 1]]
    assert empty.get_color() == style.STYLES["layer-wise"][0]
    assert [text.get_text() for text in ax.texts] == ["3 of 4", "0 of 0"]
    assert all(text.get_position()[0] > 1 for text in ax.texts)
    assert ax.get_xlim() == (0, 1)


def test_every_row_of_panels_names_its_axes():
    rows = {"network": (np.array([64, 256]), RNG.random((2, 2)))}
    axes = learning_curves_figure(dict.fromkeys("abcde", rows)).axes
    named = [(bool(ax.get_ylabel()), bool(ax.get_xlabel())) for ax in axes]
    assert [y for y, _ in named] == [True, False, False, True, False]
    assert [x for _, x in named] == [False, False, True, True, True]


def test_learning_curves_show_runs_and_their_median():
    sizes = np.array([10.0, 100, 1000])
    values = np.array([[0.9, 0.5, math.nan], [0.8, 0.4, 0.2], [0.7, 0.1, 0.1]])
    rows = {"network": (sizes, values), "tangent kernel": (sizes, values / 2)}
    (ax,) = learning_curves_figure({"a": rows}).axes
    for label, meaning, factor in (
        ("network", "simultaneous", 1),
        ("tangent kernel", "tangent kernel", 0.5),
    ):
        colour, _, marker = style.STYLES[meaning]
        *thin, thick = [line for line in ax.lines if line.get_color() == colour]
        assert len(thin) == 3
        assert thick.get_ydata() == pytest.approx(factor * np.array([0.8, 0.4, 0.15]))
        assert (thick.get_label(), thick.get_marker()) == (label, marker)
        assert all(line.get_linewidth() < thick.get_linewidth() for line in thin)
    assert ax.get_xscale() == "log"
    assert [0.1, 0.1] in [list(line.get_ydata()) for line in ax.lines]


def test_the_sides_of_an_identity_lie_on_a_diagonal():
    left, right = np.array([1.0, -2, 3]), np.array([1.0, -2, 4])
    (ax,) = identity_figure(left, right, xlabel="l", ylabel="r").axes
    diagonal, points = ax.lines
    assert diagonal.get_slope() == 1
    assert diagonal.get_xy1() == (0, 0)
    assert (points.get_xydata() == np.stack([left, right], 1)).all()
    assert ax.get_xlim() == ax.get_ylim()
    assert ax.get_aspect() == 1
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("l", "r")


def test_a_figure_of_runs_that_all_failed_can_be_saved():
    times = {"a": np.full((2, 3), math.inf)}
    moved = {"a": np.full((2, 3), np.nan)}
    none = {"a": (times["a"], np.zeros((2, 3), bool))}
    assert export.save(rates_figure(none, [0.1, 0.2], cap=9, report=4))
    assert export.save(deviations_figure(moved, [0.1, 0.2], report=0.7))
    errors = {"a": {"greedy": (np.arange(3.0), np.full((2, 3), np.nan))}}
    assert export.save(errors_figure(errors))
    lost = {"a": {"greedy": times["a"][0]}}
    assert export.save(arrivals_figure(lost, cap=9))
    changes = {"a": np.full((2, 2, 3), np.nan)}
    assert export.save(changes_figure(changes, when="ab", scores="cde"))
    failed = [np.full(3, np.nan)] * 2
    for log in (True, False):
        column = {"report": [None] * 2, "printed": failed, "unit": failed}
        column |= {"cap": None, "log": log, "meaning": "greedy"}
        assert export.save(summary_figure({"a": column}, problems=[1, 2]))
        cells = {"rows": "ab", "columns": "cd", "label": "e", "log": log}
        assert export.save(grid_figure(np.full((2, 2), np.nan), **cells))
    sides = {"xlabel": "left", "ylabel": "right"}
    nothing = np.full(3, np.nan)
    assert export.save(identity_figure(nothing, nothing, **sides))


def test_equal_figures_give_equal_bytes_and_are_closed():
    def draw():
        fig, (ax,) = artists.panels(1)
        ax.plot([1, 2], [3, 4])
        return export.save(fig)

    assert draw() == draw()
    assert not plt.get_fignums()


@pytest.mark.parametrize("shown", [100, 130])
def test_a_picture_is_sharp_and_has_the_size_that_its_density_says(tmp_path, shown):
    fig, _ = artists.panels(1, width=6, height=2)
    size = export.css_size(fig, shown=shown)
    assert size == {"width": 6 * shown, "height": 2 * shown}
    place = tmp_path / "a.png"
    place.write_bytes(export.save(fig, shown=shown))
    assert loads.css_size(place) == (size["width"], size["height"])
    with Image.open(place) as picture:
        assert picture.width >= 1.5 * size["width"]


@pytest.mark.parametrize("photographs", [False, True])
def test_a_palette_takes_no_colour_away(photographs):
    fig, (ax,) = artists.panels(1)
    if photographs:
        colours = np.random.default_rng(0).uniform(size=(40, 40, 3))
        ax.imshow(colours)
        ax.axis("off")
    else:
        for meaning in ("simultaneous", "greedy", "report"):
            runs = np.random.default_rng(0).normal(size=(5, 30))
            artists.curves(ax, np.arange(30), runs, meaning=meaning)
    drawn = io.BytesIO()
    fig.savefig(drawn, format="png")
    with Image.open(io.BytesIO(export.save(fig))) as picture:
        assert picture.mode == ("RGB" if photographs else "P")
        kept = np.asarray(picture.convert("RGB")).astype(int)
    before = np.asarray(Image.open(drawn).convert("RGB"))
    assert np.quantile(np.abs(kept - before), 0.999) <= export.NEAR
    white = (before == 255).all(axis=2)
    assert white.any()
    assert (kept[white] == 255).all()


def test_the_numbers_of_a_figure(closed):
    fig, (left, right) = artists.panels(2)
    left.plot([0, 1], [2.5, 3], label="ours")
    left.plot([0], [1 / 3])
    left.scatter([4, 5], [6, 7], label="dots")
    left.set(title="a\npanel", xlabel="epochs", ylabel="error")
    right.bar(["p", "q"], [1.0, 2.0], label="bars")
    right.imshow([[1.0, 2.0], [3.0, np.nan]])
    head, *rows = export.numbers(fig)
    assert head == ("panel", "kind", "series", "x", "y", "value")
    place = "1: a panel / epochs / error"
    assert (place, "line", "ours", "0", "2.5", "") in rows
    assert (place, "line", "ours", "1", "3", "") in rows
    assert (place, "line", "unnamed 2", "0", "0.333333", "") in rows
    assert (place, "point", "dots", "5", "7", "") in rows
    assert ("2: ", "bar", "bars", "1", "2", "") in rows
    pixels = [row[3:] for row in rows if row[1] == "pixel"]
    assert pixels == [
        ("0", "0", "1"),
        ("1", "0", "2"),
        ("0", "1", "3"),
        ("1", "1", "nan"),
    ]
    assert {len(row) for row in rows} == {6}


def test_areas_segments_and_colours_have_numbers_too(closed):
    fig, (ax,) = artists.panels(1)
    ax.fill_between([0, 1], [0, 0], [2, 3], label="range")
    ax.vlines([5], 0, 1, label="end")
    ax.imshow(np.zeros((1, 1, 3)))
    kinds = {row[1]: row[3:] for row in export.numbers(fig)[1:]}
    assert kinds.keys() == {"area", "line", "pixel"}
    assert kinds["line"] == ("5", "1", "")
    assert kinds["pixel"] == ("0", "0", "0 0 0")
