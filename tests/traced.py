"""Which definitions of the package are executed: `python tests/traced.py NN_name`.

A trace is the truth that keys are held against. Python says which functions it calls,
and Numba which it compiled; what importing a module does is left out.
"""

import ast
import gc
import importlib
import io
import json
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from types import CodeType

from hlnb import code
from hlnb.code import Definition
from hlnb.publishing.chapters import Chapter, tags_of, text_of

ROOT = Path(__file__).parents[1]


def modules() -> list[str]:
    """The dotted name of every module of the package."""
    files = (p.relative_to(code.PACKAGE.parent) for p in code.PACKAGE.rglob("*.py"))
    names = (".".join(file.with_suffix("").parts) for file in files)
    return sorted(name.removesuffix(".__init__") for name in names)


def import_all() -> None:
    """Imports every module, so that a trace shows calls alone."""
    for name in modules():
        importlib.import_module(name)


@contextmanager
def trace() -> Iterator[set[Definition]]:
    """A set that holds, after the block, each definition of which code was executed."""
    found: set[Definition] = set()
    seen: dict[int, CodeType] = {}

    def look(frame, event, argument):
        seen.setdefault(id(frame.f_code), frame.f_code)

    compiled = {id(c) for c in _compiled()}
    before = sys.gettrace()
    threading.settrace(look)
    sys.settrace(look)
    try:
        yield found
    finally:
        sys.settrace(before)
        threading.settrace(before)
        codes = [*seen.values(), *(c for c in _compiled() if id(c) not in compiled)]
        found.update(*map(definitions, codes))


def _compiled() -> Iterator[CodeType]:
    """The code of all functions that Numba has compiled, which run unseen."""
    from numba.core.dispatcher import Dispatcher

    for thing in gc.get_objects():
        if issubclass(type(thing), Dispatcher) and thing.signatures:
            yield thing.py_func.__code__


def definitions(executed: CodeType) -> Iterator[Definition]:
    """Which definitions a function's code is part of; none outside the package."""
    path = Path(executed.co_filename)
    if not path.is_relative_to(code.PACKAGE):
        return
    parts = path.relative_to(code.PACKAGE.parent).with_suffix("").parts
    module = ".".join(parts).removesuffix(".__init__")
    for name, statements in code.package().module(module).names.items():
        if any(_covers(s, executed.co_firstlineno) for s in statements):
            yield Definition(module, name)


def _covers(statement: ast.stmt, line: int) -> bool:
    above = getattr(statement, "decorator_list", [])
    first = min(part.lineno for part in [statement, *above])
    return first <= line <= statement.end_lineno


def chapter(name: str) -> set[Definition]:
    """What the smoke run of a chapter executes, in this process."""
    from IPython.core.interactiveshell import InteractiveShell

    source = Chapter(ROOT / "notebooks" / f"{name}.ipynb")
    import_all()
    shell = InteractiveShell.instance()
    cells = [cell for cell in source.cells if cell["cell_type"] == "code"]
    steps = [(text_of(cell), "parameters" in tags_of(cell)) for cell in cells]
    smoke = source.smoke()
    with trace() as found, redirect_stdout(io.StringIO()):
        for text, sets_parameters in steps:
            shell.run_cell(text).raise_error()
            shell.push(smoke if sets_parameters else {})
    return found


def runs() -> dict[str, set[Definition]]:
    """What each of the small runs executes."""
    import small_runs

    import_all()
    found = {}
    for name, arguments in small_runs.RUNS.items():
        train = small_runs.loop.trainer(arguments["measures"])
        with trace() as found[name]:
            train.anew(**arguments)
    return found


def main(what: str) -> None:
    """Prints what a chapter or, for `runs`, what each small run executes."""
    os.environ |= {"HLNB_RUN": "smoke", "HLNB_WORKERS": "1", "MPLBACKEND": "Agg"}
    os.environ |= {"HLNB_CACHE": "", "HLNB_REDRAW": "", "HLNB_EXECUTOR": ""}
    with tempfile.TemporaryDirectory() as folder:  # so that Numba compiles anew
        os.environ["NUMBA_CACHE_DIR"] = folder
        found = runs() if what == "runs" else {what: chapter(what)}
    print(json.dumps({name: sorted(each) for name, each in found.items()}))


if __name__ == "__main__":
    main(sys.argv[1])
