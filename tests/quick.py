"""Which test modules `pytest --quick` runs: the core's and what a change touches.

A change touches the test modules that reach its files: a Python file by imports,
however indirect; any other by its name, or that of its folder, in a string of a test
that starts from `__file__`, since others name the folders of made-up books.
"""

import ast
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
CORE = {  # what nearly every chapter rests on, and the rules for all, in seconds
    *("test_architecture", "test_claims", "test_environment", "test_models"),
    *("test_patterns", "test_prose", "test_quality", "test_quick", "test_readme"),
    *("test_schedules", "test_seeding", "test_storage", "test_teaching"),
}
MAIN = ("origin/main", "main")
MANY = 12  # test modules for one changed file; beyond, only the nearest of them


def changed(root: Path = ROOT) -> list[str]:
    """The files that differ from where the branch left main, committed or not.

    Paths below `root`, sorted. Without git there are none.
    """

    def git(*command: str) -> list[str]:
        try:
            done = subprocess.run(
                ["git", "-c", "core.quotePath=off", *command],
                cwd=root,
                capture_output=True,
                text=True,
            )
        except OSError:
            return []
        return done.stdout.splitlines()

    bases = (git("merge-base", "HEAD", name) for name in MAIN)
    base = next(filter(None, bases), ["HEAD"])
    return sorted(
        {
            *git("diff", "--name-only", "--relative", *base),
            *git("ls-files", "--others", "--exclude-standard"),
        }
    )


def chosen(files: Iterable[str], root: Path = ROOT) -> dict[str, str]:
    """Test module → why it is run.

    A file that more than `MANY` tests reach gives those that use it directly, and if
    these are as many, those that bear its name.
    """
    modules = sorted((root / "tests").rglob("test_*.py"))
    found = {path.stem: "core" for path in modules if path.stem in CORE}
    for file in files:
        for stem in _touched(file, modules, root):
            found.setdefault(stem, file)
    return found


def unreached(files: Iterable[str], root: Path = ROOT) -> list[str]:
    """The files for which no test is chosen."""
    modules = sorted((root / "tests").rglob("test_*.py"))
    return [file for file in files if not _touched(file, modules, root)]


def told(found: dict[str, str], unreached: Iterable[str] = ()) -> str:
    """The choice in one line."""
    stems: dict[str, list[str]] = {}
    for stem, cause in sorted(found.items()):
        stems.setdefault(cause, []).append(stem.removeprefix("test_"))
    core = f"the core ({len(stems.pop('core', []))})"
    touched = [f"{file} ({', '.join(stems[file])})" for file in sorted(stems)]
    nothing = ["no test is touched by a change"]
    silent = [f"no test chosen for {', '.join(unreached)}"] if unreached else []
    return f"quick: {'; '.join([core, *([*touched, *silent] or nothing)])}"


def _touched(file: str, modules: list[Path], root: Path) -> list[str]:
    """The test modules of the widest ring around a file that is not too wide."""
    rings = [
        [path.stem for path in modules if touches(path, file, root)]
        for touches in (_is_of, _uses, _reaches)
    ]
    return next((ring for ring in reversed(rings) if len(ring) <= MANY), rings[0])


def _is_of(test: Path, file: str, root: Path) -> bool:
    """Whether the test module is the file, or bears its name."""
    path = Path(file)
    own = f"{path.parent.name}_" if "studies" in path.parts else ""
    return path.name == test.name or test.stem == f"test_{own}{path.stem}"


def _uses(test: Path, file: str, root: Path) -> bool:
    if _is_of(test, file, root):
        return True
    if file.endswith(".py"):
        return _name(file) in _own(test)[0]
    named = {Path(file).name, Path(file).parent.name} - {""}
    return bool(named & _own(test)[1])


def _reaches(test: Path, file: str, root: Path) -> bool:
    return _uses(test, file, root) or _name(file) in _closure(test, root)


def _name(file: str) -> str:
    """The name under which a Python file is imported."""
    path = Path(file).with_suffix("")
    parts = path.parts[1:] if path.parts[0] == "src" else path.parts[-1:]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def _own(path: Path) -> tuple[set[str], set[str]]:
    """What a Python file imports, and the parts of paths that its strings name."""
    nodes = [*ast.walk(ast.parse(path.read_text("utf8")))]
    names = {a.name for n in nodes if isinstance(n, ast.Import) for a in n.names}
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    ends = [(n, i) for n in names for i, c in enumerate(f"{n}.") if c == "."]
    texts = [n.value for n in nodes if isinstance(n, ast.Constant)]
    here = any(isinstance(n, ast.Name) and n.id == "__file__" for n in nodes)
    parts = {s for t in texts if isinstance(t, str) and here for s in t.split("/")}
    return {name[:end] for name, end in ends}, parts


@cache
def _closure(test: Path, root: Path) -> set[str]:
    """Every name that a test module imports, directly or not."""
    found, wanted = set(), [test]
    while wanted:
        for name in _own(wanted.pop())[0] - found:
            found.add(name)
            place = Path(*name.split("."))
            for folder in ("src", "tests"):
                base = root / folder / place
                files = (base.with_suffix(".py"), base / "__init__.py")
                wanted += [path for path in files if path.is_file()]
    return found
