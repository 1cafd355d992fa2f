"""Verdicts on specialization and on averages follow from what was measured."""

import numpy as np
import pytest

from hlnb.studies.specialization import claims

ONES = np.ones(5)


def filters(**changed):
    given = {
        "degree": {
            "learned": np.outer(ONES, [0.1, 0.9]),
            "labels by coin": np.outer(ONES, [0.1, 0.2]),
        },
        "errors": np.outer(ONES, [0.5, 0.5]),
        "averages": (np.zeros(64), np.full((64, 2), 0.5)),
        "levels": np.full(5, 3),
        "filters": 8,
    }
    return {c.id: c for c in claims.about_filters(**(given | changed))}


def test_claims_about_filters_follow_from_the_numbers():
    found = filters()
    assert {c.verdict for c in found.values()} == {"reproduced"}
    kinds = {k: c.kind for k, c in found.items() if c.kind != "claim"}
    assert kinds == {
        "spec-average": "identity",
        "spec-coin": "guess",
        "spec-linear": "guess",
    }
    assert found["spec-average"].unit == "of 64 pairs of detectors"
    assert found["spec-rise"].ours == pytest.approx(0.8)


FILTERS = [
    ("spec-both", {"levels": np.full(5, 8)}),
    ("spec-both", {"levels": np.full(5, 0)}),
    ("spec-linear", {"errors": np.outer(ONES, [0.5, 0.4])}),
]


@pytest.mark.parametrize(("id", "changed"), FILTERS)
def test_a_claim_about_filters_follows_its_own_number(id, changed):
    found = {k: c.verdict for k, c in filters(**changed).items()}
    assert found.pop(id) == "not reproduced"
    assert {*found.values()} == {"reproduced"}


@pytest.mark.parametrize(("index", "answer"), [(1, 0.5), (0, 0.4)])
def test_one_average_that_is_a_detector_refutes_the_identity(index, answer):
    degrees, answers = np.zeros(64), np.full((64, 2), 0.5)
    degrees[3], answers[3] = index, answer
    found = filters(averages=(degrees, answers))["spec-average"]
    assert (found.verdict, found.kind) == ("not as stated", "claim")
    assert (found.ours, found.low, found.n) == (63, None, 64)


def test_thresholds_of_the_index_are_held_strictly():
    ends = {"learned": [0.3, 0.8], "labels by coin": [0.1, 0.3]}
    found = filters(degree={k: np.outer(ONES, v) for k, v in ends.items()})
    for id in ("spec-start", "spec-end", "spec-coin"):
        assert found[id].verdict == "not reproduced"
    assert found["spec-rise"].verdict == "reproduced"
    flat = {k: np.outer(ONES, [0.1, 0.1]) for k in ends}
    assert filters(degree=flat)["spec-rise"].verdict == "not reproduced"


def barriers(**changed):
    given = {
        "wide": {
            "two initializations": 0.3 * ONES,
            "two initializations, matched": 0.1 * ONES,
            "one initialization, two orders": 0.04 * ONES,
        },
        "narrow": {
            "two initializations": 0.5 * ONES,
            "two initializations, matched": 0.2 * ONES,
        },
        "shared": (0.3 * ONES, 0.2 * ONES),
        "averages": (2 * ONES, 3 * ONES),
    }
    found = claims.about_barriers(**(given | changed))
    return {c.id: c for c in found}


def test_claims_about_barriers_follow_from_the_numbers():
    found = barriers()
    assert {c.verdict for c in found.values()} == {"reproduced"}
    assert len(found) == 7
    assert found["spec-one"].rule == "some"
    assert found["spec-two"].ours == pytest.approx(30)
    assert found["spec-shared"].ours == pytest.approx(10)
    assert found["spec-matched"].ours == pytest.approx(0.6)
    ours = [k for k, c in found.items() if (c.kind, c.theirs) == ("guess", "–")]
    assert ours == ["spec-matched", "spec-outputs"]  # theirs is of wide networks


@pytest.mark.parametrize(
    ("rise", "said"),
    [
        ([0.1] * 5, "they do"),
        ([0.0] * 5, "they don't"),
        ([0.1, 0.1, 0.1, 0.1, -0.1], "that they do is undecided"),
    ],
)
def test_filters_still_specialize_or_do_not(rise, said):
    assert claims.still(np.array(rise)) == said


def test_barriers_below_the_thresholds_reproduce_nothing():
    wide = {
        "two initializations": 0.2 * ONES,
        "two initializations, matched": 0.1 * ONES,
        "one initialization, two orders": np.full(60, 0.05),
    }
    narrow = {
        k: wide[k] for k in ("two initializations", "two initializations, matched")
    }
    found = barriers(
        wide=wide, narrow=narrow, shared=(ONES, ONES), averages=(ONES, ONES)
    )
    assert {c.verdict for c in found.values()} == {"not reproduced"}


def test_sometimes_is_more_than_a_tenth_of_all_runs():
    one = np.array([0.01] * 4 + [0.3] * 6)
    wide = {
        "two initializations": np.ones(10),
        "two initializations, matched": np.zeros(10),
    }
    found = barriers(wide=wide | {"one initialization, two orders": one})
    assert found["spec-one"].verdict == "reproduced"
    lucky = np.array([0.01] + [0.3] * 9)
    found = barriers(wide=wide | {"one initialization, two orders": lucky})
    assert found["spec-one"].verdict == "undecided"


def test_a_pair_without_a_barrier_has_no_share_of_it():
    two, fit = np.array([0.0, 0.4]), np.array([0.0, 0.1])
    assert np.allclose(claims.removed(two, fit), [np.nan, 0.75], equal_nan=True)
    none = {"two initializations": 0 * ONES, "two initializations, matched": 0 * ONES}
    assert barriers(narrow=none)["spec-matched"].verdict == "not testable here"


@pytest.mark.parametrize(
    ("medians", "said"),
    [
        ([0.3, 0.01, 0.01], "1"),
        ([0.01, 0.3, 0.01], "4"),
        ([0.01, 0.01, 0.01], "0"),
        ([0.01, 0.01, 0.02], "more than we tried"),
    ],
)
def test_siblings_are_connected_from_a_number_of_shared_epochs_on(medians, said):
    found = {k: m * np.ones(3) for k, m in zip((0, 1, 4), medians, strict=True)}
    assert claims.connected_after(found) == said


def test_errors_are_ranked_by_their_medians():
    errors = {"one": [4.0, 4, 9], "all": [3.0, 3, 3], "none": [5.0, 5, 1]}
    errors = {k: np.array(v) for k, v in errors.items()}
    assert claims.ranked(errors, than="one") == ("all", "all")
    assert claims.ranked(errors, than="none") == ("all", "one and all")
    assert claims.ranked(errors, than="all") == ("all", "none")
