"""Whether an executed chapter still is what its source and the package would give."""

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from hlnb import code
from hlnb.errors import HlnbError
from hlnb.publishing.chapters import Chapter, read_notebook, tags_of, text_of
from hlnb.publishing.notebooks import Keys, outputs_digest, weave
from hlnb.publishing.slicing import behind_claims
from hlnb.storage import write_whole

MISSING, DAMAGED, ALTERED = "missing", "damaged", "altered"
EDITED, PROSE, OVERTAKEN, FRESH = "edited", "prose", "overtaken", "fresh"

# Tags that change what is executed; all others change how it is shown
EXECUTING = {"parameters", "raises-exception", "skip-execution"}


def keys(
    chapter: Chapter, parameters: dict[str, Any], *, package: Path = code.PACKAGE
) -> Keys:
    """The keys of a chapter, whose package may have been edited a moment ago.

    Neither versions nor data count.
    """
    cells = [c for c in chapter.cells if c["cell_type"] == "code"]
    found = code.Cells(code.current(package), map(text_of, cells))
    tags = [sorted(EXECUTING & {*tags_of(cell)}) for cell in cells]
    own = {"cells": [*zip(found.trees, tags, strict=True)], "parameters": parameters}
    return Keys(key=code.digest(own), code=found.digest())


def keys_of_claims(
    chapter: Chapter, parameters: dict[str, Any], *, package: Path = code.PACKAGE
) -> Keys:
    """The keys of what a chapter's claims depend on; its figures are no part of it."""
    found = code.Cells(code.current(package), [behind_claims(chapter.cells)])
    own = {"cells": found.trees, "parameters": parameters}
    return Keys(key=code.digest(own), code=found.digest())


def _keys_now(chapter: Chapter, package: Path) -> Keys:
    """`keys` with the default parameters, kept in runs/keys while no source changes.

    Reading every syntax tree takes a second and more; comparing bytes does not.
    """
    cells = [[c["cell_type"], text_of(c), sorted(tags_of(c))] for c in chapter.cells]
    about = code.digest([code.current(package).fingerprint, cells])
    kept = chapter.root / "runs" / "keys" / chapter.name
    with suppress(OSError, ValueError):
        known, *found = kept.read_text("ascii").split()
        if known == about and all(re.fullmatch("[0-9a-f]{64}", key) for key in found):
            return Keys(*found)
    found = keys(chapter, {}, package=package)
    with suppress(HlnbError):  # nothing is lost where nothing can be kept
        write_whole(kept, " ".join([about, *found, "\n"]).encode())
    return found


def known_keys(executed: dict[str, Any]) -> Keys:
    """The keys with which a copy was executed."""
    record = executed["metadata"].get("hlnb", {})
    return Keys(str(record.get("key")), str(record.get("code")))


def state(
    chapter: Chapter,
    folder: str | Path | None = None,
    *,
    package: Path = code.PACKAGE,
) -> str:
    """How the executed copy of the published run stands to its source.

    `missing`; `damaged`: it cannot be read, or its two files are not of one execution;
    `altered`: its outputs are not those of the execution; `edited`: its own code cells
    were edited since; `prose`: the outputs hold, the text around them was edited;
    `overtaken`: code of the package that it reaches has changed since; `fresh`.
    `folder` holds the copy and its provenance; default: `book/chapters`.
    """
    folder = Path(folder or chapter.root / "book" / "chapters")
    path = folder / f"{chapter.name}.ipynb"
    if not path.exists():
        return MISSING
    try:
        executed = read_notebook(path)
        dated = json.loads(path.with_suffix(".provenance.json").read_text("utf8"))
        then, outputs = Keys(dated["key"], dated["code"]), dated["outputs"]
    except (HlnbError, OSError, ValueError, KeyError, TypeError, RecursionError):
        return DAMAGED
    if then != known_keys(executed):  # a kill between the two files of an execution
        return DAMAGED
    if outputs != outputs_digest(executed):
        return ALTERED
    now = _keys_now(chapter, package)
    if now.key != then.key:
        return EDITED
    try:
        woven = weave(chapter.notebook, executed, keys=then, parameters={})
    except ValueError:
        return EDITED
    if woven != executed:  # 1.0 is 1, as which JupyterLab saves it
        return PROSE
    return FRESH if now.code == then.code else OVERTAKEN
