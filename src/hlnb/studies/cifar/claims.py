"""Claims about image networks: Examples 5.1 and 5.2 of the report, and what follows."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Real

from hlnb.claims import Claim, measured
from hlnb.metrics.chance import left_out, mean_interval
from hlnb.verdicts import larger, most
from hlnb.words import layer_in_words

Values = Real[np.ndarray, " run"]
EXAMPLE = "glasgow, Example 5.2"
RISE, DROP = 1.1, 0.02  # a spike: loss up by 10 %, validation accuracy down by 0.02
GUESSING = 0.1  # accuracy, of ten classes
WORSE = 0.05  # accuracy: "significantly worse" is worse by more
TOY = "wanted of toy problems; the report does not claim it for CIFAR-10"
MISSING = 0.5  # a part alone is no good: it lacks more than half of what is to be had
SUFFIXES = {"Adam": "", "SGD": "-sgd"}  # of the ids of claims on an optimizer


def mean_ci(values: Values, form: str = ".3f") -> str:
    """Mean over runs and Student's 95 % interval; one run has no interval.

    Runs without a number are left out, and that is said.
    """
    known = values[np.isfinite(values)]
    if not len(known):
        return "undefined in every run"
    middle, low, high = (f"{value:{form}}" for value in mean_interval(known))
    words = middle if len(known) == 1 else f"{middle} [{low} to {high}]"
    return words + left_out(values)


def difference(
    id: str,
    source: str,
    statement: str,
    *,
    values: Values,
    unit: str,
    theirs: str = "> 0",
    by: float = 0.0,
    remark: str = "",
    kind: str = "claim",
) -> Claim:
    """The Claim that a difference is larger than `by` in most runs (rule `larger`).

    `values`: one for each run. Its note gives the mean over runs and Student's 95 %
    interval, the threshold where it is not 0, and the `remark`.
    """
    said = f"; {remark}" if remark else ""
    ours = f"; judged: more than {by:g} (our threshold)" if by else ""
    return measured(
        id,
        source,
        statement,
        theirs=theirs,
        values=values,
        unit=unit,
        verdict=larger(values, by=by),
        note=f"mean over runs [95 % interval]: {mean_ci(values)}{ours}{said}",
        kind=kind,
    )


def coherence(
    beyond: Mapping[int, Values], gain: Mapping[tuple[str, int], Values]
) -> list[Claim]:
    """Claims on the patches that excite a filter most: are they alike?

    `beyond`: by layer, mean coherence minus the 97.5 % quantile of random fives.
    `gain`: by kind ("with colour", "form alone") and layer, trained minus untrained.
    """
    return [
        difference(
            f"cifar-coherence-{layer}",
            "glasgow, Example 5.1",
            f"The patches that excite a filter of layer {layer} most show a common "
            "feature: they are more alike than 97.5 % of random fives",
            values=values,
            unit="mean coherence with colour, less that quantile",
        )
        for layer, values in beyond.items()
    ] + [
        difference(
            f"cifar-coherence-{layer}-{kind.split()[0]}",
            "our guess",
            f"Training makes the patches of layer {layer} more alike ({kind})",
            values=values,
            unit="mean coherence, trained less untrained",
            kind="guess",
        )
        for (kind, layer), values in gain.items()
    ]


def example(
    one: Values,
    worse: Mapping[str, Values],
    gained: Values,
    eased: Values,
) -> list[Claim]:
    """Claims on the statements of Example 5.2, one value for each run.

    one: validation accuracy after one epoch of all parts together.
    worse: by batch, that accuracy minus the one at the end of layer-wise training.
    gained: validation accuracy at the end of part 2 minus that of part 1.
    eased: training loss at the end of part 1 minus that of part 2, in nats.
    """
    return [
        measured(
            id="lwt-one-epoch",
            source=EXAMPLE,
            statement="All parts together: accuracy over 60 % after a single epoch",
            theirs="> 0.60",
            values=one,
            unit="validation accuracy",
            verdict=most(one > 0.6),
            note=f"{(one > 0.6).sum()} of {len(one)} runs",
        ),
        *(
            difference(
                f"lwt-worse-{on}",
                EXAMPLE,
                f"Layer-wise training is significantly worse ({on} images)",
                theirs="significantly worse",
                values=values,
                unit="accuracy: one epoch of all parts, less four parts in turn",
                by=WORSE,
            )
            for on, values in worse.items()
        ),
        measured(
            "lwt-part-2",
            EXAMPLE,
            "Losses and accuracies improve from part 1 to part 2",
            theirs="improve",
            values=gained,
            unit="validation accuracy, part 2 less part 1",
            verdict=most((gained > 0) & (eased > 0)),
            note="holds in a run if its training loss falls too",
        ),
    ]


def spikes(
    rise: Mapping[int, Values], fall: Mapping[int, Values], *, optimizer: str
) -> list[Claim]:
    """Claims on the spikes of Example 5.2, under an `optimizer` of SUFFIXES.

    rise: by part, its highest training loss divided by the one at its start.
    fall: by part, validation accuracy at its start minus the lowest in it.
    A run whose `rise` is not finite diverged: it is counted, and of no side.
    """
    return [_spike(part, rise[part], fall[part], optimizer) for part in rise]


def _spike(part: int, rise: Values, fall: Values, optimizer: str) -> Claim:
    known = np.isfinite(rise)
    spike = (rise > RISE) & (fall > DROP)
    holds = [bool(s) if k else None for s, k in zip(spike, known, strict=True)]
    return measured(
        f"lwt-spike-{part}{SUFFIXES[optimizer]}",
        EXAMPLE,
        f"A big spike in loss and drop in accuracy after part {part} begins "
        f"({optimizer})",
        theirs="a big spike",
        values=np.where(known, rise, np.nan),
        unit="highest training loss in the part / loss at its start",
        verdict=most(holds),
        note="spike: loss up by 10 % and validation accuracy down by 0.02 (our "
        f"thresholds); {(~known).sum()} of {len(rise)} runs diverged",
    )


def correction(
    gains: Mapping[str, tuple[Values, Values]], names: Mapping[str, str]
) -> list[Claim]:
    """Claims on backward feature correction, by measure of the first layer.

    `gains`: the measure's change with all layers, and with the first alone, both from
    the end of layer-wise training and over as many epochs.
    """
    source = "allenzhu2020backward"
    return [
        difference(
            f"bfc-{name}",
            source,
            f"Training all layers corrects the first one after LWT ({names[name]})",
            theirs="corrected",
            values=together,
            unit=f"change of the {names[name]}",
        )
        for name, (together, _) in gains.items()
    ] + [
        difference(
            f"bfc-{name}-control",
            source,
            "More training of the first layer alone does not correct as much "
            f"({names[name]})",
            theirs="joint training corrects",
            values=together - alone,
            unit=f"change of the {names[name]}, all layers less first alone",
        )
        for name, (together, alone) in gains.items()
    ]


def one_epoch(accuracy: Values, *, lr: float, dataset: str) -> list[Claim]:
    """The Claim of Example 5.2 on the validation accuracy after one epoch."""
    good = accuracy > 0.6
    return [
        measured(
            id="cifar-one-epoch",
            source=EXAMPLE,
            statement="Accuracy is over 60 % after a single epoch",
            theirs="> 0.60",
            values=accuracy,
            unit="validation accuracy",
            verdict=most(good),
            note=f"{good.sum()} of {len(good)} runs; Adam {lr:g}; {dataset}",
        )
    ]


def looks(moved: Mapping[str, Values]) -> list[Claim]:
    """Claims on what filters look like: by name, mean share, trained − untrained."""
    return [
        difference(
            id=f"cifar-{name.replace(' ', '-')}",
            source="zeiler2014visualizing",
            statement="The first layer learns edges and colours: the share "
            f"“{name}” rises",
            values=values,
            unit="mean share, trained less untrained",
        )
        for name, values in moved.items()
    ]


def best_inputs(closer: Mapping[int, Values]) -> list[Claim]:
    """Claims on best inputs: by layer, cosine with patches, trained − untrained."""
    return [
        difference(
            id=f"cifar-best-input-{layer}",
            source="our guess",
            statement=f"Training turns the best input of layer {layer} towards the "
            "best patches of images",
            values=values,
            unit="mean cosine, trained less untrained",
            kind="guess",
        )
        for layer, values in closer.items()
    ]


def variants(behind: Mapping[str, Values], gained: Values) -> list[Claim]:
    """Claims on variants of layer-wise training, by test accuracy.

    `behind`: by variant ("a rate for each part"), all parts together minus it.
    `gained`: layer-wise training with a rate for each part minus that with one rate.
    """
    return [
        *(
            difference(
                id=f"lwt-{what.split()[1]}",
                source="our guess",
                statement="Layer-wise training stays behind all parts together: "
                f"{what}",
                theirs="behind",
                values=values,
                unit=f"test accuracy, all together less {what}",
                kind="guess",
            )
            for what, values in behind.items()
        ),
        difference(
            id="lwt-rates-help",
            source=EXAMPLE,
            statement="Some of the issue is due to needing new hyperparameters for "
            "each part",
            theirs="some of this issue",
            values=gained,
            unit="test accuracy, a rate for each part less one rate",
            remark="the report's sentence follows that on the spike; judged here: test "
            "accuracy, of the learning rate alone",
        ),
    ]


def parts(missing: Mapping[str, Values], moved: Values) -> list[Claim]:
    """Claims on Properties 1 and 3, one value for each run.

    `missing`: by part, what share of the way from guessing to the test accuracy of all
    parts together is missing where it alone learns (`missing_share`).
    `moved`: relative deviation of the first layer's filters, all together.
    """
    return [
        *(
            measured(
                id=f"cifar-alone-{part}",
                source="glasgow, Property 1",
                statement=f"Training the {layer_in_words(part)} alone can't achieve "
                "a good test error",
                theirs="not good",
                values=values,
                unit="missing share of the accuracy that all parts together gain",
                verdict=larger(values, by=MISSING),
                note=f"not good: more than half is missing (our threshold); {TOY}",
            )
            for part, values in missing.items()
        ),
        measured(
            id="cifar-travel",
            source="glasgow, Property 3",
            statement="First-layer filters move by at least their own length",
            theirs="≥ 1",
            values=moved,
            unit="relative deviation of conv1 after four epochs, all together",
            verdict=most(moved >= 1),
            note=f"{TOY}; stated for SGD and good errors, judged here by Adam",
        ),
    ]


def missing_share(alone: Values, together: Values) -> Values:
    """How much of the accuracy that all parts gain over guessing a part alone lacks.

    1: it guesses; 0: it is as accurate as all parts together. NaN where all parts
    together are no better than guessing.
    """
    gained = np.where(together > GUESSING, together - GUESSING, np.nan)
    return (together - alone) / gained
