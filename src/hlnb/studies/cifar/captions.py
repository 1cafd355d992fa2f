"""The figures of chapters 08 and 09 with their words."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Real

from hlnb.figures.drawn import Drawn
from hlnb.results import Result
from hlnb.studies.cifar import figures
from hlnb.studies.cifar.filters import NO_ANSWER
from hlnb.words import training_in_words

Runs = Real[np.ndarray, " run"]
Marks = Real[np.ndarray, " _run"]
Patches = np.ndarray  # (filter, count, side, side, 3), colours from 0 to 255
PARTS = tuple(f"part {k}" for k in (1, 2, 3, 4))
MEANINGS: Mapping[str, str] = {  # how a training's name begins → its look
    "all": "simultaneous",
    "layer-wise, a": "layer-wise, best rates",
    "layer-wise, then": "layer-wise, then simultaneous",
    "layer-wise": "layer-wise",
    "greedy": "greedy",
}


def _medians(values: Mapping[str, Runs], form: str) -> str:
    return "; ".join(
        f"{training_in_words(name)}: {np.median(v):{form}}"
        for name, v in values.items()
    )


def six(
    layers: Mapping[str, Patches],
    filters: Mapping[str, Sequence[int]],
    *,
    epochs: int,
    seed: int,
) -> Drawn:
    """The patches that most excite some trained filters of each layer."""
    return Drawn(
        figures.patches_figure(layers, filters=filters),
        caption="The five patches that most excite each of six filters of either "
        f"layer, after {epochs} epochs (seed {seed}). The six are the first that "
        "answer to any of the 64 images, not selected for their looks. One row a "
        "filter, strongest first.",
        alt="Two blocks of six rows of five image patches. First-layer rows repeat one "
        "kind of edge or colour; second-layer rows repeat edges, corners and textures.",
    )


def all_filters(layers: Mapping[str, Patches], *, seed: int) -> Drawn:
    """The same of every filter of each layer."""
    grey = {
        name: int((patches == NO_ANSWER).all((1, 2, 3, 4)).sum())
        for name, patches in layers.items()
    }
    silent = " and ".join(
        f"{n} of {len(layers[name])} in {name.partition(':')[0]}"
        for name, n in grey.items()
    )
    return Drawn(
        figures.patches_figure(
            layers,
            filters={name: range(len(p)) for name, p in layers.items()},
            columns=2,
        ),
        caption=f"The same for all 32 filters of each layer (seed {seed}), nothing "
        "left out. Grey: no further image to which the filter answers. Rows that are "
        f"all grey answer to none of the 64 images: {silent}.",
        alt="Two blocks of thirty-two rows of five image patches each. Most first-"
        "layer rows are alike in colour or in the direction of an edge; some rows are "
        f"mixed. Rows all grey: {silent}.",
    )


def untrained(
    layers: Mapping[str, Patches], filters: Mapping[str, Sequence[int]]
) -> Drawn:
    """The patches that most excite the filters of `six` before training."""
    return Drawn(
        figures.patches_figure(layers, filters=filters),
        caption="The same six filters before training: random weights, the same "
        "images.",
        alt="Two blocks of six rows of five image patches for random filters. Their "
        "rows too share brightness, colours or the place of an edge.",
    )


def shapes(
    layers: Mapping[str, Patches], filters: Mapping[str, Sequence[int]]
) -> Drawn:
    """Patches of images that the package draws, for one layer."""
    (rows,) = filters.values()
    return Drawn(
        figures.patches_figure(layers, filters=filters),
        caption="The five patches that most excite each of six second-layer filters, "
        "after one epoch on images that the package draws (one run; the first six that "
        "answer).",
        alt=f"{len(rows)} rows of five patches of plain colours with the edges of "
        "shapes.",
    )


def coherence(
    groups: Mapping[str, Mapping[str, Real[np.ndarray, "run value"]]],
) -> Drawn:
    """Coherence of filters by layer and kind: random patches, untrained, trained."""
    (first, *_) = groups.values()
    colours = dict(zip(first, figures.NULLS, strict=True))
    draws, runs = next(iter(first.values())).shape[1], len([*first.values()][-1])
    return Drawn(
        figures.spread_figure(groups, ylabel="coherence", colours=colours),
        caption="Coherence of the five best patches of each filter (dots), of five "
        f"random patches ({draws} draws), and the mean of each run (bars, {runs} "
        "runs). A cosine of 1 is five times the same patch.",
        alt="Four panels with three groups of dots each. Means: "
        + "; ".join(
            f"{panel}: "
            + ", ".join(f"{g} {np.nanmean(v):.2f}" for g, v in three.items())
            for panel, three in groups.items()
        )
        + ".",
    )


def shares(
    found: Mapping[
        str, tuple[Real[np.ndarray, "run filter"], Real[np.ndarray, "run filter"]]
    ],
    *,
    epochs: int,
) -> Drawn:
    """Shares that describe first-layer filters, after training against before."""
    runs, filters = next(iter(found.values()))[0].shape
    return Drawn(
        figures.before_after_figure(found),
        caption=f"Three shares of each first-layer filter ({runs} runs of {filters}) "
        f"after {epochs} epochs against before. Below the dotted line: the share fell.",
        alt="Three scatter plots of first-layer filters, after training against "
        "before. "
        + " ".join(
            f"{name}: run means {before.mean():.2f} before, {after.mean():.2f} after."
            for name, (before, after) in found.items()
        ),
    )


def best_inputs(
    layers: Mapping[str, tuple[np.ndarray, Patches]],
    filters: Mapping[str, Sequence[int]],
    *,
    seed: int,
) -> Drawn:
    """The best possible inputs of some filters beside patches of images."""
    return Drawn(
        figures.best_inputs_figure(layers, filters=filters),
        caption="The best possible input of six filters of each layer beside the five "
        f"best patches of the images (seed {seed}). Grey is the mean of the data; "
        "colours are scaled to the largest entry.",
        alt="Two blocks of six rows: one synthetic square and five image patches. "
        "First-layer squares show coloured gradients of four by four pixels, second-"
        "layer ones of seven by seven.",
    )


def choices(accuracies: Mapping[str, Runs]) -> Drawn:
    """Validation accuracies after one epoch, for readings of what is left open."""
    runs = len(next(iter(accuracies.values())))
    return Drawn(
        figures.accuracies_figure(accuracies, report=0.6),
        caption=f"Validation accuracy after one epoch: {runs} runs (dots), their "
        "median (bar), for two readings of what the report leaves open.",
        alt="One row of dots for each of two settings against validation accuracy. "
        + "; ".join(f"{k}: median {np.median(v):.2f}" for k, v in accuracies.items())
        + ". The report's 0.6 is a dashed line.",
    )


def dynamics(
    together: Result,
    one_by_one: Mapping[str, Result],
    *,
    rows: Mapping[str, tuple[str, bool]],
    ends: Sequence[int],
    n_validation: int,
) -> Drawn:
    """Figure 2 of the report: curves of all parts together, and of one by one.

    `one_by_one`: by optimizer; `rows`: as for `figures.dynamics_figure`, the first on a
    log axis; `ends`: steps at which parts end.
    """
    in_turn = {f"layer by layer, {name}": found for name, found in one_by_one.items()}
    alone = "all layers together, Adam"
    trace, flip = [*rows.values()][-1]
    reached = []
    for title, found in ({alone: together} | in_turn).items():
        at = found.of(trace)[:, np.searchsorted(found.steps, ends)]
        middle = np.median(1 - at if flip else at, axis=0)
        reached.append(f"{title}: " + ", ".join(f"{value:.2f}" for value in middle))
    return Drawn(
        figures.dynamics_figure(
            {title: {"layer-wise": found} for title, found in in_turn.items()}
            | {alone: {"simultaneous": together}},
            rows=rows,
            ends=ends,
            parts=PARTS,
            log=[*rows][:1],
        ),
        caption=f"Figure 2 of the report, redone ({len(together.runs)} runs, thin; "
        "median, thick). Left and middle: one part after another, by Adam and by SGD "
        "with momentum. Right: all parts together, as many iterations. Measured on "
        f"{n_validation} training and as many validation images, densely after each "
        "start, and at the end of each epoch. The loss has a logarithmic scale.",
        alt="Nine panels, three trainings. Median validation accuracy after 1, 2, 3 "
        f"and 4 epochs: {'; '.join(reached)}.",
    )


def spike(
    heights: Mapping[str, Mapping[float, Real[np.ndarray, "run 3"]]], *, n_train: int
) -> Drawn:
    """The validation loss in part 3 against its learning rate, by optimizer.

    `heights[optimizer][rate]`: at the start, at its highest, and at the end.
    """
    runs = len(next(iter(next(iter(heights.values())).values())))
    told = " By ".join(
        f"{name}: "
        + "; ".join(
            f"rate {rate:g}: {np.median(v[:, 1]):.2f}, {np.median(v[:, 2]):.2f}"
            for rate, v in rates.items()
        )
        + "."
        for name, rates in heights.items()
    )
    return Drawn(
        figures.heights_figure(heights, ylabel="validation loss (nats)"),
        caption=f"Part 3 on {n_train} images: the highest validation loss within the "
        f"phase and that at its end, against the learning rate ({runs} runs, median). "
        "Dotted: the loss at its start.",
        alt=f"Two panels, one for each optimizer. Highest and last loss, by {told}",
    )


def variants(scores: Mapping[tuple[str, int], Runs], *, n_train: int) -> Drawn:
    """Test accuracies of ways of training; `scores`: by name and epochs."""
    shown, looks = {}, {}
    for (name, epochs), values in scores.items():
        title = f"{training_in_words(name)}: {epochs} epochs"
        begins = next(start for start in MEANINGS if name.startswith(start))
        shown[title], looks[title] = values, MEANINGS[begins]
    runs = len(next(iter(scores.values())))
    return Drawn(
        figures.variants_figure(
            shown, meanings=looks, xlabel="test accuracy (share)", chance=0.1
        ),
        caption=f"Test accuracy of every variant on {n_train} training images: {runs} "
        "runs, their mean (bar) and its 95 % interval (line, Student's t).",
        alt="A row of dots for each variant. Mean test accuracies: "
        + "; ".join(f"{name}: {values.mean():.2f}" for name, values in shown.items())
        + ".",
    )


def correction(quality: Mapping[str, Runs], alike: Mapping[str, Runs]) -> Drawn:
    """First layers of several trainings: a linear probe, and likeness to joint ones."""
    pair = {"linear probe on layer 1": quality, "likeness to all parts together": alike}
    runs = len(next(iter(quality.values())))
    return Drawn(
        figures.states_figure(
            {
                title: {training_in_words(state): v for state, v in states.items()}
                for title, states in pair.items()
            },
            ylabels=["test accuracy (share)", "linear CKA"],
        ),
        caption=f"First layers of five trainings ({runs} runs: lines; median: bars). "
        "Left: what a linear probe can read off. Right: likeness to the first layer of "
        "the network whose layers were all trained together; the last column compares "
        "two such networks of different seeds.",
        alt="Two panels, five states each. Median probe accuracy: "
        f"{_medians(quality, '.3f')}. Median likeness: {_medians(alike, '.3f')}.",
    )


def first_filters(
    networks: Mapping[str, Real[np.ndarray, "filter 3 s s"]], *, seed: int
) -> Drawn:
    """All first-layer filters of one run after several trainings, as colours."""
    shown = {training_in_words(name): filters for name, filters in networks.items()}
    count = len(next(iter(shown.values())))
    return Drawn(
        figures.filters_figure(shown),
        caption=f"The {count} filters of the first layer of one run (seed {seed}), "
        "same order and start. Grey is zero; each filter is scaled to its largest "
        "weight.",
        alt=f"Four squares of {count} coloured tiles. Tiles at the same place look "
        "alike in all four, with small changes of colour and contrast.",
    )


def leaps(
    found: Mapping[str, Mapping[str, tuple[Marks, Marks]]],
    *,
    border: float,
) -> Drawn:
    """Leaps of the loss against what curvature says, for "Adam" and "SGD".

    `found[optimizer][part]`: overshoots by Adam, rate · λ by SGD, and the leaps.
    `border`: of rate · λ.
    """
    told = "; ".join(
        f"{name}, {part}: {np.median(said):.3g}, {np.median(leap):.3g}"
        for name, parts in found.items()
        for part, (said, leap) in parts.items()
    )
    return Drawn(
        figures.leaps_figure(
            found, borders=[1, border], xlabels=["overshoot", "rate · λ"]
        ),
        caption="What curvature says at the start of a part (to the right of the "
        "dashed line we expect a leap), and how high the training loss rises in it "
        "(above the dotted line, by over 10 %, it leaps). A mark is a run; both axes "
        "are logarithmic.",
        alt="Two panels of marks, for Adam and for SGD, each cut in four by a dashed "
        f"and a dotted line. Medians, what curvature says and the leap: {told}.",
    )


def alone(
    accuracies: Mapping[str, Runs],
    together: Runs,
    travel: Mapping[str, Mapping[str, Runs]],
) -> Drawn:
    """Each part alone, and the travel of each part's weights; by parts in words.

    `travel[training][part]`: by the names of trainings that `MEANINGS` has.
    """
    looks = {
        training_in_words(name): MEANINGS[
            next(start for start in MEANINGS if name.startswith(start))
        ]
        for name in travel
    }
    went = {training_in_words(name): parts for name, parts in travel.items()}
    mean = float(together.mean())
    told = "; ".join(f"{part}: {v.mean():.2f}" for part, v in accuracies.items())
    ways = "; ".join(
        f"{name}: " + ", ".join(f"{np.median(v):.2f}" for v in parts.values())
        for name, parts in went.items()
    )
    return Drawn(
        figures.alone_figure(accuracies, mean, went, meanings=looks),
        caption="Left: test accuracy of each part trained alone (runs, and their mean "
        "as a bar); the blue line is that of all parts together. Right: how far the "
        "weights of each part travel (runs, and their median as a bar).",
        alt=f"Two panels, four parts each. Mean accuracy alone: {told}; all parts "
        f"together: {mean:.2f}. Median travel of the parts in order: {ways}.",
    )
