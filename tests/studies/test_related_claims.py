"""Verdicts on related works follow from what was measured."""

import numpy as np
import pytest

from hlnb.studies.related import claims


def runs(first, second):
    return np.array([first, second], float)


NEVER = dict.fromkeys(claims.NETWORKS.values(), runs(1, 1))
THREE = {"three layers": runs(0.1, 0.2), "two layers": runs(0.2, 0.3)}
ERRORS, UNITS = {2: THREE, 3: THREE}, {2: runs(0.81, 0.9), 3: runs(0.81, 0.9)}
R2 = {"log C": runs(0.9991, 1), "D": runs(0.981, 1)}
APART = {"half adders": [True, True], "decoder": [True, True]}
BARS = {
    **dict.fromkeys(("sparse, non-negative", "sparse, signed"), runs(4, 4)),
    **dict.fromkeys(("hardly sparse, signed", "principal components"), runs(0, 0)),
}
GIVEN = {
    claims.about_compression: {
        **{"slopes": np.array([[-2.0, -3.0], [-1.0, -2.0]]), "r2": R2},
        "off": runs(0.019, 0),
    },
    claims.about_rank: {"shares": NEVER, "active": runs(0.951, 1)},
    claims.about_three_layers: {"errors": ERRORS, "units": UNITS, "n": 9, "d": 4},
    claims.about_sculpting: {
        **{"apart": APART, "shuffled": [True, True], "dense": runs(0.74, 0.5)},
    },
    claims.about_bars: {"found": BARS, "n": 4},
}
NO, SOME = "not reproduced", "partly"
EVEN = {"three layers": runs(0.1, 0.3), "two layers": runs(0.2, 0.3)}
WORSE = {"three layers": runs(0.2, 0.4), "two layers": runs(0.2, 0.3)}
ALTERED = [
    ("compression", {"r2": R2 | {"log C": runs(0.999, 1)}}, SOME),
    ("compression", {"r2": R2 | {"log C": runs(0.999, 0)}}, NO),
    ("compression-scale", {"slopes": np.array([[-2.0, -2.0], [-1.0, -3.0]])}, SOME),
    ("compression-scale", {"slopes": np.array([[-2.0, -2.0], [-2.0, -3.0]])}, NO),
    ("compression-rate", {"off": runs(0.02, 0)}, SOME),
    ("compression-rate", {"off": runs(0.02, 1)}, NO),
    ("discrimination", {"r2": R2 | {"D": runs(0.98, 1)}}, SOME),
    ("discrimination", {"r2": R2 | {"D": runs(0.98, 0)}}, NO),
    *(
        (f"rank-{short}", {"shares": NEVER | {network: runs(0.99, last)}}, verdict)
        for short, network in claims.NETWORKS.items()
        for last, verdict in ((1, SOME), (0, NO))
    ),
    ("rank-active", {"active": runs(0.95, 1)}, SOME),
    ("rank-active", {"active": runs(0.95, 0)}, NO),
    *(
        (f"three-p{p}", {"errors": ERRORS | {p: of}}, verdict)
        for p in (2, 3)
        for of, verdict in ((EVEN, SOME), (WORSE, NO))
    ),
    *(
        (f"three-feature-p{p}", {"units": UNITS | {p: runs(0.8, last)}}, verdict)
        for p in (2, 3)
        for last, verdict in ((1, SOME), (0, NO))
    ),
    *(
        (f"sculpt-{short}", {"apart": APART | {task: [False, last]}}, verdict)
        for short, task in (("adders", "half adders"), ("decoder", "decoder"))
        for last, verdict in ((True, SOME), (False, NO))
    ),
    ("sculpt-order", {"shuffled": [True, False]}, SOME),
    ("sculpt-order", {"shuffled": [False, False]}, NO),
    ("sculpt-dense", {"dense": runs(0.75, 0.5)}, SOME),
    ("sculpt-dense", {"dense": runs(0.75, 1)}, NO),
    *(
        (f"bars-{short}", {"found": BARS | {way: runs(1, last)}}, verdict)
        for short, way, all_or_none in (
            ("sparse", "sparse, non-negative", 4),
            ("signed", "sparse, signed", 4),
            ("dense", "hardly sparse, signed", 0),
            ("principal", "principal components", 0),
        )
        for last, verdict in ((all_or_none, SOME), (2, NO))
    ),
]


def judged(section, **changed):
    return {c.id: c.verdict for c in section(**GIVEN[section] | changed)}


def test_what_the_sources_say_is_reproduced():
    found = [v for section in GIVEN for v in judged(section).values()]
    assert found == ["reproduced"] * 21


@pytest.mark.parametrize(("id", "changed", "verdict"), ALTERED)
def test_a_claim_follows_its_own_number(id, changed, verdict):
    id = f"related-{id}"
    (found,) = (judged(s, **changed) for s in GIVEN if id in judged(s))
    assert found.pop(id) == verdict
    assert {*found.values()} == {"reproduced"}


def test_errors_of_three_layers_are_given_over_those_of_two():
    quadratic, *_ = claims.about_three_layers(**GIVEN[claims.about_three_layers])
    assert (quadratic.low, quadratic.high) == pytest.approx((1 / 2, 2 / 3))
    assert quadratic.note.startswith("d = 4; ")
