"""Little books for the tests of the pipeline."""

from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

PARAMETERS = """\
seeds: int = 2  # how many runs
lr: float = 0.5  # step size, on the mean squared loss
name: str = "a"  # which one
fast: bool = False  # half of the steps
widths: list[int] = [1, 2]  # units of each layer"""

SHOW_CLAIM = """\
from IPython.display import display
row = {{"id": "{name}", "source": "s", "statement": "t", "theirs": 1.0,
       "ours": 0.5 * seeds, "low": 0.9, "high": 1.1, "n": seeds, "unit": "1",
       "verdict": "reproduced"}}
display({{"application/vnd.hlnb.claims+json": [row], "text/markdown": "|a|"}}, raw=True)
"""


def make_book(root: Path) -> Path:
    """An empty book at `root`."""
    (root / "notebooks").mkdir(parents=True)
    (root / "book" / "chapters").mkdir(parents=True)
    (root / "_config.yml").write_text("title: t\n")
    return root


def add_chapter(
    root: Path,
    name: str,
    *code: str,
    parameters: str = PARAMETERS,
    prose: str = "Some prose.",
    **metadata: Any,
) -> Path:
    """The source of a clean chapter: title, prose, parameters, `code`, claims."""
    cells = [
        new_markdown_cell(f"# Chapter {name}", id="title"),
        new_markdown_cell(prose, id="prose"),
        new_code_cell(parameters, id="parameters", metadata={"tags": ["parameters"]}),
        *(new_code_cell(text, id=f"c{i}") for i, text in enumerate(code)),
        new_code_cell(
            SHOW_CLAIM.format(name=name), id="claims", metadata={"tags": ["claims"]}
        ),
    ]
    for cell in cells:
        cell.metadata.setdefault("tags", [])
    about = {"goals": ["see it"], "needs": [], "smoke": {"seeds": 1}} | metadata
    notebook = new_notebook(
        cells=cells,
        metadata={
            "hlnb": about,
            "kernelspec": {
                "name": "python3",
                "display_name": "Python 3",
                "language": "python",
            },
        },
    )
    path = root / "notebooks" / f"{name}.ipynb"
    nbformat.write(notebook, path)
    return path


FIGURE = """\
import base64
png = base64.b64encode(b"png").decode()
figure = {"alt": "Two bars.", "caption": "Bars", "name": "fig-bars"}
display_data = {"image/png": png, "text/plain": "x"}
from IPython.display import display
display(display_data, raw=True, metadata={"hlnb": figure})
display({"application/vnd.hlnb.data+json": {"name": "d", "sha256": "0", "note": ""},
         "text/markdown": "d"}, raw=True)"""

WIDGET = """\
import ipywidgets as w
frames = [w.HTML(f"<img alt={i} src=data:a{i}>") for i in range(3)]
hidden = w.IntProgress()
stack = w.Stack(frames, selected_index=0)
slider = w.IntSlider(min=0, max=2, description="step")
link = w.jslink((slider, "value"), (stack, "selected_index"))
w.VBox([slider, stack])"""


def edit(path: Path, old: str, new: str) -> None:
    """Replaces `old`, which must be there, in the file at `path`."""
    text = path.read_text("utf8")
    assert old in text
    path.write_text(text.replace(old, new), "utf8")
