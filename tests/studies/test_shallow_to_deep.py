"""Learners of a hierarchy, level by level: the table that they cluster, and chains."""

import itertools
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from hlnb.data.hierarchy import RandomHierarchy
from hlnb.errors import HlnbError
from hlnb.models.networks import deep_cnn, toy_network
from hlnb.seeding import stream
from hlnb.studies.shallow_to_deep.experiment import (
    LEARNERS,
    Chain,
    cluster_points,
    clusters,
    error_with,
    gradient_at_ones,
    grammars,
    label_table,
    learn,
    misplaced,
    predict,
    regression_table,
    samples_needed,
    sizes,
    table,
    table_gradient,
    trial,
    ways,
)

TINY = RandomHierarchy(4, 4, 4, depth=2, seed=3)
DEEP = RandomHierarchy(3, 3, 3, depth=3, seed=1)


pytestmark = pytest.mark.usefixtures("one_process")


def codes_and_labels(n=200, *, n_codes=9, n_classes=4, places=2, seed=0):
    generator = stream(seed, "codes")
    codes = torch.randint(n_codes, (n, places), generator=generator)
    return codes, torch.randint(n_classes, (n,), generator=generator)


def test_the_gradient_at_equal_weights_is_the_table():
    codes, labels = codes_and_labels()
    for width in (1, 7, 64):
        readout = torch.randn(4, width, generator=stream(width, "A")).double()
        arguments = (codes[:, 0], labels, readout)
        by_autograd = gradient_at_ones(*arguments, n_codes=9)
        by_table = table_gradient(*arguments, n_codes=9)
        assert by_autograd.shape == (width, 9)
        assert torch.allclose(by_autograd, by_table, rtol=0, atol=1e-15)
        assert by_autograd.abs().max() > 1e-4


def test_distances_of_its_columns_are_those_of_the_table_in_a_wide_network():
    codes, labels = codes_and_labels()
    width = 20_000
    readout = torch.randn(4, width, generator=stream(0, "A")).double()
    columns = table_gradient(codes[:, 0], labels, readout, n_codes=9).mT
    prior = torch.full((4,), 0.25).double()
    rows = label_table(codes[:, :1], labels, n_codes=9, prior=prior)[0]
    far, near = (torch.pdist(points) for points in (columns, rows))
    factor = far / near * math.sqrt(width) * 3
    assert float((factor - 1).abs().max()) < 0.1


def test_the_table_by_counting():
    codes, labels = codes_and_labels(50)
    prior = torch.tensor([0.1, 0.2, 0.3, 0.4]).double()
    found = label_table(codes, labels, n_codes=9, prior=prior)
    assert found.shape == (2, 9, 4)
    for place, code, c in itertools.product(range(2), range(9), range(4)):
        here = codes[:, place] == code
        both = (here & (labels == c)).double().mean()
        assert found[place, code, c] == pytest.approx(
            float(both - prior[c] * here.double().mean()), abs=1e-15
        )


def test_the_table_is_zero_for_independent_labels():
    codes = torch.arange(9).repeat_interleave(4)[:, None]
    labels = torch.arange(4).repeat(9)
    prior = torch.full((4,), 0.25).double()
    found = label_table(codes, labels, n_codes=9, prior=prior)
    assert found.abs().max() < 1e-16


def test_regression_solves_its_normal_equations():
    codes, labels = codes_and_labels()
    found = regression_table(codes, labels, n_codes=9, n_classes=4, penalty=0.5)
    x = torch.cat([F.one_hot(codes[:, i], 9).double() for i in range(2)], 1)
    y = F.one_hot(labels, 4).double() - 0.25
    flat = found.reshape(18, 4)
    gradient = x.mT @ (x @ flat - y) + 0.5 * flat
    assert gradient.abs().max() < 1e-12
    assert (found[:, 8] != 0).any()
    unseen = regression_table(codes, labels, n_codes=10, n_classes=4)
    assert (unseen[:, 9].abs() < 1e-15).all()


def test_a_learner_of_one_patch_sees_the_first_patch():
    codes, labels = codes_and_labels(places=3)
    kw = {"n_codes": 9, "n_classes": 4}
    first = table(LEARNERS[0], codes, labels, **kw)
    every = table(LEARNERS[1], codes, labels, **kw)
    assert first.shape == (1, 9, 4)
    assert every.shape == (3, 9, 4)
    assert first[0].equal(every[0])
    assert table(LEARNERS[2], codes, labels, **kw).shape == (3, 9, 4)
    with pytest.raises(HlnbError, match="There is no learner 'another'"):
        table("another", codes, labels, **kw)


def test_clusters_of_rows_that_are_equal_by_group():
    groups = torch.tensor([0, 1, 2, 0, 1, 2, 2, 0])
    rows = torch.randn(2, 3, 4, generator=stream(0, "rows")).double()[:, groups]
    found = clusters(rows, 3, generator=stream(0, "k"))
    assert misplaced(found, groups) == 0
    again = clusters(rows, 3, generator=stream(0, "k"))
    assert found.equal(again)
    empty = clusters(torch.zeros(1, 5, 2).double(), 3, generator=stream(0, "k"))
    assert len(empty) == 5


def test_misplaced_is_blind_to_names_and_counts_the_rest():
    truth = torch.tensor([0, 0, 0, 1, 1, 1, 2, 2, 2])
    names = torch.tensor([2, 0, 1])
    assert misplaced(names[truth], truth) == 0
    one = names[truth].clone()
    one[0] = one[5]
    assert misplaced(one, truth) == pytest.approx(1 / 9)
    assert misplaced(torch.zeros(9, dtype=torch.int64), truth) == pytest.approx(2 / 3)
    few = truth.clone()
    few[0] = -1  # no feature: it cannot be misplaced
    assert misplaced(one, few) == 0
    one[1] = one[5]
    assert misplaced(one, few) == pytest.approx(1 / 8)


def by_the_grammar(problem):
    """The chain that the rules themselves give."""
    return Chain(tuple(problem.parents[:-1]), problem.parents[-1])


@pytest.mark.parametrize("problem", [TINY, DEEP])
def test_the_grammar_as_a_chain_is_never_wrong(problem):
    strings = problem.derive(300, generator=stream(0, "strings"))
    said = predict(problem, by_the_grammar(problem), strings.symbols[0])
    assert said.equal(strings.labels)


@pytest.mark.parametrize("learner", LEARNERS)
def test_a_chain_from_nearly_all_strings_is_the_grammar(learner):
    errors = [trial(TINY, learner, n_train=200, seed=seed) for seed in range(4)]
    # 200 of 256 strings: 4 times P*; a constant learner would have 1
    assert np.median([e.error for e in errors]) < 0.5
    full = TINY.numbered(torch.arange(TINY.n_max))
    chain = learn(TINY, learner, full, seed=0)
    if misplaced(chain.clusters[0], TINY.parents[0]) == 0:
        assert predict(TINY, chain, full.symbols[0]).equal(full.labels)
    else:
        assert not predict(TINY, chain, full.symbols[0]).equal(full.labels)


def test_right_clusters_and_all_top_tuples_make_no_error():
    """Majority over the rules' own clusters is the rules' top level."""
    mine = DEEP
    strings = mine.derive(3000, generator=stream(0, "strings"))
    symbols = strings.symbols[mine.depth - 1]
    codes = mine.code(symbols.view(len(symbols), mine.tuple_size))
    top = torch.tensor([int(strings.labels[codes == c].mode()[0]) for c in range(9)])
    assert top.equal(mine.parents[-1])


def test_labels_by_coin_teach_nothing():
    problem = RandomHierarchy(6, 6, 6, seed=2)
    train = problem.derive(800, generator=stream(0, "train"))
    coin = torch.randint(6, (800,), generator=stream(0, "coin"))
    shuffled = train._replace(symbols=(*train.symbols[:-1], coin[:, None]))
    test = problem.derive(2000, generator=stream(0, "test"))
    chain = learn(problem, LEARNERS[1], shuffled, seed=0)
    right = (predict(problem, chain, test.symbols[0]) == test.labels).double().mean()
    # chance is 1/6; 36 codes guessed at random: standard deviation below 0.07
    assert float(right) < 1 / 6 + 5 * 0.07


def test_a_chain_needs_levels():
    flat = RandomHierarchy(3, 3, 2, depth=1)
    strings = flat.derive(5, generator=stream(0, "s"))
    with pytest.raises(HlnbError, match="A chain needs two levels"):
        learn(flat, LEARNERS[0], strings, seed=0)


def small_model():
    return deep_cnn(vocab_size=3, n_classes=3, tuple_size=2, depth=3, width=4)


def test_ways_share_their_epochs_and_name_every_layer():
    model = small_model()
    found = ways(model, epochs=11)
    assert [*found] == [
        "simultaneous", "greedy", "first layer untrained",
    ]  # fmt: skip
    for name, schedule in found.items():
        schedule.check(model)
        assert schedule.epochs == 11
        assert schedule.name == name
    assert found["greedy"].ends == (3, 6, 11)
    assert [p.exit for p in found["greedy"].phases] == ["level1", "level2", None]
    assert found["greedy"].phases[-1].learns == ("level3", "readout")
    assert found["first layer untrained"].frozen == ("level1",)


def test_ways_of_models_without_layers_or_heads_are_refused():
    shallow = toy_network(d=20, T=4, n_classes=2, n_layers=2)
    with pytest.raises(HlnbError, match="2 layers, 9 epochs: take a model with two"):
        ways(shallow, epochs=9)
    with pytest.raises(HlnbError, match="an epoch for each layer"):
        ways(small_model(), epochs=3)
    bare = toy_network(d=20, T=4, n_classes=2)
    with pytest.raises(HlnbError, match="needs a head after layer 'conv'"):
        ways(type(bare)(bare.layers), epochs=9)


def test_sizes_leave_strings_for_tests():
    problem = RandomHierarchy(6, 6, 6)
    assert sizes(problem, [0.5, 1, 2, 4, 5, 8]) == {0.5: 108, 1: 216, 2: 432, 4: 864}
    assert problem.n_max == 1296


def test_samples_needed_are_where_the_error_stays_low():
    errors = np.array(
        [[0.05, 0.9, 0.9, 0.1], [0.2, 0.1, 0.9, 0.0], [0.0, 0.0, 0.3, 0.0]]
    )
    found = samples_needed([1, 2, 4], errors)
    assert found == pytest.approx([2 * 2**0.5, 2, math.inf, 1])
    few = np.array([[0.05, 0.9], [0.0, 0.1]])
    assert samples_needed([1, 2], few) == pytest.approx([1, 2])


def test_points_of_all_strings_lie_where_their_feature_is():
    problem = RandomHierarchy(4, 4, 4)
    points, found = cluster_points(problem, [20, 250], seed=3)
    truth = problem.with_seed(3).parents[0].numpy()
    assert [p.shape for p in points] == [(16, 2)] * 2
    assert [f.shape for f in found] == [(16,)] * 2

    def spread(cloud):
        """Mean distance of tuples to the centre of their feature, over that of all."""
        centres = np.stack([cloud[truth == f].mean(0) for f in range(4)])
        inside = np.linalg.norm(cloud - centres[truth], axis=1).mean()
        return inside / np.linalg.norm(cloud - cloud.mean(0), axis=1).mean()

    assert spread(points[1]) < 0.2 < spread(points[0])


def test_grammars_by_code():
    found = grammars(["8-2", "4-3"])
    assert [*found] == ["v = 8, L = 2", "v = 4, L = 3"]
    assert found["v = 4, L = 3"] == RandomHierarchy(4, 4, 4, depth=3)
    with pytest.raises(HlnbError, match="'8' is no grammar: write v-L"):
        grammars(["8"])


def test_as_many_clusters_as_features_are_right_and_fewer_are_wrong():
    n = round(0.7 * DEEP.n_max)
    asked = {"n_train": n, "seed": 1}
    assert error_with(DEEP, more=0, **asked) == 0
    assert error_with(DEEP, more=-1, **asked) > 0.1
    assert 0 <= error_with(DEEP, more=1, **asked) < error_with(DEEP, more=-1, **asked)
