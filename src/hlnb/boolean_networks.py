"""Networks for functions on the cube: one output, or one for each of two labels."""

from hlnb.errors import HlnbError
from hlnb.models import Affine, Model


def residual_network(
    *, d: int, width: int = 40, depth: int = 5, skip: bool = True
) -> Model:
    """Abbe et al. 2021: `depth` affine layers; ReLU, and skips between hidden layers.

    Layers are named `layer1` to `layerN`. Every hidden layer has a head of one unit,
    for schedules that train layer by layer with heads.
    """
    if depth < 2 or width < 1:
        raise HlnbError(
            f"depth = {depth}, width = {width} leave no hidden unit: take depth ≥ 2 "
            "and width ≥ 1."
        )
    hidden = [
        Affine(f"layer{i}", width if i > 1 else d, width, skip=skip and i > 1)
        for i in range(1, depth)
    ]
    readout = Affine(f"layer{depth}", width, 1, relu=False)
    heads = {
        layer.name: Affine(f"{layer.name}_head", width, 1, relu=False)
        for layer in hidden[:-1]
    }
    return Model((*hidden, readout), heads)


def perceptron(*, d: int, width: int, n_out: int = 2) -> Model:
    """One hidden layer of ReLUs: layers `hidden` and `readout`."""
    if width < 1:
        raise HlnbError(f"width = {width} leaves the network without units.")
    return Model(
        (Affine("hidden", d, width), Affine("readout", width, n_out, relu=False))
    )
