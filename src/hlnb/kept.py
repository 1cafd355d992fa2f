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
import multiprocessing
import platform
import sys
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import (
    Any,
    NamedTuple,
    ParamSpec,
    Protocol,
    TypeVar,
    cast,
    runtime_checkable,
)

import numpy as np

from hlnb import code, settings, storage
from hlnb.errors import HlnbError

FORMAT = "hlnb kept 1"
COMPILING = ".compiling"  # ends the name of a file, beside that of the progress
LIBRARIES = ("torch", "numpy", "numba", "llvmlite", "scipy", "scikit-learn")
KNOWN = {"torch", "numpy", "scipy", "sklearn", *sys.stdlib_module_names}
SCALARS = (bool, int, float, str, type(None))
WRITTEN = {"complex", "bytes", "range", "slice", "torch.dtype", "torch.device"}
COLLECTIONS = {kind.__name__: kind for kind in (list, tuple, set, frozenset)}

_edited = code.package().edited  # from now on: the code in memory is what was read
_nested = False  # whether a kept result is being computed: it stands for what it needs
_said: set[str] = set()


class Place(NamedTuple):
    """Where a result is kept: by what was asked for and the code that computes it."""

    address: str
    about: dict[str, Any]  # both in JSON's types; `address` is their digest
    roots: frozenset[code.Definition]  # the code that was named
    device: str

    def path(self, folder: str | Path, computed: Mapping[str, str]) -> Path:
        """The file in a store, for what was computed there."""
        name = f"{self.address}-{code.digest(computed)[:8]}.npz"
        return Path(folder) / self.address[:2] / name


class Found(NamedTuple):
    """A kept result, and the states in which generators were left."""

    result: Any
    states: Sequence[Any] = ()


class Unknown(TypeError):
    """Something that no address can stand for, or that no file can hold."""


@functools.cache
def computed_on(device: str = "cpu") -> dict[str, str]:
    """What may change the last bits of a result: processor, card and libraries."""
    import torch

    found = {
        "processor": _processor(),
        "vectors": torch.backends.cpu.get_cpu_capability(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": ".".join(platform.python_version_tuple()[:2]),
    }
    if device != "cpu" and torch.cuda.is_available():
        found["card"] = torch.cuda.get_device_name(None if device == "auto" else device)
    if not loops_compile():
        found["loops"] = "plain"
    for name in LIBRARIES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


@functools.cache
def loops_compile() -> bool:
    """Whether Numba's loops take the steps: it works here, and HLNB_FAST is not 0."""
    if settings.variable("HLNB_FAST") == "0":
        return False
    try:
        import numba  # noqa: F401 - asked for whether it works
    except Exception:  # one that does not fit the other packages may raise anything
        return False
    return True


def _processor() -> str:
    try:
        from llvmlite import binding
        from numba import config
    except ImportError:
        return platform.processor() or platform.machine()
    # Numba sets it from the environment when it is imported
    return config.CPU_NAME or binding.get_host_cpu_name()  # type: ignore[attr-defined]


# --- what is asked for ----------------------------------------------------------------


def place(function: Callable, arguments: Mapping[str, Any]) -> Place | None:
    """Where the result of `function` is kept.

    None where nothing is kept, or if the result hangs on code from outside the package,
    which could change unseen: that is said once. An `Executor` decides nothing.
    """
    if not (settings.variable("HLNB_CACHE") or settings.variable("HLNB_REDRAW")):
        return None
    asked = _Asked()
    try:
        spec = {
            name: _state(value) if _is_generator(value) else asked.spec(value)
            for name, value in arguments.items()
            if not isinstance(value, Executor)
        }
        about = {"format": FORMAT, "function": asked.of_code(function), "spec": spec}
        about["code"] = code.package().digest(asked.roots)
        if edited := _edited():
            raise Unknown(f"{edited} was edited after it was imported")
    except Unknown as error:
        _say(f"Results of {function.__name__} are not kept: {error}.")
        return None
    device = str(arguments.get("device", "cpu"))
    return Place(_address(about), about, frozenset(asked.roots), device)


def _address(about: Mapping[str, Any]) -> str:
    asked = {name: about[name] for name in ("format", "function", "spec", "code")}
    return code.digest(asked)[:32]


class _Asked:
    """Writes down what is asked for, and notes the code behind it."""

    def __init__(self):
        self.roots: set[code.Definition] = set()

    def spec(self, thing: Any) -> Any:
        """`thing` in JSON's types: other content, another text."""
        kind = type(thing)
        if kind in SCALARS:
            return thing
        if (found := _array(thing)) is not None:
            return [found[0], *_described(found[1])]
        if kind in (dict, types.MappingProxyType):
            pairs = [[self.spec(key), self.spec(value)] for key, value in thing.items()]
            return ["mapping", pairs]
        if kind in (set, frozenset):
            return ["set", sorted(map(self.spec, thing), key=json.dumps)]
        if isinstance(thing, list | tuple):
            return [self.of_code(kind), *map(self.spec, thing)]
        if kind is functools.partial:
            held = (thing.func, thing.args, thing.keywords)
            return ["partial", *map(self.spec, held)]
        if isinstance(thing, types.FunctionType) and "<locals>" in thing.__qualname__:
            return self.of_closure(inspect.unwrap(thing))
        if isinstance(thing, type | types.FunctionType | types.BuiltinFunctionType):
            return ["code", self.of_code(thing)]
        if dataclasses.is_dataclass(thing):
            fields = [f.name for f in dataclasses.fields(thing) if f.compare]
            written: list[Any] = [self.of_code(kind)]
            written += [[name, self.spec(getattr(thing, name))] for name in fields]
            if callable(provenance := getattr(thing, "provenance", None)):
                written.append(provenance()["sha256"])  # data that come from files
            return written
        if _name(kind) in WRITTEN:
            return [_name(kind), str(thing)]
        raise Unknown(f"{_name(kind)} does not say what it is made of")

    def of_code(self, thing: Any) -> list[str]:
        """The name of a class or function, whose code counts, and what tells it from
        others of that name."""
        module, name = thing.__module__ or "builtins", thing.__qualname__
        library = module.partition(".")[0]
        if library not in {code.PACKAGE.name, *KNOWN}:
            raise Unknown(f"the code of {_name(thing)} could change unseen")
        own = getattr(sys.modules.get(module), name, None)
        if own is not thing and getattr(own, "__wrapped__", None) is not thing:
            raise Unknown(f"{module} has no {name} of its own at its top level")
        if library in KNOWN:
            return [name, module]
        found = code.Definition(module, name)
        self.roots.add(found)
        return [name, code.package().label(found)]

    def of_closure(self, thing: types.FunctionType) -> list[Any]:
        """A function that one of the package made: the maker's code, what it holds."""
        outer, _, name = thing.__qualname__.partition(".<locals>.")
        home = getattr(sys.modules.get(thing.__module__), "__file__", None)
        if not name.isidentifier() or thing.__code__.co_filename != home:
            raise Unknown(f"{_name(thing)} is told from no other function")
        maker = getattr(sys.modules[thing.__module__], outer)
        held = [cell.cell_contents for cell in thing.__closure__ or ()]
        held += [thing.__defaults__, thing.__kwdefaults__]
        return ["closure", name, self.of_code(maker), *map(self.spec, held)]


def _array(thing: Any) -> tuple[str, np.ndarray] | None:
    """What kind of array a thing is, and its numbers; None if it is none."""
    if isinstance(thing, np.generic):
        kind, array = "number", np.asarray(thing)
    elif type(thing) is np.ndarray:
        kind, array = "array", thing
    elif _name(type(thing)) == "torch.Tensor":
        try:
            kind, array = "tensor", thing.numpy(force=True)
        except (TypeError, RuntimeError) as error:  # NumPy has no such numbers
            raise Unknown(f"a tensor of {thing.dtype} has no like in NumPy") from error
    else:
        return None
    if array.dtype.hasobject:
        raise Unknown("an array of objects does not say what it is made of")
    return kind, array


def _described(array: np.ndarray) -> list[Any]:
    """Type, shape and a digest of the values of an array."""
    values = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
    return [np.lib.format.dtype_to_descr(array.dtype), list(array.shape), values]


def _state(generator: Any) -> list[Any]:
    return ["generator", *_described(generator.get_state().numpy())]


def _is_generator(thing: Any) -> bool:
    return type(thing).__module__.startswith("torch") and hasattr(thing, "get_state")


def _name(thing: Any) -> str:
    return f"{thing.__module__}.{thing.__qualname__}".removeprefix("builtins.")


# --- the store ------------------------------------------------------------------------


def keep(
    place: Place | None, found: Found, *, computed: Mapping[str, str] | None = None
) -> None:
    """Stores a result; a full disk loses nothing else. `computed`: on what, if not on
    this machine."""
    folder = settings.variable("HLNB_CACHE")
    if place is None or not folder or settings.variable("HLNB_REDRAW"):
        return
    computed = computed_on(place.device) if computed is None else computed
    arrays: dict[str, np.ndarray] = {}
    about = {**place.about, "computed on": computed}
    about["result"] = _packed([*found], arrays, place.roots)
    about["digest"] = _digest(about, arrays)
    if _edited():
        return
    with suppress(HlnbError):  # the result is not lost, it is not kept
        file = place.path(settings.place(folder), computed)
        arrays["about"] = np.array(json.dumps(about))
        storage.write(file, arrays, small=False)


def check(place: Place | None) -> None:
    """Refuses to compute what belongs at `place` with other code than it names."""
    if place and (
        _edited() or place.about["code"] != code.package().digest(place.roots)
    ):
        raise HlnbError(
            "A worker has other code of hlnb than this process, or the code was edited "
            "since: start the workers (or the kernel) anew."
        )


def find(place: Place | None) -> Found | None:
    """The result kept at `place`; None if there is none that is whole and its own.

    A result of record that is missing is an error: it would be another number.
    """
    if place is None:
        return None
    if record := settings.variable("HLNB_REDRAW"):
        found = read(
            settings.place(record) / place.address[:2] / f"{place.address}.npz", place
        )
        if found is None:
            raise HlnbError(
                f"The runs of record in {record} lack a result of this chapter: what "
                "computes it has changed since. `hlnb run` computes it anew."
            )
        return found
    computed = computed_on(place.device)
    path = place.path(settings.place(settings.variable("HLNB_CACHE")), computed)
    return read(path, place, computed=computed)


def read(
    path: Path, place: Place, *, computed: Mapping[str, str] | None = None
) -> Found | None:
    """The result in a file; None if it is damaged, of another place, or `computed`
    elsewhere."""
    try:
        arrays = storage.read(path)
        about = json.loads(str(arrays.pop("about")))
        if (
            about.pop("digest") != _digest(about, arrays)
            or _address(about) != place.address
            or computed not in (None, about["computed on"])
        ):
            return None
        return Found(*_unpacked(about["result"], arrays, place.roots))
    except (HlnbError, ValueError, KeyError, TypeError, IndexError, AttributeError):
        return None


P = ParamSpec("P")
R = TypeVar("R")


@runtime_checkable
class Kept(Protocol[P, R]):
    """A function whose result is kept; `anew` computes it always."""

    anew: Callable[P, R]

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R: ...


def kept(function: Callable[P, R]) -> Kept[P, R]:
    """`function`, whose result is kept: for what computes longer than two seconds.

    The result is made of numbers, words, arrays, tensors, lists, tuples, mappings,
    sets, and data classes and named tuples of the package. A generator that is an
    argument is left where the computation leaves it. `anew` computes it always.
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
            states = [generator.get_state() for generator in drawing]
            found = Found(result, states)
            keep(where, found)
            arrays: dict[str, np.ndarray] = {}
            packed = _packed([*found], arrays, where.roots)
            found = Found(*_unpacked(packed, arrays, where.roots))  # as if it were read
        use([where])
        for generator, state in zip(drawing, found.states, strict=True):
            generator.set_state(state)  # as far as the computation drew
        return found.result

    made = cast(Kept[P, R], at_hand_or_computed)
    made.anew = function
    return made


def _packed(
    thing: Any, arrays: dict[str, np.ndarray], roots: frozenset[code.Definition]
) -> Any:
    """`thing` in JSON's types; its arrays go to `arrays`."""
    kind = type(thing)
    if kind in SCALARS:
        return thing
    if (found := _array(thing)) is not None:
        in_order = found[1].flags.c_contiguous or found[1].flags.f_contiguous
        array = found[1] if in_order else np.ascontiguousarray(found[1])
        arrays[name := f"array {len(arrays)}"] = array
        return [found[0], name]

    def packed(things: Iterable) -> list[Any]:
        return [_packed(one, arrays, roots) for one in things]

    if kind is dict:
        return ["dict", packed(thing), packed(thing.values())]
    if kind in COLLECTIONS.values():
        return [kind.__name__, packed(thing)]
    definition = code.Definition(kind.__module__, kind.__qualname__)
    if definition in code.package().reach(roots):
        names = getattr(thing, "_fields", None) or [
            field.name for field in dataclasses.fields(thing) if field.init
        ]
        label = code.package().label(definition)
        return [label, names, packed(getattr(thing, name) for name in names)]
    raise Unknown(f"A {_name(kind)} cannot be kept as a result.")


def _unpacked(
    found: Any, arrays: Mapping[str, np.ndarray], roots: frozenset[code.Definition]
) -> Any:
    """What `_packed` made JSON of."""
    if not isinstance(found, list):
        return found
    kind, content, *more = found
    if kind == "tensor":
        return sys.modules["torch"].from_numpy(arrays[content])
    if kind in ("array", "number"):
        return arrays[content] if kind == "array" else arrays[content][()]
    content, *more = (
        [_unpacked(one, arrays, roots) for one in part] for part in (content, *more)
    )
    if kind in COLLECTIONS:
        return COLLECTIONS[kind](content)
    pairs = dict(zip(content, *more, strict=True))
    return pairs if kind == "dict" else _class(kind, roots)(**pairs)


def _class(label: str, roots: frozenset[code.Definition]) -> type:
    """The class of that label which code reaches, wherever it lives by now."""
    for found in code.package().reach(roots):
        if code.package().label(found) == label:
            return getattr(importlib.import_module(found.module), found.name)
    raise KeyError(label)


def _digest(about: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> str:
    """A digest of what a file says of itself, and of its arrays."""
    return code.digest([about, {n: _described(a) for n, a in arrays.items()}])


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
    if path := settings.variable("HLNB_CACHE_PROGRESS"):
        with suppress(OSError), open(path, "ab") as file:
            file.write(b"." * runs)


@functools.cache
def compiling() -> None:
    """Says that loops are compiled, which takes seconds in which no run ends.

    `hlnb run` is told by a file beside that of the progress; others read it on stderr,
    of a pool from its first process.
    """
    if path := settings.variable("HLNB_CACHE_PROGRESS"):
        with suppress(OSError):
            Path(path + COMPILING).touch()
    elif multiprocessing.current_process().name in ("MainProcess", "SpawnProcess-1"):
        logging.getLogger(__name__).warning(
            "Compiling the loops for layers of this size, once: some ten seconds."
        )


def _say(text: str) -> None:
    if text not in _said:
        _said.add(text)
        if not _note({"not kept": text}):
            logging.getLogger(__name__).warning(text)


def _note(*lines: Mapping[str, Any]) -> bool:
    """Adds lines to the file that HLNB_CACHE_NOTES names, if it names one."""
    path = settings.variable("HLNB_CACHE_NOTES")
    if path and lines:
        with suppress(OSError), open(path, "a", encoding="utf8") as file:
            file.writelines(f"{json.dumps(line)}\n" for line in lines)
    return bool(path)
