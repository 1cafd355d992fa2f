"""Formulas for a browser that runs no script: MathML beside the TeX of a page."""

import re
from functools import cache
from html import unescape

from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml

FORMULA = re.compile(  # as Sphinx writes it: TeX, after the number of an equation
    r'(?P<start><(?P<tag>span|div) class="(?:amsmath )?math notranslate nohighlight"'
    r'[^>]*>)(?P<number>\s*<span class="eqno">.*?</span>)?'
    r"(?P<text>[^<]*)(?P<end></(?P=tag)>)",
    re.DOTALL,
)
INSIDE = re.compile(r"\s*\\[(\[](?P<tex>.*)\\[)\]]\s*", re.DOTALL)
UNKNOWN = (  # to docutils, in other words
    (r"\\dots\b", r"\\ldots"),
    (r"\\frac(\d)(\w)", r"\\frac{\1}{\2}"),
    (r"\\(?:Big|mathrel)\b", ""),
    ("°", r"^\\circ"),
)


def readable(body: str) -> str:
    """The HTML with MathML in a `noscript` after each formula that docutils can read.

    The style hides the TeX beside it where no script runs.
    """
    return FORMULA.sub(_with_mathml, body)


def _with_mathml(match: re.Match[str]) -> str:
    start, number, text = match["start"], match["number"] or "", match["text"]
    made = mathml(unescape(text), block=match["tag"] == "div")
    if not made:
        return match[0]
    tex = f'<span class="hlnb-tex">{text}</span>'
    return f"{start}{number}{tex}<noscript>{made}</noscript>{match['end']}"


@cache
def mathml(text: str, *, block: bool) -> str:
    """A formula in MathML, from TeX with or without MathJax's marks; "" if unknown."""
    inside = INSIDE.fullmatch(text)
    tex = inside["tex"] if inside else text
    for unknown, known in UNKNOWN:
        tex = re.sub(unknown, known, tex)
    try:
        made = tex2mathml(tex, as_block=block)
    except (MathError, SyntaxError):
        return ""
    return re.sub(r"\n\s*", "", made)
