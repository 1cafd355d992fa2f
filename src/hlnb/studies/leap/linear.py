"""Methods whose answers are linear in fixed features: kernels and random features.

They are the contrast to `sgd`: "z_1z_2z_3 and z_1 + z_1z_2 + z_1z_2z_3 both require
Ω(d³) samples" (Abbe, Boix-Adsera & Misiakiewicz 2022). Kernels are in float64.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations, islice

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hlnb.data.boolean import Polynomial, Support, characters, cube, signs
from hlnb.errors import HlnbError, above_zero, at_least
from hlnb.kept import kept
from hlnb.seeding import stream
from hlnb.studies.leap.limit import hermite_coefficients, hermite_rule
from hlnb.studies.leap.sgd import activate, check_activation, learn, slope
from hlnb.training.executors import Here
from hlnb.training.loop import one_thread

TERMS = 40  # degrees of a kernel's series; the shifted sigmoid's fall geometrically
LINEAR = ("its tangent kernel", "cubic kernel", "random features")
PENALTIES = (1e-6, 1e-3, 1.0)  # of ridge regression, on a kernel of mean diagonal 1


def tangent_series(
    *, d: int, activation: str = "sigmoid", shift: float = 1.0
) -> Float[np.ndarray, " degree"]:
    """Coefficients of Σ_r k_r u^r, the tangent kernel at ⟨x, x'⟩ = d·u.

    N times the kernel of `mean_field_network` at the start, for N → ∞, both layers
    learning: E σ(g)σ(g') + E[a²] ⟨x, x'⟩ E σ'(g)σ'(g'), with g, g' normal of
    correlation u. By Mehler's formula E φ(g)φ(g') = Σ_r c_r² u^r, c_r the Hermite
    coefficients of φ; the first TERMS of them are taken.
    """
    check_activation(activation)
    value = activate(hermite_rule(128)[0], activation, shift)
    squares = [
        hermite_coefficients(phi, 128, upto=TERMS) ** 2
        for phi in (value, slope(value, activation))
    ]
    squares[0][1:] += d / 3 * squares[1][:-1]
    return squares[0]


def dot_kernel(
    series: Sequence[float] | Float[np.ndarray, " degree"],
    x: Float[Tensor, "n d"],
    z: Float[Tensor, "m d"],
) -> Float[Tensor, "n m"]:
    """Σ_r series[r] u^r with u = ⟨x, z⟩ / d, in float64."""
    u = x.double() @ z.double().T / x.shape[1]
    total = torch.zeros_like(u)
    for coefficient in reversed([*series]):
        total = total * u + coefficient
    return total


def relu_features(
    x: Float[Tensor, "n d"], *, q: int, seed: int
) -> Float[Tensor, "n feature"]:
    """q random features ReLU(⟨v, x⟩/√d + b), v and b standard normal, in float64."""
    generator = stream(seed, "features")
    d = x.shape[1]
    v = torch.randn((q, d), generator=generator, dtype=torch.float64) / math.sqrt(d)
    b = torch.randn(q, generator=generator, dtype=torch.float64)
    return torch.addmm(b, x.double(), v.T).relu()


def ridge(
    kernel: Float[Tensor, "n n"],
    y: Float[Tensor, "n target"],
    rows: Float[Tensor, "m n"],
    *,
    penalty: float,
) -> Float[Tensor, "m target"]:
    """Predictions of kernel ridge regression, one column for each column of y.

    `rows`: the kernel between new inputs and those of training. `penalty` is added to a
    kernel that was divided by its mean diagonal.
    """
    scale = kernel.diagonal().mean()
    shifted = kernel / scale
    shifted.diagonal().add_(penalty)
    factor = torch.linalg.cholesky(shifted)
    return rows @ torch.cholesky_solve(y.double(), factor) / scale


def ridge_risks(
    kernels: Mapping[str, Float[Tensor, "_ n"]],
    targets: Mapping[str, Float[Tensor, "_ target"]],
    *,
    penalties: Sequence[float] = PENALTIES,
) -> Float[np.ndarray, " target"]:
    """Test risk of ridge regression over the target's mean square, for each target.

    Each target gets the penalty of least validation risk. Both mappings have `train`,
    `validation` and `test`; a kernel's columns are the training inputs. Refuses an
    empty list of penalties, and any that are not above 0.
    """
    above_zero(penalties=penalties)
    held_out = ("validation", "test")
    rows = torch.cat([kernels[name] for name in held_out])
    truth = torch.cat([targets[name] for name in held_out]).double()
    n = len(kernels["validation"])
    risks = []
    for penalty in penalties:
        guess = ridge(kernels["train"], targets["train"], rows, penalty=penalty)
        wrong = (guess - truth).square()
        risks.append((wrong[:n].mean(0), wrong[n:].mean(0)))
    validation, test = (torch.stack(part) for part in zip(*risks, strict=True))
    best = validation.argmin(0)
    chosen = test[best, torch.arange(test.shape[1])]
    return (chosen / truth[n:].square().mean(0)).numpy()


@kept
def linear_risks(
    method: str,
    supports: Sequence[Support],
    *,
    d: int,
    n: int,
    seed: int,
    q: int = 2000,
    n_validation: int = 500,
    n_test: int = 2000,
) -> Float[np.ndarray, " target"]:
    """Test risk over variance of a method on n samples: each monomial, then their sum.

    its tangent kernel: of `mean_field_network`, infinitely wide.
    cubic kernel: (1 + ⟨x, x'⟩)³.
    random features: `q` of `relu_features`.

    Penalties as in `ridge_risks`. Refuses a method that is none of LINEAR, sizes below
    1, and terms that do not fit d coordinates.
    """
    if method not in LINEAR:
        raise HlnbError(f"There is no linear method {method!r}: take one of {LINEAR}.")
    sizes = {"train": n, "validation": n_validation, "test": n_test}
    at_least(1, n=n, q=q, n_validation=n_validation, n_test=n_test)
    if max(map(max, supports)) >= d:
        raise HlnbError(f"d = {d} has no room for the terms {supports}: raise d.")
    with one_thread():
        return _linear_risks(method, supports, d, sizes, seed, q)


def _linear_risks(
    method: str,
    supports: Sequence[Support],
    d: int,
    sizes: Mapping[str, int],
    seed: int,
    q: int,
) -> Float[np.ndarray, " target"]:
    x = {name: signs(m, d, generator=stream(seed, name)) for name, m in sizes.items()}
    each = {name: characters(rows, supports).double() for name, rows in x.items()}
    y = {name: torch.cat([t, t.sum(1, keepdim=True)], 1) for name, t in each.items()}
    if method == "random features":
        phi = {name: relu_features(rows, q=q, seed=seed) for name, rows in x.items()}
        kernels = {name: rows @ phi["train"].T for name, rows in phi.items()}
    else:
        cubic = [math.comb(3, r) * float(d) ** r for r in range(4)]
        series = cubic if method == "cubic kernel" else tangent_series(d=d)
        kernels = {
            name: dot_kernel(series, rows, x["train"]) for name, rows in x.items()
        }
    return ridge_risks(kernels, y)


def linear_floor(n: int, *, d: int, k: int) -> float:
    """The lowest risk that a linear method can have: 1 − n/C(d, k), or 0.

    Of any n-dimensional space V of functions, Σ_S ‖P_V χ_S‖² ≤ n, since the χ_S are
    orthonormal. So the mean over all S of k coordinates of the squared distance of χ_S
    from V is at least this. n: samples of a kernel method, or features.
    """
    return max(0.0, 1 - n / math.comb(d, k))


MAPS = (
    "random ReLUs",
    "tangent kernel",
    "units trained on another staircase",
    "some of the monomials",
)


def features_on_cube(
    name: str, *, d: int, q: int, seed: int
) -> Float[Tensor, "point feature"]:
    """q features on all points of the cube, by a map that is one of MAPS.

    random ReLUs: `relu_features`. tangent kernel: between each point and q samples.
    units trained on another staircase: of a network of width q that has learned
    z_4 + z_4z_5 + z_4z_5z_6, for a time of 200. some of the monomials: the first q of
    degree 3. Refuses d below 6, and a map that is none of these.
    """
    at_least(6, d=d)
    points = cube(d)
    if name == MAPS[0]:
        return relu_features(points, q=q, seed=seed)
    if name == MAPS[1]:
        chosen = signs(q, d, generator=stream(seed, "train"))
        return dot_kernel(tangent_series(d=d), points, chosen)
    if name == MAPS[2]:
        weights = _trained_units(d, q, seed)
        return torch.sigmoid(points.double() @ weights.double().T - 1)
    if name == MAPS[3]:
        supports = list(islice(combinations(range(d), 3), q))
        return characters(points, supports).double()
    raise HlnbError(f"There is no feature map {name!r}: take one of {MAPS}.")


def _trained_units(d: int, width: int, seed: int) -> Float[Tensor, "unit d"]:
    target = Polynomial(
        *(d, ((3,), (3, 4), (3, 4, 5)), (1.0, 1.0, 1.0)), n_validation=1, n_test=100
    )
    found = learn(
        target,
        seeds=[seed],
        width=width,
        step=0.5,
        batch_size=100,
        time=200.0,
        every=100,
        weights=True,
        executor=Here(),
    )
    return torch.tensor(found.of("units.weight")[0, -1])


def left_by(
    features: Float[Tensor, "point feature"], *, k: int
) -> Float[np.ndarray, " support"]:
    """What the best combination of features leaves of each monomial of degree k.

    The features' values on the whole cube; supports in the order of `combinations`.
    """
    d = len(features).bit_length() - 1
    V, sizes, _ = torch.linalg.svd(features, full_matrices=False)
    V = V[:, sizes > 1e-10 * sizes[0]]
    supports = list(combinations(range(d), k))
    inside = V.T @ characters(cube(d), supports).double()
    return (1 - inside.square().sum(0) / len(features)).numpy()
