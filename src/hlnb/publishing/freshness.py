"""Whether an executed chapter still is what its source and the package would give."""

import ast
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from hlnb.errors import HlnbError
from hlnb.files import write_whole
from hlnb.publishing.chapters import Chapter, read_notebook, tags_of, text_of
from hlnb.publishing.weaving import to_bytes, weave

PACKAGE = Path(__file__).resolve().parents[1]
FRESH, PROSE, STALE, MISSING = "fresh", "prose", "stale", "missing"
SKIPPED_FIELDS = {"ctx", "kind", "type_comment", "type_params"}


def canonical(node: Any) -> Any:
    """The syntax tree as plain lists, the same on each Python that hlnb supports.

    Positions, comments, docstrings and empty fields are left out.
    """
    if isinstance(node, list):
        return [canonical(item) for item in node]
    if not isinstance(node, ast.AST):
        return [type(node).__name__, ascii(node)]  # repr depends on Python's Unicode
    fields = []
    for name, value in ast.iter_fields(node):
        if name == "body" and _has_docstring(node):
            value = value[1:]
        if name == "values" and isinstance(node, ast.JoinedStr):
            value = _merged(value)
        if value is not None and value != [] and name not in SKIPPED_FIELDS:
            fields.append([name, canonical(value)])
    return [type(node).__name__, *fields]


def _has_docstring(node: ast.AST) -> bool:
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    return isinstance(node, documented) and ast.get_docstring(node, False) is not None


def _merged(parts: list[ast.expr]) -> list[ast.expr]:
    """The parts of an f-string without empty texts, which Python 3.12 adds."""
    return [p for p in parts if not (isinstance(p, ast.Constant) and p.value == "")]


def cell_tree(source: str) -> Any:
    """The canonical form of a cell: its statements, and whether it ends in `;`.

    A cell's leading text is no docstring (the last expression is shown) and a closing
    semicolon hides an output.
    """
    try:
        statements = canonical(ast.parse(source).body)
    except SyntaxError:
        statements = source
    return [statements, bool(re.search(r";\s*(#.*)?\Z", source))]


def imports(tree: ast.AST, *, module: str = "", is_package: bool = False) -> set[str]:
    """The dotted names that code imports; `module` resolves relative imports.

    For `from a import b` both `a` and `a.b` are given, as b may be a module; for
    `from a import *`, `a.*`.
    """
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".")
                parts = parts[: len(parts) - node.level + is_package]
                base = ".".join([*parts, base] if base else parts)
            found |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return found


def reach(sources: Iterable[str], *, package: Path = PACKAGE) -> dict[str, str]:
    """The digest of each module of `package` that code imports, however indirectly.

    Modules are read from their files, never imported. Importing `a.b.c` reaches `a`
    and `a.b` too, whose `__init__` runs.
    """
    wanted = set().union(*(imports(_parse(source)) for source in sources))
    reached: dict[str, str] = {}
    while wanted:
        name = wanted.pop()
        for module in _modules(name, package):
            if module not in reached:
                path = _file(module, package)
                reached[module], new = _read(module, path, path.read_text("utf8"))
                wanted |= new
    return dict(sorted(reached.items()))


def _parse(source: str) -> ast.AST:
    try:
        return ast.parse(source)
    except SyntaxError:  # `hlnb check` reports it; its text is in the key
        return ast.Module(body=[], type_ignores=[])


def _modules(name: str, package: Path) -> Iterator[str]:
    """The modules that importing `name` runs: its parents in the package and itself."""
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        module = ".".join(parts[:end])
        if parts[0] == package.name and parts[end - 1] == "*":
            folder = package.joinpath(*parts[1 : end - 1])
            for path in [*folder.glob("*.py"), *folder.glob("*/__init__.py")]:
                stem = path.parent.name if path.stem == "__init__" else path.stem
                if path != folder / "__init__.py":
                    yield ".".join([*parts[: end - 1], stem])
        elif _file(module, package) is not None:
            yield module


def _file(module: str, package: Path) -> Path | None:
    """The file of a module of the package; None for any other name."""
    first, *rest = module.split(".")
    if first != package.name:
        return None
    base = package.joinpath(*rest)
    for path in (base / "__init__.py", base.parent / f"{base.name}.py"):
        if path.is_file() and (rest or path.name == "__init__.py"):
            return path
    return None


@lru_cache(maxsize=256)
def _read(module: str, path: Path, source: str) -> tuple[str, frozenset[str]]:
    """The digest of a module and what it imports."""
    tree = ast.parse(source)
    is_package = path.name == "__init__.py"
    found = imports(tree, module=module, is_package=is_package)
    return _digest(canonical(tree)), frozenset(found)


def _digest(value: Any) -> str:
    text = json.dumps(value, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _code(chapter: Chapter) -> list[Any]:
    return [cell for cell in chapter.cells if cell["cell_type"] == "code"]


def key(
    chapter: Chapter, parameters: dict[str, Any], *, package: Path = PACKAGE
) -> str:
    """What the outputs of a chapter depend on, as one hexadecimal digest.

    Its code cells and their tags, the parameters that differ from the defaults, and
    the modules of the package that it reaches. Neither versions nor data.
    """
    code = _code(chapter)
    return _digest(
        {
            "cells": [[cell_tree(text_of(c)), sorted(tags_of(c))] for c in code],
            "parameters": parameters,
            "modules": reach(map(text_of, code), package=package),
        }
    )


def _key_now(chapter: Chapter, package: Path) -> str:
    """`key` with the default parameters, kept in runs/keys while no source changes.

    Reading every syntax tree takes a second and more; comparing bytes does not.
    """
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(f"{path.relative_to(package)}\0".encode() + path.read_bytes())
    cells = [[text_of(c), sorted(tags_of(c))] for c in _code(chapter)]
    digest.update(json.dumps(cells).encode())
    about, kept = digest.hexdigest(), chapter.root / "runs" / "keys" / chapter.name
    with suppress(OSError, ValueError):
        known, found = kept.read_text("ascii").split()
        if known == about and re.fullmatch("[0-9a-f]{64}", found):
            return found
    found = key(chapter, {}, package=package)
    with suppress(HlnbError):  # nothing is lost where nothing can be kept
        write_whole(kept, f"{about} {found}\n".encode())
    return found


def state(
    chapter: Chapter, folder: str | Path | None = None, *, package: Path = PACKAGE
) -> str:
    """`fresh`, `prose`, `stale` or `missing`, for the published run.

    `prose`: the outputs hold, the text around them was edited. `folder` holds the
    executed copy and its provenance; default: `book/chapters`.
    """
    folder = Path(folder or chapter.root / "book" / "chapters")
    path = folder / f"{chapter.name}.ipynb"
    if not path.exists():
        return MISSING
    try:
        executed = read_notebook(path)
        dated = json.loads(path.with_suffix(".provenance.json").read_text("utf8"))
    except (HlnbError, OSError, ValueError):
        return STALE
    now = _key_now(chapter, package)
    if executed["metadata"].get("hlnb", {}).get("key") != now:
        return STALE
    if dated.get("key") != now:  # a kill between the two files of an execution
        return STALE
    try:
        woven = weave(chapter.notebook, executed, key=now, parameters={})
    except ValueError:
        return STALE
    return FRESH if to_bytes(woven) == path.read_bytes() else PROSE
