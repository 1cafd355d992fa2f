"""The claims of the chapter on pitfalls of simplicity bias."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Real

from hlnb.claims import Claim, counted, in_every_run, measured

NOTES = "theodosis2021notes, pitfalls of simplicity bias"
LMS, MS = "shah2020pitfalls, LMS-5", "shah2020pitfalls, MS-(5,7)"
NOISY, FIXES = "shah2020pitfalls, noisy LMS-7", "shah2020pitfalls, ensembles"
NEAR = 0.02  # AUCs that differ by less are alike

Runs = Real[np.ndarray, " _run"]
Reliance = Mapping[str, Runs]  # test error, and AUC by what was shuffled


def about_plane(
    *,
    by_hand: Sequence[float],
    then: Reliance,
    ratio: Runs,
    hints: Real[np.ndarray, "share run"],
    reached: Bool[np.ndarray, " _run"],
    goal: float,
    cap: int,
) -> list[Claim]:
    """Claims on the two sets in the plane.

    by_hand: errors of the network built by hand. then: AUC when the error first is that
    of the halfspace. ratio: steps on the right over steps on the left. hints: steps by
    how good the halfspace is, the worst first. reached: whether a run came to the error
    `goal` within `cap` steps.
    """
    return [
        counted(
            id="pit-represent",
            source=NOTES,
            statement="One small network is right on both sets",
            theirs="equally hard",
            holds=[error == 0 for error in by_hand],
            of="test sets",
            note="10,000 points each",
        ),
        counted(
            id="pit-latch",
            source=NOTES,
            statement="On the right, the halfspace comes first",
            theirs="latch onto",
            holds=(then["complex"] >= 0.95) & (then["simple"] <= 0.6),
            note="AUC without slabs ≥ 0.95, without linear ≤ 0.6",
        ),
        measured(
            id="pit-harder",
            source=NOTES,
            statement="The right set takes longer than the left",
            theirs="much harder",
            values=ratio,
            unit="times as many steps",
            verdict=in_every_run(ratio >= 2),
            note="at least 2",
        ),
        counted(
            id="pit-dose",
            source="our guess",
            statement="The better the halfspace, the longer it takes",
            theirs="–",
            holds=(hints[1:] > hints[:-1]).all(0),
            note="accuracy 90, 95, 98 %, paired by seed",
        ),
        counted(
            id="pit-forever",
            source="our guess",
            statement="In the plane, SGD stays stuck for good",
            theirs="–",
            holds=~reached,
            note=f"error above {goal} after {cap} steps",
        ),
    ]


def about_slabs(*, linear: Reliance, pair: Reliance, alone: Runs) -> list[Claim]:
    """Claims on LMS-5 (`linear`) and MS-(5,7) (`pair`), by what is relied on.

    alone: test error of the network of LMS-5 on its slabs alone.
    """
    only_fives = (abs(pair["simple"] - 0.502) < NEAR) & (pair["complex"] > 1 - NEAR)
    return [
        measured(
            id="pit-lms",
            source=LMS,
            statement="AUC on test inputs",
            theirs="1.000",
            values=linear["standard"],
            unit="AUC",
            verdict=in_every_run(linear["standard"] > 1 - NEAR),
        ),
        measured(
            id="pit-lms-simple",
            source=LMS,
            statement="AUC with the linear coordinate shuffled",
            theirs="0.507",
            values=linear["simple"],
            unit="AUC",
            verdict=in_every_run(abs(linear["simple"] - 0.507) < NEAR),
        ),
        measured(
            id="pit-lms-complex",
            source=LMS,
            statement="AUC with all slab coordinates shuffled",
            theirs="1.000",
            values=linear["complex"],
            unit="AUC",
            verdict=in_every_run(linear["complex"] > 1 - NEAR),
        ),
        counted(
            id="pit-capacity",
            source="our guess",
            statement="The same network learns the slabs alone",
            theirs="–",
            holds=alone <= 0.01,
            note="error at most 0.01",
        ),
        measured(
            id="pit-pair",
            source=MS,
            statement="Five slabs against seven: only the five are used",
            theirs="0.502",
            values=pair["simple"],
            unit="AUC",
            verdict=in_every_run(only_fives),
            note="without the sevens ≥ 0.98",
        ),
    ]


def about_noise(*, noisy: Reliance, alone: Runs) -> list[Claim]:
    """Claims on noisy LMS-7: what its networks rely on, and what is missed.

    alone: test errors on the slabs alone, of the seeds of the first `noisy` runs.
    """
    accuracy = 1 - noisy["error"]
    return [
        measured(
            id="pit-noisy",
            source=NOISY,
            statement="Test accuracy stops at that of the halfspace",
            theirs="0.949",
            values=accuracy,
            unit="accuracy",
            verdict=in_every_run(abs(accuracy - 0.945) < 0.015),
        ),
        measured(
            id="pit-noisy-simple",
            source=NOISY,
            statement="AUC with the linear coordinate shuffled",
            theirs="0.497",
            values=noisy["simple"],
            unit="AUC",
            verdict=in_every_run(abs(noisy["simple"] - 0.497) < NEAR),
        ),
        counted(
            id="pit-better",
            source=NOTES,
            statement="A complex solution is better, and is missed",
            theirs="sometimes",
            holds=noisy["error"][: len(alone)] - alone >= 0.03,
            note="error lower by ≥ 0.03",
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

    crowd: an ensemble. faster: a larger step size. first: slabs first, then all. duo: a
    second network on what the first one left unused.
    """
    alike = abs(crowd["error"] - none["error"]) < 0.01
    alike &= abs(crowd["simple"] - 0.5) < NEAR
    return [
        counted(
            id="pit-ensemble",
            source=FIXES,
            statement="An ensemble does not help",
            theirs="LMS-5: 0.507",
            holds=alike,
            note="error within 0.01, AUC within 0.02",
        ),
        counted(
            id="pit-rate",
            source="our guess",
            statement="A larger step size does not help",
            theirs="–",
            holds=faster["error"] > 0.04,
            note="error above 0.04",
        ),
        measured(
            id="pit-first",
            source="our guess",
            statement="Slabs first, then all: error 0 stays",
            theirs="–",
            values=first["error"],
            unit="test error",
            verdict=in_every_run(first["error"] < 0.01),
        ),
        measured(
            id="pit-return",
            source="our guess",
            statement="… but the network turns to the simple one",
            theirs="–",
            values=first["simple"],
            unit="AUC",
            verdict=in_every_run(first["simple"] < 0.9),
        ),
        measured(
            id="pit-without",
            source="morwani2023simplicity",
            statement="A second network on the rest helps",
            theirs="–",
            values=duo["error"],
            unit="test error",
            verdict=in_every_run(duo["error"] < 0.01),
        ),
    ]
