"""The claims of the chapter on pitfalls of simplicity bias."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Real

from hlnb.claims import Claim, counted, measured, shown
from hlnb.verdicts import every, most, some

NOTES, OURS = "theodosis2021notes, pitfalls of simplicity bias", "our guess"
LMS, MS = "shah2020pitfalls, LMS-5", "shah2020pitfalls, MS-(5,7)"
NOISY, FIXES = "shah2020pitfalls, noisy LMS-7", "shah2020pitfalls, ensembles"
USED, UNUSED = 0.95, 0.6  # AUCs of a network that is the halfspace
TWICE = 2.0  # "much harder" is more than twice as many steps
NEAR = 0.02  # AUCs that differ by less are alike; chance moves one by 0.006
ACCURATE = 0.015  # accuracies that differ by less are alike
LEARNED, MISSED = 0.01, 0.04  # errors of a complex solution, and without one
BETTER = 0.03  # of errors: a solution that is better is better by so much
TURNED = 0.9  # AUC without the simple coordinate, of a network that leans on it
AT_BEST = "at the lowest validation error"

Runs = Real[np.ndarray, " _run"]
Reliance = Mapping[str, Runs]  # test error, and AUC by what was shuffled
Outcome = list[bool | None]


def times_as_many(left: Runs, right: Runs, *, cap: float) -> Runs:
    """Steps on the right over steps on the left; inf is a run ended at `cap`.

    inf if only the right one was ended, NaN if both were. If only the left one was, the
    value is too large.
    """
    both = np.isinf(left) & np.isinf(right)
    return np.where(both, np.nan, right / np.minimum(left, cap))


def waiting(starts: Runs, ends: Runs) -> Runs:
    """From start to end; inf where there was no end, NaN where there was no start."""
    begun = np.isfinite(starts)
    return np.where(begun, ends, np.nan) - np.where(begun, starts, 0)


def longer(
    late: Runs, early: Runs, *, by: float = 1.0, cap: Runs | float
) -> list[bool | None]:
    """Whether a time `late` is more than `by` times the one `early`, run by run.

    inf is a time that had not come when the run was ended; `cap` is how long `late` was
    waited for. None where nobody can say.
    """
    found: Outcome = []
    caps = np.broadcast_to(cap, np.shape(late))
    for b, a, end in zip(late, early, caps, strict=True):
        if math.isnan(a) or math.isnan(b):
            found.append(None)
        elif math.isfinite(b):
            found.append(bool(b > by * a))
        else:
            found.append(True if end >= by * a else None)
    return found


def together(*tests: Outcome) -> Outcome:
    """Whether all tests hold in a run: False if one fails, None if that is unknown."""
    return [
        False if False in row else None if None in row else True
        for row in zip(*tests, strict=True)
    ]


def _known(test: Bool[np.ndarray, " _run"], *values: Runs) -> Outcome:
    """The outcome of a test in each run, None where one of its values is NaN."""
    unknown = np.isnan(np.stack(values)).any(0)
    return [None if u else bool(t) for t, u in zip(test, unknown, strict=True)]


def _near(values: Runs, theirs: float, within: float = NEAR) -> Outcome:
    return _known(abs(values - theirs) < within, values)


def about_plane(
    *,
    by_hand: Sequence[float],
    then: Reliance,
    steps: Mapping[str, Runs],
    starts: Mapping[str, Runs],
    hints: Mapping[str, Runs],
    goal: float,
    cap: int,
) -> list[Claim]:
    """Claims on the two sets in the plane.

    by_hand: errors of the network built by hand. then: AUC when the error first is that
    of the halfspace. Of the sets "left" and "right": `steps` to the error `goal`, and
    those (`starts`) to the error of the halfspace. hints: steps to the goal by how good
    the halfspace is, the worst first. inf: not within `cap` steps.
    """
    left, right = steps["left"], steps["right"]
    wait = {side: waiting(starts[side], steps[side]) for side in ("left", "right")}
    more = times_as_many(left, right, cap=cap)
    latched = (then["complex"] >= USED) & (then["simple"] <= UNUSED)
    order = [longer(b, a, cap=cap) for a, b in pairwise(hints.values())]
    return [
        shown(
            id="pit-represent",
            source="derived here",
            statement="One small network is right on both sets",
            theirs="proof",
            holds=[error == 0 for error in by_hand],
            of="test sets",
            note="for our pair, by proof; 10,000 points each",
        ),
        counted(
            id="pit-latch",
            source=NOTES,
            statement="SGD latches onto the halfspace: when it is as good, it uses "
            "nothing else",
            theirs="latch onto",
            holds=_known(latched, then["complex"], then["simple"]),
            rule=most,
            note=f"AUC with the slabs shuffled at least {USED}, with the linear "
            f"coordinate shuffled at most {UNUSED} (our thresholds)",
        ),
        counted(
            id="pit-unstuck",
            source=NOTES,
            statement="It is hard to get unstuck: from the halfspace's error to the "
            "goal the right set takes more than twice the steps of the left",
            theirs="hard",
            holds=longer(
                wait["right"], wait["left"], by=TWICE, cap=cap - starts["right"]
            ),
            rule=most,
            note="paired by seed; twice is our threshold",
        ),
        measured(
            id="pit-harder",
            source=NOTES,
            statement="The right set takes more than twice the steps of the left",
            theirs="much harder",
            values=more,
            unit="times as many steps",
            verdict=most(longer(right, left, by=TWICE, cap=cap)),
            note="paired by seed; twice is our threshold",
        ),
        counted(
            id="pit-dose",
            source=OURS,
            statement="The better the halfspace, the longer it takes",
            theirs="–",
            holds=together(*order) if order else [],
            rule=most,
            note=f"accuracy {', '.join(hints)}; paired by seed",
            kind="guess",
        ),
        counted(
            id="pit-forever",
            source=OURS,
            statement="In the plane, SGD always stays stuck for good",
            theirs="–",
            holds=np.isinf(right),
            rule=every,
            note=f"error above {goal:g} after {cap} steps",
            kind="guess",
        ),
    ]


def about_slabs(*, linear: Reliance, pair: Reliance, alone: Runs) -> list[Claim]:
    """Claims on LMS-5 (`linear`) and MS-(5,7) (`pair`), by what is relied on.

    alone: test error of the network of LMS-5 on its slabs alone.
    """
    fives = together(_near(pair["simple"], 0.502), _near(pair["complex"], 1))
    within = f"judged: within {NEAR} (our threshold)"
    aucs = {
        "standard": ("pit-lms", "AUC on test inputs", 1.0),
        "simple": ("pit-lms-simple", "AUC with the linear coordinate shuffled", 0.507),
        "complex": ("pit-lms-complex", "AUC with all slab coordinates shuffled", 1.0),
    }
    return [
        *(
            measured(
                id=id,
                source=LMS,
                statement=statement,
                theirs=f"{theirs:.3f}",
                values=linear[kind],
                unit="AUC",
                verdict=most(_near(linear[kind], theirs)),
                note=within,
            )
            for kind, (id, statement, theirs) in aucs.items()
        ),
        counted(
            id="pit-capacity",
            source=OURS,
            statement="The same network learns the slabs alone",
            theirs="–",
            holds=_known(alone <= LEARNED, alone),
            rule=most,
            note=f"a control; test error at most {LEARNED} (our threshold)",
            kind="guess",
        ),
        measured(
            id="pit-pair",
            source=MS,
            statement="Five slabs against seven: only the five are used",
            theirs="0.502",
            values=pair["simple"],
            unit="AUC with the five slabs shuffled",
            verdict=most(fives),
            note=f"{within}, and that with the sevens shuffled within {NEAR} of 1",
        ),
    ]


def about_noise(
    *, noisy: Mapping[str, Reliance], alone: Mapping[str, Reliance]
) -> list[Claim]:
    """Claims on noisy LMS-7: what its networks rely on, and what is missed.

    Both by when a network is read, at its "best" validation error and at the "end":
    `noisy`, one network for each data set, and `alone`, that on its slabs alone.
    """
    accuracy, simple = 1 - noisy["end"]["error"], noisy["end"]["simple"]
    gain = {when: v["error"] - alone[when]["error"] for when, v in noisy.items()}
    unit = "test error, with the linear coordinate less slabs alone"
    judged = f"judged: {BETTER} or more (our threshold)"
    return [
        measured(
            id="pit-noisy",
            source=NOISY,
            statement="Test accuracy stops at that of the halfspace",
            theirs="0.949",
            values=accuracy,
            unit="accuracy",
            verdict=most(_near(accuracy, 0.949, ACCURATE)),
            note=f"at the end; judged: within {ACCURATE} (our threshold)",
        ),
        measured(
            id="pit-noisy-simple",
            source=NOISY,
            statement="AUC with the linear coordinate shuffled (noisy set)",
            theirs="0.497",
            values=simple,
            unit="AUC",
            verdict=most(_near(simple, 0.497)),
            note=f"at the end; judged: within {NEAR} (our threshold)",
        ),
        measured(
            id="pit-better",
            source=NOTES,
            statement="A complex solution is better, and is missed",
            theirs="sometimes",
            values=gain["best"],
            unit=unit,
            verdict=some(_known(gain["best"] >= BETTER, gain["best"])),
            note=f"both {AT_BEST}; {judged}",
        ),
        measured(
            id="pit-better-end",
            source=OURS,
            statement="The same holds of networks as they are at the end of training",
            theirs="–",
            values=gain["end"],
            unit=unit,
            verdict=some(_known(gain["end"] >= BETTER, gain["end"])),
            note=f"a control of the row above; {judged}",
            kind="guess",
        ),
    ]


def about_remedies(
    *,
    none: Reliance,
    crowd: Reliance,
    faster: Reliance,
    first: Reliance,
    duo: Reliance,
) -> list[Claim]:
    """Claims on noisy LMS-7 with `none` of the remedies, and with each of them.

    crowd: an ensemble. faster: a larger step size. first: slabs first, then all, at the
    end of that. duo: a second network on what the first one left unused. All but
    `first` at the lowest validation error.
    """
    alike = abs(crowd["error"] - none["error"]) < LEARNED
    alike &= abs(crowd["simple"] - 0.5) < NEAR
    return [
        counted(
            id="pit-ensemble",
            source=FIXES,
            statement="An ensemble does not help",
            theirs="LMS-5: 0.507",
            holds=_known(alike, crowd["error"], none["error"], crowd["simple"]),
            rule=most,
            note=f"error within {LEARNED} of one network's, AUC with the linear "
            f"coordinate shuffled within {NEAR} of 0.5 (our thresholds); {AT_BEST}",
        ),
        measured(
            id="pit-rate",
            source=OURS,
            statement="A larger step size does not help",
            theirs="–",
            values=faster["error"],
            unit="test error",
            verdict=most(_known(faster["error"] > MISSED, faster["error"])),
            note=f"judged: above {MISSED} (our threshold); {AT_BEST}",
            kind="guess",
        ),
        measured(
            id="pit-first",
            source=OURS,
            statement="Slabs first, then all: the low error stays",
            theirs="–",
            values=first["error"],
            unit="test error",
            verdict=most(_known(first["error"] < LEARNED, first["error"])),
            note=f"judged: below {LEARNED} (our threshold); at the end",
            kind="guess",
        ),
        measured(
            id="pit-return",
            source=OURS,
            statement="… but the network turns to the simple coordinate",
            theirs="–",
            values=first["simple"],
            unit="AUC with the linear coordinate shuffled",
            verdict=most(_known(first["simple"] < TURNED, first["simple"])),
            note=f"judged: below {TURNED} (our threshold); at the end",
            kind="guess",
        ),
        measured(
            id="pit-without",
            source="morwani2023simplicity",
            statement="A second network on the rest helps",
            theirs="helps",
            values=duo["error"],
            unit="test error",
            verdict=most(_known(duo["error"] < LEARNED, duo["error"])),
            note=f"judged: below {LEARNED} (our threshold); {AT_BEST}",
        ),
    ]
