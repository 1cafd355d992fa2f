"""Deep linear networks: gradient descent on a product of square matrices.

The network is W = A_N ⋯ A_1, kept as one array of factors whose first axis is the depth
N; its loss depends on W alone, and ∇ is the gradient of that loss at W. Everything is
NumPy in float64. Sources: the seminar notes (Theodosis 2021), and Arora, Cohen & Hazan
2018 for the flow of W.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float64
from scipy import linalg
from scipy.integrate import solve_ivp

from hlnb.errors import HlnbError, above_zero, at_least
from hlnb.kept import kept
from hlnb.seeding import stream


@dataclass(frozen=True)
class Entries:
    """The loss ½ Σ (w_ij − target_ij)² over the observed entries of W."""

    target: Float64[np.ndarray, "*run d d"]
    seen: Bool[np.ndarray, "*run d d"]

    def loss(self, w: Float64[np.ndarray, "*more d d"]) -> np.ndarray | float:
        """The loss of each W."""
        return 0.5 * (self.gradient(w) ** 2).sum((-2, -1))

    def gradient(self, w: Float64[np.ndarray, "*more d d"]) -> np.ndarray:
        """∇: w − target where observed, elsewhere 0."""
        return np.where(self.seen, w - self.target, 0)

    def unseen_error(self, w: Float64[np.ndarray, "*more d d"]) -> np.ndarray | float:
        """Root mean square of w − target over the entries that are not observed."""
        squares = np.where(self.seen, 0, (w - self.target) ** 2).sum((-2, -1))
        return np.sqrt(squares / (~self.seen).sum((-2, -1)))

    def seen_error(self, w: Float64[np.ndarray, "*more d d"]) -> np.ndarray | float:
        """Root mean square of w − target over the observed entries."""
        return np.sqrt(2 * self.loss(w) / self.seen.sum((-2, -1)))


def full(target: Float64[np.ndarray, "d d"]) -> Entries:
    """Entries that are all observed: ½ the squared distance to the target."""
    return Entries(target, np.ones(target.shape, bool))


def corner() -> Entries:
    """The 2 × 2 problem of Razin and Cohen 2020: w₁₂ = w₂₁ = 1, w₂₂ = 0, w₁₁ unseen."""
    return Entries(
        np.array([[0.0, 1], [1, 0]]), np.array([[False, True], [True, True]])
    )


def _normal(generator: torch.Generator, *shape: int) -> Float64[np.ndarray, "..."]:
    return torch.randn(shape, generator=generator, dtype=torch.float64).numpy()


def random_matrix(
    d: int, *, seed: int, of: str = "matrix"
) -> Float64[np.ndarray, "d d"]:
    """A d × d matrix of independent normal entries of variance 1/d; refuses d < 1."""
    at_least(1, d=d)
    return _normal(stream(seed, f"deep linear {of} {d}"), d, d) / d**0.5


@kept
def completion(d: int, *, rank: int, share: float, seed: int) -> Entries:
    """A random d × d matrix of this rank, a share of its entries observed.

    The root mean square of all entries is 1; which are observed is uniform. Refuses a
    rank outside 1 to d, and a share that leaves no entry seen or none unseen.
    """
    n_seen = round(share * d * d)
    if not 1 <= rank <= d or not 0 < n_seen < d * d:
        raise HlnbError(
            f"Rank {rank} or share {share} does not fit a {d} × {d} matrix: take a "
            "rank from 1 to its size, and a share that leaves entries seen and unseen."
        )
    generator = stream(seed, f"deep linear completion {d} {rank}")
    left, right = _normal(generator, d, rank), _normal(generator, rank, d)
    target = left @ right
    seen = np.zeros(d * d, bool)
    seen[torch.randperm(d * d, generator=generator)[:n_seen].numpy()] = True
    return Entries(target / np.sqrt((target**2).mean()), seen.reshape(d, d))


def stacked(problems: Sequence[Entries]) -> Entries:
    """Several problems of one size as one, along a new first axis."""
    return Entries(
        np.stack([p.target for p in problems]), np.stack([p.seen for p in problems])
    )


def product(factors: Float64[np.ndarray, "depth *run d d"]) -> np.ndarray:
    """W = A_N ⋯ A_1, where `factors[0]` is A_1."""
    w = factors[0]
    for factor in factors[1:]:
        w = factor @ w
    return w


def transposed(matrix: Float64[np.ndarray, "*run d d"]) -> np.ndarray:
    """Each matrix transposed."""
    return matrix.swapaxes(-1, -2)


def pulled_back(
    factors: Float64[np.ndarray, "depth *run d d"],
    gradient: Float64[np.ndarray, "*run d d"],
) -> Float64[np.ndarray, "depth *run d d"]:
    """The gradient by each factor: (A_N ⋯ A_{j+1})ᵀ ∇ (A_{j−1} ⋯ A_1)ᵀ."""
    below = [np.eye(factors.shape[-1])]
    for factor in factors[:-1]:
        below.append(factor @ below[-1])
    found, above = np.empty_like(factors), gradient
    for j in range(len(factors) - 1, -1, -1):
        found[j] = above @ transposed(below[j])
        above = transposed(factors[j]) @ above
    return found


def step(
    entries: Entries, factors: Float64[np.ndarray, "depth *run d d"], *, lr: float
) -> Float64[np.ndarray, "depth *run d d"]:
    """The factors after one step of gradient descent."""
    return factors - lr * pulled_back(factors, entries.gradient(product(factors)))


DIVERGED = 1e150  # entries whose squares are not finite


def descend(
    entries: Entries,
    factors: Float64[np.ndarray, "depth *run d d"],
    *,
    lr: float,
    steps: int,
    every: int = 1,
) -> tuple[
    Float64[np.ndarray, "record *run d d"], Float64[np.ndarray, "depth *run d d"]
]:
    """W at the start and after every `every` steps, and the factors at the end.

    Entries beyond DIVERGED are inf. Refuses what is not above 0: the rate, the steps,
    and `every`.
    """
    above_zero(lr=lr)
    at_least(1, steps=steps, every=every)
    seen = [product(factors)]
    with np.errstate(over="ignore", invalid="ignore"):  # a run may diverge
        for t in range(1, steps + 1):
            factors = step(entries, factors, lr=lr)
            if t % every == 0:
                seen.append(product(factors))
    found = np.stack(seen)
    return np.where(np.abs(found) < DIVERGED, found, np.inf), factors


def flow(
    entries: Entries,
    factors: Float64[np.ndarray, "depth d d"],
    *,
    times: Float64[np.ndarray, " t"],
) -> Float64[np.ndarray, "t depth d d"]:
    """The factors of gradient flow at rising `times`, starting at the first of them."""
    shape = factors.shape

    def rate(_: float, flat: Float64[np.ndarray, " k"]) -> Float64[np.ndarray, " k"]:
        now = flat.reshape(shape)
        return -pulled_back(now, entries.gradient(product(now))).ravel()

    found = solve_ivp(
        rate,
        (times[0], times[-1]),
        factors.ravel(),
        method="DOP853",
        t_eval=times,
        rtol=1e-10,
        atol=1e-13,
    )
    if not found.success:
        raise HlnbError(f"The flow broke off: {found.message} Take a shorter time.")
    return found.y.T.reshape(-1, *shape)


@kept
def product_flow(
    entries: Entries,
    factors: Float64[np.ndarray, "depth d d"],
    *,
    times: Float64[np.ndarray, " t"],
) -> Float64[np.ndarray, "t d d"]:
    """W under the `flow` of its factors, at each of the `times`."""
    return product(flow(entries, factors, times=times).swapaxes(0, 1))


@kept
def first_and_last(
    entries: Entries,
    factors: Float64[np.ndarray, "depth *run d d"],
    *,
    lr: float,
    steps: int,
) -> Float64[np.ndarray, "2 *run d d"]:
    """W before descent and after all its steps."""
    return descend(entries, factors, lr=lr, steps=steps, every=steps)[0]


def _svd(w: Float64[np.ndarray, "d d"]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """U, σ, Vᵀ; a σ that is zero but for rounding is zero.

    Small powers of a rounding error would not be small.
    """
    u, s, vt = linalg.svd(w)
    return u, np.where(s > s[0] * len(s) * np.finfo(float).eps, s, 0), vt


def balanced(
    w: Float64[np.ndarray, "d d"], depth: int
) -> Float64[np.ndarray, "depth d d"]:
    """Factors of W with A_{j+1}ᵀA_{j+1} = A_jA_jᵀ: S^{1/N}Vᵀ, S^{1/N}, …, US^{1/N}."""
    at_least(1, depth=depth)
    u, s, vt = _svd(w)
    factors = np.stack([np.diag(s ** (1 / depth))] * depth)
    factors[0] = factors[0] @ vt
    factors[-1] = u @ factors[-1]
    return factors


def small_start(
    d: int, depth: int, *, size: float, seed: int
) -> Float64[np.ndarray, "depth d d"]:
    """Independent normal factors; the entries of W then have root mean square `size`.

    That is exact for the mean over seeds. Such factors are only roughly balanced.
    """
    above_zero(size=size)
    at_least(1, depth=depth)
    spread = (size / d ** ((depth - 1) / 2)) ** (1 / depth)
    return spread * _normal(stream(seed, f"deep linear start {d} {depth}"), depth, d, d)


class Completed(NamedTuple):
    """What descent made of several problems at once."""

    unseen: Float64[np.ndarray, "record run"]  # error on entries that are not observed
    first: Float64[np.ndarray, "run d d"]  # W at the first record, the start
    last: Float64[np.ndarray, "run d d"]  # W at the last record


@kept
def completed(
    problems: Entries,
    depth: int,
    *,
    start: float,
    seeds: Sequence[int],
    lr: float,
    steps: int,
    every: int,
) -> Completed:
    """The Completed of `stacked` problems, each from a `small_start` of its own seed.

    `start`: the root mean square entry of W there. `every`: the steps between records.
    """
    d = problems.target.shape[-1]
    drawn = [small_start(d, depth, size=start, seed=seed) for seed in seeds]
    w, _ = descend(problems, np.stack(drawn, 1), lr=lr, steps=steps, every=every)
    return Completed(problems.unseen_error(w), w[0], w[-1])


def imbalance(factors: Float64[np.ndarray, "depth d d"]) -> float:
    """The largest Frobenius norm of any A_{j+1}ᵀA_{j+1} − A_jA_jᵀ; 0 for depth 1."""
    gaps = transposed(factors[1:]) @ factors[1:] - factors[:-1] @ transposed(
        factors[:-1]
    )
    return float(linalg.norm(gaps, axis=(1, 2)).max(initial=0))


def weights(s: Float64[np.ndarray, " d"], depth: int) -> Float64[np.ndarray, "d d"]:
    """Σ_j σ_i^{2(j−1)/N} σ_k^{2(N−j)/N}: what the flow multiplies entry ik of Uᵀ∇V by.

    On the diagonal N σ^{2−2/N}. All ones for depth 1.
    """
    powers = s ** (2 * np.arange(depth)[:, None] / depth)
    return powers.T @ powers[::-1]


def end_to_end(
    w: Float64[np.ndarray, "d d"], gradient: Float64[np.ndarray, "d d"], depth: int
) -> Float64[np.ndarray, "d d"]:
    """ψ_W(∇) = Σ_j (WWᵀ)^{(j−1)/N} ∇ (WᵀW)^{(N−j)/N}; a balanced network has Ẇ = −ψ.

    Arora, Cohen and Hazan 2018.
    """
    u, s, vt = _svd(w)
    return u @ (weights(s, depth) * (u.T @ gradient @ vt.T)) @ vt


def step_errors(
    entries: Entries,
    factors: Float64[np.ndarray, "depth d d"],
    lrs: Sequence[float],
) -> Float64[np.ndarray, " lr"]:
    """‖ΔW/η + ψ‖ / ‖ψ‖ for one step of each size η from these factors."""
    w = product(factors)
    psi = end_to_end(w, entries.gradient(w), len(factors))
    moved = [(product(step(entries, factors, lr=lr)) - w) / lr for lr in lrs]
    return np.array([linalg.norm(m + psi) for m in moved]) / linalg.norm(psi)


def drifts(
    entries: Entries,
    factors: Float64[np.ndarray, "depth d d"],
    lrs: Sequence[float],
    *,
    time: float = 1.0,
) -> Float64[np.ndarray, " lr"]:
    """The imbalance after `time` (step size × steps) of descent, for each step size."""
    return np.array(
        [
            imbalance(descend(entries, factors, lr=lr, steps=round(time / lr))[1])
            for lr in lrs
        ]
    )


def root(b: Float64[np.ndarray, "d d"]) -> Float64[np.ndarray, "d d"]:
    """√B: the one positive semidefinite A with A² = B; refuses another kind of B."""
    values, vectors = linalg.eigh(b)
    if not np.allclose(b, b.T) or values[0] < -1e-12 * max(1.0, values[-1]):
        raise HlnbError("Only a positive semidefinite matrix has this root: give one.")
    return (vectors * np.sqrt(values.clip(0))) @ vectors.T


def notes_flow(
    b: Float64[np.ndarray, "d d"], gradient: Float64[np.ndarray, "d d"]
) -> Float64[np.ndarray, "d d"]:
    """√B ∇ √B, which the notes print for −Ḃ."""
    a = root(b)
    return a @ gradient @ a


def tied_flow(
    b: Float64[np.ndarray, "d d"], gradient: Float64[np.ndarray, "d d"]
) -> Float64[np.ndarray, "d d"]:
    """2A∇A + A²∇ + ∇A² with A = √B: −Ḃ if A itself is trained on L(A²), ∇ symmetric."""
    a = root(b)
    return 2 * a @ gradient @ a + a @ a @ gradient + gradient @ a @ a


def tied_step(
    a: Float64[np.ndarray, "d d"], gradient: Float64[np.ndarray, "d d"], *, lr: float
) -> Float64[np.ndarray, "d d"]:
    """A after a step of descent on L(A²), for symmetric A and ∇ = ∇L(A²)."""
    return a - lr * (a @ gradient + gradient @ a)


def symmetric_pair(
    d: int, *, seed: int, commuting: bool
) -> tuple[Float64[np.ndarray, "d d"], Float64[np.ndarray, "d d"]]:
    """A positive semidefinite B and a symmetric ∇, with its eigenvectors or not."""
    a, other = (random_matrix(d, seed=seed, of=of) for of in ("root", "gradient"))
    b = a @ a.T
    if not commuting:
        return b, other + other.T
    _, vectors = linalg.eigh(b)
    return b, (vectors * np.diag(other)) @ vectors.T


def best_factor(
    form: Float64[np.ndarray, "d d"], simple: Float64[np.ndarray, "d d"]
) -> tuple[float, float]:
    """The c that brings c · simple closest to `form`, and the share that this misses.

    ‖form − c · simple‖ / ‖form‖ in the Frobenius norm.
    """
    c = float((form * simple).sum() / (simple**2).sum())
    return c, float(linalg.norm(form - c * simple) / linalg.norm(form))


def compared(
    b: Float64[np.ndarray, "d d"], gradient: Float64[np.ndarray, "d d"]
) -> Float64[np.ndarray, "2 2"]:
    """`best_factor` for the notes' form, by rows: shared factors, separate factors."""
    simple = notes_flow(b, gradient)
    forms = (tied_flow(b, gradient), end_to_end(b, gradient, 2))
    return np.array([best_factor(form, simple) for form in forms])


def tied_error(
    b: Float64[np.ndarray, "d d"],
    gradient: Float64[np.ndarray, "d d"],
    *,
    h: float = 1e-3,
) -> float:
    """Relative distance between `tied_flow` and how A² moves in a step of A.

    The move is taken between steps of h and −h, so that its h² term cancels and
    rounding alone is left.
    """
    up, down = (tied_step(root(b), gradient, lr=lr) for lr in (h, -h))
    flow_ = tied_flow(b, gradient)
    moved = (up @ up - down @ down) / (2 * h)
    return float(linalg.norm(moved + flow_) / linalg.norm(flow_))


def exponent(
    w: Float64[np.ndarray, "d d"], gradient: Float64[np.ndarray, "d d"], depth: int
) -> float:
    """p in ψ_{2W} = 2^p ψ_W: what the exponents of a term of ψ sum to."""
    twice, once = (end_to_end(c * w, gradient, depth) for c in (2, 1))
    return float(np.log2(linalg.norm(twice) / linalg.norm(once)))


def growth_rates(s: Float64[np.ndarray, " d"], depth: int) -> Float64[np.ndarray, " d"]:
    """Ẇ_ii of a balanced diagonal network with ∇ = −I, by central differences in η."""
    at, h = balanced(np.diag(s), depth), 1e-4
    moves = pulled_back(at, np.eye(len(s)))
    up, down = (product(at + lr * moves) for lr in (h, -h))
    return np.diagonal(up - down) / (2 * h)


def grown(
    s: Float64[np.ndarray, " d"], time: float, *, depth: int, pull: float = 1.0
) -> Float64[np.ndarray, " d"]:
    """Singular values after `time` of σ̇ = N σ^{2−2/N} g with one pull g for all.

    Depth 1: σ + gt. Depth 2: σ e^{2gt}. Deeper: σ^{2/N−1} falls by (N − 2) g t, and σ
    is infinite when that reaches 0; refuses a `time` from then on.
    """
    if depth == 1:
        return s + pull * time
    if depth == 2:
        return s * np.exp(2 * pull * time)
    left = s ** (2 / depth - 1) - (depth - 2) * pull * time
    if (left <= 0).any():
        raise HlnbError(f"At time {time} a singular value is infinite: take less time.")
    return left ** (-depth / (depth - 2))


def time_to(s: float, end: float, *, depth: int, pull: float = 1.0) -> float:
    """When a singular value that starts at `s` has `grown` to `end`."""
    if depth == 1:
        return (end - s) / pull
    if depth == 2:
        return float(np.log(end / s)) / (2 * pull)
    return (s ** (2 / depth - 1) - end ** (2 / depth - 1)) / ((depth - 2) * pull)


def pulled(
    s: Float64[np.ndarray, " d"], *, depth: int, time: float, steps: int
) -> Float64[np.ndarray, "t d"]:
    """Diagonals of W = diag(s) under descent on the loss −Σ w_ii, in `steps` steps."""
    factors, seen = balanced(np.diag(s), depth), [s]
    for _ in range(steps):
        factors = factors + time / steps * pulled_back(factors, np.eye(len(s)))
        seen.append(np.diagonal(product(factors)))
    return np.stack(seen)


def schatten(w: Float64[np.ndarray, "*run d d"], p: float) -> np.ndarray | float:
    """(Σ σ^p)^{1/p}: nuclear for p = 1, Frobenius for 2, spectral for inf."""
    s = np.linalg.svd(w, compute_uv=False)
    if np.isinf(p):
        return s[..., 0]
    return (s**p).sum(-1) ** (1 / p)


def effective_rank(w: Float64[np.ndarray, "*run d d"]) -> np.ndarray | float:
    """exp of the entropy of σ / Σσ; Roy and Vetterli 2007. NaN if W is not finite."""
    if not (ended := np.isfinite(w).all((-2, -1))).all():
        known = effective_rank(np.where(ended[..., None, None], w, 1.0))
        return np.where(ended, known, np.nan)
    s = np.linalg.svd(w, compute_uv=False)
    p = s / s.sum(-1, keepdims=True)
    return np.exp(-(p * np.log(np.where(p > 0, p, 1))).sum(-1))


def least_corner(loss: Float64[np.ndarray, " t"]) -> Float64[np.ndarray, " t"]:
    """The least |w₁₁| that det W ≥ 0 allows in `corner` at these losses, 0 to ¼.

    (1 − a)² / √(2(ℓ − a²)) at w₁₂ = w₂₁ = 1 − a, with a² + a = 2ℓ; near 1/√(2ℓ).
    """
    if (loss > 0.25).any() or (loss <= 0).any():
        raise HlnbError("The bound holds for losses from 0 to 1/4: leave out others.")
    a = (np.sqrt(1 + 8 * loss) - 1) / 2
    return (1 - a) ** 2 / np.sqrt(2 * (loss - a**2))


def corner_starts(
    n: int, depth: int, *, size: float, seed: int
) -> tuple[
    Float64[np.ndarray, "depth n 2 2"],
    Float64[np.ndarray, "depth n 2 2"],
]:
    """Factors of n random W: as drawn by `small_start`, and balanced ones of each W."""
    drawn = [small_start(2, depth, size=size, seed=n * seed + i) for i in range(n)]
    even = [balanced(product(factors), depth) for factors in drawn]
    return np.stack(drawn, axis=1), np.stack(even, axis=1)


@kept
def least_nuclear(
    entries: Entries, *, steps: int = 3000, last: float = 1e-3
) -> Float64[np.ndarray, "d d"]:
    """Nearly the matrix of least nuclear norm that agrees with the observed entries.

    Soft-impute (Mazumder, Hastie and Tibshirani 2010): fill in, shrink singular values
    by a penalty that falls to `last` and stays there for the last third of the steps.
    """
    filled = np.where(entries.seen, entries.target, 0)
    penalties = np.geomspace(schatten(filled, np.inf), last, 2 * steps // 3)
    w = np.zeros_like(filled)
    for penalty in [*penalties, *[last] * (steps - len(penalties))]:
        u, s, vt = np.linalg.svd(np.where(entries.seen, entries.target, w))
        w = (u * (s - penalty).clip(0)) @ vt
    return w


def first_at_most(loss: Float64[np.ndarray, "record run"], level: float) -> np.ndarray:
    """The first record of each run with a loss ≤ `level`; the last if there is none."""
    hit = loss <= level
    return np.where(hit.any(0), hit.argmax(0), len(loss) - 1)


def asymmetry(
    field: Callable[[Float64[np.ndarray, " k"]], Float64[np.ndarray, " k"]],
    at: Float64[np.ndarray, " k"],
    *,
    h: float = 1e-5,
) -> float:
    """‖J − Jᵀ‖ / ‖J‖ of the field's Jacobian J, by central differences.

    Zero, but for rounding, where the field is the gradient of a function.
    """
    columns = [
        (field(at + h * e) - field(at - h * e)) / (2 * h) for e in np.eye(len(at))
    ]
    jacobian = np.stack(columns, axis=1)
    size = max(linalg.norm(jacobian), h)  # 0/0 is no asymmetry
    return float(linalg.norm(jacobian - jacobian.T) / size)


def row_flow(
    w: Float64[np.ndarray, " d"], gradient: Float64[np.ndarray, " d"], depth: int
) -> Float64[np.ndarray, " d"]:
    """ψ for one output: ‖w‖^{2−2/N} (∇ + (N − 1) ⟨∇, w⟩ w / ‖w‖²)."""
    size = linalg.norm(w)
    along = (gradient @ w) * w / size**2
    return size ** (2 - 2 / depth) * (gradient + (depth - 1) * along)


def row_asymmetry(
    w: Float64[np.ndarray, " d"], gradient: Float64[np.ndarray, " d"], depth: int
) -> float:
    """`asymmetry` of `row_flow` for a linear loss, whose gradient is the same at all w.

    J − Jᵀ is −(N − 1)(N − 2)/N · ‖w‖^{−2/N} (∇wᵀ − w∇ᵀ): zero for N = 1 and 2 only.
    """
    return asymmetry(lambda at: row_flow(at, gradient, depth), w)


def matrix_asymmetry(
    entries: Entries, w: Float64[np.ndarray, "d d"], depth: int
) -> float:
    """`asymmetry` of W ↦ ψ_W(∇L(W))."""

    def field(flat: Float64[np.ndarray, " k"]) -> Float64[np.ndarray, " k"]:
        at = flat.reshape(w.shape)
        return end_to_end(at, entries.gradient(at), depth).ravel()

    return asymmetry(field, w.ravel())


def operator(w: Float64[np.ndarray, "d d"], depth: int) -> Float64[np.ndarray, "k k"]:
    """ψ_W as a matrix that acts on the entries of ∇, row by row."""
    units = np.eye(w.size).reshape(-1, *w.shape)
    return np.stack([end_to_end(w, unit, depth).ravel() for unit in units], axis=1)
