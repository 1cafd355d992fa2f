"""Claims about image networks: Examples 5.1 and 5.2 of the report, and what follows."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Real

from hlnb.claims import Claim, in_every_run, measured
from hlnb.metrics.chance import mean_interval

Values = Real[np.ndarray, " run"]
EXAMPLE = "glasgow, Example 5.2"
RISE, DROP = 1.1, 0.02  # a spike: loss up by 10 %, validation accuracy down by 0.02


def mean_ci(values: Values, form: str = ".3f") -> str:
    """Mean over runs and Student's 95 % interval; one run has no interval."""
    middle, low, high = (f"{value:{form}}" for value in mean_interval(values))
    return middle if len(values) == 1 else f"{middle} [{low} to {high}]"


def positive(
    id: str,
    source: str,
    statement: str,
    *,
    values: Values,
    unit: str,
    theirs: str = "> 0",
) -> Claim:
    """The Claim that a difference is above 0: reproduced if it is in every run.

    Its note gives the mean over runs and Student's 95 % interval.
    """
    return measured(
        id,
        source,
        statement,
        theirs=theirs,
        values=values,
        unit=unit,
        verdict=in_every_run(values > 0),
        note=f"mean over runs [95 % interval]: {mean_ci(values)}",
    )


def coherence(
    beyond: Mapping[int, Values], gain: Mapping[tuple[str, int], Values]
) -> list[Claim]:
    """Claims on the patches that excite a filter most: are they alike?

    `beyond`: by layer, mean coherence minus the 97.5 % quantile of random fives.
    `gain`: by kind ("with colour", "form alone") and layer, trained minus untrained.
    """
    return [
        positive(
            f"cifar-coherence-{layer}",
            "glasgow, Example 5.1",
            f"The patches that excite a filter of layer {layer} most show a common "
            "feature: they are more alike than 97.5 % of random fives",
            values=values,
            unit="mean coherence, less that of random fives",
        )
        for layer, values in beyond.items()
    ] + [
        positive(
            f"cifar-coherence-{layer}-{kind.split()[0]}",
            "our guess",
            f"Training makes the patches of layer {layer} more alike ({kind})",
            values=values,
            unit="mean coherence, trained less untrained",
        )
        for (kind, layer), values in gain.items()
    ]


def example(
    one: Values,
    worse: Mapping[str, Values],
    gained: Values,
    rise: Mapping[int, Values],
    fall: Mapping[int, Values],
) -> list[Claim]:
    """Claims on the statements of Example 5.2.

    one: validation accuracy after one epoch of all parts together.
    worse: by batch, that accuracy minus the one at the end of layer-wise training.
    gained: validation accuracy at the end of part 2 minus that of part 1.
    rise: by part, its highest training loss divided by the one at its start.
    fall: by part, validation accuracy at its start minus the lowest in it.
    """
    return [
        measured(
            "lwt-one-epoch",
            EXAMPLE,
            "All parts together: accuracy over 60 % after a single epoch",
            theirs="> 0.60",
            values=one,
            unit="validation accuracy",
            verdict=in_every_run(one > 0.6),
            note=f"{(one > 0.6).sum()} of {len(one)} runs",
        ),
        *(
            positive(
                f"lwt-worse-{on}",
                EXAMPLE,
                f"Layer-wise training is significantly worse ({on} images)",
                theirs="significantly worse",
                values=values,
                unit="accuracy: one epoch of all parts, less four parts in turn",
            )
            for on, values in worse.items()
        ),
        positive(
            "lwt-part-2",
            EXAMPLE,
            "Losses and accuracies improve from part 1 to part 2",
            theirs="improve",
            values=gained,
            unit="validation accuracy, part 2 less part 1",
        ),
        *(
            measured(
                f"lwt-spike-{part}",
                EXAMPLE,
                f"A big spike in loss and drop in accuracy after part {part} begins",
                theirs="a big spike",
                values=rise[part],
                unit="highest training loss in the part / loss at its start",
                verdict=in_every_run((rise[part] > RISE) & (fall[part] > DROP)),
                note="spike: loss up by 10 % and validation accuracy down by 0.02",
            )
            for part in rise
        ),
    ]


def correction(
    gains: Mapping[str, tuple[Values, Values]], names: Mapping[str, str]
) -> list[Claim]:
    """Claims on backward feature correction, by measure of the first layer.

    `gains`: the measure's change with all layers, and with the first alone, both from
    the end of layer-wise training and over as many epochs.
    """
    source = "allenzhu2020backward"
    return [
        positive(
            f"bfc-{name}",
            source,
            f"Training all layers corrects the first one after LWT ({names[name]})",
            theirs="corrected",
            values=together,
            unit=f"change of the {names[name]}",
        )
        for name, (together, _) in gains.items()
    ] + [
        positive(
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
