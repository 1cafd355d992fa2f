"""Parities: elimination, networks for them, what gradients know of them."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import binomtest

from hlnb.data.boolean import Parity, characters, cube
from hlnb.errors import HlnbError
from hlnb.metrics.fourier import support as of_index
from hlnb.metrics.fourier import walsh_hadamard
from hlnb.metrics.measures import losses
from hlnb.models.layers import Affine
from hlnb.models.model import Model
from hlnb.models.networks import mlp, residual_network
from hlnb.results import Result
from hlnb.seeding import stream
from hlnb.studies.parity import experiment as parity
from hlnb.studies.parity import gf2
from hlnb.training.runs import Run

pytestmark = pytest.mark.usefixtures("one_process")

SUPPORTS = [(0,), (3,), (0, 2), (1, 2, 4), (0, 1, 3, 4), (0, 1, 2, 3, 4)]


def wide(params):
    return {name: value.double() for name, value in params.items()}


def label(x, support):
    return (1 - x[:, list(support)].prod(1)) / 2


@pytest.mark.parametrize("k", range(1, 7))
def test_equations_of_examples_have_the_support_as_their_solution(k):
    problem = Parity(12, k, seed=k)
    batch = problem.sample(40, generator=stream(k, "train"))
    found = gf2.solve(*parity.equations(batch))
    assert found.unique
    assert tuple(np.flatnonzero(found.s)) == problem.support


@pytest.mark.parametrize("make", [parity.zigzag_network, parity.steps_network])
@pytest.mark.parametrize("support", SUPPORTS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_networks_of_few_relus_are_exact_on_the_whole_cube(make, support, dtype):
    model, params = make(support, d=5)
    x = cube(5).to(dtype)
    params = {name: value.to(dtype) for name, value in params.items()}
    assert (model.apply(params, x)[:, 0] == label(x, support)).all()
    assert {n: v.shape for n, v in model.init(stream(0, "init")).items()} == {
        n: v.shape for n, v in params.items()
    }


def test_networks_have_the_relus_that_the_text_says():
    for k in range(1, 9):
        support = tuple(range(k))
        zigzag, steps = (
            len(make(support, d=8)[1]["layer1.bias"])
            for make in (parity.zigzag_network, parity.steps_network)
        )
        assert zigzag == k
        assert steps == 4 * math.ceil(k / 2)


def test_steps_are_flat_around_each_whole_number():
    # f_k(s) = 1 for |s − k| ≤ 1/4 and 0 for |s − k| ≥ 1/2, between inputs of the cube
    model, params = parity.steps_network((0, 1, 2), d=3)
    s = torch.linspace(0, 3, 25)
    x = (1 - 2 * s / 3)[:, None].expand(-1, 3)  # all three coordinates equal
    out = model.apply(params, x)[:, 0]
    off = (s - s.round()).abs()
    odd = s.round() % 2
    assert torch.allclose(out[off < 0.26], odd[off < 0.26], atol=1e-5)


@pytest.mark.parametrize("support", [(), (5,), (0, 7)])
def test_a_support_outside_the_cube_has_no_network(support):
    for make in (parity.zigzag_network, parity.steps_network):
        with pytest.raises(HlnbError, match="no set of coordinates below d = 5"):
            make(support, d=5)


def test_cross_entropy_is_linear_in_the_character():
    model = mlp(d=5, widths=(7,))
    params, x = wide(model.init(stream(0, "init"))), cube(5).double()
    f = parity.output(model, params, x)
    chi = characters(x, [(0, 3)])[:, 0]
    found = losses(model.apply(params, x), ((1 - chi) / 2).long())
    torch.testing.assert_close(found, torch.log(2 * torch.cosh(f)) - chi * f)


def test_one_output_is_itself_and_three_are_refused():
    x = cube(3)
    model = mlp(d=3, widths=(4,), n_out=1)
    params = model.init(stream(0, "init"))
    torch.testing.assert_close(
        parity.output(model, params, x), model.apply(params, x)[:, 0]
    )
    three = Model((Affine("readout", 3, 3, relu=False),))
    with pytest.raises(HlnbError, match="3 outputs"):
        parity.output(three, three.init(stream(0, "init")), x)


@pytest.mark.parametrize(
    "model", [mlp(d=4, widths=(5,)), residual_network(d=4, width=3, depth=4)]
)
def test_gradients_are_those_of_autograd(model):
    params = wide(model.init(stream(1, "init")))
    x = cube(4).double()
    found = parity.gradients(model, params, x)
    assert found.dtype == torch.float64
    for row in (0, 5, 15):
        leaves = {name: v.clone().requires_grad_() for name, v in params.items()}
        parity.output(model, leaves, x[row : row + 1])[0].backward()
        expected = torch.cat(
            [
                torch.zeros_like(v).flatten() if v.grad is None else v.grad.flatten()
                for v in leaves.values()
            ]
        )
        torch.testing.assert_close(found[row], expected)


def test_gradients_on_the_cube_are_in_its_order_and_double():
    model = mlp(d=4, widths=(5,))
    params = model.init(stream(1, "init"))
    found = parity.cube_gradients(model, params, d=4)
    expected = parity.gradients(model, wide(params), cube(4).double())
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_signals_are_squared_fourier_coefficients():
    g = torch.rand(2**11, 3, generator=stream(0, "g"), dtype=torch.float64)
    found = parity.signals(g)  # more sets than fit a chunk
    torch.testing.assert_close(found, walsh_hadamard(g.T).square().T)
    x = cube(11).double()
    for i in (0, 1, 6, 2047):
        expected = (characters(x, [of_index(i)]).T @ g / len(g)).square()[0]
        torch.testing.assert_close(found[i], expected)


def test_the_lemma_holds_for_any_function_and_a_wrong_average_is_seen(monkeypatch):
    g = torch.rand(256, 5, generator=stream(0, "g"), dtype=torch.float64) - 0.3
    g[:, 2] = 0  # a dead parameter: both sides are 0
    found = parity.lemma_deviations(g)
    assert float(found.max()) < 1e-13
    assert float(found[2]) == 0
    right = parity.signals
    monkeypatch.setattr(parity, "signals", lambda g: right(g) * 1.001)
    assert float(parity.lemma_deviations(g)[0]) == pytest.approx(0.001, rel=1e-6)


def test_shares_sum_to_one_and_sit_where_the_gradient_is():
    chi = characters(cube(6).double(), [(1, 4), (0, 1, 2)])
    found = parity.shares(chi * torch.tensor([1.0, 3.0], dtype=torch.float64))
    assert float(found.sum()) == pytest.approx(1)
    assert float(found[0b010010]) == pytest.approx(0.1)
    assert float(found[0b000111]) == pytest.approx(0.9)


def test_degrees_count_coordinates():
    assert parity.degrees(4).tolist() == [len(of_index(i)) for i in range(16)]


def test_random_bits_are_fair_and_repeat():
    bits = parity.random_bits((100, 20, 10))
    # False alarm 1e-5: 20,000 fair bits, 4.4 standard deviations
    assert abs(bits.mean() - 0.5) < 4.4 * 0.5 / math.sqrt(bits.size)
    assert (bits == parity.random_bits((100, 20, 10))).all()
    assert (bits != parity.random_bits((100, 20, 10), seed=1)).any()
    with pytest.raises(
        HlnbError, match=r"shape = \(0, 20, 10\): take a whole number from 1 up"
    ):
        parity.random_bits((0, 20, 10))


def test_training_a_dense_parity_stops_when_it_is_learned():
    result = parity.train_dense(4, [Run(0, 0.3), Run(1, 0.3)], steps=2000, n_test=200)
    steps, last = parity.steps_to(result), parity.last_values(result, "test error")
    assert np.isfinite(steps).all()
    assert (last <= 0.01).all()
    assert result.spec["problem"]["k"] == 2
    assert result.spec["online"]
    # A record every 50 steps; the run ends with the first 100 that reach the error.
    assert (steps % 50 == 0).all()
    assert np.isnan(result.of("test error")[:, -1]).all()
    for run in range(2):
        assert last[run] == result.of("test error")[run][result.steps >= steps[run]][0]


def test_last_values_are_those_of_the_last_record():
    errors = np.array([[0.5, 0.2, np.nan], [0.4, 0.3, 0.1]])
    other = np.arange(12.0).reshape(2, 3, 2)
    result = Result(
        {"runs": [{"seed": s, "lr": 0.1} for s in (0, 1)]},
        np.arange(3),
        np.arange(3),
        {"test error": errors, "other": other},
        {},
    )
    assert parity.last_values(result, "test error").tolist() == [0.2, 0.1]
    assert parity.last_values(result, "other").tolist() == [[2, 3], [10, 11]]


def test_random_labels_are_never_learned():
    result = parity.train_dense(4, [Run(0, 0.3)], steps=300, n_test=2000, chance=True)
    # False alarm below 1e-5 for each of 7 records of 2,000 fair coins
    assert (abs(result.of("test error") - 0.5) < 4.5 * 0.5 / math.sqrt(2000)).all()
    assert math.isinf(parity.steps_to(result)[0])
    assert math.isfinite(parity.steps_to(result, 0.6)[0])


def test_memorizing_ends_with_no_training_error():
    result = parity.memorize(
        Parity(12, 6, n_test=500), [Run(0, 0.1)], n_train=40, width=100, epochs=400
    )
    training = result.of("training error")[0]
    last = int((~np.isnan(training)).sum()) - 1
    assert training[last] == 0
    assert (training[:last] > 0).all()
    assert last < 400
    assert not result.spec["problem"]["chance"]


def test_elimination_finds_a_parity_unless_labels_are_flipped():
    assert all(parity.finds(8, n=24, seed=seed) for seed in range(5))
    assert not any(parity.finds(8, n=7, seed=seed) for seed in range(5))  # rank below d
    assert parity.solved(8, seeds=range(20), noise=0.0) == sum(
        parity.finds(8, n=18, seed=seed) for seed in range(20)
    )
    assert parity.solved(8, seeds=range(20), noise=0.5) == 0


def test_noise_takes_further_tries_and_may_take_too_many():
    clean = parity.tries(8, seeds=range(20), noise=0.0)
    noisy = parity.tries(8, seeds=range(20), noise=0.1)
    assert clean.min() == 1
    assert clean.mean() < noisy.mean() < np.inf
    assert (parity.tries(8, seeds=range(3), noise=0.5, cap=5) == np.inf).all()


def test_a_wrong_set_is_no_number_of_tries(monkeypatch):
    wrong = gf2.Attempt(np.zeros(8, bool), 3)
    monkeypatch.setattr(parity, "solve_noisy", lambda systems, held: wrong)
    found = parity.tries(8, seeds=range(2), noise=0.1, held=5)
    assert np.isnan(found).all()
    assert parity.geometric_fit(found, p=0.5, seed=0) == [0.0]


def geometric(p, n=400):
    return np.random.default_rng([11, 3]).geometric(p, n).astype(float)


def test_tries_are_geometric():
    # False alarm 1e-4, fixed draws; the same law with the rank forgotten is seen
    d, noise = 4, 0.05
    found = parity.tries(d, seeds=range(150), noise=noise, held=60)
    p = gf2.clean_probability(d + 10, d, noise=noise)
    assert min(parity.geometric_fit(found, p=p, seed=0)) > 1e-4
    forgotten = gf2.clean_probability(d, d, noise=noise) / 4
    assert min(parity.geometric_fit(found, p=forgotten, seed=0)) < 1e-4


def test_a_geometric_sample_fits_its_law_and_no_other():
    shape, total = parity.geometric_fit(geometric(0.2), p=0.2, seed=1)
    assert min(shape, total) > 1e-4
    for p in (0.15, 0.27):
        assert max(parity.geometric_fit(geometric(0.2), p=p, seed=1)) < 1e-4
    # the right mean and another shape: only the distribution tells
    shape, total = parity.geometric_fit(np.full(400, 5.0), p=0.2, seed=1)
    assert shape < 1e-4
    assert total > 0.5


def test_ranks_of_geometric_numbers_are_uniform_and_their_p_values_are():
    # False alarm 1e-4: a share of 0.1 of 100 samples has a p-value below 0.1
    rng = np.random.default_rng([11, 4])
    samples = rng.geometric(0.3, (100, 10)).astype(float)
    fits = [parity.geometric_fit(s, p=0.3, seed=i) for i, s in enumerate(samples)]
    for p_values in np.array(fits).T:  # that of the sum is discrete: at most 0.1
        assert binomtest(int((p_values < 0.1).sum()), 100, 0.1).pvalue > 1e-4


def test_what_was_given_up_counts_as_later_than_the_cap():
    taken = geometric(0.2)
    late = np.where(taken > 6, np.inf, taken)
    (shape,) = parity.geometric_fit(late, p=0.2, seed=1, cap=6)
    assert shape > 1e-4
    (shape,) = parity.geometric_fit(late, p=0.2, seed=1, cap=20)
    assert shape < 1e-4


def test_shares_by_size_are_means_over_sets_and_their_bound():
    models = {d: mlp(d=d, widths=(3,)) for d in (4, 6)}
    curves, bounded = parity.shares_by_size(models, seeds=range(2))
    for run in (0, 1):
        params = models[6].init(stream(run, "init"))
        shares = parity.shares(parity.cube_gradients(models[6], params, d=6)).numpy()
        size = parity.degrees(6)
        three = shares[size == 3].mean()
        assert curves["|I| = 3, mean"][run, 1] == pytest.approx(three, rel=1e-12)
        assert curves["|I| = d/2, mean"][run, 1] == pytest.approx(three, rel=1e-12)
        assert curves["all sets, median"][run, 1] == np.median(shares)
    assert bounded == [True] * 2 * (5 + 7)


def test_deviations_on_the_cube_are_those_of_its_gradients():
    model = mlp(d=4, widths=(3,))
    params = model.init(stream(0, "init"))
    found = parity.cube_deviations(model, params, d=4)
    assert len(found) == sum(value.numel() for value in params.values())
    assert found.max() < 1e-12
    g = parity.cube_gradients(model, params, d=4)
    assert found.tolist() == parity.lemma_deviations(g).tolist()


def test_laws_are_carried_on_from_what_they_fit():
    ds = [8, 10, 12, 16]
    power = parity.carried_on(ds, [3.0 * d**2 for d in ds], to=24)
    assert power["power law"] == pytest.approx(3 * 24**2)
    assert power["exponential"] > power["power law"]
    doubling = parity.carried_on(ds, [2.0 ** (d / 2) for d in ds], to=24)
    assert doubling["exponential"] == pytest.approx(2.0**12)
    assert doubling["power law"] < doubling["exponential"]
    with pytest.raises(HlnbError, match="two dimensions or more"):
        parity.carried_on([8], [3.0], to=24)


def test_the_rate_of_a_batch_size_is_that_with_the_fewest_steps(monkeypatch):
    asked = []

    def trained(d, runs, *, steps, batch_size, **how):
        asked.append((steps, batch_size, len(runs)))
        times = [{0.1: 8, 0.3: 4, 1.0: 4}[run.lr] for run in runs]
        return FakeResult(runs, times)

    monkeypatch.setattr(parity, "train_dense", trained)
    monkeypatch.setattr(parity, "steps_to", lambda found: np.array(found.times, float))
    lr, examples = parity.at_equal_samples(
        4, 50, lrs=[0.1, 0.3, 1.0], choosing=[7, 8], seeds=[1, 2, 3], examples=9000
    )
    assert (lr, examples.tolist()) == (0.3, [200, 200, 200])
    assert asked == [(200, 50, 6), (200, 50, 3)]


class FakeResult:
    """Runs and the steps that they took."""

    def __init__(self, runs, times):
        self.runs, self.times = runs, times

    def at(self, lr):
        chosen = [t for r, t in zip(self.runs, self.times, strict=True) if r.lr == lr]
        return FakeResult(self.runs, chosen)


def test_a_batch_is_recorded_every_five_thousand_examples():
    how = {"steps": 100, "n_test": 20, "until": -1.0}
    for batch, every in ((10, 500), (100, 50), (5000, 1)):
        result = parity.train_dense(4, [Run(0, 0.1)], batch_size=batch, **how)
        gaps = np.diff(result.steps)
        assert gaps.max() <= every
