"""What figures of chapters 08 and 09 say: numbers as given, and a reader's words."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pytest

from hlnb.studies.cifar import captions
from hlnb.studies.cifar.filters import NO_ANSWER

pytestmark = pytest.mark.usefixtures("closed")
RUNS = {"untrained": np.array([0.5, 0.7, 0.6]), "layer-wise": np.array([0.1, 0.2, 0.3])}


def shown(fig: plt.Figure) -> str:
    """All words of a figure's ticks and titles, in one line."""
    texts = [t.get_text() for ax in fig.axes for t in ax.get_xticklabels()]
    texts += [t.get_text() for ax in fig.axes for t in ax.get_yticklabels()]
    texts += [ax.get_title() for ax in fig.axes]
    return " ".join(" ".join(texts).split())


def test_filters_that_answer_to_nothing_are_counted_beside_the_figure():
    rng = np.random.default_rng(0)
    answering = rng.integers(0, 200, size=(4, 5, 4, 4, 3))
    answering[1, 3:] = NO_ANSWER  # two patches are missing, the filter is not silent
    silent = answering.copy()
    silent[[0, 2]] = NO_ANSWER
    layers = {"layer 1: 4×4 pixels": answering, "layer 2: 7×7 pixels": silent}
    drawn = captions.all_filters(layers, seed=7)
    assert "0 of 4 in layer 1 and 2 of 4 in layer 2" in drawn.caption
    assert "0 of 4 in layer 1 and 2 of 4 in layer 2" in drawn.alt
    assert "seed 7" in drawn.caption


def test_states_of_a_first_layer_are_named_as_the_page_names_them():
    drawn = captions.correction(
        RUNS, RUNS | {"another run, together": RUNS["untrained"]}
    )
    assert "probe accuracy: untrained: 0.600; layer by layer: 0.200." in drawn.alt
    assert "another run, together: 0.600." in drawn.alt
    assert "(3 runs" in drawn.caption
    assert "layer by layer" in shown(drawn.figure)
    assert "layer-wise" not in shown(drawn.figure) + drawn.alt


def test_ways_of_training_are_named_with_their_epochs():
    scores = {
        ("all parts together", 4): RUNS["untrained"],
        ("layer-wise", 4): RUNS["layer-wise"],
        ("layer-wise, then together", 8): RUNS["layer-wise"] + 0.3,
        ("greedy, a head for each part", 4): RUNS["layer-wise"] + 0.2,
    }
    drawn = captions.variants(scores, n_train=3000)
    told = re.findall(r"([a-z, ]+): \d epochs: (\d\.\d\d)", drawn.alt)
    assert [(name.strip(), value) for name, value in told] == [
        ("all parts together", "0.60"),
        ("layer by layer", "0.20"),
        ("layer by layer, then together", "0.50"),
        ("greedy, a head for each part", "0.40"),
    ]
    (ax,) = drawn.figure.axes
    colours = {line.get_color() for line in ax.lines if line.get_marker() == "|"}
    assert len(colours) == 4
    assert "3000" in drawn.caption


def test_the_heights_of_a_spike_are_told_by_optimizer_and_rate():
    heights = {
        "Adam": {0.1: np.array([[2.0, 9.0, 3.0]] * 2)},
        "SGD": {0.2: np.array([[2.0, 2.5, 1.5]] * 2)},
    }
    drawn = captions.spike(heights, n_train=300)
    assert drawn.alt.endswith(
        "by Adam: rate 0.1: 9.00, 3.00. By SGD: rate 0.2: 2.50, 1.50."
    )
    assert "(2 runs" in drawn.caption


def test_shares_and_coherence_tell_their_means():
    before, after = np.full((2, 3), 0.25), np.full((2, 3), 0.5)
    drawn = captions.shares({"orientation": (before, after)}, epochs=2)
    assert "orientation: run means 0.25 before, 0.50 after." in drawn.alt
    assert "2 runs of 3" in drawn.caption
    three = {"random": np.zeros((1, 200)), "untrained": before, "trained": after}
    drawn = captions.coherence({"layer 1, form alone": three})
    assert "random 0.00, untrained 0.25, trained 0.50" in drawn.alt
    assert "200 draws" in drawn.caption
    assert "2 runs" in drawn.caption


def test_leaps_are_told_beside_what_curvature_said():
    found = {
        "Adam": {"part 3": (np.array([2.0, 4.0]), np.array([1.5, 3.5]))},
        "SGD": {"part 3": (np.array([0.5, 0.7]), np.array([1.0, 1.1]))},
    }
    drawn = captions.leaps(found, border=3.8)
    assert "Adam, part 3: 3, 2.5; SGD, part 3: 0.6, 1.05." in drawn.alt
    borders = [ax.lines[1].get_xdata()[0] for ax in drawn.figure.axes]
    assert borders == [1, 3.8]
    plt.close(drawn.figure)


def test_parts_alone_stand_beside_all_parts_and_their_travel():
    parts = ("first filters", "second filters", "hidden layer", "readout")
    alone = {p: np.array([0.2, 0.3]) + 0.01 * i for i, p in enumerate(parts)}
    travel = {"all parts together": {p: np.array([0.4, 0.6]) for p in parts}}
    drawn = captions.alone(alone, np.array([0.5, 0.6]), travel)
    assert "readout: 0.28; all parts together: 0.55." in drawn.alt
    left, right = drawn.figure.axes
    assert left.lines[1].get_ydata() == [0.25]  # the mean of the first part
    assert [*right.lines[-2].get_ydata()] == [0.5] * 4
    plt.close(drawn.figure)
