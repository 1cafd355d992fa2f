"""Activation maximization: the input that a unit answers to most."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

STEPS = 150


def best_inputs(
    answers: Callable[[Tensor], Tensor],
    first: Float[Tensor, "start channel *input"],
    *,
    norm: float,
) -> tuple[Float[Tensor, "start channel *input"], Float[Tensor, "start channel"]]:
    """Inputs of length `norm` at which each channel answers most, and the answers.

    `answers` maps inputs (start, channel, …) to what each channel says to its own
    (start, channel). Gradient ascent on the sphere from `first` (Erhan et al. 2009):
    every start climbs to a local maximum; compare the starts to see how many there are.
    """

    def long(x: Tensor) -> Tensor:
        return norm * F.normalize(x.flatten(2), dim=2).reshape(x.shape)

    x = long(first)
    for step in range(STEPS):
        x.requires_grad_()
        (uphill,) = torch.autograd.grad(answers(x).sum(), x)
        length = 1 - step / STEPS  # long steps first, short ones to settle
        x = long(x.detach() + length * long(uphill))
    return x, answers(x).detach()
