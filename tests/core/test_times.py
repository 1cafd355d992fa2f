"""Moments to look at a run."""

import numpy as np
import pytest
import torch

from hlnb import toy_problem
from hlnb.errors import HlnbError
from hlnb.metrics.measures import Error
from hlnb.metrics.times import at_most, first_hit, log_spaced


def test_moments_begin_at_the_first_step_and_end_at_the_last():
    found = log_spaced(1500, 24)
    assert found[0] == 1
    assert found[-1] == 1500
    assert found == sorted(set(found))
    assert len(found) <= 24
    assert np.ptp(np.diff(np.log(found[12:]))) < 0.1
    assert log_spaced(1, 5) == [1]
    assert log_spaced(9, 2) == [1, 9]


@pytest.mark.parametrize(("steps", "records"), [(0, 5), (5, 1)])
def test_what_is_no_row_of_moments_is_refused(steps, records):
    with pytest.raises(
        HlnbError, match=r"^(steps = 0: .* from 1 up|records = 1: .* from 2 up)"
    ):
        log_spaced(steps, records)


def test_a_value_at_the_threshold_is_there_however_it_was_summed():
    threshold = 0.1
    around = np.float32(0.1) * np.array([1 - 3e-7, 1, 1 + 3e-7], np.float32)
    assert at_most(around, threshold).all()
    assert at_most(-around, -threshold).all()
    for wrong in (0.1 + 1 / 10_000, np.nan, np.inf):
        assert not at_most(wrong, threshold)


@pytest.mark.parametrize("number", [1, 4, 5])
def test_a_tenth_of_the_inputs_wrong_is_an_error_of_a_tenth(number):
    """Whichever they are: today's sums of float32 miss 0.1 by their order."""
    batch = toy_problem(number).distinct()
    n = len(batch.x)
    tenth = n // 10
    generator = torch.Generator().manual_seed(number)
    for _ in range(300):
        order = torch.randperm(n, generator=generator)
        for wrong, there in ((tenth, True), (tenth + 1, False)):
            outputs = torch.nn.functional.one_hot(batch.y, 2).float()
            outputs[order[:wrong]] = outputs[order[:wrong]].flip(1)
            error = Error()({}, batch, outputs).numpy()
            hits = first_hit(np.array([7]), error.reshape(1, 1), threshold=tenth / n)
            assert bool(np.isfinite(hits).all()) is there
