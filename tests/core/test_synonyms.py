"""What representations and label statistics know of synonyms."""

import itertools
import math

import numpy as np
import pytest
import torch

from hlnb.data.hierarchy import RandomHierarchy
from hlnb.errors import HlnbError
from hlnb.metrics.synonyms import label_counts, sensitivity, synonym_ratio
from hlnb.seeding import stream


def test_sensitivity_is_the_ratio_of_mean_squared_distances():
    generator = stream(0, "test")
    a, b = (torch.randn(7, 2, 3, generator=generator) for _ in range(2))
    moved = np.mean([float((a[i] - b[i]).square().sum()) for i in range(7)])
    pairs = itertools.permutations(range(7), 2)
    apart = np.mean([float((a[i] - a[j]).square().sum()) for i, j in pairs])
    assert sensitivity(a, b) == pytest.approx(moved / apart)
    assert sensitivity(3 * a + 1, 3 * b + 1) == pytest.approx(sensitivity(a, b))


def test_what_is_blind_to_synonyms_has_no_sensitivity():
    problem = RandomHierarchy(4, 4, 4, depth=2)
    found = problem.derive(3000, generator=stream(0, "a"))
    above = problem.exchange(found, level=1, generator=stream(0, "b"))
    of_level = [f.double() for f in found.symbols], [f.double() for f in above.symbols]
    assert sensitivity(of_level[0][1], of_level[1][1]) == 0
    assert sensitivity(of_level[0][0], of_level[1][0]) > 0.5
    other = torch.randn(3000, 2, generator=stream(1, "x"), dtype=torch.float64)
    again = torch.randn(3000, 2, generator=stream(1, "y"), dtype=torch.float64)
    assert sensitivity(other, again) == pytest.approx(1, abs=0.15)
    assert math.isnan(sensitivity(torch.ones(3, 2), torch.ones(3, 2)))
    with pytest.raises(HlnbError, match="give at least two"):
        sensitivity(torch.ones(1, 2), torch.ones(1, 2))


def test_label_counts_count():
    codes = torch.tensor([[0, 1], [0, 2], [1, 1], [0, 1]])
    labels = torch.tensor([0, 1, 1, 0])
    found = label_counts(codes, labels, n_codes=3, n_classes=2)
    expected = [[[2, 1], [0, 1], [0, 0]], [[0, 0], [2, 1], [0, 1]]]
    assert found.tolist() == expected


def test_exact_rates_of_synonyms_agree():
    problem = RandomHierarchy(4, 3, 2, depth=2, seed=3)
    every = problem.numbered(torch.arange(problem.n_max))
    tuples = problem.code(every.symbols[0].view(-1, 2, 2))
    counts = label_counts(tuples, every.labels, n_codes=16, n_classes=3)[0].double()
    rates = counts / counts.sum(1, keepdim=True)
    assert synonym_ratio(rates, problem.parents[0]) == math.inf


def test_ratio_of_spreads_is_what_was_put_in():
    """60 features of 50 synonyms: the estimate is within 20 % (5 standard errors)."""
    generator = stream(0, "test")
    parents = torch.arange(3000) % 60
    between = torch.randn(60, 4, generator=generator, dtype=torch.float64)
    noise = torch.randn(3000, 4, generator=generator, dtype=torch.float64)
    rates = 2 * between[parents] + 0.5 * noise
    assert synonym_ratio(rates, parents) == pytest.approx(4, rel=0.2)
    assert synonym_ratio(noise, parents) < 0.1  # noise of means is taken out
    hidden = rates.clone()
    hidden[:100] = math.nan
    parents[200:300] = -1
    hidden[200:300] = 1e6
    assert synonym_ratio(hidden, parents) == pytest.approx(4, rel=0.2)


def test_few_synonyms_do_not_bias_the_ratio():
    """2000 features of 2 synonyms: within 10 % (4 standard errors)."""
    generator = stream(1, "test")
    parents = torch.arange(4000) % 2000
    between = torch.randn(2000, 4, generator=generator, dtype=torch.float64)
    noise = torch.randn(4000, 4, generator=generator, dtype=torch.float64)
    found = synonym_ratio(2 * between[parents] + noise, parents)
    assert found == pytest.approx(2, rel=0.1)


def test_too_few_tuples_are_refused():
    rates = torch.tensor([[0.5, 0.5], [0.4, 0.6]])
    for parents in ([0, 1], [0, 0], [-1, -1]):
        with pytest.raises(HlnbError, match="Take more strings"):
            synonym_ratio(rates, torch.tensor(parents))
