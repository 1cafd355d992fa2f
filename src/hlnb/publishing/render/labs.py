"""Demonstrations that a page shows live, and what stands in their place without."""

import re
from pathlib import Path
from typing import Any, ClassVar

import yaml
from docutils import nodes
from docutils.parsers.rst import Directive, directives

FOLDER = "lab"  # below the static files
MARK = re.compile(r'class="hlnb-lab" data-lab="([a-z0-9-]+)"')
ASKED = "hlnb-lab"  # the class of its box


class Lab(nodes.General, nodes.Element):
    """The box of a demonstration; its children are what stands there without scripts.

    `name`: the demonstration; `set`: its settings, as in an address, or "".
    """


class LabDirective(Directive):
    """`{lab} name`: a demonstration of the folder `lab`, with its fallback inside.

    `:set: problem=4&hide=seed` are settings as in the page's address; names of controls
    after `hide` are left out, and `wait` waits for a press.
    """

    required_arguments = 1
    has_content = True
    option_spec: ClassVar = {"set": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        """The box, with the fallback in it."""
        name = self.arguments[0]
        source = Path(self.state.document.settings.env.app.srcdir)
        if name not in (known := scripts(source)):
            raise self.error(
                f"There is no demonstration {name}: take {', '.join(known)}."
            )
        if not self.content:
            raise self.error(
                f"The demonstration {name} has nothing inside that stands there "
                "without scripts and in print: add a figure or a sentence."
            )
        box = Lab(name=name, set=self.options.get("set", ""))
        self.state.nested_parse(self.content, self.content_offset, box)
        return [box]


def scripts(root: Path) -> dict[str, list[str]]:
    """The scripts that each demonstration needs, in order, from the book's own list."""
    text = (root / "book" / "static" / FOLDER / "scripts.yml").read_text("utf8")
    return yaml.safe_load(text)


def needed(body: str, root: Path) -> list[str]:
    """The scripts for the demonstrations of a page's HTML, below the static files."""
    asked = MARK.findall(body)
    known = scripts(root) if asked else {}
    each = dict.fromkeys(script for name in asked for script in known[name])
    return [f"{FOLDER}/{script}.js" for script in each]


def visit(self: Any, node: Lab) -> None:
    """Opens the box in HTML."""
    attributes = {"data-lab": node["name"], "data-set": node["set"]}
    self.body.append(self.starttag(node, "div", CLASS=ASKED, **attributes))


def depart(self: Any, node: Lab) -> None:
    """Closes the box."""
    self.body.append("</div>\n")


def plain(self: Any, node: Lab) -> None:
    """Leaves the fallback alone, where there are no scripts."""


def add_to(app: Any) -> None:
    """Registers the directive and its box."""
    app.add_node(Lab, html=(visit, depart), singlehtml=(plain, plain))
    app.add_directive("lab", LabDirective)
