"""Finished runs kept on disk, so that interrupted work goes on where it ended.

The cache is local: the environment variable HLNB_CACHE names its folder, and without it
nothing is kept. A run is found again only if its specification, the code that computes
it, torch's version and the kind of processor are the same.
"""

import hashlib
import json
import os
import platform
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hlnb import archives
from hlnb.errors import HlnbError

PACKAGE = Path(__file__).parent
CODE = (
    *("data/*.py", "metrics/measures.py", "blank_windows.py", "gradients.py"),
    *("models.py", "schedules.py", "seeding.py", "training.py"),
)


@cache
def _code() -> str:
    """A digest of the modules that compute runs, and of what they run on."""
    files = sorted(path for pattern in CODE for path in PACKAGE.glob(pattern))
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode() + path.read_bytes())
    digest.update(f"{torch.__version__} {platform.machine()}".encode())
    return digest.hexdigest()


def place(spec: Mapping[str, Any]) -> Path | None:
    """Where the run with this specification is kept; None if nothing is kept."""
    folder = os.environ.get("HLNB_CACHE")
    if not folder:
        return None
    text = json.dumps([spec, _code()], sort_keys=True)
    name = hashlib.sha256(text.encode()).hexdigest()[:32]
    return Path(folder) / name[:2] / f"{name}.npz"


def keep(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Stores the arrays of a finished run; a full disk loses nothing else."""
    with suppress(HlnbError):  # the run is not lost, it is not kept
        archives.write(path, arrays, small=False)
    _count(1)


def find(path: Path) -> dict[str, np.ndarray] | None:
    """The arrays kept at `path`; None if there are none that can be read."""
    with suppress(HlnbError):
        return archives.read(path)
    return None


def note(kept: int, total: int) -> None:
    """Adds to the file that HLNB_CACHE_NOTES names: how many runs were at hand."""
    if notes := os.environ.get("HLNB_CACHE_NOTES"):
        with open(notes, "a", encoding="utf8") as file:
            file.write(f"{kept} {total}\n")
    _count(kept)


def _count(runs: int) -> None:
    """Lets the file that HLNB_CACHE_PROGRESS names grow by a byte for each run."""
    if progress := os.environ.get("HLNB_CACHE_PROGRESS"):
        with suppress(OSError), open(progress, "ab") as file:
            file.write(b"." * runs)
