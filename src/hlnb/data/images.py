"""Images as a problem: CIFAR-10, or shapes that the package draws (`dataset="shapes"`).

The data set is always named: shapes never stand in for CIFAR-10 unasked.
"""

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float32, Int64, UInt8
from torch import Tensor

from hlnb.data import cifar, shapes
from hlnb.data.cifar import fetch, path, verify
from hlnb.data.problem import Batch
from hlnb.errors import HlnbError, at_least
from hlnb.seeding import stream

__all__ = ["DATASETS", "Images", "fetch", "normalize", "path", "to_rgb", "verify"]

DATASETS = ("cifar10", "shapes")

# Mean and standard deviation of each channel (red, green, blue) of the 50,000 training
# images of CIFAR-10, on a scale where 0 is black and 1 is full. Shapes are transformed
# by the same numbers, so that networks and pictures treat both alike and an input means
# the same whatever the network was trained on.
MEAN = (0.491, 0.482, 0.447)
SD = (0.247, 0.243, 0.262)


def normalize(images: UInt8[Tensor, "*n 3 h w"]) -> Float32[Tensor, "*n 3 h w"]:
    """What networks see: (pixel / 255 − `MEAN`) / `SD`, channel by channel."""
    mean, sd = (torch.tensor(c).view(3, 1, 1) for c in (MEAN, SD))
    # In place: the training images take 600 MB.
    return images.to(torch.float32).div_(255).sub_(mean).div_(sd)


def to_rgb(x: Float32[Tensor, "*n 3 h w"]) -> UInt8[np.ndarray, "*n h w 3"]:
    """Network inputs as pictures for `imshow`; undoes `normalize` to the byte."""
    mean, sd = (torch.tensor(c).view(3, 1, 1) for c in (MEAN, SD))
    pixels = ((x.detach().cpu() * sd + mean) * 255).round().clamp(0, 255)
    return pixels.to(torch.uint8).movedim(-3, -1).contiguous().numpy()


@dataclass(frozen=True)
class Images:
    """Images of ten classes with standardized pixels (`normalize`).

    dataset: `cifar10` or `shapes`.
    n_validation, n_test: sizes of those parts of a split.

    Refuses another data set, and sizes below 1.
    """

    dataset: str
    n_validation: int = 1000
    n_test: int = 10_000

    def __post_init__(self):
        if self.dataset not in DATASETS:
            raise HlnbError(
                f"There is no data set {self.dataset!r}: pass dataset=cifar10 or "
                "dataset=shapes."
            )
        at_least(1, n_validation=self.n_validation, n_test=self.n_test)

    @property
    def n_classes(self) -> int:
        return len(self.class_names)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, in the order of their labels."""
        return cifar.CLASSES if self.dataset == "cifar10" else shapes.CLASSES

    def sample(self, n: int, *, generator: torch.Generator) -> Batch:
        """`n` labelled images.

        cifar10: training images without replacement, none of them from the validation
            part.
        shapes: new drawings.

        Refuses `n` below 1, and more images than there are.
        """
        at_least(1, n=n)
        if self.dataset == "shapes":
            return _batch(*shapes.draw(n, generator=generator)[:2])
        data = self._read(n)
        chosen = torch.randperm(
            len(data.train_images) - self.n_validation, generator=generator
        )[:n]
        return _batch(data.train_images[chosen], data.train_labels[chosen])

    def split(self, seed: int, *, n_train: int = 49_000) -> dict[str, Batch]:
        """The batches `train`, `validation` and `test` of one run, and `seen`.

        `seen`: the first training images, as many as there are for validation. Measures
        on them track the training set at a fraction of the cost.

        cifar10: the first `n_train` training images, the last `n_validation` training
            images and the first `n_test` test images, whatever the seed is.
        shapes: drawn from the seed's streams `train`, `validation` and `test`.

        Refuses `n_train` below 1, and more images than there are.
        """
        at_least(1, n_train=n_train)
        sizes = {"train": n_train, "validation": self.n_validation, "test": self.n_test}
        if self.dataset == "shapes":
            batches = {
                name: _batch(*shapes.draw(n, generator=stream(seed, name))[:2])
                for name, n in sizes.items()
            }
        else:
            data = self._read(n_train)
            images, labels, test_images, test_labels = data
            last = slice(len(images) - self.n_validation, None)
            batches = {
                "train": _batch(images[:n_train], labels[:n_train]),
                "validation": _batch(images[last], labels[last]),
                "test": _batch(test_images[: self.n_test], test_labels[: self.n_test]),
            }
        x, y, _ = batches["train"]
        batches["seen"] = Batch(x[: self.n_validation], y[: self.n_validation])
        return batches

    def with_seed(self, seed: int) -> "Images":
        """The problem itself: nothing in it is drawn from a seed."""
        return self

    def describe(self) -> Mapping[str, Any]:
        """What identifies the problem: JSON types only."""
        return {"problem": "images", **asdict(self)}

    def provenance(self) -> dict[str, str]:
        """What the data are and where they came from: `name`, `sha256` and `note`.

        cifar10: the files are verified, which reads them once per process.
        shapes: the checksum is that of 100 drawings, the same on every machine.
        """
        if self.dataset == "cifar10":
            found = cifar.verify()
            return {"name": found.name, "sha256": found.sha256, "note": found.note}
        drawn = shapes.draw(100, generator=stream(0, "provenance")).images
        sha256 = hashlib.sha256(drawn.numpy().data).hexdigest()
        return {"name": "shapes", "sha256": sha256, "note": "drawn by the package"}

    def _read(self, n_train: int) -> "_Cifar":
        """The data, checked to hold `n_train` and all held-out images."""
        data = _cifar(cifar.path())
        there = len(data.train_images)
        if n_train + self.n_validation > there:
            raise HlnbError(
                f"CIFAR-10 has {there} training images, fewer than {n_train} to train "
                f"on and {self.n_validation} for validation: lower one of them."
            )
        if self.n_test > len(data.test_images):
            raise HlnbError(
                f"CIFAR-10 has {len(data.test_images)} test images, fewer than "
                f"n_test = {self.n_test}: lower n_test."
            )
        return data


class _Cifar(NamedTuple):
    train_images: UInt8[Tensor, "n_train 3 32 32"]
    train_labels: UInt8[Tensor, " n_train"]
    test_images: UInt8[Tensor, "n_test 3 32 32"]
    test_labels: UInt8[Tensor, " n_test"]


@functools.lru_cache(maxsize=1)
def _cifar(folder: Path) -> _Cifar:
    return _Cifar(*map(torch.from_numpy, cifar.load(folder)))


def _batch(
    images: UInt8[Tensor, "n 3 32 32"],
    labels: UInt8[Tensor, " n"] | Int64[Tensor, " n"],
) -> Batch:
    return Batch(normalize(images), labels.to(torch.int64))
