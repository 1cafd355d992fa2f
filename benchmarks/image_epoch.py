"""An epoch of the image network: ours beside bare PyTorch loops, on one thread.

    python benchmarks/image_epoch.py [images] [repeats]

Prints seconds for an epoch of 49,000 images and the ratio of ours to each bare loop,
median over repeats, taken pair by pair in one run. Nothing else should be running.
Images are drawn at random in memory: the arithmetic does not depend on what they show.
"""

import sys
import time
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from hlnb.data.problem import Batch
from hlnb.models.networks import image_network
from hlnb.schedules import simultaneous
from hlnb.training.loop import train
from hlnb.training.optimizers import Adam
from hlnb.training.runs import Run

FULL = 49_000  # images of an epoch of Example 5.2
BATCH = 64


class Pixels:
    """A problem of random images that lie in memory."""

    def __init__(self, n: int):
        x = torch.randn(n, 3, 32, 32, generator=torch.Generator().manual_seed(0))
        y = torch.randint(10, (n,), generator=torch.Generator().manual_seed(1))
        self.batch = Batch(x, y)

    def split(self, seed: int, *, n_train: int) -> dict[str, Batch]:
        return {"train": self.batch}


def network(*, pool_first: bool) -> nn.Sequential:
    """The report's CNN of PyTorch's own layers."""
    second = [nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(
        nn.Conv2d(3, 32, 4),
        nn.ReLU(),
        nn.Conv2d(32, 32, 4),
        *(second[::-1] if pool_first else second),
        nn.Flatten(),
        nn.Linear(32 * 13 * 13, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )


def bare(batch: Batch, *, channels_last: bool, pool_first: bool) -> float:
    """Seconds of one epoch of a bare loop."""
    layout = torch.channels_last if channels_last else torch.contiguous_format
    model = network(pool_first=pool_first).to(memory_format=layout)
    x, y = batch.x.contiguous(memory_format=layout), batch.y
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    begun = time.perf_counter()
    for rows in torch.randperm(len(x)).split(BATCH):
        loss = F.cross_entropy(model(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return time.perf_counter() - begun


def ours(problem: Pixels, n: int) -> float:
    """Seconds of one epoch of `train`, all that it does before and after included."""
    model = image_network()
    schedule = simultaneous(model, epochs=1)
    begun = time.perf_counter()
    train(
        problem,
        model,
        schedule,
        Run(0, 1e-3),
        measures={},
        optimizer=Adam(),
        n_train=n,
    )
    return time.perf_counter() - begun


def main(n: int = 6400, repeats: int = 7) -> None:
    torch.set_num_threads(1)
    problem = Pixels(n)
    loops: dict[str, Callable[[], float]] = {
        "ours": lambda: ours(problem, n),
        "bare": lambda: bare(problem.batch, channels_last=False, pool_first=False),
        "bare, channels last": lambda: bare(
            problem.batch, channels_last=True, pool_first=False
        ),
        "bare, channels last, pooled first": lambda: bare(
            problem.batch, channels_last=True, pool_first=True
        ),
    }
    for loop in loops.values():
        loop()  # what PyTorch does once
    seconds = np.array([[loop() for loop in loops.values()] for _ in range(repeats)])
    print(f"torch {torch.__version__}, one thread, {n} images, {repeats} repeats")
    for name, found in zip(loops, seconds.T, strict=True):
        ratio = seconds[:, 0] / found
        print(
            f"{name:34} {np.median(found) * FULL / n:6.1f} s an epoch; ours / it: "
            f"{np.median(ratio):.2f} ({ratio.min():.2f} to {ratio.max():.2f})"
        )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
