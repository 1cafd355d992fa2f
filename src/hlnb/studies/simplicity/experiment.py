"""What neurons respond to, layer by layer, and the answers of a linear classifier.

Sources: the seminar notes (Theodosis 2021; stripes); Nakkiran et al. 2019, "SGD on
Neural Networks Learns Functions of Increasing Complexity" (linear classifier).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Real
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from hlnb.data.problem import Batch
from hlnb.kept import kept
from hlnb.metrics.probes import probe_accuracy
from hlnb.models.model import Model

State = Mapping[str, np.ndarray]
PENALTIES = (0.01, 1.0, 100.0)  # inverse strengths C of logistic regression


@dataclass(frozen=True)
class Guesses:
    """The class that a network gives to each input of a batch."""

    on: str = "test"

    def __call__(self, params, batch, outputs) -> Tensor:
        return outputs.argmax(1)


# --- What neurons respond to ----------------------------------------------------------


def neurons(model: Model, state: State, x: Real[np.ndarray, "n d"]) -> dict:
    """Every unit's output at the points, by layer; for the readout, class 1 minus 0."""
    params = {k: torch.as_tensor(v) for k, v in state.items()}
    with torch.no_grad():
        found = model.activations(params, torch.as_tensor(x, dtype=torch.float32))
    made = {name: value.numpy() for name, value in found.items()}
    last = model.names[-1]
    return made | {last: made[last][:, 1:] - made[last][:, :1]}


def grid_points(side: int) -> Float[np.ndarray, "point 2"]:
    """Centres of side × side cells of the square [−1, 1]², row by row from below."""
    at = (np.arange(side) + 0.5) / side * 2 - 1
    x, y = np.meshgrid(at, at)
    return np.stack([x.ravel(), y.ravel()], 1)


def diagonal_share(
    weights: Real[np.ndarray, "unit 2"], *, within: float = 15.0
) -> float:
    """Share of the weights' total length that lies within `within` degrees of ±(1, 1).

    Directions drawn uniformly give `within` / 90 on average.
    """
    lengths = np.linalg.norm(weights, axis=1)
    along = abs(weights @ np.array([1.0, 1.0])) / math.sqrt(2)
    close = along >= lengths * math.cos(math.radians(within))
    return float(lengths[close].sum() / lengths.sum())


def segments(n: int, points: int, *, seed: int) -> Float[np.ndarray, "line point 2"]:
    """Random straight lines across the square; their ends are uniform on its border."""
    rng = np.random.default_rng(seed)
    side, along = rng.integers(4, size=(2, n)), rng.uniform(-1, 1, size=(2, n))
    ends = np.empty((2, n, 2))
    for k in range(4):
        axis, value = k % 2, 1.0 if k < 2 else -1.0
        chosen = side == k
        ends[..., axis][chosen] = value
        ends[..., 1 - axis][chosen] = along[chosen]
    share = np.linspace(0, 1, points)[:, None]
    return ends[0][:, None] * (1 - share) + ends[1][:, None] * share


def turns(
    model: Model, state: State, lines: Float[np.ndarray, "line point 2"]
) -> dict[str, Float[np.ndarray, " unit"]]:
    """How often each unit's output turns from rising to falling or back along a line.

    Mean over lines, by layer. A unit of the first layer never turns: along a line it is
    zero up to a point and then straight, or the reverse.
    """
    flat = lines.reshape(-1, 2)
    found = {}
    for name, made in neurons(model, state, flat).items():
        along = made.reshape(*lines.shape[:2], -1)
        steps = np.diff(along, axis=1)
        scale = np.ptp(along, axis=(0, 1)) * 1e-5
        signs = np.where(abs(steps) > scale, np.sign(steps), 0)
        found[name] = np.array([_changes(signs[..., u]) for u in range(made.shape[1])])
    return found


def _changes(signs: Real[np.ndarray, "line step"]) -> float:
    """Mean number of changes of sign along each row, zeros passed over."""
    counts = [
        np.count_nonzero(np.diff(row[row != 0])) if (row != 0).any() else 0
        for row in signs
    ]
    return float(np.mean(counts))


def read_out(model: Model, state: State, split: Mapping[str, Batch]) -> list[float]:
    """Test accuracy of a linear probe of the input, and of each hidden layer."""
    made = {k: neurons(model, state, b.x.numpy()) for k, b in split.items()}
    labels = {k: b.y.numpy() for k, b in split.items()}
    found = [probe_accuracy({k: b.x.numpy() for k, b in split.items()}, labels)]
    for name in model.names[:-1]:
        features = {k: v[name] for k, v in made.items()}
        found.append(probe_accuracy(features, labels))
    return found


def summary(
    model: Model,
    states: Sequence[State],
    splits: Sequence[Mapping[str, Batch]],
    lines: Float[np.ndarray, "line point 2"],
) -> tuple[
    Float[np.ndarray, " run"],
    Float[np.ndarray, "run layer"],
    Float[np.ndarray, "run layer"],
]:
    """`diagonal_share`, mean `turns` by layer, and `read_out`, of every run."""
    share = [diagonal_share(state["layer1.weight"]) for state in states]
    turned = [[u.mean() for u in turns(model, s, lines).values()] for s in states]
    pairs = zip(states, splits, strict=True)
    read = [read_out(model, state, split) for state, split in pairs]
    return np.array(share), np.array(turned), np.array(read)


# --- What a linear classifier explains ------------------------------------------------


def linear_classifier(split: Mapping[str, Batch]) -> LogisticRegression:
    """L: logistic regression on `train`, fitted to convergence.

    `validation` chooses the penalty.
    """
    x, y = ({k: getattr(b, f).numpy() for k, b in split.items()} for f in "xy")
    fits = [
        LogisticRegression(C=c, max_iter=5000).fit(x["train"], y["train"])
        for c in PENALTIES
    ]
    return max(fits, key=lambda f: f.score(x["validation"], y["validation"]))


@kept
def linear_answers(split: Mapping[str, Batch]) -> Int[np.ndarray, " n"]:
    """The answers of the `linear_classifier` on `test`."""
    return linear_classifier(split).predict(split["test"].x.numpy())


def border(
    line: LogisticRegression, x1: Real[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    """The x2 at which a linear classifier of the plane changes its answer."""
    (a, b), (c,) = line.coef_[0], line.intercept_
    return -(a * x1 + c) / b


def blurred(
    final: Int[np.ndarray, " n"], shares: Real[np.ndarray, " record"], *, seed: int
) -> Int[np.ndarray, "record n"]:
    """Answers of a learner without order: the final ones on a growing part, else coins.

    `shares`: the part's size at each record. Which inputs come first is drawn once.
    """
    rng = np.random.default_rng(seed)
    rank, coin = rng.uniform(size=len(final)), rng.integers(2, size=len(final))
    known: Bool[np.ndarray, "record n"] = rank < shares[:, None]
    return np.where(known, final, coin)
