"""Parities: networks for them, what gradients know of them, what weights show."""

import itertools
import math

import numpy as np
import pytest
import torch

from hlnb.data.boolean import Parity, characters, cube, signs
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


def test_activity_coefficients_are_those_of_the_whole_cube():
    d = 16
    params = wide(mlp(d=d, widths=(4,)).init(stream(3, "init")))
    weight, bias = params["layer1.weight"], params["layer1.bias"]
    supports = [(), (2,), (0, 5), (1, 2, 9), (3, 4, 5, 13)]
    active = (cube(d).double() @ weight.T + bias > 0).double()
    expected = active.T @ characters(cube(d).double(), supports) / 2**d
    assert (expected.abs().max(0).values > 1e-3).all()
    # A long reach, because few inputs lie near the step at this d
    found = parity.activity_coefficients(
        weight, bias, supports, reach=2000.0, points=40_000
    )
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)


def test_the_smooth_step_is_steep_enough_at_the_chapter_s_dimensions():
    params = mlp(d=30, widths=(10,)).init(stream(0, "init"))
    supports = [(0, 1), (2, 3, 4, 5)]
    short, long = (
        parity.activity_coefficients(
            params["layer1.weight"], params["layer1.bias"], supports, **how
        )
        for how in ({}, {"reach": 100.0, "points": 5000})
    )
    torch.testing.assert_close(short, long, rtol=0, atol=1e-5)


@pytest.mark.parametrize("n_out", [1, 2])
def test_first_layer_signal_is_the_gradient_of_the_correlation(n_out):
    d, support, at = 18, (1, 4), (1, 4, 8)
    model = mlp(d=d, widths=(3,), n_out=n_out)
    params = wide(model.init(stream(2, "init")))
    params["readout.weight"] *= 10
    weight = params["layer1.weight"].clone().requires_grad_()
    x = cube(d).double()
    f = parity.output(model, {**params, "layer1.weight": weight}, x)
    (characters(x, [support])[:, 0] * f).mean().backward()
    expected = weight.grad[:, list(at)]
    assert float(expected[:, :2].abs().max()) > 0.1
    assert float(expected[:, 2].abs().max()) > 0.005
    found = parity.first_layer_signal(params, support, at)
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-3)


@pytest.mark.parametrize("k", [2, 3])
def test_signals_of_all_sets_are_those_of_each(k):
    d = 22
    params = mlp(d=d, widths=(5,)).init(stream(0, "init"))
    found = parity.set_signals(params, k)
    sets = [*itertools.combinations(range(d), k)]
    assert len(found) == len(sets)
    for i in (0, 1, 25, len(sets) - 1):
        expected = parity.first_layer_signal(params, sets[i], sets[i]).norm()
        # 100 points of the midpoint rule here, 200 there
        assert found[i] == pytest.approx(float(expected), rel=1e-3)
    with pytest.raises(HlnbError, match="take k 2 or 3"):
        parity.set_signals(params, 4)


def test_movement_is_a_mean_over_units():
    weights = np.zeros((3, 2, 4))
    weights[1, 0, 2], weights[2, :, 2] = 1.0, (-3.0, 1.0)
    assert parity.movement(weights)[:, 2].tolist() == [0, 0.5, 2]
    assert parity.movement(weights)[:, [0, 1, 3]].max() == 0


def trained(errors, weights, support):
    """A run with these test errors, and first layers `weights` of zeros elsewhere."""
    steps = 10 * np.arange(len(errors))
    hidden = np.zeros((1, len(errors), 2, 6))
    hidden[0, :, 0, support] = np.array(weights)[:, : len(support)].T
    hidden[0, :, 0, 5 if 5 not in support else 4] = np.array(weights)[:, -1]
    traces = {name: np.zeros((1, len(errors), 1)) for name in parity.SPARSE_WEIGHTS}
    traces |= {"test error": np.array([errors]), "layer1.weight": hidden}
    return Result({"runs": [{"seed": 3, "lr": 0.1}]}, steps, steps, traces, {})


def test_hidden_run_ranks_the_support_among_all_other_sets(monkeypatch):
    problem = Parity(6, 2)
    own = problem.with_seed(3).support
    sets = [*itertools.combinations(range(6), 2)]
    others = [s for s in sets if s != own]
    assert len(others) == 14  # those that share a coordinate with I, too
    # at each record: the signals of I and of the others
    records = [(0, [1] * 14), (1, [2] + [0] * 13), (3, [1, 4] + [0] * 12)]
    records += [(5, [1, 2, 3, 4] + [1] * 10), (9, [1] * 14), (0, [7] * 14)]
    seen = iter(records)

    def signals(params, k):
        assert k == 2
        assert set(params) == set(parity.SPARSE_WEIGHTS)
        mine, rest = next(seen)
        value = {own: mine} | dict(zip(others, rest, strict=True))
        return np.array([float(value[s]) for s in sets])

    monkeypatch.setattr(parity, "set_signals", signals)
    errors = [0.5, 0.49, 0.51, 0.46, 0.01, math.nan]
    moves = [(0, 0, 0), (1, 3, 2), (3, 3, 2), (1, 3, 2), (4, 3, 2), (0, 0, 0)]
    found = parity.hidden_run(problem, trained(errors, moves, own), 0, time=40)
    assert found.t.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert found.own.tolist() == [0, 1, 3, 5, 9]
    assert found.best.tolist() == [1, 2, 4, 4, 1]
    assert found.half_error == 0.51
    assert found.half_behind == 13 / 14
    assert found.half_ratio == 0.75
    assert found.leads_from == 0.75
    assert found.moves_from == 1  # it led at one half, and fell back
    assert found.falls_at == 1


def test_a_lead_that_is_lost_does_not_count():
    t = np.linspace(0, 1, 6)
    since = parity._from
    assert since(t, np.array([0, 1, 0, 0, 1, 1], bool)) == 0.8
    assert since(t, np.ones(6, bool)) == 0
    assert since(t, np.array([1, 1, 1, 1, 1, 0], bool)) == math.inf


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


def test_each_parity_has_a_size():
    assert parity.paired([20, 30], [2, 3]) == [(20, 2), (30, 3)]
    with pytest.raises(HlnbError, match="give one k for each d"):
        parity.paired([20, 30], [2])


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


def test_sparse_training_keeps_the_weights():
    result = parity.train_sparse(20, 2, [Run(0, 0.1)], steps=400, every=10, n_test=500)
    weights = result.of("layer1.weight")
    assert weights.shape == (1, 41, parity.SPARSE_WIDTH, 20)
    time = float(parity.steps_to(result)[0])
    assert time < 400
    found = parity.hidden_run(Parity(20, 2), result, 0, time=time)
    assert found.t[-1] == 1
    assert found.error[-1] <= 0.01
    assert found.own[-1] > found.best[-1]
    start = mlp(d=20, widths=(100,)).init(stream(0, "init"))
    for name in parity.SPARSE_WEIGHTS:
        np.testing.assert_array_equal(result.of(name)[0, 0], start[name])


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


def test_expected_gradient_is_what_sampling_finds():
    # The mean over inputs is within five standard errors for each of 100 weights.
    d, support, n = 30, (3, 7, 11), 40_000
    params = wide(mlp(d=d, widths=(100,)).init(stream(5, "init")))
    x = signs(n, d, generator=stream(0, "x")).double()
    active = (x @ params["layer1.weight"].T + params["layer1.bias"] > 0).double()
    rest = characters(x, [(7, 11)])
    alpha = (params["readout.weight"][0] - params["readout.weight"][1]) / 2
    products = active * rest * alpha
    mean, error = products.mean(0), products.std(0) / math.sqrt(n)
    found = parity.first_layer_signal(params, support, [3])[:, 0]
    assert ((found - mean).abs() < 5 * error).all()


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
