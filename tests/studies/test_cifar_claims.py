"""Verdicts on image networks follow from the numbers, and ids are one a statement."""

import numpy as np
import pytest

from hlnb.studies.cifar import claims

UP = np.array([0.1, 0.3, 0.2, 0.2, 0.1])
MIXED, DOWN = UP * [1, 1, -1, 1, 1], -UP
VERDICTS = [(UP, "reproduced"), (MIXED, "undecided"), (DOWN, "not reproduced")]


@pytest.mark.parametrize(("values", "verdict"), VERDICTS)
def test_a_difference_is_judged_by_how_many_runs_have_it(values, verdict):
    claim = claims.difference("a", "s", "b", values=values, unit="share")
    assert (claim.verdict, claim.rule, claim.kind) == (verdict, "larger", "claim")
    assert claim.n == 5
    assert claim.low == values.min()


def test_a_difference_has_a_threshold_that_its_note_names():
    given = {"values": UP, "unit": "share", "by": 0.15}
    claim = claims.difference("a", "s", "b", **given)
    assert claim.verdict == "undecided"
    assert claim.note.endswith("; judged: more than 0.15 (our threshold)")
    alone = claims.difference("a", "s", "b", **(given | {"values": UP[:1]}))
    assert alone.verdict == "not testable here"


def test_words_give_mean_and_interval():
    assert claims.mean_ci(UP[:2], ".2f") == "0.20 [-1.07 to 1.47]"  # t = 12.706
    assert claims.mean_ci(UP[:1]) == "0.100"


def test_words_say_how_many_runs_have_a_number():
    some = np.append(UP[:2], np.nan)
    assert claims.mean_ci(some, ".2f") == "0.20 [-1.07 to 1.47], 2 of 3 runs"
    assert claims.mean_ci(some[2:]) == "undefined in every run"


def test_coherence_has_a_claim_for_each_layer_and_kind():
    gain = {(k, n): UP for k in ("with colour", "form alone") for n in (1, 2)}
    found = claims.coherence({1: UP, 2: DOWN}, gain)
    assert [c.verdict for c in found[:2]] == ["reproduced", "not reproduced"]
    assert [c.kind for c in found] == ["claim"] * 2 + ["guess"] * 4
    assert len({c.id for c in found}) == len(found) == 6


def example(**changed):
    given = {
        "one": np.array([0.61, 0.65, 0.62, 0.7, 0.62]),
        "worse": {"training": UP, "validation": UP},
        "gained": UP,
        "eased": UP,
    }
    return {c.id: c.verdict for c in claims.example(**given | changed)}


def test_the_example_s_claims():
    assert example() == {
        "lwt-one-epoch": "reproduced",
        "lwt-worse-training": "reproduced",
        "lwt-worse-validation": "reproduced",
        "lwt-part-2": "reproduced",
    }
    barely = np.array([0.6, 0.65, 0.65, 0.65, 0.65])
    assert example(one=barely)["lwt-one-epoch"] == "undecided"
    assert example(gained=DOWN)["lwt-part-2"] == "not reproduced"
    assert example(eased=DOWN)["lwt-part-2"] == "not reproduced"
    a_little = {"training": UP / 100, "validation": UP}
    assert example(worse=a_little)["lwt-worse-training"] == "not reproduced"


def test_a_spike_is_a_leap_of_the_loss_and_a_fall_of_the_accuracy():
    rise = {3: np.full(5, 2.0), 4: np.array([2.0, 1.0, 1.0, 1.0, 1.0])}
    fall = {3: np.full(5, 0.1), 4: np.array([0.01, 0.3, 0.0, 0.0, 0.0])}
    third, fourth = claims.spikes(rise, fall, optimizer="Adam")
    assert (third.id, fourth.id) == ("lwt-spike-3", "lwt-spike-4")
    assert (third.verdict, third.rule) == ("reproduced", "most")
    assert third.statement.endswith("part 3 begins (Adam)")
    assert fourth.verdict == "not reproduced"  # one run lacks the drop, one the rise


def test_a_run_that_diverged_is_counted_and_of_no_side():
    rise = {3: np.array([2.0, 2.0, 2.0, 2.0, np.inf])}
    (claim,) = claims.spikes(rise, {3: np.full(5, 0.4)}, optimizer="SGD")
    assert claim.id == "lwt-spike-3-sgd"
    assert claim.verdict == "undecided"
    assert (claim.n, claim.high) == (5, 2.0)
    assert claim.note.endswith("1 of 5 runs diverged")
    (gone,) = claims.spikes({4: rise[3] * np.nan}, {4: UP}, optimizer="SGD")
    assert gone.verdict == "not testable here"


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
    accuracy = np.array([0.61, 0.6, 0.62, 0.61, 0.63])
    (claim,) = claims.one_epoch(accuracy, lr=0.001, dataset="made up")
    assert claim.verdict == "undecided"
    assert claim.note == "4 of 5 runs; Adam 0.001; made up"
    (claim,) = claims.one_epoch(accuracy + 0.01, lr=0.001, dataset="made up")
    assert claim.verdict == "reproduced"


def test_looks_and_best_inputs_have_a_claim_each():
    found = [
        *claims.looks({"orientation": UP, "colour opponency": DOWN}),
        *claims.best_inputs({1: UP, 2: MIXED}),
    ]
    assert {c.id: c.verdict for c in found} == {
        "cifar-orientation": "reproduced",
        "cifar-colour-opponency": "not reproduced",
        "cifar-best-input-1": "reproduced",
        "cifar-best-input-2": "undecided",
    }
    assert [c.kind for c in found] == ["claim", "claim", "guess", "guess"]


def test_variants_and_parts_are_named_by_what_was_changed():
    found = claims.variants({"a rate for each part": UP, "two epochs a part": DOWN}, UP)
    assert {c.id: c.verdict for c in found} == {
        "lwt-rate": "reproduced",
        "lwt-epochs": "not reproduced",
        "lwt-rates-help": "reproduced",
    }
    assert [c.kind for c in found] == ["guess", "guess", "claim"]
    assert found[2].note.startswith("mean over runs [95 % interval]: 0.180 [")
    assert "; the report's sentence follows that on the spike" in found[2].note
    assert not any("spike" in c.note for c in found[:2])


def test_a_part_alone_is_no_good_where_it_lacks_more_than_half():
    together = np.full(5, 0.5)
    lacking = {
        part: claims.missing_share(np.full(5, alone), together)
        for part, alone in {"conv1": 0.1, "conv2": 0.28, "hidden": 0.32}.items()
    }
    assert lacking["conv1"] == pytest.approx(1)
    assert lacking["conv2"] == pytest.approx(0.55)
    moved = np.array([0.9, 1.0, 1.1, 1.2, 1.3])
    found = claims.parts(lacking, moved)
    assert {c.id: c.verdict for c in found} == {
        "cifar-alone-conv1": "reproduced",
        "cifar-alone-conv2": "reproduced",
        "cifar-alone-hidden": "not reproduced",
        "cifar-travel": "undecided",
    }
    assert all(claims.TOY in c.note for c in found)
    assert "stated for SGD and good errors" in found[-1].note
    assert np.isnan(claims.missing_share(UP, np.full(5, 0.1))).all()
