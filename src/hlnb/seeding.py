"""Named, independent streams of random numbers."""

import hashlib

import torch

from hlnb.errors import HlnbError


def check_seed(seed: int) -> None:
    """Refuses a seed that is no whole number from 0 up."""
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise HlnbError(f"A seed is a whole number from 0 up, not {seed!r}.")


def stream(seed: int, name: str) -> torch.Generator:
    """A CPU generator fixed by `seed` and `name` and by nothing else.

    Streams with different names are independent, so adding a consumer of random numbers
    moves no other draw. Nothing in the package reads or sets a global seed. Draws are
    made on the CPU and moved, so that every device sees the same numbers. Refuses what
    `check_seed` refuses.
    """
    check_seed(seed)
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
