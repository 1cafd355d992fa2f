"""The claims of the chapter on shallow-to-deep chains, by section."""

import re
from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Real

from hlnb.claims import Claim, counted, measured, shown
from hlnb.metrics.times import at_most
from hlnb.verdicts import Runs, every, larger, most

SCRIPT = "cagnetta2024hierarchy, layer-wise script"
REN = "ren2026provable"
OURS = "our guess"
LEARNED = 0.1  # error over guessing: the paper's threshold
NEARLY = 0.05  # the share of tuples in a wrong cluster, and the error, of a right chain

Values = Real[np.ndarray, " _run"]


def about_tests(
    *,
    by_coin: Real[np.ndarray, " problem"],
    untrained: Real[np.ndarray, " problem"],
    no_test: Values,
    test: Values,
    least: float,
) -> list[Claim]:
    """Claims on which problems are a test of what a first layer has learned.

    by_coin, untrained: median error over guessing where the first layer was trained on
    labels by coin, or not at all, less that of greedy training; one a toy problem.
    no_test, test: error with scrambled filters less that of training together, in each
    run of the problems that were no test in an earlier edition, and of the others.
    """
    said = f"{least:g} of guessing; from an earlier edition, judged on other seeds"
    return [
        counted(
            id="chain-needs-labels",
            source=f"{OURS}, before the first pilot",
            statement="A greedy first layer needs the labels: by coin, half of its "
            "worth is lost",
            theirs="–",
            holds=by_coin > 0.5 * untrained,
            of="toy problems",
            rule=most,
            note="medians over runs; worth: over an untrained first layer",
            kind="guess",
        ),
        counted(
            id="chain-no-test",
            source=OURS,
            statement="Toy problems 1, 2, 3 and 5 are no test: scrambled filters do as "
            "well as training together",
            theirs="–",
            holds=no_test < least,
            rule=every,
            note=f"as well: within {said}",
            kind="guess",
        ),
        counted(
            id="chain-a-test",
            source=OURS,
            statement="Toy problem 4, the staircase, the parity and hierarchies are "
            "one: scrambled filters do worse",
            theirs="–",
            holds=test >= least,
            rule=every,
            note=f"worse: by {said}",
            kind="guess",
        ),
    ]


def by_clusters(
    *,
    deviations: Values,
    one_step: Mapping[int, Values],
    top: float,
    fewer: Bool[np.ndarray, " pair"],
    without_wrong: Real[np.ndarray, " clean"],
    many_wrong: Real[np.ndarray, " unclean"],
) -> list[Claim]:
    """Claims on learners by clustering.

    deviations: of the gradient from its table, over the largest entry. one_step: errors
    over guessing of a step on the first patch from `top` P* strings, by depth. fewer:
    whether all patches need fewer than the first. without_wrong, many_wrong: errors
    over guessing where no level-1 tuple is in a wrong cluster, and where over a tenth
    are.
    """
    return [
        shown(
            id="chain-table",
            source="derived here",
            statement="One gradient step from equal weights is the table of labels and "
            "tuples",
            theirs="equal",
            holds=deviations < 1e-12,
            note=f"float64; off by {deviations.max():.0e} of the largest entry at most",
        ),
        *(
            measured(
                id=f"chain-one-step-{depth}",
                source=SCRIPT,
                statement="One step on the first patch and clusters learn from "
                f"{top:g} P* strings: grammars of depth {depth}",
                theirs="learned",
                values=errors,
                unit="test error / guessing",
                verdict=most(at_most(errors, LEARNED)),
                note=f"learned: at most {LEARNED}, the paper's threshold",
            )
            for depth, errors in one_step.items()
        ),
        counted(
            id="chain-root",
            source="cagnetta2024hierarchy",
            statement="One step and clusters need about √n_c times fewer strings than "
            "training together",
            theirs="factor √n_c",
            holds=[],
            rule=most,
            note="a scaling in n_c, which would have to vary alone; we know it from "
            "summaries",
        ),
        counted(
            id="chain-all-patches",
            source=OURS,
            statement="It needs fewer strings if it looks at all patches",
            theirs="–",
            holds=fewer,
            rule=most,
            note="grammars of all sizes",
            kind="guess",
        ),
        counted(
            id="chain-wrong-clusters",
            source=OURS,
            statement=f"No wrong level-1 cluster: error at most {NEARLY}; over a tenth "
            f"wrong: above {LEARNED}",
            theirs="–",
            holds=np.concatenate([without_wrong <= NEARLY, many_wrong > LEARNED]),
            rule=every,
            note="runs of three learners at all sizes",
            kind="guess",
        ),
    ]


def about_conditions(
    *,
    wrong: Values,
    never: Runs,
    errors: Mapping[str, Values],
) -> list[Claim]:
    """Claims on what the conditions say of learners by clustering.

    wrong: share of level-1 tuples in a wrong cluster, of each run with signal twice the
    noise. never: whether a grammar was learned if and only if it was predicted to be.
    errors: of "conditions", "signal alone" and "constant", how far predictions are from
    the strings needed, in doublings; a mean over dialed grammars for each seed.
    """
    ours = errors["conditions"]
    return [
        counted(
            id="chain-signal",
            source=OURS,
            statement=f"Signal twice the noise: at most {NEARLY} of the tuples in "
            "wrong clusters",
            theirs="–",
            holds=wrong <= NEARLY,
            rule=every,
            note="grammars as drawn; pilot, seeds 10–12: 24 of 24",
            kind="guess",
        ),
        counted(
            id="chain-never",
            source=f"{REN}, our reading of the principle",
            statement="A grammar with a dial is learned if its conditions are "
            "predicted to hold in time, and only then",
            theirs="suffices (if)",
            holds=never,
            rule=every,
            note="the authors say \u201cif\u201d; \u201conly then\u201d is ours",
            kind="guess",
        ),
        *(
            measured(
                id=f"chain-when-{short}",
                source=OURS,
                statement="Predicted and needed strings differ less by the conditions "
                f"than by {words} (never counts as the largest training set)",
                theirs="–",
                values=errors[rival] - ours,
                unit="doublings, less error",
                verdict=larger(errors[rival] - ours),
                note=f"mean errors {np.median(errors[rival]):.2f} and "
                f"{np.median(ours):.2f}",
                kind="guess",
            )
            for short, rival, words in (
                ("constant", "constant", "a constant times P*"),
                ("signal", "signal alone", "the signal alone"),
            )
        ),
    ]


def about_networks(
    *,
    greedy: Values,
    top: float,
    more: Values,
    middle: float,
    areas: Mapping[str, Values],
) -> list[Claim]:
    """Claims on greedy training of a CNN.

    greedy: its errors over guessing from `top` P* strings of grammars as drawn. more:
    how much larger than that of training together it is at `middle` P*. areas: of
    "conditions", "signal alone" and "strings / P*", the area under the curve for each
    seed; NaN where all cells had one outcome.
    """
    ours = areas["conditions"]
    return [
        measured(
            id="chain-greedy",
            source=f"{REN}, abstract",
            statement="Training each layer alone suffices: greedy CNN, "
            f"{top:g} P* strings",
            theirs="suffices",
            values=greedy,
            unit="test error / guessing",
            verdict=most(at_most(greedy, LEARNED)),
            note=f"suffices: at most {LEARNED}; another learner than that of the "
            "theorem",
        ),
        measured(
            id="chain-greedy-needs",
            source=OURS,
            statement="Greedy training needs more strings than training together: its "
            f"error is larger at {middle:g} P*",
            theirs="–",
            values=more,
            unit="test error / guessing, greedy less together",
            verdict=larger(more),
            kind="guess",
        ),
        *(
            measured(
                id=f"chain-auc-{short}",
                source=f"{OURS}, on the principle of {REN}",
                statement="Where greedy SGD closes half of the gap, the lowest "
                f"condition ranks better than {words}",
                theirs="–",
                values=areas_of(areas, rival),
                unit="area under the curve, difference",
                verdict=larger(areas_of(areas, rival)),
                note=f"areas {_middle(ours)} and {_middle(areas[rival])}; a constant "
                "has 0.5",
                kind="guess",
            )
            for short, rival, words in (
                ("signal", "signal alone", "the signal alone"),
                ("size", "strings / P*", "the number of strings"),
            )
        ),
    ]


def areas_of(areas: Mapping[str, Values], rival: str) -> Values:
    """By how much the conditions rank better than a rival, a value a seed."""
    return areas["conditions"] - areas[rival]


def _middle(values: Values) -> str:
    known = values[~np.isnan(values)]
    return f"{np.median(known):.2f}" if len(known) else "unknown"


def in_prose(problem: str) -> str:
    """A problem's name for a sentence: S₅ for $S_5$, and the levels in brackets."""
    name = re.sub(r"\$S_(\d)\$", lambda m: f"S{chr(ord('₀') + int(m[1]))}", problem)
    return re.sub(r", (L = \d)$", r" (\1)", name)
