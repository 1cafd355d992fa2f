"""What the tests hold every call of the package to."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from beartype.roar import BeartypeCallHintViolation
from jaxtyping import Float, TypeCheckError

import typechecker
from hlnb.metrics import distance
from hlnb.seeding import stream

Pair = Float[np.ndarray, "a b"]


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (Pair, True),
        (Pair | None, True),
        (dict[str, tuple[Pair, int]], True),
        (Callable[[Pair], int], True),
        (Iterator[Pair], True),
        (dict[str, int] | None, False),
        (np.ndarray, False),
    ],
)
def test_a_shape_is_found_wherever_it_is(annotation, expected):
    assert typechecker.has_shape(annotation) == expected


@pytest.fixture
def checked():
    return typechecker.jaxtyped(typechecker=typechecker.check)


def test_sizes_of_one_name_agree_within_a_call(checked):
    def both(one: Pair, other: "Pair | None" = None) -> Float[np.ndarray, " b"]:
        return one[0]

    right = checked(both)
    assert right(np.ones((2, 3)), np.ones((2, 3))).shape == (3,)
    with pytest.raises(TypeCheckError):
        right(np.ones((2, 3)), np.ones((2, 4)))
    with pytest.raises(TypeCheckError):
        right(np.ones((2, 3), int))


def test_without_a_shape_arguments_and_answer_are_held_all_the_same(checked):
    def name(of: int, more: float = 1) -> str:
        return "a" if of else None

    right = checked(name)
    assert right(1) == right(1, 2) == "a"
    for wrong in (("b",), (0,)):
        with pytest.raises(BeartypeCallHintViolation):
            right(*wrong)


def test_the_package_is_held():
    with pytest.raises(TypeCheckError):
        distance.deviation(np.array(["a"]), axes=0)
    with pytest.raises(BeartypeCallHintViolation):
        stream(0, 1)
