"""Templates of the package, filled: HTML, and MyST's Markdown."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("hlnb", ""),
        autoescape=lambda name: name is not None and name.endswith(".html"),
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )


def rendered(template: str, /, **given: Any) -> str:
    """A template, named by its path in the package, filled; HTML escapes texts.

    `hlnb.code` counts the template's own text where the path is written out, so it is
    written out, and no template includes another.
    """
    return _environment().get_template(template).render(given).rstrip("\n")
