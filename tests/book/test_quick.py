"""`pytest --quick`: which tests a change touches, and that no other is run."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import quick

FILES = {
    "src/hlnb/__init__.py": "",
    "src/hlnb/errors.py": "",
    "src/hlnb/models.py": "from hlnb import errors",
    "src/hlnb/training.py": "from hlnb.models import x",
    "src/hlnb/studies/leap/figures.py": "",
    "book/glossary.md": "",
    "notebooks/01_a.ipynb": "",
    "tests/drawn.py": "import hlnb.errors",
    "tests/core/test_storage.py": "",
    "tests/core/test_models.py": "import hlnb.models",
    "tests/core/test_training.py": "from hlnb.training import y",
    "tests/studies/test_plot.py": "import drawn",
    "tests/studies/test_leap_figures.py": "",
    "tests/book/test_pages.py": 'ROOT = __file__ / "notebooks/01_a.ipynb", "README.md"',
    "tests/book/test_page.py": 'tmp_path / "notebooks"',
}
CORE = {"test_storage": "core", "test_models": "core"}


@pytest.fixture
def project(tmp_path) -> Path:
    """A project in which training needs models, and models need errors."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("file", "touched"),
    [
        ("src/hlnb/training.py", {"training"}),
        ("src/hlnb/models.py", {"training"}),
        ("src/hlnb/errors.py", {"training", "plot"}),
        ("src/hlnb/__init__.py", {"training", "plot"}),
        ("tests/drawn.py", {"plot"}),
        ("tests/studies/test_leap_figures.py", {"leap_figures"}),
        ("src/hlnb/studies/leap/figures.py", {"leap_figures"}),
        ("notebooks/01_a.ipynb", {"pages"}),
        ("notebooks/02_b.ipynb", {"pages"}),
        ("README.md", {"pages"}),
        ("book/glossary.md", set()),
        ("src/hlnb/gone.py", set()),
    ],
)
def test_a_file_touches_the_tests_that_reach_it(project, file, touched):
    found = quick.chosen([file], project)
    assert found == CORE | {f"test_{stem}": file for stem in touched}


def test_of_many_only_the_nearest_are_taken(project, monkeypatch):
    monkeypatch.setattr(quick, "MANY", 2)
    assert "test_training" in quick.chosen(["src/hlnb/models.py"], project)
    (project / "tests/core/test_other.py").write_text("import hlnb.training")
    (project / "tests/core/test_more.py").write_text("import hlnb.training")
    quick._own.cache_clear()
    assert {*quick.chosen(["src/hlnb/models.py"], project)} == {*CORE}
    assert {*quick.chosen(["src/hlnb/training.py"], project)} - {*CORE} == {
        "test_training"
    }


def test_changes_are_those_since_the_branch_left_main(project):
    def git(*command):
        who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
        subprocess.run(
            ["git", *who, *command], cwd=project, check=True, capture_output=True
        )

    assert quick.changed(project) == []  # no repository
    git("init", "-q", "-b", "main")
    git("add", "-A")
    git("commit", "-q", "-m", "all")
    assert quick.changed(project) == []
    git("switch", "-q", "-c", "branch")
    (project / "src/hlnb/models.py").write_text("x = 1")
    git("commit", "-q", "-a", "-m", "committed")
    (project / "book/glossary.md").write_text("not committed")
    (project / "tests/core/test_ünew.py").touch()
    (project / "src/hlnb/errors.py").unlink()
    assert quick.changed(project) == [
        *("book/glossary.md", "src/hlnb/errors.py", "src/hlnb/models.py"),
        "tests/core/test_ünew.py",
    ]


def test_the_choice_is_told_in_one_line():
    found = CORE | {"test_a": "x.py", "test_b": "x.py", "test_c": "y.md"}
    assert quick.told(found) == "quick: the core (2); x.py (a, b); y.md (c)"
    assert quick.told(CORE) == "quick: the core (2); no test is touched by a change"
    said = quick.told(found, ["z.css", "gone.py"])
    assert said.endswith("y.md (c); no test chosen for z.css, gone.py")
    assert quick.told(CORE, ["z.css"]).endswith("(2); no test chosen for z.css")


def test_a_file_without_a_test_is_named(project, monkeypatch):
    files = ["src/hlnb/training.py", "src/hlnb/gone.py", "book/glossary.md"]
    assert quick.unreached(files, project) == files[1:]
    monkeypatch.setattr(quick, "MANY", 0)  # too many tests, and none of that name
    assert quick.unreached(["src/hlnb/errors.py"], project) == ["src/hlnb/errors.py"]


def test_every_module_of_the_core_exists():
    assert {p.stem for p in quick.ROOT.rglob("tests/*/test_*.py")} >= quick.CORE


PASSED_OVER = """\
import pytest
def test_fast(): pass
@pytest.mark.slow
def test_slow(): assert False
def test_page(chromium): assert False
"""


def test_what_is_slow_and_what_no_change_touches_is_passed_over(project):
    for name in ("quick.py", "conftest.py"):
        shutil.copy(quick.ROOT / "tests" / name, project / "tests")
    shutil.copy(quick.ROOT / "pyproject.toml", project)
    (project / "tests/typechecker.py").touch()
    for name in ("core/test_storage.py", "studies/test_plot.py"):
        (project / "tests" / name).write_text(PASSED_OVER)
    command = [sys.executable, "-m", "pytest", "--quick", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "--jaxtyping-packages="],
        cwd=project,
        capture_output=True,
        text=True,
    )
    assert "quick: the core (2); no test is touched by a change" in done.stdout
    assert "1 passed, 2 deselected" in done.stdout
    assert done.returncode == 0
