"""Order statistics by hand, exact Fourier mass, growth that finds what is there."""

import math

import numpy as np
import pytest
import torch

from hlnb.data.boolean import Polynomial, monomial, prefixes, staircase
from hlnb.errors import HlnbError
from hlnb.metrics.fourier import walsh_hadamard
from hlnb.models.networks import residual_network
from hlnb.results import Result
from hlnb.seeding import stream
from hlnb.studies.staircase import experiment as staircases

INF = math.inf


def grown(problem, *, seed=0, n=4000, threshold=0.2):
    generator = stream(seed, "growth")
    return staircases.grow(problem, n=n, threshold=threshold, generator=generator)


def kept(stages):
    return [stage.kept for stage in stages]


def test_halving_is_one_schedule_of_phases():
    model = residual_network(d=4, width=3)
    schedule = staircases.halving(model, lr=0.4, epochs=[2, 1, 1])
    assert [phase.lr for phase in schedule.phases] == [0.4, 0.2, 0.1]
    assert schedule.ends == (2, 3, 4)
    assert all(phase.learns == model.names for phase in schedule.phases)


def test_three_trainings_last_equally_long():
    model = residual_network(d=4, width=3)
    ways = staircases.trainings(model, epochs=2)
    assert [*ways] == ["simultaneous", "layer-wise", "greedy"]
    for network, schedule in ways.values():
        schedule.check(network)
        assert schedule.epochs == 10
    assert ways["greedy"][1].ends == (2, 4, 6, 10)
    assert ways["layer-wise"][1].ends == (2, 4, 6, 8, 10)


def test_a_term_is_learned_when_it_first_has_its_share():
    values = np.array([[[0.0, 0, 0], [1, -1, 0], [0.4, -2, 0.1], [1, -3, 0.2]]])
    steps = np.array([0, 5, 10, 15])
    result = Result({"runs": [{"lr": 1.0}]}, steps, steps / 5, {"c": values}, {})
    assert staircases.learned_at(result, "c", [2, -4, 1]).tolist() == [[5, 10, INF]]
    later = staircases.learned_at(result, "c", [2, -4, 1], share=0.75)
    assert later.tolist() == [[INF, 15, INF]]


def test_inversions_by_hand():
    times = np.array([[1, 2, 3, 4], [4, 3, 2, 1], [1, 3, 2, INF], [INF] * 4], float)
    assert staircases.inversions(times).tolist() == [0, 6, 1, 0]
    assert staircases.inversions(times, slack=1).tolist() == [0, 3, 0, 0]
    assert staircases.inversions(np.array([[INF, 2.0, 1]])).tolist() == [3]


def test_agreement_of_order_is_kendalls():
    times = np.array([[1, 2, 3, INF], [9, 8, 7, 6], [2, 1, 4, 3]], float)
    assert staircases.order_agreement(times) == pytest.approx([1, -1, 1 / 3])
    assert np.isnan(staircases.order_agreement(np.full((1, 3), INF))).all()


def test_unrelated_orders_agree_as_often_as_not():
    """2,000 orders of 6: the mean of τ is 0, within 5 of its standard errors."""
    rng = np.random.default_rng(3)
    times = np.array([rng.permutation(6) for _ in range(2000)], float)
    tau = staircases.order_agreement(times)
    assert abs(tau.mean()) < 5 * tau.std() / math.sqrt(2000)


def test_mass_is_the_squares_by_degree_and_adds_up_to_the_mean_square():
    d = 5
    model = residual_network(d=d, width=6)
    params = model.init(stream(0, "init"))
    arrays = {name: value.numpy() for name, value in params.items()}
    (mass,) = staircases.degree_mass(model, [arrays], d=d)
    points = torch.tensor(
        [[1 - 2 * (row >> i & 1) for i in range(d)] for row in range(2**d)]
    ).float()
    outputs = model.apply(params, points)[:, 0].double()
    spectrum = walsh_hadamard(outputs).square()
    for degree in range(d + 1):
        rows = [m for m in range(2**d) if m.bit_count() == degree]
        assert mass[degree] == pytest.approx(float(spectrum[rows].sum()), rel=1e-6)
    assert mass.sum() == pytest.approx(float(outputs.square().mean()), rel=1e-6)
    (less,) = staircases.degree_mass(model, [arrays], d=d, leave_out=[(1,), (0, 2)])
    gone = np.zeros(d + 1)
    gone[1:3] = float(spectrum[0b10]), float(spectrum[0b101])
    np.testing.assert_allclose(mass - less, gone, atol=1e-7)


@pytest.mark.parametrize("seed", range(3))
def test_growth_finds_a_staircase_a_step_at_a_time(seed):
    """Noise of a correlation is below 0.04: 0.2 is over 5 standard deviations."""
    stages = grown(staircase(12, 5), seed=seed)
    first, *middle, last = kept(stages)
    assert set(first) == {(0,), (0, 1)}  # products of two of the features known first
    assert middle == [((0, 1, 2),), ((0, 1, 2, 3),), ((0, 1, 2, 3, 4),)]
    assert last == ()
    assert stages[0].left == pytest.approx(1)
    assert stages[-1].left < 1e-20
    assert staircases.false_alarm(stages, n=4000, threshold=0.2) < 1e-4


def test_growth_finds_nothing_where_there_is_no_step():
    for seed in range(3):
        assert kept(grown(monomial(12, 5), seed=seed)) == [()]


def test_growth_climbs_steps_of_any_kind():
    """A product of two terms is in reach; one that needs three factors is not."""
    joined = Polynomial(12, ((0, 1), (2, 3), (0, 1, 2, 3)), (1.0, 1.0, 1.0))
    assert {s for stage in grown(joined) for s in stage.kept} == {*joined.supports}
    apart = Polynomial(12, ((0, 1), (4, 5, 6, 7)), (1.0, 1.0))
    assert {s for stage in grown(apart) for s in stage.kept} == {(0, 1)}


def test_a_constant_is_fitted_and_not_kept():
    shifted = Polynomial(8, ((), (0,)), (5.0, 1.0))
    assert kept(grown(shifted)) == [((0,),), ()]


def test_correlations_are_those_of_the_candidates():
    stages = grown(staircase(6, 2, scale=3.0))
    found = dict(zip(stages[0].candidates, stages[0].correlations, strict=True))
    assert len(found) == 6 + 15
    assert found[0,] == pytest.approx(3, abs=0.3)
    assert found[0, 1] == pytest.approx(3, abs=0.3)
    assert abs(found[2,]) < 0.4
    assert stages[0].deviation == pytest.approx(math.sqrt(18), rel=0.1)


def test_the_bound_on_false_alarms_holds_and_is_not_idle():
    """Thresholds of one noise sd: most correlations of a parity exceed none of 5 sd."""
    problem = monomial(12, 6)
    n = 400
    alarms = [
        bool(grown(problem, seed=seed, n=n, threshold=0.15)[0].kept)
        for seed in range(60)
    ]
    stages = grown(problem, n=n, threshold=0.15)
    bound = staircases.false_alarm(stages[:1], n=n, threshold=0.15)
    assert 0.05 < bound < 0.4
    # Binomial(60, bound) exceeds this once in 10,000 at the most
    assert sum(alarms) <= 60 * bound + 4 * math.sqrt(60 * bound)
    assert staircases.false_alarm(stages[:1], n=4, threshold=0.01) == 1.0


def test_the_bound_by_hand():
    """Three candidates, two sides, a threshold of 2 standard deviations."""
    stage = staircases.Stage(((0,), (1,), (2,)), np.zeros(3), (), 1.0, 2.0)
    found = staircases.false_alarm([stage, stage], n=16, threshold=1.0)
    assert found == pytest.approx(2 * 3 * 0.0455, rel=1e-3)


def test_growth_keeps_what_is_above_the_threshold_on_either_side():
    problem = Polynomial(8, ((0,), (1,), (2,)), (-0.3, 0.3, 0.1))
    assert set(kept(grown(problem))[0]) == {(0,), (1,)}


@pytest.mark.parametrize(("n", "threshold"), [(1, 0.1), (100, 0.0), (100, math.nan)])
def test_refuses_growth_without_a_threshold_or_examples(n, threshold):
    with pytest.raises(
        HlnbError, match=r"^(n = 1: take .* from 2 up|threshold = .* above 0)"
    ):
        grown(staircase(4, 2), n=n, threshold=threshold)


def test_growth_is_a_function_of_the_generator():
    a, b = grown(staircase(8, 3)), grown(staircase(8, 3))
    for x, y in zip(a, b, strict=True):
        np.testing.assert_allclose(x.correlations, y.correlations, atol=1e-12)
    assert prefixes(3)[-1] in {s for stage in a for s in stage.kept}
    other = grown(staircase(8, 3), seed=1)
    assert not np.allclose(a[0].correlations, other[0].correlations, atol=1e-6)


# Two layers, one after the other


def test_a_step_of_the_first_layer_is_that_of_autograd():
    target = staircase(5, 2)
    batch = target.sample(40, generator=stream(0, "batch"))
    a = torch.randn(7, generator=stream(1, "a"), dtype=torch.float64)
    w = torch.randn(7, 5, generator=stream(2, "w"), dtype=torch.float64)
    w.requires_grad_()
    x, y = batch.x.double(), batch.y.double()
    loss = (y - staircases.units(w, x) @ a / 7).square().mean()
    (gradient,) = torch.autograd.grad(loss, w)
    # the squared error has a factor 2, and f one of 1/N
    found = staircases.first_layer_step(w.detach(), a, x, y)
    torch.testing.assert_close(found, -7 / 2 * gradient)


def test_a_readout_finds_what_the_units_hold():
    """A target that is linear in the units is left nothing of; another one is."""
    w = torch.randn(6, 4, generator=stream(0, "w"))
    readout = torch.arange(6.0)
    batches = []
    for i in range(3):
        x = staircases.signs(500, 4, generator=stream(i, "x"))
        batches.append(staircases.Batch(x, staircases.units(w, x) @ readout))
    assert staircases._readout_leaves(w, *batches) < 1e-3
    other = [b._replace(y=b.x.prod(1)) for b in batches]
    assert staircases._readout_leaves(w, *other) > 0.2


def test_two_phases_learn_a_staircase_before_its_last_term():
    how = {"steps": [0, 50], "seed": 3}
    climbed = staircases.in_two_phases(staircase(20, 3), **how)
    alone = staircases.in_two_phases(monomial(20, 3), **how)
    assert climbed.shape == (2,)
    assert climbed[1] < 0.1 < climbed[0]
    assert alone.min() > 0.8


@pytest.mark.parametrize("steps", [[0, 0], [5, 3], [-1, 2]])
def test_steps_of_a_phase_rise(steps):
    with pytest.raises(HlnbError, match="steps"):
        staircases.in_two_phases(staircase(4, 2), steps=steps, seed=0)
