"""Checks of arguments: each refuses what is outside its bound, and names it."""

import math
import re

import numpy as np
import pytest

from hlnb.errors import HlnbError, above_zero, at_least, between_0_and_1, finite

NONE = (math.nan, None, "1", True, [], [None], 1j, [[1]])  # no number
# one that is used up by a look, one too large to be a float, an array without axes
ODD = (iter([3, 4]), 10**400, np.array(3))


def refused(check, value):
    """Whether the check refuses the value, in a sentence that starts with it."""
    try:
        check(size=value)
    except HlnbError as error:
        text = str(error)
        assert re.fullmatch(re.escape(f"size = {value!r}: take ") + r".+\.", text)
        return True
    return False


def from_two(**values):
    at_least(2, **values)


@pytest.mark.parametrize("check", [from_two, above_zero, between_0_and_1, finite])
@pytest.mark.parametrize("value", [*NONE, *ODD])
def test_what_is_no_number_is_refused(check, value):
    assert refused(check, value)


@pytest.mark.parametrize("check", [from_two, above_zero, between_0_and_1])
@pytest.mark.parametrize("value", [-1, -math.inf, math.inf, [1, -1]])
def test_every_check_refuses(check, value):
    assert refused(check, value)


@pytest.mark.parametrize(
    ("check", "inside", "outside"),
    [
        (
            from_two,
            (2, 3, np.int64(2), [2, 5], (4,), np.arange(2, 4)),
            (1, 2.0, [3, 1]),
        ),
        (
            above_zero,
            (1, 1e-99, np.float32(2), [0.1, 3], np.ones(2)),
            (0, 0.0, [1, 0]),
        ),
        (
            between_0_and_1,
            (0, 1, 0.5, np.float64(1), [0.0, 1.0]),
            (1.001, -1e-9, [0.5, 2]),
        ),
    ],
)
def test_bounds(check, inside, outside):
    assert not any(refused(check, value) for value in inside)
    assert all(refused(check, value) for value in outside)


def test_the_first_that_does_not_fit_is_named():
    at_least(1, depth=1, width=2)
    with pytest.raises(
        HlnbError, match=r"^width = 0: take a whole number from 1 up\.$"
    ):
        at_least(1, depth=1, width=0)
    with pytest.raises(HlnbError, match=r"^ns = \[\]: .*from 1 up, or several\.$"):
        at_least(1, ns=[])
