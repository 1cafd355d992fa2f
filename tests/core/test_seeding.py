"""Streams are fixed by seed and name and by nothing else."""

import pytest
import torch

from hlnb.errors import HlnbError
from hlnb.seeding import stream

GOLDEN = [404, 244, 349, 635]


def draws(seed, name):
    return torch.randint(2**31, (8,), generator=stream(seed, name))


def test_equal_arguments_give_equal_draws():
    assert torch.equal(draws(3, "init"), draws(3, "init"))


@pytest.mark.parametrize("other", [(3, "order"), (4, "init"), (31, "nit")])
def test_other_arguments_give_other_draws(other):
    # False alarm: 8 draws agree by chance with probability 2^-248.
    assert not torch.equal(draws(3, "init"), draws(*other))


def test_global_seed_is_neither_read_nor_set():
    state = torch.get_rng_state()
    torch.manual_seed(1)
    first = draws(0, "init")
    torch.manual_seed(2)
    before = torch.get_rng_state()
    assert torch.equal(first, draws(0, "init"))
    assert torch.equal(before, torch.get_rng_state())
    torch.set_rng_state(state)


def test_a_changed_stream_is_noticed():
    # Every published number rests on these streams: a change must be deliberate.
    found = torch.randint(1000, (4,), generator=stream(0, "init")).tolist()
    assert found == GOLDEN


@pytest.mark.parametrize("seed", [-1, 0.5, True, "1"])
def test_refuses_what_is_no_seed(seed):
    with pytest.raises((HlnbError, TypeError), match="seed"):
        stream(seed, "init")
