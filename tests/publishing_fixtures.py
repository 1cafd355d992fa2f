"""Little books for the tests of the pipeline."""

import json
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


CONFIG = "sphinx: {extra_extensions: [hlnb.publishing.render.sphinx]}\n"


def make_book(root: Path) -> Path:
    """An empty book at `root`."""
    (root / "notebooks").mkdir(parents=True)
    (root / "book" / "chapters").mkdir(parents=True)
    (root / "_config.yml").write_text(CONFIG)
    return root


def list_chapters(root: Path, *names: str) -> None:
    """Makes the table of contents one of these chapters, the last as a section."""
    *first, last = [f"book/chapters/{name}" for name in names]
    pages: list[dict[str, Any]] = [{"file": name} for name in ["book/how_to", *first]]
    pages[-1]["sections"] = [{"file": f"{last}.ipynb"}]
    toc = {"root": "book/intro", "parts": [{"caption": "c", "chapters": pages}]}
    (root / "_toc.yml").write_text(json.dumps(toc))  # which is YAML


def save_in_editor(path: Path) -> None:
    """Saves a source notebook as JupyterLab or VS Code does after it was run."""
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata["kernelspec"] |= {"display_name": ".venv (3.11.7)"}
    version = {"codemirror_mode": {"name": "ipython"}, "version": "3.11.7"}
    notebook.metadata["language_info"] = {"name": "python"} | version
    notebook.metadata["widgets"] = {"application/x": {"state": {}}}
    for number, cell in enumerate(notebook.cells):
        cell.metadata |= {"editable": True, "vscode": {"languageId": "python"}}
        if cell.cell_type == "code":
            cell.execution_count = number
            cell.outputs = [nbformat.v4.new_output("stream", text=f"{number}\n")]
    nbformat.write(_in_javascript(notebook), path)


def _in_javascript(value: Any) -> Any:
    """The value with whole numbers as JavaScript writes them: 1 for 1.0."""
    if isinstance(value, dict):
        return type(value)({k: _in_javascript(v) for k, v in value.items()})
    if isinstance(value, list):
        return [_in_javascript(v) for v in value]
    whole = isinstance(value, float) and value.is_integer()
    return int(value) if whole else value


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


CLAIM = {
    **{"id": "a", "source": "§5", "statement": "s", "theirs": 0.6, "ours": 0.7},
    **{"low": 0.6, "high": 0.8, "n": 5, "unit": "1", "verdict": "reproduced"},
    **{"note": "", "chapter": "01_one"},
}
SPOILED: list[Any] = [  # what is no claim
    *("a text", 7, None, ["a"], {}),
    *(CLAIM | {"id": 3}, CLAIM | {"source": None}, CLAIM | {"statement": ["s"]}),
    *(CLAIM | {name: "0.7"} for name in ("ours", "low", "high", "n")),
    *(CLAIM | {"ours": 10**400}, CLAIM | {"high": -(10**400)}),
    *(CLAIM | {"ours": float("nan")}, CLAIM | {"low": True}, CLAIM | {"n": -1}),
    *(CLAIM | {"theirs": {}}, CLAIM | {"unit": 1}, CLAIM | {"note": 1}),
    *(CLAIM | {"verdict": "perhaps"}, CLAIM | {"verdict": ["reproduced"]}),
]

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
