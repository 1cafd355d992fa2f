"""Verdicts on simplicity bias follow from what was measured."""

import math

import numpy as np
import pytest

from hlnb.studies.simplicity import claims
from hlnb.studies.simplicity.accounts import Account

ONES = np.ones(5)


def layers(**changed):
    up = np.outer(ONES, [0, 0.3, 2.0])
    given = {
        "share": {"trained": 0.9 * ONES, "untrained": np.linspace(0.1, 0.2, 5)},
        "turned": {"trained": up, "untrained": up},
        "read": {"trained": up, "untrained": up - 1},
    }
    return {c.id: c for c in claims.about_layers(**(given | changed))}


def test_claims_about_layers_follow_from_the_numbers():
    found = layers()
    assert {k: (c.verdict, c.kind) for k, c in found.items()} == {
        "sim-stripes": ("reproduced", "claim"),
        "sim-turns": ("reproduced", "claim"),
        "sim-turns-untrained": ("reproduced", "guess"),
        "sim-flat": ("reproduced", "identity"),
        "sim-read": ("reproduced", "claim"),
        "sim-read-untrained": ("reproduced", "guess"),
    }
    flat = found["sim-flat"]
    assert (flat.n, flat.ours, flat.low, flat.rule) == (10, 10, None, "exactly")
    assert found["sim-stripes"].ours == pytest.approx(90)
    assert "10 to 20 %" in found["sim-stripes"].note


def test_weights_mostly_across_the_stripes_are_half_of_them_or_more():
    share = {"untrained": ONES}
    half = share | {"trained": 0.5 * ONES}
    assert layers(share=half)["sim-stripes"].verdict == "reproduced"
    fewer = share | {"trained": 0.49 * ONES}
    assert layers(share=fewer)["sim-stripes"].verdict == "not reproduced"
    mixed = share | {"trained": np.array([0.6, 0.6, 0.6, 0.6, 0.4])}
    assert layers(share=mixed)["sim-stripes"].verdict == "undecided"


def test_values_rise_with_every_layer_or_do_not():
    values = np.array([[0, 1, 2], [0, 1, 1], [0, 3, 2], [1, 0, 2]])
    assert claims.rising(values).tolist() == [True, False, False, False]
    flat = {"trained": np.outer(ONES, [0, 1, 1]), "untrained": np.zeros((5, 3))}
    found = layers(turned=flat, read=flat)
    assert found["sim-turns"].verdict == "not reproduced"
    assert found["sim-read"].verdict == "not reproduced"
    level = {"trained": np.zeros((5, 3)), "untrained": np.zeros((5, 3))}
    assert layers(read=level)["sim-read-untrained"].verdict == "not reproduced"
    found = layers(turned=level | {"trained": np.outer(ONES, [0, 1, 2])})
    assert found["sim-turns"].verdict == "reproduced"
    assert found["sim-turns-untrained"].verdict == "not reproduced"


def test_one_unit_of_layer_1_that_turns_refutes_the_identity():
    bent = np.zeros((14, 3))
    bent[0, 0] = 0.1
    found = layers(turned={"trained": bent, "untrained": np.zeros((14, 3))})["sim-flat"]
    assert (found.ours, found.n) == (27, 28)
    assert (found.verdict, found.kind) == ("not as stated", "claim")


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ([True] * 5, "is there before training, so it is of depth"),
        ([False] * 5, "is not there before training, so training makes it"),
        ([True] * 4 + [False], "may be there before training"),
    ],
)
def test_an_order_before_training_is_of_depth(before, said):
    assert claims.of_depth(np.array(before)) == said


def book(shares, shared=(0, 1, 0.9), linear=0.8):
    """An Account with these shares beyond L, which it reaches at its second record."""
    accuracy = np.array([0.5, 0.8, 0.9])
    beyond = np.array(shares, float)
    return Account(accuracy, np.ones(3), beyond, np.array(shared), linear)


GOOD = book([0, 0.1, 0.5])
NEVER = book([0, 0.1, 0.5], linear=0.99)


def information(by, null):
    found = claims.about_information({"a": by}, {"a": null})
    return {c.id: c.verdict for c in found}


def test_claims_about_information_follow_from_the_numbers():
    others = [book([0, 0.2, 0.5])] * 5
    assert information([GOOD] * 5, others) == {
        "sim-first-a": "reproduced",
        "sim-last-a": "reproduced",
        "sim-kept-a": "reproduced",
        "sim-null-a": "reproduced",
    }
    bad = [book([0, 0.15, 0.3], [0, 1, 0.79])] * 5
    assert {*information(bad, bad).values()} == {"not reproduced"}


def test_a_run_that_never_gets_as_accurate_as_l_is_of_no_side():
    found = information([GOOD] * 5 + [NEVER], [book([0, 0.2, 0.5])] * 6)
    assert found["sim-first-a"] == "undecided"  # 5 of 6, one unknown
    assert found["sim-null-a"] == "undecided"
    lost = information([NEVER] * 5, [NEVER] * 5)
    assert lost["sim-first-a"] == lost["sim-null-a"] == "not testable here"
    assert np.isnan(claims.arrived([NEVER])).all()
    assert claims.arrived([GOOD]) == 0.1


def test_what_is_kept_is_the_last_part_of_the_largest():
    found = claims.kept_share([GOOD, book([0, 0, 0], [2.0, 0, 1])])
    assert found.tolist() == [0.9, 0.5]


@pytest.mark.parametrize(
    ("first", "said"),
    [
        ((0.1, 0.1), "on both problems"),
        ((0.1, 0.1, 0.1), "on every problem here"),
        ((0.1, 0.4), "on a alone"),
        ((0.3, 0.1), "on b alone"),
        ((math.inf, 0.3), "on none of the problems"),
    ],
)
def test_words_say_where_the_network_has_less(first, said):
    values = {k: np.full(3, v) for k, v in zip("abc", first, strict=False)}
    assert claims.where(values, {k: np.full(3, 0.3) for k in values}) == said


def coin(train, test):
    found = claims.about_coin({"train": np.array(train), "test": np.array(test)})
    return [c.verdict for c in found]


def test_claims_about_labels_by_coin():
    assert coin([0] * 14, [0.5] * 14) == ["reproduced", "reproduced"]
    assert coin([0] * 10, [0.5] * 10) == ["reproduced", "undecided"]
    assert coin([0.05] * 14, [0.4] * 14) == ["not reproduced", "not reproduced"]
    three = [0.5] * 22 + [0.3] * 8
    assert coin([0] * 30, three) == ["reproduced", "undecided"]
