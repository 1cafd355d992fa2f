"""Pictures with one bar, upright or level (horizontal): edges, in small.

Source: the seminar notes (Theodosis 2021), "How neural networks learn features". A
picture has `side` × `side` pixels and is flattened row by row.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from hlnb.data.problem import Batch
from hlnb.errors import HlnbError, finite
from hlnb.seeding import stream


def detectors(side: int) -> Float[Tensor, "kind place pixel"]:
    """The matched filter of each bar, by kind (0: upright, 1: level) and place.

    A bar of ones with its mean subtracted, scaled to length 1, in float64. Filters of
    different kinds are orthogonal. Refuses a side below 2.
    """
    if side < 2:
        raise HlnbError(f"side = {side}: bars need pictures of at least 2 × 2 pixels.")
    upright = torch.eye(side, dtype=torch.float64)[:, None, :].expand(-1, side, -1)
    both = torch.stack([upright, upright.mT]).flatten(2)
    centred = both - both.mean(-1, keepdim=True)
    return centred / centred.norm(dim=-1, keepdim=True)


@dataclass(frozen=True)
class OneBar:
    """Pictures with one bar at a random place, and noise; label 0: upright, 1: level.

    noise: standard deviation of each pixel's noise; the bar itself has length 1.
    shuffled: labels are fair coins instead, as a control.

    Refuses a side below 2, and a noise that is negative or not finite.
    """

    side: int = 8
    noise: float = 0.1
    shuffled: bool = False
    n_validation: int = 500
    n_test: int = 1000

    def __post_init__(self):
        detectors(self.side)
        finite(noise=self.noise)
        if self.noise < 0:
            raise HlnbError(
                f"noise = {self.noise}: a standard deviation is at least 0."
            )

    @property
    def n_classes(self) -> int:
        return 2

    def sample(self, n: int, *, generator: torch.Generator) -> Batch:
        kind = torch.randint(2, (n,), generator=generator)
        place = torch.randint(self.side, (n,), generator=generator)
        x = detectors(self.side)[kind, place].float()
        x = x + self.noise * torch.randn(x.shape, generator=generator)
        coin = torch.randint(2, (n,), generator=generator)
        return Batch(x, coin if self.shuffled else kind)

    def split(self, seed: int, *, n_train: int) -> Mapping[str, Batch]:
        sizes = {
            "train": n_train,
            "validation": self.n_validation,
            "test": self.n_test,
        }
        return {
            name: self.sample(n, generator=stream(seed, f"bars/{name}"))
            for name, n in sizes.items()
        }

    def with_seed(self, seed: int) -> "OneBar":
        """The problem itself: nothing in it is drawn from a seed."""
        return self

    def describe(self) -> dict[str, Any]:
        return {"problem": "one bar", **asdict(self)}
