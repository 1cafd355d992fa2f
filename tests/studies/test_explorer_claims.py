"""The explorer's verdicts, on times made by hand."""

import numpy as np
import pytest

from hlnb.studies.explorer.claims import about_trainings

LEARNED, NEVER = [3.0, 5.0], [np.inf, np.inf]


def verdicts(changed):
    """The verdicts where the report is right but for the changed times."""
    times = {(n, "all at once"): LEARNED for n in range(1, 6)}
    times |= {(n, "first layer alone"): NEVER for n in range(1, 6)}
    times |= {(n, "layer by layer"): NEVER for n in range(1, 6)}
    times = {key: np.array(value) for key, value in (times | changed).items()}
    made = about_trainings(times=times, epochs=9)
    assert {claim.note for claim in made} == {
        "at the best of the rates, 9 epochs (a layer)"
    }
    assert [claim.unit for claim in made] == [
        *("of 5 problems", "of 3 problems", "of 3 problems")
    ]
    return [claim.verdict for claim in made]


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({}, ["reproduced"] * 3),
        (  # one run that has not learned is enough; on problem 1 the rest is not asked
            {(1, "all at once"): [3.0, np.inf], (1, "layer by layer"): LEARNED},
            ["partly", "reproduced", "reproduced"],
        ),
        (
            {(n, "all at once"): [np.inf, 2.0] for n in range(1, 6)},
            ["not reproduced", "reproduced", "reproduced"],
        ),
        (  # and so is one that has
            {(5, "first layer alone"): [np.inf, 9.0], (4, "layer by layer"): LEARNED},
            ["reproduced", "partly", "partly"],
        ),
        (
            {(n, "first layer alone"): LEARNED for n in (2, 3, 5)}
            | {(n, "layer by layer"): [1.0, np.inf] for n in (2, 3, 4)},
            ["reproduced", "not reproduced", "not reproduced"],
        ),
    ],
)
def test_each_problem_counts_once(changed, wanted):
    assert verdicts(changed) == wanted
