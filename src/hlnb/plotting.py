"""Figures from numbers: one colour, one meaning, through the whole book.

Colours are Okabe and Ito's (the purple is Tol's, which is darker), told apart by
colour-blind readers; each kind of training also has its own dash pattern and marker,
told apart in grey. Imports no torch.
"""

import io
import math
from collections.abc import Mapping, Sequence

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Real
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from hlnb.metrics.hitting import median
from hlnb.results import Result

matplotlib.rcParams.update(
    {
        "figure.dpi": 110,
        "savefig.dpi": 130,
        "figure.constrained_layout.use": True,
        "figure.facecolor": "white",
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.color": "#dddddd",
        "grid.linewidth": 0.6,
        "axes.axisbelow": True,
        "legend.frameon": False,
        "image.cmap": "RdBu_r",
        "image.interpolation": "nearest",
    }
)

# meaning → (colour, dashes, marker)
STYLES: Mapping[str, tuple[str, str, str]] = {
    "simultaneous": ("#0072B2", "-", "o"),
    "layer-wise": ("#D55E00", "--", "s"),
    "only conv": ("#009E73", ":", "^"),
    "only hidden": ("#AA4499", "-.", "D"),
    "only readout": ("#8C6D00", (0, (5, 1, 1, 1, 1, 1)), "v"),
    "report": ("#000000", "--", "*"),
    "chance": ("#666666", ":", ""),
}
PART_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#AA4499", "#D55E00")


def save(fig: Figure, *, dpi: int | None = None) -> bytes:
    """The figure as PNG bytes (equal figures, equal bytes), and closes it."""
    drawn, packed = io.BytesIO(), io.BytesIO()
    fig.savefig(drawn, format="png", dpi=dpi)
    plt.close(fig)
    # Without transparency and packed hard: half of the size, the same pixels.
    Image.open(drawn).convert("RGB").save(packed, format="PNG", optimize=True)
    return packed.getvalue()


def panels(
    n: int, *, width: float = 7.2, height: float = 3.2, columns: int | None = None, **kw
) -> tuple[Figure, list[Axes]]:
    """A figure with `n` panels in a row, or in rows of `columns`; sizes in inches."""
    columns = columns or n
    rows = math.ceil(n / columns)
    fig, axes = plt.subplots(
        rows, columns, figsize=(width, height), squeeze=False, **kw
    )
    return fig, list(axes.flat)


def curves(
    ax: Axes,
    x: Real[np.ndarray, " record"],
    runs: Real[np.ndarray, "run record"],
    *,
    meaning: str,
    label: str | None = None,
) -> None:
    """A thin line for each run, a thick one for the median over runs."""
    colour, dashes, _ = STYLES[meaning]
    ax.plot(x, runs.T, color=colour, linewidth=0.7, alpha=0.5)
    median = np.median(runs, axis=0)
    name = meaning if label is None else label
    ax.plot(x, median, color=colour, linestyle=dashes, linewidth=2, label=name)


def legend_below(fig: Figure, ax: Axes) -> None:
    """The legend of `ax` under the whole figure, where it hides no curve."""
    handles, labels = ax.get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8.5)


def threshold(ax: Axes, value: float = 0.1, label: str = "error 0.1") -> None:
    """A line at the error that counts as learned."""
    colour, _, _ = STYLES["chance"]
    ax.axhline(value, color=colour, linestyle=":", linewidth=1.2, label=label)


def phase_marks(ax: Axes, ends: Sequence[float], names: Sequence[str]) -> None:
    """Vertical lines where one phase ends and the next begins, each phase named."""
    for begin, end, name in zip([0, *ends], ends, names, strict=False):
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


def hits(
    ax: Axes,
    lrs: Sequence[float],
    times: Real[np.ndarray, "lr run"],
    *,
    meaning: str,
    cap: float,
) -> None:
    """Epochs to the threshold against learning rate: a dot for each run, the median.

    Runs that never got there stand as crosses, with their number, above the cap.
    """
    colour, dashes, marker = STYLES[meaning]
    never = 1.7 * cap
    for lr, found in zip(lrs, times, strict=True):
        reached = found[np.isfinite(found)]
        ax.plot(lr + 0 * reached, reached, marker, color=colour, ms=4, alpha=0.5)
        missed = len(found) - len(reached)
        if missed:
            ax.plot(lr, never, "x", color=colour, ms=7)
            ax.text(lr * 1.08, never, f"{missed}", va="center", fontsize=8)
    middle = np.array([median(found) for found in times])
    middle[~np.isfinite(middle)] = np.nan  # the line breaks where it is unknown
    ax.plot(lrs, middle, color=colour, linestyle=dashes, linewidth=2.2, label=meaning)
    ax.axhline(cap, color="#999999", linewidth=0.8)
    ax.text(lrs[0], 1.25 * cap, "not reached:", fontsize=8, color="#444444")
    ax.set(yscale="log", ylim=(0.8, 2.3 * cap))
    rate_axis(ax, lrs)


def rate_axis(ax: Axes, lrs: Sequence[float]) -> None:
    """A logarithmic axis of learning rates with room for all of them."""
    ax.set(xscale="log", xlim=(min(lrs) * 0.8, max(lrs) * 1.35))
    ax.set_xlabel("learning rate")


def reported(ax: Axes, value: float) -> None:
    """A line at the number that the report prints."""
    colour, dashes, _ = STYLES["report"]
    ax.axhline(
        value, color=colour, linestyle=dashes, linewidth=1, label=f"report: {value:g}"
    )


def rows_figure(
    x: Real[np.ndarray, "n d"], labels: Sequence[str], patterns: np.ndarray
) -> Figure:
    """Inputs as rows of a colour map, with their labels, beside the patterns."""
    limit = float(np.abs(patterns).max())
    fig, axes = panels(2, height=2.6, width_ratios=[4, 1.3])
    for ax, image in zip(axes, (x, patterns), strict=True):
        ax.imshow(image, aspect="auto", vmin=-limit, vmax=limit)
        for row in range(1, len(image)):
            ax.axhline(row - 0.5, color="white", linewidth=1.5)
        ax.set_xlabel("pixel")
        ax.grid(False)
    axes[0].set_yticks(range(len(x)), labels, fontsize=7)
    axes[0].set_ylabel("example")
    axes[1].set_yticks(
        range(len(patterns)), [f"$F_{{{j + 1}}}$" for j in range(len(patterns))]
    )
    axes[1].set_title("patterns")
    return fig


def rates_figure(
    times: Mapping[str, Real[np.ndarray, "lr run"]],
    lrs: Sequence[float],
    *,
    cap: float,
    report: float,
) -> Figure:
    """Epochs to error 0.1 against learning rate, one panel for each reading."""
    fig, axes = panels(len(times), sharey=True)
    for ax, (reading, found) in zip(axes, times.items(), strict=True):
        hits(ax, lrs, found, meaning="simultaneous", cap=cap)
        reported(ax, report)
        ax.set_title(reading)
    axes[0].set_ylabel("epochs to test error 0.1")
    legend_below(fig, axes[0])
    return fig


def errors_figure(
    results: Mapping[str, Mapping[str, Result]],
    *,
    ends: Sequence[int] = (),
    phases: Sequence[str] = (),
) -> Figure:
    """Test error against epochs, one panel a reading, one colour a training.

    `results[reading][meaning]`; `ends` and `phases` mark where phases end.
    """
    fig, axes = panels(len(results), sharey=True)
    for ax, (reading, found) in zip(axes, results.items(), strict=True):
        for meaning, result in found.items():
            curves(ax, result.epochs, result.of("test"), meaning=meaning)
        threshold(ax)
        phase_marks(ax, ends, phases)
        ax.set_title(reading, pad=18 if phases else None)
        ax.set(xlabel="epochs", ylim=(-0.02, None))
    axes[0].set_ylabel("test error (share)")
    legend_below(fig, axes[0])
    return fig


def deviations_figure(
    moved: Mapping[str, Real[np.ndarray, "lr run"]],
    lrs: Sequence[float],
    *,
    report: float,
) -> Figure:
    """Relative deviation of the filters against learning rate, a panel a reading."""
    colour, _, marker = STYLES["simultaneous"]
    fig, axes = panels(len(moved), sharey=True)
    for ax, (reading, values) in zip(axes, moved.items(), strict=True):
        ax.plot(lrs, values, marker, color=colour, ms=4, alpha=0.5)
        known = [found[~np.isnan(found)] for found in values]
        middle = [np.median(found) if len(found) else np.nan for found in known]
        ax.plot(lrs, middle, color=colour, linewidth=2.2, label="simultaneous")
        reported(ax, report)
        threshold(ax, 1, "Property 3 asks ≥ 1")
        rate_axis(ax, lrs)
        ax.set(title=reading, ylim=(0, None))
    axes[0].set_ylabel("deviation at test error 0.1")
    legend_below(fig, axes[0])
    return fig


def cosine_panel(ax: Axes, cosines: Real[np.ndarray, "channel 2"]) -> None:
    """Filters as points: cosine with one pattern against cosine with another."""
    colour, _, marker = STYLES["simultaneous"]
    for draw in (ax.axhline, ax.axvline):
        draw(0, color="#999999", linewidth=0.8)
    ax.plot(*cosines.T, marker, color=colour, ms=5, alpha=0.8)
    ax.set(xlim=(-1, 1), ylim=(-1, 1), aspect="equal", xlabel="cosine with $F_1$")


def filters_figure(
    filters: Real[np.ndarray, "channel T"],
    cosines: Real[np.ndarray, "channel 2"],
    *,
    limit: float,
    title: str,
) -> Figure:
    """Filters as the rows of a colour map, and as points by their cosines."""
    fig, axes = panels(2, width=6.4, height=3.0)
    image = axes[0].imshow(filters, vmin=-limit, vmax=limit, aspect="auto")
    axes[0].set(xlabel="position in the filter (pixels)", ylabel="filter")
    axes[0].yaxis.get_major_locator().set_params(integer=True)
    axes[0].grid(False)
    fig.colorbar(image, ax=axes[0], label="weight", extend="both")
    cosine_panel(axes[1], cosines)
    axes[1].set(ylabel="cosine with $F_2$", title=title)
    return fig


def cosines_figure(
    cosines: Sequence[Real[np.ndarray, "channel 2"]], titles: Sequence[str]
) -> Figure:
    """Filters as points at several times, side by side."""
    fig, axes = panels(len(titles), height=2.7, sharex=True, sharey=True)
    for ax, points, title in zip(axes, cosines, titles, strict=True):
        cosine_panel(ax, points)
        ax.set_title(title, fontsize=10)
    axes[0].set_ylabel("cosine with $F_2$")
    return fig


def changes_figure(
    changes: Mapping[str, Real[np.ndarray, "run when score"]],
    *,
    when: Sequence[str],
    scores: Sequence[str],
) -> Figure:
    """Relative changes of several scores, a point a run, a panel a reading."""
    fig, axes = panels(len(changes), sharey=True)
    for ax, (reading, values) in zip(axes, changes.items(), strict=True):
        for i, label in enumerate(when):
            where = np.arange(len(scores)) + 0.2 * i - 0.1
            colour = ("#56B4E9", STYLES["simultaneous"][0])[i]
            lines = ax.plot(where, values[:, i].T, "os"[i], color=colour, alpha=0.7)
            lines[0].set_label(label)
        ax.axhline(0, color="#666666", linewidth=0.8)
        ax.set_xticks(range(len(scores)), scores)
        ax.set_title(reading)
    axes[0].set_ylabel("(trained − untrained) / untrained")
    legend_below(fig, axes[0])
    return fig


def strip(patches: np.ndarray, *, frame: int = 1) -> np.ndarray:
    """Patches (count, side, side, 3) side by side, parted by white lines."""
    framed = np.pad(
        patches, ((0, 0), (0, frame), (0, frame), (0, 0)), constant_values=255
    )
    return np.concatenate(list(framed), axis=1)


def patches_figure(
    layers: Mapping[str, np.ndarray],
    *,
    filters: Mapping[str, Sequence[int]],
    columns: int = 1,
) -> Figure:
    """For each layer, the patches (channel, count, side, side, 3) of some filters.

    A row of patches is one filter, most exciting patch first; `columns`: how many such
    rows stand beside each other.
    """
    rows = math.ceil(max(map(len, filters.values())) / columns)
    fig = plt.figure(figsize=(7.2, 0.42 * rows + 0.5 if columns > 1 else 0.55 * rows))
    for part, (layer, patches) in zip(
        fig.subfigures(1, len(layers), squeeze=False)[0], layers.items(), strict=True
    ):
        part.suptitle(layer, fontsize=10)
        axes = part.subplots(rows, columns, squeeze=False)
        for ax, j in zip(axes.flat, filters[layer], strict=False):
            ax.imshow(strip(patches[j]))
            ax.set_ylabel(j, rotation=0, ha="right", va="center", fontsize=8)
        for ax in axes.flat:
            ax.set(xticks=[], yticks=[])
            ax.grid(False)
            ax.spines[:].set_visible(False)
    return fig


def accuracies_figure(
    accuracies: Mapping[str, Real[np.ndarray, " run"]], *, report: float
) -> Figure:
    """Accuracy of each run of several variants, their medians, the report's number."""
    colour, _, marker = STYLES["simultaneous"]
    fig, (ax,) = panels(1, height=0.6 + 0.45 * len(accuracies))
    for row, values in enumerate(accuracies.values()):
        ax.plot(values, 0 * values + row, marker, color=colour, alpha=0.6)
        ax.plot(np.median(values), row, "|", color=colour, ms=18, mew=2.5)
    black, dashes, _ = STYLES["report"]
    ax.axvline(report, color=black, linestyle=dashes, linewidth=1)
    ax.text(report, -0.75, f" report: over {report:g}", fontsize=8, va="center")
    ax.set_yticks(range(len(accuracies)), accuracies)
    ax.set(ylim=(len(accuracies) - 0.5, -1.1), xlabel="validation accuracy (share)")
    return fig


def pictures_figure(
    pictures: np.ndarray, masks: np.ndarray, titles: Sequence[str], kinds: Sequence[str]
) -> Figure:
    """Pictures above the parts in them: pixels of each kind of part in its colour.

    `pictures` (n, h, w, 3) bytes; `masks` (n, kind, h, w) truth values.
    """
    colours = [matplotlib.colors.to_rgb(c) for c in PART_COLOURS[: len(kinds)]]
    drawn = 1 - np.einsum("nkhw,kc->nhwc", masks.astype(float), 1 - np.array(colours))
    fig, axes = panels(2 * len(titles), columns=len(titles), height=2.9)
    for ax, image in zip(axes, [*pictures, *drawn], strict=True):
        ax.imshow(image)
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
        ax.spines[:].set_visible(False)
    for ax, title in zip(axes, titles, strict=False):
        ax.set_title(title, fontsize=10)
    axes[0].set_ylabel("picture")
    axes[len(titles)].set_ylabel("parts")
    handles = [
        matplotlib.patches.Patch(color=colour, label=kind)
        for colour, kind in zip(colours, kinds, strict=True)
    ]
    fig.legend(handles=handles, loc="outside lower center", ncols=len(kinds))
    return fig
