"""What the book does to prose: glossary links, equation numbers, signs and powers."""

import re
from collections.abc import Iterable, Iterator

# Terms whose words are plain English too: a link at their first use would mislead
PLAIN_WORDS = {
    *("run", "step", "mode", "null", "reading", "fresh", "claim", "balanced"),
    *("straight line", "piece", "purity"),
}
TEXTUAL = re.compile(r"\{(admonition|prf:\w+|note|tip|warning|important|hint|div)\}")
INLINE = re.compile(  # what is no running text: roles, code, formulas, links, HTML
    r"\{[\w:.-]+\}`[^`]*`|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|!?\[[^\]]*\]\([^)]*\)"
    r"|\[[^\]]*\]\{[^}]*\}|<[^>]+>|https?://\S+|\*\*[^*]*\*\*",
    re.DOTALL,
)
POWER = re.compile(r"(?<![\w.])(-?\d(?:\.\d+)?)e([+-]?\d+)(?![\w.]*\w)")
MINUS = re.compile(r"(?<![\w.)\]-])-(?=\.?\d)")
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
FENCE = re.compile(r"\s*(`{3,}|:{3,})(.*)")


def terms(glossary: str) -> list[str]:
    """The terms that a page with a glossary directive defines, in its order."""
    body = re.search(r"(?ms)^:::+\{glossary\}\n(.*?)^:::+\s*$", glossary)
    lines = body[1].splitlines() if body else []
    heads = [s.strip() for s in lines if s and not s[0].isspace() and s[0] != ":"]
    return [head for head in heads if head]


def link_terms(texts: Iterable[str], known: Iterable[str]) -> list[str]:
    """The texts of a page's cells, in which the first use of each term is a link.

    Headings, tables, code, formulas, links and titles of boxes stay as they are; so do
    terms that a cell links by hand.
    """
    open_terms = {}
    for term in known:
        if term not in PLAIN_WORDS and "," not in term:
            open_terms[term.lower()] = term
    texts = list(texts)
    for used in re.findall(r"\{term\}`([^`]*)`", "\n".join(texts)):
        target = re.search(r"<(.*)>$", used)
        open_terms.pop((target[1] if target else used).strip().lower(), None)
    linked = []
    for text in texts:
        parts = []
        for running, part in _paragraphs(text):
            parts.append(_linked(part, open_terms) if running else part)
        linked.append("".join(parts))
    return linked


def _paragraphs(text: str) -> Iterator[tuple[bool, str]]:
    """Pieces of Markdown, whole lines each: whether it is running text, and the text.

    Fences of boxes are opened, those of code are not.
    """
    fences: list[tuple[str, bool]] = []  # marker, whether text stands in it
    running: list[str] = []
    math = False
    for line in text.splitlines(keepends=True):
        fence = FENCE.match(line)
        inside = all(textual for _, textual in fences)
        special = True
        if fence and fences and fence[1].startswith(fences[-1][0]) and not fence[2]:
            fences.pop()
        elif fence and inside:
            fences.append((fence[1], bool(TEXTUAL.match(fence[2].strip()))))
        elif inside and line.strip().startswith("$$"):
            math = not math if line.strip().count("$$") == 1 else math
        elif inside and math:
            math = "$$" not in line
        else:
            special = not inside or bool(re.match(r"\s*(#|\||:\w[\w-]*:|<)", line))
        if special:
            if running:
                yield True, "".join(running)
                running = []
            yield False, line
        else:
            running.append(line)
    if running:
        yield True, "".join(running)


def _linked(text: str, open_terms: dict[str, str]) -> str:
    """Running text with links; linked terms leave `open_terms`."""
    while open_terms:
        # the longest term that begins earliest, outside what is no text
        words = sorted(open_terms, key=len, reverse=True)
        pattern = re.compile(rf"(?<![\w-])({'|'.join(map(_forms, words))})(?![\w-])")
        spans = [m.span() for m in INLINE.finditer(text)]
        hit = next(
            (
                m
                for m in pattern.finditer(text.lower())
                if not any(a < m.end() and m.start() < b for a, b in spans)
            ),
            None,
        )
        if hit is None:
            return text
        shown = " ".join(text[hit.start() : hit.end()].split())
        term = next(w for w in words if re.fullmatch(_forms(w), hit[0]))
        link = f"{{term}}`{shown} <{open_terms.pop(term)}>`"
        text = text[: hit.start()] + link + text[hit.end() :]
    return text


def _forms(term: str) -> str:
    """A pattern for a term and its plural, whose words a line may divide."""
    stem, last = term[:-1], term[-1]
    ending = {"y": "(?:y|ies)", "s": "s"}.get(last, f"{re.escape(last)}s?")
    words = re.escape(stem).replace(r"\ ", r"\s+").replace(r"\-", "-")
    return words + ending


def label_equations(texts: Iterable[str], prefix: str) -> list[str]:
    """The texts, in which each displayed equation without a label gets one.

    Sphinx numbers labelled equations only.
    """
    number = 0

    def labelled(match: re.Match) -> str:
        nonlocal number
        number += 1
        return f"{match[0].rstrip()} (eq-{prefix}-{number})"

    parts = []
    for text in texts:
        pieces = re.split(r"(?ms)^(```+[^\n]*\n.*?^```+[ \t]*$)", text)
        for i in range(len(pieces)):
            if i % 2 == 0 or TEXTUAL.match(pieces[i].lstrip("`").strip()):
                pieces[i] = re.sub(
                    r"(?ms)^[ \t]*\$\$(?:(?!\$\$).)+\$\$[ \t]*$", labelled, pieces[i]
                )
        parts.append("".join(pieces))
    return parts


def typeset(text: str) -> str:
    """Running text with numbers as print has them: 1.5e-15 is 1.5 × 10⁻¹⁵, -2 is −2."""

    def power(match: re.Match) -> str:
        digits, exponent = match[1], int(match[2])
        if float(digits) == 0:
            return "0"
        times = {"1": "", "-1": "-"}.get(digits, f"{digits} × ")
        return f"{times}10{str(exponent).translate(RAISED)}" if exponent else digits

    return MINUS.sub("−", POWER.sub(power, text))
