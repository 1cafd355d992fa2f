"""A re-run as a page: the book with that execution in place of the published one."""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from hlnb.errors import HlnbError
from hlnb.publishing import chapters, compare, copies, editions, freshness, places
from hlnb.publishing.chapters import NAME, Chapter, read_notebook
from hlnb.publishing.notebooks import Notebook, outputs_digest, to_bytes, weave
from hlnb.publishing.render import parts
from hlnb.storage import write_whole


def build_run(root: Path, place: str | Path, names: Iterable[str] = ()) -> Path:
    """The page of a re-run, rendered into `_build/run` with the book around it.

    place: a copy that `hlnb run` made, or a folder of them, of which `names` takes
    some; the page of the first is returned. Each tells on top which parameters and
    verdicts differ, and every page that it holds a re-run's numbers. Refuses a copy of
    another book, and one whose code is not the book's.
    """
    root = Path(root).resolve()
    found = _found(root, places.named(place), names)
    front = editions.from_copy(
        root, "run", lambda folder: _write_source(root, folder, found)
    )
    return front.parent / "book" / "chapters" / f"{next(iter(found))}.html"


def _found(root: Path, place: Path, names: Iterable[str]) -> dict[str, Path]:
    """The executed copies at a place, by the names of their chapters."""
    known = {chapter.name: chapter for chapter in chapters.load(root)}
    wanted = {c.name for c in chapters.select([*known.values()], names)}
    if not place.exists():
        raise HlnbError(f"{place} is not there: name a copy or a folder of copies.")
    files = [place] if place.is_file() else places.notebooks(place)
    found = {file.stem: file for file in files if NAME.fullmatch(file.stem)}
    if names:
        found = {name: file for name, file in found.items() if name in wanted}
    for name, file in found.items():
        if name not in known:
            raise HlnbError(f"{file} is of no chapter of this book.")
        _refuse_foreign(known[name], file)
    if not found:
        raise HlnbError(
            f"{place} holds no executed chapter: `hlnb run NN -p NAME VALUE` puts one "
            "into runs/, with the name of its chapter."
        )
    return found


def _refuse_foreign(chapter: Chapter, file: Path) -> None:
    """An error if a copy was not made by `hlnb run` from the chapter's code of now."""
    executed, record = read_notebook(file), copies.provenance(file)
    made = executed["metadata"].get("hlnb", {})
    again = f"`hlnb run {chapter.name[:2]} -p NAME VALUE` makes one"
    if record is None or not isinstance(parameters := made.get("parameters"), dict):
        raise HlnbError(f"{file} was not executed by `hlnb run`; {again}.")
    then, now = freshness.known_keys(executed), freshness.keys(chapter, parameters)
    if then != now:
        raise HlnbError(f"{file} has other code than the book has now; {again}.")
    try:
        woven = weave(chapter.notebook, executed, keys=now, parameters=parameters)
    except ValueError:
        woven = {}
    whole = [record.get(name) for name in ("key", "code", "outputs")]
    if woven != executed or whole != [*now, outputs_digest(executed)]:
        raise HlnbError(f"{file} was changed after its execution; {again}.")


def _write_source(root: Path, folder: Path, found: dict[str, Path]) -> None:
    """Writes the book's sources, with the copies found, into `folder`."""
    contents = yaml.safe_load((root / "_toc.yml").read_text("utf8"))
    config = yaml.safe_load((root / "_config.yml").read_text("utf8"))
    numbers = ", ".join(name[:2] for name in found)
    options = config.setdefault("sphinx", {}).setdefault("config", {})
    options.setdefault("html_theme_options", {})["announcement"] = (
        f"This copy of the book shows a re-run of chapter {numbers}; wherever a page "
        "takes a number from it, it is the re-run's."
    )
    states = copies.states(root) | dict.fromkeys(found, freshness.FRESH)
    editions.copy_pages(root, folder, contents, config, states=states)
    for name in editions.FOLDERS:
        chosen = shutil.ignore_patterns(".*", "*.failed.ipynb")
        shutil.copytree(root / name, folder / name, ignore=chosen, dirs_exist_ok=True)
    published = copies.claims(root)
    for file in found.values():
        path = folder / "book" / "chapters" / file.name
        write_whole(path, to_bytes(with_differences(file, published)))
        shutil.copy(file.with_suffix(".provenance.json"), path.parent)
    files = places.notebooks(folder / "book" / "chapters")
    words = {c["id"]: c["verdict"] for file in files for c in copies.claims_of(file)}
    _keep_true_findings(folder, words)
    _ask_nothing_of_classes(folder, words)


def _keep_true_findings(folder: Path, words: Mapping[str, str]) -> None:
    """Takes out the findings that rest on a verdict which the re-run has moved."""
    path = folder / "book" / "findings.yml"
    rows = yaml.safe_load(path.read_text("utf8"))
    rows = [row for row in rows if not parts.shaken(row, words)]
    write_whole(path, yaml.safe_dump(rows, allow_unicode=True).encode())


def _ask_nothing_of_classes(folder: Path, words: Mapping[str, str]) -> None:
    """Takes moved verdicts out of what written classes rest on: their text stays, like
    a chapter's, under the line that this is a re-run."""
    for path in (folder / "book").glob("class_*.yml"):
        made = yaml.safe_load(path.read_text("utf8"))
        for slide in (slide for part in made["parts"] for slide in part["slides"]):
            asked = slide.get("rests_on", {})
            slide["rests_on"] = {i: w for i, w in asked.items() if words.get(i) == w}
        write_whole(path, yaml.safe_dump(made, allow_unicode=True).encode())


def with_differences(file: Path, published: Sequence[Mapping[str, Any]]) -> Notebook:
    """The executed copy, with what its banner tells in `metadata.hlnb.rerun`.

    published: the claims of the published book.
    """
    executed = read_notebook(file)
    changes = compare.compare(published, copies.claims_of(file))
    both = [c for c in changes if c.before and c.after]
    executed["metadata"]["hlnb"]["rerun"] = {
        "n_claims": len(both),
        "verdicts": [
            [c.id, c.before["verdict"], c.after["verdict"]]
            for c in both
            if c.state == compare.VERDICT
        ],
    }
    return executed
