"""The explorer's verdicts, on times made by hand: guesses, over runs."""

import numpy as np
import pytest

from hlnb.studies.explorer.claims import about_trainings
from hlnb.studies.explorer.views import ALONE, IN_TURN, TOGETHER

LEARNED, NEVER = [3.0, 5.0, 4.0], [np.inf] * 3


def verdicts(changed):
    """The verdicts where the guesses are right but for the changed times."""
    times = {(n, TOGETHER): LEARNED for n in range(1, 6)}
    times |= {(n, ALONE): NEVER for n in range(1, 6)}
    times |= {(n, IN_TURN): NEVER for n in range(1, 6)}
    times = {key: np.array(value) for key, value in (times | changed).items()}
    made = about_trainings(times=times, epochs=9)
    assert {claim.note for claim in made} == {
        "at the best of the rates, 9 epochs (a layer)"
    }
    assert [claim.unit for claim in made] == [*("of 15 runs", "of 9 runs", "of 9 runs")]
    assert {claim.kind for claim in made} == {"guess"}
    return [claim.verdict for claim in made]


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({}, ["reproduced"] * 3),
        (  # layer by layer, problem 1 is not asked
            {(1, TOGETHER): NEVER, (1, IN_TURN): LEARNED},
            ["reproduced", "reproduced", "reproduced"],
        ),
        (
            {(n, TOGETHER): NEVER for n in range(1, 6)},
            ["not reproduced", "reproduced", "reproduced"],
        ),
        (
            {(5, ALONE): LEARNED, (4, IN_TURN): LEARNED},
            ["reproduced", "undecided", "undecided"],
        ),
    ],
)
def test_runs_of_the_problems_that_are_asked_are_counted(changed, wanted):
    assert verdicts(changed) == wanted
