"""What the explorer shows."""

import numpy as np
import pytest

from hlnb.data.patterns import toy_problem
from hlnb.studies.explorer import figures as plots
from hlnb.studies.explorer.experiment import TRAININGS, View, explore, held_filters
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
    assert views["all at once", 0.1].ends == (2,)
    assert views["layer by layer", 0.1].ends == (2, 4, 6)
    assert views["layer by layer", 0.1].epochs[-1] == 6
    for found in views.values():
        assert found.errors.shape == (2, len(found.epochs))
        assert found.start.shape == (20, 4)


def test_the_first_layer_alone_is_the_first_phase(views):
    alone, turn = views["first layer alone", 0.5], views["layer by layer", 0.5]
    n = len(alone.epochs)
    assert np.array_equal(alone.errors, turn.errors[:, :n])
    assert np.array_equal(alone.end, turn.end)  # later phases leave the filters
    assert np.array_equal(alone.start, views["all at once", 0.5].start)


def test_patterns_have_unit_length(views):
    patterns = views["all at once", 0.1].patterns
    assert np.allclose(np.linalg.norm(patterns, axis=1), 1)
    expected = toy_problem(1, d=60, T=4, scale=0.5).with_seed(0).patterns
    assert np.array_equal(patterns, expected.numpy())


def test_words_say_how_many_arrived():
    found = view([[0.5, 0.3, 0.1], [0.5, 0.05, 0.0]])
    assert np.array_equal(found.times, [2, 1])
    assert "Epochs to error 0.1: 1.5 [1–2], 2 of 2 reached." in found.sentence()
    assert found.sentence().endswith("at the end: 0.05 (median).")
    none = view([[0.5, 0.3, 0.2], [0.5, 0.4, np.nan]])
    assert "not reached in 2 epochs by any of 2 runs" in none.sentence()
    assert np.allclose(none.last, [0.2, 0.4])
    assert none.travelled == pytest.approx(2)


def test_filters_of_a_run_that_ended_are_those_of_its_last_record():
    filters = np.stack([ONES, 2 * ONES, np.full((2, 3), np.nan)])
    assert np.array_equal(held_filters(filters)[2], 2 * ONES)
    assert np.array_equal(held_filters(filters)[:2], filters[:2])


def test_a_card_shows_errors_and_filters_before_and_after():
    rng = np.random.default_rng(0)
    errors, patterns = rng.uniform(size=(3, 5)), rng.normal(size=(2, 4))
    filters = rng.normal(size=(2, 6, 4))
    fig = plots.card_figure(
        "layer by layer",
        np.arange(5.0),
        errors,
        filters=(filters[0], filters[1]),
        patterns=patterns,
        ends=(2, 4),
        phases=("filters", "readout"),
    )
    ax, before, after, _ = fig.axes
    assert len(ax.lines) == 3 + 1 + 1 + 2  # runs, median, threshold, ends of phases
    assert [t.get_text() for t in ax.texts] == ["filters", "readout"]
    assert before.images[0].get_array().shape == (6, 2)
    assert not np.array_equal(before.images[0].get_array(), after.images[0].get_array())
    assert set(plots.MEANING) == set(TRAININGS)
