"""The student edition: the book without solutions and without its teachers' pages."""

import ast
import copy
import json
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from hlnb.errors import HlnbError
from hlnb.publishing import copies, exercises, places
from hlnb.publishing.chapters import NAME, Chapter, read_notebook, tags_of, text_of
from hlnb.publishing.notebooks import (
    VIEW,
    Notebook,
    payloads,
    to_bytes,
    with_stable_widgets,
)
from hlnb.publishing.render import assets, build
from hlnb.storage import write_whole

TAG = "solution"  # of a cell that goes with all it shows
TEACHERS = ("book/seminar", "book/class_notes", "book/class_report")  # pages
FOLDERS = ("notebooks", "book/chapters")  # of sources and of executed chapters

OPENS = re.compile(r"(?i)\s*(`{3,}|:{3,})\s*\{admonition\}\s*Solution\b")
ANSWER = re.compile(  # its fence, its name and its options; what it says; its end
    r"(?ms)^(?P<head>(?P<fence>`{3,}|:{3,})\{admonition\} Answer\n"
    r"(?::[\w-]+:[^\n]*\n)*)"
    r".*?^(?P<end>(?P=fence)[`:]*)[ \t]*$"
)
KEPT = "Compare with your class."  # in place of an answer that is left out
ASKED = re.compile(r"-p (\w+)|-y [\"'](\w+):")  # parameters that an exercise changes
TOLD = "An exercise asks what it changes."  # in place of what a parameter changes
# what a reader would take for a solution, in a form that the cut does not know
OTHER = re.compile(
    r"(?im)^\s*(?:`{3,}|:{3,})\s*\{(?:solution[\w-]*\}|[\w:-]+\}\s*Solutions?\b)"
    r"|^[\s#*_>]*Solutions?[\s*_]*(?:[.:]|$)|<summary>\s*Solution"
)
GLUED = re.compile(r"\{glue(?::\w+)?\}`(?:[^`]*?(\w+)\.ipynb::)?([\w.-]+)(?::[^`]*)?`")


def build_student(root: Path, *, answers: bool = True) -> Path:
    """The front page of the student edition, rendered into `_build/student`.

    answers: whether the answers to predictions are in it, folded; without them what the
    questions ask about is still shown, below its fold.

    It is rendered from a copy of the book whose notebooks hold no solutions, with the
    checks of the full book; pages, their sources, downloads, slides and the index of
    the search are made from that copy alone.
    """
    root = Path(root).resolve()
    return from_copy(
        root, "student", lambda folder: write_source(root, folder, answers=answers)
    )


def from_copy(root: Path, name: str, write: Callable[[Path], None]) -> Path:
    """The front page of a book rendered into `_build/NAME` from a copy of that at root.

    `write` fills a new folder with the sources, which is removed afterwards.
    """
    folder = root / "_build" / f"{name}.source"
    with build.alone(root):
        assets.prepare(root)
        shutil.rmtree(folder, ignore_errors=True)
        try:
            write(folder)
            rendered = build.build(folder).parent
            html = build.swapped_in(rendered, root / "_build" / name)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return html / "index.html"


def write_source(root: Path, folder: Path, *, answers: bool = True) -> None:
    """Writes the source of the student edition of the book at `root` into `folder`.

    Without `answers`, those to predictions are left out.
    """
    stripped = {name: _stripped(root / name) for name in FOLDERS}
    contents = yaml.safe_load((root / "_toc.yml").read_text("utf8"))
    parts = contents.get("parts", [contents])
    for part in parts:
        part["chapters"] = [c for c in part["chapters"] if c["file"] not in TEACHERS]
    config = yaml.safe_load((root / "_config.yml").read_text("utf8"))
    for name in ("launch_buttons", "repository"):  # they lead to the solutions
        config.pop(name, None)
    buttons = ("use_repository_button", "use_issues_button")
    config.setdefault("html", {}).update(dict.fromkeys(buttons, False))
    copy_pages(root, folder, contents, config, states=copies.states(root))
    exercises.seal(exercises.catalogue(root), folder)
    for name in TEACHERS:
        for ending in (".md", ".yml"):
            (folder / f"{name}{ending}").unlink(missing_ok=True)
    for page in folder.rglob("*.md"):
        page.write_text(_unlinked(page.read_text("utf8")), "utf8")
    for name, notebooks in stripped.items():
        for path, notebook in notebooks.items():
            for cell in notebook["cells"]:
                text = text_of(cell)
                if cell["cell_type"] == "markdown":
                    kept = _unlinked(text if answers else unanswered(text))
                    if kept != text:
                        cell["source"] = kept
            write_whole(folder / name / path.name, to_bytes(notebook))
    _refuse_orphans(folder, stripped["book/chapters"])


def copy_pages(
    root: Path,
    folder: Path,
    contents: dict[str, Any],
    config: dict[str, Any],
    *,
    states: dict[str, str],
) -> None:
    """Copies what a build of the book reads, but notebooks, into a new folder.

    contents, config: what its `_toc.yml` and its `_config.yml` say. states: of the
    chapters (see `freshness.state`), which the copy cannot know.
    """
    unwanted = shutil.ignore_patterns("node_modules", "__pycache__", ".*", "*.ipynb")
    shutil.copytree(root / "book", folder / "book", ignore=unwanted)
    recipe = root / "book" / "assets" / ".npmrc"
    if recipe.exists():
        shutil.copy(recipe, folder / "book" / "assets")
    if (fetched := root / assets.FOLDER).is_dir():
        shutil.copytree(fetched, folder / assets.FOLDER)
    parts = contents.get("parts", [contents])
    listed = [c["file"] for part in parts for c in part["chapters"]]
    beside = [f"{name}.md" for name in listed if not name.startswith("book/")]
    for name in ("LICENSE", "LICENSE-TEXT", *beside):
        if (root / name).exists():
            shutil.copy(root / name, folder)
    for measured in (root / "benchmarks").glob("*.json"):
        (folder / "benchmarks").mkdir(exist_ok=True)
        shutil.copy(measured, folder / "benchmarks")
    for name, data in (("_toc.yml", contents), ("_config.yml", config)):
        text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
        write_whole(folder / name, text.encode())
    write_whole(folder / copies.STATES, json.dumps(states, indent=1).encode())


def _stripped(folder: Path) -> dict[Path, Notebook]:
    paths = [p for p in places.notebooks(folder) if NAME.fullmatch(p.stem)]
    read = read_notebook if folder.name == "chapters" else _source
    return {p: without_solutions(read(p), name=p.stem) for p in paths}


def _source(path: Path) -> Notebook:
    return Chapter(path).notebook


def unanswered(text: str) -> str:
    """Markdown in which no prediction is answered; boxes stay, and what they fold."""
    return ANSWER.sub(rf"\g<head>{KEPT}\n\g<end>", text)


def without_solutions(notebook: Notebook, *, name: str) -> Notebook:
    """The notebook without its solutions, and without the plan for teachers.

    A solution is a box `{admonition} Solution`, or a cell tagged `solution` with all
    it shows. Tables of parameters do not say what a parameter changes that an exercise
    changes. `name` stands in the errors: a box that is not closed, a solution in
    another form, code that needs a name which only a solution defines.
    """
    notebook = copy.deepcopy(notebook)
    cells, dropped = [], []
    for number, cell in enumerate(notebook["cells"], start=1):
        if TAG in tags_of(cell):
            dropped.append(cell)
            continue
        if cell["cell_type"] == "markdown":
            text = text_of(cell)
            kept = cut(text, where=f"{name}, cell {number}")
            if kept != text:
                if not kept.strip():
                    continue
                cell["source"] = kept
        cells.append(cell)
    if missing := _missing_names(cells, dropped):
        raise HlnbError(
            f"{name}: {missing[0]} is defined only in a solution, but a cell that "
            "students keep uses it; define it outside of the solution."
        )
    notebook["cells"] = cells
    about = notebook["metadata"].get("hlnb", {})
    about.pop("seminar", None)
    for name in _asked(cells) & about.get("ranges", {}).keys():
        about["ranges"][name]["effect"] = TOLD
    if dropped and "widgets" in notebook["metadata"]:
        notebook = with_stable_widgets(notebook)  # without those not shown
        if not payloads(notebook, VIEW):
            del notebook["metadata"]["widgets"]
    return notebook


def _asked(cells: Iterable[dict[str, Any]]) -> set[str]:
    """The parameters that exercises change: the first of each command they print."""
    texts = [text_of(c) for c in cells if c["cell_type"] == "markdown"]
    said = exercises.ASKED.findall("\n".join(texts))
    first = [ASKED.search(question) for _, question in said]
    return {match[1] or match[2] for match in first if match}


def cut(text: str, *, where: str) -> str:
    """Markdown without its solution boxes; what stands around them is kept."""
    kept: list[str] = []
    fence = ""
    for line in text.splitlines(keepends=True):
        if fence:
            bare = line.strip()
            if set(bare) == {fence[0]} and len(bare) >= len(fence):
                fence = ""
        elif match := OPENS.match(line):
            fence = match[1]
        else:
            kept.append(line)
    if fence:
        raise HlnbError(
            f"{where}: a solution is not closed; end it with a line {fence}."
        )
    found = "".join(kept)
    if other := OTHER.search(found):
        raise HlnbError(
            f"{where}: {other[0].strip()!r} would stay in the student edition; write "
            "a solution as a box, {admonition} Solution."
        )
    if found == text:
        return text
    return re.sub(r"\n{3,}", "\n\n", found).strip()


def _missing_names(
    kept: list[dict[str, Any]], dropped: list[dict[str, Any]]
) -> list[str]:
    """Names that kept code uses and that nothing but dropped code defines."""
    bound, used = _names(kept)
    gone, _ = _names(dropped)
    return sorted((gone - bound) & used)


def _names(cells: Iterable[dict[str, Any]]) -> tuple[set[str], set[str]]:
    """The names that code defines anywhere, and those that it uses."""
    bound: set[str] = set()
    used: set[str] = set()
    for cell in cells:
        if cell["cell_type"] != "code":
            continue
        try:
            tree = ast.parse(text_of(cell))
        except SyntaxError:  # `hlnb check` reports it
            continue
        for node in ast.walk(tree):
            match node:
                case ast.Name(id=name, ctx=ast.Load()):
                    used.add(name)
                case ast.Name(id=name) | ast.arg(arg=name):
                    bound.add(name)
                case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                    bound.add(name)
                case ast.Import(names=found) | ast.ImportFrom(names=found):
                    bound |= {(a.asname or a.name).split(".")[0] for a in found}
    return bound, used


def _unlinked(text: str) -> str:
    """Markdown with the words of a link to a teachers' page in place of the link."""
    for page in TEACHERS:
        name = re.escape(Path(page).name)
        text = re.sub(
            rf"\[([^\]]+)\]\((?:[^)\s]*/)?{name}\.md(?:#[^)]*)?\)", r"\1", text
        )
        text = re.sub(rf"\{{doc\}}`([^<`]+?)\s*<(?:[^>`]*/)?{name}>`", r"\1", text)
    return text


def _refuse_orphans(folder: Path, stripped: dict[Path, Notebook]) -> None:
    """An error if prose shows a number that only a solution computed."""
    lost = {
        path.stem: _glued(read_notebook(path)) - _glued(notebook)
        for path, notebook in stripped.items()
    }
    for where, chapter, name in _shown(folder):
        if name in lost.get(chapter, ()):
            raise HlnbError(
                f"{where} shows the number {name}, which only a solution of {chapter} "
                "computes: glue it in a cell that students keep, or move the sentence "
                "into the solution."
            )


def _glued(notebook: Notebook) -> set[str]:
    """The names under which a notebook's outputs keep numbers for the prose."""
    about = [o.get("metadata", {}) for c in notebook["cells"] for o in _outputs(c)]
    return {m["scrapbook"]["name"] for m in about if "scrapbook" in m}


def _outputs(cell: dict[str, Any]) -> list[dict[str, Any]]:
    return cell.get("outputs", [])


def _shown(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Place, chapter and name of each number in the prose below `folder`."""
    for page in sorted(folder.glob("book/**/*.md")):
        for match in GLUED.finditer(page.read_text("utf8")):
            yield str(page.relative_to(folder)), match[1] or "", match[2]
    for path in places.notebooks(folder / "book" / "chapters"):
        for number, cell in enumerate(read_notebook(path)["cells"], start=1):
            if cell["cell_type"] == "markdown":
                for match in GLUED.finditer(text_of(cell)):
                    yield f"{path.stem}, cell {number}", match[1] or path.stem, match[2]
