"""The parts that figures are made of: panels, curves, ticks, legends.

Runs are rows of an array, NaN after a run's end; a `meaning` is a key of STYLES; sizes
are in inches.
"""

import math
import textwrap
from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Real
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from hlnb.figures.style import STYLES
from hlnb.metrics.times import held
from hlnb.words import layer_in_words, training_in_words


def panels(
    n: int, *, width: float = 7.2, height: float = 3.2, columns: int | None = None, **kw
) -> tuple[Figure, list[Axes]]:
    """A figure with `n` panels in a row, or in rows of `columns`, and the panels."""
    columns = columns or n
    rows = math.ceil(n / columns)
    fig, axes = plt.subplots(
        rows, columns, figsize=(width, height), squeeze=False, **kw
    )
    for surplus in axes.flat[n:]:
        surplus.remove()
    return fig, list(axes.flat[:n])


def multiples(
    titles: Sequence[str], *, xlabel: str, ylabel: str = "", row: float, below: float
) -> tuple[Figure, list[Axes]]:
    """A figure with one panel per title, up to three in a row, and the panels.

    The y axis is shared; axes are labelled at the edges only. `row`: inches for a row
    of panels; `below`: inches for what stands under them all.
    """
    n = len(titles)
    columns = {1: 1, 2: 2, 4: 2}.get(n, 3)
    height = row * math.ceil(n / columns) + below
    fig, axes = panels(n, height=height, columns=columns, sharey=True)
    letters = 75 // columns
    for i, (ax, title) in enumerate(zip(axes, titles, strict=True)):
        ax.set_title(textwrap.fill(title, letters), fontsize=10)
        if i >= n - columns:
            ax.set_xlabel(textwrap.fill(xlabel, letters))
        if i % columns == 0:
            ax.set_ylabel(ylabel)
    return fig, axes


def plain(value: float) -> str:
    """A number as a reader writes it: three digits, a true minus.

    From 1000 to 10 million all digits before the point, and no power of ten.
    """
    shown = f"{value:.0f}" if 1000 <= abs(value) < 1e7 else f"{value:.3g}"
    return shown.replace("-", "−")


def plain_ticks(axis: Axis, ticks: Sequence[float]) -> None:
    """Puts ticks at these places alone, labelled with `plain` numbers."""
    axis.set_major_locator(FixedLocator([float(tick) for tick in ticks]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: plain(value)))
    axis.set_minor_locator(NullLocator())


def log_ticks(low: float, high: float) -> list[float]:
    """Round numbers from `low` to `high`, few enough to be read on a small axis.

    `low` and `high` themselves where fewer than two round numbers lie between.
    """
    decades = (
        math.log10(high) - math.log10(low)
        if high / low == math.inf
        else (math.log10(high / low))
    )
    steps = (1, 2, 5) if decades < 1.2 else (1, 3) if decades < 2.2 else (1,)
    each = 1 if decades < 30 else math.ceil(decades / 10)  # a run on its way to inf
    last = min(math.ceil(math.log10(high)), 308)
    powers = range(math.floor(math.log10(low)), last + 1, each)
    ticks = [step * 10.0**power for power in powers for step in steps]
    inside = [tick for tick in ticks if low * 0.999 <= tick <= high * 1.001]
    return inside if len(inside) > 1 else [low, high]


def finite_part(*found: Real[np.ndarray, "..."]) -> Real[np.ndarray, " _value"]:
    """The finite values of arrays, in a row: what can be drawn when runs diverge."""
    values = np.concatenate([np.ravel(each) for each in found])
    return values[np.isfinite(values)]


def log_range(*found: Real[np.ndarray, "..."]) -> tuple[float, float]:
    """The smallest and largest value that has a place on a log axis.

    1 and 10 where none has.
    """
    values = finite_part(*found)
    values = values[values > 0]
    return (values.min(), values.max()) if len(values) else (1.0, 10.0)


def open_log_axis(ax: Axes, *found: Real[np.ndarray, "..."]) -> None:
    """Gives a log y axis a range if none of the values has a place on it."""
    if not (finite_part(*found) > 0).any():
        ax.set_ylim(log_range(*found))


def beside(values: Real[np.ndarray, "*point"], at: float) -> Real[np.ndarray, "*point"]:
    """`at` for each of the values, infinite or not; NaN for one that is NaN."""
    placed = np.where(np.isnan(values), np.nan, at)
    return placed.astype(np.result_type(values, at))


def finite_medians(
    values: Real[np.ndarray, "_run _point"],
) -> Real[np.ndarray, " _point"]:
    """Each point's median over the runs that are finite there; NaN if none is."""
    return medians(np.where(np.isfinite(values), values, np.nan))


def say_diverged(fig: Figure, *found: Real[np.ndarray, "_run ..."]) -> None:
    """Says above the figure how many runs, rows of `found`, have values that are not
    finite; nothing if none has."""
    runs = (run for values in found for run in values)
    if diverged := sum(not np.isfinite(run).all() for run in runs):
        said = f"{diverged} run{'s' * (diverged > 1)} diverged"
        above = [text for text in [fig.get_suptitle(), said] if text]
        fig.suptitle("; ".join(above), fontsize=9)


def medians(values: Real[np.ndarray, "_run _point"]) -> Real[np.ndarray, " _point"]:
    """Each point's median over the runs that have a value there; NaN if none has."""
    known = [column[~np.isnan(column)] for column in values.T]
    return np.array([np.median(found) if len(found) else np.nan for found in known])


def curves(
    ax: Axes,
    x: Real[np.ndarray, " record"],
    runs: Real[np.ndarray, "run record"],
    *,
    meaning: str,
) -> None:
    """Draws a thin line for each run, and a thick one for their median.

    A run that ends early (NaN) ends in a dot; the median goes on with its last value.
    The legend says the training in words.
    """
    colour, dashes, _ = STYLES[meaning]
    for run in runs:
        length = np.flatnonzero(~np.isnan(run)).max(initial=-1) + 1
        ax.plot(
            x[:length],
            run[:length],
            color=colour,
            linewidth=0.7,
            alpha=0.5,
            marker="o" if 0 < length < len(run) else "",
            markersize=3,
            markevery=[-1],
        )
    middle = np.median(held(runs), axis=0)
    label = training_in_words(meaning)
    look = {"color": colour, "linestyle": dashes, "linewidth": 2}
    ax.plot(x, middle, **look, label=label, zorder=2.5)  # above the runs of others


def legend_below(
    fig: Figure, handles: Sequence[Any] | None = None, *, columns: int = 4
) -> None:
    """Adds a legend under the whole figure, where it hides no curve; each label once.

    `handles`: what it lists; None: everything in the panels that has a label.
    """
    if handles is None:
        handles = [h for ax in fig.axes for h in ax.get_legend_handles_labels()[0]]
    once: dict[str, Any] = {}
    for handle in handles:
        once.setdefault(handle.get_label(), handle)
    fig.legend(
        handles=[*once.values()],
        loc="outside lower center",
        ncols=columns,
        handlelength=3,  # a whole period of each dash pattern
        columnspacing=1.3,
        handletextpad=0.6,
        fontsize=8.5,
    )


def key(label: str, marker: str = "", *, colour: str = "#444444", **kw) -> Line2D:
    """A legend's handle for what no single artist stands for."""
    kw = {"linestyle": ""} | kw
    return Line2D([], [], color=colour, marker=marker, label=label, **kw)


def threshold(ax: Axes, value: float = 0.1, label: str = "error 0.1") -> None:
    """Draws a line at the error that counts as learned."""
    colour, _, _ = STYLES["chance"]
    ax.axhline(value, color=colour, linestyle=":", linewidth=1.2, label=label)


def phase_marks(ax: Axes, ends: Sequence[float], names: Sequence[str]) -> None:
    """Draws a line where each phase ends, with the phase's name above it."""
    words = map(layer_in_words, names)
    for begin, end, name in zip([0, *ends], ends, words, strict=False):
        ax.axvline(end, color="#999999", linewidth=0.8)
        middle = (begin + end) / 2
        ax.text(
            middle,
            1.01,
            name,
            ha="center",
            va="bottom",
            fontsize=9,
            transform=ax.get_xaxis_transform(),
        )


def cosine_image(ax: Axes, cosines: Real[np.ndarray, "channel k"]) -> AxesImage:
    """Cosines as an image from −1 to 1: filters in rows, patterns in columns."""
    image = ax.imshow(cosines, vmin=-1, vmax=1, aspect="auto")
    names = [f"$F_{{{j + 1}}}$" for j in range(cosines.shape[1])]
    each = math.ceil(len(names) / 8)
    ax.set_xticks(range(0, len(names), each), names[::each])
    ax.set_xlabel("pattern")
    ax.locator_params(axis="y", integer=True)
    ax.grid(False)
    return image


def ink(background: Any) -> str:
    """Black or white, whichever stands out more from a colour (WCAG 2.2)."""
    rgb = np.array(to_rgb(background))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return "black" if linear @ [0.2126, 0.7152, 0.0722] > 0.179 else "white"
