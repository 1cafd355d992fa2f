"""Sparse parities: signals without sampling, and what a run shows and hides."""

import itertools
import math

import numpy as np
import pytest
import torch

from hlnb.data.boolean import Parity, characters, cube, signs
from hlnb.errors import HlnbError
from hlnb.models.networks import mlp
from hlnb.results import Result
from hlnb.seeding import stream
from hlnb.studies.parity import experiment, sparse
from hlnb.training.runs import Run

pytestmark = pytest.mark.usefixtures("one_process")


def wide(params):
    return {name: value.double() for name, value in params.items()}


def test_activity_coefficients_are_those_of_the_whole_cube():
    d = 16
    params = wide(mlp(d=d, widths=(4,)).init(stream(3, "init")))
    weight, bias = params["layer1.weight"], params["layer1.bias"]
    supports = [(), (2,), (0, 5), (1, 2, 9), (3, 4, 5, 13)]
    active = (cube(d).double() @ weight.T + bias > 0).double()
    expected = active.T @ characters(cube(d).double(), supports) / 2**d
    assert (expected.abs().max(0).values > 1e-3).all()
    # A long reach, because few inputs lie near the step at this d
    found = sparse.activity_coefficients(
        weight, bias, supports, reach=2000.0, points=40_000
    )
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)


def test_the_smooth_step_is_steep_enough_at_the_chapter_s_dimensions():
    params = mlp(d=30, widths=(10,)).init(stream(0, "init"))
    supports = [(0, 1), (2, 3, 4, 5)]
    short, long = (
        sparse.activity_coefficients(
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
    f = experiment.output(model, {**params, "layer1.weight": weight}, x)
    (characters(x, [support])[:, 0] * f).mean().backward()
    expected = weight.grad[:, list(at)]
    assert float(expected[:, :2].abs().max()) > 0.1
    assert float(expected[:, 2].abs().max()) > 0.005
    found = sparse.first_layer_signal(params, support, at)
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-3)


@pytest.mark.parametrize("k", [2, 3])
def test_signals_of_all_sets_are_those_of_each(k):
    d = 22
    params = mlp(d=d, widths=(5,)).init(stream(0, "init"))
    found = sparse.set_signals(params, k)
    sets = [*itertools.combinations(range(d), k)]
    assert len(found) == len(sets)
    for i in (0, 1, 25, len(sets) - 1):
        expected = sparse.first_layer_signal(params, sets[i], sets[i]).norm()
        # 100 points of the midpoint rule here, 200 there
        assert found[i] == pytest.approx(float(expected), rel=1e-3)
    with pytest.raises(HlnbError, match="take k 2 or 3"):
        sparse.set_signals(params, 4)


def trained(errors):
    """A run with these test errors, and weights that are zeros."""
    steps = 10 * np.arange(len(errors))
    traces = {name: np.zeros((1, len(errors), 1)) for name in sparse.SPARSE_WEIGHTS}
    traces |= {"test error": np.array([errors])}
    return Result({"runs": [{"seed": 3, "lr": 0.1}]}, steps, steps, traces, {})


PROBLEM = Parity(6, 2)
OWN = PROBLEM.with_seed(3).support
SETS = [*itertools.combinations(range(6), 2)]
OTHERS = [s for s in SETS if s != OWN]
ERRORS = [0.5, 0.49, 0.51, 0.46, 0.01, math.nan]
# At each record: the signals of I and of the 14 others, some of which share a
# coordinate with I
RECORDS = [(0, [1] * 14), (1, [2] + [0] * 13), (3, [1, 4] + [0] * 12)]
RECORDS += [(5, [1, 2, 3, 4] + [1] * 10), (9, [1] * 14), (0, [7] * 14)]


@pytest.fixture
def fixed_signals(monkeypatch):
    """Signals that are those of RECORDS, one record after the other."""
    seen = iter(RECORDS)

    def signals(params, k):
        assert k == 2
        assert set(params) == set(sparse.SPARSE_WEIGHTS)
        mine, rest = next(seen)
        value = {OWN: mine} | dict(zip(OTHERS, rest, strict=True))
        return np.array([float(value[s]) for s in SETS])

    monkeypatch.setattr(sparse, "set_signals", signals)


@pytest.mark.usefixtures("fixed_signals")
def test_hidden_run_ranks_the_support_among_all_other_sets():
    assert len(OTHERS) == 14
    found = sparse.hidden_run(PROBLEM, trained(ERRORS), 0, time=40)
    assert found.t.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert found.own.tolist() == [0, 1, 3, 5, 9]
    assert found.best.tolist() == [1, 2, 4, 4, 1]
    assert found.half_error == 0.51
    assert found.half_behind == 13 / 14
    assert found.leads_from == 0.75
    assert found.falls_at == 1
    assert found.lead.tolist() == [1, 2, 4 / 3, 1.25, 9]  # of I, or of another set


@pytest.mark.usefixtures("fixed_signals")
def test_what_is_seen_leaves_out_what_a_run_did_not_record():
    seen = sparse.seen_at(PROBLEM, trained(ERRORS), 0, shares=[0, 0.3, 1])
    assert [s.share for s in seen] == [0, 0.25, 1]  # of four steps
    assert [s.error for s in seen] == [0.5, 0.49, 0.01]
    for one, (own, others) in zip(seen, RECORDS, strict=False):
        assert (one.own, one.others.tolist()) == (own, others)


def test_a_lead_that_is_lost_does_not_count():
    t = np.linspace(0, 1, 6)
    since = sparse._from
    assert since(t, np.array([0, 1, 0, 0, 1, 1], bool)) == 0.8
    assert since(t, np.ones(6, bool)) == 0
    assert since(t, np.array([1, 1, 1, 1, 1, 0], bool)) == math.inf


def test_each_parity_has_a_size():
    assert sparse.paired([20, 30], [2, 3]) == [(20, 2), (30, 3)]
    with pytest.raises(HlnbError, match="give one k for each d"):
        sparse.paired([20, 30], [2])


def test_sparse_training_keeps_the_weights():
    result = sparse.train_sparse(20, 2, [Run(0, 0.1)], steps=400, every=10, n_test=500)
    weights = result.of("layer1.weight")
    assert weights.shape == (1, 41, sparse.SPARSE_WIDTH, 20)
    time = float(experiment.steps_to(result)[0])
    assert time < 400
    found = sparse.hidden_run(Parity(20, 2), result, 0, time=time)
    assert found.t[-1] == 1
    assert found.error[-1] <= 0.01
    assert found.own[-1] > found.best[-1]
    start = mlp(d=20, widths=(100,)).init(stream(0, "init"))
    for name in sparse.SPARSE_WEIGHTS:
        np.testing.assert_array_equal(result.of(name)[0, 0], start[name])


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
    found = sparse.first_layer_signal(params, support, [3])[:, 0]
    assert ((found - mean).abs() < 5 * error).all()


def test_larger_batches_are_more_examples_a_step():
    how = {"steps": 50, "every": 50, "n_test": 20}
    for size in (32, 64):
        result = sparse.train_sparse(6, 2, [Run(0, 0.1)], batch_size=size, **how)
        assert result.steps.tolist() == [0, 50]
        assert result.spec["batch_size"] == size
        assert result.spec["n_train"] == 50 * size
