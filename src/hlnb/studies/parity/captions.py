"""The figures of the chapter on parities with their words. Imports no torch."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Real

from hlnb.figures.drawn import Drawn
from hlnb.metrics.times import describe, first_hit
from hlnb.studies.parity import figures

Runs = Real[np.ndarray, " _run"]


def rank(
    counts: Mapping[int, Sequence[int]],
    spare: Sequence[int],
    law: Mapping[int, Sequence[float]],
    *,
    trials: int,
) -> Drawn:
    """Shares of random systems with one solution, and their law; by dimension."""
    top = max(counts)
    shares = "; ".join(
        f"{m} more than d: {c / trials:.3f}, law {p:.3f}"
        for m, c, p in zip(spare, counts[top], law[top], strict=True)
    )
    return Drawn(
        figures.rank_figure(counts, spare, law, trials=trials),
        caption="Share of random systems with one solution, against the number of "
        f"equations beyond $d$ ({trials} systems a point, 95 % intervals). Black: the "
        "law.",
        alt=f"Dots for d = {', '.join(map(str, counts))} lie on one rising curve. "
        f"Shares at d = {top}: {shares}.",
    )


def noise(
    counts: Mapping[float, Sequence[int]],
    laws: Mapping[float, Sequence[float]],
    tries: Sequence[Runs],
    expected: Sequence[float],
    *,
    d: Sequence[int],
    trials: int,
    noise: float,
) -> Drawn:
    """Elimination with flipped labels; arguments as those of `figures.noise_figure`."""
    shares = ", ".join(f"{c / trials:.2f}" for c in counts[noise])
    most = max(counts)
    low = next(
        (n for n, c in zip(d, counts[most], strict=True) if c < 0.05 * trials), 0
    )
    falls = f"; at {100 * most:g} % they are near 0 from d = {low} on" * bool(low)
    return Drawn(
        figures.noise_figure(
            counts, laws, tries, expected, d=d, trials=trials, noise=noise
        ),
        caption="Elimination with flipped labels. Left: one elimination of $d + 10$ "
        f"examples, {trials} problems a point (95 % intervals). Right: tries until the "
        f"support is found, {len(tries[0])} problems a dimension. Black: the laws.",
        alt="Left: without noise all problems are solved. At "
        f"{100 * noise:g} % the shares fall with d: {shares} at d = "
        f"{', '.join(map(str, d))}{falls}. Right: tries grow from about one to "
        f"{np.mean(tries[-1]):.0f} on average.",
    )


def signal(
    curves: Mapping[str, Real[np.ndarray, "run _d"]],
    d: Sequence[int],
    *,
    bounds: Mapping[str, Sequence[float]],
) -> Drawn:
    """What of a gradient tells of a set, against d, by kind of set; and what is proved.

    Arguments as those of `figures.signal_figure`.
    """
    top = max(d)
    medians = "; ".join(
        f"{kind}: {np.median(2.0**top * values[:, -1]):.2f}"
        for kind, values in curves.items()
    )
    return Drawn(
        figures.signal_figure(curves, d, bounds=bounds),
        caption="Share of the gradient that tells of a set; one hidden layer of 16 "
        f"ReLUs, untrained ({len(next(iter(curves.values())))} initializations: dots; "
        "medians: lines). Black: the lemma's mean over all sets, and its bound for "
        "sets of three.",
        alt="Falling lines. The mean over all sets halves with every coordinate. The "
        "median set and sets of half the coordinates lie below it; sets of three fall "
        f"more slowly, below their bound. Medians at d = {top}, times 2 to the d: "
        f"{medians}.",
    )


def cost(
    examples: Mapping[int, Runs],
    errors: Mapping[int, Runs],
    control: Mapping[int, Runs],
    *,
    cap: int,
    rate: float,
) -> Drawn:
    """Examples that SGD takes to learn dense parities, and its lowest test errors.

    `examples` and `errors` by d, a value each run; inf: not within `cap`. `control`:
    errors with random labels.
    """
    runs = len(next(iter(examples.values())))
    learned = "; ".join(
        f"d = {d}: {np.isfinite(taken).sum()}" for d, taken in examples.items()
    )
    return Drawn(
        figures.cost_figure(
            examples, errors, control, cap=cap, elimination={d: d + 10 for d in errors}
        ),
        caption=f"SGD on dense parities ({runs} runs a dimension: dots; median: line; "
        f"rate {rate:g}). Left: fresh examples until the test error is 0.01; crosses "
        f"count runs that did not get there within {cap:,}. Right: the lowest test "
        "error of each run.",
        alt="Left: the number of examples rises by orders of magnitude with d and "
        "falls below the line 2 to the d, while elimination needs d + 10. Right: the "
        "lowest test error is near 0 at small d and one half at the largest. Runs that "
        f"learned, of {runs}: {learned}.",
    )


def told(
    bounds: Mapping[int, float],
    variation: Mapping[int, Runs],
    learned: Mapping[int, int],
    *,
    runs: int,
    luck: Mapping[int, float],
) -> Drawn:
    """How many runs on noisy gradients learn a set, and how many can.

    Arguments as those of `figures.told_figure`.
    """
    rows = "; ".join(
        f"d = {d}: {count / runs:.2f}, {variation[d].mean():.2f}, {bounds[d]:.2f}"
        for d, count in learned.items()
    )
    return Drawn(
        figures.told_figure(bounds, variation, learned, runs=runs, luck=luck),
        caption="Descent on full gradients with noise. Dots: the share of runs that "
        "learn a random set (95 % intervals). Dashed: total variation between a run "
        "under a set and a run with coins, averaged over all sets "
        f"({len(next(iter(variation.values())))} runs), plus luck. Black: the bound on "
        "it, plus luck.",
        alt="Against d, dots fall from one to nearly zero, below a dashed line that "
        "falls more slowly, below a black line that stays at one for long. Learned; "
        f"measured limit; bound: {rows}.",
    )


def batches(examples: Mapping[int, Runs], *, d: int, cap: int) -> Drawn:
    """Examples until a dense parity is learned, by size of the batch; inf: never."""
    spent = "; ".join(
        f"batch {size}: {describe(found, cap=cap)}" for size, found in examples.items()
    )
    return Drawn(
        figures.batch_figure(examples, cap=cap, points=2**d),
        caption=f"Examples that SGD takes to learn a dense parity at $d$ = {d}, "
        f"{len(next(iter(examples.values())))} runs a batch size, each size with its "
        "own rate; crosses: did not learn.",
        alt="A rising line on log scales, above the number of points of the cube: "
        f"{spent}.",
    )


def memory(
    epochs: Real[np.ndarray, " record"],
    training: Real[np.ndarray, "run record"],
    test: Real[np.ndarray, "run record"],
    *,
    ends: Runs,
    n: int,
    d: int,
    width: int,
) -> Drawn:
    """Errors of a network that learns examples of a parity by heart; `ends` on fresh
    ones, when a run ends."""
    taken = describe(first_hit(epochs, training, threshold=0.0), cap=500)
    return Drawn(
        figures.memory_figure(epochs, training, test),
        caption=f"A network of {width} hidden units on {n} examples of a parity of "
        f"{d // 2} of {d} coordinates ({len(test)} runs, thin; median, thick).",
        alt=f"The training error falls from one half to 0 in {taken} epochs; the test "
        f"error stays at one half: {figures.in_words(ends, '.3f')} at the end.",
    )


def dense(found: Mapping[int, Any], *, cap: int) -> Drawn:
    """Accuracy against steps, by d; arguments as those of `figures.dense_figure`."""
    rises = {
        d: first_hit(result.steps, result.of("test error"), threshold=0.25)
        for d, result in found.items()
    }
    when = "; ".join(f"d = {d}: {describe(t, cap=cap)}" for d, t in rises.items())
    return Drawn(
        figures.dense_figure(found, cap=cap),
        caption="SGD on dense parities: the share of fresh examples that it gets right "
        "against its steps (runs thin, their median thick). A run that gets 99 % right "
        "has ended, and stays there.",
        alt="Each curve stays at one half and then rises steeply to one; the larger d, "
        f"the later. Steps until three quarters are right: {when}.",
    )
