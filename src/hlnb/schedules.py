"""Which layers learn when, as data."""

from dataclasses import dataclass

from hlnb.errors import HlnbError
from hlnb.models import Model


@dataclass(frozen=True)
class Phase:
    """A stretch of training in which the named layers learn and the others do not."""

    epochs: int
    learns: tuple[str, ...]

    def __post_init__(self):
        if self.epochs < 1:
            raise HlnbError(f"A phase lasts at least one epoch, not {self.epochs}.")
        if not self.learns:
            raise HlnbError("A phase in which no layer learns does nothing: name one.")


@dataclass(frozen=True)
class Schedule:
    """Phases in order; every layer learns in one of them or is said to be frozen."""

    name: str
    phases: tuple[Phase, ...]
    frozen: tuple[str, ...] = ()  # layers that keep their initial parameters throughout

    def check(self, model: Model) -> None:
        """Refuses a schedule that names an unknown layer, or is silent on one."""
        learning = {name for phase in self.phases for name in phase.learns}
        for name in sorted((learning | set(self.frozen)) - set(model.names)):
            raise HlnbError(
                f"The schedule names a layer {name!r} that the model lacks: "
                f"it has {', '.join(model.names)}."
            )
        for name in sorted(learning & set(self.frozen)):
            raise HlnbError(
                f"Layer {name!r} is said to be frozen and to learn: choose."
            )
        for name in sorted(set(model.names) - learning - set(self.frozen)):
            raise HlnbError(
                f"The schedule does not say when layer {name!r} learns: "
                "name it in a phase or in `frozen`."
            )

    @property
    def epochs(self) -> int:
        return sum(phase.epochs for phase in self.phases)

    @property
    def ends(self) -> tuple[int, ...]:
        """Epochs at which each phase ends, counted from the start of training."""
        return tuple(
            sum(phase.epochs for phase in self.phases[: i + 1])
            for i in range(len(self.phases))
        )


def simultaneous(model: Model, *, epochs: int) -> Schedule:
    """All layers learn from the first step to the last."""
    return Schedule("simultaneous", (Phase(epochs, model.names),))


def layerwise(model: Model, *, epochs: int) -> Schedule:
    """One layer after another from the input up, `epochs` each.

    Layers below stay as trained, layers above stay as initialized; no auxiliary heads.
    """
    return Schedule("layer-wise", tuple(Phase(epochs, (name,)) for name in model.names))


def only(model: Model, layer: str, *, epochs: int) -> Schedule:
    """One layer learns; all others keep their initial parameters."""
    others = tuple(name for name in model.names if name != layer)
    return Schedule(f"only {layer}", (Phase(epochs, (layer,)),), frozen=others)
