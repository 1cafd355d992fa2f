"""What the search of the book reads: the words of each section, and where it is."""

import html
import json
import re
from collections.abc import Iterator
from typing import Any

from docutils import nodes
from sphinx import addnodes

from hlnb.publishing.render import folds, formulas

SILENT = (  # code, what code printed, pictures with their alternative texts, lists
    *(nodes.literal_block, nodes.math_block, nodes.raw, nodes.image, nodes.comment),
    *(nodes.thead, addnodes.toctree, addnodes.glossary, folds.Summary),
)
WORDS, FEW = re.compile(r"[^\W\d_]{3,}"), 3  # a cell of fewer words is a number
ASIDE = {"hlnb-head", "hlnb-stamp", "hlnb-small"}


def entries(doctree: nodes.document, *, kind: str) -> dict[str, Any]:
    """What a page offers: its kind, its sections and its terms, each with its anchor,
    its title and its text.

    A page of kind `list` repeats what others say: it offers its first paragraph alone.
    """
    sections, terms = [], []
    for section in filter(_titled, doctree.findall(nodes.section)):
        anchor = "" if section.parent is doctree else section["ids"][0]
        sections.append([anchor, plain(section[0]), "\n".join(blocks(section))])
    if kind == "list":
        anchor, title, text = sections[0]
        sections = [[anchor, title, text.split("\n")[0]]]
    for glossary in doctree.findall(addnodes.glossary):
        for item in glossary.findall(nodes.definition_list_item):
            text = "\n".join(blocks(item[-1]))
            for term in item.findall(nodes.term):
                terms.append([term["ids"][0], plain(term), text])
    return {"kind": kind, "sections": sections, "terms": terms}


def _titled(node: nodes.Node) -> bool:
    """Whether a node is a section of the page; what a theorem says is one, untitled."""
    return isinstance(node, nodes.section) and isinstance(node[0], nodes.title)


def blocks(node: nodes.Element) -> Iterator[str]:
    """The paragraphs, boxes' titles and rows of tables in a node, but for sections."""
    for child in node.children:
        if _silent(child):
            continue
        if _titled(child) or (_titled(node) and child is node[0]):
            continue
        if isinstance(child, nodes.row):
            cells = [" ".join(blocks(cell)) for cell in child]
            telling = [c for c in cells[1:] if len(WORDS.findall(c)) > FEW]
            yield " · ".join([*cells[:1], *telling])
        elif isinstance(child, nodes.TextElement):
            yield plain(child)
        else:
            yield from blocks(child)


def plain(node: nodes.Node) -> str:
    """The text of a node, with formulas as MathML reads without its marks."""
    return " ".join(_told(node).split())


def _told(node: nodes.Node) -> str:
    if isinstance(node, nodes.Text):
        return str(node)
    if isinstance(node, nodes.math):
        marked = formulas.plain(node.astext(), block=False)
        return html.unescape(re.sub("<[^>]*>", "", marked)) or "…"
    return "" if _silent(node) else "".join(map(_told, node.children))


def _silent(node: nodes.Node) -> bool:
    aside = isinstance(node, nodes.Element) and ASIDE & {*node.get("classes", [])}
    return isinstance(node, SILENT) or bool(aside)


def script(pages: dict[str, dict[str, Any]], aliases: dict[str, str]) -> str:
    """The script that hands pages, and other names of terms, to `hlnb-search.js`."""
    data = {"pages": pages, "aliases": aliases}
    return f"hlnbSearch({json.dumps(data, ensure_ascii=False, separators=(',', ':'))})"
