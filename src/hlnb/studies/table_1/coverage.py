"""What was seen in training and what was not: memory told apart from features.

Inputs of the toy problems are few, so a test input has often been a training input. A
learner that only remembers has no error on these, and guesses on the others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Real
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from hlnb.data.patterns import PatternProblem
from hlnb.data.problem import Batch
from hlnb.kept import kept
from hlnb.metrics.kernels import (
    linear_kernel,
    random_features,
    ridge_wrong,
    tangent_kernel,
)
from hlnb.models.model import Model
from hlnb.models.networks import toy_network
from hlnb.seeding import stream

PARTS = ("all", "seen", "unseen")


def was_seen(
    train: Float[Tensor, "m d"], x: Float[Tensor, "n d"]
) -> Bool[np.ndarray, " n"]:
    """Which rows of `x` are rows of `train`, equal in every pixel."""
    known = {row.tobytes() for row in train.numpy()}
    return np.array([row.tobytes() in known for row in x.numpy()], bool)


def part_of(batch: Batch, rows: Bool[np.ndarray, " n"]) -> Batch:
    """The batch of these rows alone, their probabilities summing to 1.

    Without any, one row of weight NaN: a mean over no input is no number.
    """
    weight = torch.full((len(batch.x),), 1 / len(batch.x))
    weight = weight if batch.weight is None else batch.weight
    if not rows.any():
        return Batch(batch.x[:1], batch.y[:1], torch.tensor([torch.nan]))
    chosen = torch.from_numpy(rows)
    own = weight[chosen]
    return Batch(batch.x[chosen], batch.y[chosen], own / own.sum())


@dataclass(frozen=True)
class Covered(PatternProblem):
    """The problem with two more batches, `seen` and `unseen`: parts of the test batch.

    A row is seen if it is one of the training rows. The other batches are those of the
    problem itself.
    """

    @classmethod
    def of(cls, problem: PatternProblem) -> "Covered":
        """The same problem."""
        return cls(**{name: getattr(problem, name) for name in cls.__match_args__})

    def split(self, seed: int, *, n_train: int) -> Mapping[str, Batch]:
        found = super().split(seed, n_train=n_train)
        seen = was_seen(found["train"].x, found["test"].x)
        parts = {"seen": seen, "unseen": ~seen}
        return {
            **found,
            **{name: part_of(found["test"], rows) for name, rows in parts.items()},
        }

    def describe(self) -> dict:
        return {**super().describe(), "problem": "patterns, seen and unseen"}


def unseen_share(problem: PatternProblem, n: int) -> float:
    """The share of inputs, by their probability, that are in none of `n` draws.

    Σ_x p(x) (1 − p(x))^n, exact.
    """
    p = problem.distinct().weight
    assert p is not None
    p = p.double()
    return float((p * (1 - p) ** n).sum())


def memory_error(problem: PatternProblem, n: int) -> float:
    """The expected error of memory alone after `n` examples: it guesses what is new.

    The share of unseen inputs times the error of a guess among equally likely classes,
    1 − 1/C. No parameter is fitted.
    """
    return unseen_share(problem, n) * (1 - 1 / problem.n_classes)


def shared_features(
    x: Float[Tensor, "n d"], filters: Float[Tensor, "channel T"]
) -> Float[Tensor, "n channel"]:
    """The mean along the row of each random filter's rectified response.

    Equal for a pattern at any place, as long as it is wholly in the row: the features
    of a kernel that shares its weights along the row. The row is padded by T − 1 zeros
    on both sides, so that a pattern at an end is met in full.
    """
    T = filters.shape[1]
    padded = torch.nn.functional.pad(x, (T - 1, T - 1))
    responses = padded.unfold(1, T, 1) @ filters.T
    return responses.relu().mean(1)


@kept
def kernel_errors_by_part(
    problem: PatternProblem,
    model: Model,
    seed: int,
    sizes: Sequence[int],
    *,
    width: int = 2000,
) -> dict[str, dict[str, list[float]]]:
    """Test errors of three fixed kernels on PARTS of the inputs, for each size.

    "random features": the hidden units of an untrained network with `width` of them.
    "tangent kernel": that of the model at its initialization. "shared along the row":
    `shared_features` of `width` normal filters. Training sets are nested; validation
    chooses the penalty; NaN where a part has no input.
    """
    data = problem.split(seed, n_train=max(sizes))
    d, T, n_classes = problem.d, problem.T, problem.n_classes
    wide = toy_network(d=d, T=T, n_classes=n_classes, hidden=width)
    start = wide.init(stream(seed, "random features"))
    own = model.init(stream(seed, "init"))
    normal = torch.randn((width, T), generator=stream(seed, "random filters"))
    of = {
        "random features": lambda x: random_features(wide, start, x),
        "shared along the row": lambda x: shared_features(x, normal),
    }
    x = data["train"].x
    kernels = {
        name: {on: linear_kernel(phi(b.x), phi(x)) for on, b in data.items()}
        for name, phi in of.items()
    }
    kernels["tangent kernel"] = {
        on: tangent_kernel(model, own, batch.x, x) for on, batch in data.items()
    }
    found: dict[str, dict[str, list[float]]] = {}
    for name, kernel in kernels.items():
        errors = [_errors(kernel, data, n, n_classes=n_classes) for n in sizes]
        found[name] = {part: [one[part] for one in errors] for part in PARTS}
    return found


def _errors(
    kernel: Mapping[str, Tensor], data: Mapping[str, Batch], n: int, *, n_classes: int
) -> dict[str, float]:
    """The error of a kernel from the first `n` training rows, on each of PARTS."""
    rows = {on: k[:, :n].numpy() for on, k in kernel.items()}
    rows["train"] = rows["train"][:n]
    labels = {on: batch.y.numpy() for on, batch in data.items()}
    labels["train"] = labels["train"][:n]
    wrong, _ = ridge_wrong(rows, labels, n_classes=n_classes)
    seen = was_seen(data["train"].x[:n], data["test"].x)
    return errors_by_part(wrong, seen, data["test"].weight)


def errors_by_part(
    wrong: Bool[np.ndarray, " n"],
    seen: Bool[np.ndarray, " n"],
    weight: Tensor | None,
) -> dict[str, float]:
    """The share of wrong answers on PARTS, by probability; NaN for an empty part."""
    share = np.full(len(wrong), 1 / len(wrong)) if weight is None else weight.numpy()
    parts = {"all": np.ones_like(seen), "seen": seen, "unseen": ~seen}
    return {
        name: float(np.average(wrong[rows], weights=share[rows]))
        if rows.any()
        else np.nan
        for name, rows in parts.items()
    }


@kept
def blind_errors(
    problem: PatternProblem,
    filters: Real[np.ndarray, "channel T"],
    seed: int,
    *,
    n_train: int,
) -> dict[str, float]:
    """Errors on PARTS of a readout that is blind to place, on top of these filters.

    Logistic regression on the largest and the smallest response of each filter along
    the row, fitted to the training rows. What it cannot tell, the filters do not: a
    head that reads places could only learn them by heart.
    """
    data = problem.split(seed, n_train=n_train)

    def features(batch: Batch) -> Real[np.ndarray, "n feature"]:
        padded = np.pad(batch.x.numpy(), [(0, 0), (problem.T - 1,) * 2])
        windows = np.lib.stride_tricks.sliding_window_view(padded, problem.T, axis=1)
        responses = windows @ filters.T
        return np.concatenate([responses.max(1), responses.min(1)], axis=1)

    machine = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    machine.fit(features(data["train"]), data["train"].y.numpy())
    wrong = machine.predict(features(data["test"])) != data["test"].y.numpy()
    seen = was_seen(data["train"].x, data["test"].x)
    return errors_by_part(wrong, seen, data["test"].weight)
