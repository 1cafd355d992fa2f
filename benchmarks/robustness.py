"""Executions under load, and kills at random moments: `make robust`.

    python benchmarks/robustness.py [executions] [kills]

A little book of four chapters in a temporary folder, two of them chatty: thousands of
outputs lag behind their cells on a busy machine. First the chapters are executed over
and over, four at a time; one that does not end in time is counted as hung. Then
an execution is killed (SIGKILL, to its whole process group) after a random time, again
and again; after each kill every file of the book has to be whole, and the last
execution has to work. Writes the counts to robust.json, of which the book's page of
benchmarks tells; ends with 1 if anything was hung, failed or torn.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from tqdm import tqdm

from hlnb.storage import write_whole

TESTS = Path(__file__).parents[1] / "tests"
sys.path.insert(0, str(TESTS))
from publishing_fixtures import FIGURE, add_chapter, make_book  # noqa: E402

PATIENCE = 300  # seconds for four chapters at once
CHATTY = """
from IPython.display import display
for i in range(5000):
    display({"text/plain": "x" * 100}, raw=True)
"""
HLNB = str(Path(sys.executable).with_name("hlnb"))


def book(folder: Path) -> Path:
    root = make_book(folder)
    for number in range(1, 5):
        code = FIGURE.replace("fig-bars", f"fig-{number}") + CHATTY * (number > 2)
        add_chapter(root, f"0{number}_chapter", code)
    return root


def started(root: Path, *options: str) -> subprocess.Popen:
    command = [HLNB, "run", "--force", *options]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, cwd=root, start_new_session=True, **pipes)


def kill(process: subprocess.Popen) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def torn(root: Path) -> list[str]:
    """Files of the executed book that are not whole."""
    found = []
    for path in (root / "book" / "chapters").glob("[!.]*"):
        try:
            json.loads(path.read_text("utf8"))
        except ValueError:
            found.append(path.name)
    return found


def main(executions: int = 200, kills: int = 50) -> int:
    folder = Path(tempfile.mkdtemp(prefix="hlnb-robust-"))
    root, hung, failed, halves = book(folder / "book"), 0, 0, 0
    slowest, rounds = 0.0, -(-executions // 4)
    for _ in tqdm(range(rounds), unit="4 chapters", disable=None):
        begun = time.monotonic()
        process = started(root, "--jobs", "4")
        try:
            process.communicate(timeout=PATIENCE)
            failed += process.returncode != 0
        except subprocess.TimeoutExpired:
            hung += 1
            kill(process)
        slowest = max(slowest, time.monotonic() - begun)
    chance = random.Random(0)
    for _ in tqdm(range(kills), unit="kill", disable=None):
        process = started(root, "01")
        time.sleep(chance.uniform(0, slowest))
        if process.poll() is None:
            kill(process)
        halves += len(torn(root))
    after = started(root, "--jobs", "4")
    said, _ = after.communicate(timeout=PATIENCE)
    record = {
        **{"date": datetime.now(UTC).strftime("%Y-%m-%d"), "cores": os.cpu_count()},
        **{"executions": 4 * rounds, "hung": hung, "failed": failed},
        **{"slowest": slowest, "kills": kills, "torn": halves},
        "next_worked": after.returncode == 0,
    }
    text = json.dumps(record, indent=1)
    write_whole(Path(__file__).with_name("robust.json"), f"{text}\n".encode())
    print(text)
    if after.returncode:
        print(said)
    shutil.rmtree(folder, ignore_errors=True)
    return int(bool(hung or failed or halves or after.returncode))


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
