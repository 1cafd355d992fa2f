"""What an experiment measured, with what identifies it and where it was computed."""

import dataclasses
import json
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Real

from hlnb import storage
from hlnb.errors import HlnbError

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = "hlnb result 1"


def to_json(thing: Any) -> Any:
    """`thing` in JSON types: what a spec is made of.

    An object that has `describe()` becomes what that returns, and a dataclass a mapping
    of its fields and its kind. What JSON has no type for becomes text.
    """
    if hasattr(thing, "describe"):
        return to_json(thing.describe())
    if dataclasses.is_dataclass(thing):
        fields = {f.name: getattr(thing, f.name) for f in dataclasses.fields(thing)}
        return {"kind": type(thing).__name__, **to_json(fields)}
    if isinstance(thing, Mapping):
        return {str(name): to_json(value) for name, value in thing.items()}
    if isinstance(thing, list | tuple):
        return [to_json(value) for value in thing]
    if thing is None or isinstance(thing, str | bool | int | float):
        return thing
    return str(thing)


def machine() -> dict[str, Any]:
    """Versions of packages, and the machine, as kept with every Result."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "packages": {name: metadata.version(name) for name in ("torch", "numpy")},
    }


@dataclass(frozen=True)
class Result:
    """Traces of every run; `runs[i]` is row i of each trace."""

    spec: Mapping[str, Any]
    steps: Real[np.ndarray, " record"]  # updates made
    epochs: Real[np.ndarray, " record"]  # passes over the training set
    traces: Mapping[str, np.ndarray]  # name → (run, record, …)
    provenance: Mapping[str, Any] = field(compare=False)  # where it was computed

    @property
    def runs(self) -> list[Mapping[str, Any]]:
        """What identifies each run: its seed and its learning rate, say."""
        return self.spec["runs"]

    @property
    def lrs(self) -> list[float]:
        """Learning rates, each once, ascending."""
        return sorted({run["lr"] for run in self.runs})

    def of(self, name: str, *, lr: float | None = None) -> np.ndarray:
        """The trace `name` (run, record, …), of the runs at `lr` where one is given.

        Refuses a name that was not measured, and a rate without runs.
        """
        if name not in self.traces:
            known = ", ".join(sorted(self.traces))
            raise HlnbError(f"Nothing called {name!r} was measured, only {known}.")
        rows = [i for i, run in enumerate(self.runs) if lr in (None, run["lr"])]
        if not rows:
            raise HlnbError(f"No run has lr = {lr}: there are {self.lrs}.")
        return self.traces[name][rows]

    def at(self, lr: float) -> "Result":
        """The Result of the runs at one learning rate; refuses a rate without runs."""
        traces = {name: self.of(name, lr=lr) for name in self.traces}
        spec = {**self.spec, "runs": [run for run in self.runs if run["lr"] == lr]}
        return dataclasses.replace(self, spec=spec, traces=traces)

    def upto(self, epochs: int) -> "Result":
        """The Result of the first `epochs` epochs.

        Of layer-wise training, the first phase is training of the first layer alone:
        with equal seeds, the runs are equal to the bit.
        """
        known = self.epochs <= epochs
        return dataclasses.replace(
            self,
            spec={**self.spec, "first epochs": epochs},
            steps=self.steps[known],
            epochs=self.epochs[known],
            traces={name: values[:, known] for name, values in self.traces.items()},
        )

    def params(self, run: int, record: int = -1) -> dict[str, "Tensor"]:
        """The parameters of a run at a record, as a network takes them.

        Those that were measured under their own names (`measures.all_weights`).
        """
        import torch  # figures read Results without it

        names = [n for n in self.traces if n.endswith((".weight", ".bias"))]
        return {name: torch.tensor(self.of(name)[run, record]) for name in names}

    def save(self, path: str | Path) -> Path:
        """The path of the .npz file that now holds the Result.

        Written whole or not at all, and without pickle.
        """
        about = json.dumps(
            {
                "format": FORMAT,
                "spec": self.spec,
                "provenance": self.provenance,
            }
        )
        arrays = {f"trace/{name}": value for name, value in self.traces.items()}
        arrays |= {"about": np.array(about), "steps": self.steps, "epochs": self.epochs}
        return storage.write(path, arrays, small=True)


def load(path: str | Path, *, expect: Mapping[str, Any] | None = None) -> Result:
    """The Result stored at `path`.

    `expect`: the spec that it should have. Refuses a Result of another experiment, and
    a file that is damaged or no Result.
    """
    try:
        arrays = storage.read(path)
        about = json.loads(str(arrays["about"]))
        traces = {
            name.removeprefix("trace/"): value
            for name, value in arrays.items()
            if name.startswith("trace/")
        }
        steps, epochs = arrays["steps"], arrays["epochs"]
        spec, provenance = about["spec"], about["provenance"]
        if about["format"] != FORMAT:
            raise ValueError(f"format {about['format']}")
    except (HlnbError, ValueError, KeyError, TypeError) as error:
        raise HlnbError(
            f"{path} is not a readable Result ({error}); compute it again."
        ) from error
    if expect is not None and json.loads(json.dumps(expect)) != spec:
        differs = sorted(
            name
            for name in {*expect, *spec}
            if to_json(expect.get(name)) != spec.get(name)
        )
        raise HlnbError(
            f"{path} holds another experiment (it differs in {', '.join(differs)}); "
            "compute it again or load the file that belongs to this one."
        )
    return Result(spec, steps, epochs, traces, provenance)
