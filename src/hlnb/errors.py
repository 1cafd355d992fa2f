"""The one exception type for everything a user of the book can cause and mend.

And the checks of arguments that many share. Each takes arguments by name, each a number
or a list of them, and refuses an empty list, NaN and what is no number.
"""

from collections.abc import Callable, Collection
from math import isfinite
from numbers import Integral, Real
from typing import Any


class HlnbError(Exception):
    """A mistake that a user can mend; its text is one sentence: what and what to do."""


def at_least(lowest: int, **values: object) -> None:
    """Refuses what is not a whole number from `lowest` up."""
    whole = f"a whole number from {lowest} up"
    _refuse(values, lambda one: _whole(one) and one >= lowest, whole)


def finite(**values: object) -> None:
    """Refuses what is not a finite number."""
    _refuse(values, isfinite, "a finite number")


def above_zero(**values: object) -> None:
    """Refuses what is not a finite number above 0."""
    _refuse(values, lambda one: isfinite(one) and one > 0, "a finite number above 0")


def between_0_and_1(**values: object) -> None:
    """Refuses what is not a number from 0 to 1."""
    _refuse(values, lambda one: 0 <= one <= 1, "a number from 0 to 1")


def _refuse(values: dict, fits: Callable[[Any], bool], wanted: str) -> None:
    for name, value in values.items():
        several = isinstance(value, Collection) and not isinstance(value, str)
        scalar = getattr(value, "ndim", None) == 0  # an array of one number
        numbers = list(value) if several and not scalar else [value]
        if not numbers or not all(_number(one) and fits(one) for one in numbers):
            each = ", or several" if several else ""
            raise HlnbError(f"{name} = {value!r}: take {wanted}{each}.")


def _whole(one: object) -> bool:
    return isinstance(one, Integral)


def _number(one: object) -> bool:
    if not isinstance(one, Real) or isinstance(one, bool):
        return False
    try:
        float(one)
    except OverflowError:  # 10**400
        return False
    return True
