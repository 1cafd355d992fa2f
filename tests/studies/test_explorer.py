"""What the explorer shows."""

import numpy as np
import pytest

from hlnb.data.patterns import toy_problem
from hlnb.studies.explorer import figures as plots
from hlnb.studies.explorer.experiment import explore, held_filters
from hlnb.studies.explorer.views import (
    ALONE,
    GREEDY,
    IN_TURN,
    PAIRS,
    TOGETHER,
    TRAININGS,
    View,
)
from hlnb.training.executors import Here

pytestmark = pytest.mark.usefixtures("closed")
ONES = np.ones((2, 3))


def view(errors):
    errors = np.array(errors, float)
    return View(np.arange(errors.shape[1]), errors, ONES, 3 * ONES, ONES, (2,))


@pytest.fixture(scope="module")
def views():
    return explore(
        1,
        lrs=[0.1, 0.5],
        seeds=range(2),
        epochs=2,
        d=60,
        T=4,
        n_train=64,
        executor=Here(),
    )


def test_every_training_has_every_rate(views):
    assert set(views) == {(t, lr) for t in TRAININGS for lr in (0.1, 0.5)}
    assert views[TOGETHER, 0.1].ends == (2,)
    assert views[IN_TURN, 0.1].ends == (2, 4, 6)
    assert views[IN_TURN, 0.1].epochs[-1] == 6
    assert views[GREEDY, 0.1].ends == (2, 4)  # hidden layer and readout in one
    for found in views.values():
        assert found.errors.shape == (2, len(found.epochs))
        assert found.start.shape == (20, 4)


def test_the_first_layer_alone_is_the_first_phase(views):
    alone, turn = views[ALONE, 0.5], views[IN_TURN, 0.5]
    n = len(alone.epochs)
    assert np.array_equal(alone.errors, turn.errors[:, :n])
    assert np.array_equal(alone.end, turn.end)  # later phases leave the filters
    assert np.array_equal(alone.start, views[TOGETHER, 0.5].start)


def test_patterns_have_unit_length(views):
    patterns = views[TOGETHER, 0.1].patterns
    assert np.allclose(np.linalg.norm(patterns, axis=1), 1)
    expected = toy_problem(1, d=60, T=4, scale=0.5).with_seed(0).patterns
    assert np.array_equal(patterns, expected.numpy())


def test_words_say_how_many_arrived():
    found = view([[0.5, 0.3, 0.1], [0.5, 0.05, 0.0]])
    assert np.array_equal(found.times, [2, 1])
    assert found.sentence(IN_TURN) == (
        "Layer by layer: 2 of 2 runs get to an error of 0.1, after 1.5 epochs; "
        "error at the end 0.05."
    )
    none = view([[0.5, 0.3, 0.2], [0.5, 0.4, np.nan]])
    assert none.sentence(TOGETHER) == (
        "All layers together: 0 of 2 runs get to an error of 0.1; "
        "error at the end 0.30."
    )
    assert "1 of 1 run gets to" in view([[0.5, 0.1]]).sentence(ALONE)
    assert np.allclose(none.last, [0.2, 0.4])
    assert none.travelled == pytest.approx(2)


def test_filters_of_a_run_that_ended_are_those_of_its_last_record():
    filters = np.stack([ONES, 2 * ONES, np.full((2, 3), np.nan)])
    assert np.array_equal(held_filters(filters)[2], 2 * ONES)
    assert np.array_equal(held_filters(filters)[:2], filters[:2])


def test_a_card_compares_two_trainings():
    rng = np.random.default_rng(0)
    patterns = rng.normal(size=(2, 4))
    views = {
        training: View(
            np.arange(epochs),
            rng.uniform(size=(3, epochs)),
            *rng.normal(size=(2, 6, 4)),
            patterns,
            ends,
        )
        for training, epochs, ends in ((TOGETHER, 3, (2,)), (IN_TURN, 5, (2, 4)))
    }
    fig = plots.card_figure(views, phases=("filters", "readout"))
    ax, one, other, _ = fig.axes
    assert len(ax.lines) == 2 * (3 + 1) + 1 + 2  # runs, medians, threshold, phases
    assert [t.get_text() for t in ax.texts] == ["filters", "readout"]
    named = [line.get_label() for line in ax.lines]
    assert {TOGETHER, IN_TURN} <= set(named)
    assert one.images[0].get_array().shape == (6, 2)
    assert not np.array_equal(one.images[0].get_array(), other.images[0].get_array())


def test_every_training_has_a_colour_and_is_compared():
    assert set(plots.MEANING) == set(TRAININGS)
    assert {training for pair in PAIRS.values() for training in pair} == set(TRAININGS)
