"""Layers over time: likeness, controls, moments, what units prefer."""

import numpy as np
import pytest
import torch

from hlnb.data.digits import Digits
from hlnb.errors import HlnbError
from hlnb.metrics.measures import Error, all_weights
from hlnb.metrics.similarity import linear_cka
from hlnb.models.networks import image_network, mlp
from hlnb.schedules import simultaneous
from hlnb.seeding import stream
from hlnb.studies.layers_over_time import experiment as lot
from hlnb.training.executors import Here
from hlnb.training.runs import grid
from hlnb.training.sweep import sweep

DIGITS = Digits(n_validation=100, n_test=100)
MODEL = mlp(d=64, widths=(12, 12, 12), n_out=10)
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def result():
    return sweep(
        DIGITS,
        MODEL,
        simultaneous(MODEL, epochs=2),
        grid([0, 1], [0.3]),
        measures={"test": Error("test"), **all_weights(MODEL.names)},
        n_train=96,
        batch_size=32,
        every=[1, 3],
        executor=Here(),
    )


@pytest.fixture(scope="module")
def paths(result):
    return [lot.states(result, run) for run in (0, 1)]


@pytest.fixture(scope="module")
def held():
    return [lot.held_out(DIGITS, seed, n_train=96) for seed in (0, 1)]


def test_states_are_the_parameters_of_each_record(result, paths):
    assert [len(p) for p in paths] == [len(result.steps)] * 2
    start = MODEL.init(stream(1, "init"))
    for name, value in paths[1][0].items():
        assert np.array_equal(value, start[name].numpy())
    assert set(paths[0][0]) == set(start)


def test_held_out_are_validation_and_test(held):
    split = DIGITS.split(1, n_train=96)
    assert np.array_equal(held[1].x[:100], split["validation"].x.numpy())
    assert np.array_equal(held[1].y[100:], split["test"].y.numpy())
    assert np.array_equal(held[1].train, split["train"].x.numpy())


def test_outputs_are_those_of_the_model(paths, held):
    made = lot.outputs(MODEL, paths[0][-1], held[0].x)
    assert list(made) == list(MODEL.names)
    params = {k: torch.tensor(v) for k, v in paths[0][-1].items()}
    whole = MODEL.apply(params, torch.tensor(held[0].x))
    assert np.array_equal(made["readout"], whole.numpy())


def test_observations_of_a_convolution_are_its_places():
    made = RNG.normal(size=(2, 3, 9, 5))
    rows = lot.observations(made)
    assert rows.shape == (2 * 3 * 2, 3)
    assert np.array_equal(rows[0], made[0, :, 0, 0])
    assert np.array_equal(rows[1], made[0, :, 0, 4])
    assert np.array_equal(rows[2], made[0, :, 4, 0])
    assert lot.observations(made[:, :, 0, 0]).shape == (2, 3)


def test_cka_is_that_of_the_metrics(paths, held):
    found = lot.likeness(MODEL, paths[0], held[0].x, lot.CKA)
    a = lot.outputs(MODEL, paths[0][1], held[0].x)["layer2"]
    b = lot.outputs(MODEL, paths[0][-1], held[0].x)["readout"]
    assert found[1, 1, 3] == pytest.approx(linear_cka(a, b), rel=1e-4)


@pytest.mark.parametrize("how", [lot.SVCCA, lot.CKA], ids=lambda h: h.name)
def test_at_the_end_each_layer_is_itself(paths, held, how):
    across = lot.likeness(MODEL, paths[0], held[0].x, how)
    own = lot.to_the_end(MODEL, paths[0], held[0].x, how)
    assert np.allclose(np.diagonal(across, axis1=1, axis2=2), own)
    assert np.allclose(own[-1], 1, atol=1e-5)
    assert (own[0] < 0.999).all()
    assert across.shape == (len(paths[0]), 4, 4)


def test_constant_outputs_have_no_likeness_by_cka():
    assert lot.CKA.compare(np.zeros((4, 2)), RNG.normal(size=(4, 2))) == 0


def test_own_weights_of_the_first_layer_are_all_it_has(paths, held):
    both = [
        f(MODEL, paths[0], held[0].x, lot.SVCCA)
        for f in (lot.own_weights, lot.to_the_end)
    ]
    assert np.allclose(both[0][:, 0], both[1][:, 0])
    assert np.allclose(both[0][-1], 1, atol=1e-5)


def test_own_weights_see_the_final_layers_below(paths, held):
    mixture = dict(paths[0][-1]) | {
        k: v for k, v in paths[0][0].items() if k.startswith("layer3")
    }
    found = lot.own_weights(MODEL, paths[0], held[0].x, lot.SVCCA)[0, 2]
    made = lot.outputs(MODEL, mixture, held[0].x)["layer3"]
    last = lot.outputs(MODEL, paths[0][-1], held[0].x)["layer3"]
    expected = lot.SVCCA.compare(lot.SVCCA.prepare(made), lot.SVCCA.prepare(last))
    assert found == pytest.approx(expected, abs=1e-6)


def test_convolutions_are_compared_with_themselves_over_time():
    cnn = image_network(side=12, channels=4, size=3, hidden=5)
    first, last = (
        {k: v.numpy() for k, v in cnn.init(stream(seed, "init")).items()}
        for seed in (0, 1)
    )
    x = RNG.normal(size=(30, 3, 12, 12)).astype(np.float32)
    found = lot.to_the_end(cnn, [first, last], x, lot.SVCCA)
    assert found.shape == (2, 4)
    assert np.allclose(found[1], 1, atol=1e-5)


def test_the_straight_line_goes_from_start_to_end_in_step(paths):
    line = lot.straight(paths[0], 5)
    for name in paths[0][0]:
        assert np.array_equal(line[0][name], paths[0][0][name])
        assert np.allclose(line[-1][name], paths[0][-1][name])
        middle = (paths[0][0][name] + paths[0][-1][name]) / 2
        assert np.allclose(line[2][name], middle, atol=1e-6)
        assert line[2][name].dtype == np.float32


def test_runs_are_stacked(paths, held):
    inputs = [h.x for h in held]
    found = lot.over_runs(lot.to_the_end, MODEL, paths, inputs)
    own = lot.to_the_end(MODEL, paths[1], inputs[1], lot.SVCCA)
    assert np.array_equal(found[1], own)
    assert found.shape == (2, len(paths[0]), 4)


def test_progress_is_zero_at_the_start_and_one_at_the_end():
    similarity = np.array([[0.5, 0.8], [0.75, 0.7], [1, 1]])
    assert np.allclose(lot.progress(similarity), [[0, 0], [0.5, -0.5], [1, 1]])
    assert np.allclose(lot.progress(similarity[None])[0], lot.progress(similarity))


def test_settled_is_the_first_passage_between_records():
    done = np.array([[0, 1.0, 0], [0.8, 1, 0.95], [1.0, 1, 0.5], [1, 1, 1]])
    at = np.array([0.0, 10, 20, 40])
    expected = [15, 0, 10 * 0.9 / 0.95]
    assert np.allclose(lot.settled(done, at), expected)
    assert np.allclose(lot.times_settled(done[None], at), [expected])


def test_order_counts_pairs():
    assert lot.in_order(np.array([1, 2, 3])) == 1
    assert lot.in_order(np.array([3, 2, 1])) == 0
    assert lot.in_order(np.array([2, 2])) == 0.5
    assert lot.in_order(np.array([1, 3, 2])) == pytest.approx(2 / 3)
    assert np.array_equal(lot.orders(np.array([[1, 2], [2, 1]])), [1, 0])


def test_layers_stop_one_after_the_other():
    below = lot.freezing(MODEL, epochs=2, from_below=True)
    above = lot.freezing(MODEL, epochs=2, from_below=False)
    for schedule in (below, above):
        schedule.check(MODEL)
        assert schedule.epochs == 2 * 4
        assert schedule.phases[0].learns == MODEL.names
    assert below.phases[1].learns == ("layer2", "layer3", "readout")
    assert above.phases[1].learns == ("layer1", "layer2", "layer3")
    assert below.phases[-1].learns == ("readout",)
    assert above.phases[-1].learns == ("layer1",)


def test_an_affine_unit_is_linear_and_another_is_not():
    x, other = RNG.normal(size=(2, 400, 5))
    w = RNG.normal(size=5)
    train = np.stack([x @ w + 3, x[:, 0] ** 2, np.ones(400)], 1)
    test = np.stack([other @ w + 3, other[:, 0] ** 2, np.ones(400)], 1)
    found = lot.linear_share((x, train), (other, test))
    assert found[0] == pytest.approx(1)
    assert -0.15 < found[1] < 0.1  # x² has no correlation with x
    assert np.isnan(found[2])


def test_purity_counts_the_commonest_class_of_the_most_exciting():
    y = np.array([0, 0, 1, 1, 2, 2])
    h = np.array([[5, 1, 0], [4, 2, 0], [3, 3, 0], [0, 4, 0], [0, 5, 1], [0, 6, 0]])
    assert np.allclose(lot.purity(h, y, top=2)[:2], [1, 1])
    assert np.allclose(lot.purity(h, y, top=3)[:2], [2 / 3, 2 / 3])
    assert np.isnan(lot.purity(h, y, top=2)[2])
    assert np.allclose(lot.purity(h, y, top=1), 1)
    for top in (0, 7):
        with pytest.raises(HlnbError, match="at least one input, and at most 6"):
            lot.purity(h, y, top=top)


def test_a_profile_has_a_number_for_each_layer(paths, held):
    pure, linear = lot.profile(MODEL, paths[0][-1], held[0], top=5)
    made = lot.outputs(MODEL, paths[0][-1], held[0].x)
    expected = np.nanmean(lot.purity(made["layer1"], held[0].y, top=5))
    assert pure[0] == pytest.approx(expected)
    assert len(pure) == len(linear) == 4
    assert max(linear) <= 1


def test_medians():
    assert lot.by_layer(np.array([[1, 2], [3, 2], [9, 2]]), ".1f") == "3.0, 2.0"
