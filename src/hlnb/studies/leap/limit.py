"""The limit of infinitely many units and small steps: an equation solved in time.

As d → ∞ and then N → ∞, a unit of `sgd` becomes a particle (a, u, s): its readout, its
weights on the P relevant coordinates, and the norm of its other weights. The rest of
the input enters as a standard normal G, so that f(z) = E a E_G σ(⟨u, z⟩ + s G) on z in
{−1, 1}^P. Small steps become a gradient flow, solved in float64 on all 2^P points z.
Source: Abbe, Boix-Adsera & Misiakiewicz 2022.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Real
from scipy.integrate import solve_ivp
from torch import Tensor

from hlnb.data.boolean import Polynomial, Support, cube
from hlnb.errors import HlnbError, above_zero
from hlnb.kept import kept
from hlnb.metrics import fourier
from hlnb.seeding import stream
from hlnb.studies.leap.sgd import activate, check_activation, slope
from hlnb.training.loop import one_thread

NODES = 16  # of the Gauss–Hermite rule over the rest of the input
RTOL = 1e-6  # relative error of a step of the solver; a thousandth of it is absolute
RISE = 1e-7  # of the risk at the start: a rise above it is no rounding
READOUTS = 32  # values of a at the start: nodes of a Gauss–Legendre rule on [−1, 1]

Times = Sequence[float] | Real[np.ndarray, " _record"]


def reachable(supports: Sequence[Support]) -> frozenset[int]:
    """The coordinates that steps of one new coordinate each collect, from none."""
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

    The limit flow's risk never falls below it: its f depends on reachable coordinates
    only, see `limit_field`.
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


@kept
def limit_start(
    P: int, *, n: int = READOUTS, kick: Sequence[float] | None = None
) -> Particles:
    """Particles at d = ∞: u = 0, s = 1, and a uniform, by a Gauss–Legendre rule.

    kick: u of every particle at the start, instead of 0.
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

    Only the start depends on d: weights on relevant coordinates are normal with
    variance 1/d, and the others enter by their norm alone. Refuses d < P.
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
    """Nodes and weights w such that Σ w φ(node) is E φ(G), G a standard normal."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(n)
    return torch.tensor(nodes), torch.tensor(weights / math.sqrt(2 * math.pi))


def hermite_coefficients(
    values: Float[Tensor, " node"], nodes: int, *, upto: int
) -> Float[np.ndarray, " degree"]:
    """E[φ(G) he_r(G)] for r = 0 … upto, he_r the normalized Hermite polynomial.

    `values`: φ at the `nodes` nodes of `hermite_rule`. √(r!) times a coefficient is E
    φ^(r)(G).
    """
    at, weights = hermite_rule(nodes)
    rows = [torch.ones_like(at), at]
    for r in range(1, upto):
        rows.append((at * rows[r] - math.sqrt(r) * rows[r - 1]) / math.sqrt(r + 1))
    return (torch.stack(rows[: upto + 1]) @ (values * weights)).numpy()


def mean_derivatives(
    activation: str, shift: float, *, upto: int
) -> Float[np.ndarray, " degree"]:
    """E σ^(r)(G) for r = 0 … upto: they scale a unit's answer to r new coordinates.

    The r-th derivative of the unit's mean output in the direction of u, at the start.
    """
    check_activation(activation)
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
    tied: coordinates whose u_i all move with the mean of their velocities; `bound`
    makes them equal to the bit.
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
        """Nodes of G, and weights for E φ(G) and for E[G φ(G)]."""
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

    def bound(self, particles: Particles) -> Particles:
        """These particles, their tied weights equal to the bit."""
        if not self.tied:
            return particles
        u, tied = particles.u.clone(), list(self.tied)
        u[:, tied] = u[:, tied].mean(1, keepdim=True)
        return Particles(particles.a, u, particles.s, particles.share)

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
    """The Field of a target all of whose `target.d` coordinates are relevant.

    enforce: u_i of coordinates out of reach stay 0 to the bit, as in the exact flow.
    For such an i and any support S, E[χ_S z_i | reachable z] is 0 unless i is the one
    new coordinate of S, and then it would be within reach. Otherwise they move by the
    rounding errors of these sums.
    """
    check_activation(activation)
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
        """The coefficient of a support at each record."""
        return self.coefficients[:, fourier.index(support)]


def _packed(particles: Particles) -> Float[np.ndarray, " number"]:
    parts = (particles.a, particles.u.flatten(), particles.s)
    return torch.cat(parts).numpy()


def _solved(
    field: Field,
    start: Particles,
    *,
    time: float,
    rtol: float,
    passed: Sequence[tuple[Support, float]] = (),
) -> tuple[Any, Callable[[np.ndarray], Particles]]:
    """SciPy's solution up to a `time`, and what makes particles of its numbers.

    passed: supports and the coefficients whose passing is timed (`t_events`); at the
    last of them the solution ends. Refuses a solution along which the risk rises, since
    that of the exact flow never does.
    """
    n, P = start.u.shape

    def particles(numbers: np.ndarray) -> Particles:
        a, u, s = torch.tensor(numbers).split([n, n * P, n])
        return field.bound(Particles(a, u.view(n, P), s, start.share))

    def velocity(t: float, numbers: np.ndarray) -> np.ndarray:
        found = _packed(field(particles(numbers)))
        if not np.isfinite(found).all():  # the solver would never end
            raise HlnbError(
                f"The flow is not finite at t = {t:g}: take a shorter time."
            )
        return found

    def event(support: Support, level: float) -> Callable:
        def above(_: float, numbers: np.ndarray) -> float:
            found = fourier.walsh_hadamard(field.outputs(particles(numbers)))
            return float(found[fourier.index(support)]) - level

        # SciPy reads both from the function itself, where types know no attributes.
        above.direction = 1.0  # type: ignore[attr-defined]
        above.terminal = (support, level) == passed[-1]  # type: ignore[attr-defined]
        return above

    with one_thread():  # arrays are small; a flow magnifies roundings
        found = solve_ivp(
            velocity,
            (0.0, time),
            _packed(start),
            rtol=rtol,
            atol=rtol / 1000,
            dense_output=True,
            events=[event(*each) for each in passed] or None,
        )
        if found.status < 0:
            raise HlnbError(f"The flow ended at t = {found.t[-1]:g}: {found.message}")
        risks = np.array([field.risk(particles(numbers)) for numbers in found.y.T])
    rises = np.diff(risks) > RISE * risks[0]
    if rises.any():
        raise HlnbError(
            f"The risk of the flow rises at t = {found.t[rises.argmax()]:g}, so it is "
            f"solved too coarsely: lower rtol = {rtol:g}."
        )
    return found, particles


@kept
def flow(
    field: Field,
    start: Particles,
    *,
    times: Times,
    rtol: float = RTOL,
) -> Flow:
    """The Flow from `start` at rising `times` from 0, of which it records each.

    By SciPy's adaptive Runge–Kutta method of order 5: each step keeps its error in each
    number below `rtol` of that number, or `rtol` / 1000. Refuses fewer than two times,
    times that don't rise from 0, and a solution along which the risk rises.
    """
    times = np.asarray(times, float)
    above_zero(rtol=rtol)
    if len(times) < 2 or times[0] != 0 or not np.all(np.diff(times) > 0):
        raise HlnbError(f"times = {times}: take two or more that rise from 0.")
    found, particles = _solved(field, start, time=float(times[-1]), rtol=rtol)
    with one_thread():
        records = [_record(field, particles(found.sol(time))) for time in times]
    return Flow(times, *(np.array(column) for column in zip(*records, strict=True)))


def _record(field: Field, particles: Particles) -> tuple[float, np.ndarray, np.ndarray]:
    """Risk, coefficients and largest weights of particles."""
    f = field.outputs(particles)
    return (
        float((field.values - f).square().mean()),
        fourier.walsh_hadamard(f).numpy(),
        particles.u.abs().amax(0).numpy(),
    )


@kept
def descent(field: Field, start: Particles, *, step: float, times: Times) -> Flow:
    """Mean-field steps of finite size from `start`, without any noise: d and N are ∞.

    Records at the last step up to each of the rising `times`, from 0.
    """
    above_zero(step=step)
    records, now = [], start
    with one_thread():
        for before, after in pairwise([0, *times]):
            for _ in range(int(after / step + 1e-9) - int(before / step + 1e-9)):
                velocity = field(now)
                now = Particles(
                    now.a + step * velocity.a,
                    now.u + step * velocity.u,
                    now.s + step * velocity.s,
                    now.share,
                )
            records.append(_record(field, now))
    columns = (np.array(column) for column in zip(*records, strict=True))
    return Flow(np.asarray(times, float), *columns)


@kept
def escape_times(
    target: Polynomial,
    *,
    d: int,
    width: int,
    seed: int,
    levels: Sequence[float],
    time: float,
    rtol: float = RTOL,
) -> Float[np.ndarray, " level"]:
    """When the last term's coefficient passes each level in a flow from `finite_start`.

    levels: rising. inf where it does not by `time`. The target has its own P
    coordinates alone; d enters by the start.
    """
    if not np.all(np.diff(levels) > 0):
        raise HlnbError(f"levels = {[*levels]}: take some that rise.")
    found, _ = _solved(
        limit_field(target, enforce=False),
        finite_start(target.d, d=d, width=width, seed=seed),
        time=time,
        rtol=rtol,
        passed=[(target.supports[-1], level) for level in levels],
    )
    return np.array([at[0] if len(at) else math.inf for at in found.t_events])
