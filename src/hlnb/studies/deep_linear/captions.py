"""The figures of the chapter on deep linear networks with their words.

Imports no torch.
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Real

from hlnb.figures.drawn import Drawn
from hlnb.studies.deep_linear import figures
from hlnb.words import in_range

Path = tuple[Real[np.ndarray, " _t"], Real[np.ndarray, " _t"]]


def orders(
    sizes: Real[np.ndarray, " size"],
    found: Mapping[str, Mapping[str, Real[np.ndarray, "_run size"]]],
    slopes: Mapping[str, Real[np.ndarray, "_depth _run"]],
    *,
    d: int,
) -> Drawn:
    """Errors of a step and imbalance against the learning rate, by depth.

    `found` and the fitted `slopes` have the keys "step" and "drift".
    """
    runs = len(next(iter(found["step"].values())))
    return Drawn(
        figures.orders_figure(
            sizes, found, names=("error of a step", "imbalance at time 1")
        ),
        caption="Left: relative difference between one step of descent, divided by η, "
        f"and the end-to-end flow. Right: imbalance after time 1, from zero. {runs} "
        f"random networks of {d} × {d} matrices (thin), medians (thick).",
        alt="Two log-log panels against the learning rate, depths 2 and 3. All curves "
        "are straight and parallel to a line of slope 1: fitted slopes "
        f"{in_range(slopes['step'])} on the left and {in_range(slopes['drift'])} on "
        "the right.",
    )


def completion(
    taken: Real[np.ndarray, " _t"],
    unseen: Mapping[str, Real[np.ndarray, "_run _t"]],
    final: Mapping[str, Real[np.ndarray, " _run"]],
) -> Drawn:
    """Errors on unseen entries, by depth against steps, and of all at the end."""
    ends = "; ".join(f"{k} {in_range(v, '.2g')}" for k, v in final.items())
    return Drawn(
        figures.completion_figure({k: (taken, v) for k, v in unseen.items()}, final),
        caption="Error on the entries that were not observed; "
        f"{len(next(iter(final.values())))} matrices.",
        alt="Left: against steps, log scales; one layer stays level, two and three "
        f"fall. Right, at the end: {ends}.",
    )


def corner(
    corners: Mapping[str, Path],
    bound: Path,
    norms: tuple[Real[np.ndarray, " _v"], Mapping[str, Real[np.ndarray, " _v"]]],
    ranks: Mapping[str, Path],
    *,
    start: float,
) -> Drawn:
    """The unseen entry, four norms and the effective rank while the loss falls.

    Arguments as those of `figures.corner_figure`; `start`: α of the first W.
    """
    ends = "; ".join(
        f"{k} {side[1][-1]:.3g}, {ranks[k][1][-1]:.4f}" for k, side in corners.items()
    )
    return Drawn(
        figures.corner_figure(corners, bound, norms, ranks),
        caption=f"Three observed entries, from {start} times the identity; the loss "
        "falls from left to right. Left: the entry that is not observed. Middle: four "
        "norms at depth 2; they merge as W nears rank 1. Right: effective rank.",
        alt="Depths 2 to 4 follow the dashed bound; all four norms rise. Ends of w11 "
        f"and effective rank: {ends}.",
    )
