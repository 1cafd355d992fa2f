"""pyproject.toml, constraints.txt, environment.yml, Makefile and Binder agree."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf8"))["project"]
LINES = (ROOT / "constraints.txt").read_text("utf8").splitlines()
PINS = dict(line.split("==") for line in LINES)
NAMES = {canonicalize_name(name): version for name, version in PINS.items()}
EXTRAS = PROJECT["optional-dependencies"]
PINNED = (*EXTRAS["test"], *EXTRAS["hooks"], *EXTRAS["live"])
NEEDED = [*PROJECT["dependencies"], *PINNED]


def environment(name: str) -> tuple[list[str], list[str]]:
    """What an environment file asks of conda and what of pip."""
    asked = yaml.safe_load((ROOT / name).read_text("utf8"))["dependencies"]
    pip = [line for part in asked if isinstance(part, dict) for line in part["pip"]]
    return [part for part in asked if isinstance(part, str)], pip


def test_constraints_are_exact_pins_each_once_without_the_package_itself():
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in LINES)
    assert len(NAMES) == len(LINES)
    assert "hlnb" not in NAMES


@pytest.mark.parametrize("line", NEEDED)
def test_every_dependency_has_a_pin_in_its_range(line):
    need = Requirement(line)
    assert need.specifier.contains(NAMES[canonicalize_name(need.name)])


@pytest.mark.parametrize(
    ("name", "version"),
    [("sphinx-book-theme", "1.1.4"), ("pydata-sphinx-theme", "0.15.4")],
)
def test_the_theme_is_one_without_a_second_search_bar(name, version):
    assert NAMES[name] == version


def test_conda_takes_python_and_leaves_the_rest_to_pip_with_the_pins():
    conda, pip = environment("environment.yml")
    assert f"python{PROJECT['requires-python']}" in conda
    assert pip == ["-c constraints.txt", "-e .[test,live]"]


def test_binder_has_a_python_that_the_package_takes():
    conda, _ = environment(".binder/environment.yml")
    (python,) = [line for line in conda if line.startswith("python=")]
    assert SpecifierSet(PROJECT["requires-python"]).contains(python.split("=")[1])


def test_where_notebooks_are_opened_their_prose_is_shown():
    names = {Requirement(line).name for line in EXTRAS["live"]}
    assert names == {"jupyterlab", "jupyterlab-myst", "anywidget"}
    extras = re.search(r"-e '\.\[(.*)\]'", (ROOT / ".binder/postBuild").read_text())
    assert extras
    assert extras[1].split(",") == ["live"]


@pytest.mark.parametrize("name", ["Makefile", ".binder/postBuild"])
def test_torch_is_the_pinned_one_wherever_it_is_installed_by_itself(name):
    found = set(re.findall(r"torch==([\w.]+)", (ROOT / name).read_text("utf8")))
    assert found == {NAMES["torch"]}


@pytest.mark.parametrize("name", ["Makefile", ".binder/postBuild"])
def test_the_loops_are_compiled_at_installation(name):
    assert "python -m hlnb.training.fast.warm" in (ROOT / name).read_text("utf8")


PYTHON = """#!/bin/sh
echo "$@" >> calls
[ "$FAILS" = 1 ] && exit 1
mkdir -p .venv/bin
for name in python pip; do
    echo 'echo "$0 $@" >> calls' > .venv/bin/$name
    chmod +x .venv/bin/$name
done
"""


@pytest.mark.skipif(shutil.which("make") is None, reason="no make here")
@pytest.mark.parametrize("there", ["nothing", "no pip", "pip"])
@pytest.mark.parametrize("fails", ["0", "1"])
def test_an_environment_without_pip_is_made_anew(tmp_path, there, fails):
    """With a Python that notes how it is called, and an environment of its own."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "python").write_text(PYTHON)
    (tmp_path / "python").chmod(0o755)
    if there != "nothing":
        (tmp_path / ".venv/bin").mkdir(parents=True)
        for name, status in (("python", there == "no pip"), ("pip", 0)):
            (tmp_path / ".venv/bin" / name).write_text(f"#!/bin/sh\nexit {status:d}\n")
            (tmp_path / ".venv/bin" / name).chmod(0o755)
    done = subprocess.run(
        ["make", ".venv/installed", "PYTHON=./python", f"FAILS={fails}"],
        **{"cwd": tmp_path, "capture_output": True, "text": True},
    )
    calls = tmp_path / "calls"
    made = calls.exists() and "-m venv --clear .venv" in calls.read_text()
    assert made == (there != "pip")
    if made and fails == "1":
        assert done.returncode != 0
        assert "apt install python3-venv" in done.stderr
        assert not (tmp_path / ".venv/installed").exists()
    else:
        assert done.returncode == 0, done.stderr
        assert (tmp_path / ".venv/installed").exists()


def test_the_citation_names_the_version_of_the_package():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf8"))
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]
