"""Chapters: the clean notebooks in `notebooks/`, their parameters and their rules."""

import ast
import difflib
import itertools
import json
import posixpath
import re
import reprlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hlnb import settings
from hlnb.errors import HlnbError
from hlnb.parameters import Parameter, admit_together, declared
from hlnb.publishing import places
from hlnb.publishing.notebooks import cleaned, to_bytes
from hlnb.storage import write_whole

NAME = re.compile(r"\d\d_[a-z0-9_]+")
FORMAT = 4  # of notebooks
MAX_LINES, MAX_COLUMNS = 25, 88
FORBIDDEN_NAMES = {  # they need a live kernel, or end a run with half a chapter
    *("interact", "interactive", "interactive_output", "interact_manual", "Output"),
    *("get_ipython", "exit", "quit"),
}
FORBIDDEN_MODULES = {"tqdm.notebook", "tqdm.auto"}  # they leave a widget in the page
EXTENSION = "hlnb.publishing.render.sphinx"  # which the book's _config.yml names
LISTED = re.compile(r"book/chapters/(?P<name>[^/]+?)(\.ipynb)?")  # in _toc.yml


def find_root(start: str | Path | None = None) -> Path:
    """The folder of the book: it holds `_config.yml` and `notebooks/`.

    The first such folder above `start` (default: the working directory), else the one
    that an editable install comes from. Another Jupyter Book is refused.
    """
    start = Path(start or ".").resolve()
    folder = next(settings.books(start), None)
    if folder is None:
        raise HlnbError(
            f"No book above {start}: go to a folder that holds _config.yml and "
            "notebooks/."
        )
    if EXTENSION not in (folder / "_config.yml").read_text("utf8", "replace"):
        raise HlnbError(
            f"{folder} is another Jupyter Book (its _config.yml does not name "
            f"{EXTENSION}); go to the folder of the book of hlnb."
        )
    return folder


@dataclass(frozen=True)
class Chapter:
    """One source notebook; nothing of it is executed or imported."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def root(self) -> Path:
        return self.path.parent.parent

    @cached_property
    def notebook(self) -> dict[str, Any]:
        """The notebook without what an editor has saved with it."""
        return cleaned(self.saved())

    def saved(self) -> dict[str, Any]:
        """The notebook as it lies in the file."""
        mend = (
            "it is a source, which no run makes anew: restore it "
            f"(git checkout notebooks/{self.path.name})"
        )
        return read_notebook(self.path, mend=mend)

    @property
    def cells(self) -> list[dict[str, Any]]:
        return self.notebook["cells"]

    @property
    def metadata(self) -> dict[str, Any]:
        """`metadata.hlnb`: goals, needs, smoke, ranges, seminar."""
        return self.notebook["metadata"].get("hlnb", {})

    @property
    def title(self) -> str:
        """The text of the first `# Title`, or the name of the file."""
        for cell in self.cells:
            if match := re.match(r"# +(.+)", text_of(cell)):
                return match[1].strip()
        return self.name

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        """The parameters by name, in the order of the parameters cell."""
        cells = [cell for cell in self.cells if "parameters" in tags_of(cell)]
        if len(cells) != 1:
            raise HlnbError(
                f"{self.name} has {len(cells)} cells tagged parameters; it needs one."
            )
        ranges = self.metadata.get("ranges", {})
        return declared(text_of(cells[0]), ranges, where=self.name)

    def smoke(self) -> dict[str, Any]:
        """The tiny parameters of the smoke run, in the parameters' types."""
        values = self.metadata.get("smoke", {})
        if not isinstance(values, dict):
            raise HlnbError(
                f"{self.name}: metadata.hlnb.smoke is no table of parameters."
            )
        for name, value in values.items():
            if name not in self.parameters:
                raise HlnbError(
                    f"{self.name}: metadata.hlnb.smoke names {name!r}, "
                    "which is no parameter."
                )
            try:
                self.parameters[name].coerce(value)
            except (ValueError, OverflowError):
                raise HlnbError(
                    f"{self.name}: metadata.hlnb.smoke gives {name} the value "
                    f"{reprlib.repr(value)}, which is not of type "
                    f"{self.parameters[name].type}."
                ) from None
        known = self.parameters
        found = {n: known[n].coerce(v) for n, v in values.items()}
        try:
            admit_together(known, found)
        except HlnbError as error:
            raise HlnbError(f"{self.name}: metadata.hlnb.smoke: {error}") from error
        return found


def read_notebook(
    path: Path, *, mend: str = "restore it or run it anew"
) -> dict[str, Any]:
    """The notebook at `path` as plain JSON; `mend`: what to do if it is none.

    Refuses formats other than Jupyter's fourth, which is that of 2015.
    """
    try:
        notebook = json.loads(path.read_bytes())
        if (version := notebook["nbformat"]) != FORMAT:
            raise HlnbError(
                f"{path} is in another format of Jupyter (nbformat {version!r}, read "
                f"is {FORMAT}): open it in JupyterLab and save it, which converts it."
            )
        _ = notebook["metadata"].get("hlnb", {}).keys()
        for cell in notebook["cells"]:
            _ = cell["cell_type"], "".join(cell["source"])
            _ = "".join(cell["metadata"].get("tags", []))
            for output in cell.get("outputs", []):
                _require_output(output)
    except OSError as error:
        raise HlnbError(f"Cannot read {path}: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise HlnbError(f"{path} is no notebook; {mend}.") from error
    return notebook


def _require_output(output: dict[str, Any]) -> None:
    """A KeyError, TypeError or AttributeError if it is no output of a cell."""
    for name in ("data", "metadata"):
        _ = output.get(name, {}).keys()
    _ = "".join(output.get("text", []))
    if output["output_type"] == "error":
        _ = output["ename"] + output["evalue"]


def text_of(cell: dict[str, Any]) -> str:
    """The source of a cell, which JSON may hold as one string or as lines."""
    return "".join(cell["source"])


def tags_of(cell: dict[str, Any]) -> list[str]:
    return cell["metadata"].get("tags", [])


def load(root: str | Path) -> list[Chapter]:
    """The chapters that the book at `root` lists, in its order.

    Without a table of contents: all, in the order of their numbers. The orders differ
    where a chapter was cut in two, and the numbers of the others had to stay.
    """
    found = {chapter.name: chapter for chapter in sources(root)}
    listed = contents(root)
    return [found[n] for n in dict.fromkeys(listed or found) if n in found]


def sources(root: str | Path) -> list[Chapter]:
    """All chapters in `notebooks/`, listed or not, in the order of their numbers."""
    paths = places.notebooks(Path(root) / "notebooks")
    return [Chapter(path) for path in paths if NAME.fullmatch(path.stem)]


def contents(root: str | Path) -> list[str] | None:
    """The names of the chapters in `_toc.yml`; None if there is no such file."""
    listed = pages(root)
    found = map(LISTED.fullmatch, listed or [])
    return None if listed is None else [m["name"] for m in found if m]


def pages(root: str | Path) -> list[str] | None:
    """The pages that `_toc.yml` names, in its order; None if there is no such file.

    `./book/intro` and `book//intro` are `book/intro`; `folder_problems` names them.
    """
    found = _written(root)
    return None if found is None else [posixpath.normpath(name) for name in found]


def _written(root: str | Path) -> list[str] | None:
    """The pages of `_toc.yml` as it writes them."""
    import yaml  # slow to import

    path = Path(root) / "_toc.yml"
    try:
        return _named(yaml.safe_load(path.read_text("utf8")))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise HlnbError(f"Cannot read {path}: {error.strerror}.") from error
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        text = " ".join(str(error).split())
        raise HlnbError(f"{path} is no table of contents ({text}).") from error


def _named(part: Any) -> list[str]:
    """The pages that a part of a table of contents names, at any depth."""
    if isinstance(part, list):
        return [name for below in part for name in _named(below)]
    if not isinstance(part, dict):
        return []
    own = [part[k] for k in ("root", "file") if isinstance(part.get(k), str)]
    return own + _named([*part.values()])


def left_out(root: str | Path) -> list[str]:
    """The chapters in `notebooks/` that `_toc.yml` does not list."""
    listed = {chapter.name for chapter in load(root)}
    return [c.name for c in sources(root) if c.name not in listed]


def chosen(root: str | Path, names: Sequence[str]) -> list[Chapter]:
    """The chapters that `names` name, listed or not; without names, those listed."""
    if names:
        return select(sources(root), names)
    if listed := load(root):
        return listed
    folder = Path(root) / "notebooks"
    raise HlnbError(f"There is no chapter in {folder} that _toc.yml lists.")


def select(chapters: Sequence[Chapter], names: Iterable[str]) -> list[Chapter]:
    """The chapters that `names` name, all if there are none.

    A name is the file's, with or without folder and ending, or its number.
    """
    known = {chapter.name: chapter for chapter in chapters}
    numbers = {chapter.name[:2]: chapter for chapter in chapters}
    chosen = {}
    for name in names:
        stem = Path(name).name.removesuffix(".ipynb")
        if not stem:
            raise HlnbError(f"{name!r} names no chapter; `hlnb list` names them.")
        chapter = known.get(stem) or numbers.get(stem.zfill(2))
        if chapter is None:
            hint = did_you_mean(stem, known) or "`hlnb list` names them"
            raise HlnbError(f"There is no chapter {name!r}; {hint}.")
        chosen[chapter.name] = chapter
    return list(chosen.values()) if chosen else list(chapters)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean x or y?` without the mark, or nothing if none is close."""
    close = difflib.get_close_matches(word, list(known), n=3, cutoff=0.5)
    return f"did you mean {' or '.join(close)}" if close else ""


def clean(chapter: Chapter) -> bool:
    """Whether a source had to be rid of what an editor saved with it, and now is."""
    if is_clean(chapter):
        return False
    write_whole(chapter.path, to_bytes(chapter.notebook))
    return True


def is_clean(chapter: Chapter) -> bool:
    """Whether a source holds no outputs, counts or settings of an editor."""
    return chapter.saved() == chapter.notebook


def source_problems(chapter: Chapter) -> list[str]:
    """What breaks the rules of a source, one sentence for each.

    What an editor saves with a notebook breaks none: it is passed over (`is_clean`).
    """
    try:
        problems = [*_notebook_problems(chapter)]
        for number, cell in enumerate(chapter.cells, start=1):
            where = f"{chapter.name}, cell {number}"
            problems += [f"{where}: {text}" for text in _cell_problems(cell)]
    except HlnbError as error:
        return [str(error)]
    return problems


def _notebook_problems(chapter: Chapter) -> Iterator[str]:
    name = chapter.name
    try:
        _ = chapter.parameters
        chapter.smoke()
    except HlnbError as error:
        yield str(error)
    goals, needs = chapter.metadata.get("goals"), chapter.metadata.get("needs")
    for key, value in (("goals", goals), ("needs", needs)):
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            yield f"{name}: metadata.hlnb.{key} is not a list of texts."
    if not goals:
        yield f"{name}: metadata.hlnb.goals names no goal."
    for need in needs if isinstance(needs, list) else []:
        if NAME.fullmatch(str(need)) and not chapter.path.with_stem(need).exists():
            yield f"{name}: needs {need}, which is no chapter."
    if not any("claims" in tags_of(cell) for cell in chapter.cells):
        yield f"{name}: no cell is tagged claims."
    markdown = [text_of(c) for c in chapter.cells if c["cell_type"] == "markdown"]
    prose = [re.sub(r"(?ms)^(```+|:::+).*?^\1", "", text) for text in markdown]
    titles = sum(len(re.findall(r"(?m)^# ", text)) for text in prose)
    if titles != 1 or not text_of(chapter.cells[0]).startswith("# "):
        yield (
            f"{name}: the first cell is not the only one with a '# Title' "
            f"(there are {titles} titles)."
        )
    ids = [str(cell["id"]) if "id" in cell else None for cell in chapter.cells]
    if None in ids or len(set(ids)) != len(ids):
        yield f"{name}: a cell has no id, or two have the same."


def _cell_problems(cell: dict[str, Any]) -> Iterator[str]:
    if cell["cell_type"] != "code":
        return
    source = text_of(cell)
    lines = source.splitlines()
    if len(lines) > MAX_LINES:
        yield f"has {len(lines)} lines, more than {MAX_LINES}."
    for number, line in enumerate(lines, start=1):
        if len(line) > MAX_COLUMNS:
            yield f"line {number} has {len(line)} columns, more than {MAX_COLUMNS}."
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        yield f"is not plain Python (no ! or % lines): {error.msg}."
        return
    used = set(_names(tree))
    for word in sorted(used & (FORBIDDEN_NAMES | FORBIDDEN_MODULES | {"sys.exit"})):
        yield f"uses {word}, which does not work in a published chapter."


def _names(tree: ast.AST) -> Iterator[str]:
    """The names that code uses: bare, after a dot, dotted pairs, and imported."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name):
                yield name
            case ast.Attribute(value=ast.Name(id=owner), attr=attr):
                yield attr if attr == "Output" or attr.startswith("interact") else ""
                yield f"{owner}.{attr}"
            case ast.Import(names=aliases):
                yield from (alias.name for alias in aliases)
            case ast.ImportFrom(module=module, names=aliases):
                yield module or ""
                yield from (alias.name for alias in aliases)
                yield from (f"{module}.{alias.name}" for alias in aliases)


def folder_problems(root: str | Path) -> list[str]:
    """What breaks the rules of the folders: names, double numbers, orphans."""
    chapters = sources(root)
    names = {chapter.name for chapter in chapters}
    problems = [
        f"notebooks/{path.name} is not named NN_name.ipynb."
        for path in places.notebooks(Path(root) / "notebooks")
        if path.stem not in names
    ]
    for one, two in itertools.pairwise(chapters):
        if one.name[:2] == two.name[:2]:
            problems.append(f"{one.name} and {two.name} have the same number.")
    problems += [
        f"_toc.yml lists {name}, which has no source in notebooks/."
        for name in dict.fromkeys(contents(root) or [])
        if name not in names
    ]
    problems += [
        f"_toc.yml writes {name}, which Jupyter Book does not find: write {plain}."
        for name, plain in zip(_written(root) or [], pages(root) or [], strict=True)
        if name != plain
    ]
    stems = Counter(re.sub(r"\.(ipynb|md)$", "", name) for name in pages(root) or [])
    problems += [
        f"_toc.yml lists {name} {count} times: take one out."
        for name, count in stems.items()
        if count > 1
    ]
    for path in places.notebooks(Path(root) / "book" / "chapters"):
        if path.stem not in names and not path.name.startswith("."):
            problems.append(f"book/chapters/{path.name} has no source in notebooks/.")
    return problems
