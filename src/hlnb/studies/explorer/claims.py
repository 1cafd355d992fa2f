"""Claims of the explorer: which training learns which toy problem."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Real

from hlnb.claims import Claim, counted

TABLE = "glasgow, Table 1"
Times = Mapping[tuple[int, str], Real[np.ndarray, " run"]]


def about_trainings(*, times: Times, epochs: int) -> list[Claim]:
    """Whether each training learns the problems that it is said to learn.

    times: for each problem and training, at its best rate, the epoch at which each run
    has learned; inf for a run that has not. epochs: of a run, or of each of its layers.
    """
    note = f"at the best of the rates, {epochs} epochs (a layer)"
    arrived = {key: np.isfinite(found) for key, found in times.items()}
    problems = sorted({n for n, _ in times})
    return [
        counted(
            "explorer-together",
            TABLE,
            "All layers at once learn every toy problem (error 0.1 in every run)",
            theirs="learned",
            holds=[bool(arrived[n, "all at once"].all()) for n in problems],
            of="problems",
            note=note,
        ),
        counted(
            "explorer-first-layer",
            TABLE,
            "The first layer alone does not learn problems 2, 3 and 5 (no run)",
            theirs="the second layer is best alone",
            holds=[not arrived[n, "first layer alone"].any() for n in (2, 3, 5)],
            of="problems",
            note=note,
        ),
        counted(
            "explorer-layerwise",
            TABLE,
            "Layer by layer, problems 2, 3 and 4 are not learned (no run)",
            theirs="not learned",
            holds=[not arrived[n, "layer by layer"].any() for n in (2, 3, 4)],
            of="problems",
            note=note,
        ),
    ]
