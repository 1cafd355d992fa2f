"""An execution is kept whole or not at all."""

import base64
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hlnb.code import digest
from hlnb.errors import HlnbError
from hlnb.publishing import places
from hlnb.publishing import record as record_of_runs
from hlnb.publishing.copies import executed_path
from hlnb.publishing.notebooks import (
    DATA,
    images,
    moved_verdicts,
    normalize,
    outputs_digest,
    payloads,
    to_bytes,
)
from hlnb.publishing.run.plan import Plan
from hlnb.publishing.run.worker import Execution
from hlnb.storage import write_whole


@contextmanager
def locked(plan: Plan) -> Iterator[None]:
    """The right to write one chapter; the system takes it back if the process dies."""
    name = plan.chapter.name
    lock = plan.folder / f".{name}.lock"
    busy = f"{name} is being executed by another `hlnb run`; wait until it has ended."
    with places.held(lock, busy=busy, mend="give --out a folder elsewhere"):
        for left in plan.folder.glob(f".{name}.*"):  # of a run that was killed
            if left != lock:
                left.unlink(missing_ok=True)
        yield


@dataclass(frozen=True)
class Written:
    """What became of an execution: why it failed, or the copy and what moved in it."""

    error: str | None = None
    path: Path | None = None
    moved: tuple[str, ...] = ()


def keep(plan: Plan, done: Execution) -> Written:
    """Writes what a worker gave back.

    A chapter in which a verdict moved is not published: its copy goes where copies of
    re-runs go, and the published one stays.
    """
    error, notebook = done.error, done.notebook
    if notebook is not None:
        notebook = normalize(notebook, root=plan.chapter.root.resolve())
        notebook = plan.woven(notebook)
    elif error is None:
        error = f"{plan.chapter.name}: the worker gave no notebook back."
    try:
        if error is None:
            record = {
                "date": f"{datetime.now(UTC):%Y-%m-%d}",
                "seconds": done.seconds,
                "runs_kept": done.runs_kept,
                **done.machine,
                "data": _data(notebook),
                "profile": plan.profile,
                **plan.keys._asdict(),
                "outputs": outputs_digest(notebook),
                "results": digest(done.used),
            }
            if plan.record:
                record = record_of_runs.redrawn(plan.chapter, record)
            moved = moved_verdicts(notebook)
            publishes = plan.path.resolve() == executed_path(plan.chapter).resolve()
            if moved and publishes:
                plan, publishes = replace(plan, folder=plan.failed.parent), False
                with locked(plan):
                    _write_pair(plan.path, notebook, record)
            else:
                _write_pair(plan.path, notebook, record)
            with suppress(OSError):  # as where `runs` is no folder
                plan.failed.unlink()
            if publishes:
                with suppress(HlnbError):  # `hlnb runs pack` says what it cannot pack
                    record_of_runs.note(plan.chapter, done.used)
                _refresh_images(plan.chapter.root / "book" / "images", notebook)
            return Written(path=plan.path, moved=tuple(moved))
        if notebook is not None:
            write_whole(plan.failed, to_bytes(notebook))
            error = f"{error}\n  The notebook as far as it came: {plan.failed}"
    except HlnbError as caught:
        return Written(f"{error}\n  {caught}" if error else str(caught))
    return Written(error)


def _write_pair(path: Path, notebook: dict[str, Any], record: dict[str, Any]) -> None:
    """Writes a chapter and its provenance; if either can't be, both stay as they were.

    A kill between the two replacements leaves files of two executions: damaged.
    """
    staged = write_whole(path.with_name(f".{path.stem}.staged"), to_bytes(notebook))
    try:
        text = json.dumps(record, ensure_ascii=False, indent=1)
        write_whole(path.with_suffix(".provenance.json"), f"{text}\n".encode())
        os.replace(staged, path)
    except OSError as error:
        raise HlnbError(f"Cannot write {path}: {error.strerror}.") from error
    finally:
        staged.unlink(missing_ok=True)


def _refresh_images(folder: Path, notebook: dict[str, Any]) -> None:
    """Writes each figure anew of which `folder` has a copy (the README shows one)."""
    for cell in notebook["cells"]:
        for image in images(cell.get("outputs", [])):
            name = image["metadata"].get("hlnb", {}).get("name", "")
            if (folder / f"{name}.png").is_file():
                png = base64.b64decode("".join(image["data"]["image/png"]))
                write_whole(folder / f"{name}.png", png)


def _data(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    """The notes on the data that a chapter used, each once."""
    notes = payloads(notebook, DATA)
    return [note for i, note in enumerate(notes) if note not in notes[:i]]
