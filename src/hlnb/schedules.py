"""Which layers learn when, as data."""

from collections.abc import Sequence
from dataclasses import dataclass

from hlnb.errors import HlnbError, above_zero, at_least
from hlnb.models.model import Model


@dataclass(frozen=True)
class Phase:
    """A stretch of training in which the named layers learn and the others do not.

    `exit`: the outputs of this phase leave the network after that layer, through its
    auxiliary head. `lr`: its own learning rate; None: the run's. Refuses `epochs` below
    1, a phase in which nothing learns, and an `lr` that is not above 0.
    """

    epochs: int
    learns: tuple[str, ...]
    exit: str | None = None
    lr: float | None = None

    def __post_init__(self):
        at_least(1, epochs=self.epochs)
        if not self.learns:
            raise HlnbError("A phase in which no layer learns does nothing: name one.")
        if self.lr is not None:
            above_zero(lr=self.lr)

    def rate(self, lr: float) -> float:
        """The learning rate of this phase in a run whose own is `lr`."""
        return lr if self.lr is None else self.lr


@dataclass(frozen=True)
class Schedule:
    """Phases in order; every layer learns in one of them or is said to be frozen."""

    name: str
    phases: tuple[Phase, ...]
    frozen: tuple[str, ...] = ()  # layers that keep their initial parameters throughout

    def check(self, model: Model) -> None:
        """Refuses a schedule that does not fit the model.

        Such a schedule names a layer or a head that the model lacks, is silent on a
        layer, lets a frozen layer learn, or lets one learn in a phase whose outputs do
        not pass it.
        """
        learning = {name for phase in self.phases for name in phase.learns}
        exits = {phase.exit for phase in self.phases if phase.exit is not None}
        if unknown := exits - set(model.heads):
            raise HlnbError(
                f"The schedule leaves the network after {min(unknown)!r}, where the "
                f"model has no head: it has heads after {list(model.heads)}."
            )
        heads = {model.heads[exit].name for exit in exits}
        known = (*model.names, *sorted(heads))
        for name in sorted((learning | set(self.frozen)) - set(known)):
            raise HlnbError(
                f"The schedule names a layer {name!r} that the model lacks: "
                f"it has {', '.join(known)}."
            )
        for phase in self.phases:
            used = [layer.name for layer in model.path(phase.exit)]
            for name in phase.learns:
                if name not in used:
                    raise HlnbError(
                        f"Layer {name!r} cannot learn in a phase whose outputs do not "
                        f"pass it: they pass {', '.join(used)}."
                    )
        for name in sorted(learning & set(self.frozen)):
            raise HlnbError(
                f"Layer {name!r} is said to be frozen and to learn: choose."
            )
        for name in sorted(set(known) - learning - set(self.frozen)):
            raise HlnbError(
                f"The schedule does not say when layer {name!r} learns: "
                "name it in a phase or in `frozen`."
            )

    @property
    def epochs(self) -> int:
        """Epochs of all phases together."""
        return sum(phase.epochs for phase in self.phases)

    @property
    def ends(self) -> tuple[int, ...]:
        """Epochs at which each phase ends, counted from the start of training."""
        return tuple(
            sum(phase.epochs for phase in self.phases[: i + 1])
            for i in range(len(self.phases))
        )


def simultaneous(model: Model, *, epochs: int) -> Schedule:
    """The Schedule in which all layers learn from the first step to the last."""
    return Schedule("simultaneous", (Phase(epochs, model.names),))


def layerwise(
    model: Model, *, epochs: int, lrs: Sequence[float | None] | None = None
) -> Schedule:
    """The Schedule of one layer after another from the input up, `epochs` each.

    Layers below stay as trained, layers above stay as initialized; no auxiliary heads.
    `lrs`: a learning rate for each phase; None: the run's in all.
    """
    rates = lrs or [None] * len(model.names)
    phases = (
        Phase(epochs, (name,), lr=lr)
        for name, lr in zip(model.names, rates, strict=True)
    )
    return Schedule("layer-wise", tuple(phases))


def greedy(model: Model, *, epochs: int) -> Schedule:
    """The layer-wise Schedule in which each layer learns together with its own head.

    Each phase trains one layer and an auxiliary readout on top of it; the last hidden
    layer learns together with the network's readout. After Belilovsky et al. 2019.
    Refuses a model that lacks one of these heads.
    """
    *lower, last, readout = model.names
    if missing := [name for name in lower if name not in model.heads]:
        raise HlnbError(f"Greedy training needs a head after layer {missing[0]!r}.")
    phases = [
        Phase(epochs, (name, model.heads[name].name), exit=name) for name in lower
    ]
    return Schedule("greedy", (*phases, Phase(epochs, (last, readout))))


def only(model: Model, layer: str, *, epochs: int) -> Schedule:
    """The Schedule in which one layer learns and all others stay as initialized."""
    others = tuple(name for name in model.names if name != layer)
    return Schedule(f"only {layer}", (Phase(epochs, (layer,)),), frozen=others)
