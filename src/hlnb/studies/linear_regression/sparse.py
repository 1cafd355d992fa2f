"""How many examples a sparse truth needs: ridge regression, and the least ℓ₁ norm.

Targets have no noise. The error is the excess risk ‖w − β‖², and β has length 1.
Source: the report's first footnote, on what kernel methods, ridge among them, miss.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float64, Int
from scipy import linalg, optimize

from hlnb.errors import HlnbError, at_least
from hlnb.kept import kept
from hlnb.seeding import stream
from hlnb.studies.linear_regression.experiment import (
    Regression,
    excess_risk,
    gaussian_inputs,
    gaussian_regression,
)

PENALTIES = np.geomspace(1e-8, 1e3, 45)  # of ridge regression
ENOUGH = 0.1  # of the variance: learned if no more is left


def sparse_regression(n: int, d: int, *, sparsity: int, seed: int) -> Regression:
    """Gaussian inputs, and a β with `sparsity` entries of equal size that are not 0.

    Their places and signs are random. Refuses a sparsity below 1 or above d.
    """
    at_least(1, sparsity=sparsity)
    if sparsity > d:
        raise HlnbError(f"sparsity = {sparsity}: there are {d} parameters; take fewer.")
    draw = stream(seed, f"linear regression: sparse truth {d} {sparsity}")
    places = torch.randperm(d, generator=draw)[:sparsity].numpy()
    signs = 2 * torch.randint(2, (sparsity,), generator=draw).numpy() - 1
    beta = np.zeros(d)
    beta[places] = signs / sparsity**0.5
    x = gaussian_inputs(n, d, seed=seed)
    return Regression(x, x @ beta, beta)


def ridge_error(problem: Regression) -> float:
    """What ridge regression leaves with the best of PENALTIES, by the true error.

    No choice from data could be better.
    """
    left, singular, rows = linalg.svd(problem.x, full_matrices=False)
    along = singular * (left.T @ problem.y)
    fitted = along / (singular**2 + PENALTIES[:, None]) @ rows
    return float(excess_risk(fitted, problem).min())


def l1_error(problem: Regression) -> float:
    """What the solution of Xw = y with the least ℓ₁ norm leaves."""
    x, d = problem.x, problem.x.shape[1]
    found = optimize.linprog(
        np.ones(2 * d), A_eq=np.hstack([x, -x]), b_eq=problem.y, method="highs"
    )
    if not found.success:
        raise HlnbError(f"The least ℓ₁ norm was not found: {found.message}")
    return float(excess_risk(found.x[:d] - found.x[d:], problem))


LEARNERS: Mapping[str, Callable[[Regression], float]] = {
    "ridge": ridge_error,
    "ℓ₁": l1_error,
}


def first_examples(problem: Regression, n: int) -> Regression:
    """The problem with its first n examples."""
    return Regression(problem.x[:n], problem.y[:n], problem.beta)


@kept
def errors(
    learner: str,
    d: int,
    *,
    ns: Sequence[int],
    sparsity: int | None,
    seeds: Sequence[int],
) -> Float64[np.ndarray, "run n"]:
    """What a learner (ridge or ℓ₁) leaves after each number of examples.

    `sparsity`: None for a β in a random direction: a sparse one in a turned basis.
    """
    problems = (truth(max(ns), d, sparsity=sparsity, seed=seed) for seed in seeds)
    fit = LEARNERS[learner]
    return np.array([[fit(first_examples(p, n)) for n in ns] for p in problems])


def truth(n: int, d: int, *, sparsity: int | None, seed: int) -> Regression:
    """A problem without noise whose β is sparse, or has a random direction (None)."""
    if sparsity is None:
        return gaussian_regression(n, d, seed=seed)
    return sparse_regression(n, d, sparsity=sparsity, seed=seed)


@kept
def needed(
    learner: str, d: int, *, sparsity: int | None, seeds: Sequence[int]
) -> Int[np.ndarray, " run"]:
    """The number of examples with which a learner (ridge or ℓ₁) leaves ENOUGH.

    Found by halving the interval from 1 to d, as if errors fell with each example.
    """
    fit, found = LEARNERS[learner], []
    for seed in seeds:
        problem = truth(d, d, sparsity=sparsity, seed=seed)
        low, high = 0, d  # with d examples β is the only solution
        while high - low > 1:
            middle = (low + high) // 2
            enough = fit(first_examples(problem, middle)) <= ENOUGH
            low, high = (low, middle) if enough else (middle, high)
        found.append(high)
    return np.array(found)
