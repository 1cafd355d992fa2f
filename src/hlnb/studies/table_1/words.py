"""A row of Table 1 in words: for prose, and as one table."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Real

from hlnb.claims import Claim
from hlnb.metrics.times import describe, median, within_phase
from hlnb.studies.table_1.claims import ByReading
from hlnb.studies.table_1.experiment import SCORES, Reproduction, soonest_rate, stayed
from hlnb.studies.table_1.report import HAS_PROPERTY, READINGS, REPORTED
from hlnb.verdicts import WORDS

PROPERTIES: Mapping[int, str] = {
    1: "no single layer suffices",
    2: "most filters have a pattern",
    3: "filters travel far",
    4: "layer-wise training fails",
}


CELLS: Mapping[str, str] = {
    "simultaneous": "all layers together: epochs",
    "layerwise": "layer by layer",
    "single": "a single layer: epochs",
    "deviation": "deviation",
    "dot": "dot product",
    "convolution": "convolution",
}


def spread(values: Real[np.ndarray, " run"]) -> str:
    """Median and range, for prose; runs without a number are left out."""
    known = values[np.isfinite(values)]
    if not len(known):
        return "undefined in every run"
    middle, low, high = (
        f"{value:.2f}".replace("-0.00", "0.00").replace("-", "−")
        for value in (np.median(known), known.min(), known.max())
    )
    return f"{middle} [{low} to {high}]"


def middle(times: Real[np.ndarray, " run"], *, cap: float) -> str:
    """The median time for a sentence: "11", or "more than 120"."""
    found = median(times)
    return f"{found:g}" if math.isfinite(found) else f"more than {cap:g}"


def of(holds: Sequence[bool | None]) -> str:
    """In how many runs something holds: "3 of 8"; runs of unknown are runs."""
    return f"{sum(h is not None and bool(h) for h in holds)} of {len(holds)}"


def in_words(row: Reproduction) -> dict[str, str | float]:
    """The row's numbers for prose: name → text, with the reading's tag.

    Medians, without a range: the table has these.
    """
    tag, cap, soonest = row.reading, row.cap, soonest_rate(row.rates)
    moved, within = row.deviation, _within(row)
    words: dict[str, str | float] = {
        "best": row.best,
        "soonest": soonest,
        "soonest_stay": of(stayed(row.rates, "test", lr=soonest).tolist()),
        "sim": middle(row.times, cap=cap),
        "reached": of(np.isfinite(row.times).tolist()),
        "stay": of(row.stays.tolist()),
        "unseen": f"{np.nanmedian(row.last('unseen')):.2f}",
        "lwt": middle(within, cap=row.phase_ends[0]),
        "lwt_reached": of(np.isfinite(row.layerwise_times).tolist()),
        "lwt_train": f"{np.median(row.phase_errors('train')[:, -1]):.2f}",
        "lwt_unseen": f"{np.nanmedian(row.phase_errors('unseen')[:, -1]):.2f}",
        "dev": f"{np.nanmedian(moved):.2f}" if np.isfinite(moved).any() else "unknown",
        "cosine": spread(row.changes("arrival")[:, 2]),
        "own": f"{np.mean(row.own_filters('end')):.2f}",
    }
    for i, errors in enumerate(row.phase_errors().T, start=1):
        words[f"phase_{i}"] = f"{np.median(errors):.2f}"
    for layer in row.layers:
        times = row.alone_times(layer)
        words[layer] = middle(times, cap=row.alone_cap(layer))
        words[f"{layer}_reached"] = of(np.isfinite(times).tolist())
    for number, has in row.properties().items():
        words[f"property_{number}"] = of(has)
    return {f"{name}_{tag}": text for name, text in words.items()}


def _within(row: Reproduction) -> Real[np.ndarray, " run"]:
    return within_phase(row.layerwise_times, ends=row.phase_ends)


def row_table(
    rows: ByReading, found: Mapping[str, Mapping[str, Real[np.ndarray, " _run"]]]
) -> tuple[list[str], list[list[str]]]:
    """The head and the lines of a table with all numbers of a row, by reading.

    `found[reading]`: times of the variants. Medians and ranges.
    """
    report = REPORTED[rows["unit"].number]
    has = HAS_PROPERTY[rows["unit"].number]
    lines = {
        "best learning rate (the soonest, whether it stays or not)": "inside",
        "epochs to test error 0.1, all layers together": f"{report.simultaneous}",
        "– runs that arrive and stay": "–",
        "– error at the end: training examples": "–",
        "– inputs seen in training": "–",
        "– inputs never seen": "–",
        "layer by layer, epochs within a phase": _or(report.layerwise, "N/A"),
        "– test error after each phase": _or(report.layerwise_error, "–"),
        "– error at the end: training examples, inputs never seen": "–",
        "hidden layer alone, epochs": _or(report.single, "N/A"),
        "filters alone, epochs": "–",
        "readout alone, epochs": "–",
        "filters moved at error 0.1, in their length": f"{report.deviation}",
        "change of the dot product": _or(report.dot, "< 0"),
        "change of the convolution": _or(report.convolution, "< 0"),
        "change of the cosine": "–",
        "filters with a pattern of their own, at error 0.1 and at the end": "most",
        "the same without shifting": "–",
        "epochs with noise": "similar",
        "epochs with two layers": "in some cases the same",
        **{
            f"Property {p}: {words}": "has it" if has[p - 1] else "lacks it"
            for p, words in PROPERTIES.items()
        },
    }
    columns = {r: _column(row, found[r]) for r, row in rows.items()}
    head = ["median [range]", *(READINGS[r] for r in columns), "report"]
    cells = zip(lines.items(), *columns.values(), strict=True)
    return head, [[line[0], *ours, line[1]] for line, *ours in cells]


def _or(value: float | None, otherwise: str) -> str:
    return otherwise if value is None else f"{value}".replace("-", "−")


def _column(
    row: Reproduction, found: Mapping[str, Real[np.ndarray, " _run"]]
) -> list[str]:
    """Our numbers of `row_table`, from top to bottom."""
    own = [
        f"{np.mean(row.own_filters('arrival', shift=shift)):.2f} and "
        f"{np.mean(row.own_filters('end', shift=shift)):.2f}"
        for shift in (True, False)
    ]
    phases = " → ".join(f"{np.median(errors):.2f}" for errors in row.phase_errors().T)
    return [
        f"{row.best:g} ({soonest_rate(row.rates):g})",
        describe(row.times, cap=row.cap),
        of(row.stays.tolist()),
        *(spread(row.last(on)) for on in ("train", "seen", "unseen")),
        describe(_within(row), cap=row.phase_ends[0]),
        phases,
        ", ".join(spread(row.phase_errors(on)[:, -1]) for on in ("train", "unseen")),
        *(
            describe(row.alone_times(layer), cap=row.alone_cap(layer))
            for layer in ("hidden", "conv", "readout")
        ),
        spread(row.deviation),
        *(spread(values) for values in row.changes("arrival").T[: len(SCORES)]),
        *own,
        *(describe(found[name], cap=row.cap) for name in ("with noise", "two layers")),
        *(of(has) for has in row.properties().values()),
    ]


def cells_table(
    found: Mapping[tuple[int, str], Sequence[Claim]],
) -> tuple[list[str], list[list[str]]]:
    """The head and the lines of a table of Table 1's cells: ours and the verdict.

    `found`: the claims on each row, by problem and reading.
    """
    claim = {claim.id: claim for claims in found.values() for claim in claims}
    lines = []
    for n in dict.fromkeys(n for n, _ in found):
        for cell, name in CELLS.items():
            both = [claim[f"tp{n}-{cell}-{r}"] for r in READINGS]
            ours = [part for c in both for part in (_number(c), c.verdict)]
            lines.append([str(n), name, both[0].theirs.replace("-", "−"), *ours])
    head = ["problem", "cell", "report"]
    for name in READINGS.values():
        head += [name, "verdict"]
    return head, lines


def _number(claim: Claim) -> str:
    """A claim's number: a median, a count of runs, or that it was not reached."""
    if claim.ours is None:
        return "not reached"
    if claim.unit.endswith(" runs"):
        return f"{claim.ours:g} {claim.unit}"
    return f"{claim.ours:.3g}".replace("-", "−")


def scoreboard(
    found: Mapping[tuple[int, str], Sequence[Claim]], reading: str
) -> dict[str, int]:
    """How many of Table 1's cells met which verdict, under a reading."""
    words = [
        claim.verdict
        for (_, r), claims in found.items()
        for claim in claims
        if r == reading and claim.id.split("-")[1] in CELLS
    ]
    return {word: words.count(word) for word in WORDS if word in words}
