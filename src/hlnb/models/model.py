"""A network as data: named layers, one after the other.

A model holds no parameters. `init` draws them, `apply` uses them, and both are pure, so
that any part of a network can learn while the rest stays as it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from hlnb.errors import HlnbError
from hlnb.models.layers import Affine, Initialization, Layer, Params, Uniform


@dataclass(frozen=True)
class Model:
    """A feed-forward network: its layers in order from the input.

    `heads`: auxiliary readouts, each by the name of the layer whose output it reads.
    They serve greedy layer-wise training and are no part of the network itself. Refuses
    subclasses: behaviour of its own goes into a layer.
    """

    layers: tuple[Layer, ...]
    heads: Mapping[str, Affine] = field(default_factory=dict)
    initialization: Initialization = Uniform()

    def __init_subclass__(cls) -> None:
        raise HlnbError(
            f"{cls.__name__} derives from Model, whose layers alone are trained: write "
            "a layer with an `apply` of its own."
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The layers' names, input layer first; heads are not among them."""
        return tuple(layer.name for layer in self.layers)

    def path(self, exit: str | None = None) -> tuple[Layer, ...]:
        """The layers from the input to the readout, or to the head after `exit`.

        Refuses an exit after a layer that has no head.
        """
        if exit is None:
            return self.layers
        exits = [name for name in self.names if name in self.heads]
        if exit not in exits:
            raise HlnbError(
                f"There is no head after {exit!r} to leave the network through: its "
                f"exits are {', '.join(exits) or 'none but the readout'}."
            )
        return (*self.layers[: self.names.index(exit) + 1], self.heads[exit])

    def init(self, generator: torch.Generator) -> dict[str, Tensor]:
        """Parameters drawn from `initialization`, input layer first, heads last."""
        return {
            name: value
            for layer in (*self.layers, *self.heads.values())
            for name, value in layer.init(generator, self.initialization).items()
        }

    def apply(
        self,
        params: Params,
        x: Float[Tensor, "n ..."],
        *,
        start: int = 0,
        stop: int | None = None,
        exit: str | None = None,
    ) -> Float[Tensor, "n ..."]:
        """Output of layers `start` to `stop` (exclusive) on input to layer `start`.

        `exit`: leave the network after that layer, through its head.
        """
        for layer in self.path(exit)[start:stop]:
            x = layer.apply(params, x)
        return x

    def activations(
        self, params: Params, x: Float[Tensor, "n ..."]
    ) -> dict[str, Tensor]:
        """Every layer's output, by name, input layer first."""
        outputs = {}
        for layer in self.layers:
            outputs[layer.name] = x = layer.apply(params, x)
        return outputs

    def layer_of(self, parameter: str) -> str:
        """Name of the layer that owns a parameter."""
        return parameter.rpartition(".")[0]
