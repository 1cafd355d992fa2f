"""Pruning: tables, gradients, what a removal removes, and what is left."""

import numpy as np
import pytest
import torch

from hlnb.errors import HlnbError
from hlnb.seeding import stream
from hlnb.studies.related import sculpting as pruning


def by_hand():
    """Half adders of four units: sum = r(a + b) − 2 r(a + b − 1), carry its last."""
    low = np.kron(np.eye(2), np.ones((2, 2)))
    high = np.kron(np.eye(2), np.array([[1.0, -2], [0, 1]]))
    return pruning.Net(
        (8 * low, high),
        (np.array([0, -8.0, 0, -8]), np.array([-4.0, -4, -4, -4])),
        (low > 0, high != 0),
    )


def net(seed=0, sizes=(4, 5, 3, 4)):
    return pruning.dense(sizes, seed=seed)


def test_half_adders_add():
    table = pruning.task("half adders")
    assert len(np.unique(table.x, axis=0)) == 16
    for half in (0, 2):
        total = table.y[:, half] + 2 * table.y[:, half + 1]
        assert (total == table.x[:, half] + table.x[:, half + 1]).all()
    assert (table.needs == np.kron(np.eye(2), np.ones((2, 2)))).all()


def test_a_decoder_answers_one_of_four():
    table = pruning.task("decoder")
    assert (table.y.sum(1) == 1).all()
    g = table.x[:, 0] != table.x[:, 1]
    h = table.x[:, 2] != table.x[:, 3]
    assert (table.y.argmax(1) == 3 - (2 * g + h)).all()
    assert table.needs.all()


def test_an_unknown_task_is_refused():
    with pytest.raises(HlnbError, match="no task 'adder': take one of half adders"):
        pruning.task("adder")


def test_dependence_is_on_inputs_that_change_something():
    rows = np.arange(8)
    y = np.stack([rows & 1, (rows >> 2) & (rows & 1), rows * 0 + 1], 1).astype(float)
    found = pruning.dependence(y)
    assert found.tolist() == [
        [True, False, False],
        [True, False, True],
        [False, False, False],
    ]


def test_gradients_and_loss_are_those_of_automatic_differentiation():
    table, found = pruning.task("decoder"), pruning.without(net(), (1, 2, 3))
    found = pruning.Net(
        found.weights, tuple(b + 0.1 for b in found.biases), found.masks
    )
    leaves = [torch.tensor(v, requires_grad=True) for v in found.weights]
    shifts = [torch.tensor(v, requires_grad=True) for v in found.biases]
    out = torch.tensor(table.x)
    for i, (weight, bias) in enumerate(zip(leaves, shifts, strict=True)):
        out = out @ weight.T + bias
        out = out.relu() if i < 2 else out
    loss = torch.nn.functional.binary_cross_entropy_with_logits(
        out, torch.tensor(table.y)
    )
    loss.backward()
    assert found.loss(table) == pytest.approx(loss.item())
    logits, by_weight, by_bias = pruning.gradients(found, table)
    assert logits == pytest.approx(out.detach().numpy())
    for ours, leaf, mask in zip(by_weight, leaves, found.masks, strict=True):
        assert ours == pytest.approx(leaf.grad.numpy() * mask)
    for ours, leaf in zip(by_bias, shifts, strict=True):
        assert ours == pytest.approx(leaf.grad.numpy())
    assert by_weight[1][2, 3] == 0


def test_training_is_adam_and_leaves_masked_weights_at_zero():
    table, start = pruning.task("half adders"), pruning.without(net(), (0, 1, 2))
    found = pruning.fit(start, table, budget=7, lr=0.03)
    leaves = [torch.tensor(v, requires_grad=True) for v in start.weights]
    shifts = [torch.tensor(v, requires_grad=True) for v in start.biases]
    adam = torch.optim.Adam([*leaves, *shifts], lr=0.03)
    for _ in range(7):
        out = torch.tensor(table.x)
        for i, (weight, bias) in enumerate(zip(leaves, shifts, strict=True)):
            out = out @ (weight * torch.tensor(start.masks[i])).T + bias
            out = out.relu() if i < 2 else out
        adam.zero_grad()
        torch.nn.functional.binary_cross_entropy_with_logits(
            out, torch.tensor(table.y)
        ).backward()
        adam.step()
    for ours, leaf in zip(found.weights, leaves, strict=True):
        assert ours == pytest.approx(leaf.detach().numpy(), abs=1e-7)
    for ours, leaf in zip(found.biases, shifts, strict=True):
        assert ours == pytest.approx(leaf.detach().numpy(), abs=1e-7)
    assert found.weights[0][1, 2] == 0


def test_training_ends_when_the_table_is_known():
    table = pruning.task("half adders")
    start = net(sizes=(4, 24, 4))
    found = pruning.fit(start, table, budget=3000)
    assert pruning.known(found, table)
    assert not pruning.known(start, table)
    assert found.loss(table) > 0.5 * pruning.ENOUGH  # it did not go on for long
    same = pruning.fit(found, table, budget=100)
    assert all((a == b).all() for a, b in zip(same.weights, found.weights, strict=True))


def test_right_answers_with_a_high_loss_are_not_known():
    table, good = pruning.task("half adders"), by_hand()
    assert pruning.known(good, table)
    faint = pruning.Net(
        (good.weights[0], good.weights[1] / 50),
        (good.biases[0], good.biases[1] / 50),
        good.masks,
    )
    assert ((faint.activations(table.x)[-1] > 0) == (table.y > 0)).all()
    assert not pruning.known(faint, table)
    wrong = pruning.Net(good.weights, (good.biases[0], -good.biases[1]), good.masks)
    assert not pruning.known(wrong, table)


def test_a_removed_unit_takes_its_edges_and_a_removed_edge_only_itself():
    start = net()
    gone = pruning.without(start, (1, 2))
    assert start.edges - gone.edges == 5 + 4
    assert not gone.masks[1][2].any()
    assert not gone.masks[2][:, 2].any()
    assert (gone.weights[1][2] == 0).all()
    assert start.units - gone.units == 1
    one = pruning.without(start, (2, 3, 0))
    assert start.edges - one.edges == 1
    assert not one.masks[2][3, 0]
    assert start.masks[2].all()  # the first network is as it was


def test_parts_are_those_that_have_edges():
    gone = pruning.without(net(), (0, 1))
    assert pruning.parts(gone, "units") == [(0, 0), (0, 2), (0, 3), (0, 4)] + [
        (1, i) for i in range(3)
    ]
    assert len(pruning.parts(gone, "edges")) == gone.edges
    with pytest.raises(HlnbError, match="No parts are called 'layers'"):
        pruning.parts(gone, "layers")


def test_nothing_can_be_spared_of_the_adders_by_hand_and_they_are_two_modules():
    table, good = pruning.task("half adders"), by_hand()
    assert (good.units, good.edges) == (4, 14)
    for kind in ("units", "edges"):
        for part in pruning.parts(good, kind):
            assert not pruning.known(pruning.without(good, part), table)
        assert len(pruning.prune(good, table, kind=kind, budget=3)) == 1
    assert pruning.modules(good) == [{"x1", "x2", "y1", "y2"}, {"x3", "x4", "y3", "y4"}]
    assert pruning.share_inside(good, table.needs) == 1


@pytest.mark.parametrize("shuffle", [None, 3])
def test_every_stage_knows_the_table_with_one_part_less(shuffle):
    table = pruning.task("half adders")
    start = pruning.fit(net(sizes=(4, 12, 4)), table, budget=3000)
    for kind in ("units", "edges"):
        stages = pruning.prune(start, table, kind=kind, budget=40, shuffle=shuffle)
        assert len(stages) > 1
        assert all(pruning.known(stage, table) for stage in stages)
        counts = [len(pruning.parts(stage, kind)) for stage in stages]
        assert (np.diff(counts) == -1).all()


def test_the_least_missed_part_goes_first():
    table = pruning.task("half adders")
    start = pruning.fit(net(sizes=(4, 12, 4)), table, budget=3000)
    stages = pruning.prune(start, table, kind="edges", budget=40)
    harms = {
        p: pruning.without(start, p).loss(table) for p in pruning.parts(start, "edges")
    }
    (layer, i, j) = min(harms, key=harms.get)
    assert not stages[1].masks[layer][i, j]


def test_sculpting_goes_from_dense_to_sparse_and_says_if_nothing_was_learned():
    found = pruning.sculpt("half adders", 0, hidden=[12], budget=100)
    assert found.learned
    assert found.stages[0].edges == 12 * 8
    assert found.stages[found.n_units].units == 12 - found.n_units
    assert found.stages[-1].edges < found.stages[found.n_units].edges
    assert len(found.stages) > found.n_units + 1
    poor = pruning.sculpt("decoder", 0, hidden=[1], budget=5)
    assert not poor.learned
    assert len(poor.stages) == 1


def test_paths_are_products_of_absolute_weights():
    found = net()
    a, b, c = (np.abs(w) for w in found.weights)
    assert pruning.path_strength(found) == pytest.approx(c @ b @ a)
    needs = np.zeros((4, 4), bool)
    needs[0, 1] = needs[2, 3] = True
    total = pruning.path_strength(found)
    expected = (total[0, 1] + total[2, 3]) / total.sum()
    assert pruning.share_inside(found, needs) == pytest.approx(expected)


def test_modules_of_the_first_layers_are_of_inputs_alone():
    good = by_hand()
    assert pruning.modules(good, layers=1) == [{"x1", "x2"}, {"x3", "x4"}]
    joined = pruning.Net(
        good.weights, good.biases, (good.masks[0], np.ones((4, 4), bool))
    )
    assert pruning.modules(joined, layers=1) == [{"x1", "x2"}, {"x3", "x4"}]
    assert len(pruning.modules(joined)) == 1
    lone = pruning.without(pruning.without(good, (0, 0, 0)), (0, 1, 0))
    assert pruning.modules(lone)[0] == {"x2", "y1", "y2"}  # x1 stands alone


@pytest.mark.parametrize("sizes", [(4, 4), (4, 0, 4)])
def test_networks_without_hidden_units_are_refused(sizes):
    with pytest.raises(HlnbError, match=r"^sizes = .*: take"):
        pruning.dense(sizes, seed=0)


def test_dense_networks_start_with_he_variance_by_seed():
    first = pruning.dense((50, 80, 2), seed=0).weights[0]
    assert first.var() == pytest.approx(2 / 50, rel=0.11)  # 4000 draws: 4.9 sd
    assert (pruning.dense((50, 80, 2), seed=0).weights[0] == first).all()
    assert (pruning.dense((50, 80, 2), seed=1).weights[0] != first).any()
    assert torch.randn(1, generator=stream(0, "pruning init")).isfinite()


def test_modules_are_apart_where_a_task_has_them():
    good = by_hand()
    mixed = pruning.Net(
        good.weights, good.biases, (np.ones((4, 4), bool), good.masks[1])
    )
    run = pruning.Sculpted(True, (mixed, good), 0)
    assert pruning.apart(run, "half adders") is True
    assert pruning.apart(run, "decoder") is True  # its first layer alone
    joined = pruning.Net(
        good.weights, good.biases, (good.masks[0], np.ones((4, 4), bool))
    )
    above = pruning.Sculpted(True, (joined,), 0)
    assert pruning.apart(above, "half adders") is False
    assert pruning.apart(above, "decoder") is True
    assert pruning.apart(pruning.Sculpted(True, (mixed,), 0), "decoder") is False
    assert pruning.apart(pruning.Sculpted(False, (good,), 0), "decoder") is None


def test_outputs_are_linked_by_inputs_that_they_need():
    assert pruning.linked(pruning.task("half adders").needs) == [{0, 1}, {2, 3}]
    chain = np.array([[1, 1, 0], [0, 1, 1], [0, 0, 1]], bool)
    assert pruning.linked(chain) == [{0, 1, 2}]


def test_what_is_left_in_words():
    run = pruning.Sculpted(True, (net(), by_hand()), 0)
    assert pruning.left([run, run]) == "4 [4–4] units, 14 [14–14] edges"
    assert pruning.left([]) == "–"


def test_shares_of_paths_sum_to_one():
    found = pruning.path_shares(net())
    assert found.sum() == pytest.approx(1)
    strength = pruning.path_strength(net())
    assert found[1, 2] / found[0, 0] == pytest.approx(strength[1, 2] / strength[0, 0])
