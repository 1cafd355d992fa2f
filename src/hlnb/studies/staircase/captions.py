"""The figures of the chapter on staircases with their words. Imports no torch."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Real

from hlnb.figures.drawn import Drawn
from hlnb.studies.staircase import figures
from hlnb.words import training_in_words


def errors(
    steps: Real[np.ndarray, " record"],
    error: Mapping[str, Real[np.ndarray, "run record"]],
    training: Real[np.ndarray, "run record"],
    *,
    k: int,
    n_test: int,
    marks: Sequence[float],
) -> Drawn:
    """Errors over the target's variance of the staircase and of its last term alone.

    `error`: on fresh examples, of "staircase" and "monomial"; `training`: of the second
    on its own training examples; `marks`: steps at which the rate was halved.
    """
    stair, last = error["staircase"], error["monomial"]
    return Drawn(
        figures.targets_figure(
            steps,
            {**error, "monomial, on training data": training},
            ylabel="mean squared error / variance",
            marks=marks,
        ),
        caption=f"Mean squared error on {n_test} fresh examples, in units of the "
        f"target's variance: the staircase $S_{{{k}}}$ and its last term alone "
        f"({len(stair)} runs, thin; median, thick). Dotted: the last term on its own "
        "training examples.",
        alt="The staircase's error falls from above 1 to "
        f"{np.median(stair[:, -1]):.3f}. The last term alone stays at 1 on fresh "
        f"examples to the end ({np.median(last[:, -1]):.2f}) and is at "
        f"{np.median(training[:, -1]):.2f} on training examples.",
    )


def coefficients(
    steps: Real[np.ndarray, " record"],
    found: Mapping[str, Real[np.ndarray, "run record term"]],
    *,
    n_test: int,
) -> Drawn:
    """Each prefix's coefficient over its target in time, a panel for each target."""
    return Drawn(
        figures.coefficients_figure(steps, found),
        caption="Coefficients of the ten prefixes $x_1 \\cdots x_j$ in what the "
        f"network computes, as shares of their targets, estimated on {n_test} fresh "
        f"examples (standard error about {n_test**-0.5:.3f} times the network's size).",
        alt="Left, the staircase: curves rise to 1 one after another, dark low degrees "
        "first, light high degrees last. Right, the last term alone: all curves stay "
        "at 0.",
    )


def degree_mass(
    steps: Real[np.ndarray, " record"],
    mass: Real[np.ndarray, "run record degree"],
    *,
    height: int,
) -> Drawn:
    """Fourier mass by degree while a staircase of this height is learned."""
    d = mass.shape[2] - 1
    target = np.zeros(d + 1)
    target[1 : height + 1] = 1 / height
    return Drawn(
        figures.degree_mass_figure(steps, mass, target),
        caption="Exact Fourier mass by degree while the network learns "
        f"$S_{{{height}}}$ in {d} coordinates ({len(mass)} runs, thin; median, thick). "
        "Dotted: the mass that each degree of the target has.",
        alt="The mass of degree 1 rises first and overshoots, then degrees 2, 3 and so "
        "on reach the dotted line one after another. Degrees that the target lacks "
        "stay low.",
    )


def growth(
    stages: Mapping[str, Sequence[tuple[Real[np.ndarray, " _candidate"], float]]],
    *,
    threshold: float,
    seed: int,
) -> Drawn:
    """Growth by products, stage by stage, of one run; see `figures.growth_figure`."""
    return Drawn(
        figures.growth_figure(stages, threshold=threshold),
        caption=f"Growth by products, one run (seed {seed}): the correlation of "
        "every candidate with the residual, stage by stage (grey: dropped; marks: "
        "kept). On top: the share of the target's variance that is unexplained when a "
        "stage begins.",
        alt="Left, the staircase: in each stage one or two marks stand at 1, far above "
        "a band of grey dots below 0.1; the unexplained share falls from 100% to 0%. "
        "Right, the last term alone: one stage with grey dots only.",
    )


def phases(
    steps: Sequence[int], left: Mapping[str, Real[np.ndarray, "run phase"]], *, low: int
) -> Drawn:
    """What two layers, one after the other, leave of each target, by name.

    The last of the targets is the last term of the staircase of height `low`.
    """
    middle = len(steps) // 2
    medians = "; ".join(
        f"{name.replace('$', '')} {np.median(v[:, -1]):.3f}, "
        f"{np.median(v[:, middle]):.3f}"
        for name, v in left.items()
    )
    return Drawn(
        figures.phases_figure(steps, left),
        caption="Two layers, one after the other: the share of the variance that is "
        "left when the readout is fitted after so many steps of the first layer "
        f"({len(next(iter(left.values())))} runs, thin; median, thick). The last term "
        f"is that of the staircase of height {low}.",
        alt="Curves fall with the steps of the first layer. Medians at the end, and "
        f"after {steps[middle]} steps: {medians}.",
    )


def trainings(problems: Mapping[str, Mapping[str, Real[np.ndarray, " _run"]]]) -> Drawn:
    """What each training leaves of each problem, in units of guessing's error."""
    words = "; ".join(
        f"{name.replace('$', '')}: "
        + ", ".join(
            f"{training_in_words(kind)} {np.median(values):.2f}"
            for kind, values in found.items()
        )
        for name, found in problems.items()
    )
    runs = max(len(v) for found in problems.values() for v in found.values())
    return Drawn(
        figures.trainings_figure(
            problems, xlabel="error at the end / error of guessing"
        ),
        caption="What each training leaves at its end, as a share of what guessing "
        "leaves (staircases: mean squared error over variance; toy problem 4: test "
        f"error over one half). {runs} runs, three of the other trainings (dots), "
        "their median (bar). Arrows count runs that end far above guessing.",
        alt=f"A row for each problem with three groups of dots. Medians: {words}.",
    )
