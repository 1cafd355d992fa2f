"""Verdicts on the pitfalls of simplicity bias follow from what was measured."""

import numpy as np
import pytest

from hlnb.studies.pitfalls import claims


def pair(one, two):
    return np.array([one, two], float)


def auc(standard=1.0, simple=0.5, complex=1.0, error=0.05):
    """The same of both runs, or what is given for each."""
    given = {"standard": standard, "simple": simple, "complex": complex}
    return {k: np.ones(2) * v for k, v in (given | {"error": error}).items()}


GIVEN = {
    claims.about_plane: {
        **{
            "by_hand": [0.0, 0.0],
            "then": {"complex": pair(1, 1), "simple": pair(0, 0)},
        },
        **{"ratio": pair(2, 9), "hints": np.array([[1, 1], [2, 2], [3, 3]])},
        **{"reached": np.array([False, False]), "goal": 0.01, "cap": 10},
    },
    claims.about_slabs: {"linear": auc(), "pair": auc(), "alone": pair(0, 0.01)},
    claims.about_noise: {"noisy": auc(), "alone": pair(0, 0.02)},
    claims.about_remedies: {
        **{"none": auc(), "crowd": auc(error=0.059), "faster": auc()},
        **{"first": auc(error=0.009), "duo": auc(error=0.009)},
    },
}
NO, SOME = "not reproduced", "partly"
ALTERED = [
    ("pit-represent", {"by_hand": [0.0, 0.1]}, SOME),
    ("pit-represent", {"by_hand": [0.1, 0.1]}, NO),
    ("pit-latch", {"then": auc(complex=pair(0.94, 1))}, SOME),
    ("pit-latch", {"then": auc(simple=0.61)}, NO),
    ("pit-harder", {"ratio": pair(1.9, 2)}, SOME),
    ("pit-harder", {"ratio": pair(1.9, 1)}, NO),
    ("pit-dose", {"hints": np.array([[1, 1], [2, 2], [2, 3]])}, SOME),
    ("pit-dose", {"hints": np.array([[1, 3], [2, 2], [1, 3]])}, NO),
    ("pit-forever", {"reached": np.array([True, False])}, SOME),
    ("pit-forever", {"reached": np.array([True, True])}, NO),
    ("pit-lms", {"linear": auc(standard=pair(0.97, 1))}, SOME),
    ("pit-lms", {"linear": auc(standard=0.97)}, NO),
    ("pit-lms-simple", {"linear": auc(simple=pair(0.53, 0.5))}, SOME),
    ("pit-lms-simple", {"linear": auc(simple=pair(0.48, 0.53))}, NO),
    ("pit-lms-complex", {"linear": auc(complex=pair(0.97, 1))}, SOME),
    ("pit-lms-complex", {"linear": auc(complex=0.97)}, NO),
    ("pit-capacity", {"alone": pair(0.011, 0)}, SOME),
    ("pit-capacity", {"alone": pair(0.011, 0.5)}, NO),
    ("pit-pair", {"pair": auc(complex=pair(0.97, 1))}, SOME),
    ("pit-pair", {"pair": auc(simple=0.53)}, NO),
    ("pit-noisy-simple", {"noisy": auc(simple=pair(0.52, 0.5))}, SOME),
    ("pit-noisy-simple", {"noisy": auc(simple=0.52)}, NO),
    ("pit-better", {"alone": pair(0, 0.03)}, SOME),
    ("pit-better", {"alone": pair(0.03, 0.5)}, NO),
    ("pit-ensemble", {"crowd": auc(error=pair(0.0395, 0.05))}, SOME),
    ("pit-ensemble", {"crowd": auc(simple=0.53)}, NO),
    ("pit-rate", {"faster": auc(error=pair(0.04, 0.05))}, SOME),
    ("pit-rate", {"faster": auc(error=0.01)}, NO),
    ("pit-first", {"first": auc(error=pair(0.01, 0))}, SOME),
    ("pit-first", {"first": auc(error=0.01)}, NO),
    ("pit-return", {"first": auc(error=0, simple=pair(0.9, 0.5))}, SOME),
    ("pit-return", {"first": auc(error=0, simple=0.9)}, NO),
    ("pit-without", {"duo": auc(error=pair(0.01, 0))}, SOME),
    ("pit-without", {"duo": auc(error=0.01)}, NO),
]


def judged(section, **changed):
    return {c.id: c.verdict for c in section(**GIVEN[section] | changed)}


def test_what_the_source_says_is_reproduced():
    found = [v for section in GIVEN for v in judged(section).values()]
    assert found == ["reproduced"] * 18


@pytest.mark.parametrize(("id", "changed", "verdict"), ALTERED)
def test_a_claim_follows_its_own_number(id, changed, verdict):
    (found,) = (judged(s, **changed) for s in GIVEN if id in judged(s))
    assert found.pop(id) == verdict
    assert {*found.values()} == {"reproduced"}


def test_accuracy_is_that_of_the_halfspace():
    inside, below, above = pair(0.041, 0.069), pair(0.039, 0.05), 0.071
    for error, verdict in ((inside, "reproduced"), (below, SOME), (above, NO)):
        found = judged(claims.about_noise, noisy=auc(error=error))
        assert found["pit-noisy"] == verdict


def test_the_slabs_alone_are_paired_with_the_first_noisy_runs():
    noisy = auc() | {"error": np.array([0.05, 0.05, 0.0])}
    found = {c.id: c for c in claims.about_noise(noisy=noisy, alone=pair(0, 0))}
    assert (found["pit-better"].verdict, found["pit-better"].n) == ("reproduced", 2)
