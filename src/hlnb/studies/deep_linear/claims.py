"""The claims of the chapter on deep linear networks."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Real

from hlnb.claims import Claim, counted, measured, shown
from hlnb.verdicts import exactly, most

NOTES = "theodosis2021notes, deep linear networks"
ARORA19 = "arora2019implicit, deep matrix factorization"
RAZIN = "razin2020norms, completion of a 2 × 2 matrix"
FLOW = "arora2018optimization, end-to-end flow"

Values = Real[np.ndarray, " _"]
ByDepth = Mapping[int, Values]


def about_steps(
    *, order: Real[np.ndarray, "depth run"], wear: Real[np.ndarray, "depth run"]
) -> list[Claim]:
    """Claims on descent in small steps: log-log slopes against the step size.

    order: of the error of one step. wear: of the imbalance after time 1.
    """
    return [
        measured(
            id="dln-flow",
            source=FLOW,
            statement="A step of descent is η times the flow, up to η²",
            theirs="as η → 0",
            values=order.ravel(),
            unit="log-log slope",
            verdict=exactly((abs(order - 1) < 0.05).ravel()),
            note="to 0.05 (our threshold, before the runs)",
        ),
        measured(
            id="dln-balance",
            source=FLOW,
            statement="Descent keeps the balance, up to order η",
            theirs="as η → 0",
            values=wear.ravel(),
            unit="log-log slope",
            verdict=exactly((abs(wear - 1) < 0.1).ravel()),
            note="to 0.1 (our threshold, before the runs)",
        ),
    ]


def about_forms(
    *,
    commuting: Real[np.ndarray, "run 2"],
    general: Real[np.ndarray, "run 2"],
    shared: Real[np.ndarray, " run"],
    powers: Values,
) -> list[Claim]:
    """Claims on the form of the flow at depth 2, and its exponents.

    commuting, general: the factor that brings the notes' form closest to that of
    separate factors, and the share that it misses, where B and ∇ commute and where they
    need not. shared: relative error of the form of one shared factor. powers: what the
    exponents sum to, by depth.
    """
    factor, missed = commuting.T
    percent = 100 * general[:, 1]
    return [
        measured(
            id="dln-commuting",
            source=NOTES,
            statement="Ḃ = −√B∇√B where B and ∇ commute",
            theirs="factor 1",
            values=factor,
            unit="factor",
            verdict=exactly(np.append(missed < 1e-9, abs(factor - 1) < 0.01)),
            note="if A is shared: 4",
        ),
        measured(
            id="dln-general",
            source=NOTES,
            statement="Ḃ = −√B∇√B in general, up to a factor",
            theirs="nothing missed",
            values=percent,
            unit="% missed",
            verdict=exactly(percent < 1),
            note="separate factors; below 1 %",
        ),
        shown(
            id="dln-shared",
            source="derived here",
            statement="One shared A: Ḃ = −(2A∇A + A²∇ + ∇A²)",
            theirs="–",
            holds=shared < 1e-9,
            note="to 1e-9",
        ),
        measured(
            id="dln-exponents",
            source=NOTES,
            statement="At depth N, ψ = Σ B^α ∇ B^(1−α)",
            theirs="sum of exponents 1",
            values=powers,
            unit="sum",
            verdict=exactly(abs(powers - 1) < 1e-9),
            note="depths 2, 3, 4",
        ),
    ]


def about_growth(*, start: Values, ends: ByDepth, rates: ByDepth) -> list[Claim]:
    """Claims on singular values that are pulled alike, from `start`.

    By depth: the `rates` at which they set out, and where they are at the `ends`.
    """
    known = {n: n * start ** (2 - 2 / n) for n in rates}
    exact = [np.allclose(rates[n], v, rtol=1e-6) for n, v in known.items()]
    wider = [(np.diff(s) > np.diff(start)).all() for n, s in ends.items() if n > 1]
    shrinks = [(s < start).any() for s in ends.values()]
    return [
        shown(
            id="dln-rates",
            source=ARORA19,
            statement="Singular values grow at the rate Nσ^(2−2/N) g",
            theirs="–",
            holds=exact,
            of="depths",
            note="relative, to 1e-6",
        ),
        shown(
            id="dln-bigger",
            source=NOTES,
            statement="Pulled equally, big ones gain on small",
            theirs="big bigger",
            holds=np.array(wider),
            of="depths",
            note="every gap grows",
        ),
        shown(
            id="dln-smaller",
            source=NOTES,
            statement="Pulled equally, small ones shrink",
            theirs="small smaller",
            holds=np.array(shrinks),
            of="depths",
            note="any",
        ),
    ]


def about_geometry(
    *,
    operators: Sequence[Real[np.ndarray, "k k"]],
    asymmetry: Real[np.ndarray, "depth run"],
) -> list[Claim]:
    """Claims on ψ as a metric, and on a potential of the flow.

    operators: ψ at some W, as matrices. asymmetry: of the flow's Jacobian for one
    output and a linear loss, at depths 2 to 5.
    """
    positive = [np.allclose(o, o.T) and np.linalg.eigvalsh(o)[0] > 0 for o in operators]
    return [
        shown(
            id="dln-metric",
            source=NOTES,
            statement="ψ is symmetric and positive (W invertible)",
            theirs="Riemannian",
            holds=np.array(positive),
            of="matrices",
            note="depths 2 and 3",
        ),
        shown(
            id="dln-potential",
            source=NOTES,
            statement="The flow follows no L + λR, whatever R",
            theirs="for any R",
            holds=asymmetry.min(1) > 1e-3,
            of="depths",
            note="one output, linear loss, depths 2 to 5: "
            "none has a potential from 3 on",
        ),
    ]


def about_completion(
    *, kept: Sequence[bool | np.bool_], final: Mapping[str, Real[np.ndarray, " run"]]
) -> list[Claim]:
    """Claims on the completion of matrices.

    kept: whether depth 1 left a run's unseen entries as they were. final: errors on
    them at the end, by depth and for the least nuclear norm.
    """
    one, two, three = (final[f"depth {n}"] for n in (1, 2, 3))
    return [
        shown(
            id="dln-zero-fill",
            source=ARORA19,
            statement="One layer leaves unseen entries as they were",
            theirs="–",
            holds=np.array(kept),
            note="exact, to the bit",
        ),
        counted(
            id="dln-depth",
            source=ARORA19,
            statement="Completion: depth 3 beats 2, and 2 beats 1",
            theirs="3 < 2 < 1",
            holds=(three < two) & (two < one),
            rule=most,
            note="in the pilot 10 of 10",
        ),
        counted(
            id="dln-nuclear",
            source=ARORA19,
            statement="Completion: depth 3 beats least nuclear norm",
            theirs="better",
            holds=three < final["least nuclear norm"],
            rule=most,
            note="in the pilot 10 of 10",
        ),
    ]


def about_corner(
    *,
    norms: Mapping[str, Mapping[str, Values]],
    loss: Mapping[str, Values],
    over: Real[np.ndarray, "depth level"],
    scaled: Real[np.ndarray, "depth level"],
    ranks: Real[np.ndarray, " depth"],
    roots: Values,
) -> list[Claim]:
    """Claims on the 2 × 2 problem at depths 2, 3 and 4.

    By depth: each norm along the flow, beside the `loss`; and by level of the loss w₁₁
    `over` its least value, and w₁₁ √loss, `scaled`. ranks: effective ranks at loss
    0.01. roots: |w₁₁| √loss at the end of runs that start with det W > 0.
    """
    rises = [
        np.diff(norm[loss[depth] < 0.3]).min() > 0
        for depth, by_name in norms.items()
        for norm in by_name.values()
    ]
    bounded = (over > 1 - 1e-9) & (over < 1.05)
    return [
        shown(
            id="dln-norms",
            source=RAZIN,
            statement="The loss falls, and every norm grows",
            theirs="to infinity",
            holds=np.array(rises),
            of="norms and depths",
            note="loss below 0.3, depths 2, 3, 4",
        ),
        measured(
            id="dln-bound",
            source=RAZIN,
            statement="w₁₁ √loss stays bounded away from 0",
            theirs="norm ≥ a/√loss − b",
            values=scaled.ravel(),
            unit="w₁₁ √loss, at losses 0.1 to 0.01",
            verdict=exactly(bounded.ravel()),
            note="within 5 % of the least that det W ≥ 0 allows (our threshold)",
        ),
        measured(
            id="dln-rank",
            source=RAZIN,
            statement="The effective rank falls to 1",
            theirs="1",
            values=ranks,
            unit="at loss 0.01",
            verdict=exactly(ranks < 1.01),
            note="depths 2, 3, 4",
        ),
        shown(
            id="dln-sign",
            source=RAZIN,
            statement="Depth 3, balanced, det W > 0 at the start: w₁₁ unbounded",
            theirs="proved",
            holds=roots > 0.6,
            note="abs. w₁₁ √loss above 0.6 at the end",
        ),
    ]
