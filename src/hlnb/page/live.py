"""The book's demonstrations in a live notebook, from the page's own files."""

from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml

from hlnb.errors import HlnbError

FILES = Path(__file__).parents[3] / "book" / "static" / "lab"

# Scripts of a page share one name, `self`; here it is an object of their own, so that
# nothing of a second demonstration, or of JupyterLab, is touched
MODULE = """
const self = {{}};
{scripts}
export default {{
  render({{ model, el }}) {{
    const root = document.createElement("div");
    root.className = "hlnb-lab";
    const set = model.get("preset");
    Object.assign(root.dataset, {{ lab: "{name}", set, apart: "" }});
    root.addEventListener("hlnb-values", ({{ detail }}) => {{
      model.set("values", detail);
      model.save_changes();
    }});
    el.append(root);
    return self.hlnbUi.mount(root).close;
  }},
}};
"""


def lab(name: str = "playground", **settings: Any) -> Any:
    """A demonstration of the book that answers to the hand, in JupyterLab or VS Code.

    name: `playground`, or one of the chapters' demonstrations: `parity` (11), `stripes`
    (16), `latch` (17), `step` (18), `depth` (19). settings: of its controls, as in a
    page's address, such as `problem=4, training="greedy"`; one that its control does
    not take is refused in the demonstration. The widget's `values` are the settings of
    now: a reader finds them by hand, and the next cell trains with them. Training runs
    in the browser. Raises HlnbError for a name that is none, and without the package
    anywidget or the book's folder.
    """
    known = _needed()
    if name not in known:
        raise HlnbError(f"There is no demonstration {name}: take {', '.join(known)}.")
    return _widget(name)(preset=urlencode(settings))


def _text(name: str) -> str:
    try:
        return (FILES / name).read_text("utf8")
    except FileNotFoundError:
        raise HlnbError(
            f"The demonstrations are files of the book, and {FILES / name} is not "
            "there: work in a clone, with the package installed from it (make book)."
        ) from None


@cache
def _needed() -> dict[str, list[str]]:
    return yaml.safe_load(_text("scripts.yml"))


def _module(name: str) -> str:
    """The scripts of a demonstration as one module for the browser."""
    scripts = "\n".join(_text(f"{script}.js") for script in _needed()[name])
    return MODULE.format(scripts=scripts, name=name)


@cache
def _widget(name: str) -> Any:
    """The class of a demonstration; made when asked for, as anywidget is optional."""
    try:
        import anywidget
        import traitlets
    except ImportError:
        raise HlnbError(
            "A demonstration in a notebook needs the package anywidget: "
            "pip install anywidget, and start the kernel again."
        ) from None

    class Demonstration(anywidget.AnyWidget):
        _esm = _module(name)
        _css = _text("lab.css") + _text("live.css")
        preset = traitlets.Unicode().tag(sync=True)
        values = traitlets.Dict().tag(sync=True)

    return Demonstration
