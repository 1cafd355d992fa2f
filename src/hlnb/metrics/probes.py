"""Linear probes: what an affine readout can make of features that stay as they are."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Int, Real
from sklearn.linear_model import RidgeClassifier
from sklearn.preprocessing import StandardScaler

from hlnb.errors import above_zero

PENALTIES = tuple(10.0**power for power in range(0, 6))


def probe_accuracy(
    features: Mapping[str, Real[np.ndarray, "_ feature"]],
    labels: Mapping[str, Int[np.ndarray, "_"]],
    *,
    penalties: Sequence[float] = PENALTIES,
) -> float:
    """Test accuracy of ridge classification on features (Alain & Bengio, 2016).

    Both mappings have `train`, `validation` and `test`. Features are scaled to standard
    deviation 1 on the training inputs; validation accuracy chooses the penalty, the
    largest one of ties. Refuses an empty list of penalties, and any that are not above
    0.
    """
    above_zero(penalties=penalties)
    scaler = StandardScaler().fit(features["train"])
    x = {name: scaler.transform(values) for name, values in features.items()}
    machines = [
        RidgeClassifier(alpha=penalty, solver="cholesky").fit(
            x["train"], labels["train"]
        )
        for penalty in sorted(penalties, reverse=True)  # ties: the largest
    ]
    on = x["validation"], labels["validation"]
    best = max(machines, key=lambda machine: machine.score(*on))
    return float(best.score(x["test"], labels["test"]))
