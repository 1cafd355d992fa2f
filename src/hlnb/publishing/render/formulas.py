"""Formulas as MathML, which a browser sets without a script."""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from html import escape
from pathlib import Path
from typing import Protocol

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

from hlnb.errors import HlnbError
from hlnb.publishing.render import assets

RENDERER = "mathml"  # its name; Sphinx takes it, as it is the only one added
logger = logging.getLogger(__name__)
DOLLARS = re.compile(r"\$([^\s$](?:[^$]*[^\s$])?)\$")
UNKNOWN = (  # to docutils, in other words
    (r"\\dots\b", r"\\ldots"),
    (r"\\frac(\d)(\w)", r"\\frac{\1}{\2}"),
    (r"\\(?:Big|mathrel)\b", ""),
    ("°", r"^\\circ"),
)


class Converter(Protocol):
    """Makes MathML of TeX, for a formula in a line or for one alone, a block."""

    def __call__(self, tex: str, *, block: bool) -> str: ...


def converter(root: Path):
    """A context with a converter: Temml, or docutils where npm or Node is missing."""
    node, temml = assets.program("node"), assets.temml(root)
    return by_temml(node, temml) if node and temml.is_file() else nullcontext(plain)


@contextmanager
def by_temml(node: str, temml: Path) -> Iterator[Converter]:
    """A converter that refuses what it can't read, in one process for all formulas."""
    command = [node, Path(__file__).with_suffix(".js"), temml.resolve()]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf8"
    ) as process:

        @cache
        def mathml(tex: str, *, block: bool) -> str:
            print(json.dumps([tex, block]), file=process.stdin, flush=True)
            made = json.loads(process.stdout.readline())
            if problem := made.get("problem"):
                why = problem.splitlines()[0].strip(": ")
                raise HlnbError(f"The formula {tex} cannot be read: {why}.")
            return made["mathml"]

        yield mathml


@cache
def plain(tex: str, *, block: bool) -> str:
    """A formula set with less care than Temml's; what docutils can't read as code."""
    known = tex
    for unknown, words in UNKNOWN:
        known = re.sub(unknown, words, known)
    try:
        made = tex2mathml(known, as_block=block)
    except (MathError, SyntaxError):
        return f"<code>{escape(tex)}</code>"
    return re.sub(r"\n\s*", "", made)


def glued(app, doctree: nodes.document, docname: str) -> None:
    """Makes formulas of the TeX in glued text, which MyST-NB takes for letters."""
    for node in list(doctree.findall(nodes.inline)):
        if "pasted-text" in node["classes"]:
            pieces = DOLLARS.split(node.astext())
            node.children = []
            node.extend(
                nodes.math(piece, piece) if i % 2 else nodes.Text(piece)
                for i, piece in enumerate(pieces)
            )


def _made(translator, node: nodes.Element, *, block: bool) -> str:
    """The MathML of a node; what cannot be read is a warning, which ends a build."""
    tex = node.astext().strip()
    try:
        return translator.builder.app.hlnb_mathml(tex, block=block)
    except HlnbError as error:
        logger.warning("%s", error, location=node)
        return ""


def visit_inline(translator, node: nodes.math) -> None:
    """Writes a formula in a line."""
    made = _made(translator, node, block=False)
    start = translator.starttag(node, "span", "", CLASS="math notranslate")
    translator.body.append(f"{start}{made}</span>")
    raise nodes.SkipNode


def visit_block(translator, node: nodes.math_block) -> None:
    """Writes a displayed formula after its number, which a style puts on the right."""
    made = _made(translator, node, block=True)
    translator.body.append(translator.starttag(node, "div", CLASS="math notranslate"))
    if node["number"]:
        number = get_node_equation_number(translator, node)
        translator.body.append(f'<span class="eqno">({number})')
        translator.add_permalink_ref(node, "Link to this equation")
        translator.body.append("</span>")
    translator.body.append(f'<div class="hlnb-formula">{made}</div></div>\n')
    raise nodes.SkipNode
