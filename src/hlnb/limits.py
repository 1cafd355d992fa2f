"""What the system allows this process, which may be less than what the machine has.

A process may be bound to some processors, and its control groups (containers, Slurm,
Binder) may grant a share of their time and a part of the memory. `system` is where the
files of the system are.
"""

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

SYSTEM = Path("/")


def processors(system: Path = SYSTEM) -> int:
    """How many processors this process can keep busy, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        bound = len(os.sched_getaffinity(0))
    else:
        bound = os.cpu_count() or 1
    return max(1, min([bound, *map(math.ceil, _shares(system))]))


def memory(system: Path = SYSTEM) -> int:
    """How many bytes this process and its children may fill."""
    granted = [
        *_numbers(system, "", "memory.max"),
        *_numbers(system, "memory", "memory.limit_in_bytes"),
    ]
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([whole, *(found[0] for found in granted)])


def files() -> float:
    """How many files this process may have open at once."""
    with suppress(ImportError):  # Windows has no such limit
        import resource

        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != resource.RLIM_INFINITY:
            return soft
    return math.inf


def _shares(system: Path) -> Iterator[float]:
    """The processors that each group above this process grants, in fractions."""
    for granted in _numbers(system, "", "cpu.max"):
        if len(granted) == 2 and min(granted) > 0:
            yield granted[0] / granted[1]
    periods = _numbers(system, "cpu", "cpu.cfs_period_us")
    quotas = _numbers(system, "cpu", "cpu.cfs_quota_us")
    for (quota,), (period,) in zip(quotas, periods, strict=False):
        if quota > 0 and period > 0:  # -1: as much as there is
            yield quota / period


def _numbers(system: Path, controller: str, file: str) -> Iterator[list[int]]:
    """The numbers in a file of each group above this process, lowest first; groups
    without it, or without a limit, are left out. `controller`: of version 1."""
    for folder in _groups(system, controller):
        try:
            numbers = [int(w) for w in (folder / file).read_text("ascii").split()]
            if numbers:
                yield numbers
        except (OSError, ValueError):  # no such group, or "max"
            continue


def _groups(system: Path, controller: str) -> Iterator[Path]:
    """Folders of the control groups of this process, up to the one of all.

    Inside a container, the path in /proc may be one of the host, which is not there:
    then the container's own group is the one of all.
    """
    try:
        lines = (system / "proc/self/cgroup").read_text("utf8").splitlines()
    except OSError:
        return
    for line in lines:
        if line.count(":") < 2:
            continue
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            top = system / "sys/fs/cgroup" / controller
            inner = top / path.lstrip("/")
            above = [folder for folder in inner.parents if folder.is_relative_to(top)]
            yield from [inner, *above]
