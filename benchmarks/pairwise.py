"""Chapters executed with unusual parameters: a pairwise design, at smoke size.

Each parameter has the value of the smoke run, its low end and half as much again. Every
two values of any two parameters meet in some row, if the chapter takes them.
Rows are executed in an order that a seed draws, until the minutes are over; a row that
`hlnb run` admits and that then fails is a finding, and ends the command with status 1.

    python benchmarks/pairwise.py --seed 7 --minutes 40
    python benchmarks/pairwise.py --minutes 5 18

With `--ends` each row has one parameter at one end of its range and the rest as usual.
What was seen is kept in benchmarks/ranges.json with its date, row by row, and a later
call goes on from there; a row is done anew once its parameter's range has changed.
`slow`: not done after SLOW seconds, and neither fault nor proof.

    python benchmarks/pairwise.py --ends --minutes 60
"""

import argparse
import itertools
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from hlnb.errors import HlnbError
from hlnb.parameters import Parameter, admit_together
from hlnb.publishing.chapters import Chapter, find_root, load, select
from hlnb.storage import write_whole

RECORD = Path(__file__).with_name("ranges.json")
SLOW = 60  # seconds for a row with one parameter at an end
TRIES = 12  # rows that are drawn, of which the one with most new pairs is taken
Row = dict[str, Any]
Pair = frozenset[tuple[str, str]]


def levels(parameter: Parameter, usual: Any) -> list[Any]:
    """Values to try: the smoke run's, the low end, half as much again; or all words."""
    if parameter.type == "bool":
        return [usual, not usual]
    if parameter.choices:  # no second machine or data set is assumed
        return [usual]
    if parameter.range is None:
        return [usual]
    low, high = parameter.range
    kind = int if "int" in parameter.type else float

    def more(value: float) -> float:
        return min(high, kind(1.5 * value) + (kind is int))

    if isinstance(usual, list):
        found = [usual, usual[: max(1, parameter.least)], [*usual, more(max(usual))]]
    else:
        found = [usual, kind(low), more(usual)]
    return [value for i, value in enumerate(found) if value not in found[:i]]


def pairs(row: Row) -> set[Pair]:
    """Every two of its values, with their names."""
    named = [(name, json.dumps(value)) for name, value in row.items()]
    return {frozenset(two) for two in itertools.combinations(named, 2)}


def design(chapter: Chapter, *, draw: random.Random) -> Iterator[Row]:
    """Rows in which every two values meet that the chapter takes beside usual ones."""
    known = chapter.parameters
    usual = {name: p.default for name, p in known.items()} | chapter.smoke()
    tried = {name: levels(p, usual[name]) for name, p in known.items()}
    asked = [
        {one: a, two: b}
        for one, two in itertools.combinations(tried, 2)
        for a, b in itertools.product(tried[one], tried[two])
    ]
    draw.shuffle(asked)
    seen: set[Pair] = set()
    for two in asked:
        if pairs(two) <= seen or not _taken(chapter, usual | two):
            continue
        drawn = [_row(chapter, tried, usual | two, two, draw) for _ in range(TRIES)]
        best = max(drawn, key=lambda row: len(pairs(row) - seen))
        seen |= pairs(best)
        yield best


def _row(
    chapter: Chapter,
    tried: dict[str, list[Any]],
    row: Row,
    fixed: Row,
    draw: random.Random,
) -> Row:
    """`row` with other values than the fixed ones drawn, where the chapter takes them.

    Parameters are set one after another, in an order drawn too.
    """
    for name in draw.sample([*tried], len(tried)):
        other = row | {name: draw.choice(tried[name])} | fixed
        row = other if _taken(chapter, other) else row
    return row


def _taken(chapter: Chapter, row: Row) -> bool:
    try:
        admit_together(chapter.parameters, row)
    except HlnbError:
        return False
    return True


def ends(chapter: Chapter) -> Iterator[tuple[str, Row]]:
    """Each end of each range that the chapter takes beside usual values, with a name.

    A list has the end in place of its first item (low) or its last (high).
    """
    for name, parameter in chapter.parameters.items():
        for which, end in zip(("low", "high"), parameter.range or (), strict=False):
            usual = chapter.smoke().get(name, parameter.default)
            value: Any = end
            if isinstance(usual, list):
                value = [end, *usual[1:]] if which == "low" else [*usual[:-1], end]
            if value != usual and _taken(chapter, chapter.smoke() | {name: value}):
                yield f"{chapter.name[:2]} {name} = {json.dumps(value)}", {name: value}


def pass_ends(chapters: Sequence[Chapter], *, until: float, draw: random.Random) -> int:
    """Executes what the record lacks until the time is over; the number of faults."""
    seen = json.loads(RECORD.read_text("utf8")) if RECORD.exists() else {}
    todo = {name: (c, row) for c in chapters for name, row in ends(c)}
    here = {chapter.name[:2] for chapter in chapters}
    seen = {n: r for n, r in seen.items() if n in todo or n[:2] not in here}
    for name in draw.sample([*todo], len(todo)):
        if name in seen or time.monotonic() > until:
            continue
        said = execute(*todo[name], timeout=SLOW, slow="slow") or "executed"
        seen[name] = {"date": f"{date.today()}", "seen": said}
        text = json.dumps(dict(sorted(seen.items())), indent=1, ensure_ascii=False)
        write_whole(RECORD, f"{text}\n".encode())
    done = {name: seen[name]["seen"] for name in sorted(todo.keys() & seen.keys())}
    faults = {n: said for n, said in done.items() if said not in ("executed", "slow")}
    for name, said in faults.items():
        print(f"{name}: {said}")
    slow = sum(said == "slow" for said in done.values())
    print(f"{len(done)} of {len(todo)} ends tried: {slow} slow, {len(faults)} failed.")
    return len(faults)


def execute(chapter: Chapter, row: Row, *, timeout: float, slow: str = "") -> str:
    """Why `hlnb run` failed with these parameters; empty if it did not.

    `slow`: what is said of a row that takes longer.
    """
    given = [f"{n}={json.dumps(v)}" for n, v in row.items()]
    flags = [w for n, v in row.items() for w in ("-p", n, _typed(v))]
    with tempfile.TemporaryDirectory() as folder:
        code = "from hlnb.publishing.cli import main; raise SystemExit(main())"
        command = [sys.executable, "-c", code, "run", "--smoke", "--out", folder]
        try:
            done = subprocess.run(
                [*command, chapter.name, *flags],
                capture_output=True,
                text=True,
                timeout=timeout,
                cwd=chapter.root,
            )
        except subprocess.TimeoutExpired:
            return slow  # no fault
    said = (done.stdout + done.stderr).strip().splitlines()[-3:]
    return "" if done.returncode == 0 else " | ".join([*said, "with", *given])


def _typed(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chapters", nargs="*")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=40)
    parser.add_argument("--ends", action="store_true", help="one end at a time")
    asked = parser.parse_args(arguments)
    end = time.monotonic() + 60 * asked.minutes
    draw = random.Random(asked.seed)
    chapters = select(load(find_root()), asked.chapters)
    if asked.ends:
        return bool(pass_ends(chapters, until=end, draw=draw))
    rows = [(c, row) for c in chapters for row in design(c, draw=draw)]
    draw.shuffle(rows)
    faults, done = [], 0
    for chapter, row in rows:
        left = end - time.monotonic()
        if left <= 0:
            break
        done += 1
        if said := execute(chapter, row, timeout=left):
            faults.append(f"{chapter.name}: {said}")
            print(faults[-1], flush=True)
    print(f"{done} of {len(rows)} rows executed, {len(faults)} failed.")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
