"""The arrows of the architecture: who may import whom.

Core is what many chapters need, a study is one chapter's room or a family's, publishing
knows no science. A new study needs no change here.
"""

import ast
import collections
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
MODULES = {
    ".".join(p.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__"): p
    for p in sorted((SOURCE / "hlnb").rglob("*.py"))
}
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
# From the ground up: each may import what stands before it
CORE = (
    *("errors", "relations", "parameters", "settings", "given", "words", "limits"),
    *("seeding", "storage", "templates", "code", "kept", "data", "models", "schedules"),
    *("metrics", "results", "training", "verdicts", "claims", "figures", "page"),
)
# What publishing needs of the core: it renders and executes, whatever is computed
FOR_PUBLISHING = {
    *("hlnb.errors", "hlnb.limits", "hlnb.parameters", "hlnb.settings", "hlnb.storage"),
    *("hlnb.templates", "hlnb.code", "hlnb.relations"),
    "hlnb.training.executors",
    "hlnb.data.cifar",  # `hlnb data` fetches it
}
# Imports no torch, so that a caption is mended and a figure tested in a second
LIGHT = [m for m in MODULES if m.endswith((".figures", ".claims"))]
LIGHT += ["hlnb.figures.artists", "hlnb.figures.export", "hlnb.words", "hlnb.page.show"]
WITHOUT_TORCH = """
import importlib, sys

class Refused:
    def find_spec(name, *_):
        if name.partition(".")[0] == "torch":
            raise ImportError("no torch here")

sys.meta_path.insert(0, Refused)
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except ImportError as error:
        print(f"{name}: {error}")
"""


def imported(text: str) -> Iterator[str]:
    """Dotted names of all that a text imports: of the package, modules."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            paths = {f"{node.module}.{alias.name}" for alias in node.names}
            yield from paths & MODULES.keys() or {node.module}


def uses(module: str) -> set[str]:
    """The modules of the package that a module imports, other than of its own part."""
    found = set(imported(MODULES[module].read_text("utf8")))
    return {n for n in found if n.startswith("hlnb.") and part(n) != part(module)}


def part(module: str) -> str:
    """`training` for hlnb.training.fast.rows, `studies.leap` for its modules."""
    names = module.split(".")[1:]
    return ".".join(names[: 1 + (names[:1] == ["studies"])])


def study(module: str) -> bool:
    return part(module).startswith("studies.")


@pytest.mark.parametrize("module", [m for m in MODULES if part(m) in CORE])
def test_core_imports_what_stands_below_it(module):
    below = CORE[: CORE.index(part(module))]
    assert {part(name) for name in uses(module)} <= {*below}


def test_every_room_is_core_a_study_or_publishing():
    rooms = {part(m) for m in MODULES if not study(m)}
    assert rooms == {"", "studies", "publishing", *CORE}


@pytest.mark.parametrize("module", [m for m in MODULES if study(m)])
def test_a_study_imports_the_core_alone(module):
    assert {part(name) for name in uses(module)} <= {*CORE}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_imports_the_core_and_one_study(path):
    cells = json.loads(path.read_text("utf8"))["cells"]
    texts = ("".join(c["source"]) for c in cells if c["cell_type"] == "code")
    names = {part(n) for t in texts for n in imported(t) if n.startswith("hlnb.")}
    studies = {name for name in names if name.startswith("studies.")}
    assert len(studies) <= 1
    assert names - studies <= {*CORE}


@pytest.mark.parametrize("module", [m for m in MODULES if part(m) == "publishing"])
def test_publishing_knows_no_science(module):
    assert uses(module) <= FOR_PUBLISHING
    names = {n.split(".")[0] for n in imported(MODULES[module].read_text("utf8"))}
    assert not names & {"torch", "numpy"}


def test_figures_and_claims_import_no_torch():
    command = [sys.executable, "-c", WITHOUT_TORCH, *LIGHT]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == ""


def test_numba_is_behind_one_door():
    for module, path in MODULES.items():
        top = ast.Module(body=ast.parse(path.read_text("utf8")).body, type_ignores=[])
        top.body = [n for n in top.body if isinstance(n, ast.Import | ast.ImportFrom)]
        names = {n.split(".")[0] for n in imported(ast.unparse(top))}
        if names & {"numba", "llvmlite"}:
            assert module.startswith("hlnb.training.fast.")


def test_training_knows_no_measure_by_name():
    tree = ast.parse(MODULES["hlnb.metrics.measures"].read_text("utf8"))
    names = {n.name for n in tree.body if isinstance(n, ast.ClassDef)} - {"Measure"}
    assert names
    for module in ("hlnb.training.loop", "hlnb.training.sweep"):
        text = MODULES[module].read_text("utf8")
        assert not {name for name in names if f" {name}(" in text}


@pytest.mark.parametrize("module", MODULES)
def test_a_private_name_stays_in_its_module(module):
    assert [*foreign_private(MODULES[module].read_text("utf8"))] == []


def foreign_private(text: str) -> Iterator[str]:
    """Names with an underscore that a text takes from modules of the package."""
    tree, modules = ast.parse(text), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith("hlnb."):
            yield from (a.name for a in node.names if private(a.name))
            modules |= {
                alias.asname or alias.name
                for alias in node.names
                if f"{node.module}.{alias.name}" in MODULES
            }
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=name), attr=attribute):
                if name in modules and private(attribute):
                    yield f"{name}.{attribute}"


def private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def test_private_names_of_others_are_found():
    text = "from hlnb.data import cifar\nfrom hlnb.kept import _a, b\ncifar._records(b)"
    assert [*foreign_private(text)] == ["_a", "cifar._records"]
    assert not [*foreign_private("from os import _exit\nself._a = os._exit")]


@pytest.mark.parametrize("module", MODULES)
def test_no_global_seed_and_no_pickle(module):
    text = MODULES[module].read_text("utf8")
    for forbidden in ("torch.manual_seed", "np.random.seed", "import pickle"):
        assert forbidden not in text


def test_types_are_checked_in_the_core_and_lint_checks_them():
    """All of it but the compiled loops, whose types are Numba's."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf8"))
    settings = project["tool"]["mypy"]
    assert settings["files"] == ["src/hlnb"]
    looked_at = {
        name.split(".")[1]
        for name, path in MODULES.items()
        if name != "hlnb"
        and not re.search(settings["exclude"], path.relative_to(ROOT).as_posix())
    }
    assert looked_at == set(CORE)
    left_out = [m for m in MODULES if m.startswith("hlnb.training.fast")]
    paths = [MODULES[m].relative_to(ROOT).as_posix() for m in left_out]
    assert all(re.search(settings["exclude"], path) for path in paths)
    recipe = (ROOT / "Makefile").read_text("utf8").partition("\nlint:")[2]
    assert "$(BIN)/mypy" in recipe.partition("\n\n")[0].split()


def definitions(path: Path) -> set[str]:
    """Public functions and classes of a module."""
    tree = ast.parse(path.read_text("utf8"))
    kinds = ast.FunctionDef | ast.ClassDef
    return {n.name for n in tree.body if isinstance(n, kinds) and n.name[0] != "_"}


def classes(path: Path) -> set[str]:
    tree = ast.parse(path.read_text("utf8"))
    return {n.name for n in tree.body if isinstance(n, ast.ClassDef)}


def imported_by_name() -> dict[str, set[str]]:
    """Public names that source or notebooks import without their module: from where."""
    texts = [path.read_text("utf8") for path in MODULES.values()]
    for path in NOTEBOOKS:
        cells = json.loads(path.read_text("utf8"))["cells"]
        texts += ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
    found: dict[str, set[str]] = {}
    for node in (n for text in texts for n in ast.walk(ast.parse(text))):
        if isinstance(node, ast.ImportFrom) and node.module in MODULES:
            for alias in node.names:
                found.setdefault(alias.name, set()).add(node.module)
    return found


def test_a_name_that_is_read_without_its_module_has_one_home():
    """`storage.read` and `kept.read` are two names; two classes `Network` are one."""
    homes: dict[str, set[str]] = {}
    for module, path in MODULES.items():
        for name in definitions(path):
            homes.setdefault(name, set()).add(module)
    sources = imported_by_name()
    twice = {
        name: sources[name] & found
        for name, found in homes.items()
        if len(sources.get(name, set()) & found) > 1
    }
    assert not twice
    core_and_studies = [m for m in MODULES if not m.startswith("hlnb.publishing")]
    counted = collections.Counter(
        name for m in core_and_studies for name in classes(MODULES[m])
    )
    assert [name for name, n in counted.items() if n > 1] == []
