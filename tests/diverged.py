"""A plugin of pytest: draws again what tests drew, with runs that diverged.

`pytest -p diverged …` notes the first call of every public figure function of a study,
puts NaN or inf in the place of one run and of all runs, and writes to the file that
DIVERGED names, as JSON, what each function raised. A run is an axis that an annotation
calls so; figures of a single network have none, and are passed over.
"""

import functools
import importlib
import inspect
import json
import os
import pkgutil
import typing
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

RUN_AXES = {"run", "_run", "_r", "pair", "repeat"}
CASES = {
    f"{text} in {where}": (value, where)
    for text, value in (("NaN", np.nan), ("inf", np.inf))
    for where in ("one run", "all runs")
}
calls: dict[str, tuple[Callable, inspect.BoundArguments]] = {}


def functions(study: str) -> Iterator[tuple[Any, str, Callable]]:
    """Module, name and function of everything in a study that returns a figure."""
    module = importlib.import_module(f"hlnb.studies.{study}.figures")
    for name, found in inspect.getmembers(module, inspect.isfunction):
        own = found.__module__ == module.__name__ and not name.startswith("_")
        if own and "Figure" in str(found.__annotations__.get("return")):
            yield module, name, found


def studies() -> list[str]:
    """The studies that draw."""
    import hlnb.studies

    found = [p.name for p in pkgutil.iter_modules(hlnb.studies.__path__)]
    return [s for s in found if importlib.util.find_spec(f"hlnb.studies.{s}.figures")]


def has_runs(annotation: Any) -> bool:
    """Whether an axis of an array, or of one inside, is called a run."""
    if (dims := getattr(annotation, "dim_str", None)) is not None:
        return _axis(dims) is not None
    return any(map(has_runs, typing.get_args(annotation)))


def pytest_collection() -> None:
    """Before any test module imports a function."""
    for study in studies():
        for module, name, function in functions(study):
            setattr(module, name, _noted(f"{study}.{name}", function))


def _noted(name: str, function: Callable) -> Callable:
    signature = inspect.signature(function)

    @functools.wraps(function)
    def noted(*args: Any, **kwargs: Any) -> Any:
        drawn = function(*args, **kwargs)
        calls.setdefault(name, (function, signature.bind(*args, **kwargs)))
        return drawn

    return noted


def pytest_sessionfinish() -> None:
    if path := os.environ.get("DIVERGED"):
        found = {name: [*_failures(*call)] for name, call in calls.items()}
        with open(path, "w", encoding="utf8") as file:
            json.dump(found, file)


def _failures(function: Callable, bound: inspect.BoundArguments) -> Iterator[str]:
    import matplotlib.pyplot as plt

    parameters = inspect.signature(function).parameters
    for case, (value, where) in CASES.items():
        worse = {
            name: _diverged(given, parameters[name].annotation, value, where)
            for name, given in bound.arguments.items()
        }
        again = inspect.BoundArguments(bound.signature, worse)  # type: ignore
        try:
            with warnings.catch_warnings(action="error"):
                function(*again.args, **again.kwargs).canvas.draw()
        except Exception as error:
            yield f"{case}: {type(error).__name__}: {error}"
        plt.close("all")


def _axis(dims: str) -> int | None:
    found = [i for i, name in enumerate(dims.split()) if name in RUN_AXES]
    return found[0] if found else None


def _diverged(given: Any, annotation: Any, value: float, where: str) -> Any:
    """What was given, with `value` for the results of runs."""
    inside = typing.get_args(annotation)
    if isinstance(given, np.ndarray):
        axis = _axis(getattr(annotation, "dim_str", ""))
        if axis is None or given.dtype.kind != "f" or not given.size:
            return given
        runs = np.moveaxis(given.copy(), axis, 0)
        runs[: 1 if where == "one run" else None] = value
        return np.moveaxis(runs, 0, axis)
    if isinstance(given, Mapping) and len(inside) == 2:
        return {k: _diverged(v, inside[1], value, where) for k, v in given.items()}
    if isinstance(given, tuple) and len(inside) == len(given):
        pairs = zip(given, inside, strict=True)
        return tuple(_diverged(each, kind, value, where) for each, kind in pairs)
    if isinstance(given, list | tuple) and len(inside) == 1:
        return [_diverged(each, inside[0], value, where) for each in given]
    kinds = [kind for kind in inside if typing.get_origin(kind) is type(given)]
    return _diverged(given, kinds[0], value, where) if kinds else given
