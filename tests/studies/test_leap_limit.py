"""The mean-field network, its limit flow, and linear methods: identities, refusals."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from hlnb.data.boolean import (
    Polynomial,
    characters,
    cube,
    is_merged_staircase,
    leap,
    signs,
)
from hlnb.errors import HlnbError
from hlnb.metrics import fourier
from hlnb.metrics.measures import all_weights
from hlnb.models.layers import Normal, Uniform
from hlnb.schedules import simultaneous
from hlnb.seeding import stream
from hlnb.studies.leap import sgd
from hlnb.studies.leap.limit import (
    RTOL,
    Field,
    Particles,
    descent,
    escape_times,
    finite_start,
    flow,
    hermite_coefficients,
    hermite_rule,
    limit_field,
    limit_start,
    mean_derivatives,
    out_of_reach,
    reachable,
)
from hlnb.studies.leap.linear import (
    LINEAR,
    MAPS,
    dot_kernel,
    features_on_cube,
    left_by,
    linear_floor,
    linear_risks,
    relu_features,
    ridge,
    ridge_risks,
    tangent_series,
)
from hlnb.studies.leap.sgd import (
    Mean,
    Missing,
    Units,
    activate,
    best_batch,
    best_order,
    by_batch,
    growth_exponents,
    learn,
    learning_rate,
    mean_field_network,
    passing,
    samples_taken,
    slope,
)
from hlnb.training.executors import Here
from hlnb.training.loop import train
from hlnb.training.runs import Run

ACTIVATIONS = ("sigmoid", "tanh")


@pytest.fixture(autouse=True)
def one_thread():
    """Matrices here are small; threads would only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def target(*supports, coefficients=None):
    """A polynomial on its own coordinates alone, coefficients 1."""
    d = 1 + max(max(support) for support in supports)
    return Polynomial(d, supports, tuple(coefficients or [1.0] * len(supports)))


STAIRCASE = target((0,), (0, 1), (0, 1, 2))
TRAPPED = target((0,), (0, 1, 2), (0, 1, 2, 3))


def random_supports(rng, d=5):
    chosen = rng.random((rng.integers(1, 6), d)) < rng.uniform(0.15, 0.7)
    found = {tuple(np.flatnonzero(row).tolist()) for row in chosen} - {()}
    return sorted(found) or [(0,)]


def somewhere(P, seed=0, n=5):
    """Particles in no special place."""
    g = stream(seed, "somewhere")
    draw = [torch.randn(s, generator=g).double() for s in ((n,), (n, P), (n,))]
    share = torch.rand(n, generator=g).double()
    return Particles(*draw, share / share.sum())


# --- the network -----------------------------------------------------------------


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_step_of_training_is_the_mean_field_update(activation):
    d, width, step, n = 6, 5, 0.7, 40
    problem = Polynomial(d, ((0,), (0, 1)), (1.0, -0.5), n_validation=1, n_test=1)
    model = mean_field_network(d=d, width=width, activation=activation, shift=0.3)
    found = train(
        problem,
        model,
        simultaneous(model, epochs=1),
        Run(3, learning_rate(width=width, step=step)),
        measures={
            f"{name}.weight": all_weights([name])[f"{name}.weight"]
            for name in ("units", "mean")
        },
        n_train=n,
        batch_size=n,
        dtype=torch.float64,
    ).values
    x, y, _ = problem.split(3, n_train=n)["train"]
    x, y = x.double(), y.double()
    w, a = (torch.tensor(found[f"{name}.weight"][0]) for name in ("units", "mean"))
    a = a[0]
    inputs = x @ w.T
    if activation == "sigmoid":
        value = 1 / (1 + torch.exp(-inputs + 0.3))
        steep = value * (1 - value)
    else:
        value = torch.tanh(inputs - 0.3)
        steep = 1 / torch.cosh(inputs - 0.3) ** 2
    left = y - (value * a).mean(1)
    a_new = a + step * (left[:, None] * value).mean(0)
    w_new = w + step * a[:, None] * ((left[:, None] * steep).T @ x) / n
    assert torch.allclose(torch.tensor(found["mean.weight"][1][0]), a_new, atol=1e-14)
    assert torch.allclose(torch.tensor(found["units.weight"][1]), w_new, atol=1e-14)


def test_slope_is_the_derivative():
    x = torch.linspace(-3, 3, 13, dtype=torch.float64, requires_grad=True)
    for activation in ACTIVATIONS:
        value = activate(x, activation, 0.4)
        (derivative,) = torch.autograd.grad(value.sum(), x)
        assert torch.allclose(slope(value, activation), derivative, atol=1e-14)


def test_weights_start_with_the_laws_of_the_paper():
    d, width = 50, 4000
    model = mean_field_network(d=d, width=width)
    params = model.init(stream(0, "init"))
    assert list(params) == ["units.weight", "mean.weight"]
    w, a = params["units.weight"] * math.sqrt(d), params["mean.weight"][0]
    # Each of the five z-scores is above 5.5 with probability < 4e-8.
    n = w.numel()
    assert abs(w.mean()) * math.sqrt(n) < 5.5
    assert abs(w.square().mean() - 1) * math.sqrt(n / 2) < 5.5
    assert abs((w**4).mean() - 3) * math.sqrt(n / 96) < 5.5
    assert abs(a.mean()) * math.sqrt(3 * width) < 5.5
    assert abs(a.square().mean() - 1 / 3) * math.sqrt(width * 45 / 4) < 5.5
    assert a.abs().max() <= 1


def test_layers_ignore_the_law_of_the_model():
    for layer in (Units("units", 4, 3), Mean("mean", 3)):
        one, two = (layer.init(stream(1, "x"), law) for law in (Uniform(), Normal()))
        assert all(torch.equal(one[name], two[name]) for name in one)


def test_the_output_is_the_mean_over_units():
    layer = Mean("mean", 4)
    h = torch.arange(8.0).reshape(2, 4)
    params = {"mean.weight": torch.tensor([[1.0, 0, 2, -1]])}
    assert layer.apply(params, h)[:, 0].tolist() == [0.25, 2.25]


def test_a_tanh_network_is_odd_to_the_bit_and_has_no_even_term():
    d = 7
    problem = Polynomial(d, STAIRCASE.supports, (1.0, 1, 1), n_validation=1, n_test=1)
    model = mean_field_network(d=d, width=20, activation="tanh", shift=0.0)
    names = ("units.weight", "mean.weight")
    found = train(
        problem,
        model,
        simultaneous(model, epochs=20),
        Run(0, learning_rate(width=20, step=0.5)),
        measures={n: all_weights([n.split(".")[0]])[n] for n in names},
        n_train=200,
        batch_size=20,
        dtype=torch.float64,
    ).values
    params = {name: torch.tensor(found[name][-1]) for name in names}
    x = cube(d).double()
    f, mirrored = (model.apply(params, points)[:, 0] for points in (x, -x))
    assert torch.equal(mirrored, -f)
    coefficients = fourier.walsh_hadamard(f)
    sizes = torch.tensor([len(fourier.support(i)) for i in range(2**d)])
    assert coefficients[sizes % 2 == 0].abs().max() < 1e-16
    assert coefficients[sizes % 2 == 1].abs().max() > 0.1


def test_missing_is_what_the_coefficient_lacks():
    problem = Polynomial(4, ((0, 2),), (0.75,), n_validation=1, n_test=500)
    batch = problem.split(0, n_train=1)["test"]
    outputs = 0.5 * characters(batch.x, [(0, 2)])
    missing = Missing((0, 2), 0.75)({}, batch, outputs)
    assert float(missing) == pytest.approx(0.25, abs=1e-6)


# --- supports --------------------------------------------------------------------


def test_the_best_order_steps_no_higher_than_the_leap():
    rng = np.random.default_rng([12, 2])
    for _ in range(200):
        supports = random_supports(rng)
        order = best_order(supports)
        assert sorted(support for support, _ in order) == supports
        seen = set()
        for support, new in order:
            assert new == len(set(support) - seen)
            seen |= set(support)
        assert max(new for _, new in order) == leap(supports)


def test_merged_staircases_are_what_is_within_reach():
    rng = np.random.default_rng([12, 3])
    kinds = set()
    for _ in range(200):
        supports = random_supports(rng)
        everything = set().union(*supports)
        whole = reachable(supports) == everything
        assert whole == is_merged_staircase(supports)
        kinds.add(whole)
    assert kinds == {True, False}


def test_out_of_reach_counts_the_terms_with_a_far_coordinate():
    supports = ((0,), (0, 1), (1, 2, 3), (0, 2, 3))
    mine = target(*supports, coefficients=(1, 2, 3, -4))
    assert reachable(supports) == {0, 1}
    assert out_of_reach(mine) == 9 + 16
    assert out_of_reach(STAIRCASE) == 0


# --- the limit flow --------------------------------------------------------------


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_velocity_is_autograd_s_gradient(activation):
    field = limit_field(STAIRCASE, activation=activation, shift=0.6, enforce=False)
    at = somewhere(3)
    leaves = [t.clone().requires_grad_() for t in (at.a, at.u, at.s)]
    f = field.outputs(Particles(*leaves, at.share))
    half = (field.values - f).square().mean() / 2
    velocity = field(at)
    for gradient, mine in zip(
        torch.autograd.grad(half, leaves),
        (velocity.a, velocity.u, velocity.s),
        strict=True,
    ):
        share = at.share.reshape(-1, *[1] * (gradient.dim() - 1))
        assert torch.allclose(-gradient / share, mine, atol=1e-15)


def test_a_particle_is_a_unit_averaged_over_the_rest_of_the_input():
    field, at = limit_field(STAIRCASE), somewhere(3, seed=4)
    normal = torch.randn(200_000, generator=stream(5, "G"), dtype=torch.float64)
    z = cube(3).double()[5]
    inputs = (at.u @ z)[:, None] + at.s[:, None] * normal
    draws = (at.share * at.a) @ torch.sigmoid(inputs - 1)
    error = draws.std() / math.sqrt(len(draws))
    # A z-score above 5.5 has probability < 4e-8; the rule's own error is below 1e-4.
    assert abs(draws.mean() - field.outputs(at)[5]) < 5.5 * error + 1e-4


def test_the_risk_falls_along_the_flow():
    field, start = limit_field(TRAPPED, enforce=False), somewhere(4, n=8)
    found = flow(field, start, times=np.linspace(0, 6, 61))
    assert np.all(np.diff(found.risk) < 0)


def test_a_flow_is_where_many_small_steps_lead():
    field, start = limit_field(STAIRCASE), somewhere(3, seed=2)
    times = [0.0, 1.0, 2.0]
    found = flow(field, start, times=times)
    errors = [
        np.abs(descent(field, start, step=step, times=times).risk - found.risk).max()
        for step in (0.01, 0.005, 0.0025)
    ]
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all((orders > 0.9) & (orders < 1.1))  # Euler's method is of order 1


def test_half_the_error_a_step_moves_no_digit_of_the_page():
    """At shift 1/2, where a step of fixed length 1/2 ended at five times the risk."""
    stairs = limit_field(target((0,), (0, 1), (0, 1, 2), (0, 1, 2, 3)), shift=0.5)
    times = np.linspace(0, 1200, 7)
    coarse, fine = (
        flow(stairs, limit_start(4, n=8), times=times, rtol=rtol)
        for rtol in (RTOL, RTOL / 2)
    )
    assert coarse.risk == pytest.approx(fine.risk, abs=1e-4)
    assert np.all(np.diff(coarse.risk) < 0)


def test_a_flow_whose_risk_rises_is_refused():
    class Uphill(Field):
        def __call__(self, particles):
            v = super().__call__(particles)
            return Particles(-v.a, -v.u, -v.s, v.share)

    uphill = Uphill(limit_field(STAIRCASE).values)
    with pytest.raises(HlnbError, match="risk of the flow rises at t = "):
        flow.anew(uphill, somewhere(3), times=[0.0, 1.0])


def test_a_flow_that_breaks_off_is_refused():
    class Exploding(Field):
        def __call__(self, particles):
            a, still = particles.a.square() * self.shift, torch.zeros_like
            return Particles(a, still(particles.u), still(particles.s), particles.share)

    values, start = limit_field(STAIRCASE).values, limit_start(3, n=4)
    with pytest.raises(HlnbError, match=r"flow ended at t = 1\.\d"):
        flow.anew(Exploding(values, shift=1.0), start, times=[0.0, 9.0])
    with pytest.raises(HlnbError, match="flow is not finite at t = 0"):
        flow.anew(Exploding(values, shift=math.nan), start, times=[0.0, 9.0])


def test_descent_takes_steps_along_the_velocity():
    field, start = limit_field(STAIRCASE), somewhere(3, seed=1)
    velocity = field(start)
    one = replace(
        start,
        a=start.a + 0.5 * velocity.a,
        u=start.u + 0.5 * velocity.u,
        s=start.s + 0.5 * velocity.s,
    )
    found = descent(field, start, step=0.5, times=[0.0, 0.4, 0.5, 1.2])
    assert found.risk[:3] == pytest.approx([*[field.risk(start)] * 2, field.risk(one)])
    assert found.risk[3] != found.risk[2]
    assert found.times.tolist() == [0.0, 0.4, 0.5, 1.2]


def test_exactly_the_coordinates_within_reach_can_move():
    """The proof on the page, in numbers: the velocity out of reach is 0 but for
    rounding, wherever the reachable weights are."""
    rng = np.random.default_rng([12, 4])
    for seed in range(40):
        mine = target(*random_supports(rng, d=4))
        near = sorted(reachable(mine.supports))
        far = sorted(set(range(mine.d)) - set(near))
        at = somewhere(mine.d, seed=seed)
        at.u[:, far] = 0
        free, held = (limit_field(mine, enforce=e)(at) for e in (False, True))
        assert held.u[:, far].eq(0).all()
        assert torch.equal(free.u[:, near], held.u[:, near])
        assert not far or free.u[:, far].abs().max() < 1e-15


def test_a_held_flow_never_goes_below_what_is_out_of_reach():
    found = flow(limit_field(TRAPPED), limit_start(4), times=np.linspace(0, 60, 121))
    assert found.risk.min() >= 2 - 1e-12
    assert found.risk[-1] == pytest.approx(2, abs=1e-3)
    assert np.all(found.largest[:, 1:] == 0)
    far = [i for i in range(16) if i & 0b1110]
    assert np.abs(found.coefficients[:, far]).max() < 1e-15


def test_tied_weights_stay_equal_to_the_bit():
    field = replace(limit_field(TRAPPED, enforce=False), tied=(1, 2))
    other = limit_field(target(*TRAPPED.supports, coefficients=(1, -1, -1)))
    away = replace(other, still=(), tied=(1, 2))
    uneven = limit_start(4, n=13, kick=[0.0, 0.1, 0.2, 0.0])
    found = flow(away, uneven, times=np.linspace(0, 40, 21))
    assert np.array_equal(found.largest[:, 1], found.largest[:, 2])
    assert found.largest[-1, 1] > 2 * found.largest[0, 1]
    apart = somewhere(4)
    together = field.bound(apart)
    assert torch.equal(together.u[:, 1], together.u[:, 2])
    assert torch.allclose(together.u[:, 1], (apart.u[:, 1] + apart.u[:, 2]) / 2)
    assert torch.equal(together.u[:, [0, 3]], apart.u[:, [0, 3]])
    loose = somewhere(4)  # the velocities of the two differ here
    free, both = replace(field, tied=())(loose).u, field(loose).u
    assert not torch.allclose(free[:, 1], free[:, 2])
    assert torch.equal(both[:, 1], both[:, 2])
    assert torch.allclose(both[:, 1], (free[:, 1] + free[:, 2]) / 2)
    assert torch.equal(both[:, [0, 3]], free[:, [0, 3]])


def test_a_kick_grows_in_one_direction_alone_and_the_sign_says_in_which():
    """u_2 = −u_3 for +z1z2z3, u_2 = u_3 for −z1z2z3: a tie is no cure for both."""
    for sign in (1.0, -1.0):
        field = limit_field(target((0,), (0, 1, 2), coefficients=(1, sign)))
        field = replace(field, still=())
        ends = {
            way: flow(
                field,
                limit_start(3, n=8, kick=[0, 1e-6, way * 1e-6]),
                times=[0.0, 120.0],
            ).largest[-1, 1]
            for way in (1, -1)
        }
        assert ends[-sign] > 1e-3
        assert ends[sign] < 2e-6


def test_starts_have_the_laws_of_the_paper():
    start = limit_start(2, n=16, kick=[0.5, 0])
    assert float(start.share.sum()) == pytest.approx(1)
    for power, moment in ((1, 0), (2, 1 / 3), (4, 1 / 5)):
        assert float(start.share @ start.a**power) == pytest.approx(moment, abs=1e-14)
    assert start.u[:, 0].eq(0.5).all()
    assert start.u[:, 1].eq(0).all()
    assert start.s.eq(1).all()
    d, width = 16, 5000
    drawn = finite_start(4, d=d, width=width, seed=1)
    assert float(drawn.share.sum()) == pytest.approx(1)
    assert drawn.s.square().mean() == pytest.approx(1 - 4 / d)
    u = drawn.u * math.sqrt(d)  # z-scores: above 5.5 with probability < 4e-8
    assert abs(u.mean()) * math.sqrt(u.numel()) < 5.5
    assert abs(u.square().mean() - 1) * math.sqrt(u.numel() / 2) < 5.5
    assert abs(drawn.a.square().mean() - 1 / 3) * math.sqrt(width * 45 / 4) < 5.5
    with pytest.raises(HlnbError, match="d = 3 has no room for P = 4"):
        finite_start(4, d=3, width=2, seed=0)


def test_a_flow_is_recorded_at_its_times():
    field, start = limit_field(STAIRCASE), limit_start(3, n=8)
    found = flow(field, start, times=[0, 2, 4, 6, 8, 10])
    assert found.times.tolist() == [0, 2, 4, 6, 8, 10]
    assert found.coefficients.shape == (6, 8)
    assert found.risk[0] == pytest.approx(field.risk(start))
    left = 3 - 2 * found.coefficients[:, [1, 3, 7]].sum(1)
    assert found.risk == pytest.approx(left + (found.coefficients**2).sum(1))
    rare = flow(field, start, times=[0, 7, 10])  # records change no step
    assert rare.risk[-1] == pytest.approx(found.risk[-1], abs=1e-12)
    for wrong in ([0.0], [1.0, 2.0], [0.0, 2.0, 2.0]):
        with pytest.raises(HlnbError, match="take two or more that rise from 0"):
            flow(field, start, times=wrong)
    with pytest.raises(HlnbError, match=r"rtol = 0\.0: take"):
        flow(field, start, times=[0, 1], rtol=0.0)
    with pytest.raises(HlnbError, match=r"step = 0\.0: take"):
        descent(field, start, step=0.0, times=[0, 1])


# --- Hermite series, kernels, ridge ----------------------------------------------


def test_hermite_coefficients_of_a_polynomial():
    at = hermite_rule(20)[0]
    found = hermite_coefficients(at**3 - 2 * at, 20, upto=4)  # He3 + He1
    assert found == pytest.approx([0, 1, 0, math.sqrt(6), 0], abs=1e-12)


def test_mean_derivatives_are_means_of_derivatives():
    at, weights = hermite_rule(60)
    x = at.clone().requires_grad_()
    value, expected = torch.sigmoid(x - 0.8), []
    for _ in range(4):
        expected.append(float((value @ weights).detach()))
        (value,) = torch.autograd.grad(value.sum(), x, create_graph=True)
    assert mean_derivatives("sigmoid", 0.8, upto=3) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_without_a_shift_the_even_links_of_the_chain_are_missing(activation):
    found = mean_derivatives(activation, 0.0, upto=5)
    assert np.abs(found[[2, 4]]).max() < 1e-13
    assert np.abs(found[[1, 3, 5]]).min() > 1e-2


def test_the_series_is_the_tangent_kernel_of_a_wide_network():
    d, width = 12, 40_000
    model = mean_field_network(d=d, width=width)
    params = {k: v.double() for k, v in model.init(stream(2, "init")).items()}
    x = signs(4, d, generator=stream(3, "x")).double()
    w, a = params["units.weight"], params["mean.weight"][0]
    value = torch.sigmoid(x @ w.T - 1)
    steep = value * (1 - value)
    series = tangent_series(d=d)
    for i, j in itertools.combinations_with_replacement(range(4), 2):
        each = value[i] * value[j] + a**2 * steep[i] * steep[j] * (x[i] @ x[j])
        exact = float(dot_kernel(series, x[i : i + 1], x[j : j + 1]))
        # ten z-scores; one above 5.5 has probability < 4e-7, d's own error is 1/d
        error = 5.5 * float(each.std()) / math.sqrt(width)
        assert abs(float(each.mean()) - exact) < error


def test_a_dot_kernel_is_its_series():
    g = stream(0, "x")
    x, z = signs(5, 6, generator=g), signs(3, 6, generator=g)
    u = x.double() @ z.double().T / 6
    assert torch.allclose(dot_kernel([1.0, -2, 0.5], x, z), 1 - 2 * u + u**2 / 2)


def test_features_are_relus_and_depend_on_the_seed_alone():
    x = signs(6, 5, generator=stream(0, "x"))
    one = relu_features(x, q=7, seed=1)
    assert one.shape == (6, 7)
    assert one.dtype == torch.float64
    assert one.min() == 0
    # Processors round products of two rows and of six differently
    few = relu_features(x[:2], q=7, seed=1)
    torch.testing.assert_close(one[:2], few, rtol=0, atol=1e-14)
    assert not torch.equal(one, relu_features(x, q=7, seed=2))
    many = relu_features(x[:1], q=40_000, seed=3)  # of N(0, 2): mean √2 / √(2π)
    error = 5.5 * float(many.std()) / 200  # missed with probability < 4e-8
    assert abs(float(many.mean()) - 1 / math.sqrt(math.pi)) < error


def test_ridge_is_the_primal_solution():
    g = stream(4, "x")
    phi, new = (torch.randn((n, 3), generator=g).double() for n in (20, 6))
    y = torch.randn((20, 2), generator=g).double()
    scale = (phi @ phi.T).diagonal().mean()
    penalty = 0.3
    primal = torch.linalg.solve(
        phi.T @ phi + penalty * scale * torch.eye(3).double(), phi.T @ y
    )
    found = ridge(phi @ phi.T, y, new @ phi.T, penalty=penalty)
    assert torch.allclose(found, new @ primal, atol=1e-12)


def test_a_linear_method_learns_each_term_by_itself():
    """Predictions are linear in y: lower terms can be no help for the next one."""
    x = signs(80, 6, generator=stream(1, "x"))
    new = signs(30, 6, generator=stream(2, "x"))
    terms = characters(x, STAIRCASE.supports).double()
    series = tangent_series(d=6)
    K, rows = dot_kernel(series, x, x), dot_kernel(series, new, x)
    apart = ridge(K, terms, rows, penalty=1e-3)
    together = ridge(K, terms.sum(1, keepdim=True), rows, penalty=1e-3)
    assert torch.allclose(apart.sum(1), together[:, 0], atol=1e-10)


def sets(d, sizes, seed=0):
    return {
        name: signs(n, d, generator=stream(seed, name)) for name, n in sizes.items()
    }


def test_risks_take_the_penalty_of_least_validation_risk():
    x = sets(5, {"train": 40, "validation": 30, "test": 50})
    y = {k: characters(v, [(0,), (0, 1)]).double() for k, v in x.items()}
    y["train"] += torch.randn((40, 2), generator=stream(9, "noise")).double()
    kernels = {k: dot_kernel([0, 1.0, 1.0], v, x["train"]) for k, v in x.items()}
    penalties = (1e-8, 1e-1, 1.0)
    found = ridge_risks(kernels, y, penalties=penalties)
    risks = {
        on: np.array(
            [
                (ridge(kernels["train"], y["train"], kernels[on], penalty=p) - y[on])
                .square()
                .mean(0)
                .numpy()
                for p in penalties
            ]
        )
        for on in ("validation", "test")
    }
    best = risks["validation"].argmin(0)
    assert found == pytest.approx(risks["test"][best, [0, 1]])
    doubled = {k: 2 * v for k, v in y.items()}
    assert ridge_risks(kernels, doubled, penalties=penalties) == pytest.approx(found)


def test_enough_samples_of_a_cubic_kernel_end_the_risk():
    d = 5  # 26 monomials up to degree 3
    x = sets(d, {"train": 300, "validation": 20, "test": 40})
    y = {k: characters(v, [(0, 1, 2)]).double() for k, v in x.items()}
    series = [math.comb(3, r) * d**r for r in range(4)]
    kernels = {k: dot_kernel(series, v, x["train"]) for k, v in x.items()}
    assert ridge_risks(kernels, y, penalties=[1e-10])[0] < 1e-12


@pytest.mark.parametrize("penalties", [(), (0.0, 1.0)])
def test_penalties_are_above_zero(penalties):
    with pytest.raises(HlnbError, match=r"^penalties = .* above 0"):
        ridge_risks({}, {}, penalties=penalties)


def test_the_floor_is_what_a_space_of_n_dimensions_leaves_on_average():
    d, k, n = 7, 3, 20
    x = signs(n, d, generator=stream(0, "x"))
    V, _ = torch.linalg.qr(dot_kernel(tangent_series(d=d), cube(d), x))
    V = V[:, :n] * math.sqrt(2**d)  # orthonormal under the mean over the cube
    supports = list(itertools.combinations(range(d), k))
    inside = (V.T @ characters(cube(d), supports).double() / 2**d).square().sum(0)
    assert float((1 - inside).mean()) >= linear_floor(n, d=d, k=k) > 0
    everything = [fourier.support(i) for i in range(2**d)]
    whole = (V.T @ characters(cube(d), everything).double() / 2**d).square().sum()
    assert float(whole) == pytest.approx(n)
    assert linear_floor(35, d=d, k=k) == linear_floor(99, d=d, k=k) == 0


# --- refusals --------------------------------------------------------------------


def test_what_is_no_network_is_refused():
    with pytest.raises(HlnbError, match="d = 0: take a whole number from 1 up"):
        mean_field_network(d=0, width=3)
    with pytest.raises(HlnbError, match="width = 0: take a whole number from 1 up"):
        mean_field_network(d=3, width=0)


@pytest.mark.parametrize(
    "make",
    [
        lambda name: mean_field_network(d=3, width=3, activation=name),
        lambda name: limit_field(STAIRCASE, activation=name),
        lambda name: mean_derivatives(name, 0.0, upto=2),
        lambda name: tangent_series(d=3, activation=name),
    ],
)
def test_an_unknown_activation_is_refused(make):
    with pytest.raises(HlnbError, match="no activation 'relu' here: take one of"):
        make("relu")


def test_a_field_knows_its_coordinates_from_its_values():
    assert Field(torch.zeros(8, dtype=torch.float64)).z.shape == (8, 3)


# --- runs -------------------------------------------------------------------------


def learned(**changes):
    settings = {"seeds": [0], "width": 8, "step": 0.5, "batch_size": 10, "time": 20.0}
    problem = Polynomial(6, ((0,), (0, 1)), (1.0, 0.5), n_validation=1, n_test=100)
    return learn(problem, executor=Here(), **{**settings, **changes})


def test_learn_is_the_sweep_that_it_says():
    found = learned(seeds=[0, 3], every=4)
    assert found.steps.tolist() == [*range(0, 41, 4)]
    assert [run["lr"] for run in found.runs] == [2.0, 2.0]  # 8 · 0.5 / 2
    assert found.of("coefficients").shape == (2, 11, 2)
    lacking = 0.5 - found.of("coefficients")[:, :, 1]
    assert found.of("missing") == pytest.approx(lacking, abs=1e-6)
    assert found.spec["online"] is True
    assert found.spec["batch_size"] == 10
    assert "units.weight" not in found.traces
    whole = learned(weights=True, activation="tanh", shift=0.0)
    assert whole.of("units.weight").shape == (1, 5, 8, 6)
    assert whole.spec["model"]["layers"][0]["activation"] == "tanh"


def test_learn_ends_where_the_last_term_is_found():
    whole = learned(time=100.0, batch_size=50)
    missing, risk = whole.of("missing")[0], whole.of("risk")[0]
    first = int(np.argmax(missing <= 0.48))
    assert first > 0
    assert risk[first] > 0.48  # so it was not the risk that fell
    end = {"missing": 0.48}
    early = learned(time=100.0, batch_size=50, until=end).of("missing")[0]
    assert np.isfinite(early).sum() == first + 1
    assert early[: first + 1] == pytest.approx(missing[: first + 1])


@pytest.mark.parametrize("wrong", [{"time": 0.0}, {"time": math.inf}, {"every": 0}])
def test_a_run_takes_some_time(wrong):
    name = next(iter(wrong))
    with pytest.raises(HlnbError, match=f"^{name} = {wrong[name]}: take"):
        learned(**wrong)


def test_passing_is_the_first_time_at_or_above_the_level():
    at = np.array([0.0, 2, 4, 6])
    values = np.array([[0.0, 0.5, 0.2, 0.9], [0, 0.1, 0.2, np.nan]])
    assert passing(at, values, level=0.5).tolist() == [2, math.inf]
    assert passing(at, values, level=0.6).tolist() == [6, math.inf]


def test_growth_exponents_are_slopes_of_runs_that_arrived_everywhere():
    times = {
        d: np.array([3.0 * d**0.5, 7.0, 2.0 * d if d < 99 else math.inf])
        for d in (10, 20, 40, 400)
    }
    found = growth_exponents(times)
    assert found[:2] == pytest.approx([0.5, 0])
    assert np.isnan(found[2])


def test_escape_takes_longer_from_a_smaller_start_and_inf_where_it_fails():
    mine = target((0,), (0, 1, 2))
    common = {"width": 30, "seed": 0, "levels": [0.1, 0.3]}
    near, far = (escape_times(mine, d=d, time=200.0, **common) for d in (16, 160_000))
    assert np.all((near > 0) & (near < far) & (far < math.inf))
    assert near[0] < near[1]
    short = escape_times(mine, d=160_000, time=float(near[0]), **common)
    assert short.tolist() == [math.inf, math.inf]
    part = escape_times(mine, d=16, time=float(near.mean()), **common)
    assert part == pytest.approx([near[0], math.inf])
    field, start = limit_field(mine), finite_start(3, d=16, width=30, seed=0)
    at = flow(replace(field, still=()), start, times=[0, *near])
    assert at.of((0, 1, 2))[1:] == pytest.approx([0.1, 0.3], abs=1e-5)
    with pytest.raises(HlnbError, match="take some that rise"):
        escape_times(mine, d=16, time=9.0, **common | {"levels": [0.3, 0.1]})


PAIR = Polynomial(6, ((0,), (0, 1)), (1.0, 0.5), n_validation=1, n_test=100)
TAKEN = {"seeds": [0, 1], "step": 0.5, "time": 60.0, "width": 8}


def test_samples_are_those_of_the_steps_until_the_risk_is_low():
    found = samples_taken(PAIR, batch_size=40, risk=0.6, executor=Here(), **TAKEN)
    run = learned(seeds=[0, 1], batch_size=40, time=60.0, every=1)
    first = [int(np.argmax(risk <= 0.6)) for risk in run.of("risk")]
    assert found.tolist() == [40 * step for step in first]
    never = samples_taken(PAIR, batch_size=40, risk=1e-9, executor=Here(), **TAKEN)
    assert never.tolist() == [math.inf, math.inf]


def test_batches_are_tried_from_the_largest_until_the_slowest_run_is_slower(
    monkeypatch,
):
    """The search ends at the first batch that is no better, and not before one is."""
    by_size = {64: math.inf, 32: 500.0, 16: 300.0, 8: 300.0, 4: 1.0}
    monkeypatch.setattr(
        sgd,
        "samples_taken",
        lambda *_, batch_size, **__: np.array([1.0, by_size[batch_size]]),
    )
    found = by_batch.anew(PAIR, batches=[*by_size][::-1], risk=0.6, **TAKEN)
    assert [*found] == [64, 32, 16, 8]
    assert best_batch(found) == 16
    late = {2: np.array([5.0, math.inf, 1.0]), 4: np.array([6.0, 6, 6])}
    assert best_batch(late) == 4


@pytest.mark.parametrize("name", MAPS)
def test_a_feature_map_leaves_no_less_than_the_floor_on_average(name):
    d, q = 6, 9
    features = features_on_cube(name, d=d, q=q, seed=3)
    assert features.shape == (2**d, q)
    left = left_by(features, k=3)
    assert len(left) == math.comb(d, 3)
    assert left.mean() >= linear_floor(q, d=d, k=3) - 1e-12
    assert left.max() <= 1 + 1e-12
    y = characters(cube(d), [(0, 1, 2)]).double()
    fit = torch.linalg.lstsq(features, y, driver="gelsd").solution
    residual = (features @ fit - y).square().mean()
    assert left[0] == pytest.approx(float(residual), abs=1e-9)
    if name == "some of the monomials":
        assert left == pytest.approx([0] * q + [1] * (math.comb(d, 3) - q), abs=1e-12)


def test_feature_maps_are_those_named():
    with pytest.raises(HlnbError, match="no feature map 'wavelets': take one of"):
        features_on_cube("wavelets", d=6, q=3, seed=0)
    with pytest.raises(HlnbError, match="d = 5: take a whole number from 6 up"):
        features_on_cube(MAPS[0], d=5, q=3, seed=0)


def test_linear_risks_are_those_of_ridge_on_named_samples():
    d, seed, supports = 6, 2, ((0,), (0, 1))
    sizes = {"train": 25, "validation": 10, "test": 40}
    x = sets(d, sizes, seed)
    y = {k: characters(v, supports).double() for k, v in x.items()}
    y = {k: torch.cat([v, v.sum(1, keepdim=True)], 1) for k, v in y.items()}
    settings = {"n": 25, "n_validation": 10, "n_test": 40, "q": 30}
    u = {k: v.double() @ x["train"].double().T for k, v in x.items()}
    phi = {k: relu_features(v, q=30, seed=seed) for k, v in x.items()}
    kernels = {
        "its tangent kernel": {
            k: dot_kernel(tangent_series(d=d), v, x["train"]) for k, v in x.items()
        },
        "cubic kernel": {k: (1 + v) ** 3 for k, v in u.items()},
        "random features": {k: v @ phi["train"].T for k, v in phi.items()},
    }
    assert tuple(kernels) == LINEAR
    for method, mine in kernels.items():
        found = linear_risks(method, supports, d=d, seed=seed, **settings)
        assert found == pytest.approx(ridge_risks(mine, y), rel=1e-6)


def test_an_unknown_method_or_no_sample_is_refused():
    with pytest.raises(HlnbError, match="no linear method 'lasso': take one of"):
        linear_risks("lasso", ((0,),), d=3, n=5, seed=0)
    with pytest.raises(HlnbError, match="n = 0: take a whole number from 1 up"):
        linear_risks("cubic kernel", ((0,),), d=3, n=0, seed=0)
    with pytest.raises(HlnbError, match="d = 2 has no room for the terms"):
        linear_risks("cubic kernel", ((0,), (1, 2)), d=2, n=5, seed=0)
