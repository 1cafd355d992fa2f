#!/usr/bin/env python
"""Whether the executed chapters publish what the record says, and what differs.

For refactorings, which may not change a published number: .ci/published.json.gz holds
what the chapters of commit 038d341 publish. Once numbers may change again, delete this
script, its record, its test and its line in .ci/run.

Compared are claims, glued values, the numbers (CSV), alternative text and caption of
each figure, films, widgets of choices and every text that a cell shows; pictures, code
and prose are not. Exit status: 0 if all is equal, 1 if not, 2 if it cannot be told.
"""

import argparse
import csv
import gzip
import io
import json
import sys
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from itertools import zip_longest
from pathlib import Path
from typing import Any

from hlnb.errors import HlnbError
from hlnb.publishing.chapters import NAME, read_notebook
from hlnb.publishing.notebooks import CLAIMS, STATE, VIEW, numbers, payloads
from hlnb.storage import write_whole

ROOT = Path(__file__).resolve().parents[1]
LINES = 40  # of differences that are printed
CLIP = 30  # characters of a long text that are shown before and after a difference
# All figures' numbers take 1.3 MB compressed. Longer tables are kept as checksums of
# blocks of each column, which find a difference but cannot say what stood there.
WHOLE = 100_000  # characters of a table that is kept whole
BLOCK = 50  # lines

Item = dict[str, Any]  # of a claim, a figure, a text: its fields
Chapter = dict[str, Item]


def published(notebook: dict[str, Any]) -> Chapter:
    """What an executed notebook publishes, by the name under which it is reported."""
    found: Chapter = {}
    for claims in payloads(notebook, CLAIMS):
        found |= {f"claim {claim['id']}": claim for claim in claims}
    tables = numbers(notebook)
    for place, cell in enumerate(notebook["cells"]):
        texts = []
        for output in cell.get("outputs", []):
            data, about = output.get("data", {}), output.get("metadata", {})
            if "scrapbook" in about:
                mime = f"{about['scrapbook']['mime_prefix']}text/plain"
                name = f"glued value {about['scrapbook']['name']}"
                found[name] = {"": "".join(data[mime])}
            elif figure := about.get("hlnb"):
                item = {"alternative text": figure["alt"], "caption": figure["caption"]}
                if figure["name"] in tables:
                    item["numbers"] = tables[figure["name"]].decode()
                others = {m: t for m, t in _texts(output).items() if t != figure["alt"]}
                found[f"figure {figure['name']}"] = item | others
            elif shown := _texts(output) | _film(notebook, data.get(VIEW)):
                texts.append(shown)
        for number, shown in enumerate(texts, start=1):
            found[f"cell {cell.get('id', place)}, text {number}"] = shown
    return found


def _texts(output: dict[str, Any]) -> Item:
    """The texts of an output by their kind, equal ones once."""
    found: Item = {}
    if "text" in output:  # a stream
        found[output["name"]] = "".join(output["text"])
    for mime, value in sorted(output.get("data", {}).items()):
        text = "".join(value) if mime.startswith("text/") else None
        if mime == "text/html":
            words = enumerate(_Words(text).found, start=1)
            found |= {f"piece {number}": word for number, word in words}
        elif text is not None and text not in found.values():
            found[mime] = text
    return found


class _Words(HTMLParser):
    """What a reader of HTML sees or hears of it, in order."""

    def __init__(self, html: str):
        super().__init__()
        self.found, self.inside = [], ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.inside = tag
        spoken = ("alt", "title", "aria-label")
        self.found += [text for name, text in attrs if name in spoken and text]

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_data(self, data):
        if data.strip() and self.inside not in ("style", "script"):
            self.found.append(" ".join(data.split()))


def _film(notebook: dict[str, Any], view: dict[str, Any] | None) -> Item:
    """The slider of a shown widget, and the words of each of its frames."""
    models = notebook["metadata"].get("widgets", {}).get(STATE, {}).get("state", {})
    found: Item = {}

    def visit(name: str) -> None:
        state = models.get(name, {}).get("state", {})
        if "_options_labels" in state:
            found["slider"] = [state["description"], *state["_options_labels"]]
        elif isinstance(state.get("value"), str):
            count = sum(field.startswith("frame") for field in found)
            found[f"frame {count + 1}"] = " ".join(_Words(state["value"]).found)
        for child in state.get("children", []):
            visit(child.removeprefix("IPY_MODEL_"))

    if view:
        visit(view["model_id"])
    return found


def read(folder: Path, only: Sequence[str] = ()) -> dict[str, Chapter]:
    """What the executed chapters in a folder publish, by chapter; `only`: of these."""
    if not folder.is_dir():
        raise HlnbError(f"There is no folder {folder}: name one of executed chapters.")
    files = sorted(f for f in folder.glob("*.ipynb") if NAME.fullmatch(f.stem))
    files = [f for f in files if not only or _chosen(f.stem, only)]
    return {f.stem: published(read_notebook(f)) for f in files}


def _chosen(chapter: str, only: Sequence[str]) -> bool:
    return chapter in only or chapter[:2] in only


def to_bytes(book: dict[str, Chapter]) -> bytes:
    """The record of what chapters publish."""
    kept = {
        chapter: {name: _kept(item) for name, item in items.items()}
        for chapter, items in book.items()
    }
    text = json.dumps(kept, ensure_ascii=False, separators=(",", ":"))
    return gzip.compress(text.encode(), mtime=0)


def _kept(item: Item) -> Item:
    """The item, with the checksums of a long table in its place."""
    if len(item.get("numbers", "")) <= WHOLE:
        return item
    return item | {"numbers": _checksums(item["numbers"])}


def from_file(path: Path) -> dict[str, Chapter]:
    """The record at `path`."""
    try:
        return json.loads(gzip.decompress(path.read_bytes()))
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise HlnbError(f"Cannot read the record {path}: restore it.") from error


def _cells(table: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(table)))


def _checksums(table: str) -> dict[str, Any]:
    """How many lines a CSV file has, and the checksums of each column's blocks."""
    lines = _cells(table)
    columns = {}
    for column in zip_longest(*lines, fillvalue=""):
        blocks = [column[i : i + BLOCK] for i in range(0, len(column), BLOCK)]
        sums = [zlib.crc32(json.dumps(block).encode()) for block in blocks]
        columns[column[0]] = " ".join(f"{number:08x}" for number in sums)
    return {"lines": len(lines), "columns": columns}


def differences(before: dict[str, Chapter], after: dict[str, Chapter]) -> Iterator[str]:
    """One line for each difference of two books."""
    for chapter in sorted({*before, *after}):
        old, new = before.get(chapter), after.get(chapter)
        if old is None or new is None:
            yield f"{chapter} is {_state(old)}"
            continue
        for name in dict.fromkeys([*old, *new]):
            for line in _of_item(old.get(name), new.get(name)):
                yield f"{chapter}: {name}{line}"


def _state(old: object) -> str:
    return "new" if old is None else "missing"


def _of_item(old: Item | None, new: Item | None) -> Iterator[str]:
    if old is None or new is None:
        yield f" is {_state(old)}"
        return
    for field in dict.fromkeys([*old, *new]):
        name = f", {field}" if field else ""
        if field not in old or field not in new:
            yield f"{name} is {'missing' if field in old else 'new'}"
        elif field == "numbers":
            yield from (f"{name}: {line}" for line in _of_table(old[field], new[field]))
        elif json.dumps(old[field]) != json.dumps(new[field]):  # 1 is not 1.0
            was, now = _clipped(_word(field, old[field]), _word(field, new[field]))
            yield f"{name} was {was}, is {now}"


def _word(field: str, value: Any) -> str:
    """A value on one line; what is glued has its own quotation marks."""
    if field == "":
        return value.replace("\n", "\\n")
    return json.dumps(value, ensure_ascii=False)


def _clipped(old: str, new: str) -> tuple[str, str]:
    """Two unequal texts, of which long ones show the place where they part."""
    pairs = enumerate(zip_longest(old, new))
    place = next((i for i, (one, other) in pairs if one != other), 0)
    start, end = max(0, place - CLIP), place + CLIP

    def clip(text: str) -> str:
        if len(text) <= 2 * CLIP:
            return text
        return "…" * (start > 0) + text[start:end] + "…" * (end < len(text))

    return clip(old), clip(new)


def _of_table(old: str | dict[str, Any], new: str) -> Iterator[str]:
    """Where two CSV files differ, the one of the record whole or as its checksums."""
    if isinstance(old, dict):
        sums = _checksums(new)
        had, has = old["lines"], sums["lines"]
        where = _first_block(old["columns"], sums["columns"])
    else:
        lines = _cells(old), _cells(new)
        had, has = map(len, lines)
        where = _first_cell(*lines)
    if where:
        yield where if had == has else f"{where}; it had {had} lines, has {has}"


def _first_cell(old: list[list[str]], new: list[list[str]]) -> str:
    """The first cell that differs, and what it was; empty if none does."""
    places = [
        (line, column, *cells)
        for line, rows in enumerate(zip_longest(old, new, fillvalue=()), start=1)
        for column, cells in enumerate(zip_longest(*rows, fillvalue="nothing"))
        if cells[0] != cells[1]
    ]
    if not places:
        return ""
    line, column, was, now = places[0]
    title = max(old[0], new[0], key=len)[column]
    more = f" ({len(places) - 1} more cells differ)" if len(places) > 1 else ""
    return f"line {line}, {title} was {was or 'empty'}, is {now or 'empty'}{more}"


def _first_block(old: dict[str, str], new: dict[str, str]) -> str:
    """The first block of lines that differs, and in which columns; or empty."""
    found: dict[int, list[str]] = {}
    for title in dict.fromkeys([*old, *new]):
        sums = zip_longest(old.get(title, "").split(), new.get(title, "").split())
        for block, (one, other) in enumerate(sums):
            if one != other:
                found.setdefault(block, []).append(title)
    if not found:
        return ""
    first = min(found)
    lines = f"lines {first * BLOCK + 1} to {(first + 1) * BLOCK}"
    more = f" ({len(found) - 1} more blocks differ)" if len(found) > 1 else ""
    return f"{lines}, another {' and '.join(found[first])}{more}"


def summary(book: dict[str, Chapter]) -> str:
    """How much was compared."""
    count = Counter({"chapters": len(book)})
    for chapter in book.values():
        for name, item in chapter.items():
            kind = name.partition(" ")[0]
            count[{"claim": "claims", "glued": "values"}.get(kind, "texts")] += (
                1 if kind in ("claim", "glued") else len(item.keys() - {"numbers"})
            )
            count["figures"] += kind == "figure"
    kinds = ("chapters", "claims", "values", "figures", "texts")
    return ", ".join(f"{count[kind]} {kind}" for kind in kinds)


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    book, record = ROOT / "book" / "chapters", ROOT / ".ci" / "published.json.gz"
    add("--folder", type=Path, default=book, help="of executed chapters")
    add("--against", type=Path, default=record, help="the record, or another")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--only", nargs="+", default=(), help="chapters or numbers")
    choice.add_argument("--record", action="store_true", help="write the record anew")
    asked = parser.parse_args(arguments)
    try:
        after = read(asked.folder, asked.only)
        if asked.record:
            write_whole(asked.against, to_bytes(after))
            print(f"recorded: {summary(after)}")
            return 0
        before = from_file(asked.against)
        for name in asked.only:
            if not any(_chosen(chapter, [name]) for chapter in {*before, *after}):
                raise HlnbError(f"There is no chapter {name}: give a name or number.")
    except HlnbError as error:
        print(error, file=sys.stderr)
        return 2
    if asked.only:
        before = {c: before[c] for c in before if _chosen(c, asked.only)}
    lines = [*differences(before, after)]
    print(*lines[:LINES], sep="\n") if lines else print(f"equal: {summary(after)}")
    if len(lines) > LINES:
        print(f"… and {len(lines) - LINES} more differences")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
