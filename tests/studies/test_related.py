"""Related works in small: identities, equivalences and refusals."""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest
import torch

from hlnb.data.digits import Digits
from hlnb.data.quadratic import Quadratic
from hlnb.errors import HlnbError
from hlnb.models.layers import Affine, Normal
from hlnb.models.model import Model
from hlnb.models.networks import mlp
from hlnb.results import Result
from hlnb.seeding import stream
from hlnb.studies.related import collapse
from hlnb.studies.related.features import (
    Chosen,
    bar_pictures,
    bars,
    best_unit,
    correlations,
    matched,
    n_parameters,
    picked,
    principal_atoms,
    sparse_atoms,
    two_and_three,
)
from hlnb.studies.related.rank import (
    Ranks,
    active_units,
    numerical_rank,
    ranks,
    singular_values,
)

SMALL = {"n_hidden": 2, "width": 8, "n_classes": 2, "n_each": 3, "d": 8}


def normal(*shape, name="numbers"):
    return torch.randn(*shape, generator=stream(22, name), dtype=torch.float64).numpy()


# --- Deep linear networks ------------------------------------------------------------


def test_inputs_are_orthonormal_and_nearly_so_with_noise():
    x, labels = collapse.class_data(3, n_classes=2, n_each=4, d=12)
    assert x @ x.T == pytest.approx(np.eye(8), abs=1e-12)
    assert labels.tolist() == [0] * 4 + [1] * 4
    noisy, _ = collapse.class_data(3, n_classes=2, n_each=4, d=12, noise=0.5)
    assert np.linalg.norm(noisy - x) == pytest.approx(0.5)
    other, _ = collapse.class_data(4, n_classes=2, n_each=4, d=12)
    assert np.abs(other - x).max() > 0.01


def test_more_inputs_than_dimensions_are_refused():
    with pytest.raises(HlnbError, match="12 inputs are not orthogonal in d = 10"):
        collapse.class_data(0, n_classes=3, n_each=4, d=10)


def test_compression_splits_the_scatter_also_of_unequal_classes():
    x = normal(12, 4)
    labels = np.array([0] * 3 + [1] * 4 + [2] * 5)
    total = np.square(x - x.mean(0)).sum()
    within = sum(
        np.square(x[labels == k] - x[labels == k].mean(0)).sum() for k in range(3)
    )
    assert collapse.compression(x, labels) == pytest.approx(within / (total - within))
    assert collapse.compression(5 * x + 3, labels) == pytest.approx(
        collapse.compression(x, labels)
    )


def test_compression_of_orthonormal_inputs_is_known():
    """Per class 1 − 1/n is within, and (1 − 1/K)/n between."""
    x, labels = collapse.class_data(0, n_classes=3, n_each=10, d=50)
    assert collapse.compression(x, labels) == pytest.approx(0.9 / (0.1 * 2 / 3))


def test_discrimination_is_one_less_the_largest_cosine():
    angles = np.radians([0, 60, 200])
    centres = np.stack([np.cos(angles), np.sin(angles)], 1)
    x = np.repeat(centres * np.array([[1], [5], [0.1]]), 2, axis=0)
    labels = np.repeat([0, 1, 2], 2)
    assert collapse.discrimination(x, labels) == pytest.approx(
        1 - math.cos(math.pi / 3)
    )


def test_one_step_is_that_of_automatic_differentiation(monkeypatch):
    weights = []
    inner = collapse._forward

    def spy(now, x, target):
        weights.append([w.copy() for w in now])
        return inner(now, x, target)

    monkeypatch.setattr(collapse, "_forward", spy)
    collapse.deep_linear(1, scale=0.7, lr=0.2, max_steps=1, noise=0.3, **SMALL)
    before, after = weights
    x, labels = collapse.class_data(1, n_classes=2, n_each=3, d=8, noise=0.3)
    leaves = [torch.tensor(w, requires_grad=True) for w in before]
    out = torch.tensor(x.T)
    for leaf in leaves:
        out = leaf @ out
    ((out - torch.eye(2)[labels].T) ** 2).sum().div(6).backward()
    for leaf, old, new in zip(leaves, before, after, strict=True):
        assert new == pytest.approx(old - 0.2 * leaf.grad.numpy(), abs=1e-12)


def test_weights_start_orthogonal_and_scaled():
    found = collapse.deep_linear(2, scale=0.4, max_steps=1, lr=1e-12, **SMALL)
    assert found.kept == pytest.approx(0.4)
    assert found.rest == pytest.approx(0.4)
    assert found.steps == 1


def test_a_trained_network_fits_compresses_as_predicted_and_keeps_its_noise():
    found = collapse.deep_linear(0, scale=0.3, lr=0.3, **SMALL)
    assert found.loss < 1e-11
    assert found.steps < 20_000
    assert len(found.compression) == len(found.discrimination) == 3
    assert found.rest == pytest.approx(0.3, abs=1e-3)
    assert found.kept == pytest.approx(3 ** (1 / 6), abs=0.05)
    fit = collapse.lines(np.log10(found.compression[None]))
    predicted = collapse.predicted_slope(0.3, n_each=3, n_layers=3)
    assert fit.slope[0] == pytest.approx(predicted, rel=0.1)
    assert fit.r2[0] > 0.99


def test_the_predicted_slope_by_hand():
    """Gains 10^(1/12) for means and 0.1 for noise: C falls by their ratio squared."""
    slope = collapse.predicted_slope(0.1, n_each=10, n_layers=6)
    assert 10**slope == pytest.approx((0.1 / 10 ** (1 / 12)) ** 2)


def test_lines():
    fit = collapse.lines(np.array([[1.0, 3, 5], [0, 1, 0], [0, -1, -2]]))
    assert fit.slope == pytest.approx([2, 0, -1])
    assert fit.r2 == pytest.approx([1, 0, 1])


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"scale": 0.0}, "scale = 0.0: take"),
        ({"lr": -1.0}, "lr = -1.0: take"),
        ({"n_hidden": 0}, "n_hidden = 0: take a whole number"),
        ({"width": 2, "n_classes": 3}, "3 classes need"),
    ],
)
def test_networks_that_cannot_learn_are_refused(wrong, match):
    with pytest.raises(HlnbError, match=match):
        collapse.deep_linear(0, **({"scale": 0.3} | SMALL | wrong))


# --- Rank and depth ------------------------------------------------------------------


def rank(rows):
    """Over the rational numbers, exactly."""
    rows, found = [[Fraction(int(v)) for v in row] for row in rows], 0
    for column in range(len(rows[0])):
        pivot = next((r for r in range(found, len(rows)) if rows[r][column]), None)
        if pivot is None:
            continue
        rows[found], rows[pivot] = rows[pivot], rows[found]
        for r in range(found + 1, len(rows)):
            share = rows[r][column] / rows[found][column]
            pairs = zip(rows[r], rows[found], strict=True)
            rows[r] = [a - share * b for a, b in pairs]
        found += 1
    return found


def test_a_product_has_no_higher_rank_than_its_factors_exactly():
    rng = np.random.default_rng([22, 0])
    falls = 0
    for _ in range(150):
        k, m, n = rng.integers(1, 6, 3)
        a = rng.choice([0, 0, 0, 1, -2], (k, m))  # sparse, so that kernels meet images
        b = rng.choice([0, 0, 0, 1, -2], (m, n))
        product = rank(a @ b)
        assert product <= min(rank(a), rank(b))
        falls += product < min(rank(a), rank(b))
    assert falls > 0


def test_numerical_rank_may_rise_where_rank_does_not():
    a = np.diag([1.0, 1e-4])
    b = np.diag([1.0, 1e4])
    values = [np.linalg.svd(m, compute_uv=False) for m in (a, b @ a)]
    assert numerical_rank(np.array(values), 1e-3).tolist() == [1, 2]


def test_numerical_rank_counts_above_a_share_of_the_largest():
    values = np.array([[8.0, 4, 1, 0], [8e-9, 4e-9, 0, 0]])
    assert numerical_rank(values, 0.25).tolist() == [2, 2]
    assert numerical_rank(values, 0.5).tolist() == [1, 1]  # strictly above
    assert numerical_rank(values, 0.1).tolist() == [3, 2]


@pytest.mark.parametrize("skip", [False, True])
def test_singular_values_are_those_of_the_product_of_the_layers(skip):
    model = mlp(d=5, widths=(7, 7, 7), skip=skip, initialization=Normal(0.5))
    params = model.init(stream(0, "init"))
    x = torch.tensor(normal(4, 5)).float()
    found = singular_values(model, params, x, depth=3)
    on = active_units(model, params, x, depth=3)
    for n in range(4):
        out, jacobian = x[n].double(), torch.eye(5, dtype=torch.float64)
        for i in (1, 2, 3):
            weight = params[f"layer{i}.weight"].double()
            gate = (weight @ out > 0).double()
            step = gate[:, None] * weight
            kept = torch.eye(len(out), dtype=torch.float64) if skip and i > 1 else 0
            new = (weight @ out).relu()
            out = new + out if skip and i > 1 else new
            jacobian = (step + kept) @ jacobian
            expected = torch.linalg.svdvals(jacobian)
            assert found[n, i - 1] == pytest.approx(expected.numpy(), abs=1e-12)
            if not skip:
                assert on[n, i - 1] == gate.sum()


def test_a_narrow_layer_has_zeros_for_what_it_lost():
    model = Model((Affine("layer1", 5, 2, relu=False), Affine("layer2", 2, 3)))
    params = model.init(stream(0, "init"))
    found = singular_values(model, params, torch.ones(1, 5), depth=2)
    assert found.shape == (1, 2, 5)
    assert (found[0, :, 2:] < 1e-12).all()
    assert (found[0, 0, :2] > 0).all()


def test_digits_are_split_without_a_common_one():
    problem = Digits()
    split = problem.split(1, n_train=1000)
    assert [len(b.x) for b in split.values()] == [1000, 300, 400]
    assert list(split) == ["train", "validation", "test"]
    together = torch.cat([b.x for b in split.values()])
    assert len(together.unique(dim=0)) == len(together)
    assert together.min() == 0
    assert together.max() == 1
    again = problem.split(1, n_train=1000)["test"]
    assert torch.equal(again.x, split["test"].x)
    assert not torch.equal(problem.split(2, n_train=1000)["test"].x, again.x)
    assert len(problem.sample(7, generator=stream(0, "x")).x) == 7
    assert problem.with_seed(4) == problem
    with pytest.raises(HlnbError, match="too few for 1500 to train on"):
        problem.split(0, n_train=1500)


def test_halves_are_the_digits_below_five_and_the_others():
    ten, two = (Digits(halves=h).split(3, n_train=200)["train"] for h in (False, True))
    assert torch.equal(ten.x, two.x)
    assert torch.equal(two.y, (ten.y > 4).long())
    assert two.y.dtype == torch.long
    assert [Digits(halves=h).n_classes for h in (False, True)] == [10, 2]
    assert Digits(halves=True).describe() != Digits().describe()


def test_ranks_of_a_result_are_those_of_its_networks():
    model = mlp(d=64, widths=(6, 6, 6), n_out=10)
    drawn = [model.init(stream(seed, "init")) for seed in (4, 5)]
    traces = {
        name: np.stack([np.stack([0 * p[name], p[name]]) for p in drawn])
        for name in drawn[0]
    }
    runs = [{"seed": seed, "lr": 0.1} for seed in (4, 5)]
    steps = np.arange(2.0)
    found = ranks(
        Result({"runs": runs}, steps, steps, traces, {}),
        model,
        depth=3,
        record=1,
        n_inputs=7,
        n_train=50,
        thresholds=[0.3, 1e-12],
    )
    assert found.fewest.shape == found.rank[0.3].shape == (2, 7, 3)
    x = Digits().split(5, n_train=50)["test"].x[:7]
    expected = singular_values(model, drawn[1], x, depth=3)
    assert (found.rank[0.3][1] == numerical_rank(expected, 0.3)).all()
    on = active_units(model, drawn[1], x, depth=3)
    assert (found.fewest[1] == np.minimum.accumulate(on, 1)).all()
    assert (found.rank[1e-12] <= found.fewest).all()


def test_a_rise_at_one_input_counts_for_one_input():
    rank = np.array([[[3, 2, 2], [3, 2, 3]], [[3, 2, 1], [1, 1, 1]]])
    found = Ranks({0.1: rank}, rank)
    assert found.never_rises(0.1).tolist() == [0.5, 1]


# --- Three layers and a quadratic feature --------------------------------------------


def test_the_quadratic_feature_has_mean_0_and_variance_1():
    problem = Quadratic(d=6, p=1, seed=3)
    assert problem.matrix.trace() == pytest.approx(0, abs=1e-5)
    assert torch.equal(problem.matrix, problem.matrix.T)
    x, y, _ = problem.sample(40_000, generator=stream(0, "sample"))
    assert x.square().sum(1) == pytest.approx(6)
    h = problem.feature(x)
    assert torch.equal(h, y)  # He_1(h) = h
    # h has a standard deviation of 1 and a kurtosis below 9: both bounds are 5 sd.
    assert h.mean().item() == pytest.approx(0, abs=0.025)
    assert h.var().item() == pytest.approx(1, abs=0.075)


@pytest.mark.parametrize("p", [1, 2, 3, 4, 5])
def test_targets_are_hermite_polynomials_of_the_feature(p):
    problem = Quadratic(d=5, p=p)
    x = problem.sample(50, generator=stream(1, "sample")).x.double()
    h = problem.feature(x).numpy()
    basis = np.polynomial.hermite_e.HermiteE.basis(p)
    expected = basis(h) / math.sqrt(math.factorial(p))
    assert problem.target(x).numpy() == pytest.approx(expected, abs=1e-9)


def test_every_seed_hides_its_own_feature_and_problems_are_equal_but_for_it():
    problem = Quadratic(d=5, p=2, n_validation=20, n_test=30)
    other = problem.with_seed(7)
    assert not torch.allclose(problem.matrix, other.matrix)
    assert problem.describe() == other.describe()
    split = problem.split(7, n_train=10)
    assert [len(b.x) for b in split.values()] == [10, 20, 30]
    assert torch.equal(split["test"].y, other.target(split["test"].x))


@pytest.mark.parametrize(
    ("wrong", "match"),
    [({"d": 1}, "no A of trace 0"), ({"p": 0}, "p = 0: take a whole number")],
)
def test_targets_that_are_none_are_refused(wrong, match):
    with pytest.raises(HlnbError, match=match):
        Quadratic(**({"d": 5, "p": 2} | wrong))


@pytest.mark.parametrize(("d", "width"), [(4, 8), (12, 64), (16, 40)])
def test_both_networks_have_the_same_size_but_for_one_unit(d, width):
    models = two_and_three(d=d, width=width)
    two, three = (n_parameters(models[f"{n} layers"]) for n in ("two", "three"))
    assert three == width * (d + 1) + width * (width + 1) + width + 1
    assert abs(two - three) <= (d + 2) / 2 + 1
    assert [len(m.layers) for m in models.values()] == [2, 3]


def test_choice_is_by_validation_alone():
    nan = np.nan
    runs = [{"seed": s, "lr": r} for r in (0.1, 0.2) for s in (0, 1)]
    validation = np.array([[5.0, 2, 3], [5, 4, nan], [5, 1, 9], [nan] * 3])
    test = np.array([[5.0, 0, 0], [5, 7, nan], [5, 8, 0], [nan] * 3])
    steps = np.arange(3.0)
    traces = {"validation": validation, "test": test}
    found = picked(Result({"runs": runs}, steps, steps, traces, {}))
    assert found[0] == Chosen(2, 0.2, 1, 1.0, 8.0)
    assert found[1] == Chosen(1, 0.1, 1, 4.0, 7.0)


def test_correlations_know_no_sign_scale_or_shift():
    h = normal(30)
    features = np.stack([-3 * h + 7, np.full(30, 4.0), normal(30, name="other")], 1)
    found = correlations(features, h)
    expected = abs(np.corrcoef(features[:, 2], h)[0, 1])
    assert found == pytest.approx([1, 0, expected])


@dataclass(frozen=True)
class Given:
    """Two units: |x_1| and h³, the latter cut at 0 if `relu`."""

    problem: Quadratic
    name: str = "given"
    relu: bool = True

    def init(self, generator, law):
        return {}

    def apply(self, params, x):
        out = torch.stack([x[:, 0].abs(), self.problem.feature(x) ** 3], 1)
        return out.relu() if self.relu else out


def test_the_best_unit_is_chosen_on_validation_data():
    problem = Quadratic(d=4, p=2, seed=6, n_validation=50, n_test=60)
    model = Model((Given(problem), Affine("readout", 2, 1, relu=False)))
    x = problem.split(6, n_train=1)["test"].x
    h = problem.feature(x).double().numpy()
    for sums, unit in ((True, h**3), (False, np.maximum(h**3, 0))):
        found = best_unit(model, {}, problem.with_seed(0), 6, sums=sums)
        assert found == pytest.approx(abs(np.corrcoef(h, unit)[0, 1]), abs=1e-5)


def test_the_best_unit_on_test_data_is_not_taken():
    """With few examples another unit is best on test data in some of these seeds."""
    model = Model((Affine("layer1", 5, 8), Affine("readout", 8, 1, relu=False)))
    problem = Quadratic(d=5, p=2, n_validation=8, n_test=8)
    gaps = []
    for seed in range(6):
        params = model.init(stream(seed, "init"))
        found = {}
        for name, batch in problem.split(seed, n_train=1).items():
            units = model.apply(params, batch.x, stop=1).double().numpy()
            h = problem.with_seed(seed).feature(batch.x).double().numpy()
            found[name] = correlations(units, h)
        best = best_unit(model, params, problem, seed)
        assert best == pytest.approx(found["test"][found["validation"].argmax()])
        gaps.append(found["test"].max() - best)
    assert max(gaps) > 0.01


# --- Sparse coding of bars -----------------------------------------------------------


def test_there_are_two_sides_of_bars_and_each_crosses_each_other_once():
    found = bars(4)
    assert found.shape == (8, 16)
    gram = found @ found.T
    assert (gram[:4, :4] == 4 * np.eye(4)).all()
    assert (gram[4:, 4:] == 4 * np.eye(4)).all()
    assert (gram[:4, 4:] == 1).all()
    assert found[0].reshape(4, 4)[0].tolist() == [1] * 4  # a row comes first


def test_pictures_are_unions_of_bars():
    found = bar_pictures(4000, side=4, share=0.2, generator=stream(0, "bars"))
    assert set(np.unique(found)) == {0, 1}
    # A pixel is on unless both of its bars are off; the bound is 5 sd of the mean over
    # pictures, whose pixels have a covariance below their variance.
    sd = math.sqrt(0.36 * 0.64 / 4000)
    assert found.mean() == pytest.approx(1 - 0.8**2, abs=5 * sd)
    filled = found.reshape(-1, 4, 4)
    every = (filled.all(1)[:, None, :] | filled.all(2)[:, :, None]).astype(float)
    assert (every == filled).all()


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_no_bars_and_all_bars_are_refused(share):
    with pytest.raises(HlnbError, match="shows all bars or none"):
        bar_pictures(5, side=3, share=share, generator=stream(0, "bars"))


def test_bars_are_recovered_by_sparse_atoms_and_not_by_principal_ones():
    pictures = bar_pictures(300, side=4, share=0.2, generator=stream(1, "bars"))
    atoms = sparse_atoms(pictures, 8, penalty=0.3, seed=1)
    assert atoms.shape == (8, 16)
    assert atoms.min() >= 0
    assert matched(atoms, bars(4)).cosine.min() > 0.9
    principal = principal_atoms(pictures, 8)
    assert principal @ principal.T == pytest.approx(np.eye(8), abs=1e-9)
    assert matched(principal, bars(4)).cosine.max() < 0.9


def test_a_match_gives_each_part_an_atom_of_its_own():
    parts = np.eye(3, 5)
    atoms = np.array(
        [[0, 0, -2.0, 0, 0], [0, 0, 0, 0, 0], [3, 3, 0, 0, 0], [1, 0, 0, 0, 0]]
    )
    found = matched(atoms, parts)
    assert found.cosine == pytest.approx([1, math.sqrt(0.5), 1])
    assert found.atom.tolist() == [3, 2, 0]
    with pytest.raises(HlnbError, match="2 atoms for 3 parts"):
        matched(atoms[:2], parts)
