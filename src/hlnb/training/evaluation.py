"""What a network answers, without gradients."""

import torch
from jaxtyping import Float
from torch import Tensor

from hlnb.models.layers import Params
from hlnb.models.model import Model
from hlnb.training import fast

EVALUATION_CHUNK = 256  # inputs at a time: their activations stay in the cache
CACHE_BYTES = 4 * 2**30  # larger frozen activations are recomputed batch by batch


def evaluate(
    model: Model,
    params: Params,
    x: Float[Tensor, "n ..."],
    *,
    start: int = 0,
    stop: int | None = None,
    exit: str | None = None,
) -> Float[Tensor, "n ..."]:
    """`model.apply` without gradients, a chunk of `x` at a time."""
    layers = model.path(exit)[start:stop]
    with torch.no_grad():
        if x.device.type == "cpu" and fast.skips_blanks(layers):
            network = fast.Descent(layers, fast.prepared(layers, params), x)
            chunks = torch.arange(len(x)).split(EVALUATION_CHUNK)
            return torch.cat([network.outputs(chunk) for chunk in chunks])
        parts = x.split(EVALUATION_CHUNK)
        outputs = [
            model.apply(params, part, start=start, stop=stop, exit=exit)
            for part in parts
        ]
        return torch.cat(outputs)


def frozen_activations(
    model: Model, params: Params, x: Float[Tensor, "n ..."], *, stop: int
) -> Float[Tensor, "n ..."] | None:
    """Output of the layers below `stop` on all of `x`; None if above CACHE_BYTES."""
    if stop == 0:
        return x  # nothing is frozen below; images are too large to copy
    one = evaluate(model, params, x[:1], stop=stop)
    if one.numel() * one.element_size() * len(x) > CACHE_BYTES:
        return None
    return evaluate(model, params, x, stop=stop)
