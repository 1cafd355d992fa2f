"""Figures of a row of Table 1 say in words what their runs were."""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest

from hlnb.studies.table_1 import captions, experiment
from hlnb.studies.table_1.experiment import Protocol, reproduce, stayed
from hlnb.studies.table_1.report import READINGS
from hlnb.training.executors import Here

PROTOCOL = Protocol(
    **{"d": 30, "T": 6, "n_train": 32, "seeds": 3, "more_seeds": 4, "lrs": (0.1, 0.4)},
    **{"slow_lrs": (0.1,), "epochs": 5, "phase_epochs": 4, "alone_epochs": 6},
)
pytestmark = pytest.mark.filterwarnings("ignore:All-NaN")


@pytest.fixture(scope="module")
def rows():
    return {r: reproduce(1, r, PROTOCOL, executor=Here()) for r in READINGS}


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def test_captions_count_runs_and_epochs(rows):
    for drawn, counts in (
        (captions.rates(rows, PROTOCOL), ["3 runs at", "within 5 epochs"]),
        (captions.layerwise(rows, PROTOCOL), ["of 3 runs", "(5 epochs)"]),
        (captions.single(rows, PROTOCOL), ["3 runs (thin"]),
        (captions.deviation(rows, PROTOCOL), ["3 runs at each"]),
        (captions.interpretability(rows, PROTOCOL), ["each of 3 runs"]),
    ):
        assert [count in drawn.caption for count in counts] == [True] * len(counts)
        assert drawn.alt.strip()
        assert len(drawn.figure.axes) >= 2


def test_alternatives_hold_the_numbers_of_both_readings(rows):
    drawn = captions.rates(rows, PROTOCOL)
    for reading, row in rows.items():
        for lr in row.lrs:
            stay = stayed(row.rates, "test", lr=lr)
            assert f"{stay.sum()} of 3 at {lr:g}" in drawn.alt
        assert f"({READINGS[reading]})" in drawn.alt
    alt = captions.layerwise(rows, PROTOCOL).alt
    for reading, row in rows.items():
        together, by_layer = row.last("test")[:3], row.phase_errors()[:, -1]
        numbers = f"{np.median(together):.2f} and {np.median(by_layer):.2f}"
        assert f"{numbers} ({READINGS[reading]})" in alt


def test_a_collapse_is_drawn_beside_the_rate_that_keeps(rows, monkeypatch):
    monkeypatch.setattr(experiment, "STAY", 2)  # of five epochs
    row = rows["unit"]
    errors = np.full_like(row.rates.of("test"), 0.5)
    errors[:3, 1], errors[3:, 2:] = 0.05, 0.05  # soon and gone; later and kept
    traces = {**row.rates.traces, "test": errors, "validation": errors}
    drawn = captions.collapse(replace(row, rates=replace(row.rates, traces=traces)))
    assert "rate 0.1: the soonest: 0.50, 0.50, 0.50" in drawn.alt
    assert "rate 0.4: most arrive and stay: 0.05, 0.05, 0.05" in drawn.alt


def test_a_film_of_filters_has_a_frame_for_each_epoch(rows):
    row = rows["unit"]
    frames = [*captions.filters(row, [0, 5])]
    assert [label for label, _, _ in frames] == ["0", "5"]
    errors = row.together.of("test")[0]
    for (_, fig, alt), epoch in zip(frames, (0, 5), strict=True):
        assert f"Epoch {epoch}: test error {errors[epoch]:.2f}" in alt
        assert f"epoch {epoch}, error" in fig.axes[1].get_title()


def test_a_slide_stands_where_its_pattern_begins():
    patterns = np.array([[1, -1, 1], [1, 1, -1]], np.float32)
    row = np.zeros(8, np.float32)
    row[4:7] = patterns[0]
    fig, alt = captions.slide(row, patterns, 4)
    assert "The pattern begins at pixel 4;" in alt
    responses = fig.axes[1].images[0].get_array()
    assert responses[0].argmax() == 4
    assert responses[0, 4] == 3
