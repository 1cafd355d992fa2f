"""Every cell of a row of Table 1 as a Claim, and what is said of all its rows."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Real

from hlnb import verdicts
from hlnb.claims import Claim, counted, measured
from hlnb.metrics.times import at_most, within_phase
from hlnb.studies.table_1.report import HAS_PROPERTY, READINGS, REPORTED
from hlnb.verdicts import every, exactly, most, some

if TYPE_CHECKING:  # claims are read without torch
    from hlnb.studies.table_1.experiment import Reproduction

ByReading = Mapping[str, "Reproduction"]  # by reading
Ends = Mapping[str, Real[np.ndarray, " _run"]]  # last errors by way of training
SIMILAR = 2.0  # within which factor two numbers of epochs are similar; ours
# Within which two loops do the same: less than a test input, and rounding
SAME_ERRORS, SAME_WEIGHTS = 1e-4, 1e-3


def _each(rows: ByReading) -> Iterator[tuple["Reproduction", str, str]]:
    """Each row with the tail of its claims' ids and the name of its reading."""
    for row in rows.values():
        yield row, row.reading, READINGS[row.reading]


def _source(row: "Reproduction") -> str:
    return f"glasgow, Table 1, problem {row.number}"


def _reached(times: Real[np.ndarray, " run"]) -> str:
    return f"{np.isfinite(times).sum()} of {len(times)} reached"


def simultaneous_claims(rows: ByReading) -> list[Claim]:
    """Claims on the epochs of all layers together, and on where the best rate lies."""
    found = []
    for row, tag, reading in _each(rows):
        theirs, lrs = REPORTED[row.number].simultaneous, row.lrs
        what = f"All layers together reach error 0.1 after {theirs} epochs"
        found.append(
            measured(
                f"tp{row.number}-simultaneous-{tag}",
                _source(row),
                f"{what} ({reading})",
                theirs=str(theirs),
                values=row.times,
                unit="epochs",
                verdict=verdicts.number(theirs, row.times, cap=row.cap),
                note=f"lr {row.best:g}; {_reached(row.times)}, {row.stays.sum()} stay",
            )
        )
        found.append(
            counted(
                f"tp{row.number}-best-rate-{tag}",
                "glasgow, Section 5, Training",
                f"The best learning rate is inside the range 0.01 to 0.5 ({reading})",
                theirs="never at the boundary",
                holds=[
                    None if lr is None else min(lrs) < lr < max(lrs)
                    for lr in row.best_by_seed
                ],
                rule=most,
                of="seeds",
                note="of each seed, by its own validation error",
            )
        )
    return found


def layerwise_claims(rows: ByReading) -> list[Claim]:
    """Claims on layer-wise training: epochs in the phase of arrival, or final error."""
    return [_layerwise(*each) for each in _each(rows)]


def _layerwise(row: "Reproduction", tag: str, reading: str) -> Claim:
    report, times = REPORTED[row.number], row.layerwise_times
    each = row.phase_ends[0]
    note = f"{_reached(times)} in {each} epochs a layer"
    common = {"id": f"tp{row.number}-layerwise-{tag}", "source": _source(row)}
    if report.layerwise is not None:
        within = within_phase(times, ends=row.phase_ends)
        return measured(
            **common,
            statement="Layer-wise training reaches error 0.1 after "
            f"{report.layerwise} epochs ({reading})",
            theirs=str(report.layerwise),
            values=within,
            unit="epochs in the phase",
            verdict=verdicts.number(report.layerwise, within, cap=each),
            note=f"{note}; counted within the phase of arrival",
        )
    final = row.phase_errors()[:, -1]
    if report.layerwise_error is not None:
        return measured(
            **common,
            statement=f"Layer-wise training keeps an error of {report.layerwise_error} "
            f"({reading})",
            theirs=f"{report.layerwise_error} after 200",
            values=final,
            unit="test error at the end",
            verdict=verdicts.number(report.layerwise_error, final),
            note=note,
        )
    return measured(
        **common,
        statement=f"Layer-wise training does not reach error 0.1 ({reading})",
        theirs="N/A",
        values=final,
        unit="test error at the end",
        verdict=most(~np.isfinite(times)),
        note=note,
    )


def single_claims(rows: ByReading) -> list[Claim]:
    """Claims on one layer alone: when the second arrives, or that none does."""
    return [_single(*each) for each in _each(rows)]


def _single(row: "Reproduction", tag: str, reading: str) -> Claim:
    report = REPORTED[row.number]
    common = {"id": f"tp{row.number}-single-{tag}", "source": _source(row)}
    if report.single is None:
        none = np.isinf(np.stack([row.alone_times(layer) for layer in row.layers]))
        return counted(
            **common,
            statement=f"No single layer reaches error 0.1 ({reading})",
            theirs="N/A",
            holds=none.all(0),
            rule=most,
        )
    times, cap = row.alone_times("hidden"), row.alone_cap("hidden")
    return measured(
        **common,
        statement=f"The second layer alone reaches error 0.1 after {report.single} "
        f"epochs ({reading})",
        theirs=f"{report.single} (second layer)",
        values=times,
        unit="epochs",
        verdict=verdicts.number(report.single, times, cap=cap),
        note=f"{_reached(times)} within {cap}; best alone: {row.single}",
    )


def deviation_claims(rows: ByReading) -> list[Claim]:
    """Claims on how far the filters have moved when the error first is 0.1."""
    found = []
    for row, tag, reading in _each(rows):
        theirs, moved = REPORTED[row.number].deviation, row.deviation
        what = f"The filters have moved by {theirs} of their length at error 0.1"
        found.append(
            measured(
                f"tp{row.number}-deviation-{tag}",
                _source(row),
                f"{what} ({reading})",
                theirs=str(theirs),
                values=moved,
                unit="",
                verdict=verdicts.number(theirs, moved),
                note=f"lr {row.best:g}; {_reached(row.times)}",
            )
        )
    return found


def interpretability_claims(rows: ByReading) -> list[Claim]:
    """Claims on the report's two interpretability numbers, at test error 0.1."""
    found = []
    for row, tag, reading in _each(rows):
        report, ours = REPORTED[row.number], row.changes("arrival")
        for i, score in enumerate(("dot", "convolution")):
            theirs, values = getattr(report, score), ours[:, i]
            values = np.where(np.isfinite(values), values, np.nan)
            id = f"tp{row.number}-{score}-{tag}"
            if theirs is None:
                found.append(
                    counted(
                        id,
                        _source(row),
                        f"The {score} is below its untrained value ({reading})",
                        theirs="< 0",
                        holds=[None if np.isnan(v) else bool(v < 0) for v in values],
                        rule=most,
                        note=f"median {np.nanmedian(values):.3g}, lr {row.best:g}",
                    )
                )
            else:
                found.append(
                    measured(
                        id,
                        _source(row),
                        f"At error 0.1 the {score} has changed by {theirs} ({reading})",
                        theirs=str(theirs),
                        values=values,
                        unit="of the untrained value",
                        verdict=verdicts.number(theirs, values),
                        note=f"lr {row.best:g}",
                    )
                )
    return found


def about_orders(
    together: Real[np.ndarray, " run"],
    in_turn: Real[np.ndarray, " run"],
    with_heads: Real[np.ndarray, " run"],
    *,
    epochs: int,
    note: str,
) -> list[Claim]:
    """Which orders of learning solve problem 4: together, in turn, in turn with heads.

    Guesses, since the setting was chosen to show it. together, in_turn, with_heads: the
    test error of each run after `epochs`, of each phase for the last two. note: the
    rest of the setting.
    """
    common = {"source": "our guess, from a pilot", "unit": "test error"}
    return [
        measured(
            "hl-problem-4-together",
            statement="All layers together reach test error 0.1 on problem 4",
            theirs="44 epochs, in the report",
            values=together,
            verdict=most(at_most(together, 0.1)),
            note=f"after {epochs} epochs, {note}",
            kind="guess",
            **common,
        ),
        measured(
            "hl-problem-4-layerwise",
            statement="Layer-wise training does not reach test error 0.1 on problem 4",
            theirs="0.29 after 200 epochs a layer, in the report",
            values=in_turn,
            verdict=most(~at_most(in_turn, 0.1)),
            note=f"after {epochs} epochs a layer, {note}",
            kind="guess",
            **common,
        ),
        measured(
            "hl-problem-4-greedy",
            statement="Greedy training, where the filters learn with a readout of "
            "their own, reaches test error 0.1 on problem 4",
            theirs="not in the report",
            values=with_heads,
            verdict=most(at_most(with_heads, 0.1)),
            note=f"after {epochs} epochs a phase, {note}",
            kind="guess",
            **common,
        ),
    ]


def same_claims(
    errors: Real[np.ndarray, " training"],
    weights: Real[np.ndarray, " training"],
    *,
    note: str,
) -> list[Claim]:
    """The identity of a loop written out on the page with the package's `sweep`.

    Of each training, errors: the largest difference of their test errors; weights: how
    far what they trained has parted, in units of the way it went.
    """
    same = (errors <= SAME_ERRORS) & (weights <= SAME_WEIGHTS)
    return [
        measured(
            "hl-plain-loop",
            source="derived here, this chapter",
            statement="The plain loop and `sweep` have the same test errors, filters "
            "and readout, from the same weights and batches",
            theirs="an identity",
            values=weights,
            unit="apart, of the way that the weights went",
            verdict=exactly(same),
            note=f"the same within {SAME_WEIGHTS:g}, and to the test input; {note}",
        )
    ]


def property_claims(rows: ByReading) -> list[Claim]:
    """Claims on whether runs have the properties that the report finds."""
    found = []
    for row, tag, reading in _each(rows):
        for p, has in row.properties().items():
            expected = HAS_PROPERTY[row.number][p - 1]
            word = "has" if expected else "lacks"
            found.append(
                counted(
                    f"tp{row.number}-property-{p}-{tag}",
                    "glasgow, Section 6",
                    f"Problem {row.number} {word} Property {p} ({reading})",
                    theirs=f"{word} it",
                    holds=[None if h is None else h == expected for h in has],
                    rule=most,
                )
            )
    return found


def similar(
    base: Real[np.ndarray, " run"], times: Real[np.ndarray, " run"], *, cap: float
) -> list[bool | None]:
    """Whether each run's epochs are within a factor SIMILAR of those of its seed.

    None where nobody can say: the first never arrived, or the second was ended before
    it was too late.
    """
    found: list[bool | None] = []
    for own, other in zip(base, times, strict=True):
        if np.isinf(own) or (np.isinf(other) and cap <= SIMILAR * own):
            found.append(None)
        else:
            found.append(bool(own / SIMILAR <= other <= SIMILAR * own))
    return found


def noise_claims(
    rows: ByReading, found: Mapping[str, Mapping[str, Real[np.ndarray, " _run"]]]
) -> list[Claim]:
    """Claims that noise in the other pixels leaves epochs to error 0.1 as they are.

    `found[reading]` has the times "as defined" and "with noise", of the same seeds.
    """
    return [
        counted(
            f"tp{row.number}-noise-{tag}",
            "glasgow, Section 4",
            f"Epochs to error 0.1 are similar with noise ({reading})",
            theirs="similar results",
            holds=similar(
                found[tag]["as defined"], found[tag]["with noise"], cap=row.cap
            ),
            rule=most,
            note=f"within a factor of {SIMILAR:g} of the same seed without; "
            f"lr {row.best:g}",
        )
        for row, tag, reading in _each(rows)
    ]


def row_claims(
    row: "Reproduction", found: Mapping[str, Real[np.ndarray, " _run"]]
) -> list[Claim]:
    """All claims on a row under its reading. `found`: as in `noise_claims`, of it."""
    rows = {row.reading: row}
    return [
        *simultaneous_claims(rows),
        *layerwise_claims(rows),
        *single_claims(rows),
        *deviation_claims(rows),
        *interpretability_claims(rows),
        *noise_claims(rows, {row.reading: found}),
        *property_claims(rows),
    ]


def two_layers_claims(
    found: Mapping[str, Sequence[bool | None]], *, note: str
) -> list[Claim]:
    """Claims that two layers do as three in some cases, over all problems.

    `found[reading]`: whether each run is `similar`.
    """
    return [
        counted(
            f"t1-two-layers-{r}",
            "glasgow, Section 5, Architecture",
            f"With two layers epochs to error 0.1 are the same in some cases "
            f"({reading})",
            theirs="in some cases",
            holds=found[r],
            rule=some,
            note=f"within a factor of {SIMILAR:g}; {note}",
        )
        for r, reading in READINGS.items()
    ]


def speed_claims(
    times: Mapping[str, Mapping[int, Real[np.ndarray, " _run"]]],
) -> list[Claim]:
    """Claims on epochs to error 0.1, all layers together, by reading and problem."""
    found = []
    for r, reading in READINGS.items():
        each = np.stack([*times[r].values()])
        known = np.isfinite(each).any(0)
        first = [
            bool(best == 0) if arrives else None
            for best, arrives in zip(np.argmin(each, axis=0), known, strict=True)
        ]
        for id, place, statement, theirs, holds, rule in (
            (
                "first",
                "Section 6",
                "Problem 1 is learned first",
                "4 epochs",
                first,
                most,
            ),
            (
                *("25", "Section 5", "No more than 25 epochs are needed", "typically"),
                *((each <= 25).ravel(), most),
            ),
            (
                *("four", "Section 5", "200 epochs are over 4 times as many"),
                *("always, often far", (each < 50).ravel(), every),
            ),
        ):
            found.append(
                counted(
                    f"t1-{id}-{r}",
                    f"glasgow, {place}",
                    f"{statement} ({reading})",
                    theirs=theirs,
                    holds=holds,
                    rule=rule,
                    of="seeds" if id == "first" else "runs of all problems",
                )
            )
    return found


def shuffled_claims(moved: Real[np.ndarray, " network"]) -> list[Claim]:
    """The identity of the second number: shuffled pixels don't move it.

    `moved`: by how much they did, relative, for each network.
    """
    return [
        measured(
            id="t1-second-number",
            source="derived here, this chapter",
            statement="The second interpretability number is the same when the "
            "pattern's pixels are shuffled (full convolution)",
            theirs="an identity",
            values=moved,
            unit="relative change",
            verdict=every(moved <= 1e-3),
            note="(Σw)(ΣF); the report says nothing of this",
            kind="identity",
        )
    ]


def any_rate_claims(
    far: Mapping[str, Mapping[float, Bool[np.ndarray, " _run"]]],
    batches: Mapping[int, Bool[np.ndarray, " _run"]],
    online: Bool[np.ndarray, " run"],
    *,
    lr: float,
) -> list[Claim]:
    """Claims on Property 3 at any rate and batch size, and with fresh data.

    Whether the deviation is ≥ 1 on arrival, of each run that arrives. `far`: by reading
    and learning rate. `batches`: by batch size, at the best rates. `online`: with fresh
    data, at `lr`.
    """
    source, unit = "glasgow, Property 3", READINGS["unit"]
    return [
        *(
            counted(
                f"t1-any-rate-{r}",
                source,
                f"Deviation ≥ 1 whenever the error is 0.1, at any rate ({READINGS[r]})",
                theirs="any learning rate",
                holds=np.concatenate([*runs.values()]),
                rule=every,
                of="runs that arrived",
            )
            for r, runs in far.items()
        ),
        counted(
            "t1-batch",
            source,
            f"Deviation ≥ 1 at error 0.1 with batches of {_listed(batches)} ({unit})",
            theirs="any batch size",
            holds=np.concatenate([*batches.values()]),
            rule=every,
            of="runs that arrived",
            note="at the best rates for batches of 64",
        ),
        counted(
            "t1-online",
            source,
            f"Deviation ≥ 1 at error 0.1 with fresh data in every epoch ({unit})",
            theirs="any training",
            holds=online,
            rule=every,
            of="runs that arrived",
            note=f"lr {lr:g}",
        ),
    ]


def _listed(sizes: Iterable[int]) -> str:
    return " or ".join(map(str, sizes))


def nearer_claims(
    ranks: Mapping[tuple[int, str, str, str], Real[np.ndarray, " _run"]],
    *,
    level: float,
) -> list[Claim]:
    """Claims on Property 2's comparison with untrained weights, by its p-values.

    `ranks`: by problem, reading, null and score. `level`: of a single network's test.
    """
    found = []
    for n, r in dict.fromkeys(key[:2] for key in ranks):
        expected = HAS_PROPERTY[n][1]
        found.append(
            counted(
                id=f"t1-interpretable-{n}-{r}",
                source="glasgow, Property 2",
                statement=f"Filters of problem {n} are "
                f"{'' if expected else 'not '}significantly nearer to the patterns "
                f"than untrained ones ({READINGS[r]})",
                theirs="holds" if expected else "does not",
                holds=(ranks[n, r, "untrained", "cosine"] <= level) == expected,
                rule=most,
                of="networks",
                note=f"mean of the best cosines, p ≤ {level}",
            )
        )
    return found


def remedy_claims(ends: Mapping[int, Ends]) -> list[Claim]:
    """Claims that layer-wise training fails at another rate, and with heads.

    `ends`: by problem, test errors at the end, by way of training.
    """
    return [
        measured(
            id=f"t1-layerwise-{tag}-{n}",
            source="glasgow, Property 4",
            statement=f"Problem {n}, layer by layer: an error above 0.1 is left {why} "
            "(unit length)",
            theirs="fails",
            values=ends[n][way],
            unit="test error at the end",
            verdict=most(~at_most(ends[n][way], 0.1)),
            note="not the report's protocol",
        )
        for way, tag, why in (
            ("layer-wise, rate of greedy", "rates", "at the rate of greedy training"),
            ("greedy", "greedy", "even with a readout of its own for each layer"),
        )
        for n in (2, 3, 4)
    ]


def guess_claims(says: Mapping[int, float], ends: Mapping[int, Ends]) -> list[Claim]:
    """Claims that layer-wise training fails where one pattern says nothing.

    `says`: by problem, how much one pattern says about the class. `ends`: as in
    `remedy_claims`.
    """
    return [
        counted(
            id=f"t1-guess-{n}",
            source="our guess, this chapter",
            statement=f"One pattern says {value:.2f} about the class, so layer-wise "
            f"training {'fails' if value == 0 else 'succeeds'} on problem {n}",
            theirs="a guess",
            holds=~at_most(ends[n]["layer-wise"], 0.1) == (value == 0),
            rule=most,
            kind="guess",
        )
        for n, value in says.items()
    ]


def kernel_claims(
    unseen: Mapping[int, Mapping[str, Real[np.ndarray, " _run"]]], *, n_train: int
) -> list[Claim]:
    """Claims that fixed kernels do not explain it: they fail on inputs not seen.

    `unseen`: by problem and kernel, the error of each run on the inputs that were not
    among its `n_train` examples.
    """
    return [
        measured(
            id=f"t1-{name.split()[0]}-{n}",
            source="glasgow, Section 3.1",
            statement=f"On inputs that were not among {n_train} examples of problem "
            f"{n} the kernel has more than error 0.1: {name}",
            theirs="kernels do not explain it",
            values=errors,
            unit="error on unseen inputs",
            verdict=most(
                [None if np.isnan(e) else not at_most(e, 0.1) for e in errors]
            ),
            note="unit length; kernel ridge regression",
        )
        for n, kernels in unseen.items()
        for name, errors in kernels.items()
    ]
