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

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hlnb.data.boolean import Polynomial, Support, cube
from hlnb.errors import HlnbError
from hlnb.kept import kept
from hlnb.metrics import fourier
from hlnb.seeding import stream
from hlnb.studies.leap.sgd import activate, check_activation, passing, slope
from hlnb.training.loop import one_thread

NODES = 16  # of the Gauss–Hermite rule over the rest of the input
READOUTS = 32  # values of a at the start: nodes of a Gauss–Legendre rule on [−1, 1]


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

    def moved(self, velocity: "Particles", by: float) -> "Particles":
        """These particles after a time `by` at this velocity."""
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
    tied: coordinates whose u_i all move with the mean of their velocities.
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
    """The Flow from `particles` to a `time`, in steps of h, one in `every` recorded.

    until: a support and the coefficient at which the flow ends early. Refuses a `time`
    shorter than h, and `every` below 1.
    """
    if not (h > 0 and time >= h and every >= 1):
        raise HlnbError(f"No step of h = {h} fits a time of {time}: lower h.")
    with one_thread():  # steps are small; a flow magnifies roundings
        return _flow(field, particles, math.floor(time / h + 1e-9), h, every, until)


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

    inf where it does not by `time`. The target has its own P coordinates alone; d
    enters by the start.
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
