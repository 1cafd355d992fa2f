"""Figures of functions on the cube: coefficients over time. Imports no torch."""

import textwrap
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Real
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure

from hlnb.figures.artists import (
    finite_medians,
    finite_part,
    key,
    legend_below,
    panels,
    say_diverged,
)
from hlnb.figures.style import STYLES, style
from hlnb.words import training_in_words

# The degree of a term: dark to light, told apart in grey too
DEGREES = plt.get_cmap("viridis")
# What is learned: a staircase, its last term alone
TARGETS = {"staircase": STYLES["simultaneous"], "monomial": STYLES["only hidden"]}
TARGETS_IN_WORDS = {
    "staircase": "the staircase",
    "monomial": "its last term alone",
    "monomial, on training data": "the same, on its training examples",
}

WORST = 1.15  # in units of guessing's error; larger values stand here, as arrows


def degree_colour(degree: int, highest: int) -> tuple[float, ...]:
    """The colour of a degree up to `highest`; the palest yellow is left out."""
    return DEGREES(0.9 * degree / max(highest, 1))


def degree_bar(fig: Figure, axes: Sequence[Axes], highest: int) -> None:
    """Adds a colour bar of the degrees beside these axes."""
    edges = np.arange(highest + 1) + 0.5
    colours = [degree_colour(k, highest) for k in range(1, highest + 1)]
    shades = ListedColormap(colours)
    norm = BoundaryNorm(edges, highest)
    bar = fig.colorbar(
        ScalarMappable(norm, shades), ax=list(axes), fraction=0.05, pad=0.02
    )
    bar.set_ticks(range(1, highest + 1))
    bar.ax.minorticks_off()
    bar.set_label("degree of the term")


def phases_figure(
    steps: Sequence[int], left: Mapping[str, Real[np.ndarray, "run phase"]]
) -> Figure:
    """What is left of the variance against steps of the first layer, by target.

    The last of the targets is a last term alone.
    """
    fig, (ax,) = panels(1, height=4.9)
    *climbed, alone = left
    shades = {
        name: degree_colour(i + 1, len(climbed)) for i, name in enumerate(climbed)
    }
    dashes = dict.fromkeys(climbed, "-") | {alone: "--"}
    shades[alone] = TARGETS["monomial"][0]
    for name, values in left.items():
        for run in values:
            ax.plot(steps, run, color=shades[name], lw=0.6, alpha=0.5)
        ax.plot(
            steps,
            finite_medians(values),
            color=shades[name],
            linestyle=dashes[name],
            lw=2,
            label=name,
        )
    ax.set(xlabel="steps of the first layer", ylabel="share of the variance left")
    ax.set_ylim(-0.03, 1.1 * finite_part(*left.values()).max(initial=0.1))
    legend_below(fig, columns=2)
    say_diverged(fig, *left.values())
    return fig


def targets_figure(
    steps: Real[np.ndarray, " record"],
    losses: Mapping[str, Real[np.ndarray, "run record"]],
    *,
    ylabel: str,
    marks: Sequence[float] = (),
) -> Figure:
    """Curves of the targets of `TARGETS_IN_WORDS`, in one panel.

    marks: steps at which the learning rate was halved.
    """
    fig, (ax,) = panels(1, height=4.9)
    for name, runs in losses.items():
        colour, dashes, _ = TARGETS[name.split(",")[0]]
        thin = {"color": colour, "linewidth": 0.7, "alpha": 0.5}
        ax.plot(steps, runs.T, **thin)
        dashes = dashes if "," not in name else ":"
        middle = np.median(runs, axis=0)
        label = TARGETS_IN_WORDS[name]
        ax.plot(steps, middle, color=colour, linestyle=dashes, linewidth=2, label=label)
    for mark in marks:
        ax.axvline(mark, color="#999999", linewidth=0.8)
        ax.text(mark, 1.01, "rate halved", ha="center", va="bottom", fontsize=8)
        ax.texts[-1].set_transform(ax.get_xaxis_transform())
    colour, dashes, _ = STYLES["chance"]
    ax.axhline(1, color=colour, linestyle=dashes, linewidth=1.2, label="the mean alone")
    ax.set(xlabel="iterations of SGD", ylabel=ylabel, ylim=(0, None))
    legend_below(fig, columns=2)
    return fig


def coefficients_figure(
    steps: Real[np.ndarray, " record"],
    runs: Mapping[str, Real[np.ndarray, "run record term"]],
) -> Figure:
    """Each term's coefficient over its target, against iterations, a panel per target.

    Thin: runs; thick: the median over runs. Terms stand in order of degree.
    """
    fig, axes = panels(len(runs), height=4.8, sharey=True)
    for ax, (name, values) in zip(axes, runs.items(), strict=True):
        highest = values.shape[2]
        for k in range(highest):
            colour = degree_colour(k + 1, highest)
            ax.plot(steps, values[:, :, k].T, color=colour, linewidth=0.5, alpha=0.4)
            ax.plot(steps, np.median(values[:, :, k], axis=0), color=colour, lw=2)
        ax.set(title=name, xlabel="iterations of SGD")
        ax.tick_params(axis="x", labelsize=8)
    axes[0].set_ylabel("coefficient / its value in $S_k$")
    degree_bar(fig, axes, highest)
    return fig


def coefficients_frame(
    runs: Mapping[str, Real[np.ndarray, "run term"]], *, title: str
) -> Figure:
    """The coefficients at one moment: a bar for the median, dots for runs."""
    fig, axes = panels(len(runs), height=4.4, sharey=True)
    for ax, (name, values) in zip(axes, runs.items(), strict=True):
        highest = values.shape[1]
        degrees = range(1, highest + 1)
        colours = [degree_colour(k, highest) for k in degrees]
        ax.bar(degrees, finite_medians(values), color=colours, alpha=0.75)
        for run in values:
            ax.plot(degrees, run, ".", color="black", ms=3)
        ax.axhline(1, color=STYLES["chance"][0], linestyle=":", linewidth=1.2)
        ax.set(title=f"{name}, {title}", xlabel="degree of the term", ylim=(-0.25, 1.4))
        ax.set_xticks(degrees)
    axes[0].set_ylabel("coefficient / its value in $S_k$")
    say_diverged(fig, *runs.values())
    return fig


def degree_mass_figure(
    steps: Real[np.ndarray, " record"],
    mass: Real[np.ndarray, "run record degree"],
    target: Real[np.ndarray, " degree"],
) -> Figure:
    """Fourier mass of each degree against iterations; dotted: the target's largest."""
    highest = mass.shape[2] - 1
    fig, (ax,) = panels(1, height=4.9)
    for k in range(1, highest + 1):
        colour = degree_colour(k, highest)
        ax.plot(steps, mass[:, :, k].T, color=colour, linewidth=0.5, alpha=0.4)
        ax.plot(steps, np.median(mass[:, :, k], axis=0), color=colour, linewidth=2)
    ax.axhline(target.max(), color=STYLES["chance"][0], linestyle=":", linewidth=1.2)
    ax.set(xlabel="iterations of SGD", ylabel="Fourier mass of the degree")
    degree_bar(fig, [ax], highest)
    return fig


def growth_figure(
    stages: Mapping[str, Sequence[tuple[Real[np.ndarray, " candidate"], float]]],
    *,
    threshold: float,
) -> Figure:
    """The sizes of all correlations, stage by stage, one panel per target.

    stages: for each stage the correlations and the share of variance left before it.
    """
    widths = [len(found) + 1 for found in stages.values()]
    fig, axes = panels(len(stages), height=4.6, sharey=True, width_ratios=widths)
    for ax, (name, found) in zip(axes, stages.items(), strict=True):
        colour, _, marker = TARGETS[name]
        for k, (values, left) in enumerate(found, start=1):
            spread = np.linspace(-0.32, 0.32, len(values))
            large = np.abs(values) > threshold
            size = np.abs(values)
            ax.plot(k + spread[~large], size[~large], ".", color="#999999", ms=2)
            ax.plot(k + spread[large], size[large], marker, color=colour, ms=6)
            ax.text(k, 1.13, f"{left:.0%}", ha="center", fontsize=8)
        ax.axhline(threshold, color=STYLES["chance"][0], linestyle=":", linewidth=1.2)
        title = textwrap.fill(TARGETS_IN_WORDS[name], 60 if len(found) > 3 else 12)
        ax.set_title(title, fontsize=10)
        ax.set(xlabel="stage", ylim=(0, 1.22), xlim=(0.3, len(found) + 0.7))
        ax.set_xticks(range(1, len(found) + 1))
    axes[0].set_ylabel("|correlation with the residual|")
    return fig


def trainings_figure(
    problems: Mapping[str, Mapping[str, Real[np.ndarray, " run"]]], *, xlabel: str
) -> Figure:
    """One row per problem: for each training, dots for runs and a bar for their median.

    Values are in units of guessing's error; those above `WORST` are arrows there.
    """
    fig, (ax,) = panels(1, height=0.9 + len(problems))
    kinds = list(dict.fromkeys(kind for found in problems.values() for kind in found))
    for row, found in enumerate(problems.values()):
        for kind, values in found.items():
            colour, _, marker = style(kind)
            at = row + 0.22 * (kinds.index(kind) - (len(kinds) - 1) / 2)
            inside = values[values <= WORST]
            ax.plot(inside, 0 * inside + at, marker, color=colour, alpha=0.45, ms=4)
            if above := len(values) - len(inside):
                ax.plot(WORST, at, ">", color=colour, ms=7)
                ax.text(WORST + 0.025, at, f"{above}", va="center", fontsize=8)
            middle = min(np.median(values), WORST)
            ax.plot(middle, at, "|", color=colour, ms=11, mew=2.5)
    ax.set_yticks(range(len(problems)), problems)
    ax.axvline(1, color=STYLES["chance"][0], linestyle=":", linewidth=1.2)
    ax.set(xlabel=xlabel, ylim=(len(problems) - 0.5, -0.5), xlim=(-0.03, WORST + 0.08))
    ax.grid(axis="y", visible=False)
    handles = [
        key(training_in_words(kind), style(kind)[2], colour=style(kind)[0])
        for kind in kinds
    ]
    colour = STYLES["chance"][0]
    handles.append(key("guessing", colour=colour, linestyle=":"))
    legend_below(fig, handles, columns=2)
    return fig
