"""The figures of a row of Table 1 with their words, shared by chapters 02 to 06."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from jaxtyping import Real
from matplotlib.figure import Figure

from hlnb.data.patterns import PatternProblem
from hlnb.figures.drawn import Drawn
from hlnb.metrics import likeness
from hlnb.metrics.times import held
from hlnb.results import Result
from hlnb.seeding import stream
from hlnb.studies.table_1 import figures
from hlnb.studies.table_1.claims import ByReading
from hlnb.studies.table_1.experiment import (
    LOOKS,
    SCORES,
    STAY,
    Protocol,
    Reproduction,
    arrived,
    at_own_rate,
    soonest_rate,
    stayed,
)
from hlnb.studies.table_1.report import READINGS, REPORTED
from hlnb.studies.table_1.words import spread
from hlnb.words import layer_in_words, training_in_words


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
    swept = {
        READINGS[r]: (
            np.stack([arrived(row.rates, "test", lr=lr) for lr in row.lrs]),
            np.stack([stayed(row.rates, "test", lr=lr) for lr in row.lrs]),
        )
        for r, row in rows.items()
    }
    report = REPORTED[rows["unit"].number].simultaneous
    return Drawn(
        figures.rates_figure(
            swept, rows["unit"].lrs, cap=protocol.epochs, report=report
        ),
        caption=f"Epochs until the test error is at most 0.1, {protocol.seeds} runs at "
        f"each learning rate. Filled: at most 0.1 in the last {STAY} epochs too; "
        "hollow: not any more. The line is the median; crosses count the runs that did "
        f"not get there within {protocol.epochs} epochs.",
        alt="Two panels, epochs to test error 0.1 against learning rate, log axes. "
        "Runs that arrive and stay, by rate: "
        + "; ".join(
            ", ".join(
                f"{stay.sum()} of {len(stay)} at {lr:g}"
                for lr, stay in zip(rows[r].lrs, swept[READINGS[r]][1], strict=True)
            )
            + f" ({READINGS[r]})"
            for r in rows
        )
        + ".",
    )


def collapse(row: Reproduction) -> Drawn:
    """Test error at the rate that is soonest, and at the one with most that stay."""
    named = {
        f"rate {lr:g}: {what}": lr
        for lr, what in (
            (soonest_rate(row.rates), "the soonest"),
            (row.best, "most arrive and stay"),
        )
    }
    ends = {
        name: held(row.rates.of("test", lr=lr))[:, -1] for name, lr in named.items()
    }
    return Drawn(
        figures.errors_figure(
            {
                name: {"simultaneous": (row.rates.epochs, row.rates.of("test", lr=lr))}
                for name, lr in named.items()
            }
        ),
        caption="Test error of all layers together at two learning rates "
        f"({READINGS[row.reading]}): runs (thin) and their median (thick).",
        alt="Panels of test error against epochs. Errors at the end: "
        + "; ".join(
            f"{name}: " + ", ".join(f"{e:.2f}" for e in np.sort(last))
            for name, last in ends.items()
        )
        + ".",
    )


def layerwise(rows: ByReading, protocol: Protocol) -> Drawn:
    """Test error against epochs: all layers together, and layer by layer."""
    unit = rows["unit"]
    found = {
        READINGS[r]: {
            "simultaneous": (row.together.epochs, row.together.of("test")[: row.few]),
            "layer-wise": (row.layerwise.epochs, at_own_rate(row.layerwise, "test")),
        }
        for r, row in rows.items()
    }
    return Drawn(
        figures.errors_figure(found, ends=unit.phase_ends, phases=unit.model.names),
        caption=f"Test error of {protocol.seeds} runs (thin) and their median (thick): "
        f"all layers together ({protocol.epochs} epochs), and layer by layer. "
        "Vertical lines separate the phases.",
        alt="Two panels of test error against epochs. Median at the end, all layers "
        "together and layer by layer: "
        + "; ".join(
            f"{np.median(row.last('test')[: row.few]):.2f} and "
            f"{np.median(row.phase_errors()[:, -1]):.2f} ({READINGS[r]})"
            for r, row in rows.items()
        )
        + ".",
    )


def opening(results: Mapping[str, Result], phases: Sequence[str]) -> Drawn:
    """Test error of chapter 01's three trainings against epochs.

    `results`: by the name of the Schedule; `phases`: what learns in each phase.
    """
    together = results["simultaneous"]
    epochs = int(together.epochs[-1])
    last = {name: np.median(r.of("test")[:, -1]) for name, r in results.items()}
    return Drawn(
        figures.errors_figure(
            {"toy problem 4": results},
            ends=[epochs * (k + 1) for k in range(len(phases))],
            phases=phases,
        ),
        caption=f"Test error on toy problem 4: {len(together.runs)} runs (thin), their "
        f"median (thick). All layers together, {epochs} epochs; layer by layer, "
        f"{epochs} for each layer; greedy, as many for the filters with a readout of "
        "their own, and as many for the two layers above.",
        alt="Test error against epochs, three curves. Medians at the end: "
        + "; ".join(
            f"{training_in_words(name)}: {last[name]:.2f} after "
            f"{int(r.epochs[-1])} epochs"
            for name, r in results.items()
        )
        + ".",
    )


def single(rows: ByReading, protocol: Protocol) -> Drawn:
    """Test error against epochs when one layer alone learns."""
    alone = {
        READINGS[r]: {
            f"only {name}": (result.epochs, at_own_rate(result, "test"))
            for name, result in row.alone.items()
        }
        for r, row in rows.items()
    }
    return Drawn(
        figures.errors_figure(alone),
        caption=f"Test error when one layer alone learns: {protocol.seeds} runs (thin, "
        "ended by a dot where they arrived) and their median (thick).",
        alt="Two panels of test error against epochs, a curve for each single layer. "
        f"Best layer: {layer_in_words(rows['printed'].single)} as printed, "
        f"{layer_in_words(rows['unit'].single)} at unit length.",
    )


def deviation(rows: ByReading, protocol: Protocol) -> Drawn:
    """How far the filters have moved on arrival, against the learning rate."""
    moved = {READINGS[r]: row.deviations() for r, row in rows.items()}
    report = REPORTED[rows["unit"].number].deviation
    return Drawn(
        figures.deviations_figure(moved, rows["unit"].lrs, report=report),
        caption="How far the filters have moved, relative to their initial length, "
        f"when the test error first reaches 0.1; {protocol.seeds} runs at each "
        "learning rate.",
        alt="Two panels, relative deviation of the filters on arrival against learning "
        "rate. At the best rate, other runs: "
        + "; ".join(
            f"{spread(row.deviation)} ({READINGS[r]})" for r, row in rows.items()
        )
        + ".",
    )


def filters(
    row: Reproduction, epochs: Sequence[int]
) -> Iterator[tuple[str, Figure, str]]:
    """Frames of a film, an epoch each: label, the first run's filters, their words.

    Of the epochs 0 and SHOWN.
    """
    weights, errors = row.looks[0], row.together.traces["test"][0]
    points = likeness.cosines(weights, row.patterns(0)[None])
    limit = float(np.quantile(np.abs(row.filters("end", run=0)), 0.99))
    for e in epochs:
        look, error = LOOKS.index(e), f"{errors[e]:.2f}"
        fig = figures.filters_figure(
            weights[look], points[look], limit=limit, title=f"epoch {e}, error {error}"
        )
        nearest = np.abs(points[look]).max(1).mean()
        alt = (
            f"Epoch {e}: test error {error}. Best absolute cosine of a filter "
            f"with a pattern, mean over filters: {nearest:.2f}."
        )
        yield str(e), fig, alt


def interpretability(rows: ByReading, protocol: Protocol) -> Drawn:
    """Changes of the likeness between filters and patterns, a point for each run."""
    seeds = protocol.seeds
    found = {
        READINGS[r]: np.stack(
            [row.changes(when)[:seeds] for when in ("arrival", "end")], axis=1
        )
        for r, row in rows.items()
    }
    when = ["at error 0.1", f"after {protocol.epochs} epochs"]
    return Drawn(
        figures.changes_figure(found, when=when, scores=list(SCORES)),
        caption="Relative change of three measures of likeness between filters and "
        f"patterns, a point for each of {seeds} runs (all layers together, best rate).",
        alt="Two panels with a point for each run. Medians of dot product, convolution "
        "and cosine at error 0.1: "
        + "; ".join(
            ", ".join(f"{np.nanmedian(v):z.2f}" for v in values[:, 0].T)
            + f" ({reading})"
            for reading, values in found.items()
        )
        + ".",
    )
