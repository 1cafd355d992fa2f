"""Chapters are executed: papermill in worker processes, files written whole here."""

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    wait,
)
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hlnb import limits
from hlnb.errors import HlnbError
from hlnb.publishing import freshness
from hlnb.publishing import record as record_of_runs
from hlnb.publishing.copies import executed_on
from hlnb.publishing.notebooks import to_bytes
from hlnb.publishing.run.keep import keep, locked
from hlnb.publishing.run.plan import Plan, planned
from hlnb.publishing.run.pool import dask_workers, local_workers, without_interrupts
from hlnb.publishing.run.worker import Execution, execute
from hlnb.storage import write_whole

TIMEOUT = 3600  # seconds a cell
FILES = 128  # open at once: a kernel has 75, and 6 for each process of its own


@dataclass(frozen=True)
class Outcome:
    """Of the chapters asked for: how many failed, and which verdicts moved in which.

    True if all are executed, with the verdicts for which their prose was written. A
    chapter with a moved verdict is executed all the same; it is only not published.
    """

    failed: int = 0
    moved: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return not (self.failed or self.moved)

    @property
    def told(self) -> str:
        """The verdicts that moved, a line each below their number; or nothing."""
        lines = [f"{name}: {line}" for name in self.moved for line in self.moved[name]]
        count = f"{len(lines)} verdicts" if len(lines) > 1 else "1 verdict"
        return "\n  ".join([f"{count} moved:", *lines]) if lines else ""


def run(
    root: str | Path,
    names: Sequence[str] = (),
    *,
    overrides: Sequence[tuple[str, str]] = (),
    jobs: int = 1,
    smoke: bool = False,
    force: bool = False,
    out: str | Path | None = None,
    scheduler: str | None = None,
    timeout: int = TIMEOUT,
    executor: Executor | None = None,
    redraw: bool = False,
    say: Callable[[str], None] = print,
) -> Outcome:
    """Executes the chapters asked for; `say` gets a line for each.

    Of verdicts that moved nothing is said: the outcome has them.

    Without `names`, chapters that are fresh, or only overtaken by code of the package,
    stay as they are. `redraw` takes the results from the runs of record, and nothing
    else: overtaken chapters are drawn again, and fresh ones that are named.

    `overrides` are pairs of a parameter and its value as typed. `executor` runs
    `execute`; default: worker processes of this machine, or `scheduler`'s. Finished
    training runs are kept in `runs/cache`, so that an interrupted chapter goes on where
    it ended; `force` trusts none that were there before.
    """
    root = Path(root)
    with ExitStack() as stack:
        kept = root / "runs" / "cache"
        if force:
            kept = Path(stack.enter_context(_empty_folder()))
        cache = "" if smoke else str(kept.resolve())
        plans = planned(
            root, names, overrides=overrides, smoke=smoke, out=out, cache=cache
        )
        listed = None
        if redraw:
            listed = record_of_runs.manifest(record_of_runs.home(root))
        due, refused = [], 0
        for plan in plans:
            name = plan.chapter.name
            state = freshness.MISSING
            if plan.profile == "published" and not force:
                state = freshness.state(plan.chapter, plan.folder)
            if state == freshness.PROSE:
                with locked(plan):
                    write_whole(plan.path, to_bytes(plan.rewoven()))
                say(f"{name}: prose rewoven")
                state = freshness.state(plan.chapter, plan.folder)
            elif state == freshness.FRESH and not (redraw and names):
                say(f"{name}: fresh ({executed_on(plan.path)})")
            if state == freshness.FRESH and not (redraw and names):
                continue
            if state == freshness.OVERTAKEN and not (redraw or names):
                say(
                    f"{name}: overtaken by code of the package; `hlnb run {name}` "
                    f"executes it, `hlnb redraw {name}` draws it again"
                )
                continue
            if listed is not None:
                if reason := record_of_runs.refusal(plan.chapter, listed):
                    say(f"{name}: FAILED\n  {reason}")
                    refused += 1
                    continue
                folder = record_of_runs.home(plan.chapter.root)
                plan = replace(plan, record=str(folder.resolve()))
            _refuse_few_files()
            stack.enter_context(locked(plan))
            due.append(plan)
        if not due:
            return Outcome(refused)
        if executor is None:
            count = max(1, min(jobs, len(due)))
            executor = stack.enter_context(
                dask_workers(scheduler) if scheduler else local_workers(count)
            )
        done = _execute_all(due, executor, timeout=timeout, judged=not smoke, say=say)
        return replace(done, failed=done.failed + refused)


def _execute_all(
    plans: list[Plan],
    executor: Executor,
    *,
    timeout: int,
    judged: bool,
    say: Callable[[str], None],
) -> Outcome:
    """`judged`: whether runs are large enough for a verdict to mean something."""
    from tqdm import tqdm

    with without_interrupts():  # workers start here
        futures = {executor.submit(execute, p.job(timeout)): p for p in plans}
    failures, moved = 0, dict[str, Sequence[str]]()
    cells = sum(len(p.chapter.cells) for p in plans)
    bar = tqdm(total=cells, unit="cell", disable=not sys.stderr.isatty())
    with bar:
        for future in _completed(futures, bar, say=say):
            plan = futures[future]
            try:
                done = future.result()
            except Exception as error:  # its process died, or the cluster did
                text = f"{plan.chapter.name}: {_lost(error)}"
                done = Execution(None, 0.0, {}, text)
            kept = keep(plan, done)
            if kept.error:
                failures += 1
                line = f"{plan.chapter.name}: FAILED\n  {kept.error}"
            else:
                how = "redrawn" if plan.record else "executed"
                line = f"{plan.chapter.name}: {how} in {done.seconds:.0f} s"
                if done.runs_kept and not plan.record:
                    line += f" ({done.runs_kept} training runs were at hand)"
                if kept.moved and judged:
                    moved[plan.chapter.name] = kept.moved
                if kept.path != plan.path:
                    line += f"; verdicts moved, so it is not published: {kept.path}"
            bar.clear()
            told = [f"cell {n}: {s:.1f} s" for n, s in done.slow if plan.record]
            if done.error is None:
                told += done.stderr
            say("\n  ".join([line, *done.not_kept, *told]))
    return Outcome(failures, moved)


def _lost(error: Exception) -> str:
    """Why a worker gave nothing back."""
    if isinstance(error, BrokenExecutor):
        return "the process that executed it was killed, perhaps for want of memory."
    return f"its worker failed ({type(error).__name__}: {error})."


def _refuse_few_files() -> None:
    """An error where libraries would fail, each in its own words, for want of files."""
    if (allowed := limits.files()) < FILES:
        raise HlnbError(
            f"An execution has up to {FILES} files open at once, and the system allows "
            f"{allowed}: `ulimit -n 1024`, in this shell, allows more."
        )


def _empty_folder() -> tempfile.TemporaryDirectory:
    try:
        return tempfile.TemporaryDirectory(prefix="hlnb-runs-")
    except OSError as error:
        raise HlnbError(
            f"--force needs room for temporary files ({error.strerror}): make some, or "
            "set TMPDIR to another folder."
        ) from error


def _completed(
    futures: dict[Future, Plan], bar: Any, *, say: Callable[[str], None]
) -> Iterator[Future]:
    """The futures as they end; meanwhile `bar` shows how many cells have."""
    waiting, ended = set(futures), 0
    compiling: set[str] = set()
    while waiting:
        done, waiting = wait(waiting, timeout=0.5, return_when=FIRST_COMPLETED)
        for plan in futures.values():
            if plan.compiling.exists() and plan.chapter.name not in compiling:
                compiling.add(plan.chapter.name)
                bar.clear()
                say(f"{plan.chapter.name}: compiling loops, once (some ten seconds)")
        yield from done
        ended += sum(len(futures[future].chapter.cells) for future in done)
        for future in done:
            futures[future].progress.unlink(missing_ok=True)
            futures[future].runs_done.unlink(missing_ok=True)
            futures[future].compiling.unlink(missing_ok=True)
        running = [futures[f] for f in waiting if futures[f].progress.exists()]
        bar.n = ended
        for plan in running:  # papermill's own cell of parameters is not counted
            bar.n += min(plan.progress.stat().st_size, len(plan.chapter.cells))
        bar.set_description(", ".join(plan.chapter.name for plan in running))
        runs = [p.runs_done.stat().st_size for p in running if p.runs_done.exists()]
        if runs:
            bar.set_postfix_str(f"{sum(runs)} training runs done", refresh=False)
        bar.refresh()
