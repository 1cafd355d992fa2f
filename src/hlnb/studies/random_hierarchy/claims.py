"""The claims of the chapter on random hierarchies: sizes, curves, synonyms, labels."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Real

from hlnb.claims import Claim, counted, in_every_run, measured, near
from hlnb.words import in_range

PAPER = "cagnetta2024hierarchy"
SYNONYMS = f"{PAPER}, synonymic sensitivity"

Values = Real[np.ndarray, " run"]


def language(*, counted_right: Sequence[bool], full: Sequence[bool]) -> list[Claim]:
    """Claims on grammars that are listed in full.

    counted_right: whether P_max strings were made, parsed back and accepted, for each.
    full: whether every string is in the language, for each maximal one.
    """
    return [
        counted(
            id="rhm-count",
            source=f"{PAPER}, definition of the model",
            statement="A grammar has P_max strings, and each has one label",
            theirs="P_max = n_c m^((s^L − 1)/(s − 1))",
            holds=counted_right,
            of="grammars listed",
            note="exact: all made and parsed back, all other strings refused",
        ),
        counted(
            id="rhm-maximal",
            source=f"{PAPER}, maximal case",
            statement="With n_c = v and m = v^(s − 1) every string is in the language",
            theirs="every string",
            holds=full,
            of="grammars listed",
            note="exact",
        ),
    ]


def collapse(
    *,
    before: tuple[float, Values],
    near_star: tuple[float, Values],
    after: tuple[float, Values],
) -> list[Claim]:
    """Claims on learning curves that fall together near P*.

    Each argument: strings in units of P*, and errors in units of guessing, of all
    grammars; well below P*, near it and well above.
    """
    rows = [
        ("before", before, "above 0.5", before[1] > 0.5, "12 of 15"),
        ("near", near_star, "below 0.35", near_star[1] < 0.35, "14 of 15"),
        ("after", after, "below 0.05", after[1] < 0.05, "15 of 15"),
    ]
    return [
        counted(
            id=f"rhm-collapse-{short}",
            source=f"{PAPER}, learning curves of deep CNNs",
            statement=f"At {ratio:g} P* the error is {word} of guessing",
            theirs="curves against P/P* fall together near 1",
            holds=holds,
            note=f"range {errors.min():.3f}–{errors.max():.3f}; threshold from the "
            f"plan; pilot: {pilot}",
        )
        for short, (ratio, errors), word, holds, pilot in rows
    ]


def strings_needed(*, ratios: Values, slopes: Real[np.ndarray, " seed"]) -> list[Claim]:
    """Claims on the strings that 10 % of the error of guessing takes.

    ratios: them over n_c m^L, of all grammars. slopes: of their log against that of
    n_c m^L, over grammars.
    """
    return [
        measured(
            id="rhm-star",
            source=f"{PAPER}, abstract",
            statement="10 % of the error of guessing are reached at about n_c m^L "
            "strings",
            theirs="grows 'asymptotically as' n_c m^L",
            values=ratios,
            unit="P / (n_c m^L), all grammars",
            verdict=in_every_run((ratios > 1 / 3) & (ratios < 3)),
            note="holds within a factor of 3, set on the pilot (1.32–2.61, median "
            "2.06)",
        ),
        measured(
            id="rhm-scaling",
            source=f"{PAPER}, abstract",
            statement="Strings needed for 10 % are proportional to n_c m^L",
            theirs="exponent 1",
            values=slopes,
            unit="slope of log P against log n_c m^L",
            verdict=in_every_run(np.abs(slopes - 1) < 0.25),
            note="holds within 0.25 of 1, fixed before the pilot; pilot: 0.82–1.00",
        ),
    ]


def two_layers(*, errors: Values, ratio: float, grammar: str) -> list[Claim]:
    """The claim on one hidden layer.

    errors: over those of guessing, from `ratio` P* strings.
    """
    return [
        measured(
            id="rhm-two-layers",
            source=f"{PAPER}, two-layer networks",
            statement=f"With {ratio:g} P* strings the network with one hidden layer "
            f"has not learned ({grammar})",
            theirs="P of the order of P_max needed",
            values=errors,
            unit="test error / error of guessing",
            verdict=in_every_run(errors > 0.4),
            note="threshold 0.4 from the plan; pilot: 0.55–0.89",
        )
    ]


def blind_to_synonyms(
    *, ends: Mapping[int, tuple[Values, Values]], ratio: float
) -> list[Claim]:
    """Claims on levels that become blind to level-1 synonyms from `ratio` P* strings.

    ends: sensitivities by level (1 and 2), untrained and trained, of all grammars.
    """
    pilot = {1: "0.55–0.84", 2: "0.11–0.26"}
    return [
        measured(
            id=f"rhm-blind-{level}",
            source=SYNONYMS,
            statement=f"From {ratio:g} P* strings, level {level} becomes blind to "
            "level-1 synonyms",
            theirs="S falls to 0; invariance to level l from layer l + 1 on",
            values=trained,
            unit=f"S_{level}1, all grammars",
            verdict=in_every_run(trained < 0.2),
            note=f"untrained {in_range(untrained)}; threshold 0.2 from the plan; "
            f"pilot: {pilot[level]}",
        )
        for level, (untrained, trained) in ends.items()
    ]


def not_yet_blind(*, shares: Values, ratio: float) -> list[Claim]:
    """The claim that `ratio` P* strings are too few for level 2.

    shares: its sensitivity to level-1 synonyms over that of the untrained network.
    """
    return [
        measured(
            id="rhm-not-yet",
            source=SYNONYMS,
            statement=f"From {ratio:g} P* strings, level 2 does not become blind to "
            "them",
            theirs="S near 1 below P*",
            values=shares,
            unit="S_21 over that of the untrained network",
            verdict=in_every_run(shares > 0.8),
            note="threshold 0.8, set on a first pilot of two grammars; pilot: "
            "0.88–1.06",
        )
    ]


def label_rates(*, crossings: Real[np.ndarray, " grammar"], draws: int) -> list[Claim]:
    """The claim on where features stand out of the noise of label rates.

    crossings: strings in units of P_c, the median of `draws` for each grammar.
    """
    return [
        measured(
            id="rhm-marks",
            source=f"{PAPER}, signal and noise of correlations",
            statement="Features stand out from the noise of label rates from P_c "
            "strings on",
            theirs="P_c = n_c m^L",
            values=crossings,
            unit=f"P at ratio 1 / P_c, grammars (median of {draws} draws each)",
            verdict=near(1.0, crossings),
            note="pilot: 0.78–1.82, median 0.97",
        )
    ]


def without_correlations(
    *,
    medians: Real[np.ndarray, " grammar"],
    first: tuple[float, Values],
    last: tuple[float, Values],
) -> list[Claim]:
    """The claim on grammars in which no feature tells anything of the class.

    medians: error over guessing from the most strings, for each grammar. first, last:
    the fewest strings and the most, in units of P*, with the errors of all runs.
    """
    return [
        measured(
            id="rhm-uncorrelated",
            source=f"{PAPER}, on removing correlations",
            statement="Where no feature is correlated with the label the deep CNN "
            f"learns nothing from {last[0]:g} P* strings",
            theirs="without correlations the curse of dimensionality returns",
            values=medians,
            unit=f"median test error / error of guessing, {len(medians)} grammar sizes",
            verdict=in_every_run(medians > 0.9),
            note=f"single runs {in_range(last[1])}; at {first[0]:g} P* "
            f"{in_range(first[1])}. Our construction, not theirs. Threshold 0.9, fixed "
            "before the pilot (0.00–0.97; medians 0.00 and 0.01)",
        )
    ]
