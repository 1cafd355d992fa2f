"""Figures of the chapter on related works, with their words. Imports no torch."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Bool, Float, Real
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hlnb.figures.artists import (
    beside,
    ink,
    key,
    legend_below,
    log_range,
    log_ticks,
    panels,
    plain,
    plain_ticks,
    say_diverged,
)
from hlnb.figures.drawn import Drawn
from hlnb.figures.style import PART_COLOURS, STYLES
from hlnb.words import in_range

Runs = Real[np.ndarray, "_run _point"]
# Ordered quantities (a scale, a threshold): dark to light, each with dashes and marker
ORDERED: Sequence[tuple[str, Any, str]] = (
    ("#0D0887", "-", "o"),
    ("#9C179E", (0, (5, 1.5)), "s"),
    ("#E16462", (0, (1, 1.2)), "^"),
    ("#C99700", (0, (5, 1, 1, 1)), "D"),
)
DEPTHS: Mapping[str, tuple[str, Any, str]] = {
    "three layers": STYLES["simultaneous"],
    "two layers": ("#882255", "--", "s"),
}
FEATURES: Mapping[str, tuple[str, Any, str]] = {
    "unit of three layers, p = 2": ("#CC79A7", "-", "D"),
    "unit of three layers, p = 3": ("#56B4E9", (0, (6, 1.5)), "^"),
    "unit of two layers, p = 2": ("#8A6D00", (0, (4, 1, 1, 1)), "v"),
}
AT_START = ("#666666", (0, (2, 3)), "x")


def _runs(ax: Axes, x: np.ndarray, runs: Runs, look: tuple, label: str) -> None:
    """A thin line for each run and a thick one, with markers, for their median."""
    colour, dashes, marker = look
    ax.plot(x, runs.T, color=colour, linewidth=0.7, alpha=0.5)
    middle = np.median(runs, 0)
    ax.plot(
        x,
        middle,
        color=colour,
        linestyle=dashes,
        marker=marker,
        markersize=5,
        linewidth=2,
        label=label,
    )


def compression_figure(
    compression: Mapping[float, Runs],
    slopes: Mapping[float, float],
    discrimination: Mapping[float, Runs],
    *,
    seen: Mapping[float, Real[np.ndarray, " run"]],
) -> Drawn:
    """Left: C against the layer, on a log scale, with lines of the predicted slopes.

    Right: D against the layer. Both by the scale of the initial weights. `seen`: the
    slopes of log10 C, for the words.
    """
    fig, (left, right) = panels(2, height=4.4)
    scales = sorted({*compression, *discrimination})
    looks = dict(zip(scales, ORDERED, strict=False))
    for ax, found in ((left, compression), (right, discrimination)):
        for scale, runs in found.items():
            layers = np.arange(runs.shape[1])
            _runs(ax, layers, runs, looks[scale], f"ξ = {scale:g}")
            ax.set_xticks(layers)
        ax.set_xlabel("layer (0: input)")
    for scale, slope in slopes.items():
        runs = compression[scale]
        layers = np.arange(runs.shape[1])
        line = np.median(runs[:, 0]) * 10.0 ** (slope * layers)
        left.plot(layers, line, color="#000000", linewidth=0.9, label="predicted")
    left.set(yscale="log", ylabel="compression C (within / between)")
    plain_ticks(left.yaxis, log_ticks(*log_range(*compression.values()))[::2])
    right.set_ylabel("discrimination D")
    legend_below(fig, columns=5)
    say_diverged(fig, *compression.values())
    n = len(next(iter(compression.values())))
    return Drawn(
        fig,
        caption="Layers of trained deep linear networks, by the scale ξ of their "
        f"initial weights; {n} runs and their median. Left: orthonormal inputs, "
        "compression C on a log scale, and lines of the predicted slope from the same "
        "input. Right: nearly orthogonal inputs, discrimination D.",
        alt="Left: C by layer on a log scale, a curve for each ξ, beside its predicted "
        f"line. Median slope of log10 C per layer: {slopes_in_words(seen)}. Right: D "
        "by layer; median at the first and the last hidden layer: "
        f"{ends_in_words(discrimination)}.",
    )


def slopes_in_words(slopes: Mapping[float, float | np.ndarray]) -> str:
    """The median slope of each scale."""
    return "; ".join(f"ξ = {s:g}: {np.median(v):.3f}" for s, v in slopes.items())


def ends_in_words(values: Mapping[float, Runs]) -> str:
    """The medians at the first and the last hidden layer, for each scale."""
    middle = {s: np.median(runs, 0) for s, runs in values.items()}
    return "; ".join(f"ξ = {s:g}: {v[1]:.3f} to {v[-1]:.3f}" for s, v in middle.items())


def depths_figure(
    errors: Mapping[str, Mapping[str, Runs]],
    features: Mapping[str, Runs],
    ns: Sequence[int],
    *,
    at_start: Real[np.ndarray, " run"],
) -> Drawn:
    """Test error against samples, by target, and how close a unit is to the feature.

    `errors[title][label]`, `features[label]`: (run, n). `at_start`: |correlation| of
    the best unit before training, one value per run.
    """
    fig = plt.figure(figsize=(7.2, 6.6))
    grid = fig.add_gridspec(2, len(errors))
    axes = [fig.add_subplot(grid[0, i]) for i in range(len(errors))]
    axes.append(fig.add_subplot(grid[1, :]))
    x = np.array(ns, float)
    for ax, (title, found) in zip(axes, errors.items(), strict=False):
        for label, runs in found.items():
            _runs(ax, x, runs, DEPTHS[label], label)
        ax.axhline(1, color=STYLES["chance"][0], linestyle=":", label="answering 0")
        ax.set(title=title, ylim=(0, None))
    axes[0].set_ylabel("test error / variance")
    last = axes[-1]
    for label, runs in features.items():
        _runs(last, x, runs, FEATURES[label], label)
    colour, dashes, marker = AT_START
    label = "unit of three layers, untrained"
    last.plot(beside(at_start, x[0]), at_start, marker, color=colour, ms=4)
    last.axhline(np.median(at_start), color=colour, linestyle=dashes, label=label)
    last.set(title="best unit", ylim=(0, 1.02))
    last.set_ylabel("|correlation with h|")
    for ax in axes:
        ax.set(xscale="log", xlabel="training samples n")
        plain_ticks(ax.xaxis, ns)
    words = {"fontsize": 8.5, "handlelength": 3}
    axes[0].legend(loc="upper right", bbox_to_anchor=(1.02, 0.92), **words)
    below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.2), "ncols": 2}
    last.legend(**below, **words)
    left = "; ".join(
        f"{title}, {label}: {in_range(runs[:, -1], '.3f')}"
        for title, found in errors.items()
        for label, runs in found.items()
    )
    close = "; ".join(f"{k}: {in_range(v[:, -1])}" for k, v in features.items())
    return Drawn(
        fig,
        caption="Test error against samples, as a share of the variance, for each "
        "target, and (below) how close one unit below the readout is to the feature h. "
        "Rate and stopping time are chosen on validation data; "
        f"{len(at_start)} runs and their median.",
        alt=f"{len(axes)} panels, samples on a log scale. Errors with most samples: "
        f"{left}. Below: |correlation| with h with most samples: {close}; before "
        f"training: {in_range(at_start)}.",
    )


def paths_figure(
    shares: Mapping[str, Float[np.ndarray, "output input"]],
    needs: Bool[np.ndarray, "output input"],
) -> Drawn:
    """Share of the path strength between each output and input, in per cent.

    A black frame stands around pairs in which the output depends on the input.
    """
    fig, axes = panels(len(shares), height=3.2)
    top = max(float(matrix.max()) for matrix in shares.values())
    colours = matplotlib.colormaps["cividis"]
    for ax, (title, matrix) in zip(axes, shares.items(), strict=True):
        ax.imshow(matrix, vmin=0, vmax=top, cmap=colours)
        for (i, j), value in np.ndenumerate(matrix):
            ax.text(
                j,
                i,
                plain(round(100 * value, 1)),
                ha="center",
                va="center",
                fontsize=8.5,
                color=ink(colours(value / top)),
            )
            if needs[i, j]:
                box = matplotlib.patches.Rectangle(
                    (j - 0.46, i - 0.46), 0.92, 0.92, fill=False, ec="#D55E00", lw=1.8
                )
                ax.add_patch(box)
        ax.set_xticks(range(matrix.shape[1]), _names("x", matrix.shape[1]))
        ax.set_yticks(range(matrix.shape[0]), _names("y", matrix.shape[0]))
        ax.set(title=title, xlabel="input")
        ax.grid(False)
    axes[0].set_ylabel("output")
    inside = ", ".join(f"{100 * m[needs].sum():.0f}% ({t})" for t, m in shares.items())
    return Drawn(
        fig,
        caption="Half adders, the first run: the share of the path strength (sum over "
        "paths of products of absolute weights) between each output and each input, in "
        "per cent. Frames: pairs in which the output depends on the input.",
        alt="Tables of outputs by inputs. The framed blocks, upper left and lower "
        f"right, hold {inside}.",
    )


def _names(letter: str, n: int) -> list[str]:
    return [f"${letter}_{i + 1}$" for i in range(n)]


def network_figure(
    weights: Sequence[np.ndarray], masks: Sequence[np.ndarray], *, title: str
) -> Figure:
    """The network from left to right: a line for each edge, a dot for each used unit.

    Blue and solid: positive weights; orange and dashed: negative ones. Inputs and
    outputs of the same half share a marker.
    """
    fig, (ax,) = panels(1, height=4.6)
    sizes = [masks[0].shape[1], *(len(mask) for mask in masks)]
    heights = [np.linspace(1, 0, n + 2)[1:-1] for n in sizes]
    used = [np.zeros(n, bool) for n in sizes]
    for layer, (weight, mask) in enumerate(zip(weights, masks, strict=True)):
        used[layer] |= mask.any(0)
        used[layer + 1] |= mask.any(1)
        for i, j in np.argwhere(mask):
            positive = weight[i, j] > 0
            ax.plot(
                [layer, layer + 1],
                [heights[layer][j], heights[layer + 1][i]],
                color=PART_COLOURS[0] if positive else PART_COLOURS[4],
                linestyle="-" if positive else "--",
                linewidth=1.1,
                alpha=1.0 if mask.sum() < 40 else 0.35,
                zorder=1,
            )
    used[0][:] = used[-1][:] = True
    for layer, (height, on) in enumerate(zip(heights, used, strict=True)):
        ends = layer in (0, len(sizes) - 1)
        for unit in np.flatnonzero(on):
            lower = ends and unit >= len(height) / 2
            ax.plot(
                layer,
                height[unit],
                "s" if lower else "o",
                color="#222222",
                markersize=8 if ends else 6,
                zorder=2,
            )
            if ends:
                side = -1 if layer == 0 else 1
                ax.text(
                    layer + 0.07 * side,
                    height[unit],
                    f"${'x' if layer == 0 else 'y'}_{unit + 1}$",
                    ha="right" if side < 0 else "left",
                    va="center",
                )
    ax.set(
        title=title, xlim=(-0.25, len(sizes) - 0.75), ylim=(0, 1), xticks=[], yticks=[]
    )
    ax.grid(False)
    ax.spines[:].set_visible(False)
    handles = [
        key("positive weight", colour=PART_COLOURS[0], linestyle="-"),
        key("negative weight", colour=PART_COLOURS[4], linestyle="--"),
    ]
    legend_below(fig, handles)
    return fig
