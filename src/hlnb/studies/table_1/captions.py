"""The figures of a row of Table 1 with their words, shared by chapters 02 to 06."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from jaxtyping import Real
from matplotlib.figure import Figure

from hlnb.data.patterns import PatternProblem
from hlnb.figures.drawn import Drawn
from hlnb.metrics import likeness
from hlnb.seeding import stream
from hlnb.studies.table_1 import figures
from hlnb.studies.table_1.claims import SCORES, ByReading, changes, spread
from hlnb.studies.table_1.experiment import (
    READINGS,
    REPORTED,
    Protocol,
    Reproduction,
    arrived,
    best_rate,
)


def data(problem: PatternProblem, number: int) -> Drawn:
    """Twelve inputs of toy problem `number`, by class, beside its patterns."""
    sample = problem.sample(12, generator=stream(0, "picture"))
    order = sample.y.argsort(stable=True)
    return Drawn(
        figures.rows_figure(
            sample.x[order].numpy(),
            [f"class {c + 1}" for c in sample.y[order]],
            problem.patterns.numpy(),
        ),
        caption=f"Twelve inputs of toy problem {number} by class, and its patterns "
        "(seed 0, entries ±1). Blue: −1, red: +1, pale: 0.",
        alt="Left: twelve rows of pixels with their classes, blank except for striped "
        "blocks. Right: the patterns of plus and minus ones.",
    )


def slide(
    row: Real[np.ndarray, " d"], patterns: Real[np.ndarray, "k T"], start: int
) -> tuple[Figure, str]:
    """A row of pixels and the patterns' responses to it, and the alternative text.

    `start`: where the first pattern begins.
    """
    T = patterns.shape[1]
    windows = np.lib.stride_tricks.sliding_window_view(row, T)
    return (
        figures.slide_figure(
            row, patterns @ windows.T, limit=T, title=f"$F_1$ at {start}"
        ),
        f"The pattern begins at pixel {start}; the response of the filter equal to "
        f"it is largest, {T}, where the window begins at pixel {start}.",
    )


def rates(rows: ByReading, protocol: Protocol) -> Drawn:
    """Epochs to error 0.1 against the learning rate, all layers together."""
    lrs, cap = protocol.lrs, protocol.sweep_epochs
    swept = {
        READINGS[r]: np.stack([arrived(row.rates, "test", lr=lr) for lr in lrs])
        for r, row in rows.items()
    }
    report = REPORTED[rows["unit"].number].simultaneous
    return Drawn(
        figures.rates_figure(swept, lrs, cap=cap, report=report),
        caption=f"Epochs until the test error is at most 0.1, {protocol.seeds} runs at "
        "each learning rate. Dots are runs, the line is their median, crosses count "
        f"the runs that did not get there within {cap} epochs.",
        alt="Two panels, epochs to test error 0.1 against learning rate, log axes. "
        f"Best rate {rows['printed'].best:g} as printed, {rows['unit'].best:g} at "
        "unit length.",
    )


def errors(rows: ByReading) -> dict[str, dict[str, figures.Pair]]:
    """Epochs and test errors of two trainings by reading: together, layer by layer."""
    return {
        READINGS[r]: {
            "simultaneous": (row.after.epochs, row.after.of("test")),
            "layer-wise": (
                row.layerwise.epochs,
                row.layerwise.of("test", lr=row.layerwise_rate),
            ),
        }
        for r, row in rows.items()
    }


def layerwise(
    found: Mapping[str, Mapping[str, figures.Pair]], rows: ByReading, protocol: Protocol
) -> Drawn:
    """The `errors` of all layers together and layer by layer."""
    unit = rows["unit"]
    return Drawn(
        figures.errors_figure(found, ends=unit.phase_ends, phases=unit.model.names),
        caption=f"Test error of {protocol.seeds} runs (thin) and their median (thick): "
        f"all layers at once ({protocol.sweep_epochs} epochs) against layer by layer. "
        "Lines part the phases.",
        alt="Two panels of test error against epochs. Median at the end of all at once "
        "and of layer by layer: "
        + "; ".join(
            f"{np.median(row.after.of('test')[:, -1]):.2f} and "
            f"{np.median(row.phase_errors()[:, -1]):.2f} ({READINGS[r]})"
            for r, row in rows.items()
        )
        + ".",
    )


def single(rows: ByReading, protocol: Protocol) -> Drawn:
    """Test error against epochs when one layer alone learns."""
    alone = {
        READINGS[r]: {
            f"only {name}": (result.epochs, result.of("test", lr=best_rate(result)))
            for name, result in row.alone.items()
        }
        for r, row in rows.items()
    }
    return Drawn(
        figures.errors_figure(alone),
        caption=f"Test error when one layer alone learns: {protocol.seeds} runs (thin, "
        "ended by a dot where they arrived) and their median (thick).",
        alt="Two panels of test error against epochs, a curve for each single layer. "
        f"Best layer: {rows['printed'].single} as printed, {rows['unit'].single} at "
        "unit length.",
    )


def deviation(rows: ByReading, protocol: Protocol) -> Drawn:
    """How far the filters have moved on arrival, against the learning rate."""
    moved = {READINGS[r]: row.deviations() for r, row in rows.items()}
    report = REPORTED[rows["unit"].number].deviation
    return Drawn(
        figures.deviations_figure(moved, protocol.lrs, report=report),
        caption="How far the filters have moved, relative to their initial length, "
        f"when the test error first reaches 0.1; {protocol.seeds} runs at each "
        "learning rate.",
        alt="Two panels, relative deviation of the filters against learning rate; it "
        "grows with the rate. At the best rate: "
        + "; ".join(
            f"{spread(row.deviation)} ({READINGS[r]})" for r, row in rows.items()
        )
        + ".",
    )


def _title(row: Reproduction, epoch: int) -> str:
    return f"epoch {epoch}, error {row.after.of('test')[0][epoch]:.2f}"


def _cosines(row: Reproduction) -> Real[np.ndarray, "record channel k"]:
    """Cosines of the first run's filters with its patterns."""
    filters = row.after.of("filters")[0, :, :, 0]
    return likeness.cosines(filters, row.patterns(0)[None])


def filters(
    row: Reproduction, epochs: Sequence[int]
) -> Iterator[tuple[str, Figure, str]]:
    """Frames of a film, an epoch each: label, the first run's filters, their words."""
    weights, errors = row.after.of("filters")[0, :, :, 0], row.after.of("test")[0]
    points, limit = _cosines(row), float(np.quantile(np.abs(weights[-1]), 0.99))
    for e in epochs:
        fig = figures.filters_figure(
            weights[e], points[e], limit=limit, title=_title(row, e)
        )
        alt = (
            f"Epoch {e}: test error {errors[e]:.2f}. Best absolute cosine of a filter "
            f"with a pattern, mean over filters: {np.abs(points[e]).max(1).mean():.2f}."
        )
        yield str(e), fig, alt


def cosines(row: Reproduction, epochs: Sequence[int]) -> Drawn:
    """Cosines of the first run's filters with the patterns at three epochs."""
    points = _cosines(row)
    return Drawn(
        figures.cosines_figure(
            [points[e] for e in epochs], [_title(row, e) for e in epochs]
        ),
        caption="The same in print: cosines of the twenty filters with the patterns "
        "(unit length, seed 0) before, during and after training.",
        alt="Cosines of twenty filters with the patterns at three times; mean over "
        "filters of the best absolute cosine: "
        + ", ".join(f"{np.abs(points[e]).max(1).mean():.2f}" for e in epochs)
        + ".",
    )


def interpretability(rows: ByReading, protocol: Protocol) -> Drawn:
    """Changes of the likeness between filters and patterns, a point a run."""
    seeds = protocol.seeds
    found = {
        READINGS[r]: np.stack(
            [changes(row, when)[:seeds] for when in ("arrival", "end")], axis=1
        )
        for r, row in rows.items()
    }
    when = ["at error 0.1", f"after {protocol.sweep_epochs} epochs"]
    return Drawn(
        figures.changes_figure(found, when=when, scores=list(SCORES)),
        caption="Relative change of three measures of likeness between filters and "
        f"patterns, a point a run ({seeds} runs, all layers together, best rate).",
        alt="Two panels with a point a run for dot product, convolution and cosine, at "
        "error 0.1 and at the end of training.",
    )


def variants(
    found: Mapping[str, Mapping[str, Real[np.ndarray, " _run"]]],
    rows: ByReading,
    protocol: Protocol,
) -> Drawn:
    """Epochs to error 0.1 as defined, with noise and with two layers.

    `found[reading][variant]`: a time per run.
    """
    more, few = protocol.more_seeds, protocol.seeds
    return Drawn(
        figures.arrivals_figure(
            {READINGS[r]: times for r, times in found.items()},
            cap=protocol.epochs,
            report=REPORTED[rows["unit"].number].simultaneous,
        ),
        caption="Epochs to test error 0.1 for the problem as defined, with noise, and "
        f"with a two-layer network; a dot a run ({more} and {few} runs), bars: "
        "medians.",
        alt="Two panels of dots: epochs to test error 0.1. Medians as defined, with "
        "noise, with two layers: "
        + "; ".join(
            ", ".join(f"{np.median(t):g}" for t in times.values()) + f" ({READINGS[r]})"
            for r, times in found.items()
        )
        + ".",
    )
