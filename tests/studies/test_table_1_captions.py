"""Figures of a row of Table 1 say in words what their runs were."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from hlnb.studies.table_1 import captions
from hlnb.studies.table_1.experiment import READINGS, Protocol, reproduce
from hlnb.training.executors import Here

PROTOCOL = Protocol(
    **{"d": 30, "T": 6, "n_train": 32, "seeds": 3, "more_seeds": 4, "lrs": (0.1, 0.4)},
    **{"slow_lrs": (0.1,), "sweep_epochs": 5, "epochs": 4, "alone_epochs": 6},
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
    found = {r: {"as defined": row.times} for r, row in rows.items()}
    errors = captions.errors(rows)
    for drawn, counts in (
        (captions.rates(rows, PROTOCOL), ["3 runs at", "within 5 epochs"]),
        (captions.layerwise(errors, rows, PROTOCOL), ["of 3 runs", "(5 epochs)"]),
        (captions.single(rows, PROTOCOL), ["3 runs (thin"]),
        (captions.deviation(rows, PROTOCOL), ["3 runs at each"]),
        (captions.interpretability(rows, PROTOCOL), ["(3 runs,"]),
        (captions.variants(found, rows, PROTOCOL), ["(4 and 3 runs)"]),
    ):
        assert [count in drawn.caption for count in counts] == [True] * len(counts)
        assert drawn.alt.strip()
        assert len(drawn.figure.axes) >= 2


def test_alternatives_hold_the_numbers_of_both_readings(rows):
    drawn = captions.rates(rows, PROTOCOL)
    for row, reading in zip(rows.values(), ("as printed", "at unit"), strict=True):
        assert f"{row.best:g} {reading}" in drawn.alt
    alt = captions.layerwise(captions.errors(rows), rows, PROTOCOL).alt
    for reading, row in rows.items():
        together, by_layer = row.after.of("test")[:, -1], row.phase_errors()[:, -1]
        numbers = f"{np.median(together):.2f} and {np.median(by_layer):.2f}"
        assert f"{numbers} ({READINGS[reading]})" in alt


def test_a_film_of_filters_has_a_frame_for_each_epoch(rows):
    row = rows["unit"]
    frames = [*captions.filters(row, [0, 5])]
    assert [label for label, _, _ in frames] == ["0", "5"]
    errors = row.after.of("test")[0]
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
