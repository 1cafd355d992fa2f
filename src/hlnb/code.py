"""Which code a thing depends on: definitions of the package, followed by their names.

Nothing is imported or executed. A definition is what a module binds at its top level: a
function, a class with all its methods, a constant. It depends on the definitions that
it names, wherever they live, and a module's statements without a name (a setting of
matplotlib, a registration) belong to whoever reaches the module. Names that cannot be
followed (`getattr(module, …)`, `import *`, `__file__`) stand for the whole module.
What a string says (an annotation, `import_module("…")`) is text and is not followed,
unless it is the path of a template in the package: that counts by the template's text.
What a stub beside a module (`.pyi`) imports, the module has too, once it is asked for.

The digest of a definition knows neither the module that it lives in nor how it is
imported: moved code keeps its digest. Comments, docstrings and layout do not count.
"""

import ast
import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

PACKAGE = Path(__file__).resolve().parent
ROUNDS = 4  # how far a digest tells apart definitions whose own text is the same
TEMPLATES = "templates/*.*"  # in any folder of the package
SKIPPED_FIELDS = {"ctx", "kind", "type_comment"}
FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef
NAMED = FUNCTION | ast.ClassDef
COMPREHENSION = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp

# Decorators that do nothing but make the definition; any other one may register it
# somewhere, so that it counts wherever its module is reached.
PLAIN = {
    *("cache", "cached_property", "compiled", "contextmanager", "dataclass"),
    *("intrinsic", "kept", "lru_cache", "property", "runtime_checkable"),
    "one_thread",
}

# Names with which a module looks at itself: they stand for all of it.
REFLECTIVE = ("__file__", "eval", "exec", "globals", "locals", "vars")

# Code that contract tests prove neutral: it decides where and how work is computed and
# stored, never what comes out.
NEUTRAL = {
    "storage": "files are whole or none, and read as written (test_storage)",
    "errors": "the one exception",
    "settings": "they name places and counts of processes (test_settings)",
    "limits": "they decide how many processes compute (test_limits)",
    "hlnb": "names lead to their modules; refuses parameters or nothing (test_given)",
    "parameters": "what may be given, not what comes out (test_given)",
    "relations": "what may be given, not what comes out (test_relations)",
    "given": "refuses what `hlnb run` refuses, and changes nothing (test_given)",
    "training.executors": "every executor gives the same bits (test_executors)",
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


def digest(value: Any) -> str:
    """A hexadecimal digest of anything made of JSON's types."""
    text = json.dumps(value, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


class Package:
    """The definitions of a package's files as they were when this object was made."""

    def __init__(self, folder: Path, *, like: "Package | None" = None):
        """`like`: it was read before; what is the same is not parsed again."""
        self.folder, self.name = folder, folder.name
        self._paths = {}
        for path in sorted(folder.rglob("*.py")):
            parts = [self.name, *path.relative_to(folder).with_suffix("").parts]
            self._paths[".".join(parts).removesuffix(".__init__")] = path
        # In this order: a file that changes in between is seen as edited
        self._stamps = {path: _stamp(path) for path in self._paths.values()}
        self._texts = {name: path.read_bytes() for name, path in self._paths.items()}
        stubs = {name: path.with_suffix(".pyi") for name, path in self._paths.items()}
        self._stubs = {n: p.read_bytes() for n, p in stubs.items() if p.is_file()}
        self.templates = {
            path.relative_to(folder).as_posix(): _sha(path.read_bytes())
            for path in sorted(folder.rglob(TEMPLATES))
        }
        texts = [*self._texts.items(), *self._stubs.items()]
        shas = [[name, _sha(text)] for name, text in texts]
        self.fingerprint = digest([shas, self.templates])
        self._modules: dict[str, _Module] = {}
        if (
            like is not None
            and like._texts.keys() == self._texts.keys()
            and like._stubs == self._stubs
            and like.templates == self.templates
        ):
            known = like._modules.items()
            same = {n: m for n, m in known if like._texts[n] == self._texts[n]}
            self._modules = same
        self._means: dict[Target, frozenset[Definition]] = {}
        self._labels: dict[tuple[Definition, int], str] = {}

    def __iter__(self) -> Iterator[str]:
        """The dotted names of its modules."""
        return iter(self._paths)

    def __contains__(self, name: str) -> bool:
        """Whether it has a module of that dotted name."""
        return name in self._paths

    def module(self, name: str) -> "_Module":
        """The module of that dotted name."""
        if name not in self._modules:
            is_package = self._paths[name].name == "__init__.py"
            texts = self._texts[name], self._stubs.get(name, b"")
            self._modules[name] = _Module(self, name, *texts, is_package=is_package)
        return self._modules[name]

    def digest(self, roots: Iterable[Target], imported: Iterable[str] = ()) -> str:
        """A digest of all code that `roots` and imports of modules depend on."""
        reached = self.reach(roots, imported)
        return digest(sorted(self.label(found) for found in reached))

    def edited(self) -> Path | None:
        """A file that was looked into and has changed since this object was made."""
        read = (self._paths[name] for name in self._modules)
        changed = (path for path in read if _stamp(path) != self._stamps.get(path))
        return next(changed, None)

    def reach(
        self, roots: Iterable[Target], imported: Iterable[str] = ()
    ) -> set[Definition]:
        """Every definition that `roots` depend on, and what their modules do when they
        and the modules `imported` are imported."""
        reached: set[Definition] = set()
        modules: set[str] = set()
        todo, wanted = [d for t in roots for d in self.means(t)], list(imported)
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
            todo += (d for name in tree.named for t in name for d in self.means(t))
            wanted += [found.module, *tree.imported]
        return reached

    def _with_parents(self, name: str) -> Iterator[str]:
        """The modules of the package that importing `name` runs."""
        parts = name.split(".")
        for end in range(1, len(parts) + 1):
            if (module := ".".join(parts[:end])) in self:
                yield module

    def is_neutral(self, module: str) -> bool:
        return module.removeprefix(f"{self.name}.") in NEUTRAL

    def means(self, target: Target) -> frozenset[Definition]:
        """The definitions that a name stands for; none if it is from outside.

        A name that its module does not bind, such as `__file__`, stands for the module.
        """
        if target not in self._means:
            found, seen, todo = set(), set(), [target]
            while todo:
                one = todo.pop()
                if one in seen or isinstance(one, Outside) or one.module not in self:
                    continue
                seen.add(one)
                module = self.module(one.module)
                if isinstance(one, Whole):
                    found |= module.all
                    todo += module.by_name
                    todo += map(Whole, self._below(one.module))
                elif one.name in module.bound:
                    todo += module.bound[one.name]
                    found |= module.all & {one}
                else:
                    todo.append(Whole(one.module))
            self._means[target] = frozenset(found)
        return self._means[target]

    def _below(self, name: str) -> Iterator[str]:
        return (module for module in self._paths if module.startswith(f"{name}."))

    def labels(
        self, names: Iterable[Collection[Target]], rounds: int = ROUNDS
    ) -> list[list[str]]:
        """What names stand for, in their order."""
        found = ({d for target in name for d in self.means(target)} for name in names)
        return [sorted(self.label(d, rounds) for d in each) for each in found]

    def label(self, found: Definition, rounds: int = ROUNDS) -> str:
        """A digest of a definition and of those it names, `rounds` steps away."""
        known = (found, rounds)
        if self.is_neutral(found.module):
            return found.name
        if known not in self._labels:
            tree = self.module(found.module).tree(found.name)
            named = self.labels(tree.named, rounds - 1) if rounds else []
            self._labels[known] = digest([tree.digest, named])
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
        # A name counts by what it stands for, not by the module it is imported from
        self.trees = [_cell(source, tree) for source in sources]
        self.names, self.imported = tree.named, imported + tree.imported
        self.roots = {target for name in tree.named for target in name}

    def reach(self) -> set[Definition]:
        """The definitions of the package that the cells depend on."""
        return self.package.reach(self.roots, self.imported)

    def digest(self) -> str:
        """A digest of the definitions of the package that the cells depend on."""
        reached = self.package.digest(self.roots, self.imported)
        return digest([self.package.labels(self.names), reached])


def _cell(source: str, tree: "_Tree") -> Any:
    # A text of a cell is no docstring (the last expression is shown) and a closing
    # semicolon hides an output.
    try:
        body = [n for n in ast.parse(source).body if not tree.imports_package(n)]
        statements: list[Any] | str = [tree.plain(node) for node in body]
    except SyntaxError:  # `hlnb check` reports it
        statements = source
    return [statements, bool(re.search(r";\s*(#.*)?\Z", source))]


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


def _sha(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


@cache
def package() -> Package:
    """The package hlnb as this process first saw it."""
    return Package(PACKAGE)


_current: dict[Path, Package] = {}


def current(folder: Path) -> Package:
    """The package in a folder as it is now; the same object while nothing changes."""
    before = _current.get(folder)
    now = Package(folder, like=before)
    if before is None or before.fingerprint != now.fingerprint:
        _current[folder] = now
    return _current[folder]


class _Module:
    """One file: the statements behind each of its names."""

    def __init__(
        self,
        package: Package,
        name: str,
        text: bytes,
        stub: bytes = b"",
        *,
        is_package: bool,
    ):
        self.package, self.name, self.is_package = package, name, is_package
        self._trees: dict[str, _Tree] = {}
        body = ast.parse(text).body
        self.bound, self.imported = bindings(package, body, name, is_package=is_package)
        body_of_stub = ast.parse(stub).body
        later, _ = bindings(package, body_of_stub, name, is_package=is_package)
        self.bound = later | self.bound
        self.names: dict[str, list[ast.stmt]] = {"": []}
        for statement in body:
            if isinstance(statement, ast.Import | ast.ImportFrom) or _is_text(
                statement
            ):
                continue
            names = set(_bound_by(statement))
            for bound in names:
                self.names.setdefault(bound, []).append(statement)
                self.bound.setdefault(bound, set()).add(Definition(name, bound))
            if not names or not _is_pure(statement):
                self.names[""].append(statement)

    @property
    def all(self) -> set[Definition]:
        """Every definition of the module."""
        return {Definition(self.name, n) for n, found in self.names.items() if found}

    @property
    def by_name(self) -> Iterator[Target]:
        """What it binds to names, modules left out, and what `import *` brings."""
        for name, targets in self.bound.items():
            yield from (t for t in targets if name == "*" or isinstance(t, Definition))

    def tree(self, name: str) -> "_Tree":
        """The statements that define `name`."""
        if name not in self._trees:
            tree = _Tree(
                self.package, self.bound, module=self.name, is_package=self.is_package
            )
            tree.digest = digest(tree.plain(self.names[name]))
            if name == "":  # what it registers may be called without being named
                bound = (n for s in self.names[name] for n in _bound_by(s))
                tree.named += ([Definition(self.name, n)] for n in bound)
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
                target: Target = Whole(path) if path in package else Outside(path)
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
                if base not in package:
                    target = Outside(path)
                elif path in package:
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
        if isinstance(node, COMPREHENSION):  # what `:=` binds there is bound here
            todo += (n.target for n in ast.walk(node) if isinstance(n, ast.NamedExpr))
        elif not isinstance(node, NAMED | ast.Lambda):
            todo += ast.iter_child_nodes(node)


def _bound_by(statement: ast.AST) -> Iterator[str]:
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
    if isinstance(statement, ast.ClassDef) and statement.keywords:
        return False  # a metaclass may register it
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


def _is_text(statement: Any) -> bool:
    """Whether a statement is a docstring, of whatever stands before or around it."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _merged(parts: list[ast.expr]) -> list[ast.expr]:
    """The parts of an f-string without empty texts, which Python 3.12 adds."""
    return [p for p in parts if not (isinstance(p, ast.Constant) and p.value == "")]


class _Tree:
    """Turns syntax into plain lists, and notes in order what it names."""

    digest = ""

    def __init__(
        self,
        package: Package,
        bound: Bindings,
        *,
        module: str = "",
        is_package: bool = False,
    ):
        self.package, self.bound = package, bound
        self.module, self.is_package = module, is_package
        self.named: list[Collection[Target]] = []  # what each name may mean
        self.imported: list[str] = []  # modules, by statements inside functions

    def plain(self, node: Any) -> Any:
        """`node` as lists; a name of the package is what it means, not its import."""
        if isinstance(node, list):
            left = (n for n in node if not (_is_text(n) or self.imports_package(n)))
            return [self.plain(n) for n in left]
        if not isinstance(node, ast.AST):
            return [type(node).__name__, ascii(node)]  # repr depends on Unicode
        if targets := self._targets(node):
            self.named.append(targets)
            return ["Named", sorted(map(_short, targets))]
        if isinstance(node, ast.Constant) and node.value in self.package.templates:
            return ["Template", self.package.templates[node.value]]
        if isinstance(node, ast.Name) and node.id not in self.bound:
            self.named.append(self.bound.get("*", ()))
            if node.id in REFLECTIVE:
                self.named.append([Whole(self.module)])
        if isinstance(node, ast.ClassDef):
            local = self._imports(node.body)
            fields = self._inside(set(), local, lambda: list(self._fields(node)))
            return ["ClassDef", *fields]
        if isinstance(node, FUNCTION | ast.Lambda):
            return self._function(node)
        if isinstance(node, COMPREHENSION):
            return self._comprehension(node)
        return [type(node).__name__, *self._fields(node)]

    def _fields(
        self, node: ast.AST, *, skip: Iterable[str] = SKIPPED_FIELDS
    ) -> Iterator[list[Any]]:
        for name, value in ast.iter_fields(node):
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
        local = self._imports(body)
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

    def _bindings(self, body: Iterable[ast.AST]) -> tuple[Bindings, list[str]]:
        return bindings(self.package, body, self.module, is_package=self.is_package)

    def _imports(self, body: Iterable[ast.AST]) -> Bindings:
        """What the imports in a function's or a class's own scope bind."""
        local, imported = self._bindings(body)
        self.imported += imported
        return local

    def imports_package(self, node: Any) -> bool:
        """Whether an import statement binds names of the package alone."""
        if not isinstance(node, ast.Import | ast.ImportFrom):
            return False
        bound, _ = self._bindings([node])
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
        for target in self.bound.get(node.id, ()):
            used = 0
            while isinstance(target, Whole) and used < len(path):
                inner = f"{target.module}.{path[used]}"
                if inner in self.package:
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
