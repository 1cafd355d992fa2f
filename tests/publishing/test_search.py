"""What the search reads of a page."""

import json

from docutils import nodes
from sphinx import addnodes

from hlnb.publishing.render import search


def page():
    """A page with code, a formula, a table, a theorem, a subsection and a term."""
    text = nodes.paragraph("", "", nodes.Text("Here "), nodes.math("", r"\eta x"))
    cells = ["A row", "0.3", "and what the table says of it"]
    row = nodes.row("", *(nodes.entry("", nodes.paragraph("", c)) for c in cells))
    said = nodes.section("", nodes.paragraph("", "It holds."), ids=["content"])
    below = nodes.section("", nodes.title("", "Below"), ids=["below"])
    below += nodes.paragraph("", "Deeper.")
    term = nodes.term("", "leap", ids=["term-leap"])
    told = nodes.definition("", nodes.paragraph("", "A number."))
    item = nodes.definition_list_item("", term, told)
    section = nodes.section("", nodes.title("", "A page"), ids=["a-page"])
    section += [
        text,
        nodes.literal_block("", "x = 1"),
        nodes.raw("", "<b alt='x'>", format="html"),
        nodes.container("", nodes.paragraph("", "Executed"), classes=["hlnb-stamp"]),
        nodes.table("", nodes.tgroup("", nodes.tbody("", row))),
        said,
        addnodes.glossary("", nodes.definition_list("", item)),
        below,
    ]
    document = nodes.document(None, None)
    document += section
    return document


def test_sections_and_terms_without_code_pictures_and_stamp():
    found = search.entries(page(), kind="chapter")
    whole = "Here ηx\nA row · and what the table says of it\nIt holds."
    assert found == {
        "kind": "chapter",
        "sections": [["", "A page", whole], ["below", "Below", "Deeper."]],
        "terms": [["term-leap", "leap", "A number."]],
    }


def test_a_list_has_its_first_paragraph_alone():
    found = search.entries(page(), kind="list")
    assert found["sections"] == [["", "A page", "Here ηx"]]


def test_the_script_hands_over_pages_and_names():
    made = search.script({"a": {}}, {"LWT": "layer-wise training"})
    data = json.loads(made.removeprefix("hlnbSearch(").removesuffix(")"))
    assert data == {"pages": {"a": {}}, "aliases": {"LWT": "layer-wise training"}}
