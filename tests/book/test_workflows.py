"""The workflow files: what they call exists, and they may do no more than they need."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from hlnb.publishing.cli import CLAIMS_MOVED, _parser

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
LOADED = {f.name: yaml.safe_load(f.read_text("utf8")) for f in FILES}
TARGETS = set(re.findall(r"(?m)^([a-z]+):", (ROOT / "Makefile").read_text("utf8")))
TARGETS.add(".venv/installed")


def runs(name):
    """The shell commands of a workflow."""
    jobs = LOADED[name]["jobs"].values()
    return "\n".join(s["run"] for job in jobs for s in job["steps"] if "run" in s)


def commands():
    """The subcommands of `hlnb` with their options."""
    (subparsers,) = (a for a in _parser()._actions if a.choices)
    return {
        name: {o for action in parser._actions for o in action.option_strings}
        for name, parser in subparsers.choices.items()
    }


def test_there_are_three():
    assert set(LOADED) == {"book.yml", "weekly.yml", "release.yml"}


@pytest.mark.parametrize("name", LOADED)
def test_every_make_target_exists(name):
    for line in re.findall(r"\bmake ([^\n&;|]+)", runs(name)):
        for target in line.split():
            assert target in TARGETS, target


@pytest.mark.parametrize("name", LOADED)
def test_every_subcommand_and_option_of_hlnb_exists(name):
    known = commands()
    called = re.findall(r"\.venv/bin/hlnb (\w+)([^\n&;|>]*)", runs(name))
    assert called
    for command, rest in called:
        assert command in known
        for option in re.findall(r"(?<!\S)--?[a-z]+", rest):
            assert option in known[command], f"{command} {option}"


@pytest.mark.parametrize("name", LOADED)
def test_permissions_are_stated_and_small(name):
    allowed = {
        "book.yml": {"contents": "read"},
        "weekly.yml": {"contents": "read", "issues": "write"},
        "release.yml": {"contents": "write"},
    }
    assert LOADED[name]["permissions"] == allowed[name]


def test_only_main_is_published_and_only_that_job_may():
    publish = LOADED["book.yml"]["jobs"]["publish"]
    assert publish["if"] == "github.ref == 'refs/heads/main'"
    assert publish["permissions"] == {"pages": "write", "id-token": "write"}
    assert "permissions" not in LOADED["book.yml"]["jobs"]["build"]


@pytest.mark.parametrize("name", LOADED)
def test_actions_are_pinned_and_secrets_are_not_shown(name):
    text = (ROOT / ".github" / "workflows" / name).read_text("utf8")
    for used in re.findall(r"uses: (\S+)", text):
        assert re.fullmatch(r"actions/[\w-]+@v\d+", used)
    assert "secrets." not in text
    assert not re.search(r"echo .*(TOKEN|token)", text)


def test_when_they_run():
    on = {name: loaded[True] for name, loaded in LOADED.items()}  # YAML's `on` is true
    assert on["book.yml"]["push"]["branches"] == ["main"]
    assert "pull_request" in on["book.yml"]
    assert on["weekly.yml"]["schedule"][0]["cron"].split()[-1] == "1"
    assert on["release.yml"]["push"]["tags"] == ["v*"]


def test_a_moved_claim_opens_an_alarm():
    steps = LOADED["weekly.yml"]["jobs"]["rerun"]["steps"]
    (alarm,) = [s for s in steps if "gh issue create" in s.get("run", "")]
    assert alarm["if"] == "steps.diff.outputs.status == '3'"
    assert CLAIMS_MOVED == 3


LIBRARIES = """
import numba, numpy, torch
from threadpoolctl import threadpool_info

@numba.njit(fastmath=True)
def total(x):
    found = 0.0
    for value in x:
        found += value
    return found

assert torch.backends.cpu.get_cpu_capability() == "DEFAULT"
total(numpy.ones(9))
(code,) = total.inspect_asm().values()
assert "ymm" not in code, "Numba uses AVX"
blas = [p for p in threadpool_info() if p["internal_api"] == "openblas"]
assert {p["architecture"] for p in blas} == {"Nehalem"}
"""


def test_elsewhere_the_libraries_take_narrow_vectors():
    """None of them says so where it does not know the name of a processor."""
    job = LOADED["weekly.yml"]["jobs"]["elsewhere"]
    assert job["steps"][-1] == {"run": "make test"}
    assert job["permissions"] == {"contents": "read"}
    named = {k: v for k, v in job["env"].items() if "github" not in v}
    command = [sys.executable, "-c", LIBRARIES]
    subprocess.run(command, env=os.environ | named, check=True)


def test_the_files_that_workflows_and_make_name_are_there():
    places = [*(ROOT / ".github" / "workflows").glob("*.yml"), ROOT / "Makefile"]
    named = {n for p in places for n in re.findall(r"tests/[\w/]+\.py", p.read_text())}
    assert named
    assert {name for name in named if not (ROOT / name).is_file()} == set()
