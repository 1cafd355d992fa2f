"""Verdicts on the order of layers follow from what was measured."""

import numpy as np
import pytest

from hlnb.studies.layers_over_time import claims

UP = np.array([0.6, 1.0, 1.0, 0.7, 1.0])
RAW = np.array([[1, 6, 3, 2]] * 4 + [[2, 8, 6, 5]])  # when layers of five runs settle
RISE = np.array([[0.1, 0.4, 0.0]] * 4 + [[0.2, 0.3, 0.0]])  # the readout is last
DIGITS = {"SVCCA": UP, "raw": UP, "linear CKA": UP}
GIVEN = {
    claims.about_order: {
        "digits": DIGITS,
        "images": {"raw similarity": UP, "progress": UP},
    },
    claims.about_line: {"line": UP},
    claims.about_top: {"times": {"digits": RAW, "CNN": RAW}},
    claims.about_units: {
        "purity": {"untrained": RISE / 10, "trained": RISE},
        "linear": {"trained": -RISE},
    },
}
NO, OPEN = "not reproduced", "undecided"
ONE = np.array([0.5, 1, 1, 1, 1])  # one run is at what random order has
HALF = np.full(5, 0.5)
TIE = RAW[:, [0, 1, 2, 2]]
LATE = RAW[:, [0, 2, 1, 3]]  # the last hidden layer is the last of all
ONE_FLIPPED = np.array([[1]] * 4 + [[-1]])
ALTERED = [
    ("lot-digits", {"digits": DIGITS | {"SVCCA": ONE}}, OPEN),
    ("lot-digits", {"digits": DIGITS | {"SVCCA": HALF}}, NO),
    ("lot-digits-raw", {"digits": DIGITS | {"raw": ONE}}, OPEN),
    ("lot-digits-raw", {"digits": DIGITS | {"raw": HALF}}, NO),
    ("lot-digits-cka", {"digits": DIGITS | {"linear CKA": ONE}}, OPEN),
    ("lot-digits-cka", {"digits": DIGITS | {"linear CKA": HALF}}, NO),
    ("lot-images-raw", {"images": {"raw similarity": ONE, "progress": UP}}, OPEN),
    ("lot-images-raw", {"images": {"raw similarity": HALF, "progress": UP}}, NO),
    ("lot-images-progress", {"images": {"raw similarity": UP, "progress": ONE}}, OPEN),
    ("lot-images-progress", {"images": {"raw similarity": UP, "progress": HALF}}, NO),
    ("lot-line", {"line": ONE}, OPEN),
    ("lot-line", {"line": HALF}, NO),
    ("lot-top-digits", {"times": {"digits": TIE, "CNN": RAW}}, NO),
    ("lot-top-cnn", {"times": {"digits": RAW, "CNN": TIE}}, NO),
    ("lot-second-digits", {"times": {"digits": LATE, "CNN": RAW}}, NO),
    ("lot-second-cnn", {"times": {"digits": RAW, "CNN": LATE}}, NO),
    (
        "lot-pure",
        {"purity": {"untrained": 0 * RISE, "trained": RISE[:, [1, 0, 2]]}},
        NO,
    ),
    (
        "lot-pure",
        {"purity": {"untrained": RISE - 1, "trained": RISE * ONE_FLIPPED}},
        OPEN,
    ),
    ("lot-trained", {"purity": {"untrained": RISE, "trained": RISE}}, NO),
    ("lot-trained", {"purity": {"untrained": RISE - 0.25, "trained": RISE}}, OPEN),
    ("lot-linear", {"linear": {"trained": RISE}}, NO),
    ("lot-linear", {"linear": {"trained": -RISE * ONE_FLIPPED}}, OPEN),
]


def judged(section, **changed):
    return {c.id: c for c in section(**GIVEN[section] | changed)}


def test_what_the_sources_say_is_reproduced():
    found = [c for section in GIVEN for c in judged(section).values()]
    assert [c.verdict for c in found] == ["reproduced"] * 13
    guesses = [c.id for c in found if c.kind == "guess"]
    assert guesses == ["lot-line", "lot-trained"]
    assert all(c.rule and c.kind != "identity" for c in found)


@pytest.mark.parametrize(("id", "changed", "verdict"), ALTERED)
def test_a_claim_follows_its_own_number(id, changed, verdict):
    (found,) = (judged(s, **changed) for s in GIVEN if id in judged(s))
    assert found.pop(id).verdict == verdict
    assert {c.verdict for c in found.values()} <= {"reproduced"}


def test_one_run_decides_nothing():
    alone = judged(claims.about_top, times={"CNN": RAW[:1]})
    assert {c.verdict for c in alone.values()} == {"not testable here"}
    assert alone["lot-top-cnn"].ours == 1  # epoch 2 after epoch 3
    assert alone["lot-second-cnn"].ours == 3


def test_the_earliest_layer_has_the_smallest_median():
    names = ("a", "b", "c", "d")
    assert claims.earliest(RAW, names) == "a (1)"
    assert claims.earliest(RAW[:, [3, 1, 2, 3]], names) == "a and d (2)"


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ([0.2, 0.6, 0.7], "from the bottom"),
        ([0.2, 0.4, 0.7], "from the top"),
        ([0.2, 0.5, 0.7], "in no direction"),
    ],
)
def test_layers_settle_from_the_bottom_or_from_the_top(shares, said):
    assert claims.direction(np.array(shares)) == said


def test_the_ruler_alone_may_make_an_order_that_the_line_has_too():
    top, bottom = "from the top", "from the bottom"
    assert "the ruler alone may make it" in claims.ruler(top, top)
    other = claims.ruler(bottom, top)
    assert other.startswith("That is not the order in training")
    assert other.endswith("settle from the bottom, in training from the top.")


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.1, "near 0"), (0.3, "near 0.3"), (0.5, "below 0.6"), (0.61, "above 0.6")],
)
def test_a_similarity_is_named_by_the_answers_that_were_offered(value, said):
    assert claims.nearest(value) == said
