"""Which code a thing depends on: definitions of the package, followed by their names.

Nothing is imported or executed. A definition is what a module binds at its top level: a
function, a class with all its methods, a constant. It depends on the definitions that
it names, wherever they live, and a module's statements without a name (a setting of
matplotlib, a registration) belong to whoever reaches the module. Names that cannot be
followed (`getattr(module, …)`, `import *`, `__file__`) stand for the whole module.

The digest of a definition knows neither the module that it lives in nor how it is
imported: moved code keeps its digest. Comments, docstrings and layout do not count.
"""

import ast
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

PACKAGE = Path(__file__).resolve().parent
ROUNDS = 4  # how far a digest tells apart definitions whose own text is the same
SKIPPED_FIELDS = {"ctx", "kind", "type_comment", "type_params"}
FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef
NAMED = FUNCTION | ast.ClassDef
COMPREHENSION = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp

# Decorators that do nothing but make the definition; any other one may register it
# somewhere, so that it counts wherever its module is reached.
PLAIN = {
    *("cache", "cached_property", "compiled", "contextmanager", "dataclass"),
    *("intrinsic", "kept", "lru_cache", "property", "runtime_checkable"),
}

# Code that contract tests prove neutral: it decides where and how work is computed and
# stored, never what comes out.
NEUTRAL = {
    "archives": "files read are those written (test_results, test_kept)",
    "errors": "the one exception",
    "executors": "every executor gives the same bits (test_executors)",
    "files": "whole files or none (test_files)",
    "kept": "kept and computed results are equal to the bit (test_kept)",
    "code": "keys decide what is computed anew, not what comes out (test_code)",
}


class Definition(NamedTuple):
    """What a module binds to a name; `""` is what it does without one."""

    module: str
    name: str


class Outside(NamedTuple):
    """What code imports from another package."""

    path: str


class Whole(NamedTuple):
    """A module of the package, all of it."""

    module: str


Target = Definition | Outside | Whole
Bindings = dict[str, set[Target]]


def canonical(node: Any) -> Any:
    """The syntax tree as plain lists, the same on each Python that hlnb supports.

    Positions, comments, docstrings and empty fields are left out.
    """
    return _Tree(None, {}).plain(node)


def cell_tree(source: str) -> Any:
    """The canonical form of a cell: its statements, and whether it ends in `;`."""
    return _cell(source, _Tree(None, {}))


def _cell(source: str, tree: "_Tree") -> Any:
    # A cell's leading text is no docstring (the last expression is shown) and a closing
    # semicolon hides an output.
    try:
        statements = tree.plain(ast.parse(source).body)
    except SyntaxError:  # `hlnb check` reports it
        statements = source
    return [statements, bool(re.search(r";\s*(#.*)?\Z", source))]


def digest(value: Any) -> str:
    """A hexadecimal digest of anything made of JSON's types."""
    text = json.dumps(value, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


class Package:
    """The definitions of a package's files as they are now, read when asked for."""

    def __init__(self, folder: Path):
        self.folder, self.name = folder, folder.name
        self._modules: dict[str, _Module | None] = {}
        self._labels: dict[tuple[Definition, int], str] = {}
        self._stamps = {path: _stamp(path) for path in folder.rglob("*.py")}

    def module(self, name: str) -> "_Module | None":
        """The module of that dotted name; None if the package has none."""
        if name not in self._modules:
            path = self._file(name)
            self._modules[name] = path and _Module(self, name, path)
        return self._modules[name]

    def _file(self, name: str) -> Path | None:
        first, *rest = name.split(".")
        if first != self.name or not all(rest):
            return None
        base = self.folder.joinpath(*rest)
        for path in (base / "__init__.py", base.parent / f"{base.name}.py"):
            if path.is_file() and (rest or path.name == "__init__.py"):
                return path
        return None

    def digest(self, roots: Iterable[Target], imported: Iterable[str] = ()) -> str:
        """A digest of all code that `roots` and imports of modules depend on."""
        reached = self.reach(roots, imported)
        return digest(sorted(self.label(found, ROUNDS) for found in reached))

    def edited(self) -> Path | None:
        """A file that was read and has changed since this object was made."""
        read = (module.path for module in self._modules.values() if module)
        changed = (path for path in read if _stamp(path) != self._stamps.get(path))
        return next(changed, None)

    def reach(
        self, roots: Iterable[Target], imported: Iterable[str] = ()
    ) -> set[Definition]:
        """Every definition that `roots` depend on, and what their modules do when they
        and the modules `imported` are imported."""
        reached: set[Definition] = set()
        modules: set[str] = set()
        todo, wanted = list(self._resolved(roots)), list(imported)
        while todo or wanted:
            if wanted:
                for name in self._with_parents(wanted.pop()):
                    if name not in modules and not self.is_neutral(name):
                        modules.add(name)
                        wanted += self.module(name).imported
                        if self.module(name).names[""]:
                            todo.append(Definition(name, ""))
                continue
            found = todo.pop()
            if found in reached or self.is_neutral(found.module):
                continue
            reached.add(found)
            tree = self.module(found.module).tree(found.name)
            todo += self._resolved(tree.named)
            wanted += [found.module, *tree.imported]
        return reached

    def _with_parents(self, name: str) -> Iterator[str]:
        """The modules of the package that importing `name` runs."""
        parts = name.split(".")
        for end in range(1, len(parts) + 1):
            if self.module(module := ".".join(parts[:end])):
                yield module

    def is_neutral(self, module: str) -> bool:
        return module.removeprefix(f"{self.name}.") in NEUTRAL

    def _resolved(self, targets: Iterable[Target]) -> Iterator[Definition]:
        """The definitions that targets mean; names from outside are left out."""
        for target in targets:
            if isinstance(target, Definition):
                yield from self.definitions(target)
            elif isinstance(target, Whole) and (module := self.module(target.module)):
                yield from module.all

    def definitions(self, wanted: Definition) -> Iterator[Definition]:
        """Where a name of a module is defined; a name that nothing defines, such as
        `__file__`, stands for the module."""
        module = self.module(wanted.module)
        if module is None:
            return
        if wanted.name in module.names:
            yield wanted
        elif wanted.name in module.bound:
            yield from self._resolved(module.bound[wanted.name])
        else:
            yield from module.all

    def label(self, found: Definition, rounds: int) -> str:
        """A digest of a definition and of those it names, `rounds` steps away."""
        known = (found, rounds)
        if known not in self._labels:
            tree = self.module(found.module).tree(found.name)
            if rounds == 0:
                self._labels[known] = digest(tree.lists)
            else:
                near = (d for t in tree.named for d in sorted(self._resolved([t])))
                named = [
                    d.name if self.is_neutral(d.module) else self.label(d, rounds - 1)
                    for d in near
                ]
                self._labels[known] = digest([self.label(found, 0), named])
        return self._labels[known]


class Cells:
    """The code cells of a notebook, which share their names."""

    def __init__(self, package: Package, sources: Iterable[str]):
        """`sources`: their texts, in order."""
        self.package = package
        sources = list(sources)
        body = [statement for source in sources for statement in _parsed(source)]
        bound, imported = bindings(package, body)
        tree = _Tree(package, bound)
        # A name counts by itself, not by the module that it is imported from
        self.trees = [_cell(source, tree) for source in sources]
        self.named, self.imported = tree.named, imported + tree.imported

    def reach(self) -> set[Definition]:
        """The definitions of the package that the cells depend on."""
        return self.package.reach(self.named, self.imported)

    def digest(self) -> str:
        """A digest of the definitions of the package that the cells depend on."""
        return self.package.digest(self.named, self.imported)


def _parsed(source: str) -> list[ast.stmt]:
    try:
        return ast.parse(source).body
    except SyntaxError:
        return []


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


@cache
def package() -> Package:
    """The package hlnb as this process first saw it."""
    return Package(PACKAGE)


def fingerprint(folder: Path) -> str:
    """A digest of the bytes of all modules in a folder."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        found.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes())
    return found.hexdigest()


def current(folder: Path) -> Package:
    """The package in a folder as it is now, read once while nothing changes."""
    return _package(folder, fingerprint(folder))


@lru_cache(maxsize=4)
def _package(folder: Path, fingerprint: str) -> Package:
    return Package(folder)


class _Module:
    """One file: the statements behind each of its names."""

    def __init__(self, package: Package, name: str, path: Path):
        self.package, self.name, self.path = package, name, path
        self._trees: dict[str, _Tree] = {}
        body = ast.parse(path.read_text("utf8")).body
        is_package = path.name == "__init__.py"
        self.bound, self.imported = bindings(package, body, name, is_package=is_package)
        self.names: dict[str, list[ast.stmt]] = {"": []}
        for number, statement in enumerate(body):
            if isinstance(statement, ast.Import | ast.ImportFrom):
                continue
            if number == 0 and _is_text(statement):
                continue
            names = set(_bound_by(statement))
            for bound in names:
                self.names.setdefault(bound, []).append(statement)
                self.bound.setdefault(bound, set()).add(Definition(name, bound))
            if not names or not _is_pure(statement):
                self.names[""].append(statement)

    @property
    def all(self) -> list[Definition]:
        """Every definition of the module."""
        return [
            Definition(self.name, name) for name, found in self.names.items() if found
        ]

    def tree(self, name: str) -> "_Tree":
        """The statements that define `name`."""
        if name not in self._trees:
            where = {"module": self.name, "is_package": self.path.stem == "__init__"}
            tree = _Tree(self.package, self.bound, **where)
            tree.lists = tree.plain(self.names[name])
            self._trees[name] = tree
        return self._trees[name]


def bindings(
    package: Package,
    body: Iterable[ast.AST],
    module: str = "",
    *,
    is_package: bool = False,
) -> tuple[Bindings, list[str]]:
    """What imports among statements bind, and the modules of `package` they import.

    Functions and classes are not looked into. `module` resolves relative imports.
    """
    bound: Bindings = {}
    imported: list[str] = []
    for node in _here(body):
        if isinstance(node, ast.Import):
            for alias in node.names:
                path = alias.name if alias.asname else alias.name.split(".")[0]
                target = Whole(path) if package.module(path) else Outside(path)
                bound.setdefault(alias.asname or path, set()).add(target)
                imported.append(alias.name)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".")
                parts = parts[: len(parts) - node.level + is_package]
                base = ".".join([*parts, base] if base else parts)
            imported.append(base)
            for alias in node.names:
                path = f"{base}.{alias.name}"
                if not package.module(base):
                    target = Outside(path)
                elif package.module(path):
                    target = Whole(path)
                    imported.append(path)
                elif alias.name == "*":
                    target = Whole(base)
                else:
                    target = Definition(base, alias.name)
                bound.setdefault(alias.asname or alias.name, set()).add(target)
    return bound, imported


def _here(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Every node of the statements that runs in their own scope."""
    todo = list(body)
    while todo:
        node = todo.pop(0)
        yield node
        if not isinstance(node, NAMED | ast.Lambda | COMPREHENSION):
            todo += ast.iter_child_nodes(node)


def _bound_by(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement binds in its own scope, imports left out."""
    for node in _here([statement]):
        if isinstance(node, NAMED):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
            if node.name:
                yield node.name
        elif isinstance(node, ast.MatchMapping) and node.rest:
            yield node.rest


def _is_pure(statement: ast.stmt) -> bool:
    """Whether a statement does nothing but bind its names."""
    if isinstance(statement, NAMED):
        return all(_decorator(node) in PLAIN for node in statement.decorator_list)
    if isinstance(statement, ast.Assign):
        return all(
            isinstance(node, ast.Name | ast.Tuple | ast.List | ast.Starred)
            for target in statement.targets
            for node in ast.walk(target)
            if not isinstance(node, ast.expr_context)
        )
    return isinstance(statement, ast.AnnAssign) and isinstance(
        statement.target, ast.Name
    )


def _decorator(node: ast.expr) -> str:
    """The last name of a decorator: `functools.lru_cache(maxsize=1)` → lru_cache."""
    node = node.func if isinstance(node, ast.Call) else node
    return node.attr if isinstance(node, ast.Attribute) else ast.unparse(node)


def _is_text(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _has_docstring(node: ast.AST) -> bool:
    documented = ast.Module | NAMED
    return isinstance(node, documented) and ast.get_docstring(node, False) is not None


def _merged(parts: list[ast.expr]) -> list[ast.expr]:
    """The parts of an f-string without empty texts, which Python 3.12 adds."""
    return [p for p in parts if not (isinstance(p, ast.Constant) and p.value == "")]


class _Tree:
    """Turns syntax into plain lists, and notes in order what it names."""

    lists: Any = None

    def __init__(
        self,
        package: Package | None,
        bound: Bindings,
        *,
        module: str = "",
        is_package: bool = False,
    ):
        self.package, self.bound = package, bound
        self.where = {"module": module, "is_package": is_package}
        self.named: list[Target] = []
        self.imported: list[str] = []  # modules, by statements inside functions

    def plain(self, node: Any) -> Any:
        """`node` as lists; a name of the package is what it means, not its import."""
        if isinstance(node, list):
            return [self.plain(n) for n in node if not self._imports_package(n)]
        if not isinstance(node, ast.AST):
            return [type(node).__name__, ascii(node)]  # repr depends on Unicode
        if targets := self._targets(node):
            self.named += targets
            return ["Named", [_short(target) for target in targets]]
        if isinstance(node, FUNCTION | ast.Lambda):
            return self._function(node)
        if isinstance(node, COMPREHENSION):
            return self._comprehension(node)
        return [type(node).__name__, *self._fields(node)]

    def _fields(
        self, node: ast.AST, *, skip: Iterable[str] = SKIPPED_FIELDS
    ) -> Iterator[list[Any]]:
        for name, value in ast.iter_fields(node):
            if name == "body" and _has_docstring(node):
                value = value[1:]
            if name == "values" and isinstance(node, ast.JoinedStr):
                value = _merged(value)
            if name == "decorator_list":  # where a result is kept changes none
                value = [part for part in value if _decorator(part) != "kept"]
            if value is not None and value != [] and name not in skip:
                yield [name, self.plain(value)]

    def _function(self, node: Any) -> list[Any]:
        """A function or lambda: its own names mean nothing outside."""
        body = node.body if isinstance(node.body, list) else [node.body]
        outside = list(self._fields(node, skip={*SKIPPED_FIELDS, "body"}))
        own = {part.arg for part in ast.walk(node.args) if isinstance(part, ast.arg)}
        own |= {name for statement in body for name in _bound_by(statement)}
        far = [n for n in _here(body) if isinstance(n, ast.Global | ast.Nonlocal)]
        own -= {name for part in far for name in part.names}
        local: Bindings = {}
        if self.package is not None:
            local, imported = bindings(self.package, body, **self.where)
            self.imported += imported
        skip = {field for field in node._fields if field != "body"}
        inside = self._inside(own, local, lambda: list(self._fields(node, skip=skip)))
        return [type(node).__name__, *outside, *inside]

    def _comprehension(self, node: Any) -> list[Any]:
        """A comprehension: its first source is read outside."""
        first = self.plain(node.generators[0].iter)
        own = {name for part in node.generators for name in _bound_by(part.target)}
        fields = self._inside(own, {}, lambda: list(self._fields(node)))
        return [type(node).__name__, first, *fields]

    def _inside(self, own: set[str], local: Bindings, look: Callable) -> list[Any]:
        outer = self.bound
        self.bound = {n: t for n, t in outer.items() if n not in own} | local
        try:
            return look()
        finally:
            self.bound = outer

    def _imports_package(self, node: Any) -> bool:
        """Whether an import statement binds names of the package alone."""
        if not isinstance(node, ast.Import | ast.ImportFrom) or self.package is None:
            return False
        bound, _ = bindings(self.package, [node], **self.where)
        targets = [target for found in bound.values() for target in found]
        return not any(isinstance(target, Outside) for target in targets)

    def _targets(self, node: ast.AST) -> list[Target]:
        """What an expression names, if it is a name or a path of attributes."""
        path: list[str] = []
        while isinstance(node, ast.Attribute):
            path.insert(0, node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return []
        found = []
        for target in sorted(self.bound.get(node.id, ())):
            used = 0
            while isinstance(target, Whole) and used < len(path):
                inner = f"{target.module}.{path[used]}"
                if self.package.module(inner):
                    target = Whole(inner)
                else:
                    target = Definition(target.module, path[used])
                used += 1
            if used == len(path):
                found.append(target)
        return found


def _short(target: Target) -> str:
    """A target without the module that it lives in."""
    match target:
        case Definition(_, name):
            return name
        case Outside(path):
            return path
    return "*"
