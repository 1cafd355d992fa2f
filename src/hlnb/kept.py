"""Results that took long are kept, so that work goes on where it ended.

A result's address is what was asked for and the code that computes it. Beside it stands
on what it was computed. HLNB_CACHE names the folder of this machine's store, which
serves only what was computed on an equal processor with equal libraries; without it
nothing is kept. HLNB_REDRAW names a folder with results of record: they are served
whatever computed them, and one that is not there is refused.
"""

import dataclasses
import functools
import hashlib
import importlib
import inspect
import json
import logging
import os
import platform
import sys
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hlnb import archives, code
from hlnb.errors import HlnbError

FORMAT = "hlnb kept 1"
LIBRARIES = ("torch", "numpy", "numba", "llvmlite", "scipy", "scikit-learn")
KNOWN = {"torch", "numpy", "scipy", "sklearn", *sys.stdlib_module_names}
PLAIN = (complex, bytes, range, slice, Path, np.dtype)

_edited = code.package().edited  # from now on: the code in memory is what was read
_nested = False  # whether a kept result is being computed: it stands for what it needs
_said: set[str] = set()


class Place(NamedTuple):
    """Where a result is kept: by what was asked for and the code that computes it."""

    address: str
    spec: Any  # what was asked for, in JSON's types
    code: str  # a digest of all definitions that it reaches
    roots: frozenset[code.Target]  # those that it names
    device: str = ""  # a graphics card, or nothing

    @property
    def about(self) -> dict[str, Any]:
        """What a file says of itself, and what is compared when it is read."""
        return {"format": FORMAT, "spec": self.spec, "code": self.code}

    def path(self, folder: str | Path, computed: Mapping[str, str]) -> Path:
        """The file in a store, for what was computed there."""
        name = f"{self.address}-{code.digest(computed)[:8]}.npz"
        return Path(folder) / self.address[:2] / name


class Found(NamedTuple):
    """A kept result, and the states in which generators were left."""

    result: Any
    states: Sequence[Any] = ()


class Unknown(Exception):
    """Something that no address can stand for."""


@functools.cache
def computed_on(device: str = "") -> dict[str, str]:
    """What may change the last bits of a result: processor, card and libraries."""
    import torch
    from llvmlite import binding
    from numba import config

    found = {
        "processor": config.CPU_NAME or binding.get_host_cpu_name(),
        "vectors": torch.backends.cpu.get_cpu_capability(),
        "system": f"{platform.system()} {platform.machine()}",
    }
    if device:
        found["card"] = torch.cuda.get_device_name(device)
    for name in LIBRARIES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


# --- what is asked for ----------------------------------------------------------------


def place(function: Callable, arguments: Mapping[str, Any]) -> Place | None:
    """Where the result of `function` is kept.

    None where nothing is kept, or if the result hangs on code from outside the package,
    which could change unseen: that is said once. An `Executor` decides nothing.
    """
    if not (os.environ.get("HLNB_CACHE") or os.environ.get("HLNB_REDRAW")):
        return None
    asked = _Asked()
    try:
        spec = {
            name: asked.spec(value)
            for name, value in arguments.items()
            if not isinstance(value, Executor)
        }
        asked.of_code(function)
        digest = code.package().digest(asked.roots)
        if edited := _edited():
            raise Unknown(f"{edited} was edited after it was imported")
    except Unknown as error:
        _say(f"Results of {function.__name__} are not kept: {error}.")
        return None
    device = str(arguments.get("device", ""))
    return Place(
        address=code.digest([function.__name__, spec, digest])[:32],
        spec=json.loads(json.dumps(spec)),
        code=digest,
        roots=frozenset(asked.roots),
        device=device if device.startswith("cuda") else "",
    )


class _Asked:
    """Writes down what is asked for, and notes the code behind it."""

    def __init__(self):
        self.roots: set[code.Target] = set()

    def spec(self, thing: Any) -> Any:
        """`thing` in JSON's types: other content, another text."""
        if type(thing) in (bool, int, float, str, type(None)):
            return thing
        if isinstance(thing, np.ndarray | np.generic) or _is_tensor(thing):
            array = np.asarray(thing.detach().cpu() if _is_tensor(thing) else thing)
            return ["array", str(array.dtype), array.shape, _digest({"": array})]
        if isinstance(thing, Mapping):
            pairs = [[self.spec(key), self.spec(value)] for key, value in thing.items()]
            return ["mapping", pairs]
        if _is_generator(thing):
            return ["generator", self.spec(thing.get_state())]
        if isinstance(thing, set | frozenset):
            return ["set", sorted(map(self.spec, thing), key=json.dumps)]
        if isinstance(thing, list | tuple):
            return [self.of_code(type(thing)), *map(self.spec, thing)]
        if isinstance(thing, functools.partial):
            return [
                "partial",
                *map(self.spec, (thing.func, thing.args, thing.keywords)),
            ]
        if isinstance(thing, types.FunctionType):
            held = [cell.cell_contents for cell in thing.__closure__ or ()]
            held += [thing.__defaults__, thing.__kwdefaults__]
            return [self.of_code(thing), *map(self.spec, held)]
        if isinstance(thing, type | types.BuiltinFunctionType | np.ufunc):
            return self.of_code(thing)
        if dataclasses.is_dataclass(thing):
            fields = [f.name for f in dataclasses.fields(thing) if f.compare]
            found = [self.of_code(type(thing))]
            found += [[name, self.spec(getattr(thing, name))] for name in fields]
            if callable(provenance := getattr(thing, "provenance", None)):
                found.append(provenance()["sha256"])  # data that come from files
            return found
        if isinstance(thing, PLAIN) or type(thing).__module__ == "torch":
            return [type(thing).__name__, str(thing)]  # torch.float64
        raise Unknown(f"{_name(type(thing))} does not say what it is made of")

    def of_code(self, thing: Any) -> str:
        """The name of a class or function, whose code counts."""
        module = getattr(thing, "__module__", None) or "builtins"
        outer = thing.__qualname__.partition(".")[0]
        if module.partition(".")[0] == code.PACKAGE.name:
            found = code.Definition(module, outer)
            self.roots.add(code.Whole(module) if outer == "<lambda>" else found)
        elif module.partition(".")[0] not in KNOWN:
            raise Unknown(f"the code of {_name(thing)} could change unseen")
        return thing.__qualname__


def _is_tensor(thing: Any) -> bool:
    return callable(getattr(thing, "detach", None)) and hasattr(thing, "dtype")


def _is_generator(thing: Any) -> bool:
    return type(thing).__module__.startswith("torch") and hasattr(thing, "get_state")


def _name(thing: Any) -> str:
    return f"{thing.__module__}.{thing.__qualname__}"


# --- the store ------------------------------------------------------------------------


def keep(
    place: Place | None, found: Found, *, computed: Mapping[str, str] | None = None
) -> None:
    """Stores a result; a full disk loses nothing else. `computed`: on what, if not on
    this machine."""
    folder = os.environ.get("HLNB_CACHE")
    if place is None or not folder or os.environ.get("HLNB_REDRAW"):
        return
    computed = computed_on(place.device) if computed is None else computed
    arrays: dict[str, np.ndarray] = {}
    about = place.about | {"computed on": computed, "result": _packed([*found], arrays)}
    about["digest"] = _digest(arrays)
    about = np.array(json.dumps(about))
    with suppress(HlnbError):  # the result is not lost, it is not kept
        file = place.path(folder, computed)
        archives.write(file, {**arrays, "about": about}, small=False)


def find(place: Place | None) -> Found | None:
    """The result kept at `place`; None if there is none that is whole and its own.

    A result of record that is missing is an error: it would be another number.
    """
    if place is None:
        return None
    if record := os.environ.get("HLNB_REDRAW"):
        found = read(Path(record) / place.address[:2] / f"{place.address}.npz", place)
        if found is None:
            raise HlnbError(
                f"The runs of record in {record} lack a result of this chapter: what "
                "computes it has changed since. `hlnb run` computes it anew."
            )
        return found
    return read(place.path(os.environ["HLNB_CACHE"], computed_on(place.device)), place)


def read(path: Path, place: Place) -> Found | None:
    """The result in a file; None if it is damaged, or of another place."""
    try:
        arrays = archives.read(path)
        about = json.loads(str(arrays.pop("about")))
        same = {name: about[name] for name in place.about} == place.about
        if not same or about["digest"] != _digest(arrays):
            return None
        return Found(*_unpacked(about["result"], arrays, place.roots))
    except (HlnbError, ValueError, KeyError, TypeError, IndexError, AttributeError):
        return None


def kept(function: Callable) -> Callable:
    """`function`, whose result is kept: for what computes longer than two seconds.

    The result is made of numbers, words, arrays, tensors, lists, tuples, mappings,
    sets, and data classes and named tuples of the package. A generator among its
    arguments is left where the computation leaves it. `anew` computes it always.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def at_hand_or_computed(*args: Any, **kwargs: Any) -> Any:
        global _nested
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        where = place(at_hand_or_computed, bound.arguments)
        if where is None:
            return function(*args, **kwargs)
        drawing = [v for v in bound.arguments.values() if _is_generator(v)]
        found = find(where)
        if found is None:
            before, _nested = _nested, True
            try:
                result = function(*args, **kwargs)
            finally:
                _nested = before
            found = Found(result, [generator.get_state() for generator in drawing])
            keep(where, found)
            about = _packed([*found], arrays := {})  # in memory as if it had been read
            found = Found(*_unpacked(about, arrays, where.roots))
        use([where])
        for generator, state in zip(drawing, found.states, strict=True):
            generator.set_state(state)  # as far as the computation drew
        return found.result

    at_hand_or_computed.anew = function
    return at_hand_or_computed


def _packed(thing: Any, arrays: dict[str, np.ndarray]) -> Any:
    """`thing` in JSON's types; its arrays go to `arrays`."""
    if type(thing) in (bool, int, float, str, type(None)):
        return thing
    if isinstance(thing, np.ndarray | np.generic) or _is_tensor(thing):
        kind = "tensor" if _is_tensor(thing) else "array"
        kind = "number" if isinstance(thing, np.generic) else kind
        array = np.asarray(thing.detach().cpu() if kind == "tensor" else thing)
        if array.dtype.hasobject:
            raise TypeError("An array of objects cannot be kept.")
        one = array.flags.c_contiguous or array.flags.f_contiguous
        arrays[name := f"array {len(arrays)}"] = (
            array if one else np.ascontiguousarray(array)
        )
        return [kind, name]
    if dataclasses.is_dataclass(thing):
        fields = [f.name for f in dataclasses.fields(thing) if f.init]
    else:
        fields = getattr(thing, "_fields", None)
    if fields is not None:
        pairs = [[name, _packed(getattr(thing, name), arrays)] for name in fields]
        return ["class", type(thing).__qualname__, pairs]
    if isinstance(thing, Mapping):
        pairs = [[_packed(k, arrays), _packed(v, arrays)] for k, v in thing.items()]
        return ["mapping", pairs]
    for kind in (list, tuple, set, frozenset):
        if type(thing) is kind:
            return [kind.__name__, [_packed(item, arrays) for item in thing]]
    raise TypeError(f"{_name(type(thing))} cannot be kept.")


def _unpacked(found: Any, arrays: Mapping[str, np.ndarray], roots: frozenset) -> Any:
    """What `_packed` made JSON of; `roots`: its classes are reached from there."""
    if not isinstance(found, list):
        return found
    kind, content, *rest = found
    if kind in ("array", "number", "tensor"):
        array = arrays[content]
        if kind == "tensor":
            return importlib.import_module("torch").from_numpy(array)
        return array[()] if kind == "number" else array
    if kind == "class":
        values = {name: _unpacked(value, arrays, roots) for name, value in rest[0]}
        return _class(content, roots)(**values)
    if kind == "mapping":
        pairs = ([_unpacked(part, arrays, roots) for part in pair] for pair in content)
        return dict(pairs)
    items = (_unpacked(item, arrays, roots) for item in content)
    return {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}[kind](
        items
    )


def _class(name: str, roots: frozenset) -> type:
    """The class of that name which code reaches, wherever it lives by now."""
    for module, known in sorted(code.package().reach(roots)):
        if known == name:
            return getattr(importlib.import_module(module), name)
    raise KeyError(name)


def _digest(arrays: Mapping[str, np.ndarray]) -> str:
    """A digest of names, types, shapes and values."""
    found = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        found.update(f"{name} {array.dtype} {arrays[name].shape}\0".encode())
        found.update(array.tobytes())
    return found.hexdigest()


# --- what a chapter says of its results -----------------------------------------------


def use(places: Iterable[Place | None]) -> None:
    """Notes results that a chapter rests on; those behind a kept one it needs not."""
    if not _nested:
        _note(*({"used": place.address} for place in places if place is not None))


def at_hand(kept: int, total: int) -> None:
    """Notes how many training runs were at hand, of how many."""
    _note({"at hand": kept, "of": total})
    progress(kept)


def progress(runs: int) -> None:
    """Lets the file that HLNB_CACHE_PROGRESS names grow by a byte for each run."""
    if path := os.environ.get("HLNB_CACHE_PROGRESS"):
        with suppress(OSError), open(path, "ab") as file:
            file.write(b"." * runs)


def _say(text: str) -> None:
    if text not in _said:
        _said.add(text)
        if not _note({"not kept": text}):
            logging.getLogger(__name__).warning(text)


def _note(*lines: Mapping[str, Any]) -> bool:
    """Adds lines to the file that HLNB_CACHE_NOTES names, if it names one."""
    path = os.environ.get("HLNB_CACHE_NOTES")
    if path and lines:
        with open(path, "a", encoding="utf8") as file:
            file.writelines(f"{json.dumps(line)}\n" for line in lines)
    return bool(path)
