"""Characters are an orthonormal basis; problems on the cube are what they say."""

import math

import numpy as np
import pytest
import torch

from hlnb.data.boolean import (
    Parity,
    Polynomial,
    characters,
    cube,
    monomial,
    prefixes,
    signs,
    staircase,
)
from hlnb.errors import HlnbError
from hlnb.metrics.fourier import (
    Coefficients,
    estimate,
    index,
    support,
    walsh_hadamard,
)
from hlnb.seeding import stream

D = 6
CUBE = cube(D).double()
SUPPORTS = [support(m) for m in range(2**D)]


def test_the_cube_has_every_point_once():
    assert len(CUBE) == 2**D
    assert len(CUBE.unique(dim=0)) == 2**D
    assert CUBE.abs().eq(1).all()
    for row in (0, 1, 6, 63):
        assert [x < 0 for x in CUBE[row].tolist()] == [row >> i & 1 for i in range(D)]


def test_characters_are_orthonormal():
    chi = characters(CUBE, SUPPORTS)
    torch.testing.assert_close(chi.mT @ chi / 2**D, torch.eye(2**D).double())


def test_products_of_characters_have_the_symmetric_difference_as_support():
    a, b = (0, 1, 3), (1, 4)
    both = characters(CUBE, [a]) * characters(CUBE, [b])
    assert torch.equal(both, characters(CUBE, [(0, 3, 4)]))
    assert characters(CUBE, [()]).eq(1).all()


def test_transform_is_the_definition_parseval_and_its_own_inverse():
    f = torch.randn(3, 2**D, dtype=torch.float64, generator=stream(0, "f"))
    found = walsh_hadamard(f)
    torch.testing.assert_close(found, f @ characters(CUBE, SUPPORTS) / 2**D)
    torch.testing.assert_close(found.square().sum(1), f.square().mean(1))
    torch.testing.assert_close(walsh_hadamard(found) * 2**D, f)


def test_index_and_support_are_inverse():
    assert [index(s) for s in SUPPORTS] == list(range(2**D))
    assert support(0) == ()
    assert support(0b101001) == (0, 3, 5)


def test_estimates_cover_the_coefficients():
    """400 intervals of ±4 standard errors: a false alarm once in 40 such tests."""
    target = staircase(D, 3, scale=0.5)
    x = signs(4000, D, generator=stream(0, "x")).double()
    noise = torch.randn(4000, dtype=torch.float64, generator=stream(0, "noise"))
    truth = torch.zeros(2**D, dtype=torch.float64)
    truth[[index(s) for s in target.supports]] = 0.5
    found, error = estimate(target.target(x) + noise, x, SUPPORTS)
    z = ((found - truth) / error).numpy()
    assert np.abs(z).max() < 4
    assert 0.6 < z.std() < 1.4  # 64 values: outside once in 10,000 tests
    assert error.mean() == pytest.approx(math.sqrt(1 / 4000), rel=0.5)


def test_the_measure_is_the_estimate():
    x = signs(50, D, generator=stream(0, "x"))
    problem = staircase(D, 3)
    batch = problem.sample(50, generator=stream(0, "x"))
    outputs = torch.randn(50, 1, generator=stream(0, "outputs"))
    found = Coefficients(problem.supports)({}, batch, outputs)
    assert torch.equal(batch.x, x)
    expected, _ = estimate(outputs[:, 0], x, problem.supports)
    torch.testing.assert_close(found, expected)


def test_staircase_and_monomial_on_all_points():
    x = CUBE
    by_hand = x[:, 0] + x[:, 0] * x[:, 1] + x[:, 0] * x[:, 1] * x[:, 2]
    assert torch.equal(staircase(D, 3).target(x), by_hand)
    assert torch.equal(staircase(D, 3, scale=2.0).target(x), 2 * by_hand)
    assert torch.equal(monomial(D, 3).target(x), x[:, :3].prod(1))
    assert staircase(D, 3, scale=2.0).variance == by_hand.mul(2).var(correction=0)
    constant = Polynomial(D, ((), (1,)), (3.0, 2.0))
    assert constant.variance == constant.target(x).var(correction=0)
    assert prefixes(3) == ((0,), (0, 1), (0, 1, 2))


def test_a_split_has_three_unequal_batches_of_numbers():
    problem = staircase(D, 3, n_validation=7, n_test=9)
    split = problem.split(3, n_train=8)
    assert {name: len(batch.x) for name, batch in split.items()} == {
        "train": 8,
        "validation": 7,
        "test": 9,
    }
    assert not torch.equal(split["train"].x[:7], split["validation"].x)
    assert all(
        torch.equal(problem.target(batch.x), batch.y) for batch in split.values()
    )
    again = problem.split(3, n_train=8)["train"]
    assert torch.equal(again.x, split["train"].x)
    assert not torch.equal(problem.split(4, n_train=8)["train"].x, again.x)


def test_labels_of_a_parity_count_its_minus_ones():
    problem = Parity(D, 3).with_seed(5)
    batch = problem.sample(200, generator=stream(0, "x"))
    count = (batch.x[:, list(problem.support)] < 0).sum(1)
    assert torch.equal(batch.y, count % 2)
    assert len(set(problem.support)) == 3
    assert Parity(D, D).support == tuple(range(D))
    assert Parity(D, 0).support == ()


def test_supports_are_hidden_by_the_seed_alone():
    supports = {Parity(20, 3).with_seed(seed).support for seed in range(20)}
    assert len(supports) > 15  # of 1,140; 20 draws have fewer once in 10^9
    assert Parity(20, 3, n_test=5).with_seed(7).support == Parity(20, 3, seed=7).support
    assert "seed" not in Parity(20, 3).describe()


def test_noise_flips_its_share_and_chance_is_a_coin():
    """Shares of 10,000 labels within 5 standard deviations: once in a million."""
    problem = Parity(D, 3)
    clean = problem.sample(10_000, generator=stream(0, "x"))
    noisy = Parity(D, 3, noise=0.1).sample(10_000, generator=stream(0, "x"))
    assert torch.equal(clean.x, noisy.x)
    flipped = (clean.y != noisy.y).double().mean()
    assert abs(flipped - 0.1) < 5 * math.sqrt(0.09 / 10_000)
    coin = Parity(D, 3, chance=True).sample(10_000, generator=stream(0, "x"))
    assert abs((clean.y != coin.y).double().mean() - 0.5) < 5 * 0.005
    assert abs(coin.y.double().mean() - 0.5) < 5 * 0.005


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: cube(21), "cannot be listed"),
        (lambda: cube(0), "cannot be listed"),
        (lambda: staircase(3, 4), r"\(0, 1, 2, 3\) is no set of coordinates below"),
        (lambda: Polynomial(3, ((1, 1),), (1.0,)), "no set of coordinates"),
        (lambda: Polynomial(3, ((1,),), ()), "at least one term"),
        (lambda: Polynomial(3, (), ()), "at least one term"),
        (lambda: staircase(3, 2, n_test=0), "n_test = 0: take a whole number"),
        (lambda: Parity(0, 0), "d = 0: take a whole number"),
        (lambda: Parity(3, 4), "No k = 4 of d = 3"),
        (lambda: Parity(3, 2, noise=0.6), "noise = 0.6"),
        (lambda: walsh_hadamard(torch.zeros(6)), "2.d points, not 6"),
    ],
)
def test_refusals(make, message):
    with pytest.raises(HlnbError, match=message):
        make()
