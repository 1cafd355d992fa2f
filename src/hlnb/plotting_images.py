"""Figures of image networks: filters, patches, accuracies. Imports no torch."""

import math
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Real
from matplotlib.figure import Figure

from hlnb.plotting import STYLES, panels


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
