"""Deep linear networks: the end-to-end flow, what is conserved, norms and ranks."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import linalg

from hlnb.errors import HlnbError
from hlnb.studies.deep_linear import experiment as deep

DEPTHS = [1, 2, 3, 4, 5]
D = 4


def matrix(seed, of="test"):
    return deep.random_matrix(D, seed=seed, of=of)


def symmetric(seed):
    a = matrix(seed)
    return a + a.T


def positive(seed):
    a = matrix(seed)
    return a @ a.T


def factors(depth, seed=0):
    rng = np.random.default_rng([19, seed])
    return rng.standard_normal((depth, D, D))


def velocity(factors, gradient):
    """Ẇ by the product rule, when each factor moves against its own gradient."""
    moved = -deep.pulled_back(factors, gradient)
    total = np.zeros((D, D))
    for j in range(len(factors)):
        mixed = factors.copy()
        mixed[j] = moved[j]
        total += deep.product(mixed)
    return total


def power(symmetric, exponent):
    values, vectors = linalg.eigh(symmetric)
    return (vectors * values.clip(1e-300) ** exponent) @ vectors.T


# The loss and its gradient


def test_the_product_has_the_first_factor_on_the_right():
    a, b, c = factors(3)
    assert_allclose(deep.product(np.stack([a, b, c])), c @ b @ a)


@pytest.mark.parametrize("depth", DEPTHS)
def test_pulled_back_is_the_gradient_in_each_factor(depth):
    entries = deep.completion(D, rank=2, share=0.5, seed=1)
    at, h = factors(depth), 1e-5
    found = deep.pulled_back(at, entries.gradient(deep.product(at)))
    rng = np.random.default_rng(1)
    for _ in range(5):
        way = rng.standard_normal(at.shape)
        up, down = (entries.loss(deep.product(at + s * h * way)) for s in (1, -1))
        assert (up - down) / (2 * h) == pytest.approx((found * way).sum(), rel=1e-6)


def test_only_observed_entries_have_a_gradient_and_errors_split_the_rest():
    entries = deep.completion(D, rank=1, share=0.5, seed=2)
    w = matrix(5)
    off = w - entries.target
    assert (entries.gradient(w)[~entries.seen] == 0).all()
    assert_allclose(entries.gradient(w)[entries.seen], off[entries.seen])
    assert entries.loss(w) == pytest.approx(0.5 * (off[entries.seen] ** 2).sum())
    assert entries.seen_error(w) ** 2 == pytest.approx((off[entries.seen] ** 2).mean())
    unseen = (off[~entries.seen] ** 2).mean()
    assert entries.unseen_error(w) ** 2 == pytest.approx(unseen)


def test_a_random_problem_has_its_rank_its_share_and_size_one():
    entries = deep.completion(10, rank=3, share=0.4, seed=0)
    assert np.linalg.matrix_rank(entries.target) == 3
    assert entries.seen.sum() == 40
    assert (entries.target**2).mean() == pytest.approx(1)
    other = deep.completion(10, rank=3, share=0.4, seed=1)
    assert (entries.seen != other.seen).any()
    assert (entries.target != other.target).any()
    again = deep.completion(10, rank=3, share=0.4, seed=0)
    assert (entries.target == again.target).all()


@pytest.mark.parametrize(("rank", "share"), [(0, 0.5), (5, 0.5), (2, 0.0), (2, 1.0)])
def test_an_absurd_problem_is_refused(rank, share):
    with pytest.raises(HlnbError, match="does not fit a 4 × 4 matrix: take a rank"):
        deep.completion(4, rank=rank, share=share, seed=0)


def test_stacked_runs_descend_as_each_does_alone():
    problems = [deep.completion(D, rank=1, share=0.5, seed=s) for s in (0, 1)]
    starts = [deep.small_start(D, 3, size=0.1, seed=s) for s in (0, 1)]
    how = {"lr": 0.05, "steps": 7, "every": 3}
    both, ends = deep.descend(deep.stacked(problems), np.stack(starts, 1), **how)
    for i, (problem, start) in enumerate(zip(problems, starts, strict=True)):
        alone, end = deep.descend(problem, start, **how)
        assert_allclose(both[:, i], alone, atol=1e-14)
        assert_allclose(ends[:, i], end, atol=1e-14)
    assert len(both) == 1 + 7 // 3
    assert_allclose(both[0, 0], deep.product(starts[0]))
    three = deep.descend(problems[0], starts[0], lr=0.05, steps=3)[0][-1]
    assert_allclose(both[1, 0], three, atol=1e-14)


def test_completed_are_the_starts_ends_and_errors_of_a_descent():
    problems = [deep.completion(D, rank=1, share=0.5, seed=s) for s in (0, 1)]
    starts = [deep.small_start(D, 2, size=0.3, seed=s) for s in (7, 8)]
    both, how = deep.stacked(problems), {"lr": 0.05, "steps": 6}
    found = deep.completed(both, 2, start=0.3, seeds=[7, 8], every=2, **how)
    w, _ = deep.descend(both, np.stack(starts, 1), every=2, **how)
    assert np.array_equal(found.first, w[0])
    assert np.array_equal(found.last, w[3])
    assert np.array_equal(found.unseen, both.unseen_error(w))
    ends = deep.first_and_last(both, np.stack(starts, 1), **how)
    assert np.array_equal(ends, w[[0, 3]])


def test_the_flow_of_the_product_is_the_product_of_the_flow():
    at, times = factors(3) / 2, np.array([0.0, 0.1, 0.3])
    entries = deep.full(matrix(9))
    found = deep.product_flow(entries, at, times=times)
    each = [deep.product(now) for now in deep.flow(entries, at, times=times)]
    assert found == pytest.approx(np.array(each), abs=1e-12)


@pytest.mark.parametrize("wrong", [{"lr": 0.0}, {"steps": 0}, {"every": 0}])
def test_a_descent_of_nothing_is_refused(wrong):
    with pytest.raises(HlnbError, match=f"^{next(iter(wrong))} = 0.*: take"):
        deep.descend(
            deep.corner(), np.eye(2)[None], **({"lr": 0.1, "steps": 1} | wrong)
        )


# The end-to-end flow


def test_two_layers_need_no_balance_for_the_first_form():
    """ΔB = −η (∇A₁ᵀA₁ + A₂A₂ᵀ∇) + η² ∇Bᵀ∇, exactly."""
    at, entries, lr = factors(2), deep.full(matrix(9)), 0.1
    first, second = at
    b = second @ first
    g = entries.gradient(b)
    moved = deep.product(deep.step(entries, at, lr=lr)) - b
    linear = g @ first.T @ first + second @ second.T @ g
    assert_allclose(moved, -lr * linear + lr**2 * g @ b.T @ g, atol=1e-12)


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("rank", [1, 2, D])
def test_the_formula_is_the_velocity_of_a_balanced_network(depth, rank):
    left, right = matrix(0)[:, :rank], matrix(1)[:rank]
    w, g = left @ right, matrix(2)
    at = deep.balanced(w, depth)
    assert_allclose(deep.product(at), w, atol=1e-13)
    assert deep.imbalance(at) < 1e-13
    # Roots of rounding errors would not be small
    assert [np.linalg.matrix_rank(a) for a in at] == [rank] * depth
    assert_allclose(velocity(at, g), -deep.end_to_end(w, g, depth), atol=1e-12)


@pytest.mark.parametrize("depth", DEPTHS)
def test_the_formula_is_a_sum_of_powers(depth):
    w, g = matrix(3), matrix(4)
    terms = [
        power(w @ w.T, (j - 1) / depth) @ g @ power(w.T @ w, (depth - j) / depth)
        for j in range(1, depth + 1)
    ]
    assert_allclose(deep.end_to_end(w, g, depth), sum(terms), atol=1e-11)


def test_without_balance_the_formula_fails():
    at, g = factors(2), matrix(2)
    w = deep.product(at)
    off = velocity(at, g) + deep.end_to_end(w, g, 2)
    assert linalg.norm(off) > 0.1 * linalg.norm(velocity(at, g))


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_a_step_follows_the_formula_to_first_order(depth):
    entries, at = deep.full(matrix(1)), deep.balanced(matrix(0), depth)
    w = deep.product(at)
    psi = deep.end_to_end(w, entries.gradient(w), depth)

    def off(lr):
        moved = deep.product(deep.step(entries, at, lr=lr)) - w
        return linalg.norm(moved / lr + psi)

    assert off(1e-3) / off(5e-4) == pytest.approx(2, abs=0.01)
    if depth == 2:  # then the error is η ‖∇Wᵀ∇‖
        g = entries.gradient(w)
        assert off(0.1) == pytest.approx(0.1 * linalg.norm(g @ w.T @ g))


def test_step_errors_are_relative_to_the_formula():
    entries, at = deep.full(matrix(1)), deep.balanced(matrix(0), 2)
    w = deep.product(at)
    g = entries.gradient(w)
    exact = linalg.norm(g @ w.T @ g) / linalg.norm(deep.end_to_end(w, g, 2))
    assert_allclose(
        deep.step_errors(entries, at, [0.1, 0.02]), [0.1 * exact, 0.02 * exact]
    )


def test_drifts_are_measured_at_one_time_and_shrink_with_the_step():
    entries, at = deep.full(matrix(1)), deep.balanced(matrix(0), 3)
    coarse, fine = deep.drifts(entries, at, [0.02, 0.01], time=1.0)
    assert coarse / fine == pytest.approx(2, rel=0.1)
    end = deep.descend(entries, at, lr=0.02, steps=50)[1]
    assert coarse == pytest.approx(deep.imbalance(end))


def test_the_balance_changes_with_the_square_of_the_step_only():
    at, entries, lr = factors(2), deep.full(matrix(9)), 0.1
    g = deep.pulled_back(at, entries.gradient(deep.product(at)))

    def gap(f):
        return f[1].T @ f[1] - f[0] @ f[0].T

    change = gap(deep.step(entries, at, lr=lr)) - gap(at)
    assert_allclose(change, lr**2 * (g[1].T @ g[1] - g[0] @ g[0].T), rtol=0, atol=1e-11)


def test_imbalance_is_the_largest_gap():
    at = np.stack([np.eye(D), 2 * np.eye(D), 3 * np.eye(D)])
    assert deep.imbalance(at) == pytest.approx(5 * D**0.5)
    assert deep.imbalance(at[:1]) == 0


@pytest.mark.parametrize("depth", [2, 3])
def test_the_flow_conserves_balance_and_lowers_the_loss(depth):
    entries, start = deep.full(matrix(1)), factors(depth) / 2
    found = deep.flow(entries, start, times=np.linspace(0, 1, 5))
    assert_allclose(found[0], start)
    kept = [f[1].T @ f[1] - f[0] @ f[0].T for f in found]
    assert_allclose(kept, [kept[0]] * 5, atol=1e-8)
    losses = [float(entries.loss(deep.product(f))) for f in found]
    assert losses == sorted(losses, reverse=True)
    fine = deep.descend(entries, start, lr=1e-3, steps=1000)[1]
    assert_allclose(found[-1], fine, atol=0.02)


def test_the_flow_of_one_layer_is_known():
    entries, start = deep.full(matrix(1)), matrix(0)
    times = np.array([0.0, 0.5, 2.0])
    exact = entries.target + np.exp(-times)[:, None, None] * (start - entries.target)
    found = deep.flow(entries, start[None], times=times)[:, 0]
    assert_allclose(found, exact, atol=1e-8)


@pytest.mark.parametrize("depth", DEPTHS)
def test_weights_of_the_singular_directions(depth):
    s = np.array([4.0, 1, 0.25, 0])
    found = deep.weights(s, depth)
    assert_allclose(found, found.T)
    assert_allclose(np.diag(found)[:3], depth * s[:3] ** (2 - 2 / depth))
    expected = {1: np.ones((4, 4)), 2: s[:, None] + s}
    if depth in expected:
        assert_allclose(found, expected[depth])
    assert found[0, 3] == pytest.approx(s[0] ** (2 - 2 / depth))


@pytest.mark.parametrize("depth", DEPTHS)
def test_the_operator_is_symmetric_and_positive(depth):
    w, g, h = matrix(0), matrix(1), matrix(2)
    one, two = (deep.end_to_end(w, x, depth) for x in (g, h))
    assert (one * h).sum() == pytest.approx((g * two).sum())
    assert (one * g).sum() > 0


@pytest.mark.parametrize("depth", [2, 3])
def test_only_a_singular_matrix_has_directions_that_do_not_move(depth):
    w = np.diag([1.0, 2, 0, 0])
    g = np.zeros((D, D))
    g[2, 3] = 1
    # Zero but for rounding: the singular vectors come from the machine's LAPACK
    assert_allclose(deep.end_to_end(w, g, depth), 0, atol=1e-14)
    assert deep.end_to_end(np.eye(D), g, depth)[2, 3] == pytest.approx(depth)


def test_a_network_without_layers_is_refused():
    with pytest.raises(HlnbError, match="depth = 0: take a whole number from 1 up"):
        deep.balanced(matrix(0), 0)
    with pytest.raises(HlnbError, match="depth = 0: take"):
        deep.small_start(D, 0, size=1.0, seed=0)
    with pytest.raises(HlnbError, match=r"size = 0\.0: take a finite number above 0"):
        deep.small_start(D, 2, size=0.0, seed=0)
    with pytest.raises(HlnbError, match="d = 0: take"):
        deep.random_matrix(0, seed=0)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_small_start_has_its_size_on_average(depth):
    starts = [deep.small_start(6, depth, size=0.01, seed=s) for s in range(300)]
    squares = [(deep.product(f) ** 2).mean() for f in starts]
    error = np.std(squares) / 300**0.5
    # Five standard errors: one false alarm in a million, if the mean is normal
    assert abs(np.mean(squares) - 1e-4) < 5 * error
    assert error < 0.2e-4


# The notes' form


def test_a_pair_commutes_if_asked_to():
    for commuting in (True, False):
        b, g = deep.symmetric_pair(D, seed=0, commuting=commuting)
        assert_allclose(g, g.T, atol=1e-15)
        assert linalg.eigvalsh(b)[0] > 0
        assert (linalg.norm(b @ g - g @ b) < 1e-12) == commuting


def test_the_best_factor_leaves_the_least():
    form, simple = matrix(0), matrix(1)
    c, missed = deep.best_factor(form, simple)
    off = [linalg.norm(form - k * simple) for k in (c - 0.01, c, c + 0.01)]
    assert min(off) == off[1]
    assert missed == pytest.approx(off[1] / linalg.norm(form))
    assert deep.best_factor(3 * simple, simple) == pytest.approx((3, 0), abs=1e-12)


def test_the_root():
    b = positive(1)
    a = deep.root(b)
    assert_allclose(a @ a, b)
    assert linalg.eigvalsh(a)[0] >= 0
    for wrong in (-np.eye(D), matrix(0)):
        with pytest.raises(HlnbError, match="Only a positive semidefinite"):
            deep.root(wrong)


def test_where_all_commutes_the_notes_miss_a_factor():
    b, g = deep.symmetric_pair(D, seed=0, commuting=True)
    notes = deep.notes_flow(b, g)
    assert_allclose(notes, b @ g, atol=1e-12)
    assert_allclose(deep.tied_flow(b, g), 4 * notes, atol=1e-12)
    assert_allclose(deep.end_to_end(b, g, 2), 2 * notes, atol=1e-12)


def test_compared_has_a_row_for_shared_and_for_separate_factors():
    found = deep.compared(*deep.symmetric_pair(D, seed=0, commuting=True))
    assert_allclose(found, [[4, 0], [2, 0]], atol=1e-12)
    b, g = deep.symmetric_pair(D, seed=0, commuting=False)
    missed = deep.compared(b, g)[:, 1]
    assert 0.05 < missed[0] < missed[1] < 1
    notes = deep.notes_flow(b, g)
    assert missed[1] == deep.best_factor(deep.end_to_end(b, g, 2), notes)[1]


def test_tied_is_the_balanced_flow_and_twice_the_notes_form():
    b, g = positive(0), symmetric(1)
    rest = deep.tied_flow(b, g) - deep.end_to_end(b, g, 2)
    assert_allclose(rest, 2 * deep.notes_flow(b, g), atol=1e-12)
    assert linalg.norm(rest - deep.notes_flow(b, g)) > 0.1


def test_a_tied_step_moves_the_square_by_the_tied_flow():
    b, g, h = positive(0), symmetric(1), 1e-3
    a = deep.root(b)
    up, down = (deep.tied_step(a, g, lr=lr) for lr in (h, -h))
    # The difference of the squares has no term in h²
    assert_allclose(
        (up @ up - down @ down) / (2 * h), -deep.tied_flow(b, g), atol=1e-11
    )
    assert deep.tied_error(b, g) < 1e-11


def test_tied_step_descends_the_loss_of_the_square():
    target = symmetric(4)
    entries, a, h = deep.full(target), deep.root(positive(0)), 1e-5
    moved = a - deep.tied_step(a, entries.gradient(a @ a), lr=1.0)
    way = symmetric(6)
    up, down = (entries.loss((a + s * h * way) @ (a + s * h * way)) for s in (1, -1))
    assert (up - down) / (2 * h) == pytest.approx((moved * way).sum(), rel=1e-6)


def test_a_square_has_no_negative_eigenvalue_and_so_another_least_loss():
    entries, a = deep.full(np.diag([1.0, -1])), np.diag([0.5, 0.5])
    for _ in range(20_000):
        a = deep.tied_step(a, entries.gradient(a @ a), lr=0.01)
    assert_allclose(a @ a, np.diag([1, 0]), atol=2e-3)
    assert entries.loss(a @ a) == pytest.approx(0.5, abs=1e-5)
    start = deep.balanced(np.array([[0.5, 0.1], [-0.1, -0.3]]), 2)
    w = deep.descend(entries, start, lr=0.1, steps=500, every=500)[0]
    assert entries.loss(w[-1]) < 1e-6


def test_equal_factors_stay_transposes_not_equal():
    entries, a = deep.full(symmetric(4)), deep.root(positive(0))
    first, second = deep.step(entries, np.stack([a, a]), lr=0.1)
    assert_allclose(second, first.T, atol=1e-14)
    assert linalg.norm(second - first) > 0.01


# Growth


@pytest.mark.parametrize("depth", DEPTHS)
def test_grown_solves_its_equation(depth):
    s, h = np.array([0.1, 0.2, 0.3]), 1e-5
    up, down = (deep.grown(s, 0.05 + x, depth=depth, pull=2.0) for x in (h, -h))
    now = deep.grown(s, 0.05, depth=depth, pull=2.0)
    assert_allclose(
        (up - down) / (2 * h), 2 * depth * now ** (2 - 2 / depth), rtol=1e-7
    )
    assert_allclose(deep.grown(s, 0.0, depth=depth), s)
    time = deep.time_to(0.3, 0.7, depth=depth, pull=2.0)
    assert deep.grown(s, time, depth=depth, pull=2.0)[2] == pytest.approx(0.7)


@pytest.mark.parametrize("depth", DEPTHS)
def test_a_network_under_an_equal_pull_grows_like_that(depth):
    s = np.array([0.4, 0.2, 0.1])
    time = deep.time_to(0.4, 0.8, depth=depth)
    found = deep.pulled(s, depth=depth, time=time, steps=2000)
    assert found.shape == (2001, 3)
    assert_allclose(found[0], s)
    for k in (1000, 2000):
        exact = deep.grown(s, time * k / 2000, depth=depth)
        assert_allclose(found[k], exact, rtol=2e-3)


def test_gap_ratio_or_inverse_power_is_kept():
    s = np.array([0.2, 0.4])
    one, two, three = (deep.grown(s, 0.3, depth=n) for n in (1, 2, 3))
    assert one[1] - one[0] == pytest.approx(0.2)
    assert two[1] / two[0] == pytest.approx(2)
    assert three[1] / three[0] > 2
    kept = three ** (-1 / 3) - s ** (-1 / 3)
    assert_allclose(kept, -0.3)


def test_infinite_values_are_refused():
    with pytest.raises(HlnbError, match=r"At time 9\.0 a singular value is infinite"):
        deep.grown(np.array([0.5]), 9.0, depth=3)


@pytest.mark.parametrize("depth", DEPTHS)
def test_rates_of_a_trained_diagonal(depth):
    s = np.array([0.3, 0.7, 1.1])
    assert_allclose(
        deep.growth_rates(s, depth), depth * s ** (2 - 2 / depth), rtol=1e-6
    )


@pytest.mark.parametrize("depth", DEPTHS)
def test_exponents_of_a_term_sum_to_two_less_two_over_the_depth(depth):
    found = deep.exponent(matrix(0), matrix(1), depth)
    assert found == pytest.approx(2 - 2 / depth)


# Norms and ranks


def test_norms_of_a_diagonal():
    w = np.diag([3.0, -4, 0, 0])
    assert deep.schatten(w, 1) == pytest.approx(7)
    assert deep.schatten(w, 2) == pytest.approx(5)
    assert deep.schatten(w, np.inf) == pytest.approx(4)
    assert deep.schatten(w, 0.5) == pytest.approx((3**0.5 + 2) ** 2)
    both = deep.schatten(np.stack([w, 2 * w]), 1)
    assert_allclose(both, [7, 14])


def test_effective_rank_counts_equal_singular_values():
    for r in range(1, D + 1):
        w = np.diag([2.0] * r + [0.0] * (D - r))
        assert deep.effective_rank(w) == pytest.approx(r)
    p = np.array([0.75, 0.25])
    expected = np.exp(-(p * np.log(p)).sum())
    assert deep.effective_rank(np.diag([6.0, 2.0])) == pytest.approx(expected)


@pytest.mark.parametrize("loss", [0.25, 0.1, 0.01, 1e-4])
def test_the_least_corner_of_all_matrices_with_this_loss(loss):
    """Over a grid of the sphere 2ℓ = (1 − w₁₂)² + (1 − w₂₁)² + w₂₂²."""
    tilt, turn = np.meshgrid(np.linspace(0, np.pi, 801), np.linspace(0, 2 * np.pi, 801))
    r = (2 * loss) ** 0.5
    a, b = r * np.sin(tilt) * np.cos(turn), r * np.sin(tilt) * np.sin(turn)
    size = np.abs(r * np.cos(tilt))
    least = ((1 - a) * (1 - b) / np.maximum(size, 1e-12)).min()
    bound = float(deep.least_corner(np.array([loss]))[0])
    assert bound <= least * (1 + 1e-12)
    assert bound == pytest.approx(least, rel=1e-3)


def test_the_bound_grows_like_the_root_of_the_loss():
    bound = deep.least_corner(np.array([1e-8]))[0]
    assert bound * (2e-8) ** 0.5 == pytest.approx(1, abs=1e-6)
    for wrong in (0.3, 0.0):
        with pytest.raises(HlnbError, match="from 0 to 1/4"):
            deep.least_corner(np.array([wrong]))


@pytest.mark.parametrize("depth", [2, 3])
def test_in_the_corner_problem_the_flow_keeps_to_the_bound(depth):
    start = deep.balanced(0.05 * np.eye(2), depth)
    w = deep.product(
        deep.flow(deep.corner(), start, times=np.linspace(0, 20, 30)).swapaxes(0, 1)
    )
    loss = deep.corner().loss(w)
    assert (np.linalg.det(w) > 0).all()
    late = (loss < 0.25) & (loss > 0)
    assert late.sum() > 5
    assert (w[late, 0, 0] >= deep.least_corner(loss[late])).all()


def test_the_corner_problem_is_the_published_one():
    entries = deep.corner()
    w = np.array([[7.0, 1], [1, 0]])
    assert entries.loss(w) == 0
    assert entries.loss(w + 1) == pytest.approx(1.5)
    assert entries.gradient(w + 1)[0, 0] == 0


def test_random_corners_share_their_product():
    drawn, even = deep.corner_starts(6, 2, size=0.1, seed=1)
    assert drawn.shape == even.shape == (2, 6, 2, 2)
    assert deep.corner_starts(3, 4, size=0.1, seed=1)[1].shape == (4, 3, 2, 2)
    assert_allclose(deep.product(drawn), deep.product(even), atol=1e-14)
    assert max(deep.imbalance(even[:, i]) for i in range(6)) < 1e-14
    assert min(deep.imbalance(drawn[:, i]) for i in range(6)) > 1e-3
    other = deep.corner_starts(6, 2, size=0.1, seed=2)[0]
    assert not (other == drawn).any()


def test_the_least_nuclear_norm_completes_a_matrix_of_ones():
    seen = np.array([[False, True], [True, True]])
    entries = deep.Entries(np.array([[5.0, 1], [1, 1]]), seen)
    w = deep.least_nuclear(entries, steps=1500)
    # ‖[[x, 1], [1, 1]]‖ is √((x − 1)² + 4) below 1 and x + 1 above: least at x = 1
    assert_allclose(w, np.ones((2, 2)), atol=0.02)


def test_the_record_at_which_a_loss_is_reached():
    loss = np.array([[3.0, 3], [1, 2], [0.5, 2]])
    assert deep.first_at_most(loss, 1.0).tolist() == [1, 2]


# Gradient fields


def test_a_gradient_field_has_a_symmetric_jacobian():
    a = symmetric(0)
    at = np.arange(1.0, D + 1)
    assert deep.asymmetry(lambda w: a @ w + w**3, at) < 1e-8
    turn = np.array([[0.0, 1], [-1, 0]])
    assert deep.asymmetry(lambda w: turn @ w, np.ones(2)) == pytest.approx(2)


@pytest.mark.parametrize("depth", DEPTHS)
def test_one_output_is_a_row_of_the_formula(depth):
    w, g = matrix(0)[0], matrix(1)[0]
    whole, gradient = np.zeros((D, D)), np.zeros((D, D))
    whole[0], gradient[0] = w, g
    found = deep.end_to_end(whole, gradient, depth)
    assert_allclose(found[0], deep.row_flow(w, g, depth), atol=1e-12)


@pytest.mark.parametrize("depth", DEPTHS)
def test_how_far_a_row_is_from_a_gradient_field(depth):
    """J − Jᵀ = −(N − 1)(N − 2)/N · ‖w‖^{−2/N} (g wᵀ − w gᵀ) for a constant g."""
    w, g, h = matrix(0)[0], matrix(1)[0], 1e-6
    columns = [
        (deep.row_flow(w + h * e, g, depth) - deep.row_flow(w - h * e, g, depth))
        / (2 * h)
        for e in np.eye(D)
    ]
    jacobian = np.stack(columns, 1)
    factor = -(depth - 1) * (depth - 2) / depth * linalg.norm(w) ** (-2 / depth)
    expected = factor * (np.outer(g, w) - np.outer(w, g))
    assert_allclose(jacobian - jacobian.T, expected, atol=1e-8)
    size = max(linalg.norm(jacobian), 1e-12)  # zero for depth 1
    relative = linalg.norm(jacobian - jacobian.T) / size
    assert deep.row_asymmetry(w, g, depth) == pytest.approx(relative, abs=1e-8)
    assert (deep.row_asymmetry(w, g, depth) > 1e-3) == (depth > 2)


def test_one_layer_alone_follows_a_gradient_in_matrices():
    entries, w = deep.completion(D, rank=2, share=0.5, seed=0), matrix(0)
    assert deep.matrix_asymmetry(entries, w, 1) < 1e-8
    assert deep.matrix_asymmetry(entries, w, 2) > 1e-2
    assert deep.matrix_asymmetry(entries, w, 3) > 1e-2


@pytest.mark.parametrize("depth", DEPTHS)
def test_the_operator_has_the_weights_as_eigenvalues(depth):
    w, g = matrix(0), matrix(1)
    found = deep.operator(w, depth)
    assert_allclose(found, found.T, atol=1e-12)
    assert_allclose(found @ g.ravel(), deep.end_to_end(w, g, depth).ravel())
    expected = np.sort(deep.weights(linalg.svdvals(w), depth).ravel())
    assert_allclose(linalg.eigvalsh(found), expected, atol=1e-12)


def test_a_run_that_diverges_ends_in_inf_and_has_no_rank():
    problem = deep.completion(6, rank=1, share=0.5, seed=0)
    wide = deep.stacked([problem] * 2)
    starts = np.stack(
        [deep.small_start(6, 2, size=size, seed=0) for size in (1e-3, 1.0)], 1
    )
    found, _ = deep.descend(wide, starts, lr=10, steps=60, every=20)
    assert np.isfinite(found[0]).all()
    assert np.isinf(found[-1]).any()
    assert not np.isnan(found).any()
    errors = wide.unseen_error(found)  # a warning would be an error here
    assert np.isinf(errors[-1, 1])
    ranks = deep.effective_rank(found[:, 1])
    assert np.isfinite(ranks[0])
    assert np.isnan(ranks[-1])
    assert deep.effective_rank(np.eye(3)) == pytest.approx(3)
