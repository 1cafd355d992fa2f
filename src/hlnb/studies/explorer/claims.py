"""Claims of the explorer: which training learns which toy problem."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Real

from hlnb.claims import Claim, counted
from hlnb.studies.explorer.views import ALONE, IN_TURN, TOGETHER
from hlnb.verdicts import most

Times = Mapping[tuple[int, str], Real[np.ndarray, " run"]]


def about_trainings(*, times: Times, epochs: int) -> list[Claim]:
    """Whether trainings learn the problems that they are said to learn; guesses.

    times: for each problem and training, at its best rate, the epoch at which each run
    has learned; inf for a run that has not. epochs: of a run, or of each of its layers.
    """
    arrived = {key: np.isfinite(found) for key, found in times.items()}
    every = sorted({n for n, _ in times})
    return [
        counted(
            f"explorer-{id}",
            "our guess, this chapter",
            f"{statement} in most runs",
            theirs="a guess",
            holds=np.concatenate([arrived[n, training] == learns for n in problems]),
            rule=most,
            note=f"at the best of the rates, {epochs} epochs (a layer)",
            kind="guess",
        )
        for id, training, problems, learns, statement in (
            (
                *("together", TOGETHER, every, True),
                "All layers together learn the toy problems",
            ),
            (
                *("first-layer", ALONE, (2, 3, 5), False),
                "The filters alone do not learn problems 2, 3 and 5",
            ),
            (
                *("layerwise", IN_TURN, (2, 3, 4), False),
                "Layer by layer, problems 2, 3 and 4 are not learned",
            ),
        )
    ]
