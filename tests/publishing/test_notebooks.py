"""Weaving: outputs return to their source, alike after each execution."""

import json
from pathlib import Path

import pytest

from hlnb.publishing.notebooks import (
    STATE,
    VIEW,
    Keys,
    normalize,
    payloads,
    to_bytes,
    weave,
)


def code(source="x", *, outputs=(), tags=(), **more):
    return {
        "cell_type": "code",
        "source": source,
        "outputs": list(outputs),
        "execution_count": None,
        "metadata": {"tags": list(tags)},
        "id": "i",
    } | more


def notebook(*cells, **metadata):
    return {"cells": list(cells), "metadata": metadata, "nbformat": 4}


def text(value, mime="text/plain"):
    return {"output_type": "display_data", "data": {mime: value}, "metadata": {}}


def woven(source, executed):
    return weave(source, executed, keys=Keys("k", "c"), parameters={})


def test_outputs_come_from_the_execution_and_all_else_from_the_source():
    prose = {"cell_type": "markdown", "source": "new", "metadata": {}, "id": "m"}
    source = notebook(code("x # new"), prose, hlnb={"goals": ["see"]})
    executed = notebook(code("x", outputs=[text("1")], execution_count=1))
    result = woven(source, executed)
    assert result["cells"][0]["source"] == "x # new"
    assert result["cells"][0]["outputs"] == [text("1")]
    assert result["cells"][0]["execution_count"] == 1
    assert result["cells"][1] == prose
    assert result["metadata"]["hlnb"] == {
        "goals": ["see"],
        "key": "k",
        "code": "c",
        "parameters": {},
    }
    assert source["metadata"]["hlnb"] == {"goals": ["see"]}


def test_weaving_twice_changes_nothing():
    figure = {"alt": "a", "caption": "c", "name": "fig-a"}
    image = text("png", "image/png") | {"metadata": {"hlnb": figure}}
    source = notebook(code(), code("y"))
    once = woven(source, notebook(code(outputs=[image]), code("y"), widgets={"w": 1}))
    assert to_bytes(woven(source, once)) == to_bytes(once)
    assert once["metadata"]["widgets"] == {"w": 1}


def test_another_number_of_code_cells_is_refused():
    with pytest.raises(ValueError, match="different code cells"):
        woven(notebook(code()), notebook(code(), code()))


def test_a_figure_gives_its_cell_what_myst_nb_reads():
    figure = {"alt": "a", "caption": "c", "name": "fig-a"}
    image = text("png", "image/png") | {"metadata": {"hlnb": figure}}
    source = code()
    source["metadata"]["mystnb"] = {"code_prompt_show": "Show"}
    (cell,) = woven(notebook(source), notebook(code(outputs=[image])))["cells"]
    assert cell["metadata"]["mystnb"] == {
        "code_prompt_show": "Show",
        "image": {"alt": "a"},
        "figure": {"caption": "c", "name": "fig-a"},
    }


def test_injected_parameters_stay_behind_the_parameters_hidden():
    source = notebook(code("seeds: int = 2", tags=["parameters"]), code("seeds"))
    executed = notebook(
        code("seeds: int = 2", tags=["parameters"]),
        code("seeds = 1", tags=["injected-parameters"], id="a1b2"),
        code("seeds", outputs=[text("1")]),
    )
    cells = woven(source, executed)["cells"]
    assert [cell["source"] for cell in cells] == [
        *("seeds: int = 2", "seeds = 1", "seeds")
    ]
    assert cells[1]["id"] == "injected-parameters"
    assert cells[1]["metadata"] == {"tags": ["injected-parameters", "hide-input"]}
    assert cells[2]["outputs"] == [text("1")]


def test_places_in_memory_and_on_the_disk_go(tmp_path):
    lines = [
        "<object at 0x7f0123456789>\n",
        f"{tmp_path}/notebooks\n",
        f"{Path.home()}/x\n",
        f"{tmp_path}name",
    ]
    stream = {"output_type": "stream", "name": "stdout", "text": lines}
    done = normalize(
        notebook(code(outputs=[stream, text("".join(lines))])), root=tmp_path
    )
    expected = [
        *("<object at 0x…>\n", "./notebooks\n", "~/x\n"),
        lines[3].replace(f"{Path.home()}/", "~/"),
    ]
    stream, shown = done["cells"][0]["outputs"]
    assert stream["text"] == expected
    assert shown["data"]["text/plain"] == "".join(expected)


def widget_notebook(ids):
    """Two shown labels, a link between them, and a model that nothing shows."""
    one, two, link, lost = (i * 32 for i in ids)
    models = {
        link: {"a": [f"IPY_MODEL_{two}", "value"], "b": [f"IPY_MODEL_{one}", "value"]},
        lost: {"value": "lost"},
        two: {"value": "two"},
        one: {"value": "one", "friend": f"IPY_MODEL_{two}"},
    }
    state = {key: {"state": models[key]} for key in models}
    view = text({"model_id": one}, VIEW)
    return notebook(code(outputs=[view]), widgets={STATE: {"state": state}})


def test_widgets_get_the_same_ids_whatever_they_had(tmp_path):
    one = normalize(widget_notebook("abcd"), root=tmp_path)
    other = normalize(widget_notebook("dcba"), root=tmp_path)
    assert to_bytes(one) == to_bytes(other)


def test_widgets_that_are_shown_or_linked_stay_and_others_go(tmp_path):
    done = normalize(widget_notebook("abcd"), root=tmp_path)
    models = done["metadata"]["widgets"][STATE]["state"]
    (view,) = payloads(done, VIEW)
    values = [model["state"].get("value") for model in models.values()]
    assert values == ["one", "two", None]
    assert models[view["model_id"]]["state"]["value"] == "one"
    assert "lost" not in json.dumps(done)
    known = {f"IPY_MODEL_{name}" for name in models}
    (link,) = [m["state"] for m in models.values() if "a" in m["state"]]
    assert {link["a"][0], link["b"][0]} <= known


def test_links_alike_but_for_their_ends_keep_their_order(tmp_path):
    def linked(ids):
        names = [i * 32 for i in ids]
        models = {
            names[0]: {"children": [f"IPY_MODEL_{n}" for n in names[1:3]]},
            names[1]: {"value": "x"},
            names[2]: {"value": "x"},
            names[3]: {"source": f"IPY_MODEL_{names[1]}"},
            names[4]: {"source": f"IPY_MODEL_{names[2]}"},
        }
        state = {name: {"state": models[name]} for name in sorted(names)}
        view = text({"model_id": names[0]}, VIEW)
        return notebook(code(outputs=[view]), widgets={STATE: {"state": state}})

    one = normalize(linked("abcde"), root=tmp_path)
    other = normalize(linked("edcba"), root=tmp_path)
    assert to_bytes(one) == to_bytes(other)


def test_files_are_laid_out_as_nbformat_lays_them_out(tmp_path):
    import nbformat
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

    made = new_notebook(
        cells=[
            new_markdown_cell("é\nü", id="a"),
            new_code_cell("x", id="b", outputs=[new_output("stream", text="a\nb")]),
        ]
    )
    nbformat.write(made, tmp_path / "n.ipynb")
    stored = (tmp_path / "n.ipynb").read_bytes()
    assert to_bytes(json.loads(stored)) == stored
