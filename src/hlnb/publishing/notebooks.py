"""The published notebook: a source's cells with the outputs of an execution."""

import base64
import gzip
import hashlib
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

from hlnb.code import digest

VIEW = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"
CLAIMS = "application/vnd.hlnb.claims+json"
DATA = "application/vnd.hlnb.data+json"
NUMBERS = "application/vnd.hlnb.numbers"  # see `page.packed`
INJECTED = "injected-parameters"
LANGUAGE = {"name": "python", "pygments_lexer": "ipython3"}  # the version is dated
SETTINGS = {  # of a source notebook; an editor writes those of the machine instead
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
CELL = ("attachments", "cell_type", "id", "source")  # what a source's cell holds
CELL_METADATA = ("tags", "mystnb")

Notebook = dict[str, Any]


class Keys(NamedTuple):
    """What the outputs of a chapter depend on, as hexadecimal digests."""

    key: str  # its code cells, and the parameters that differ from the defaults
    code: str  # the definitions of the package that it reaches


def to_bytes(notebook: Notebook) -> bytes:
    """The notebook as the bytes of its file, laid out as nbformat does it."""
    text = json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True)
    return f"{text}\n".encode()


def cleaned(notebook: Notebook) -> Notebook:
    """A source without what an editor saves with it: outputs, counts, its settings."""
    known = notebook["metadata"]
    metadata = {name: SETTINGS[name] for name in SETTINGS if name in known}
    if "hlnb" in known:
        metadata["hlnb"] = known["hlnb"]
    cells = [_cleaned_cell(cell) for cell in notebook["cells"]]
    return notebook | {"cells": cells, "metadata": metadata}


def _cleaned_cell(cell: dict[str, Any]) -> dict[str, Any]:
    known = cell["metadata"]
    kept = {name: cell[name] for name in CELL if name in cell}
    kept["metadata"] = {name: known[name] for name in CELL_METADATA if name in known}
    if cell["cell_type"] == "code":
        kept |= {"outputs": [], "execution_count": None}
    return kept


def weave(
    source: Notebook,
    executed: Notebook,
    *,
    keys: Keys,
    parameters: dict[str, Any],
) -> Notebook:
    """The cells of `source` with the outputs of `executed`, whose code is the same.

    The figure of a cell gives the cell its alternative text, caption and name, which
    MyST-NB reads from the cell's metadata. A cell of injected parameters is kept, and
    hidden.
    """
    code = [cell for cell in executed["cells"] if cell["cell_type"] == "code"]
    ran = [cell for cell in code if INJECTED not in _tags(cell)]
    injected = [cell for cell in code if INJECTED in _tags(cell)]
    if len(ran) != sum(cell["cell_type"] == "code" for cell in source["cells"]):
        raise ValueError("the two notebooks have different code cells")
    results = iter(ran)
    cells = []
    for cell in source["cells"]:
        if cell["cell_type"] != "code":
            cells.append(cell)
            continue
        result = next(results)
        outputs = result.get("outputs", [])
        cells.append(
            cell
            | {
                "outputs": outputs,
                "execution_count": result.get("execution_count"),
                "metadata": cell["metadata"] | _figure_metadata(cell, outputs),
            }
        )
        if "parameters" in _tags(cell):
            cells += [_hidden(cell) for cell in injected]
    record = source["metadata"].get("hlnb", {}) | keys._asdict()
    record |= {"parameters": parameters}
    metadata = source["metadata"] | {"hlnb": record, "language_info": LANGUAGE}
    if "widgets" in executed["metadata"]:
        metadata["widgets"] = executed["metadata"]["widgets"]
    return source | {"cells": cells, "metadata": metadata}


def outputs_digest(executed: Notebook) -> str:
    """A digest of all that the execution of a notebook gave."""
    cells = [c for c in executed["cells"] if c["cell_type"] == "code"]
    widgets = executed["metadata"].get("widgets")
    return digest([[c.get("outputs") for c in cells], widgets])


def _tags(cell: dict[str, Any]) -> list[str]:
    return cell.get("metadata", {}).get("tags", [])


def _hidden(cell: dict[str, Any]) -> dict[str, Any]:
    return cell | {"id": INJECTED, "metadata": {"tags": [INJECTED, "hide-input"]}}


def images(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The outputs that show an image."""
    return [
        output
        for output in outputs
        if any(mime.startswith("image/") for mime in output.get("data", {}))
    ]


def _figure_metadata(
    cell: dict[str, Any], outputs: list[dict[str, Any]]
) -> dict[str, Any]:
    for output in images(outputs):
        figure = output.get("metadata", {}).get("hlnb", {})
        if {"alt", "caption", "name"} <= figure.keys():
            mystnb = cell["metadata"].get("mystnb", {}) | {
                "image": {"alt": figure["alt"]},
                "figure": {"caption": figure["caption"], "name": figure["name"]},
            }
            return {"mystnb": mystnb}
    return {}


def payloads(notebook: Notebook, mime: str) -> list[Any]:
    """What the outputs of a notebook carry under one MIME type, in order."""
    return [
        output["data"][mime]
        for cell in notebook["cells"]
        for output in cell.get("outputs", [])
        if mime in output.get("data", {})
    ]


def moved_verdicts(notebook: Notebook) -> list[str]:
    """Verdicts that are not those for which the prose was written, each in words."""
    return [
        line
        for cell in notebook["cells"]
        for output in cell.get("outputs", [])
        if CLAIMS in output.get("data", {})
        for line in output.get("metadata", {}).get("hlnb", {}).get("moved", [])
    ]


def numbers(notebook: Notebook) -> dict[str, bytes]:
    """A CSV file for each figure of an executed notebook, by the figure's name."""
    return {
        output["metadata"]["hlnb"]["name"]: gzip.decompress(
            base64.b64decode("".join(output["data"][NUMBERS]))
        )
        for cell in notebook["cells"]
        for output in cell.get("outputs", [])
        if NUMBERS in output.get("data", {})
    }


def normalize(notebook: Notebook, *, root: Path) -> Notebook:
    """The executed notebook without what differs between two equal executions.

    Widget models get ids that depend on their content and order alone; addresses in
    memory and the paths of the book and of the home folder go.
    """
    notebook = with_stable_widgets(notebook)
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            if "text" in output:
                output["text"] = _without_places(output["text"], root)
            for mime, value in output.get("data", {}).items():
                if mime.startswith("text/"):
                    output["data"][mime] = _without_places(value, root)
    return notebook


def _without_places(text: str | list[str], root: Path) -> str | list[str]:
    if isinstance(text, list):
        return [_without_places(line, root) for line in text]
    text = re.sub(r"\bat 0x[0-9a-fA-F]{6,}", "at 0x…", text)
    for place, short in ((root, "."), (Path.home(), "~")):
        text = re.sub(rf"{re.escape(str(place))}(?![\w.-])", short, text)
    return text


def with_stable_widgets(notebook: Notebook) -> Notebook:
    """The notebook with its widget models numbered in the order a reader meets them.

    Models that neither a view nor a link of a shown model reaches are dropped.
    """
    models = notebook["metadata"].get("widgets", {}).get(STATE, {}).get("state", {})
    if not models:
        return notebook
    new: dict[str, str] = {}

    def renamed(text: str) -> str:
        return re.sub(r"[0-9a-f]{32}", lambda m: new.get(m[0], m[0]), text)

    def references(model: str) -> list[str]:
        text = json.dumps(models[model], sort_keys=True)
        return re.findall(r"IPY_MODEL_([0-9a-f]{32})", text)

    def visit(model: str) -> None:
        if model in models and model not in new:
            new[model] = hashlib.sha256(f"model {len(new)}".encode()).hexdigest()[:32]
            for reference in references(model):
                visit(reference)

    for view in payloads(notebook, VIEW):
        visit(view["model_id"])
    while True:  # links are shown by no view: they point at models that are
        linked = [m for m in models if m not in new and new.keys() & references(m)]
        if not linked:
            break
        visit(min(linked, key=lambda m: renamed(json.dumps(models[m], sort_keys=True))))
    text = renamed(json.dumps({model: models[model] for model in new}))
    notebook["metadata"]["widgets"][STATE]["state"] = json.loads(text)
    for view in payloads(notebook, VIEW):
        view["model_id"] = new.get(view["model_id"], view["model_id"])
    return notebook
