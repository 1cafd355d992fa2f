"""What a notebook was given: in its kernel, values are held to what its chapter takes.

papermill and readers set parameters below the cell that declares them, and nothing
stands between them and the code. So the first import of `hlnb`, with which the next
cell begins, refuses what `hlnb run` refuses. A notebook that is of no book is let be.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from hlnb import settings
from hlnb.errors import HlnbError
from hlnb.parameters import Parameter, admit_together, declared, parse_parameters


def check() -> None:
    """Raises an HlnbError if this kernel's parameters are none that its chapter takes.

    Where several chapters declare the same parameters, what one of them takes passes.
    """
    from IPython import get_ipython

    shell = get_ipython()
    if shell is None:
        return
    cell = _parameters_cell(shell.user_ns.get("In", []))
    refusals = []
    for known in _chapters(Path.cwd(), cell) if cell else ():
        values = {n: shell.user_ns[n] for n in known if n in shell.user_ns}
        try:
            for name, value in values.items():
                known[name].take(value)
            changed = {n: v for n, v in values.items() if v != known[n].default}
            admit_together(known, changed)
            return
        except HlnbError as refusal:
            refusals.append(refusal)
    if refusals:
        raise refusals[0]


def _parameters_cell(history: list[str]) -> dict[str, Parameter]:
    """The parameters that the last such cell among those executed declares."""
    for text in reversed(history):
        with suppress(HlnbError):
            if found := parse_parameters(text, where="this notebook"):
                return found
    return {}


def _chapters(
    start: Path, cell: Mapping[str, Parameter]
) -> Iterator[dict[str, Parameter]]:
    """The parameters of the chapters that declare those of `cell`, in the first book
    above `start`, or above this package if there is none."""
    book = next(settings.books(start), None)
    for path in sorted(book.glob("notebooks/*.ipynb")) if book else ():
        with suppress(Exception):  # another chapter's damage is not this one's matter
            found = _declared(json.loads(path.read_text("utf8")), path.stem)
            if _signature(found) == _signature(cell):
                yield found


def _declared(notebook: dict[str, Any], name: str) -> dict[str, Parameter]:
    """The parameters of a notebook, which may be none of the book's."""
    (cell,) = (
        c for c in notebook["cells"] if "parameters" in c["metadata"].get("tags", [])
    )
    ranges = notebook["metadata"]["hlnb"].get("ranges", {})
    return declared("".join(cell["source"]), ranges, where=name)


def _signature(parameters: Mapping[str, Parameter]) -> dict[str, str]:
    return {p.name: p.type for p in parameters.values()}
