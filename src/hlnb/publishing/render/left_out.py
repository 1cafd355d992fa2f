"""A book in part: what a page says where it refers to a chapter that is left out."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from hlnb.publishing import chapters, copies
from hlnb.publishing.render.executed import Executed

NOUNS = {"numref": "a figure", "prf:ref": "a statement", "eq": "an equation"}
ROLE = re.compile(r"\{(?P<role>[\w:]+)\}`(?P<text>[^`]*)`")
TARGET = re.compile(r"(?P<words>.*?)\s*<(?P<at>[^>]*)>", re.DOTALL)
NUMBER = re.compile(r"(?:.*/)?(?P<name>\w+)\.ipynb::(?P<number>[^`]*)")
LINK = re.compile(
    r"\[(?P<words>[^\]]*)\]\((?:[^)\s]*/)?(?P<name>\w+)\.ipynb(?:#[^)]*)?\)"
)
LABELS = re.compile(  # of theorems and directives, of equations, of sections
    r"(?m)^:(?:label|name): *([\w-]+)$|\$\$ *\(([\w-]+)\)$|^\(([\w-]+)\)=$"
)


@dataclass(frozen=True)
class LeftOut:
    """The executed chapters that `_toc.yml` does not list, by name."""

    chapters: dict[str, Executed]

    @cached_property
    def labels(self) -> dict[str, Executed]:
        """What pages can refer to, and the chapter that would have it."""
        found = {}
        for chapter in self.chapters.values():
            for cell in chapter.cells:
                about = cell["metadata"].get("mystnb", {}).get("figure", {})
                texts = [chapters.text_of(cell)] * (cell["cell_type"] == "markdown")
                named = [n for t in texts for m in LABELS.findall(t) for n in m]
                found |= dict.fromkeys([about.get("name"), *named], chapter)
        return {label: chapter for label, chapter in found.items() if label}

    @cached_property
    def claims(self) -> list[dict[str, Any]]:
        return [c for e in self.chapters.values() for c in copies.claims_of(e.path)]

    def bridged(self, text: str) -> str:
        """A page's text, in which words and numbers stand in place of references."""
        if not self.chapters:
            return text
        return LINK.sub(self._unlinked, ROLE.sub(self._in_words, text))

    def bridge(self, notebook: dict[str, Any]) -> dict[str, Any]:
        """The notebook with the texts of its cells, captions and outputs bridged."""
        for cell in notebook["cells"] if self.chapters else []:
            if cell["cell_type"] == "markdown":
                cell["source"] = self.bridged(chapters.text_of(cell))
            figure = cell["metadata"].get("mystnb", {}).get("figure", {})
            if "caption" in figure:
                figure["caption"] = self.bridged(figure["caption"])
            for output in cell.get("outputs", []):
                if shown := output.get("data", {}).get("text/markdown"):
                    output["data"]["text/markdown"] = self.bridged("".join(shown))
        return notebook

    def _in_words(self, match: re.Match) -> str:
        role, text = match["role"], match["text"]
        number = NUMBER.fullmatch(text)
        if role.startswith("glue") and number and number["name"] in self.chapters:
            inside = f"{{glue:text}}`{number['number']}`"
            return self.chapters[number["name"]].with_numbers(inside)
        target = TARGET.fullmatch(text)
        words, at = (target["words"], target["at"]) if target else ("", text)
        if role == "doc":
            chapter = self.chapters.get(at.rpartition("/")[2])
            return match[0] if chapter is None else words or chapter.numbered_title
        if role not in {"ref", *NOUNS} or at not in self.labels:
            return match[0]
        if words and "%s" not in words and "{number}" not in words:
            return words
        return f"{NOUNS.get(role, 'a place')} of chapter {self.labels[at].number}"

    def _unlinked(self, match: re.Match) -> str:
        return match["words"] if match["name"] in self.chapters else match[0]
