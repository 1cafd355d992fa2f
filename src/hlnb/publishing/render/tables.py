"""Tables, texts and numbers as MyST shows them."""

import re

from hlnb.templates import rendered


def seconds(value: float) -> str:
    """A duration for people."""
    if value < 90:
        return f"{value:.0f} s"
    if value < 5400:
        return f"{value / 60:.0f} min"
    return f"{value / 3600:.1f} h"


def plain_number(value: float) -> str:
    """A number with three significant digits, whole numbers whole."""
    whole = value == int(value) and abs(value) < 1e6
    text = str(int(value)) if whole else f"{value:.3g}"
    return text.replace("-", "\N{MINUS SIGN}")


def markdown_table(names: list[str], rows: list[list[str]], *, label: str = "") -> str:
    """A MyST table whose cells are Markdown."""
    return rendered("publishing/templates/table.md", rows=[names, *rows], label=label)


def escaped(text: str) -> str:
    """Text that MyST shows as it is; only `code` keeps its meaning."""
    pieces = re.split(r"(`[^`]*`)", text)
    pieces[::2] = [re.sub(r"([\\`*_{}\[\]<>$|~#])", r"\\\1", p) for p in pieces[::2]]
    return "".join(pieces)


def slug(text: str) -> str:
    """An identifier for a link."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
