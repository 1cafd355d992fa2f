"""What of a chapter's page is folded until a reader opens it.

A guess comes before its answer, so the figure between the two is folded with the
answer. Code is folded unless a reader would copy it.
"""

import ast
from collections import Counter
from collections.abc import Iterator, Sequence

from docutils import nodes
from sphinx_proof.nodes import proof_node

from hlnb.publishing.copies import VERDICTS
from hlnb.publishing.render.claims import verdict_classes

OPEN = "Make your guess, then open"
ROWS = 8  # a longer table is folded: it is looked up, not read
LAYOUT = {"glue", "table", "figure", "claims", "Film", "Choices", "Ticks", "show"}


class Fold(nodes.General, nodes.Element):
    """A part of a page that a reader opens; its first child, a `Summary`, stays."""


class Summary(nodes.TextElement):
    """What a folded part holds, in a line."""


def plumbing(source: str) -> bool:
    """Whether code brings in names or lays out results, and computes none to copy."""
    tree = ast.parse(source)
    if any(isinstance(line, ast.Import | ast.ImportFrom) for line in tree.body):
        return True
    called = (n.func for n in ast.walk(tree) if isinstance(n, ast.Call))
    return any(getattr(f, "id", getattr(f, "attr", "")) in LAYOUT for f in called)


def fold(document: nodes.document) -> None:
    """Folds code, verdicts, tables, solutions, and answers with their figures."""
    for cell in list(_having(document, "cell")):
        _fold_code(cell)
    for cell in list(_having(document, "tag_claims")):
        _fold_verdicts(cell)
    for table in list(document.findall(nodes.table)):
        _fold_table(table)
    for proof in list(document.findall(proof_node)):
        _put_into(_made("box", [nodes.Text("Proof")]), proof)
    for box in list(document.findall(nodes.admonition)):
        if "dropdown" in box["classes"]:
            _fold_box(box)


def above(node: nodes.Node) -> Iterator[nodes.Element]:
    """The elements around a node, the nearest first."""
    while node := node.parent:
        yield node


def _having(document: nodes.document, label: str) -> Iterator[nodes.container]:
    for node in document.findall(nodes.container):
        if label in node["classes"]:
            yield node


def _fold_code(cell: nodes.container) -> None:
    """Folds the code of a cell that hides it; cells without output join the next."""
    if cell.get("hide_mode") != "input":
        return
    cell["hide_mode"] = None
    code = cell.children[0]
    before = cell.previous_sibling()
    if isinstance(before, nodes.container) and _is_silent(before):
        part = before.children[0]
        before.parent.remove(before)
    else:
        part = _made("code", [nodes.Text("Code")])
    cell.replace(code, part)
    part += code


def _is_silent(cell: nodes.container) -> bool:
    """Whether nothing is seen of a cell but its folded code."""
    folded = [isinstance(c, Fold) and "code" in c["classes"] for c in cell.children]
    return "cell" in cell["classes"] and folded == [True]


def _fold_verdicts(cell: nodes.container) -> None:
    """Folds a table of judged statements below a line that counts its verdicts."""
    parts = {c.get("nb_element", "code"): c for c in cell.children}
    if output := parts.get("cell_code_output"):
        marks = [n for n in output.findall(nodes.inline) if "verdict" in n["classes"]]
        count = Counter(mark.astext() for mark in marks)
        many = "1 statement" if len(marks) == 1 else f"{len(marks)} statements"
        line: list[nodes.Node] = [nodes.Text(f"{many} judged:")]
        for word in filter(count.__contains__, VERDICTS):
            told = f"{count[word]} {word}"
            badge = nodes.inline("", told, classes=verdict_classes(word))
            line += [nodes.Text(" "), badge]
        cell.remove(output)
        rest = _taken(cell, range(len(cell)))
        cell += _made("verdicts", line, [output, *rest])


def _fold_table(table: nodes.table) -> None:
    """Folds a table that is looked up, below a line with its columns.

    It is long, a ledger of statements, or the values of a figure, in a cell with the
    tag `values`. One that a fold holds stays.
    """
    rows = len(next(table.findall(nodes.tbody)))
    around = list(above(table))
    values = any("tag_values" in _classes(node) for node in around)
    looked_up = rows > ROWS or values or "hlnb-statements" in table["classes"]
    if not looked_up or any(isinstance(node, Fold) for node in around):
        return
    head = next(table.findall(nodes.thead), None)
    names = [] if head is None else [e.astext() for e in head.findall(nodes.entry)]
    line = f"Table of {rows} rows: " + ", ".join(filter(None, names))
    _put_into(_made("rows", [nodes.Text(line)]), table)


def _fold_box(box: nodes.admonition) -> None:
    """Folds a box; an answer takes what its question shows, a solution its code."""
    title, *inside = _taken(box, range(len(box)))
    kind = next((c for c in box["classes"] if c.startswith("hlnb-")), "box")
    words, ids = title.children, box["ids"]
    if title.astext() == "Answer":
        kind, shown = "answer", _shown(box)
        what = "the figure and the answer" if shown else "the answer"
        words = [nodes.Text(f"{OPEN} {what}")]
        answer = nodes.admonition("", title, *inside, classes=["admonition", "note"])
        inside = [*shown, answer]
    elif title.astext() == "Solution":
        kind, inside = "solution", [*_code_of(box), *inside]
    box.parent.replace(box, _made(kind, words, inside, ids=ids))


def _shown(answer: nodes.admonition) -> list[nodes.Node]:
    """What stands between a question and its answer, from its first output on.

    It is taken from where it stands. Nothing, if the question is in another section.
    """
    place, found = answer.parent.index(answer), None
    for at in range(place - 1, -1, -1):
        node = answer.parent[at]
        if isinstance(node, nodes.admonition):
            if node[0].astext() == "Predict":
                break
            return []
        if _has_output(node):
            found = at
    else:
        return []
    if found is None:
        return []
    return _taken(answer.parent, range(found, place))


def _has_output(node: nodes.Node) -> bool:
    return isinstance(node, nodes.container) and any(
        isinstance(c, nodes.Element)
        and (c.get("nb_element") == "cell_code_output" or "verdicts" in c["classes"])
        for c in node.children
    )


def _code_of(solution: nodes.admonition) -> list[nodes.Node]:
    """The cells right before a solution that compute it, taken from where they are."""
    last = solution.parent.index(solution)
    first = last
    while first and "tag_solution" in _classes(solution.parent[first - 1]):
        first -= 1
    return _taken(solution.parent, range(first, last))


def _classes(node: nodes.Node) -> Sequence[str]:
    return node["classes"] if isinstance(node, nodes.Element) else ()


def _taken(parent: nodes.Element, places: range) -> list[nodes.Node]:
    found = [parent[i] for i in places]
    for node in found:
        parent.remove(node)
    return found


def _put_into(fold: Fold, node: nodes.Element) -> None:
    """Puts what stands somewhere into a fold, and the fold there."""
    node.parent.replace(node, fold)
    fold += node


def _made(
    kind: str,
    line: Sequence[nodes.Node],
    inside: Sequence[nodes.Node] = (),
    *,
    ids: Sequence[str] = (),
) -> Fold:
    made = Fold(classes=["hlnb-fold", kind], ids=list(ids))
    made += Summary("", "", *line)
    made += list(inside)
    return made


def add_to(app) -> None:
    """The nodes as HTML: `details`, which open without a script."""
    app.add_node(Fold, html=(_start_fold, _end_fold))
    app.add_node(Summary, html=(_start_summary, _end_summary))


def _start_fold(writer, node):
    writer.body.append(writer.starttag(node, "details"))


def _end_fold(writer, node):
    writer.body.append("</details>\n")


def _start_summary(writer, node):
    writer.body.append(writer.starttag(node, "summary", suffix=""))


def _end_summary(writer, node):
    writer.body.append("</summary>\n")
