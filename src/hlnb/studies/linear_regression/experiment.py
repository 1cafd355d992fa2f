"""Gradient descent on linear regression, random spectra, the minimum-norm risk.

The step is w − η Xᵀ(Xw − y): η times the gradient of half of the summed squared error.
X has a row for each of n examples; eigenvalues λ are those of XᵀX that are not zero.
Everything is NumPy in float64. Source: the seminar notes (Theodosis 2021).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int, Real
from scipy import linalg, stats

from hlnb.errors import HlnbError, above_zero, at_least
from hlnb.kept import kept
from hlnb.metrics.fits import log_slopes
from hlnb.seeding import stream


@dataclass(frozen=True)
class Regression:
    """Examples y = ⟨β, x⟩ + noise; each row of x is one."""

    x: Float64[np.ndarray, "n d"]
    y: Float64[np.ndarray, " n"]
    beta: Float64[np.ndarray, " d"]


def _normal(generator: torch.Generator, *shape: int) -> Float64[np.ndarray, "..."]:
    return torch.randn(shape, generator=generator, dtype=torch.float64).numpy()


def gaussian_inputs(n: int, d: int, *, seed: int) -> Float64[np.ndarray, "n d"]:
    """n examples of d independent standard normal inputs; refuses n or d below 1."""
    at_least(1, n=n, d=d)
    return _normal(stream(seed, f"linear regression: inputs {n} {d}"), n, d)


def direction(d: int, *, seed: int, of: str = "start") -> Float64[np.ndarray, " d"]:
    """A vector of length 1 in d dimensions, uniform on the sphere."""
    drawn = _normal(stream(seed, f"linear regression: {of} {d}"), d)
    return drawn / linalg.norm(drawn)


def gaussian_regression(
    n: int, d: int, *, seed: int, noise: float = 0.0, norm: float = 1.0
) -> Regression:
    """Gaussian inputs, β of length `norm` in a random direction, normal noise on y.

    `noise`: its standard deviation. Refuses a negative one, and a `norm` not above 0.
    """
    if noise < 0 or norm <= 0:
        raise HlnbError(
            f"Noise {noise} and length {norm} of β: take noise ≥ 0 and a length > 0."
        )
    x = gaussian_inputs(n, d, seed=seed)
    beta = norm * direction(d, seed=seed, of="beta")
    error = _normal(stream(seed, f"linear regression: noise {n} {d}"), n)
    return Regression(x, x @ beta + noise * error, beta)


def exact_regression() -> Regression:
    """Three examples in eight dimensions on which float64 need not round.

    Rows of a Hadamard matrix times 1, 1/2, 1/4: eigenvectors are these rows, and the
    eigenvalues 8, 2, 1/2. With a power of two as η all numbers are dyadic.
    """
    rows = linalg.hadamard(8).astype(float)[[1, 2, 4]]
    x = np.array([1, 0.5, 0.25])[:, None] * rows
    beta = np.array([3.0, -1, 2, 0, 1, -2, 0, 1])
    return Regression(x, x @ beta, beta)


def minimum_norm(
    x: Float64[np.ndarray, "n d"], y: Float64[np.ndarray, " n"]
) -> Float64[np.ndarray, " d"]:
    """X⁺y: the shortest w of all with the least ‖Xw − y‖."""
    return linalg.lstsq(x, y)[0]


def modes(
    x: Float64[np.ndarray, "n d"],
) -> tuple[Float64[np.ndarray, " r"], Float64[np.ndarray, "r d"]]:
    """The eigenvalues of XᵀX that are not zero, falling, and eigenvectors as rows.

    These rows are an orthonormal basis of the row space of X.
    """
    _, singular, rows = linalg.svd(x, full_matrices=False)
    kept = singular > rounding(x, singular)
    return singular[kept] ** 2, rows[kept]


def rounding(
    x: Float64[np.ndarray, "n d"], singular: Float64[np.ndarray, " k"]
) -> float:
    """The size below which a singular value of X can't be told from zero."""
    return float(singular.max(initial=0) * max(x.shape) * np.finfo(float).eps)


def outside(
    x: Float64[np.ndarray, "n d"], w: Float64[np.ndarray, "*t d"]
) -> Float64[np.ndarray, "*t d"]:
    """The part of w that is orthogonal to all rows of X."""
    _, rows = modes(x)
    return w - w @ rows.T @ rows


def descent(
    x: Float64[np.ndarray, "n d"],
    y: Float64[np.ndarray, " n"],
    *,
    lr: float,
    steps: int,
    start: Float64[np.ndarray, " d"] | None = None,
) -> Float64[np.ndarray, "t d"]:
    """All iterates of w − η Xᵀ(Xw − y), the start (zero by default) first."""
    w = np.zeros((steps + 1, x.shape[1]))
    w[0] = 0 if start is None else start
    for t in range(steps):
        w[t + 1] = w[t] - lr * (x.T @ (x @ w[t] - y))
    return w


def stochastic_descent(
    x: Float64[np.ndarray, "n d"],
    y: Float64[np.ndarray, " n"],
    *,
    lr: float,
    passes: int,
    seed: int,
    shuffled: bool = True,
) -> Float64[np.ndarray, "t d"]:
    """All iterates of w − η xᵢ(⟨xᵢ, w⟩ − yᵢ) from zero; n of them are a pass.

    i runs through a new order in each pass, or is drawn again for each step if not
    `shuffled`.
    """
    generator = stream(seed, "linear regression: order")
    n, d = x.shape
    drawn = torch.randint(n, (passes, n), generator=generator)
    if shuffled:
        drawn = torch.rand(passes, n, generator=generator).argsort(1)
    w = np.zeros((passes * n + 1, d))
    for t, i in enumerate(drawn.flatten().tolist()):
        w[t + 1] = w[t] - lr * (x[i] @ w[t] - y[i]) * x[i]
    return w


START_LENGTHS = {  # way of fitting → length of the start, in a random direction
    "descent from 0": 0.0,
    "descent from length 0.001": 1e-3,
    "descent from length 1": 1.0,
}
WAYS = (*START_LENGTHS, "SGD from 0")


def paths(
    problem: Regression, *, passes: int, seed: int
) -> dict[str, Float64[np.ndarray, "_t d"]]:
    """All iterates of each of WAYS; a pass is one step of descent, n steps of SGD.

    η is 1/λ₁ for descent, and 1 / largest ‖xᵢ‖² for SGD.
    """
    x, y = problem.x, problem.y
    values, _ = modes(x)
    away = direction(x.shape[1], seed=seed)
    found = {
        way: descent(x, y, lr=1 / values[0], steps=passes, start=length * away)
        for way, length in START_LENGTHS.items()
    }
    lr = 1 / (x**2).sum(1).max()
    return found | {WAYS[-1]: stochastic_descent(x, y, lr=lr, passes=passes, seed=seed)}


def distances(
    problem: Regression, w: Float64[np.ndarray, "t d"]
) -> Float64[np.ndarray, " t"]:
    """How far each iterate is from X⁺y."""
    return linalg.norm(w - minimum_norm(problem.x, problem.y), axis=1)


def missed(problem: Regression, w: Float64[np.ndarray, "t d"]) -> float:
    """How far the last iterate is from X⁺y + (I − P)w₀, P the projection onto rows."""
    limit = minimum_norm(problem.x, problem.y) + outside(problem.x, w[0])
    return float(linalg.norm(w[-1] - limit))


def drift(problem: Regression, w: Float64[np.ndarray, "t d"]) -> float:
    """How far an iterate's part outside the row space ever is from that of the first.

    Zero but for rounding.
    """
    return float(linalg.norm(outside(problem.x, w - w[0]), axis=1).max())


def wandering(
    problem: Regression, *, part: float, passes: int, seed: int, shuffled: bool
) -> float:
    """SGD's distance from X⁺y, the mean over the steps of the last ten passes.

    η is `part` / largest ‖xᵢ‖².
    """
    x, y = problem.x, problem.y
    lr = part / (x**2).sum(1).max()
    w = stochastic_descent(x, y, lr=lr, passes=passes, seed=seed, shuffled=shuffled)
    return float(distances(problem, w)[-10 * len(x) :].mean())


@kept
def wanderings(
    problems: Sequence[Regression],
    *,
    part: float,
    passes: int,
    seeds: Sequence[int],
    shuffled: bool,
) -> Float64[np.ndarray, " run"]:
    """`wandering` in each problem, with the order of its seed."""
    how = {"part": part, "passes": passes, "shuffled": shuffled}
    pairs = zip(problems, seeds, strict=True)
    return np.array([wandering(problem, seed=seed, **how) for problem, seed in pairs])


def errors_by_mode(
    problem: Regression, *, rate: float, steps: int
) -> Float64[np.ndarray, "t r"]:
    """⟨vᵢ, w_t − X⁺y⟩ of descent from zero at η = `rate` / λ₁, largest λ first."""
    values, rows = modes(problem.x)
    w = descent(problem.x, problem.y, lr=rate / values[0], steps=steps)
    return (w - minimum_norm(problem.x, problem.y)) @ rows.T


def overshoots(
    errors: Float64[np.ndarray, "t r"], *, above: float = 1e-9
) -> Int[np.ndarray, " r"]:
    """For each mode the number of steps in which its error changes sign.

    An error of at most `above` times the mode's first one counts as gone.
    """
    gone = np.abs(errors) <= above * np.abs(errors[:1])
    signs = np.where(gone, 0, np.sign(errors))
    return (signs[:-1] * signs[1:] < 0).sum(0)


def falls(errors: Float64[np.ndarray, "t r"], *, above: float = 1e-9) -> bool:
    """Whether each step makes the length of the error smaller, until it is gone."""
    length = linalg.norm(errors, axis=1)
    kept = length[:-1] > above * length[0]
    return bool((np.diff(length) < 0)[kept].all())


def exact_steps(*, lr: float, steps: int) -> Bool[np.ndarray, "t r"]:
    """Whether each step multiplies a mode's error by 1 − ηλ, to the bit.

    On `exact_regression`. `lr`: a power of two; the modes are taken along rows that are
    not normalized.
    """
    problem = exact_regression()
    rows = np.sign(problem.x)
    values = (problem.x**2).sum(1)
    limit = rows.T @ (problem.y / np.abs(problem.x[:, 0])) / 8
    errors = (descent(problem.x, problem.y, lr=lr, steps=steps) - limit) @ rows.T
    return errors[1:] == (1 - lr * values) * errors[:-1]


def edges(gamma: float) -> tuple[float, float]:
    """The ends (1 ∓ √γ)² of the Marchenko–Pastur law, γ = d/n; refuses γ ≤ 0."""
    above_zero(gamma=gamma)
    return (1 - gamma**0.5) ** 2, (1 + gamma**0.5) ** 2


def density(x: Real[np.ndarray, " k"], gamma: float) -> Float64[np.ndarray, " k"]:
    """The Marchenko–Pastur density of those eigenvalues of XᵀX/n that are not zero.

    Its integral is 1: for γ > 1 the zero eigenvalues, a share 1 − 1/γ, are left out.
    """
    low, high = edges(gamma)
    x = np.asarray(x, float)
    inside = (x > low) & (x < high)
    root = np.sqrt(np.where(inside, (high - x) * (x - low), 0))
    return root / (2 * np.pi * min(1, gamma) * np.where(inside, x, 1))


def cdf(x: Real[np.ndarray, " k"], gamma: float) -> Float64[np.ndarray, " k"]:
    """The integral of `density` up to x, in closed form."""
    low, high = edges(gamma)
    middle, half = (low + high) / 2, (high - low) / 2
    # x = middle + half·cos θ makes the integrand sin²θ/(middle + half·cos θ).
    theta = np.arccos(np.clip((np.asarray(x, float) - middle) / half, -1, 1))
    turned = np.arctan((low / high) ** 0.5 * np.tan(theta / 2))
    above = middle * theta - half * np.sin(theta) - 2 * abs(1 - gamma) * turned
    return 1 - above / (2 * np.pi * min(1, gamma))


def distance(eigenvalues: Float64[np.ndarray, " k"], gamma: float) -> float:
    """Kolmogorov–Smirnov distance of eigenvalues from the Marchenko–Pastur law."""
    return float(stats.kstest(eigenvalues, lambda x: cdf(x, gamma)).statistic)


def limit_condition(gamma: float) -> float:
    """((1 + √γ)/(1 − √γ))², largest over smallest edge; inf at γ = 1."""
    low, high = edges(gamma)
    return high / low if low else np.inf


def spectrum(n: int, d: int, *, seed: int) -> Float64[np.ndarray, " k"]:
    """The min(n, d) largest eigenvalues of XᵀX/n, Gaussian X, in falling order."""
    x = gaussian_inputs(n, d, seed=seed)
    return linalg.svdvals(x) ** 2 / n


def uneven_spectrum(n: int, d: int, *, seed: int) -> Float64[np.ndarray, " k"]:
    """As `spectrum`, but with variances of the inputs evenly spaced from 0.5 to 1.5."""
    x = gaussian_inputs(n, d, seed=seed) * np.sqrt(np.linspace(0.5, 1.5, d))
    return linalg.svdvals(x) ** 2 / n


def counts_as_zero(
    eigenvalues: Float64[np.ndarray, "run k"],
) -> Bool[np.ndarray, " run"]:
    """Whether a square matrix's least singular value can't be told from zero.

    `eigenvalues`: one `spectrum` per row, with d = n.
    """
    singular = np.sqrt(eigenvalues)
    smallest = np.finfo(float).eps * singular.shape[1] * singular[:, 0]
    return singular[:, -1] <= smallest


def square_cdf(x: Real[np.ndarray, " k"]) -> Float64[np.ndarray, " k"]:
    """P(n λ_min ≤ x) for the least eigenvalue λ_min of XᵀX, X square, n → ∞.

    The entries of X are standard normal; Edelman 1988.
    """
    x = np.maximum(x, 0)
    return -np.expm1(-x / 2 - np.sqrt(x))


def square_median() -> float:
    """Half of all large square X have n λ_min below this: `square_cdf` is 1/2 there."""
    return float((np.sqrt(1 + 2 * np.log(2)) - 1) ** 2)


def square_fit(scaled: Float64[np.ndarray, " run"]) -> float:
    """p-value of the Kolmogorov–Smirnov test of values n λ_min by `square_cdf`."""
    return float(stats.kstest(scaled, square_cdf).pvalue)


def mean_fit(values: Float64[np.ndarray, " run"], mean: float) -> float:
    """p-value of the t test that the values have this mean."""
    return float(stats.ttest_1samp(values, mean).pvalue)


def growth(
    found: Float64[np.ndarray, "n run"], ns: Sequence[int], *, batches: int
) -> Float64[np.ndarray, " batch"]:
    """Slope of the log of the median against log n in each of so many batches of runs.

    The batches have equal sizes; runs that are left over are in none. Refuses a single
    n, and more batches than runs.
    """
    if len(ns) < 2:
        raise HlnbError("A slope needs two sizes: add one.")
    at_least(1, batches=batches)
    each = found.shape[1] // batches
    if not each:
        raise HlnbError(f"{batches} batches need as many runs: add some.")
    parts = found[:, : each * batches].reshape(len(ns), batches, each)
    return log_slopes(ns, np.median(parts, axis=2).T)


def excess_risk(
    w: Float64[np.ndarray, "*t d"], problem: Regression
) -> Float64[np.ndarray, "*t"]:
    """E⟨x, w − β⟩² over a fresh x of `gaussian_inputs`: what w loses against β."""
    return np.asarray(((w - problem.beta) ** 2).sum(-1))


def ridgeless_risks(
    n: int, d: int, *, seeds: Sequence[int], noise: float
) -> Float64[np.ndarray, " run"]:
    """Excess risk of X⁺y for each seed; β has length 1."""
    problems = (gaussian_regression(n, d, seed=seed, noise=noise) for seed in seeds)
    return np.array([excess_risk(minimum_norm(p.x, p.y), p) for p in problems])


def expected_risk(n: int, d: int, *, noise: float) -> float:
    """The mean of `ridgeless_risks` over Gaussian X, exactly; inf for |n − d| ≤ 1.

    From the mean of the inverse of a Wishart matrix.
    """
    less, more = min(n, d), max(n, d)
    variance = np.inf if more - less <= 1 else less / (more - less - 1)
    bias = max(0.0, 1 - n / d)
    return bias + (noise**2 * variance if noise else 0.0)


def limit_risk(gamma: Real[np.ndarray, " k"], *, noise: float) -> np.ndarray:
    """The limit of the excess risk for n, d → ∞ at d/n = γ; Hastie and others 2022.

    σ²γ/(1 − γ) below 1, 1 − 1/γ + σ²/(γ − 1) above, with σ = `noise` and ‖β‖ = 1.
    """
    gamma = np.asarray(gamma, float)
    with np.errstate(divide="ignore"):
        variance = np.minimum(gamma, 1) / np.abs(1 - gamma)
    spread = noise**2 * variance if noise else 0.0
    return np.maximum(0, 1 - 1 / gamma) + spread


def stopped_risks(
    problem: Regression, times: Real[np.ndarray, " t"]
) -> Float64[np.ndarray, " t"]:
    """Excess risk after these numbers of steps of `descent` from zero at η = 1/λ₁.

    From the factors 1 − ηλ, without taking the steps.
    """
    values, rows = modes(problem.x)
    left = (1 - values / values[0]) ** np.asarray(times, float)[:, None]
    end = rows @ minimum_norm(problem.x, problem.y)
    return excess_risk((1 - left) * end @ rows, problem)
