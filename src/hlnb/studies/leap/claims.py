"""The claims of the chapter on merged staircases, leaps, and linear methods."""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Real

from hlnb.claims import Claim, counted, in_every_run, measured

FIGURE = "abbe2022merged, Figure 1"
ODD = "abbe2022merged, Theorem 10"
LINEAR = "abbe2022merged, Proposition 12"

Values = Real[np.ndarray, " run"]


def examples(*, right: Sequence[bool]) -> list[Claim]:
    """The claim on printed leaps. `right`: whether we compute each of them."""
    return [
        counted(
            id="leap-examples",
            source="abbe2023leap, examples of leap",
            statement="The leap of four example targets",
            theirs="1, 2, 4, 3",
            holds=right,
            of="examples",
            note="exact; held to every order of random supports by a test",
        )
    ]


def four_terms(
    *,
    ours: Values,
    printed: Values,
    passes: Real[np.ndarray, "degree run"],
    time: float,
) -> list[Claim]:
    """Claims on the staircase of four terms.

    ours, printed: test risk over variance at `time`, in our settings and in theirs.
    passes: when the coefficient of each term passes one half in ours, or inf.
    """
    in_order = (passes[:-1] <= passes[1:]).all(0) & np.isfinite(passes[-1])
    return [
        _learned(
            "msp-learned", "shift 1, large batches", ours, "0.005–0.018", time=time
        ),
        _learned("msp-printed", "settings as printed", printed, "0.43–0.45", time=time),
        counted(
            id="msp-first",
            source=FIGURE,
            statement="The coefficient of z1 passes one half before all others",
            theirs="z1 first",
            holds=(passes[0] < passes[1:]).all(0),
        ),
        counted(
            id="msp-degrees",
            source="abbe2022merged, text on Figure 1",
            statement="Monomials are picked up in the order of their degree",
            theirs="increasing degree; the figure: 1, 3, then 2 and 4",
            holds=in_order,
            note="here too z1z2z3 comes before z1z2",
        ),
    ]


def _learned(id: str, how: str, risk: Values, pilot: str, *, time: float) -> Claim:
    return measured(
        id=id,
        source=FIGURE,
        statement=f"SGD on two layers learns a staircase of four terms ({how})",
        theirs="test error near 0 by t = 3000",
        values=risk,
        unit=f"test risk / variance at t = {time:g}",
        verdict=in_every_run(risk < 0.1),
        note=f"threshold 0.1; pilot, seeds 10–12: {pilot}",
    )


def out_of_reach(*, excess: float, escape: float, time: float) -> list[Claim]:
    """Claims on the limit flow of z1 + z1z2z3 + z1z2z3z4, up to `time`.

    excess: least risk of the flow that is held, less the 2 that are out of reach.
    escape: when the flow in plain double precision leaves the plateau, or inf.
    """
    return [
        measured(
            id="msp-necessary",
            source="abbe2022merged, Theorem 7",
            statement="The limit flow of z1 + z1z2z3 + z1z2z3z4 learns nothing out of "
            "reach",
            theirs="risk stays at 2 or above",
            values=np.array([excess]),
            unit="least risk of the held flow, less 2",
            verdict=in_every_run([excess > -1e-9]),
            note="exact on paper; one deterministic flow in double precision",
        ),
        counted(
            id="msp-rounding",
            source="derived here, from rounding",
            statement="Without the symmetry held, rounding ends the trap before "
            f"t = {time:g}",
            theirs="–",
            holds=[math.isfinite(escape)],
            of="flows",
        ),
    ]


def escape_times(*, exponents: Mapping[int, Values]) -> list[Claim]:
    """Claims on SGD's escape times, one for each leap of 1, 2 and 3.

    exponents: slope of log time against log d, by leap.
    """
    return [_escape(leap, slopes) for leap, slopes in exponents.items()]


def _escape(leap: int, slopes: Values) -> Claim:
    size = {1: "of order 1", 2: "steps ~ d, up to logs", 3: "steps ~ d²"}
    pilot = {1: "0.00–0.05", 2: "0.08–0.10", 3: "0.51–0.54"}
    grows = leap == 3
    return measured(
        id=f"leap-time-{leap}",
        source="abbe2023leap, conjecture" if leap > 1 else "abbe2022merged, Theorem 9",
        statement=f"Escape time of SGD on a target of leap {leap}: "
        + ("it grows with d" if grows else "it hardly grows with d"),
        theirs=size[leap],
        values=np.round(slopes, 6) + 0.0,
        unit="slope of log time against log d",
        verdict=in_every_run(slopes > 0.25 if grows else np.abs(slopes) < 0.15),
        note=("holds if > 0.25" if grows else "holds if below 0.15 in size")
        + f"; pilot, seeds 10–12: {pilot[leap]}",
    )


def odd_activation(
    *, mirrored: Iterable[float], risk: Values, time: float
) -> list[Claim]:
    """Claims on tanh, which is odd.

    mirrored: largest |f(x) + f(−x)| of each run. risk: on the test batch at `time`.
    """
    return [
        counted(
            id="msp-odd",
            source=ODD,
            statement="With an odd activation a term of even degree is not learned",
            theirs="needs derivatives that are not 0",
            holds=[gap == 0 for gap in mirrored],
            note="exact: f(x) + f(−x) = 0 to the bit, for all weights",
        ),
        measured(
            id="msp-odd-risk",
            source=ODD,
            statement="With tanh the risk of z1 + z1z2 + z1z2z3 stays at 1 or above",
            theirs="–",
            values=risk,
            unit=f"test risk at t = {time:g}",
            verdict=in_every_run(risk > 1 - 0.05),
            note="0.05 of slack for the test sample; pilot: 1.00",
        ),
    ]


def linear_methods(
    *,
    tangent: Values,
    risks: Real[np.ndarray, " case"],
    floor: float,
    n: int,
    d: int,
) -> list[Claim]:
    """Claims on linear methods that learn z1z2z3 from n samples in d dimensions.

    tangent: test risk over variance with the tangent kernel. risks: with any of three
    methods. floor: what none goes below, on average.
    """
    return [
        measured(
            id="leap-kernel",
            source=LINEAR,
            statement="Ridge with the tangent kernel does not learn z1z2z3 from "
            f"{n} samples",
            theirs="n of order d³ needed",
            values=tangent,
            unit=f"test risk / variance, d = {d}",
            verdict=in_every_run(tangent >= 0.8),
            note="threshold 0.8 from the plan; pilot, seeds 10–12: 1.01–1.04",
        ),
        measured(
            id="leap-floor",
            source=LINEAR,
            statement=f"Three linear methods, z1z2z3, n = {n}: none is below "
            "1 − n/C(d, 3)",
            theirs="min(n, q) of order C(d, k) needed",
            values=risks - floor,
            unit="test risk / variance, less the floor",
            verdict=in_every_run(risks >= floor - 0.03),
            note="a bound on the mean; 0.03 of slack for a run. Pilot: 0.03–0.29",
        ),
    ]


def fresh_samples(
    *, fewer: Bool[np.ndarray, " case"], slopes: Values, ds: Iterable[int]
) -> list[Claim]:
    """Claims on the samples that SGD takes for the staircase, in dimensions `ds`.

    fewer: whether a run takes fewer than linear methods need. slopes: of log samples
    against log d.
    """
    return [
        counted(
            id="leap-fewer",
            source="abbe2022merged, on linear methods",
            statement="On the staircase, the network reaches half of z1z2z3 from fewer "
            "fresh samples than any linear method that treats coordinates alike needs",
            theirs="order d against Ω(d³)",
            holds=fewer,
            note=f"runs in dimensions {', '.join(map(str, ds))}",
        ),
        measured(
            id="leap-samples",
            source="abbe2022merged, abstract",
            statement="SGD learns merged staircases from a number of samples of order "
            "d",
            theirs="exponent 1",
            values=slopes,
            unit="slope of log samples against log d",
            verdict=in_every_run(np.abs(slopes - 1) < 0.25),
            note="holds within 0.25 of 1; pilot, seeds 10–12: 0.97–1.10",
        ),
    ]
