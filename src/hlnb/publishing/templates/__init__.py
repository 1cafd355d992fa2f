"""Pages and their parts as files: HTML, and MyST's Markdown."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("hlnb.publishing"),
        autoescape=lambda name: name is not None and name.endswith(".html"),
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )


def rendered(template: str, /, **given: Any) -> str:
    """A template of this folder, filled; in HTML, texts are escaped."""
    return _environment().get_template(template).render(given).rstrip("\n")
