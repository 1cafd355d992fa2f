"""What of a chapter is folded, and what a fold holds."""

import pytest
from docutils import nodes
from docutils.utils import new_document
from sphinx_proof.nodes import proof_node

from hlnb.publishing.render.folds import ROWS, Fold, Summary, fold, plumbing


def cell(source: str, *outputs: nodes.Node, tags=(), hidden=True) -> nodes.container:
    """A code cell as MyST-NB makes it."""
    classes = ["cell", *(f"tag_{tag}" for tag in tags)]
    made = nodes.container(classes=classes, nb_element="cell_code")
    if hidden:
        made["hide_mode"] = "input"
    code = nodes.container(classes=["cell_input"], nb_element="cell_code_source")
    made += code
    code += nodes.literal_block(source, source)
    if outputs:
        shown = nodes.container(classes=["cell_output"], nb_element="cell_code_output")
        made += shown
        shown += list(outputs)
    return made


def box(title: str, text: str, *classes: str) -> nodes.admonition:
    made = nodes.admonition(classes=[*classes, "admonition"])
    made += [nodes.title(title, title), nodes.paragraph(text, text)]
    return made


def words(text: str) -> nodes.paragraph:
    return nodes.paragraph(text, text)


def figure(name: str) -> nodes.figure:
    made = nodes.figure()
    made += nodes.image(uri=name, alt=name)
    return made


def table(rows: int) -> nodes.table:
    made, group = nodes.table(), nodes.tgroup(cols=2)
    made += group
    for kind, many in ((nodes.thead, 1), (nodes.tbody, rows)):
        part = kind()
        group += part
        for _ in range(many):
            part += nodes.row("", *(nodes.entry("", words(w)) for w in ("name", "it")))
    return made


def verdict(word: str) -> nodes.inline:
    return nodes.inline(word, word, classes=["verdict", f"verdict-{word}"])


def folded(*children: nodes.Node) -> nodes.document:
    document = new_document("page")
    section = nodes.section()
    document += section
    section += list(children)
    fold(document)
    return document


def folds(document: nodes.document) -> list[tuple[str, str, str]]:
    """Of each fold: its kind, its line, and all that is in it."""
    return [
        (f["classes"][1], f[0].astext(), " ".join(c.astext() for c in f.children[1:]))
        for f in document.findall(Fold)
    ]


def test_an_answer_takes_what_its_question_shows():
    asked = box("Predict", "What?", "tip")
    document = folded(
        asked,
        cell("run()", hidden=False),
        cell("draw()", figure("a.png")),
        words("Look."),
        box("Answer", "Two.", "dropdown"),
        words("So it is."),
    )
    (section,) = document.children
    answer = section[2]
    assert [type(n) for n in section[3:]] == [nodes.paragraph]
    assert (section[0], answer["classes"]) == (asked, ["hlnb-fold", "answer"])
    assert answer[0].astext() == "Make your guess, then open the figure and the answer"
    assert len(list(answer.findall(nodes.image))) == 1
    told = [n.astext() for n in answer.findall(nodes.paragraph)]
    assert told == ["Look.", "Two."]
    assert "run()" in section[1].astext()


def test_an_answer_without_a_figure_is_alone_and_takes_nothing_of_other_boxes():
    asked, other = box("Predict", "What?", "tip"), box("Note", "Other.", "note")
    answer = box("Answer", "Two.", "dropdown")
    (found,) = folds(folded(asked, other, cell("x", figure("a")), answer))[-1:]
    assert found == (
        "answer",
        "Make your guess, then open the answer",
        "Answer\n\nTwo.",
    )
    (found,) = folds(folded(asked.deepcopy(), box("Answer", "Two.", "dropdown")))
    assert found[1] == "Make your guess, then open the answer"


def test_a_solution_takes_the_cells_that_compute_it():
    document = folded(
        words("**Tweak.**"),
        cell("one()", tags=["solution"]),
        cell("two()", words("2"), tags=["solution"]),
        box("Solution", "It is two.", "dropdown"),
    )
    kind, line, inside = folds(document)[0]
    assert (kind, line) == ("solution", "Solution")
    assert all(part in inside for part in ("one()", "two()", "It is two."))
    assert len(document[0].children) == 2


def test_a_question_is_the_line_of_its_fold():
    asked = box("Why two?", "So.", "dropdown", "hlnb-check")
    assert folds(folded(asked)) == [("hlnb-check", "Why two?", "So.")]
    note = box("A note", "Open.", "note")
    assert folds(folded(note)) == []


def test_silent_cells_share_a_fold_and_open_code_stays():
    document = folded(
        cell("import a"),
        cell("glue(a)"),
        cell("run()", hidden=False),
        cell("draw()", figure("a")),
    )
    assert [text for _, _, text in folds(document)] == ["import a glue(a)", "draw()"]
    assert len(document[0].children) == 3
    codes = {f[0].astext() for f in document.findall(Fold)}
    assert codes == {"Code"}


def test_verdicts_are_counted_on_the_line_of_their_table():
    marks = [verdict(w) for w in ("undecided", "reproduced", "reproduced")]
    document = folded(cell("claims()", *marks, tags=["claims"]))
    kind, line, inside = folds(document)[0]
    assert kind == "verdicts"
    assert line == "3 statements judged: 2 reproduced 1 undecided"
    assert inside.endswith("claims()")
    one = folded(cell("claims()", verdict("partly"), tags=["claims"]))
    assert folds(one)[0][1] == "1 statement judged: 1 partly"
    silent = folded(cell("claims()", tags=["claims"]))
    assert [kind for kind, *_ in folds(silent)] == ["code"]


def test_a_long_table_is_folded_unless_a_fold_holds_it():
    (found,) = folds(folded(table(ROWS + 1), table(ROWS)))
    assert found[:2] == ("rows", f"Table of {ROWS + 1} rows: name, it")
    held = cell("claims()", table(ROWS + 1), verdict("partly"), tags=["claims"])
    assert [kind for kind, *_ in folds(folded(held))] == ["verdicts", "code"]


def test_a_ledger_and_the_values_of_a_figure_are_folded_however_short():
    ledger = table(2)
    ledger["classes"] += ["hlnb-statements"]
    values = cell("table(lines)", table(3), tags=["values"])
    lines = [line for kind, line, *_ in folds(folded(ledger, values)) if kind == "rows"]
    assert lines == ["Table of 2 rows: name, it", "Table of 3 rows: name, it"]
    assert not folds(folded(table(3)))


def test_a_proof_is_folded():
    proof = proof_node()
    proof += words("Q. e. d.")
    assert folds(folded(words("So."), proof)) == [("box", "Proof", "Q. e. d.")]


def test_a_summary_is_the_first_of_each_fold():
    document = folded(table(20), cell("x"), box("Answer", "Two.", "dropdown"))
    assert all(isinstance(f[0], Summary) for f in document.findall(Fold))


@pytest.mark.parametrize(
    ("source", "whether"),
    [
        ("import numpy as np", True),
        ("from hlnb import sweep\nruns = sweep(problem)", True),
        ("runs = sweep(problem)\nglue(n=len(runs))", True),
        ("figure(draw(runs), name='fig-a')", True),
        ("film = Film('epoch')", True),
        ("table(*rows)", True),
        ("for n in cards:\n    widget.add(n)\nwidget.show()", True),
        ("widget = Choices('a', groups)", True),
        ("runs = sweep(problem, net, plan)", False),
        ("def train():\n    import time\n    return time.time()", False),
        ("model.fit(3)", False),
    ],
)
def test_what_a_reader_would_not_copy_is_plumbing(source, whether):
    assert plumbing(source) is whether
