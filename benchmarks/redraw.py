"""What a correction costs: `python benchmarks/redraw.py [CHAPTER ...]`.

In a copy of the book, on an idle machine, with the runs of record of the chapters:
seconds to redraw each chapter, and its cells above two seconds; seconds from an edited
label of chapter 01 to its new page; stale chapters for each edited line of the package.
Writes redraw.json, of which the book's page of benchmarks tells.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from keys import stale_per_line

from hlnb.publishing import record
from hlnb.publishing.chapters import find_root
from hlnb.publishing.run.worker import machine
from hlnb.storage import write_whole

HLNB = "from hlnb.publishing.cli import main; raise SystemExit(main())"
LABEL = (
    "studies/table_1/figures.py",
    'set_ylabel("picture")',
    'set_ylabel("drawn image")',
)


def copied(root: Path, folder: Path) -> Path:
    """A copy of the book, with what it was rendered from before."""
    ignored = shutil.ignore_patterns(".git", ".venv", "cache", "proof", "__pycache__")
    return Path(shutil.copytree(root, folder / "book", ignore=ignored, symlinks=True))


def hlnb(book: Path, *arguments: str) -> tuple[float, str]:
    """Seconds of a command in a copy of the book, and what it printed."""
    own = {"PYTHONPATH": str(book / "src"), "HLNB_RUNS": str(book / "runs" / "record")}
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", HLNB, *arguments],
        cwd=book,
        env=os.environ | own,
        check=True,
        capture_output=True,
        text=True,
    )
    return time.perf_counter() - started, done.stdout


def main() -> None:
    root = find_root()
    listed = sorted(record.manifest(record.home(root))["chapters"])
    chosen = [name for name in listed if not sys.argv[1:] or name[:2] in sys.argv[1:]]
    found = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": machine(),
        "load": os.getloadavg()[0],
        "chapters": [],
        "label": {"redraw": 0.0, "build": 0.0},
        "stale": stale_per_line(),
    }
    with tempfile.TemporaryDirectory() as folder:
        book = copied(root, Path(folder))
        for name in chosen:
            seconds, said = hlnb(book, "redraw", name)
            slow = re.findall(r"cell (\d+): ([\d.]+) s", said)
            cells = [[int(number), float(took)] for number, took in slow]
            row = {"chapter": name, "seconds": seconds, "cells": cells}
            found["chapters"].append(row)
            print(f"{name}: {seconds:.1f} s, cells above 2 s: {cells or 'none'}")
        write(book, found)
        hlnb(book, "build")
        path, old, new = LABEL
        module = book / "src" / "hlnb" / path
        module.write_text(module.read_text("utf8").replace(old, new), "utf8")
        found["label"]["redraw"], _ = hlnb(book, "redraw", "01")
        found["label"]["build"], _ = hlnb(book, "build")
    write(root, found)
    total = sum(found["label"].values())
    print(f"a label: {total:.0f} s; stale: {found['stale']['mean']:.2f}")


def write(book: Path, found: dict) -> None:
    text = json.dumps(found, indent=1)
    write_whole(book / "benchmarks" / "redraw.json", f"{text}\n".encode())


if __name__ == "__main__":
    main()
