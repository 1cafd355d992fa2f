"""The figures of the chapter on leap with their words. Imports no torch."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Real

from hlnb.figures.drawn import Drawn
from hlnb.metrics.times import median
from hlnb.studies.leap import figures
from hlnb.studies.leap.figures import CoefficientPaths, TargetCard
from hlnb.words import Values

Path = tuple[Real[np.ndarray, " _t"], Real[np.ndarray, " _t"]]
ByLeap = Mapping[int, Mapping[int, Values]]  # by leap, then by dimension or batch


def medians(found: ByLeap) -> str:
    """The median of each leap and dimension, in words."""
    return "; ".join(
        f"leap {height}: "
        + ", ".join(f"{median(v):.0f} at d = {d}" for d, v in by_dimension.items())
        for height, by_dimension in found.items()
    )


def _ends(panel: CoefficientPaths) -> str:
    last = (np.median(runs[:, -1]) for runs in panel.runs.values())
    return ", ".join(f"{value:.2f}" for value in last)


def _runs(found: ByLeap) -> int:
    return len(next(iter(next(iter(found.values())).values())))


def saddle(
    risks: Mapping[str, Path],
    weights: Mapping[str, Path],
    escaped: Mapping[str, float],
    *,
    floor: float,
) -> Drawn:
    """Risk of limit flows that should stay where they are, and their largest weight.

    `escaped`: by name of a flow, when its risk is below 1.5; inf: never. `floor`: the
    risk that is out of reach.
    """
    when = "; ".join(
        f"{name}: t = {escaped[name]:g}"
        if np.isfinite(escaped[name])
        else f"{name}: never"
        for name in risks
    )
    return Drawn(
        figures.saddle_figure(risks, weights, floor=floor),
        caption="The limit flow of $z_1 + z_1z_2z_3 + z_1z_2z_3z_4$. Left: risk. "
        "Right: the largest weight on $z_2$ on a log scale, in plain double precision "
        "and after kicks $u_2 = -u_3$ of three sizes.",
        alt="Left: risk from 3 down to a plateau at 2. It is below 1.5 at: "
        f"{when}. Right: the largest weight on z2, by rounding alone and from the "
        "kicks.",
    )


def targets(cards: Sequence[TargetCard]) -> Drawn:
    """What the limit flow leaves of each target of the widget."""
    by_leap = {
        height: [card for card in cards if card.leap == height]
        for height in sorted({card.leap for card in cards})
    }
    counts = "; ".join(
        f"leap {k}: {len(some)} target{'s' * (len(some) != 1)}"
        for k, some in by_leap.items()
    )
    apart = "; ".join(
        f"{k}: {max(card.share[-1] - card.out_of_reach for card in some):.2f}"
        for k, some in by_leap.items()
    )
    return Drawn(
        figures.cards_figure(cards),
        caption="All targets of the widget: the share of the variance that the limit "
        f"flow leaves at $t$ = {cards[0].times[-1]:g} (marks), and the share that is "
        "out of reach (bars).",
        alt=f"A row for each of {len(cards)} targets. {counts}. The largest distance "
        f"of a mark from its bar, by leap: {apart}.",
    )


def staircase(panel: CoefficientPaths, *, d: int, width: int, batch_size: int) -> Drawn:
    """Coefficients of the staircase of four terms, beside the limit flow."""
    runs = len(next(iter(panel.runs.values())))
    title = f"shift 1, N = {width}, batches of {batch_size}"
    return Drawn(
        figures.coefficients_figure({title: panel}),
        caption=f"The staircase of four terms in dimension {d}: coefficients on a test "
        f"batch, {runs} runs (thin) and median (thick), with the limit flow for "
        "infinite $d$ and $N$ (dots).",
        alt="Coefficients of the four terms against time on a log scale, and the "
        f"limit's dots. The medians end at {_ends(panel)} for degrees 1 to 4.",
    )


def odd(tanh: CoefficientPaths, sigmoid: CoefficientPaths, *, d: int) -> Drawn:
    """Coefficients with an odd activation, and with the shifted sigmoid."""
    runs = len(next(iter(tanh.runs.values())))
    return Drawn(
        figures.coefficients_figure({"tanh": tanh, "sigmoid, shift 1": sigmoid}),
        caption=f"$z_1 + z_1z_2 + z_1z_2z_3$ in dimension {d} with an odd activation "
        f"and with the shifted sigmoid: {runs} runs, their median, and for tanh the "
        "limit flow, where $z_1z_2z_3$ is out of reach too.",
        alt="Two panels, coefficients of z1, z1z2 and z1z2z3 against time. Medians at "
        f"the end: {_ends(tanh)} with tanh, {_ends(sigmoid)} with the sigmoid.",
    )


def escapes(
    networks: ByLeap, flows: ByLeap, *, level: float, cap: float, batch_size: int
) -> Drawn:
    """Escape times of networks and of flows against the dimension, by leap."""
    return Drawn(
        figures.escape_figure(networks, flows, cap=cap),
        caption=f"Time until the timed coefficient passes {level:g}: "
        f"{_runs(networks)} runs (marks) and their median (line). Left: SGD, batches "
        f"of {batch_size}. Right: the noise-free flow from random particles. A cross "
        "marks a run that did not get there in time.",
        alt="Two log-log panels, a line for each leap. Medians of networks: "
        f"{medians(networks)}. Of flows: {medians(flows)}.",
    )


def linear(
    alone: Mapping[str, Mapping[int, Values]],
    chain: Mapping[str, Mapping[int, Values]],
    *,
    d: int,
    floor: tuple[Sequence[int], Sequence[float]],
) -> Drawn:
    """Risk against samples of a network and of linear methods, on two targets.

    `alone`: by method and number of samples, on the last term; `chain`: on the
    staircase; `floor`: numbers of samples, and the risk below which no linear method
    goes.
    """

    def at_most(found: Mapping[str, Mapping[int, Values]]) -> str:
        return "; ".join(
            f"{name}: {np.median(values[max(values)]):.2f} at n = {max(values)}"
            for name, values in found.items()
        )

    shown = {
        "$z_1z_2z_3$ alone": alone,
        "$z_1 + z_1z_2 + z_1z_2z_3$": chain,
    }
    runs = len(next(iter(next(iter(alone.values())).values())))
    return Drawn(
        figures.linear_figure(shown, floor=floor),
        caption=f"Test risk over the variance in $d$ = {d} ({runs} runs, median). "
        "Dotted, left: what no linear method that treats coordinates alike goes below, "
        "on average.",
        alt="Two panels against the number of samples, on a log scale. Left, z1z2z3 "
        f"alone: {at_most(alone)}. Right, the staircase: {at_most(chain)}.",
    )


def samples(
    searched: ByLeap,
    fewest: ByLeap,
    floor: tuple[Sequence[int], Sequence[float]],
    *,
    strict: float,
) -> Drawn:
    """Samples to a low risk: against the batch, and against d at the best batch.

    `strict`: the risk by which the batch is chosen. `floor`: dimensions, and what
    linear methods need at least.
    """
    top = max(d for found in fewest.values() for d in found)
    dims = {d for found in fewest.values() for d in found}
    least = "; ".join(
        f"{v:.0f} at d = {k}" for k, v in zip(*floor, strict=True) if k in dims
    )
    return Drawn(
        figures.samples_figure(searched, fewest, floor),
        caption=f"Left: samples until the test risk is {strict}, against the batch "
        f"($d$ = {top}, {_runs(searched)} runs that choose it). Right: "
        f"until it is one half, at the best batch, against $d$: {_runs(fewest)} other "
        "runs and their median; dotted: the least for a linear method that treats "
        "coordinates alike (leaps 1 and 2).",
        alt="Two log-log panels, a line for each leap. Medians at the best batch: "
        f"{medians(fewest)}. Floor of linear methods: {least}.",
    )


def printed(
    left: Mapping[tuple[float, int], Values],
    calm: Mapping[float, float],
    *,
    limit: float,
    d: int,
    width: int,
    time: float,
) -> Drawn:
    """What is left of the variance with the printed shift, by step and batch.

    `calm`: by step, what steps without noise leave; `limit`: what the flow leaves.
    """
    medians_ = "; ".join(
        f"step {s:g}, batch {b}: {np.median(v):.2f}" for (s, b), v in left.items()
    )
    quiet = "; ".join(f"step {s:g}: {v:.2f}" for s, v in calm.items())
    return Drawn(
        figures.noise_figure(left, calm, limit=limit),
        caption=f"Shift ½, $d$ = {d}, $N$ = {width}: what is left of the variance at "
        f"$t$ = {time:g}, against step/batch. Filled: runs and their median. Open, at "
        "the left edge: steps of this size without noise, at infinite $d$ and $N$. "
        "Dotted: the limit flow.",
        alt=f"Share of the variance that is left. Medians: {medians_}. Without noise: "
        f"{quiet}. The limit flow: {limit:.2f}.",
    )
