"""What neurons respond to, and what a linear classifier explains."""

import math

import numpy as np
import pytest
import torch

from hlnb.data.planar import Bent, Stripes
from hlnb.metrics.information import bias, conditional, information
from hlnb.models.networks import mlp
from hlnb.seeding import stream
from hlnb.studies.simplicity import accounts, experiment

MODEL = mlp(d=2, widths=(3, 4))
STATE = {k: v.numpy() for k, v in MODEL.init(stream(0, "init")).items()}
RNG = np.random.default_rng(0)


def test_guesses_are_the_largest_outputs():
    outputs = torch.tensor([[0.0, 1.0], [2.0, 1.0]])
    assert experiment.Guesses()(None, None, outputs).tolist() == [1, 0]
    assert experiment.Guesses("validation").on == "validation"


def test_neurons_are_the_layers_outputs_and_the_margin():
    x = RNG.uniform(-1, 1, size=(5, 2))
    made = experiment.neurons(MODEL, STATE, x)
    params = {k: torch.tensor(v) for k, v in STATE.items()}
    found = MODEL.activations(params, torch.tensor(x, dtype=torch.float32))
    assert np.array_equal(made["layer2"], found["layer2"].numpy())
    last = found["readout"].numpy()
    assert np.array_equal(made["readout"][:, 0], last[:, 1] - last[:, 0])


def test_a_grid_has_the_centres_of_its_cells():
    points = experiment.grid_points(4)
    assert points.shape == (16, 2)
    assert np.allclose(points[0], [-0.75, -0.75])
    assert np.allclose(points[1], [-0.25, -0.75])
    assert np.allclose(points[-1], [0.75, 0.75])


def test_the_diagonal_share_weighs_directions_by_their_length():
    degrees = np.radians([45, 225, 59, 61, 135])
    lengths = np.array([1, 2, 3, 4, 5])
    weights = lengths[:, None] * np.stack([np.cos(degrees), np.sin(degrees)], 1)
    assert experiment.diagonal_share(weights) == pytest.approx(6 / 15)
    assert experiment.diagonal_share(weights, within=17) == pytest.approx(10 / 15)


def test_random_directions_have_the_share_of_the_window():
    """20,000 directions: 0.02 is over 5 sd of a share of 1/6."""
    angle = RNG.uniform(0, 2 * math.pi, 20_000)
    found = experiment.diagonal_share(np.stack([np.cos(angle), np.sin(angle)], 1))
    assert abs(found - 15 / 90) < 0.02


def test_segments_cross_the_square_from_border_to_border():
    lines = experiment.segments(200, 11, seed=0)
    assert lines.shape == (200, 11, 2)
    assert np.allclose(abs(lines[:, [0, -1]]).max(2), 1)
    assert abs(lines).max() <= 1
    assert np.allclose(lines[:, 5], (lines[:, 0] + lines[:, -1]) / 2)
    assert len(np.unique(lines[:, 0].round(3), axis=0)) > 150


def test_first_layer_units_never_turn():
    lines = experiment.segments(50, 100, seed=1)
    assert (experiment.turns(MODEL, STATE, lines)["layer1"] == 0).all()


def test_turns_are_counted():
    """A hat |x|: one turn on lines along x₁, none along x₂."""
    model = mlp(d=2, widths=(2, 1))
    state = {
        "layer1.weight": np.array([[1.0, 0], [-1, 0]], np.float32),
        "layer1.bias": np.zeros(2, np.float32),
        "layer2.weight": np.ones((1, 2), np.float32),
        "layer2.bias": np.zeros(1, np.float32),
        "readout.weight": np.array([[0.0], [-1]], np.float32),
        "readout.bias": np.zeros(2, np.float32),
    }
    at = np.linspace(-1, 1, 51)
    along = np.stack([at, np.zeros(51)], 1)
    across = along[:, ::-1]
    found = experiment.turns(model, state, np.stack([along, across]))
    assert found["layer2"] == pytest.approx(0.5)
    assert found["readout"] == pytest.approx(0.5)
    assert np.allclose(found["layer1"], 0)


def test_a_linear_read_out_is_that_of_the_probe():
    split = Stripes(2.0, n_validation=200, n_test=200).split(0, n_train=200)
    found = experiment.read_out(MODEL, STATE, split)
    assert len(found) == 3
    assert found[0] > 0.9  # wide stripes: one straight boundary
    share, turned, read = experiment.summary(
        MODEL, [STATE, STATE], [split, split], experiment.segments(20, 30, seed=0)
    )
    assert np.allclose(read, [found, found])
    assert share[0] == experiment.diagonal_share(STATE["layer1.weight"])
    assert turned.shape == (2, 3)


def test_linear_answers_are_those_of_a_good_straight_line():
    problem = Bent(height=0, flipped=0, n_test=2000)
    split = problem.split(0, n_train=500)
    answers = experiment.linear_answers(split)
    assert (answers == split["test"].y.numpy()).mean() > 0.97


def test_the_border_of_a_linear_classifier_is_where_its_answers_change():
    split = Bent(n_test=10).split(0, n_train=500)
    line = experiment.linear_classifier(split)
    x1 = np.array([-0.5, 0.0, 0.7])
    x2 = experiment.border(line, x1)
    below, above = (
        line.predict(np.stack([x1, x2 + shift], 1)) for shift in (-1e-6, 1e-6)
    )
    assert (below != above).all()


Y = np.tile([0, 1], 2000)
LINEAR = np.where(np.arange(4000) % 10 < 2, 1 - Y, Y)  # wrong on a fifth


def test_an_account_is_information_less_its_bias():
    guesses = np.stack([np.zeros(4000, int), LINEAR, Y])
    found = accounts.account(guesses, Y, LINEAR)
    assert np.allclose(found.accuracy, [0.5, 0.8, 1])
    assert found.linear == pytest.approx(0.8)
    n = len(Y)
    assert found.total[1] == pytest.approx(information(LINEAR, Y) - bias(n))
    assert found.beyond[1] == pytest.approx(-bias(n, given=2))
    assert found.beyond[2] == pytest.approx(
        conditional(Y, Y, LINEAR) - bias(n, given=2)
    )
    assert np.allclose(found.shared + found.beyond, found.total)
    assert np.isnan(found.share_beyond[0])
    assert found.share_beyond[1] == pytest.approx(0, abs=0.01)


def test_the_moment_of_equal_accuracy():
    guesses = np.stack([np.zeros(4000, int), LINEAR, Y])
    found = accounts.account(guesses, Y, LINEAR)
    assert found.reaches() == 1
    assert found.reaches(slack=0.5) == 0
    never = accounts.account(guesses[:1], Y, LINEAR)
    assert never.reaches() is None
    assert accounts.as_good([found, never])[0] == found.share_beyond[1]
    assert accounts.as_good([never])[0] == math.inf
    curves = accounts.curves([found, found])
    assert np.array_equal(curves["shared"][1], found.shared)
    assert set(curves) == {"total", "shared", "beyond", "accuracy"}


def test_a_learner_without_order_knows_a_growing_part():
    """4000 inputs: 0.05 is over 6 sd of a share."""
    grown = experiment.blurred(Y, np.array([0, 0.5, 1.0]), seed=0)
    agree = (grown == Y).mean(1)
    assert np.allclose(agree, [0.5, 0.75, 1], atol=0.05)
    assert agree[2] == 1
    known = grown[1] == Y
    assert ((grown[0] == Y) <= (grown[2] == Y)).all()
    assert known.any()
    assert not np.array_equal(
        grown, experiment.blurred(Y, np.array([0, 0.5, 1.0]), seed=1)
    )
