"""Verdicts on the order of layers follow from what was measured."""

import numpy as np
import pytest

from hlnb.studies.layers_over_time import claims


def runs(first, second):
    return np.array([first, second], float)


UP = runs(0.6, 1.0)
RAW = np.array([[1, 3, 2], [2, 6, 5]])  # when each layer of two runs settles
RISE = np.array([[0.1, 0.4, 0.0], [0.2, 0.3, 0.0]])  # the readout is the last layer
GIVEN = {
    claims.about_order: {
        "never_falls": np.array([True, True]),
        "digits": {"raw": UP, "linear CKA": UP},
        "images": {"raw similarity": UP, "progress": UP},
    },
    claims.about_line: {"line": UP, "times": {"digits": RAW, "CNN": RAW[:, 1:]}},
    claims.about_units: {
        "purity": {"untrained": RISE / 10, "trained": RISE},
        "linear": {"trained": -RISE},
    },
}
NO, SOME = "not reproduced", "partly"
HALF, NONE = runs(0.5, 1), runs(0.5, 0)
ALTERED = [
    ("lot-digits", {"never_falls": np.array([True, False])}, SOME),
    ("lot-digits", {"never_falls": np.array([False, False])}, NO),
    ("lot-digits-raw", {"digits": {"raw": HALF, "linear CKA": UP}}, SOME),
    ("lot-digits-raw", {"digits": {"raw": NONE, "linear CKA": UP}}, NO),
    ("lot-digits-cka", {"digits": {"raw": UP, "linear CKA": HALF}}, SOME),
    ("lot-digits-cka", {"digits": {"raw": UP, "linear CKA": NONE}}, NO),
    ("lot-images-raw", {"images": {"raw similarity": HALF, "progress": UP}}, SOME),
    ("lot-images-raw", {"images": {"raw similarity": NONE, "progress": UP}}, NO),
    ("lot-images-progress", {"images": {"raw similarity": UP, "progress": HALF}}, SOME),
    ("lot-images-progress", {"images": {"raw similarity": UP, "progress": NONE}}, NO),
    ("lot-line", {"line": HALF}, SOME),
    ("lot-line", {"line": NONE}, NO),
    ("lot-top", {"times": {"digits": RAW, "CNN": RAW[:, :2]}}, SOME),
    ("lot-top", {"times": {"digits": RAW[:, :2]}}, NO),
    (
        "lot-pure",
        {"purity": {"untrained": 0 * RISE, "trained": RISE[:, [1, 0, 2]]}},
        NO,
    ),
    ("lot-trained", {"purity": {"untrained": RISE, "trained": RISE}}, NO),
    ("lot-trained", {"purity": {"untrained": RISE - 0.25, "trained": RISE}}, SOME),
    ("lot-linear", {"linear": {"trained": RISE}}, NO),
    ("lot-linear", {"linear": {"trained": RISE * [[1], [-1]]}}, SOME),
]


def judged(section, **changed):
    return {c.id: c.verdict for c in section(**GIVEN[section] | changed)}


def test_what_the_sources_say_is_reproduced():
    found = [v for section in GIVEN for v in judged(section).values()]
    assert found == ["reproduced"] * 10


@pytest.mark.parametrize(("id", "changed", "verdict"), ALTERED)
def test_a_claim_follows_its_own_number(id, changed, verdict):
    (found,) = (judged(s, **changed) for s in GIVEN if id in judged(s))
    assert found.pop(id) == verdict
    assert {*found.values()} == {"reproduced"}


def test_purity_may_rise_in_some_runs_or_in_none():
    for signs, verdict in (([[1], [-1]], SOME), ([[-1], [-1]], NO)):
        purity = {"untrained": RISE - 1, "trained": RISE * signs}
        assert judged(claims.about_units, purity=purity)["lot-pure"] == verdict
