"""Verdicts on image networks follow from the numbers, and ids are one a statement."""

import numpy as np
import pytest

from hlnb.studies.cifar import claims

UP, MIXED, DOWN = np.array([0.1, 0.3]), np.array([-0.1, 0.3]), np.array([-0.1, -0.3])
VERDICTS = [(UP, "reproduced"), (MIXED, "partly"), (DOWN, "not reproduced")]


@pytest.mark.parametrize(("values", "verdict"), VERDICTS)
def test_a_difference_is_judged_run_by_run(values, verdict):
    claim = claims.positive("a", "s", "b", values=values, unit="share")
    assert claim.verdict == verdict
    assert claim.n == 2
    assert claim.low == values.min()


def test_words_give_mean_and_interval():
    assert claims.mean_ci(UP, ".2f") == "0.20 [-1.07 to 1.47]"  # t = 12.706
    assert claims.mean_ci(UP[:1]) == "0.100"


def test_words_say_how_many_runs_have_a_number():
    some = np.append(UP, np.nan)
    assert claims.mean_ci(some, ".2f") == "0.20 [-1.07 to 1.47], 2 of 3 runs"
    assert claims.mean_ci(some[2:]) == "undefined in every run"


def test_coherence_has_a_claim_for_each_layer_and_kind():
    gain = {(k, n): UP for k in ("with colour", "form alone") for n in (1, 2)}
    found = claims.coherence({1: UP, 2: DOWN}, gain)
    assert [c.verdict for c in found[:2]] == ["reproduced", "not reproduced"]
    assert len({c.id for c in found}) == len(found) == 6


def example(**changed):
    given = {
        "one": np.array([0.61, 0.65]),
        "worse": {"training": UP, "validation": UP},
        "gained": UP,
        "rise": {3: np.array([2.0, 9.0]), 4: np.array([2.0, 1.0])},
        "fall": {3: np.array([0.2, 0.1]), 4: np.array([0.01, 0.3])},
    }
    return {c.id: c.verdict for c in claims.example(**given | changed)}


def test_the_example_s_claims():
    assert example() == {
        "lwt-one-epoch": "reproduced",
        "lwt-worse-training": "reproduced",
        "lwt-worse-validation": "reproduced",
        "lwt-part-2": "reproduced",
        "lwt-spike-3": "reproduced",
        "lwt-spike-4": "not reproduced",  # one run lacks the drop, one the rise
    }
    assert example(one=np.array([0.6, 0.65]))["lwt-one-epoch"] == "partly"
    assert example(gained=DOWN)["lwt-part-2"] == "not reproduced"


def test_correction_is_held_against_its_control():
    gains = {"probe": (UP, DOWN), "likeness": (DOWN, UP)}
    found = claims.correction(gains, {"probe": "a probe", "likeness": "CKA"})
    verdicts = {c.id: c.verdict for c in found}
    assert verdicts["bfc-probe"] == verdicts["bfc-probe-control"] == "reproduced"
    assert verdicts["bfc-likeness"] == "not reproduced"
    assert found[2].ours == pytest.approx(np.median(UP - DOWN))
    less = claims.correction({"probe": (UP, 2 * UP)}, {"probe": "a probe"})
    assert [c.verdict for c in less] == ["reproduced", "not reproduced"]


def test_one_epoch_is_held_against_sixty_percent():
    (claim,) = claims.one_epoch(np.array([0.61, 0.6]), lr=0.001, dataset="made up")
    assert claim.verdict == "partly"
    assert claim.note == "1 of 2 runs; Adam 0.001; made up"


def test_looks_and_best_inputs_have_a_claim_each():
    found = [
        *claims.looks({"orientation": UP, "colour opponency": DOWN}),
        *claims.best_inputs({1: UP, 2: MIXED}),
    ]
    assert {c.id: c.verdict for c in found} == {
        "cifar-orientation": "reproduced",
        "cifar-colour-opponency": "not reproduced",
        "cifar-best-input-1": "reproduced",
        "cifar-best-input-2": "partly",
    }


def test_variants_and_parts_are_named_by_what_was_changed():
    found = claims.variants({"a rate for each part": UP, "two epochs a part": DOWN}, UP)
    assert {c.id: c.verdict for c in found} == {
        "lwt-rate": "reproduced",
        "lwt-epochs": "not reproduced",
        "lwt-rates-help": "reproduced",
    }
    found = claims.parts({"conv1": UP, "readout": MIXED}, np.array([0.9, 1.0]))
    assert {c.id: c.verdict for c in found} == {
        "cifar-alone-conv1": "reproduced",
        "cifar-alone-readout": "partly",
        "cifar-travel": "partly",
    }
