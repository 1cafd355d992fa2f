"""The random hierarchy model: its grammar, its strings, and how they are drawn."""

import itertools
import math

import pytest
import torch
from scipy import stats

from hlnb.data.hierarchy import RandomHierarchy
from hlnb.data.problem import Problem
from hlnb.errors import HlnbError
from hlnb.seeding import stream

TINY = RandomHierarchy(3, 2, 2, depth=2)  # 2 · 2³ = 16 strings
WIDE = RandomHierarchy(4, 3, 3, tuple_size=3, depth=2, seed=5)
DEEP = RandomHierarchy(6, 5, 4, depth=3, seed=1)
ALL = [TINY, WIDE, DEEP]


def strings(problem, n=500):
    return problem.derive(n, generator=stream(0, "test"))


@pytest.mark.parametrize("problem", ALL)
def test_no_tuple_has_two_parents(problem):
    for level, rules in enumerate(problem.rules, start=1):
        assert rules.shape[:2] == (problem.features(level), problem.n_synonyms)
        codes = problem.code(rules).flatten()
        assert len(codes.unique()) == len(codes)
        assert rules.min() >= 0
        assert rules.max() < problem.vocab_size


@pytest.mark.parametrize("problem", ALL)
def test_strings_are_what_their_rules_say(problem):
    found = strings(problem)
    s = problem.tuple_size
    for level, rules in enumerate(problem.rules, start=1):
        parents, children = found.symbols[level], found.symbols[level - 1]
        assert parents.shape == (500, s ** (problem.depth - level))
        for row, place in itertools.product(range(0, 500, 99), range(parents.shape[1])):
            choice = found.choices[level - 1][row, place]
            below = children[row, s * place : s * (place + 1)]
            assert rules[parents[row, place], choice].tolist() == below.tolist()


def test_levels_have_rules_of_their_own():
    levels = RandomHierarchy(6, 6, 4, depth=3).rules
    for a, b in itertools.combinations(levels, 2):
        assert not a.equal(b)


def test_tuples_are_numbered_first_symbol_first():
    found = WIDE.code(torch.tensor([[0, 0, 1], [0, 1, 0], [1, 0, 0]]))
    assert found.tolist() == [1, 4, 16]


@pytest.mark.parametrize("problem", ALL)
def test_parsing_undoes_expansion(problem):
    found = strings(problem)
    for seen, true in zip(problem.parse(found.symbols[0]), found.symbols, strict=True):
        assert seen.equal(true)


def test_all_strings_are_counted_and_listed():
    for problem in (TINY, RandomHierarchy(3, 3, 3), RandomHierarchy(2, 2, 2, depth=3)):
        every = problem.numbered(torch.arange(problem.n_max))
        assert len(every.symbols[0].unique(dim=0)) == problem.n_max
        total = problem.vocab_size**problem.d
        parsed = 0
        for string in itertools.product(range(problem.vocab_size), repeat=problem.d):
            try:
                label = problem.parse(torch.tensor([string]))[-1]
            except HlnbError:
                continue
            parsed += 1
            assert 0 <= label < problem.n_classes
        assert parsed == problem.n_max <= total
    assert RandomHierarchy(3, 3, 3).n_max == 3**4  # the maximal case: every string
    assert TINY.n_max == 16
    assert WIDE.n_max == 3 * 3 ** (1 + 3)
    assert DEEP.n_max == 5 * 4**7
    assert DEEP.n_star == 5 * 4**3


def test_foreign_strings_are_refused():
    known = TINY.numbered(torch.arange(1)).symbols[0][0]
    every = torch.tensor(list(itertools.product(range(3), repeat=4)))
    bad = next(s for s in every if TINY.parents[0][TINY.code(s[:2])] < 0)
    message = "String 1 is not of this grammar: a tuple of level 0 has no parent"
    with pytest.raises(HlnbError, match=message):
        TINY.parse(torch.stack([known, bad]))


def test_draws_without_replacement_do_not_repeat():
    for n in (16, 10, 3):  # 3 of 16: the way of the large grammars
        found = TINY.distinct(n, generator=stream(n, "test")).symbols[0]
        assert len(found.unique(dim=0)) == n
    assert len(DEEP.distinct(9000, generator=stream(0, "t")).labels) == 9000
    with pytest.raises(HlnbError, match="17 distinct strings are asked for"):
        TINY.distinct(17, generator=stream(0, "test"))


@pytest.mark.parametrize("n", [3, 5])
def test_every_string_is_as_likely_to_be_drawn(n):
    """Chi-square over 16 strings; a right generator fails 1 time in 10,000."""
    counts = torch.zeros(16)
    generator = stream(1, "test")
    where = {tuple(s.tolist()): i for i, s in enumerate(_every(TINY))}
    for _ in range(800):
        for string in TINY.distinct(n, generator=generator).symbols[0]:
            counts[where[tuple(string.tolist())]] += 1
    # draws of one round exclude each other: less spread than independent ones, so the
    # statistic is divided by what it is expected to be, 1 − (n − 1)/15
    statistic = ((counts - 50 * n) ** 2 / (50 * n)).sum() / (1 - (n - 1) / 15)
    assert stats.chi2.sf(float(statistic), 15) > 1e-4
    assert stats.chi2.sf(float(statistic), 15) < 1 - 1e-4


def _every(problem):
    return problem.numbered(torch.arange(problem.n_max)).symbols[0]


def test_labels_and_rules_are_uniform():
    """Chi-square tests; a right generator fails 1 time in 10,000 each."""
    found = strings(DEEP, 20_000)
    for values, k in [(found.labels, 5), *((c.flatten(), 4) for c in found.choices)]:
        p = stats.chisquare(torch.bincount(values, minlength=k)).pvalue
        assert p > 1e-4


def test_a_split_shares_no_string():
    problem = RandomHierarchy(6, 6, 6, n_test=300, n_validation=100)
    batches = problem.split(3, n_train=800)
    sizes = {name: len(batch.y) for name, batch in batches.items()}
    assert sizes == {"train": 800, "validation": 100, "test": 248}  # 1,296 strings
    x = torch.cat([batch.x for batch in batches.values()]).argmax(2)
    assert len(x.unique(dim=0)) == 1148
    mine = problem.with_seed(3)
    for batch in batches.values():
        assert batch.x.shape[1:] == (4, 6)
        assert batch.x.sum(2).eq(1).all()
        assert mine.parse(batch.x.argmax(2))[-1][:, 0].equal(batch.y)
    drawn = problem.derivations(3, n_train=800)
    assert drawn["test"].symbols[0].equal(batches["test"].x.argmax(2))
    smaller = problem.split(3, n_train=400)  # no strings run out: the same test set
    assert len(smaller["test"].y) == 300
    with pytest.raises(HlnbError, match="n_train = 1295 leaves none of the 1296"):
        problem.split(0, n_train=1295)


def test_training_sets_are_nested():
    small, large = (DEEP.split(0, n_train=n) for n in (100, 200))
    assert small["test"].x.equal(large["test"].x)


def test_a_seed_fixes_grammar_and_strings():
    again = RandomHierarchy(6, 5, 4, depth=3, seed=1)
    assert all(a.equal(b) for a, b in zip(DEEP.rules, again.rules, strict=True))
    other = DEEP.with_seed(2)
    assert not other.rules[0].equal(DEEP.rules[0])
    a, b = (DEEP.split(7, n_train=50)["train"] for _ in range(2))
    assert a.x.equal(b.x)
    assert a.y.equal(b.y)
    assert DEEP.describe() == other.describe()
    assert isinstance(DEEP, Problem)


@pytest.mark.parametrize("level", [1, 2, 3])
def test_exchange_keeps_what_is_above_and_draws_rules_anew(level):
    """The share of kept rules is tested with a false-alarm rate of 1 in 10,000."""
    found = strings(DEEP, 2000)
    other = DEEP.exchange(found, level=level, generator=stream(4, "test"))
    for above in range(level, 4):
        assert other.symbols[above].equal(found.symbols[above])
    kept = other.choices[level - 1] == found.choices[level - 1]
    p = stats.binomtest(int(kept.sum()), kept.numel(), 1 / 4).pvalue
    assert p > 1e-4
    for below in range(level - 1):
        assert other.choices[below].equal(found.choices[below])
    changed = other.symbols[level - 1] != found.symbols[level - 1]
    assert changed.any()
    parsed = DEEP.parse(other.symbols[0])
    assert parsed[-1].equal(found.symbols[-1])


def test_a_million_strings_are_distinct():
    problem = RandomHierarchy(8, 8, 8, depth=3)  # 16.8 million strings
    found = problem.distinct(10**6, generator=stream(0, "test"))
    codes = found.symbols[0] @ 8 ** torch.arange(8)
    assert len(codes.unique()) == 10**6


def test_strings_too_many_to_be_numbered():
    huge = RandomHierarchy(16, 16, 16, depth=5)
    assert huge.n_max > 2**62
    assert huge.distinct(10, generator=stream(0, "t")).symbols[0].shape == (10, 32)
    with pytest.raises(HlnbError, match="too many to be numbered"):
        huge.numbered(torch.arange(3))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vocab_size": 0}, "vocab_size = 0: take a whole number from 1 up"),
        ({"depth": 0}, "depth = 0"),
        ({"n_synonyms": 7}, "6 features with 7 tuples each need more than the 36"),
        ({"n_classes": 30, "n_synonyms": 2}, "30 features with 2 tuples each"),
    ],
)
def test_absurd_grammars_are_refused(change, message):
    fields = {"vocab_size": 6, "n_classes": 6, "n_synonyms": 6} | change
    with pytest.raises(HlnbError, match=message):
        RandomHierarchy(**fields)


def test_counts_of_rules_are_exact():
    problem = RandomHierarchy(5, 4, 3, tuple_size=2, depth=4)
    nodes = 1 + 2 + 4 + 8
    assert problem.n_max == 4 * 3**nodes
    assert math.prod(len(r) for r in problem.rules) == 5 * 5 * 5 * 4
