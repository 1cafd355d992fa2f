"""Descent against exact fractions, the laws against quadrature and simulation."""

from fractions import Fraction

import numpy as np
import pytest
from numpy.linalg import norm
from scipy import integrate, stats

from hlnb.errors import HlnbError
from hlnb.studies.linear_regression import experiment as reg

GAMMAS = [0.1, 0.5, 0.9, 1.0, 1.1, 2.0, 7.0]


def wide(seed=0, n=6, d=15, noise=0.5):
    return reg.gaussian_regression(n, d, seed=seed, noise=noise)


def fractions(array):
    return [[Fraction(v) for v in row] for row in np.atleast_2d(array)]


def exact_descent(x, y, lr, steps, start):
    """`descent` in fractions."""
    rows, w, found = fractions(x), [*map(Fraction, start)], []
    targets = [*map(Fraction, y)]
    for _ in range(steps):
        misses = [
            sum(a * b for a, b in zip(row, w, strict=True)) - target
            for row, target in zip(rows, targets, strict=True)
        ]
        w = [
            v - Fraction(lr) * sum(m * r[j] for m, r in zip(misses, rows, strict=True))
            for j, v in enumerate(w)
        ]
        found.append(w)
    return found


# Problems


def test_a_problem_is_fixed_by_its_seed_and_holds_what_it_says():
    one, two = wide(3), wide(3)
    assert np.array_equal(one.x, two.x)
    assert np.array_equal(one.y, two.y)
    assert not np.array_equal(one.x, wide(4).x)
    assert one.x.shape == (6, 15)
    assert norm(one.beta) == pytest.approx(1)
    quiet = wide(3, noise=0.0)
    assert np.array_equal(quiet.x @ quiet.beta, quiet.y)
    louder = wide(3, noise=1.0)
    assert louder.y - quiet.y == pytest.approx(2 * (one.y - quiet.y))
    longer = reg.gaussian_regression(6, 15, seed=3, norm=2.0)
    assert norm(longer.beta) == pytest.approx(2)


def test_noise_and_inputs_are_standard_normal():
    # Kolmogorov–Smirnov, false alarm 1e-4 each; seeds are fixed
    p = reg.gaussian_regression(2000, 5, seed=0, noise=0.5)
    assert stats.kstest(p.x.ravel(), "norm").pvalue > 1e-4
    assert stats.kstest((p.y - p.x @ p.beta) / 0.5, "norm").pvalue > 1e-4


def test_a_direction_has_length_one_and_differs_from_beta():
    assert norm(reg.direction(9, seed=1)) == pytest.approx(1)
    assert not np.allclose(reg.direction(15, seed=3), wide(3).beta)
    mean = np.mean([reg.direction(3, seed=s) for s in range(400)], axis=0)
    assert np.abs(mean).max() < 5 / (3 * 400) ** 0.5  # five standard deviations


def test_absurd_problems_are_refused():
    with pytest.raises(HlnbError, match="n = 0: take a whole number from 1 up"):
        reg.gaussian_inputs(0, 3, seed=0)
    with pytest.raises(HlnbError, match="d = 0: take a whole number from 1 up"):
        reg.gaussian_inputs(3, 0, seed=0)
    with pytest.raises(HlnbError, match=r"take noise ≥ 0 and a length > 0"):
        wide(noise=-1.0)
    with pytest.raises(HlnbError, match=r"length 0\.0 of β"):
        reg.gaussian_regression(2, 3, seed=0, norm=0.0)
    with pytest.raises(HlnbError, match=r"gamma = 0\.0: take a finite number above 0"):
        reg.edges(0.0)
    with pytest.raises(HlnbError, match="two sizes"):
        reg.growth(np.ones((1, 9)), [3], batches=1)
    with pytest.raises(HlnbError, match="2 batches need as many runs"):
        reg.growth(np.ones((2, 1)), [3, 4], batches=2)


# Which solution


def test_the_minimum_norm_solution_solves_and_no_solution_is_shorter():
    p = wide()
    w = reg.minimum_norm(p.x, p.y)
    assert p.x @ w == pytest.approx(p.y)
    assert w == pytest.approx(np.linalg.pinv(p.x) @ p.y)
    for seed in range(5):
        away = reg.outside(p.x, reg.direction(15, seed=seed))
        other = w + away
        assert p.x @ other == pytest.approx(p.y)
        assert norm(other) ** 2 == pytest.approx(norm(w) ** 2 + norm(away) ** 2)
        # every solution's projection onto the rows is that same solution
        assert other - reg.outside(p.x, other) == pytest.approx(w)


def test_modes_are_those_of_the_square():
    x = wide().x
    values, rows = reg.modes(x)
    assert rows @ rows.T == pytest.approx(np.eye(6))
    assert x.T @ x == pytest.approx(rows.T @ np.diag(values) @ rows)
    assert (np.diff(values) < 0).all()
    tall_values, tall_rows = reg.modes(x.T)
    assert tall_values == pytest.approx(values)
    assert tall_rows.shape == (6, 6)


def test_a_repeated_row_adds_no_mode():
    x = wide().x
    values, rows = reg.modes(np.vstack([x, x[0] + x[1]]))
    assert len(values) == len(rows) == 6
    w = reg.direction(15, seed=0)
    assert reg.outside(np.vstack([x, x]), w) == pytest.approx(reg.outside(x, w))


def test_outside_is_the_projection_onto_the_null_space():
    x = wide().x
    w = np.array([reg.direction(15, seed=s) for s in range(3)])
    away = reg.outside(x, w)
    assert x @ away.T == pytest.approx(np.zeros((6, 3)), abs=1e-12)
    assert reg.outside(x, away) == pytest.approx(away)
    assert reg.outside(x, x) == pytest.approx(np.zeros((6, 15)), abs=1e-12)


@pytest.mark.parametrize("start", [None, np.array([1.0, -2, 0, 0.5])])
def test_descent_is_that_of_exact_fractions(start):
    x = np.array([[1.0, 2, -1, 0], [0, 1, 1, 3]])
    y = np.array([1.0, -2])
    found = reg.descent(x, y, lr=1 / 16, steps=5, start=start)
    begin = np.zeros(4) if start is None else start
    assert np.array_equal(found[0], begin)
    exact = exact_descent(x, y, 1 / 16, 5, begin)
    assert np.array_equal(found[1:], [[float(v) for v in w] for w in exact])


def test_descent_follows_half_of_the_squared_error():
    p = wide()
    w = reg.descent(p.x, p.y, lr=1e-3, steps=1, start=p.beta)

    def half(v):
        return norm(p.x @ v - p.y) ** 2 / 2

    h = 1e-5
    slope = [
        (half(p.beta + h * e) - half(p.beta - h * e)) / (2 * h) for e in np.eye(15)
    ]
    assert (w[0] - w[1]) / 1e-3 == pytest.approx(np.array(slope), rel=1e-6, abs=1e-6)


def test_a_pass_of_sgd_takes_each_example_once():
    x, y = np.eye(5) * 2, np.arange(1.0, 6)
    w = reg.stochastic_descent(x, y, lr=1 / 8, passes=3, seed=0)
    assert w.shape == (16, 5)
    # orthogonal examples: a pass halves each error, whatever the order
    assert w[::5] == pytest.approx((1 - 0.5 ** np.arange(4))[:, None] * y / 2)
    moved = (np.diff(w, axis=0) != 0).argmax(1)
    assert [sorted(moved[i : i + 5]) for i in (0, 5, 10)] == [[0, 1, 2, 3, 4]] * 3
    assert not np.array_equal(moved[:5], moved[5:10])
    assert reg.stochastic_descent(x, y, lr=0.1, passes=0, seed=0).tolist() == [[0] * 5]


def test_examples_can_be_drawn_anew_for_each_step():
    x, y = np.eye(5), np.ones(5)
    w = reg.stochastic_descent(x, y, lr=0.5, passes=200, seed=0, shuffled=False)
    moved = (np.diff(w, axis=0) != 0)[:50].argmax(1)  # later, errors have died out
    assert [*map(sorted, moved.reshape(-1, 5).tolist())] != [[0, 1, 2, 3, 4]] * 10
    x, y = np.ones((4, 1)), np.arange(4.0)  # a step of 1 goes to the example's target
    w = reg.stochastic_descent(x, y, lr=1.0, passes=500, seed=2, shuffled=False)
    counts = np.unique(w[1:], return_counts=True)[1]
    assert stats.chisquare(counts).pvalue > 1e-4  # all are drawn, equally often


def test_the_mean_step_of_sgd_is_a_step_of_descent():
    p = wide()
    n, lr = len(p.y), 1e-2
    steps = [
        reg.stochastic_descent(p.x[[i]], p.y[[i]], lr=lr, passes=1, seed=0)[1]
        for i in range(n)
    ]
    whole = reg.descent(p.x, p.y, lr=lr / n, steps=1)[1]
    assert np.mean(steps, axis=0) == pytest.approx(whole)


def test_every_way_ends_where_theory_says():
    p = wide(1)
    found = reg.paths(p, passes=2000, seed=1)
    assert (*found,) == reg.WAYS
    for way, w in found.items():
        assert reg.missed(p, w) < 1e-8
        assert reg.drift(p, w) < 1e-12
        assert len(w) == (12001 if way == "SGD from 0" else 2001)
    for way, length in reg.START_LENGTHS.items():
        begin, far = found[way][0], reg.distances(p, found[way])[-1]
        assert norm(begin) == pytest.approx(length)
        assert far == pytest.approx(norm(reg.outside(p.x, begin)), abs=1e-8)


def test_a_path_that_ends_elsewhere_is_told():
    p = wide(1)
    best = reg.minimum_norm(p.x, p.y)
    away = reg.outside(p.x, reg.direction(15, seed=0))
    stays = np.array([0 * best, best])
    leaves = np.array([0 * best, best + away])
    assert reg.missed(p, stays) == pytest.approx(0, abs=1e-12)
    assert reg.missed(p, leaves) == pytest.approx(norm(away))
    assert reg.drift(p, leaves) == pytest.approx(norm(away))
    assert reg.drift(p, np.array([best + away, away])) == pytest.approx(0, abs=1e-12)
    returns = np.array([0 * best, away, 0 * best])
    assert reg.drift(p, returns) == pytest.approx(norm(away))
    assert reg.missed(p, np.array([away, best + away])) == pytest.approx(0, abs=1e-12)
    assert reg.distances(p, leaves) == pytest.approx([norm(best), norm(away)])


def test_sgd_wanders_only_if_not_all_equations_can_be_solved():
    def rest(problem, part=1.0, shuffled=True):
        return reg.wandering(problem, part=part, passes=400, seed=0, shuffled=shuffled)

    tall = reg.gaussian_regression(20, 4, seed=0, noise=0.5)
    assert rest(wide(1)) < 1e-6
    assert rest(reg.gaussian_regression(20, 4, seed=0)) < 1e-12
    assert rest(tall) > 0.01
    lr = 0.5 / (tall.x**2).sum(1).max()
    w = reg.stochastic_descent(tall.x, tall.y, lr=lr, passes=400, seed=0)
    last = norm(w[-200:] - reg.minimum_norm(tall.x, tall.y), axis=1)
    assert rest(tall, part=0.5) == pytest.approx(last.mean())
    assert rest(tall, shuffled=False) > rest(tall)


def test_each_problem_wanders_in_the_order_of_its_own_seed():
    how = {"part": 0.5, "passes": 12, "shuffled": False}
    problems = [reg.gaussian_regression(9, 4, seed=s, noise=0.5) for s in (3, 4)]
    found = reg.wanderings(problems, seeds=[5, 6], **how)
    each = zip(problems, (5, 6), strict=True)
    assert found.tolist() == [reg.wandering(p, seed=s, **how) for p, s in each]
    assert found[0] != reg.wandering(problems[0], seed=6, **how)


# How fast


@pytest.mark.parametrize("lr", [1 / 16, 1 / 8, 1 / 4])
def test_steps_are_exact_to_the_bit_and_equal_to_fractions(lr):
    assert reg.exact_steps(lr=lr, steps=8).all()
    assert reg.exact_steps(lr=lr, steps=8).shape == (8, 3)
    p = reg.exact_regression()
    exact = exact_descent(p.x, p.y, lr, 8, np.zeros(8))
    found = reg.descent(p.x, p.y, lr=lr, steps=8)[1:]
    for ours, theirs in zip(fractions(found), exact, strict=True):
        assert ours == theirs


def test_exactness_ends_where_the_digits_end():
    assert not reg.exact_steps(lr=1 / 16, steps=40).all()


def test_the_exact_problem_has_the_eigenvalues_that_it_names():
    values, _ = reg.modes(reg.exact_regression().x)
    assert values == pytest.approx([8, 2, 0.5])


@pytest.mark.parametrize("rate", [0.5, 1.0, 1.9, 2.05])
def test_each_mode_contracts_by_its_own_factor(rate):
    p = wide(2)
    values, _ = reg.modes(p.x)
    errors = reg.errors_by_mode(p, rate=rate, steps=20)
    factors = 1 - rate * values / values[0]
    scale = np.abs(errors[0]).max()
    expected = errors[0] * factors ** np.arange(21)[:, None]
    assert errors == pytest.approx(expected, abs=1e-11 * scale)
    assert norm(errors[0]) == pytest.approx(norm(reg.minimum_norm(p.x, p.y)))


def test_overshoots_are_sign_changes_until_a_mode_is_gone():
    errors = np.array([[1.0, 1, 1], [-0.5, 0.5, 1e-12], [0.25, 0.3, -1e-12]])
    assert reg.overshoots(errors).tolist() == [2, 0, 0]
    assert reg.overshoots(errors, above=0.0).tolist() == [2, 0, 1]
    small = np.array([[1.0, 1e-6], [0, -1e-10], [0, 1e-14]])  # shares 1e-4 and 1e-8
    assert reg.overshoots(small).tolist() == [0, 2]


def test_falling_is_strict_until_the_error_is_gone():
    assert reg.falls(np.array([[2.0, 0], [0, 1], [0, -0.5]]))
    assert not reg.falls(np.array([[2.0, 0], [0, 2], [0, 1]]))
    assert not reg.falls(np.array([[2.0], [1], [1.5]]))
    assert reg.falls(np.array([[1.0], [1e-12], [1e-12]]))


# Random data


@pytest.mark.parametrize("gamma", GAMMAS)
def test_the_distribution_function_is_the_integral_of_the_density(gamma):
    low, high = reg.edges(gamma)
    for share in (0.1, 0.5, 0.93):
        x = low + share * (high - low)
        # x = low + u² takes the root out of the integrand, and 1/√x at γ = 1
        mass, _ = integrate.quad(
            lambda u: 2 * u * float(reg.density(np.array([low + u * u]), gamma)[0]),
            0,
            (x - low) ** 0.5,
        )
        assert reg.cdf(np.array([x]), gamma)[0] == pytest.approx(mass, abs=1e-7)
    ends = reg.cdf(np.array([low - 1, low, high, high + 1]), gamma)
    assert ends == pytest.approx([0, 0, 1, 1], abs=1e-12)
    assert (reg.density(np.array([low - 0.01, high + 0.01]), gamma) == 0).all()


@pytest.mark.parametrize("gamma", GAMMAS)
def test_moments_of_the_law(gamma):
    # the whole law has mean 1 and second moment 1 + γ; min(1, 1/γ) of it is not zero
    low, high = reg.edges(gamma)
    kept = min(1, 1 / gamma)
    for power, whole in ((1, 1.0), (2, 1 + gamma)):
        moment, _ = integrate.quad(
            lambda u, k=power: (
                2
                * u
                * (low + u * u) ** k
                * float(reg.density(np.array([low + u * u]), gamma)[0])
            ),
            0,
            (high - low) ** 0.5,
        )
        assert kept * moment == pytest.approx(whole, abs=1e-6)


def test_both_sides_of_one_have_the_same_law_up_to_scale():
    x = np.linspace(0.1, 5, 40)
    assert reg.cdf(x, 0.25) == pytest.approx(reg.cdf(4 * x, 4.0))
    assert reg.limit_condition(0.25) == pytest.approx(9)
    assert reg.limit_condition(4.0) == pytest.approx(9)
    assert reg.limit_condition(0.5) == pytest.approx(33.97, abs=0.005)
    assert reg.limit_condition(1.0) == np.inf


def test_spectra_are_those_of_the_square_over_n():
    x = reg.gaussian_inputs(4, 7, seed=2)
    full = np.linalg.eigvalsh(x.T @ x / 4)[::-1]
    assert reg.spectrum(4, 7, seed=2) == pytest.approx(full[:4])
    assert full[4:] == pytest.approx(np.zeros(3), abs=1e-12)
    tall = reg.gaussian_inputs(7, 4, seed=2)
    assert reg.spectrum(7, 4, seed=2) == pytest.approx(
        np.linalg.eigvalsh(tall.T @ tall / 7)[::-1]
    )


@pytest.mark.parametrize("gamma", [0.25, 0.5, 2.0, 4.0])
def test_a_spectrum_is_near_its_law_and_far_from_others(gamma):
    # five eigenvalues out of place; the chapter's pilot had at most four
    n = 300
    found = reg.spectrum(n, round(gamma * n), seed=0)
    allowed = 5 / len(found)
    assert reg.distance(found, gamma) < allowed
    assert reg.distance(found, 1.3 * gamma) > allowed
    assert reg.distance(found * 1.2, gamma) > allowed


def test_uneven_inputs_are_noticed():
    x = reg.uneven_spectrum(400, 200, seed=0)
    assert reg.distance(x, 0.5) > 5 / 200
    # mean variance is 1: the trace is that of the law, within 5 standard deviations
    assert x.mean() == pytest.approx(1, abs=5 * (2 * 1.1 / 80_000) ** 0.5)


def test_the_gap_is_that_of_the_steps():
    low, high = reg.edges(0.5)
    assert reg.distance(np.array([high, high]), 0.5) == pytest.approx(1)
    grid = np.linspace(low, high, 4001)
    middle = grid[np.searchsorted(reg.cdf(grid, 0.5), 0.5)]
    assert reg.distance(np.array([middle]), 0.5) == pytest.approx(0.5, abs=1e-3)


def test_the_least_eigenvalue_of_a_square_matrix_follows_its_law():
    # false alarm 1e-3; the law with a wrong scale is refused
    found = np.array([reg.spectrum(30, 30, seed=s)[-1] for s in range(300)]) * 900
    assert reg.square_fit(found) > 1e-3
    assert reg.square_fit(4 * found) < 1e-3
    assert reg.square_fit(found / 4) < 1e-3


def test_the_law_of_square_matrices():
    x = np.array([-1.0, 0, 0.5, 2, 100])
    found = reg.square_cdf(x)
    assert found[[0, 1]].tolist() == [0, 0]
    assert found[-1] == pytest.approx(1)
    h = 1e-6  # its derivative is Edelman's density
    slope = (reg.square_cdf(x[2:4] + h) - reg.square_cdf(x[2:4] - h)) / (2 * h)
    root = np.sqrt(x[2:4])
    edelman = (1 + root) / (2 * root) * np.exp(-x[2:4] / 2 - root)
    assert slope == pytest.approx(edelman, rel=1e-6)
    assert reg.square_cdf(np.array([reg.square_median()]))[0] == pytest.approx(0.5)


def test_zero_is_what_rounding_could_make():
    eps = np.finfo(float).eps
    spectra = np.array([[1.0, 0.5, (2 * eps) ** 2], [1.0, 0.5, (4 * eps) ** 2]])
    assert reg.counts_as_zero(spectra).tolist() == [True, False]


def test_growth_finds_a_power_in_each_batch():
    ns = [10, 20, 40, 80]
    noise = np.exp(np.random.default_rng(0).normal(size=(4, 3001)))
    noise[3, 0] = 1e9  # one far value moves no median; one run is left over
    found = reg.growth(3.0 * np.array(ns)[:, None] ** 2 * noise, ns, batches=10)
    assert found.shape == (10,)
    # a median of 300 normal values has the standard error 1.2533/√300
    error = 1.2533 / 300**0.5 / (np.log(2) * 5**0.5)
    assert abs(found - 2).max() < 4 * error  # false alarm in one of 1,500 tries
    assert np.std(found) == pytest.approx(error, rel=0.7)
    exact = reg.growth(np.array(ns, float)[:, None] ** 2 * np.ones(6), ns, batches=3)
    assert exact == pytest.approx(np.full(3, 2))


# Risk


def test_a_mean_is_tested_by_its_runs():
    values = np.random.default_rng(0).normal(3, 1, size=100)
    middle, error = values.mean(), values.std(ddof=1) / 10
    assert reg.mean_fit(values, middle) == pytest.approx(1)
    assert reg.mean_fit(values, middle + 1.984 * error) == pytest.approx(0.05, abs=1e-3)


def test_excess_risk_is_the_squared_error_on_fresh_inputs():
    p = wide()
    w = reg.minimum_norm(p.x, p.y)
    fresh = reg.gaussian_inputs(20_000, 15, seed=99)
    losses = (fresh @ (w - p.beta)) ** 2
    error = losses.std() / len(losses) ** 0.5
    assert reg.excess_risk(w, p) == pytest.approx(losses.mean(), abs=5 * error)
    assert reg.excess_risk(np.array([w, p.beta]), p)[1] == 0


@pytest.mark.parametrize(("n", "d"), [(30, 10), (10, 30), (12, 60), (40, 4)])
@pytest.mark.parametrize("noise", [0.0, 0.7])
def test_the_mean_risk_is_that_of_the_formula(n, d, noise):
    # t interval of 300 runs that misses with probability 1e-4
    risks = reg.ridgeless_risks(n, d, seeds=range(300), noise=noise)
    expected = reg.expected_risk(n, d, noise=noise)
    half = stats.t.ppf(1 - 5e-5, 299) * risks.std(ddof=1) / 300**0.5
    assert risks.mean() == pytest.approx(expected, abs=half + 1e-12)


def test_no_mean_at_the_peak():
    assert [reg.expected_risk(10, d, noise=0.5) for d in (9, 10, 11)] == [np.inf] * 3
    assert reg.expected_risk(10, 8, noise=0.5) == pytest.approx(0.25 * 8)
    assert reg.expected_risk(10, 12, noise=0.5) == pytest.approx(2 / 12 + 0.25 * 10)
    assert reg.expected_risk(10, 10, noise=0.0) == 0


def test_the_limit_of_the_risk():
    gamma = np.array([0.5, 1.0, 2.0, 4.0])
    found = reg.limit_risk(gamma, noise=0.5)
    assert found == pytest.approx([0.25, np.inf, 0.75, 0.75 + 0.25 / 3])
    assert reg.limit_risk(gamma, noise=0.0) == pytest.approx([0, 0, 0.5, 0.75])
    for g in (0.3, 3.0):
        large = reg.expected_risk(10**6, round(g * 10**6), noise=0.5)
        (limit,) = reg.limit_risk(np.array([g]), noise=0.5)
        assert large == pytest.approx(limit, rel=1e-5)


@pytest.mark.parametrize(("n", "d"), [(6, 15), (9, 9), (12, 5)])
def test_a_stopped_descent_is_that_of_its_steps(n, d):
    p = reg.gaussian_regression(n, d, seed=5, noise=0.5)
    values, _ = reg.modes(p.x)
    w = reg.descent(p.x, p.y, lr=1 / values[0], steps=60)
    times = np.array([0, 1, 2, 7, 60])
    risks = reg.stopped_risks(p, times)
    assert risks == pytest.approx(reg.excess_risk(w[times], p))
    assert risks[0] == pytest.approx(1)
    (end,) = reg.stopped_risks(p, np.array([1e9]))
    assert end == pytest.approx(
        reg.excess_risk(reg.minimum_norm(p.x, p.y), p), rel=1e-4
    )
