"""The statements of a notebook on which its claims depend.

A set of fresh seeds keeps claims alone, so a change of a figure leaves it as it is.
"""

import ast
import symtable
from collections.abc import Iterator, Sequence
from typing import Any

from hlnb.publishing.chapters import tags_of, text_of

LATER = ast.FunctionDef | ast.ClassDef | ast.Lambda  # what is read when it is called
ANEW = (
    *(ast.Assign, ast.AnnAssign, ast.Import, ast.ImportFrom),
    *(ast.FunctionDef, ast.ClassDef),
)
SHOWS = {"glue", "figure", "table"}  # of `hlnb.page.show`: they change no argument


def behind_claims(cells: Sequence[dict[str, Any]]) -> str:
    """The code of a notebook's claims and all that it depends on, in order.

    For each name that a statement reads, the statements before it that bind the name
    belong to it, back to one that binds it anew, and those that may change what it
    stands for: that call one of its methods, write into it, or hand it to a function
    for the effect alone. What a function reads is bound anywhere. Imports keep the
    names that are used. What a chapter expects of its claims is left out.
    """
    body: list[ast.stmt] = []
    todo: list[int] = []
    for cell in cells:
        if cell["cell_type"] == "code":
            found = _parsed(cell)
            if "claims" in tags_of(cell):
                todo += range(len(body), len(body) + len(found))
            body += found
    reads = [set(_used(statement)) for statement in body]
    changes = [set(_changed(statement)) for statement in body]
    kept: set[int] = set()
    while todo:
        place = todo.pop()
        if place in kept:
            continue
        kept.add(place)
        late = any(isinstance(n, LATER) for n in ast.walk(body[place]))
        for name in reads[place]:
            for before in reversed(range(len(body) if late else place)):
                if name in changes[before]:
                    todo.append(before)
                    if isinstance(body[before], ANEW) and not late:
                        break
    used = {name for place in kept for name in reads[place]}
    sliced = [_trimmed(body[place], used) for place in sorted(kept)]
    return ast.unparse(ast.Module(sliced, []))


def _parsed(cell: dict[str, Any]) -> list[ast.stmt]:
    try:
        return ast.parse(text_of(cell)).body
    except SyntaxError:  # `hlnb check` reports it
        return []


def _table(statement: ast.stmt) -> symtable.SymbolTable:
    return symtable.symtable(ast.unparse(statement), "cell", "exec")


def _used(statement: ast.stmt) -> Iterator[str]:
    """The names of the notebook that a statement reads, inside of functions as well."""
    table = _table(_trimmed(statement, None))
    yield from (s.get_name() for s in table.get_symbols() if s.is_referenced())
    inner = table.get_children()
    while inner:
        table = inner.pop()
        yield from (s.get_name() for s in table.get_symbols() if s.is_global())
        inner += table.get_children()


def _changed(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement binds, and those whose value it may change."""
    symbols = _table(statement).get_symbols()
    yield from (s.get_name() for s in symbols if s.is_assigned() or s.is_imported())
    for node in ast.walk(statement):
        match node:
            case ast.Attribute(ctx=ast.Store()) | ast.Subscript(ctx=ast.Store()):
                yield from _names(node.value)
            case ast.Expr(value=ast.Call(func=ast.Name(id=name))) if name in SHOWS:
                pass
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=owner))):
                yield from _names(owner)
            case ast.Expr(value=ast.Call() as call):
                yield from _names(call)


def _names(tree: ast.AST) -> Iterator[str]:
    return (node.id for node in ast.walk(tree) if isinstance(node, ast.Name))


def _alias(alias: ast.alias) -> str:
    return (alias.asname or alias.name).split(".")[0]


def _trimmed(statement: ast.stmt, used: set[str] | None) -> ast.stmt:
    """A statement without what claims are expected to be, and without unused imports.

    used: the names that are; None: all of them.
    """
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Name(id="claims")) as call):
            keywords = [word for word in call.keywords if word.arg != "expect"]
            return ast.Expr(ast.Call(call.func, call.args, keywords))
        case ast.ImportFrom(module, names, level) if used is not None:
            return ast.ImportFrom(
                module, [n for n in names if _alias(n) in used], level
            )
    return statement
