"""The executed chapters, as the pages see them."""

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hlnb.errors import HlnbError
from hlnb.publishing import chapters, copies, freshness, places

GLUED = re.compile(r"\{glue:text\}`(?:[^`:]*?(\w+)\.ipynb::)?(\w+)(?::([^`]*))?`")


@dataclass(frozen=True)
class Executed(chapters.Chapter):
    """An executed chapter, with the provenance file beside it."""

    state: str = ""  # how the copy stands to source and package; see `freshness`
    listed: bool = True  # in _toc.yml: the book has a page of it

    @cached_property
    def notebook(self) -> dict[str, Any]:
        """The executed notebook, with its outputs."""
        return chapters.read_notebook(self.path)

    @property
    def overtaken(self) -> bool:
        """Whether code of the package has changed since the execution."""
        return self.state == freshness.OVERTAKEN

    @cached_property
    def provenance(self) -> dict:
        """Date, seconds, Python, system, cpu, cores, threads, packages, data."""
        record = copies.provenance(self.path)
        if record is None:
            raise HlnbError(f"{self.name} has no provenance; run it anew: hlnb run.")
        return record

    @property
    def number(self) -> int:
        """The number that the file name begins with."""
        return int(self.name[:2])

    @property
    def numbered_title(self) -> str:
        return f"{self.number} · {self.title}"

    @property
    def minutes(self) -> int:
        """About how long the text takes to read, at 200 words a minute."""
        texts = [
            chapters.text_of(c) for c in self.cells if c["cell_type"] == "markdown"
        ]
        return max(1, round(len(" ".join(texts).split()) / 200))

    @cached_property
    def glued(self) -> dict[str, Any]:
        """The numbers and words that the chapter's prose is given, by name."""
        return {
            output["metadata"]["scrapbook"]["name"]: ast.literal_eval(
                "".join(output["data"]["application/papermill.record/text/plain"])
            )
            for cell in self.cells
            for output in cell.get("outputs", [])
            if "scrapbook" in output.get("metadata", {})
        }

    def with_numbers(
        self, text: str, known: "Mapping[str, Executed] | None" = None
    ) -> str:
        """A text of the chapter for another place, which knows none of its numbers.

        known: the other chapters by name, for numbers that are taken from them.
        """

        def number(match: re.Match[str]) -> str:
            chapter, name, form = match.groups()
            glued = self.glued if chapter is None else (known or {})[chapter].glued
            return format(glued[name], form or "")

        return GLUED.sub(number, text)

    def filled(self, known: "Mapping[str, Executed]") -> dict[str, Any]:
        """The executed notebook with its numbers in its text, to be read anywhere."""
        cells = [
            cell
            if cell["cell_type"] != "markdown"
            else cell | {"source": self.with_numbers(chapters.text_of(cell), known)}
            for cell in self.cells
        ]
        return self.notebook | {"cells": cells}

    @property
    def link(self) -> str:
        """A link to the chapter's page, or its title if the book has no such page."""
        if not self.listed:
            return self.numbered_title
        return f"{{doc}}`{self.numbered_title} </book/chapters/{self.name}>`"


def load(root: Path) -> list[Executed]:
    """All executed chapters: those listed in the book's order, then the others.

    See `Executed.listed`.
    """
    files = places.notebooks(root / "book" / "chapters")
    files = [f for f in files if chapters.NAME.fullmatch(f.stem)]
    states, listed = copies.states(root), chapters.contents(root)
    order = {name: place for place, name in enumerate(listed or [])}
    files.sort(key=lambda file: order.get(file.stem, len(order)))
    return [
        Executed(
            file,
            states.get(file.stem, "without a source"),
            listed=listed is None or file.stem in listed,
        )
        for file in files
    ]
