"""Two-layer networks in the mean-field scaling, their limit, and linear methods.

f(x) = 1/N Σ_j a_j σ(⟨w_j, x⟩) on x in {−1, 1}^d, where f has to follow a target of the
first P coordinates. Source: Abbe, Boix-Adsera & Misiakiewicz 2022.
"""

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float, Real
from torch import Tensor

from hlnb.data.boolean import Polynomial, Support, characters, cube, signs
from hlnb.errors import HlnbError
from hlnb.kept import kept
from hlnb.metrics import fourier
from hlnb.metrics.hitting import first_hit
from hlnb.metrics.measures import Loss, Weights
from hlnb.models import Initialization, Model, Params
from hlnb.results import Result
from hlnb.schedules import simultaneous
from hlnb.seeding import stream
from hlnb.training import grid, sweep

ACTIVATIONS = ("sigmoid", "tanh")
NODES = 16  # of the Gauss–Hermite rule over the rest of the input
READOUTS = 32  # values of a at the start: nodes of a Gauss–Legendre rule on [−1, 1]
TERMS = 40  # degrees of a kernel's series; the shifted sigmoid's fall geometrically
LINEAR = ("its tangent kernel", "cubic kernel", "random features")
PENALTIES = (1e-6, 1e-3, 1.0)  # of ridge regression, on a kernel of mean diagonal 1


def activate(
    x: Float[Tensor, "*n"], activation: str, shift: float
) -> Float[Tensor, "*n"]:
    """σ(x): 1/(1 + e^{−x + shift}), or tanh(x − shift)."""
    return torch.sigmoid(x - shift) if activation == "sigmoid" else (x - shift).tanh()


def slope(value: Float[Tensor, "*n"], activation: str) -> Float[Tensor, "*n"]:
    """σ'(x), from the value σ(x)."""
    return value * (1 - value) if activation == "sigmoid" else 1 - value.square()


def check_sizes(**lists: Sequence[int]) -> None:
    """Refuses lists of sizes that are empty or hold less than 1."""
    for name, sizes in lists.items():
        if not sizes or min(sizes) < 1:
            raise HlnbError(f"{name} = {sizes}: name at least one number, from 1 up.")


def _check_activation(activation: str) -> None:
    if activation not in ACTIVATIONS:
        raise HlnbError(
            f"There is no activation {activation!r} here: take one of {ACTIVATIONS}."
        )


@dataclass(frozen=True)
class Units:
    """x ↦ σ(W x), no bias; √d·W standard normal at the start, whatever the model asks.

    So a unit's input has variance 1 on the cube, and one coordinate's share is 1/d.
    """

    name: str
    d: int
    width: int
    activation: str = "sigmoid"
    shift: float = 1.0

    def __post_init__(self):
        _check_activation(self.activation)

    def init(
        self, generator: torch.Generator, law: Initialization
    ) -> dict[str, Tensor]:
        weight = torch.randn((self.width, self.d), generator=generator)
        return {f"{self.name}.weight": weight / math.sqrt(self.d)}

    def apply(self, params: Params, x: Float[Tensor, "n d"]) -> Float[Tensor, "n unit"]:
        inputs = x @ params[f"{self.name}.weight"].mT
        return activate(inputs, self.activation, self.shift)


@dataclass(frozen=True)
class Mean:
    """h ↦ 1/N Σ_j a_j h_j, the one output; a uniform on [−1, 1] at the start."""

    name: str
    width: int

    def init(
        self, generator: torch.Generator, law: Initialization
    ) -> dict[str, Tensor]:
        weight = 2 * torch.rand((1, self.width), generator=generator) - 1
        return {f"{self.name}.weight": weight}

    def apply(self, params: Params, x: Float[Tensor, "n unit"]) -> Float[Tensor, "n 1"]:
        return x @ params[f"{self.name}.weight"].mT / self.width


def mean_field_network(
    *, d: int, width: int, activation: str = "sigmoid", shift: float = 1.0
) -> Model:
    """The network of Abbe et al. 2022, eq. (1): layers `units` and `mean`."""
    if d < 1 or width < 1:
        raise HlnbError(f"d = {d}, width = {width}: take whole numbers from 1 up.")
    return Model((Units("units", d, width, activation, shift), Mean("mean", width)))


def learning_rate(*, width: int, step: float) -> float:
    """The rate on the mean squared error that makes a mean-field step of size `step`.

    A mean-field step moves a_j by step · E[(y − f) σ_j] and w_j by
    step · a_j E[(y − f) σ'_j x]: the gradient of a_jσ_j is not divided by N. The
    squared error's gradient has a factor 2, and f one of 1/N.
    """
    return width * step / 2


@dataclass(frozen=True)
class Missing:
    """What a term still lacks: its coefficient less the network's, on a batch.

    1 at the start where the coefficient is 1 and f is near 0; 0 when it is learned.
    """

    support: Support
    coefficient: float = 1.0
    on: str = "test"

    def __call__(self, params, batch, outputs) -> Tensor:
        found = fourier.Coefficients((self.support,), self.on)
        return self.coefficient - found(params, batch, outputs)[0]


def learn(
    target: Polynomial,
    *,
    seeds: Iterable[int],
    width: int,
    step: float,
    batch_size: int,
    time: float,
    every: int = 10,
    activation: str = "sigmoid",
    shift: float = 1.0,
    until: float | None = None,
    weights: bool = False,
    executor: Executor | None = None,
) -> Result:
    """The Result of one-pass SGD on fresh batches, to a time of step size × steps.

    Traces: `risk` on the test batch, `coefficients` of the target's terms, `missing` of
    its last one; the parameters too where `weights`. Recorded `every` so many steps,
    which make an epoch. until: a run ends when its `missing` is down to this.
    """
    model = mean_field_network(
        d=target.d, width=width, activation=activation, shift=shift
    )
    rate = learning_rate(width=width, step=step)
    runs = grid(seeds, [rate])
    if not (math.isfinite(time) and time > 0 and every >= 1):
        raise HlnbError(f"time = {time}, every = {every}: take numbers above 0.")
    measures = {
        "risk": Loss("test"),
        "coefficients": fourier.Coefficients(target.supports),
        "missing": Missing(target.supports[-1], target.coefficients[-1]),
    }
    if weights:
        measures |= {f"{name}.weight": Weights(name) for name in model.names}
    return sweep(
        target,
        model,
        simultaneous(model, epochs=math.ceil(time / step / every)),
        runs,
        measures=measures,
        n_train=every * batch_size,
        batch_size=batch_size,
        online=True,
        until=None if until is None else {"missing": until},
        executor=executor,
    )


def passing(
    at: Real[np.ndarray, " record"],
    coefficients: Float[np.ndarray, "*run record"],
    *,
    level: float,
) -> Float[np.ndarray, "*run"]:
    """The first `at` whose coefficient is ≥ `level`; inf where there is none."""
    return first_hit(at, -coefficients, threshold=-level)


def growth_exponents(
    times: Mapping[int, Float[np.ndarray, " run"]],
) -> Float[np.ndarray, " run"]:
    """The slope of log time against log d, by least squares, for each run.

    `times[d]`: one time a run. Censored times (inf) are left out; NaN for a run with
    fewer than two.
    """
    ds, values = np.log([*times]), np.log(np.stack([*times.values()], 1))
    slopes = []
    for run in values:
        reached = np.isfinite(run)
        some = reached.sum() > 1
        slopes.append(np.polyfit(ds[reached], run[reached], 1)[0] if some else np.nan)
    return np.array(slopes)


def best_order(supports: Sequence[Support]) -> list[tuple[Support, int]]:
    """The supports in an order of the lowest steps, each with its new coordinates."""
    left, seen, found = list(supports), set[int](), []
    while left:
        nearest = min(left, key=lambda support: (len(set(support) - seen), support))
        found.append((nearest, len(set(nearest) - seen)))
        seen |= set(nearest)
        left.remove(nearest)
    return found


def reachable(supports: Sequence[Support]) -> frozenset[int]:
    """The coordinates that steps of one new coordinate reach, from none."""
    seen = set[int]()
    while new := {
        i
        for support in supports
        for i in set(support) - seen
        if len(set(support) - seen) == 1
    }:
        seen |= new
    return frozenset(seen)


def out_of_reach(target: Polynomial) -> float:
    """Σ c_S² over the supports that are not within `reachable`.

    The limit flow's risk never falls below it: such a flow's f depends on reachable
    coordinates only, see `flow`.
    """
    seen = reachable(target.supports)
    pairs = zip(target.supports, target.coefficients, strict=True)
    return math.fsum(c**2 for support, c in pairs if not set(support) <= seen)


@dataclass(frozen=True)
class Particles:
    """Units of the limit: readouts a, weights u on P coordinates, norms s of the rest.

    `share`: each particle's probability.
    """

    a: Float[Tensor, " unit"]
    u: Float[Tensor, "unit P"]
    s: Float[Tensor, " unit"]
    share: Float[Tensor, " unit"]

    def moved(self, velocity: "Particles", by: float) -> "Particles":
        """These particles after a time `by` at a velocity."""
        return Particles(
            self.a + by * velocity.a,
            self.u + by * velocity.u,
            self.s + by * velocity.s,
            self.share,
        )


@kept
def limit_start(
    P: int, *, n: int = READOUTS, kick: Sequence[float] | None = None
) -> Particles:
    """Particles at d = ∞: u = 0, s = 1, and a uniform, by a Gauss–Legendre rule.

    kick: u of every particle at the start instead of 0, as an error of that size.
    """
    nodes, weights = np.polynomial.legendre.leggauss(n)
    a = torch.tensor(nodes)
    u = torch.zeros(P, dtype=torch.float64) if kick is None else torch.tensor(kick)
    return Particles(
        a,
        u.double().expand(n, P).clone(),
        torch.ones_like(a),
        torch.tensor(weights) / 2,
    )


def finite_start(P: int, *, d: int, width: int, seed: int) -> Particles:
    """Particles drawn as the units of a network in dimension d.

    What is kept of a finite d is the start: each weight on a relevant coordinate is
    normal with variance 1/d. The rest enters by its norm alone.
    """
    if d < P:
        raise HlnbError(f"d = {d} has no room for P = {P} coordinates: raise d.")
    generator = stream(seed, "particles")
    a = 2 * torch.rand(width, generator=generator, dtype=torch.float64) - 1
    u = torch.randn((width, P), generator=generator, dtype=torch.float64)
    s = torch.full_like(a, math.sqrt(1 - P / d))
    return Particles(a, u / math.sqrt(d), s, torch.full_like(a, 1 / width))


def hermite_rule(
    n: int = NODES,
) -> tuple[Float[Tensor, " node"], Float[Tensor, " node"]]:
    """Nodes and weights with which Σ w φ(node) is E φ(G), G a standard normal."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(n)
    return torch.tensor(nodes), torch.tensor(weights / math.sqrt(2 * math.pi))


def hermite_coefficients(
    values: Float[Tensor, " node"], nodes: int, *, upto: int
) -> Float[np.ndarray, " degree"]:
    """E[φ(G) he_r(G)] for r = 0 … upto, he_r normalized, of φ on a `hermite_rule`.

    √(r!) times the coefficient is E φ^(r)(G).
    """
    at, weights = hermite_rule(nodes)
    rows = [torch.ones_like(at), at]
    for r in range(1, upto):
        rows.append((at * rows[r] - math.sqrt(r) * rows[r - 1]) / math.sqrt(r + 1))
    return (torch.stack(rows[: upto + 1]) @ (values * weights)).numpy()


def mean_derivatives(
    activation: str, shift: float, *, upto: int
) -> Float[np.ndarray, " degree"]:
    """E σ^(r)(G) for r = 0 … upto: what a unit's chain of r new coordinates starts on.

    The r-th derivative of the unit's mean output in the direction of u, at the start.
    """
    _check_activation(activation)
    values = activate(hermite_rule(128)[0], activation, shift)
    found = hermite_coefficients(values, 128, upto=upto)
    return found * np.sqrt([math.factorial(r) for r in range(upto + 1)])


@dataclass(frozen=True)
class Field:
    """The velocity of particles that follow a target: the limit's gradient flow.

    A particle's f is a · E_G σ(⟨u, z⟩ + s G), and their mean is the network's. Each
    moves by its share of −½ ∇ risk, divided by the share: da/dt = E_z[(h − f) E_G σ],
    du/dt = a E_z[(h − f) z E_G σ'], ds/dt = a E_z[(h − f) E_G[G σ']].

    values: the target h on `cube(P)`. still: coordinates i whose u_i do not move.
    tied: coordinates whose u_i share the mean of their velocities.
    """

    values: Float[Tensor, " point"]
    activation: str = "sigmoid"
    shift: float = 1.0
    still: tuple[int, ...] = ()
    tied: tuple[int, ...] = ()

    @cached_property
    def z(self) -> Float[Tensor, "point P"]:
        return cube(len(self.values).bit_length() - 1).double()

    @cached_property
    def rule(self) -> tuple[Float[Tensor, " node"], Float[Tensor, "node 2"]]:
        """Nodes of G; weights of φ ↦ E φ(G) and of φ ↦ E[G φ(G)]."""
        at, weights = hermite_rule()
        return at, torch.stack([weights, weights * at], 1)

    def units(self, particles: Particles) -> Float[Tensor, "unit point node"]:
        """σ(⟨u, z⟩ + s G) of each particle, at each z and node of G."""
        at = self.rule[0]
        along = particles.u @ self.z.T
        inputs = along[:, :, None] + (particles.s[:, None] * at)[:, None, :]
        return activate(inputs, self.activation, self.shift)

    def outputs(self, particles: Particles) -> Float[Tensor, " point"]:
        """f on the cube."""
        mean = self.units(particles) @ self.rule[1][:, 0]
        return (particles.share * particles.a) @ mean

    def risk(self, particles: Particles) -> float:
        """E (h − f)², exact over z."""
        return float((self.values - self.outputs(particles)).square().mean())

    def __call__(self, particles: Particles) -> Particles:
        """da/dt, du/dt and ds/dt, in the place of a, u and s."""
        values, weights = self.units(particles), self.rule[1]
        mean = values @ weights[:, 0]
        steep, along = (slope(values, self.activation) @ weights).unbind(-1)
        left = (self.values - (particles.share * particles.a) @ mean) / len(self.values)
        u = particles.a[:, None] * ((steep * left) @ self.z)
        if self.still:
            u[:, list(self.still)] = 0
        if self.tied:
            u[:, list(self.tied)] = u[:, list(self.tied)].mean(1, keepdim=True)
        return Particles(mean @ left, u, particles.a * (along @ left), particles.share)


def limit_field(
    target: Polynomial,
    *,
    activation: str = "sigmoid",
    shift: float = 1.0,
    enforce: bool = True,
) -> Field:
    """The Field of a target whose coordinates, all target.d of them, are relevant.

    enforce: u_i of coordinates out of reach stay 0 to the bit, as in the exact flow.
    For such an i and any support S, E[χ_S z_i | reachable z] is 0 unless i is the one
    new coordinate of S, and then it would be within reach. Without it, they move by
    the rounding errors of these sums.
    """
    _check_activation(activation)
    values = target.target(cube(target.d).double())
    still = set(range(target.d)) - reachable(target.supports) if enforce else ()
    return Field(values, activation, shift, tuple(sorted(still)))


@dataclass(frozen=True)
class Flow:
    """What a flow did: risk, Fourier coefficients of f, and the largest weights."""

    times: Float[np.ndarray, " record"]
    risk: Float[np.ndarray, " record"]
    coefficients: Float[np.ndarray, "record subset"]  # as in `fourier.walsh_hadamard`
    largest: Float[np.ndarray, "record P"]  # max over particles of |u_i|

    def of(self, support: Support) -> Float[np.ndarray, " record"]:
        return self.coefficients[:, fourier.index(support)]


def runge_kutta(
    field: Callable[[Particles], Particles], particles: Particles, h: float
) -> Particles:
    """Particles after a time h: one step of the classical method of order 4."""
    one = field(particles)
    two = field(particles.moved(one, h / 2))
    three = field(particles.moved(two, h / 2))
    four = field(particles.moved(three, h))
    for velocity, by in ((one, 1), (two, 2), (three, 2), (four, 1)):
        particles = particles.moved(velocity, by * h / 6)
    return particles


@kept
def flow(
    field: Field,
    particles: Particles,
    *,
    time: float,
    h: float = 0.5,
    every: int = 1,
    until: tuple[Support, float] | None = None,
) -> Flow:
    """The Flow from `particles` to a `time`, in steps of h, recorded every few steps.

    until: a support and the coefficient at which the flow ends early.
    """
    if not (h > 0 and time >= h and every >= 1):
        raise HlnbError(f"No step of h = {h} fits a time of {time}: lower h.")
    with _one_thread():
        return _flow(field, particles, math.floor(time / h + 1e-9), h, every, until)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """One thread: steps are small, and roundings that a flow magnifies, the same."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _flow(
    field: Field,
    particles: Particles,
    steps: int,
    h: float,
    every: int,
    until: tuple[Support, float] | None,
) -> Flow:
    records = []
    for step in range(steps + 1):
        if step:
            particles = runge_kutta(field, particles, h)
        if step % every:
            continue
        f = field.outputs(particles)
        records.append(
            (
                step * h,
                float((field.values - f).square().mean()),
                fourier.walsh_hadamard(f).numpy(),
                particles.u.abs().amax(0).numpy(),
            )
        )
        if until and records[-1][2][fourier.index(until[0])] >= until[1]:
            break
    return Flow(*(np.array(column) for column in zip(*records, strict=True)))


@kept
def escape_times(
    target: Polynomial,
    *,
    d: int,
    width: int,
    seed: int,
    levels: Sequence[float],
    time: float,
) -> Float[np.ndarray, " level"]:
    """When the last term's coefficient passes each level in a flow from `finite_start`.

    inf where it does not by `time`. Targets live on their own coordinates.
    """
    last = target.supports[-1]
    found = flow(
        limit_field(target, enforce=False),
        finite_start(target.d, d=d, width=width, seed=seed),
        time=time,
        h=1.0,
        until=(last, max(levels)),
    )
    of = found.of(last)
    return np.array([passing(found.times, of, level=level) for level in levels])


def tangent_series(
    *, d: int, activation: str = "sigmoid", shift: float = 1.0
) -> Float[np.ndarray, " degree"]:
    """Coefficients of Σ_r k_r u^r, the tangent kernel at ⟨x, x'⟩ = d·u.

    N times the kernel of `mean_field_network` at the start, for N → ∞, both layers
    learning: E σ(g)σ(g') + E[a²] ⟨x, x'⟩ E σ'(g)σ'(g'), with g, g' normal of
    correlation u. By Mehler's formula E φ(g)φ(g') = Σ_r c_r² u^r, c_r the Hermite
    coefficients of φ.
    """
    _check_activation(activation)
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

    `rows`: kernel of new inputs with those of training. The penalty is on a kernel
    divided by its mean diagonal.
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
    """Test risk of each target by ridge regression, with the penalty of least
    validation risk, divided by the target's mean square.

    Both mappings have `train`, `validation` and `test`; a kernel's columns are the
    training inputs.
    """
    if not len(penalties) or min(penalties) <= 0:
        raise HlnbError(f"penalties = {penalties}: name at least one, all above 0.")
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
    """Test risk over variance by one of LINEAR on n samples: each monomial, their sum.

    its tangent kernel: of `mean_field_network`, infinitely wide. cubic kernel:
    (1 + ⟨x, x'⟩)³. random features: q of `relu_features`. Penalties as `ridge_risks`.
    """
    if method not in LINEAR:
        raise HlnbError(f"There is no linear method {method!r}: take one of {LINEAR}.")
    sizes = {"train": n, "validation": n_validation, "test": n_test}
    if min(*sizes.values(), q) < 1:
        raise HlnbError(f"n = {n}, q = {q}, held out {n_test}: take numbers from 1 up.")
    if max(map(max, supports)) >= d:
        raise HlnbError(f"d = {d} has no room for the terms {supports}: raise d.")
    with _one_thread():
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
    """What no linear method goes below: 1 − n/C(d, k), or 0.

    Of any n-dimensional space V of functions, Σ_S ‖P_V χ_S‖² ≤ n, since the χ_S are
    orthonormal. So the mean over all S of k coordinates of the squared distance of χ_S
    from V is at least this. n: samples of a kernel method, or features.
    """
    return max(0.0, 1 - n / math.comb(d, k))
