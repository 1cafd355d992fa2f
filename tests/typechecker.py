"""Annotations are checked on every call in every test; an int will do for a float.

Shapes are compared within a call. A function without one in its signature is spared
that: to bind its arguments anew costs more than most functions do.
"""

import typing
from collections.abc import Callable
from types import FunctionType
from typing import Any

import jaxtyping
from beartype import BeartypeConf, beartype

check = beartype(conf=BeartypeConf(is_pep484_tower=True))
shaped = jaxtyping.jaxtyped


def has_shape(annotation: Any) -> bool:
    """Whether arrays with a shape are part of it."""
    if isinstance(annotation, type) and issubclass(annotation, jaxtyping.AbstractArray):
        return True
    inside = annotation if isinstance(annotation, list) else typing.get_args(annotation)
    return any(map(has_shape, inside))


def jaxtyped(*, typechecker: Callable) -> Callable:
    """What jaxtyping puts on every function and class of the package."""

    def checked(thing: Any) -> Any:
        if isinstance(thing, FunctionType):
            try:
                hints = typing.get_type_hints(thing)
            except NameError:  # of a class that is not yet made
                return shaped(thing, typechecker=typechecker)
            if not any(map(has_shape, hints.values())):
                return typechecker(thing)
        return shaped(thing, typechecker=typechecker)

    return checked


jaxtyping.jaxtyped = jaxtyped
