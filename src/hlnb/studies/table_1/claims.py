"""Every cell of a row of Table 1 as a Claim, and what is said of all its rows."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from jaxtyping import Bool, Real

from hlnb.claims import Claim, counted, in_every_run, measured, near
from hlnb.metrics import foreign, likeness
from hlnb.metrics.times import describe, median, within_phase
from hlnb.seeding import stream
from hlnb.studies.table_1 import nulls
from hlnb.studies.table_1.experiment import READINGS, REPORTED, Reproduction, best_rate

ByReading = Mapping[str, Reproduction]  # by reading
Properties = Mapping[int, Bool[np.ndarray, " _run"]]  # which runs have each of them
Ends = Mapping[str, Real[np.ndarray, " _run"]]  # last errors by way of training
SCORES: Mapping[str, Callable] = {
    "dot": likeness.max_dot,
    "convolution": likeness.max_convolution,
    "cosine": likeness.max_cosine,
}
# What the report concludes on Properties 1–4, in Section 6: problem 1 "was too simple",
# 2 "was not interpretable", 3 and 4 "seem to satisfy all", 5 "could be understood via
# the kernel or LWT perspectives" (its second and third are read off Table 1).
HAS_PROPERTY: Mapping[int, tuple[bool, bool, bool, bool]] = {
    1: (False, False, False, False),
    2: (True, False, True, True),
    3: (True, True, True, True),
    4: (True, True, True, True),
    5: (False, True, True, False),
}


def _each(rows: ByReading) -> Iterator[tuple[Reproduction, str, str]]:
    """Each row with the tail of its claims' ids and the name of its reading."""
    for row in rows.values():
        yield row, row.reading, READINGS[row.reading]


def _source(row: Reproduction) -> str:
    return f"glasgow, Table 1, problem {row.number}"


def simultaneous_claims(rows: ByReading) -> list[Claim]:
    """Claims on the epochs of all layers together, and on where the best rate lies."""
    found = []
    for row, tag, reading in _each(rows):
        theirs, lrs = REPORTED[row.number].simultaneous, row.rates.lrs
        what = f"All layers together reach error 0.1 after {theirs} epochs"
        found.append(
            measured(
                f"tp{row.number}-simultaneous-{tag}",
                _source(row),
                f"{what} ({reading})",
                theirs=str(theirs),
                values=row.times,
                unit="epochs",
                verdict=near(theirs, row.times),
                note=f"lr {row.best:g}, best of {len(lrs)} on validation; "
                f"{np.isfinite(row.times).sum()} of {len(row.times)} reached",
            )
        )
        inside = min(lrs) < row.best < max(lrs)
        found.append(
            Claim(
                f"tp{row.number}-best-rate-{tag}",
                "glasgow, Section 5, Training",
                f"The best learning rate is inside the range 0.01 to 0.5 ({reading})",
                theirs="inside",
                ours=row.best,
                low=None,
                high=None,
                n=len(row.rates.runs) // len(lrs),
                unit="learning rate",
                verdict="reproduced" if inside else "not reproduced",
                note="lowest median epochs on validation",
            )
        )
    return found


def layerwise_claims(rows: ByReading) -> list[Claim]:
    """Claims on layer-wise training: epochs in the phase of arrival, or final error."""
    return [_layerwise(*each) for each in _each(rows)]


def _layerwise(row: Reproduction, tag: str, reading: str) -> Claim:
    report, times = REPORTED[row.number], row.layerwise_times
    lr, each = row.layerwise_rate, row.phase_ends[0]
    reached = f"lr {lr:g}; {np.isfinite(times).sum()} of {len(times)} reached"
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
            verdict=near(report.layerwise, within),
            note=f"{reached}; counted within the phase of arrival",
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
            verdict=near(report.layerwise_error, final),
            note=f"{reached}; {each} epochs a layer",
        )
    return measured(
        **common,
        statement=f"Layer-wise training does not reach error 0.1 ({reading})",
        theirs="N/A",
        values=final,
        unit="test error at the end",
        verdict=in_every_run(~np.isfinite(times)),
        note=f"{reached} in {each} epochs a layer",
    )


def single_claims(rows: ByReading) -> list[Claim]:
    """Claims on the best single layer: which it is and when it arrives, if it does."""
    return [_single(*each) for each in _each(rows)]


def _single(row: Reproduction, tag: str, reading: str) -> Claim:
    report, layer = REPORTED[row.number], row.single
    times, cap = row.alone_times(layer), row.alone_cap(layer)
    note = (
        f"best: {layer}, lr {best_rate(row.alone[layer]):g}; "
        f"{np.isfinite(times).sum()} of {len(times)} reached within {cap}"
    )
    if report.single is None:
        holds = ~np.isfinite(times)
        verdict = in_every_run(holds)
        statement = f"No single layer reaches error 0.1 ({reading})"
    else:
        statement = (
            f"The second layer alone reaches error 0.1 after {report.single} epochs "
            f"({reading})"
        )
        verdict = near(report.single, times) if layer == "hidden" else "not reproduced"
    return measured(
        f"tp{row.number}-single-{tag}",
        _source(row),
        statement,
        theirs="N/A" if report.single is None else str(report.single),
        values=times,
        unit="epochs",
        verdict=verdict,
        note=note,
    )


def deviation_claims(rows: ByReading) -> list[Claim]:
    """Claims on how far the filters have moved when the error first is 0.1."""
    found = []
    for row, tag, reading in _each(rows):
        theirs, moved = REPORTED[row.number].deviation, row.deviation
        known = moved[np.isfinite(moved)]
        what = f"The filters have moved by {theirs} of their length at error 0.1"
        found.append(
            measured(
                f"tp{row.number}-deviation-{tag}",
                _source(row),
                f"{what} ({reading})",
                theirs=str(theirs),
                values=known if len(known) else np.full(len(moved), np.inf),
                unit="",
                verdict=near(theirs, moved),
                note=f"lr {row.best:g}; {len(known)} of {len(moved)} arrived",
            )
        )
    return found


def changes(row: Reproduction, when: str) -> Real[np.ndarray, "run score"]:
    """(trained − untrained) / untrained of each of SCORES, at `arrival` or `end`."""
    seeds = range(len((row.together if when == "arrival" else row.after).runs))
    patterns = np.stack([row.patterns(seed) for seed in seeds])
    start, now = (
        np.stack([row.filters(time, seed=seed) for seed in seeds])
        for time in ("start", when)
    )
    found = [
        likeness.relative_change(score(now, patterns), score(start, patterns))
        for score in SCORES.values()
    ]
    return np.stack(found, axis=1)


def interpretability_claims(rows: ByReading) -> list[Claim]:
    """Claims on the report's two interpretability numbers, at test error 0.1."""
    found = []
    for row, tag, reading in _each(rows):
        report, ours = REPORTED[row.number], changes(row, "arrival")
        for i, score in enumerate(("dot", "convolution")):
            theirs, values = getattr(report, score), ours[:, i]
            values = values[np.isfinite(values)]
            id = f"tp{row.number}-{score}-{tag}"
            note = f"median {np.median(values):.3g}, lr {row.best:g}"
            if theirs is None:
                statement = f"The {score} is below its untrained value ({reading})"
                below = values < 0
                claim = counted(
                    id, _source(row), statement, theirs="< 0", holds=below, note=note
                )
            else:
                claim = measured(
                    id,
                    _source(row),
                    f"At error 0.1 the {score} has changed by {theirs} ({reading})",
                    theirs=str(theirs),
                    values=values,
                    unit="of the untrained value",
                    verdict=near(theirs, values),
                    note=f"lr {row.best:g}",
                )
            found.append(claim)
    return found


def about_both(
    together: Real[np.ndarray, " run"],
    in_turn: Real[np.ndarray, " run"],
    *,
    epochs: int,
    note: str,
) -> list[Claim]:
    """Whether problem 4 is learned by all layers together, and layer by layer not.

    together, in_turn: the test error of each run after `epochs`, of each layer for the
    second. note: the rest of the setting.
    """
    return [
        measured(
            "hl-problem-4-together",
            "glasgow, Table 1, problem 4",
            "All layers together reach test error 0.1 on problem 4",
            theirs="44 epochs",
            values=together,
            unit="test error",
            verdict=in_every_run(together <= 0.1),
            note=f"after {epochs} epochs, {note}",
        ),
        measured(
            "hl-problem-4-layerwise",
            "glasgow, Table 1, problem 4",
            "Layer-wise training does not reach test error 0.1 on problem 4",
            theirs="0.29 after 200 epochs a layer",
            values=in_turn,
            unit="test error",
            verdict=in_every_run(in_turn > 0.1),
            note=f"after {epochs} epochs a layer, {note}",
        ),
    ]


def foreign_ranks(row: Reproduction, when: str) -> Real[np.ndarray, " run"]:
    """p-value of each run's filters, by `max_cosine` among 999 sets of other patterns.

    `when`: arrival or end. Each run draws its own foreign sets for each of the two.
    """
    seeds = range(len((row.together if when == "arrival" else row.after).runs))
    return np.array(
        [
            foreign.rank_among_foreign(
                likeness.max_cosine,
                row.filters(when, seed=seed),
                row.patterns(seed),
                generator=stream(seed, f"foreign patterns {when}"),
            )
            for seed in seeds
        ]
    )


def properties(row: Reproduction) -> dict[int, Bool[np.ndarray, " run"]]:
    """Which runs have Property 1, 2, 3 and 4 of the report.

    1: no layer alone reaches error 0.1. 2: the filters are closer to their own patterns
    than to foreign ones, p ≤ 0.05, at the end of training. 3: deviation ≥ 1 on arrival
    at every learning rate at which the run arrives. 4: layer-wise training does not
    reach error 0.1.
    """
    alone = np.stack([row.alone_times(layer) for layer in row.alone])
    far = row.deviations()
    return {
        1: ~np.isfinite(alone).any(0),
        2: foreign_ranks(row, "end") <= 0.05,
        3: (np.isnan(far) | (far >= 1)).all(0) & np.isfinite(far).any(0),
        4: ~np.isfinite(row.layerwise_times),
    }


def property_claims(rows: ByReading) -> list[Claim]:
    """Claims on whether each run has the properties that the report finds."""
    found = []
    for row, tag, reading in _each(rows):
        for number, has in properties(row).items():
            expected = HAS_PROPERTY[row.number][number - 1]
            word = "has" if expected else "lacks"
            found.append(
                counted(
                    f"tp{row.number}-property-{number}-{tag}",
                    "glasgow, Section 6",
                    f"Problem {row.number} {word} Property {number} ({reading})",
                    theirs=f"{word} it",
                    holds=has == expected,
                )
            )
    return found


def variant_claims(
    rows: ByReading, found: Mapping[str, Mapping[str, Real[np.ndarray, " run"]]]
) -> list[Claim]:
    """Claims on the report's two variants, by their epochs to error 0.1.

    `found[reading]` has the times "with noise" and "two layers". A variant is judged by
    the rule for numbers, with the median of the problem as defined as the number.
    """
    claims = []
    for row, tag, reading in _each(rows):
        base = median(row.times)
        for what, id, place, theirs in (
            ("noise", "noise", "Section 4", "similar results"),
            ("two layers", "two-layers", "Section 5, Architecture", "in some cases"),
        ):
            times = found[tag]["with noise" if what == "noise" else what]
            claims.append(
                measured(
                    f"tp{row.number}-{id}-{tag}",
                    f"glasgow, {place}",
                    f"Epochs to error 0.1 are similar with {what} ({reading})",
                    theirs=theirs,
                    values=times,
                    unit="epochs",
                    verdict=near(base, times)
                    if np.isfinite(base)
                    else "not testable here",
                    note=f"as defined: {base:g}; lr {row.best:g}; "
                    f"{np.isfinite(times).sum()} of {len(times)} reached",
                )
            )
    return claims


def speed_claims(
    times: Mapping[str, Mapping[int, Real[np.ndarray, " _run"]]],
) -> list[Claim]:
    """Claims on epochs to error 0.1, all layers together, by reading and problem."""
    found = []
    for r, reading in READINGS.items():
        each = [*times[r].values()]
        middle = [median(runs) for runs in each]
        found += [
            counted(
                id=f"t1-first-{r}",
                source="glasgow, Section 5",
                statement=f"Problem 1 is learned first ({reading})",
                theirs="4 epochs",
                holds=np.argmin(each, axis=0) == 0,
                of="seeds",
            ),
            counted(
                id=f"t1-25-{r}",
                source="glasgow, Section 5",
                statement=f"No more than 25 epochs are needed ({reading})",
                theirs="typically",
                holds=[m <= 25 for m in middle],
                of="problems",
            ),
            counted(
                id=f"t1-four-{r}",
                source="glasgow, Section 5",
                statement=f"200 epochs are over 4 times as many ({reading})",
                theirs="often far",
                holds=[m < 50 for m in middle],
                of="problems",
            ),
        ]
    return found


def shuffled_claims(moved: Real[np.ndarray, " network"]) -> list[Claim]:
    """The Claim on the report's second number: how far shuffled pixels move it."""
    return [
        measured(
            id="t1-second-number",
            source="glasgow, Section 5, Interpretability",
            statement="The second interpretability number depends on the pattern's "
            "shape",
            theirs="implied",
            values=moved,
            unit="relative change when pixels are shuffled",
            verdict=in_every_run(moved > 1e-3),
            note="identity: it depends on the two sums only",
        )
    ]


def shared_claims(has: Mapping[tuple[int, str], Properties]) -> list[Claim]:
    """Claims on Properties 1, 3 and 4 over the problems that the report grants them.

    `has`: by problem and reading.
    """
    problems = sorted({n for n, _ in has})
    found = []
    for r, reading in READINGS.items():
        for p, word in (
            (1, "no single layer suffices"),
            (3, "the filters travel far at every learning rate"),
            (4, "layer-wise training fails"),
        ):
            expected = [n for n in problems if HAS_PROPERTY[n][p - 1]]
            runs = np.concatenate([has[n, r][p] for n in expected])
            total = nulls.share(runs)
            found.append(
                counted(
                    id=f"t1-property-{p}-{r}",
                    source="glasgow, Section 6",
                    statement=f"Property {p}, {word}: problems "
                    f"{', '.join(map(str, expected))} ({reading})",
                    theirs="holds",
                    holds=runs,
                    note=f"share {total.low:.2f} to {total.high:.2f} (95 %), "
                    f"sign test p = {total.p:.2g}",
                )
            )
    return found


def any_rate_claims(
    far: Mapping[str, Mapping[float, Bool[np.ndarray, " _run"]]],
    online: Bool[np.ndarray, " run"],
    *,
    lr: float,
) -> list[Claim]:
    """Claims on Property 3 at any rate and with fresh data: deviation ≥ 1 on arrival.

    `far`: by reading and learning rate. `online`: with fresh data, at `lr`.
    """
    return [
        *(
            counted(
                id=f"t1-any-rate-{r}",
                source="glasgow, Property 3",
                statement="Deviation ≥ 1 whenever the error is 0.1, at any rate "
                f"({READINGS[r]})",
                theirs="any learning rate",
                holds=np.concatenate([*runs.values()]),
            )
            for r, runs in far.items()
        ),
        counted(
            id="t1-online",
            source="glasgow, Property 3",
            statement="Deviation ≥ 1 at error 0.1 with fresh data in every epoch (unit "
            "length)",
            theirs="any training",
            holds=online,
            note=f"lr {lr:g}",
        ),
    ]


def nearer_claims(
    ranks: Mapping[tuple[int, str, str, str], Real[np.ndarray, " _run"]],
) -> list[Claim]:
    """Claims on Property 2: p-values by problem, reading, null and score."""
    tested = nulls.counts(ranks)
    found = []
    for n, r in dict.fromkeys(key[:2] for key in ranks):
        test, expected = (n, r, "untrained", "cosine"), HAS_PROPERTY[n][1]
        found.append(
            counted(
                id=f"t1-interpretable-{n}-{r}",
                source="glasgow, Property 2",
                statement=f"Filters of problem {n} are nearer to a pattern than "
                f"untrained ones ({READINGS[r]})",
                theirs="holds" if expected else "does not",
                holds=(ranks[test] <= nulls.LEVEL) == expected,
                of="networks as the report says",
                note=f"cosine; Holm p = {tested[test][2]:.2g}",
            )
        )
    return found


def remedy_claims(ends: Mapping[int, Ends]) -> list[Claim]:
    """Claims that layer-wise training fails with rates of its own and with heads.

    `ends`: by problem, test errors at the end, by way of training.
    """
    return [
        measured(
            id=f"t1-layerwise-{tag}-{n}",
            source="glasgow, Property 4",
            statement=f"Layer-wise training fails on problem {n}: {way} (unit length)",
            theirs="fails",
            values=ends[n][way],
            unit="test error at the end",
            verdict=in_every_run(ends[n][way] > 0.1),
            note="not the report's protocol",
        )
        for way, tag in (("layer-wise, best rates", "rates"), ("greedy", "greedy"))
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
            holds=(ends[n]["layer-wise"] > 0.1) == (value == 0),
        )
        for n, value in says.items()
    ]


def kernel_claims(
    errors: Mapping[int, Mapping[str, Real[np.ndarray, "_run _size"]]], *, n_train: int
) -> list[Claim]:
    """Claims that fixed kernels do not learn, by problem and kernel.

    `n_train`: examples behind the last of the sizes.
    """
    return [
        measured(
            id=f"t1-{name.split()[0]}-{n}",
            source="glasgow, Section 3.1",
            statement=f"The {name} stays above error 0.1 on problem {n} with {n_train} "
            "examples",
            theirs="kernels do not explain it",
            values=found[:, -1],
            unit="test error",
            verdict=in_every_run(found[:, -1] > 0.1),
            note="unit length; kernel ridge regression",
        )
        for n, kernels in errors.items()
        for name, found in kernels.items()
    ]


def in_words(row: Reproduction) -> dict[str, str | float]:
    """The row's numbers for prose and tables: name → text, with the reading's tag."""
    tag = row.reading
    words: dict[str, str | float] = {
        f"best_{tag}": row.best,
        f"sim_{tag}": describe(row.times, cap=row.cap),
        f"times_{tag}": ", ".join(f"{time:g}" for time in row.times),
        f"moves_{tag}": ", ".join(f"{far:.3g}" for far in row.deviation),
        f"lwt_{tag}": describe(row.layerwise_times, cap=row.phase_ends[-1]),
        f"lwt_rate_{tag}": row.layerwise_rate,
        f"single_{tag}": row.single,
    }
    for i, errors in enumerate(row.phase_errors().T, start=1):
        words[f"phase_{i}_{tag}"] = spread(errors)
    for layer in row.alone:
        words[f"{layer}_{tag}"] = describe(
            row.alone_times(layer), cap=row.alone_cap(layer)
        )
    within = within_phase(row.layerwise_times, ends=row.phase_ends)
    words[f"lwt_within_{tag}"] = describe(within, cap=row.phase_ends[0])
    known = row.deviation[np.isfinite(row.deviation)]
    words[f"dev_{tag}"] = spread(known) if len(known) else "no run arrived"
    for score, values in zip(SCORES, changes(row, "arrival").T, strict=True):
        words[f"{score}_{tag}"] = spread(values)
    for when in ("arrival", "end"):
        p = foreign_ranks(row, when)
        words[f"p_{when}_{tag}"] = f"{(p <= 0.05).sum()} of {len(p)}"
    for number, has in properties(row).items():
        words[f"property_{number}_{tag}"] = f"{has.sum()} of {len(has)}"
    return words


def spread(values: Real[np.ndarray, " run"]) -> str:
    """Median and range, for prose; runs without a number are left out."""
    known = values[np.isfinite(values)]
    if not len(known):
        return "undefined in every run"
    return f"{np.median(known):.2f} [{known.min():.2f} to {known.max():.2f}]"
