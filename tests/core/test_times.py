"""Moments to look at a run."""

import numpy as np
import pytest

from hlnb.errors import HlnbError
from hlnb.metrics.times import log_spaced


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
