"""Rules for a step."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

# What an optimizer is built for: parameters, or groups of them with rates of their own
Learning = Iterable[Tensor] | Sequence[dict[str, Any]]


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent; the report's toy problems use no momentum."""

    momentum: float = 0.0
    decay: float = 0.0  # of weights: each step adds decay · w to the gradient of w

    def build(self, parameters: Learning, lr: float) -> torch.optim.Optimizer:
        return torch.optim.SGD(
            parameters, lr=lr, momentum=self.momentum, weight_decay=self.decay
        )


@dataclass(frozen=True)
class Adam:
    """Adam with PyTorch's default moments (Kingma & Ba, 2015)."""

    def build(self, parameters: Learning, lr: float) -> torch.optim.Optimizer:
        return torch.optim.Adam(parameters, lr=lr)


Optimizer = SGD | Adam
