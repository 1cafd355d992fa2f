"""A sparse truth: identities of both learners, and the refusals."""

import numpy as np
import pytest
from scipy import linalg, stats

from drawn import lines
from hlnb.errors import HlnbError
from hlnb.studies.linear_regression import captions, claims, sparse
from hlnb.studies.linear_regression.experiment import Regression, minimum_norm
from hlnb.studies.linear_regression.figures import SPARSE_STYLES

PROBLEM = sparse.sparse_regression(15, 40, sparsity=3, seed=7)
ALL = sparse.sparse_regression(12, 12, sparsity=3, seed=7)


def test_a_sparse_truth_has_length_one_and_few_equal_entries():
    found = [
        sparse.sparse_regression(1, 30, sparsity=4, seed=s).beta for s in range(50)
    ]
    assert all(abs(linalg.norm(b) - 1) < 1e-12 for b in found)
    assert all((b != 0).sum() == 4 for b in found)
    assert all(np.ptp(abs(b[b != 0])) < 1e-12 for b in found)
    places = np.concatenate([np.flatnonzero(b) for b in found])
    counts = np.bincount(places, minlength=30)  # 200 entries on 30 places
    assert stats.chisquare(counts).pvalue > 1e-4
    signs = np.concatenate([b[b != 0] > 0 for b in found])
    assert stats.binomtest(int(signs.sum()), len(signs)).pvalue > 1e-4


@pytest.mark.parametrize("learner", sparse.LEARNERS)
def test_as_many_examples_as_parameters_leave_nothing(learner):
    assert sparse.LEARNERS[learner](ALL) < 1e-9


def test_the_best_ridge_is_no_worse_than_the_shortest_solution():
    shortest = minimum_norm(PROBLEM.x, PROBLEM.y)
    least = float(((shortest - PROBLEM.beta) ** 2).sum())
    assert sparse.ridge_error(PROBLEM) <= least + 1e-9


def test_ridge_does_not_notice_a_turned_basis_and_least_l1_does():
    turn = stats.ortho_group.rvs(40, random_state=np.random.default_rng(1))
    turned = Regression(PROBLEM.x @ turn.T, PROBLEM.y, turn @ PROBLEM.beta)
    same = sparse.ridge_error(PROBLEM)
    assert sparse.ridge_error(turned) == pytest.approx(same, rel=1e-9)
    assert sparse.l1_error(turned) > 0.1 > sparse.l1_error(PROBLEM)


def test_least_l1_solves_the_equations_with_no_more_than_the_truth_has():
    few = sparse.first_examples(PROBLEM, 5)
    shorter = Regression(few.x, few.y, np.zeros(40))  # so that the error is ‖w‖²
    w_squared = sparse.l1_error(shorter)
    assert w_squared <= abs(PROBLEM.beta).sum() ** 2 + 1e-9


def test_needed_is_where_errors_fall_below_a_tenth():
    need = sparse.needed.anew("ridge", 20, sparsity=2, seeds=[1])[0]
    errors = sparse.errors.anew("ridge", 20, ns=range(1, 21), sparsity=2, seeds=[1])[0]
    assert errors[need - 1] <= sparse.ENOUGH < errors[need - 2]


@pytest.mark.parametrize(
    ("sparsity", "says"), [(0, "sparsity = 0"), (41, "there are 40 parameters")]
)
def test_a_sparsity_that_cannot_be_is_refused(sparsity, says):
    with pytest.raises(HlnbError, match=says):
        sparse.sparse_regression(5, 40, sparsity=sparsity, seed=0)


@pytest.mark.parametrize(
    ("sparse_ratio", "turned_ratio", "words"),
    [
        (5.0, 1.5, ["reproduced", "reproduced"]),
        (3.0, 1.5, ["not reproduced", "reproduced"]),
        (5.0, 3.0, ["reproduced", "not reproduced"]),
    ],
)
def test_verdicts_follow_the_ratios(sparse_ratio, turned_ratio, words):
    found = claims.about_sparse_truth(
        sparse=np.full(10, sparse_ratio), turned=np.full(10, turned_ratio), d=400
    )
    assert [c.verdict for c in found] == words
    assert [c.kind for c in found] == ["claim", "guess"]


@pytest.mark.usefixtures("closed")
def test_the_figure_holds_medians_of_errors_and_every_need():
    ridge, least, turned = SPARSE_STYLES
    errors = {name: np.array([[1.0, 0.4], [1.0, 0.2]]) for name in SPARSE_STYLES}
    need = {ridge: {10: [9, 8], 20: [19, 18]}, least: {10: [4, 4], 20: [5, 6]}}
    need |= {turned: {10: [9, 9]}}
    need = {name: {d: np.array(v) for d, v in by.items()} for name, by in need.items()}
    drawn = captions.sparse(np.array([5, 10]), errors, need, d=10, sparsity=2)
    left, right = drawn.figure.axes
    (middle,) = lines(left, "ridge")
    assert middle.get_ydata() == pytest.approx([1.0, 0.3])
    shown = {
        tuple(point) for line in right.lines for point in line.get_xydata().tolist()
    }
    assert {(10, 9), (10, 8), (20, 19), (20, 5), (20, 6)} <= shown
    assert "d = 20: ridge 18; least ℓ₁ norm 6." in drawn.alt
