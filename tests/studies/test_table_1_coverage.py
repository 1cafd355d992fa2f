"""Seen and unseen: the parts are what they say, and memory is known exactly."""

import numpy as np
import pytest
import torch

from hlnb import Error, Run, simultaneous, toy_network, toy_problem, train
from hlnb.data.problem import Batch
from hlnb.studies.table_1 import coverage
from hlnb.studies.table_1.coverage import Covered, memory_error, unseen_share

SMALL = {"d": 24, "T": 4}


def problem(number=4, **changes):
    settings = {"k": 4} if number == 4 else {}
    return Covered.of(toy_problem(number, **SMALL | settings | changes))


def test_rows_that_were_seen_are_found():
    data = problem().split(0, n_train=60)
    seen = coverage.was_seen(data["train"].x, data["test"].x)
    assert 0 < seen.sum() < len(seen)
    for row, found in zip(data["test"].x, seen, strict=True):
        assert found == bool((data["train"].x == row).all(1).any())


def test_the_parts_make_the_test_batch_and_the_rest_is_as_before():
    plain = toy_problem(4, k=4, **SMALL)
    data, before = Covered.of(plain).split(3, n_train=60), plain.split(3, n_train=60)
    for name in before:
        for one, two in zip(data[name], before[name], strict=True):
            assert one is two or torch.equal(one, two)
    parts = [data["seen"], data["unseen"]]
    assert sum(len(part.x) for part in parts) == len(data["test"].x)
    for part in parts:
        assert float(part.weight.sum()) == pytest.approx(1)
    assert Covered.of(plain).describe() != plain.describe()


def test_errors_on_the_parts_add_up_to_the_error():
    covered = problem()
    model = toy_network(d=24, T=4, n_classes=2)
    names = ("test", "seen", "unseen")
    trace = train(
        covered,
        model,
        simultaneous(model, epochs=3),
        Run(0, 0.3),
        measures={name: Error(name) for name in names},
        n_train=60,
    )
    data = covered.split(0, n_train=60)
    seen = coverage.was_seen(data["train"].x, data["test"].x)
    share = float(data["test"].weight[torch.from_numpy(seen)].sum())
    error, on_seen, on_unseen = (trace.values[name] for name in names)
    np.testing.assert_allclose(
        error, share * on_seen + (1 - share) * on_unseen, atol=1e-6
    )


def test_a_part_without_inputs_has_no_error():
    data = problem().split(0, n_train=5000)  # every input is in it
    assert len(data["unseen"].x) == 1
    outputs = torch.zeros(1, 2)
    assert Error("unseen")({}, data["unseen"], outputs).isnan()
    nobody = np.zeros(3, bool)
    found = coverage.errors_by_part(nobody, nobody, None)
    assert np.isnan(found["seen"])
    assert found["unseen"] == 0


@pytest.mark.parametrize("number", [1, 2, 4, 5])
def test_the_share_of_unseen_inputs_is_what_drawing_gives(number):
    # 40 draws of 60 rows: 5 standard errors, so a false alarm in 1 of 1.7 million
    one = problem(number)
    inputs = one.distinct()
    shares = []
    for seed in range(40):
        generator = torch.Generator().manual_seed(seed)
        drawn = one.sample(60, generator=generator)
        seen = coverage.was_seen(drawn.x, inputs.x)
        shares.append(float(inputs.weight[torch.from_numpy(~seen)].sum()))
    error = np.std(shares, ddof=1) / len(shares) ** 0.5
    assert abs(np.mean(shares) - unseen_share(one, 60)) < 5 * error
    assert unseen_share(one, 0) == pytest.approx(1)


def test_memory_guesses_what_is_new():
    one = problem(1)  # two classes, equally likely inputs
    n_inputs = len(one.distinct().x)
    expected = 0.5 * (1 - 1 / n_inputs) ** 100
    assert memory_error(one, 100) == pytest.approx(expected)
    four = problem(3)
    assert memory_error(four, 0) == pytest.approx(0.75)


def test_features_shared_along_the_row_do_not_know_the_place():
    one = problem(1)
    inputs = one.distinct()
    filters = torch.randn((50, 4), generator=torch.Generator().manual_seed(0))
    found = coverage.shared_features(inputs.x, filters)
    for label in range(2):
        rows = found[inputs.y == label]
        assert torch.allclose(rows, rows[:1].expand_as(rows), atol=1e-6)
    assert (found[inputs.y == 0][0] - found[inputs.y == 1][0]).abs().max() > 0.01


def test_a_kernel_that_shares_weights_moves_a_pattern_and_others_do_not():
    one = problem(1, d=60, T=6, scale=6**-0.5)
    model = toy_network(d=60, T=6, n_classes=2)
    found = coverage.kernel_errors_by_part(one, model, 0, [16, 32], width=100)
    assert {*found} == {"random features", "tangent kernel", "shared along the row"}
    assert found["shared along the row"]["unseen"][1] < 0.05
    assert found["tangent kernel"]["unseen"][1] > 0.2
    assert found["tangent kernel"]["seen"][1] < 0.05


def test_a_blind_readout_sees_what_the_filters_hold():
    one = problem(4, d=40, T=8)
    patterns = one.with_seed(0).patterns.numpy()
    told = coverage.blind_errors(one, patterns, 0, n_train=200)
    assert told["unseen"] < 0.02
    constant = coverage.blind_errors(one, np.zeros((3, 8)), 0, n_train=200)
    assert constant["all"] > 0.3


def test_a_part_keeps_the_probabilities_of_its_rows():
    batch = Batch(torch.eye(3), torch.tensor([0, 1, 1]), torch.tensor([0.5, 0.3, 0.2]))
    part = coverage.part_of(batch, np.array([True, False, True]))
    torch.testing.assert_close(part.weight, torch.tensor([0.5, 0.2]) / 0.7)
    plain = coverage.part_of(batch._replace(weight=None), np.array([True, False, True]))
    torch.testing.assert_close(plain.weight, torch.tensor([0.5, 0.5]))
