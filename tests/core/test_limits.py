"""How much of the machine a process may use, on systems made of files."""

import os
import shutil
import subprocess
import sys

import pytest

from hlnb import limits

UNLIMITED = "9223372036854771712"  # what version 1 says for no limit
HERE = "/pod/a"


def system(folder, groups, files):
    """A system that says so; `groups`: lines of /proc/self/cgroup."""
    for name, text in {"proc/self/cgroup": groups, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return folder


@pytest.fixture
def cores(monkeypatch):
    """Eight processors that this process is bound to."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


@pytest.mark.usefixtures("cores")
@pytest.mark.parametrize(
    ("here", "above", "expected"),
    [
        ("200000 100000", "max 100000", 2),
        ("max 100000", "300000 100000", 3),  # a limit of a group above
        ("150000 100000", "max 100000", 2),  # a share keeps a process busy, too
        ("10000 100000", "max 100000", 1),
        ("max 100000", "max 100000", 8),
        ("9900000 100000", "max 100000", 8),
        ("nonsense", "max 100000", 8),
        ("5", "", 8),
        ("50000 0", "max 100000", 8),
    ],
)
def test_processors_of_version_2(tmp_path, here, above, expected):
    files = {f"sys/fs/cgroup{HERE}/cpu.max": here, "sys/fs/cgroup/pod/cpu.max": above}
    assert limits.processors(system(tmp_path, f"0::{HERE}", files)) == expected


@pytest.mark.usefixtures("cores")
@pytest.mark.parametrize(("quota", "expected"), [("250000", 3), ("-1", 8)])
@pytest.mark.parametrize("there", [HERE, ""])
def test_processors_of_version_1(tmp_path, quota, expected, there):
    """In a container the group in /proc may not be there (`there` is empty)."""
    top = f"sys/fs/cgroup/cpu{there}"
    groups = f"5:memory:{HERE}\n4:cpu,cpuacct:{HERE}\n0::/"
    files = {f"{top}/cpu.cfs_quota_us": quota, f"{top}/cpu.cfs_period_us": "100000"}
    assert limits.processors(system(tmp_path, groups, files)) == expected


@pytest.mark.usefixtures("cores")
def test_a_system_without_groups_has_what_it_has(tmp_path):
    assert limits.processors(tmp_path) == 8
    whole = limits.memory(tmp_path)
    assert whole == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@pytest.mark.parametrize(
    ("groups", "file", "text", "limited"),
    [
        (f"0::{HERE}", f"{HERE}/memory.max", "1000", True),
        (f"0::{HERE}", "/pod/memory.max", "1000", True),
        (f"0::{HERE}", f"{HERE}/memory.max", "max", False),
        (f"4:memory:{HERE}", f"/memory{HERE}/memory.limit_in_bytes", "1000", True),
        (f"4:memory:{HERE}", "/memory/memory.limit_in_bytes", "1000", True),
        (f"4:memory:{HERE}", "/memory/memory.limit_in_bytes", UNLIMITED, False),
    ],
)
def test_memory(tmp_path, groups, file, text, limited):
    found = limits.memory(system(tmp_path, groups, {f"sys/fs/cgroup{file}": text}))
    assert (found == 1000) == limited
    assert found <= limits.memory(tmp_path / "none")


@pytest.mark.skipif(shutil.which("taskset") is None, reason="no taskset here")
def test_a_process_bound_to_one_processor_has_one():
    core = str(min(os.sched_getaffinity(0)))
    code = "from hlnb import limits; print(limits.processors())"
    command = ["taskset", "-c", core, sys.executable, "-c", code]
    assert subprocess.check_output(command, text=True) == "1\n"
