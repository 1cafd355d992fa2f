"""Chapters are executed: papermill in worker processes, files written whole here."""

import ast
import base64
import json
import logging
import multiprocessing
import os
import platform
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from hlnb import executors
from hlnb.code import PACKAGE, digest
from hlnb.errors import HlnbError
from hlnb.files import write_whole
from hlnb.publishing import freshness
from hlnb.publishing import record as record_of_runs
from hlnb.publishing.chapters import (
    Chapter,
    did_you_mean,
    load,
    read_notebook,
    select,
    source_problems,
    text_of,
)
from hlnb.publishing.ledger import executed_on, executed_path
from hlnb.publishing.weaving import (
    DATA,
    INJECTED,
    Keys,
    images,
    normalize,
    outputs_digest,
    payloads,
    to_bytes,
    weave,
)

PACKAGES = ("torch", "numpy", "matplotlib", "hlnb")
THREADS = 1  # with more, sums are taken in another order and numbers differ
TIMEOUT = 3600  # seconds a cell
RUNS_DONE = ".runs"  # ends the name of the file of training runs, beside that of cells
SLOW = 2.0  # seconds of a cell whose results should be kept
NOTES = "kept.jsonl"  # what `hlnb.kept` notes of the results that a chapter uses


@dataclass(frozen=True)
class Job:
    """All that a worker on any machine needs to execute one chapter."""

    name: str
    notebook: dict[str, Any]
    parameters: dict[str, Any]
    profile: str  # published | rerun | smoke
    folder: str  # the kernel's working directory
    timeout: int  # seconds a cell
    progress: str  # a file that grows by a byte with each finished cell
    cache: str  # where finished results are kept; empty: nowhere
    record: str = ""  # where results of record are read, and nowhere else


@dataclass(frozen=True)
class Executed:
    """What a worker gives back; nothing of it is on disk yet."""

    notebook: dict[str, Any] | None
    seconds: float
    machine: dict[str, Any]
    error: str | None = None
    notes: tuple[dict[str, Any], ...] = ()  # what `hlnb.kept` noted on the way

    @property
    def runs_kept(self) -> int:
        """Training runs that were at hand from earlier work."""
        return sum(note.get("at hand", 0) for note in self.notes)

    @property
    def slow(self) -> list[tuple[int, float]]:
        """Code cells above two seconds: their number in the source, and seconds."""
        cells = [] if self.notebook is None else _cells(self.notebook)
        took = [
            (n, c["metadata"].get("papermill", {}).get("duration")) for n, c in cells
        ]
        return [(number, time) for number, time in took if (time or 0) > SLOW]

    @property
    def used(self) -> list[str]:
        """Addresses of the kept results that the chapter rests on."""
        return sorted({note["used"] for note in self.notes if "used" in note})

    @property
    def not_kept(self) -> list[str]:
        """Why some of its results are not kept, each reason once."""
        return list(dict.fromkeys(n["not kept"] for n in self.notes if "not kept" in n))


# --- in the worker -------------------------------------------------------------------

_kernels: dict[str, Any] = {}  # temporary folder of a running chapter: kernel manager


def execute(job: Job) -> Executed:
    """The executed chapter, or why it failed; touches no file of the book."""
    import papermill

    logging.getLogger("papermill").setLevel(logging.CRITICAL)
    papermill.engines.papermill_engines.register("hlnb", _engine())
    started = time.monotonic()
    error = notebook = None
    with tempfile.TemporaryDirectory(prefix="hlnb-") as folder:
        source, output = Path(folder, "source.ipynb"), Path(folder, "executed.ipynb")
        try:
            source.write_bytes(to_bytes(job.notebook))
            papermill.execute_notebook(
                str(source),
                str(output),
                parameters=job.parameters,
                engine_name="hlnb",
                kernel_name="python3",
                progress_bar=False,
                execution_timeout=job.timeout,
                hlnb_job=job,
                hlnb_folder=folder,
            )
        except Exception as caught:  # whatever it is, the other chapters go on
            error = _reason(caught, job, Path(folder))
        finally:
            _kernels.pop(folder, None)
        with suppress(HlnbError):
            notebook = _without_banners(read_notebook(output))
        notes = _notes(Path(folder))
    seconds = time.monotonic() - started
    if error is None and notebook is not None:
        error = _unfinished(notebook, job)
    return Executed(notebook, round(seconds, 1), machine(), error, notes)


def _notes(folder: Path) -> tuple[dict[str, Any], ...]:
    """What the chapter noted of its kept results; see `hlnb.kept`."""
    try:
        lines = (folder / NOTES).read_text("utf8").splitlines()
    except OSError:  # it used none
        return ()
    return tuple(json.loads(line) for line in lines)


@cache
def _engine() -> type:
    """papermill's engine with a client of our own; made here, as papermill is slow."""
    from queue import Empty

    from nbclient.exceptions import CellExecutionError
    from papermill.clientwrap import PapermillNotebookClient
    from papermill.engines import Engine
    from papermill.log import logger

    class Client(PapermillNotebookClient):
        """A client that can't miss a reply, and that stops at output on stderr."""

        def papermill_execute_cells(self) -> None:
            # nbclient waits for a reply while it sends on the same socket; now and
            # then the wake-up is lost, and the wait never ends (nbclient issue 312).
            # Waiting in short steps looks at the socket again.
            channel = self.kc.shell_channel
            wait = channel.get_msg

            async def get_msg(timeout: float | None = None) -> dict[str, Any]:
                end = None if timeout is None else time.monotonic() + timeout
                while True:
                    left = 0.5 if end is None else end - time.monotonic()
                    try:
                        return await wait(timeout=max(0.0, min(0.5, left)))
                    except Empty:
                        if end is not None and time.monotonic() >= end:
                            raise

            channel.get_msg = get_msg
            super().papermill_execute_cells()

        def execute_cell(self, cell: Any, cell_index: int, **kwargs: Any) -> Any:
            cell = super().execute_cell(cell, cell_index, **kwargs)
            with suppress(OSError), open(self.progress, "ab") as file:
                file.write(b".")
            if text := _stderr(cell):
                raise CellExecutionError("", "stderr", text)
            return cell

    class HlnbEngine(Engine):
        @classmethod
        def execute_managed_notebook(
            cls, manager: Any, kernel_name: str, **kwargs: Any
        ) -> None:
            job, folder = kwargs["hlnb_job"], kwargs["hlnb_folder"]
            client = Client(
                manager,
                kernel_name=kernel_name,
                timeout=kwargs["execution_timeout"],
                startup_timeout=120,
                log=logger,
            )
            client.progress = job.progress
            client.km = client.create_kernel_manager()
            client.km.connection_file = str(Path(folder, "kernel.json"))
            client.km.kernel_spec_manager.kernel_dirs = []  # this Python's own kernel
            _kernels[folder] = client.km
            with open(Path(folder, "kernel.log"), "wb") as log:
                client.execute(
                    cwd=job.folder,
                    env=_environment(job, folder),
                    stdout=log,
                    stderr=log,  # it says that it runs without encryption, and more
                )

    return HlnbEngine


def _environment(job: Job, folder: str) -> dict[str, str]:
    """The kernel's environment, in which nothing of the user's habits remains."""
    environment = {k: v for k, v in os.environ.items() if k != "MPLBACKEND"}
    return environment | {
        "OMP_NUM_THREADS": str(THREADS),
        "MKL_NUM_THREADS": str(THREADS),
        "PYTHONHASHSEED": "0",
        "HLNB_RUN": job.profile,
        "HLNB_CACHE": job.cache,
        "HLNB_REDRAW": job.record,
        "HLNB_CACHE_NOTES": str(Path(folder, NOTES)),
        "HLNB_CACHE_PROGRESS": job.progress + RUNS_DONE,
        "IPYTHONDIR": str(Path(folder, "ipython")),  # no start-up files, no history
    }


def _stderr(cell: dict[str, Any]) -> str:
    return "".join(
        "".join(output["text"])
        for output in cell.get("outputs", [])
        if output["output_type"] == "stream" and output["name"] == "stderr"
    )


def _without_banners(notebook: dict[str, Any]) -> dict[str, Any]:
    """The notebook without the cells that papermill adds above an error."""
    marker = "papermill-error-cell-tag"
    cells = [
        c for c in notebook["cells"] if marker not in c["metadata"].get("tags", [])
    ]
    return notebook | {"cells": cells}


def _cells(notebook: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The cells of the source with their numbers there, from 1."""
    own = (
        c for c in notebook["cells"] if INJECTED not in c["metadata"].get("tags", [])
    )
    return enumerate(own, start=1)


def _reason(caught: Exception, job: Job, folder: Path) -> str:
    """One sentence on why the execution ended: `NN_name, cell K: …`."""
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    try:
        cells = [*_cells(_without_banners(read_notebook(folder / "executed.ipynb")))]
    except HlnbError:
        cells = []
    stopped = {"running", "failed"}
    at = [
        (number, cell)
        for number, cell in cells
        if cell["metadata"].get("papermill", {}).get("status") in stopped
        or any(o["output_type"] == "error" for o in cell.get("outputs", []))
    ]
    if not at or isinstance(caught, DeadKernelError | CellTimeoutError):
        # the cell at which these came is marked as completed: it is the last begun
        begun = [(n, c) for n, c in cells if c["metadata"]["papermill"]["start_time"]]
        at = begun[-1:]
    where = f"{job.name}, cell {at[0][0]}" if at else job.name
    if isinstance(caught, CellTimeoutError):
        return f"{where}: no end after {job.timeout:g} s (--timeout allows more)."
    if isinstance(caught, DeadKernelError):
        return f"{where}: the kernel died; perhaps the memory did not suffice."
    for _, cell in at:
        for output in cell.get("outputs", []):
            if output["output_type"] == "error":
                return f"{where}: {_message(output['ename'], output['evalue'])}"
        if text := _stderr(cell).strip():
            telling = re.search(r"\w*(Warning|Error): .*", text)
            line = telling[0] if telling else text.splitlines()[-1]
            return f"{where}: wrote to stderr: {line.strip()}"
    log = folder / "kernel.log"
    last = (
        log.read_text("utf8", "replace").strip().splitlines()[-1:]
        if log.exists()
        else []
    )
    return f"{where}: {_message(type(caught).__name__, ' '.join([str(caught), *last]))}"


def _message(kind: str, text: str) -> str:
    text = " ".join(text.split())
    return text if kind in _own_errors() else f"{kind}: {text}"


def _own_errors(package: Path = PACKAGE) -> set[str]:
    """The names of HlnbError and of what derives from it, read from the package."""
    trees = [ast.parse(path.read_text("utf8")) for path in package.rglob("*.py")]
    classes = [n for t in trees for n in ast.walk(t) if isinstance(n, ast.ClassDef)]
    names = {"HlnbError"}
    while (
        new := {c.name for c in classes if {ast.unparse(b) for b in c.bases} & names}
        - names
    ):
        names |= new
    return names


def _unfinished(notebook: dict[str, Any], job: Job) -> str | None:
    """Why a chapter that raised nothing still isn't complete, or None."""
    for number, cell in _cells(notebook):
        if cell["cell_type"] != "code" or not text_of(cell).strip():
            continue
        for output in cell["outputs"]:
            if output["output_type"] == "error":
                return (
                    f"{job.name}, cell {number}: {output['ename']} ended the chapter."
                )
        if cell["execution_count"] is None:
            return f"{job.name}, cell {number}: was not reached."
    return None


def machine() -> dict[str, Any]:
    """What this process runs on: Python, system, CPU, cores, threads, packages."""
    packages = {}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            packages[name] = version(name)
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": processor(),
        "cores": os.cpu_count(),
        "threads": THREADS,
        "packages": packages,
    }


def processor() -> str:
    """The name of this machine's processor."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _start_worker(life: Connection) -> None:
    """Ties a worker to the process that started it: it ends when that one does."""
    threading.Thread(target=_end_with, args=[life], daemon=True).start()


def _end_with(life: Connection) -> None:
    """Waits until the other end of the pipe is gone, then ends worker and kernels."""
    with suppress(EOFError, OSError):
        life.recv_bytes()
    for folder, kernel in list(_kernels.items()):
        process = getattr(kernel.provisioner, "process", None)
        if process is not None:
            with suppress(OSError):
                if hasattr(os, "killpg"):  # the kernel leads a group: its pool goes too
                    os.killpg(process.pid, signal.SIGKILL)
                else:
                    process.kill()
        for _ in range(20):  # papermill may just be writing into it
            shutil.rmtree(folder, ignore_errors=True)
            if not Path(folder).exists():
                break
            time.sleep(0.05)
    os._exit(1)


@contextmanager
def local_workers(count: int) -> Iterator[Executor]:
    """A pool of processes which end, kernels included, when this block is left.

    So they do when this process is killed: the system closes its end of the pipe.
    """
    context = multiprocessing.get_context("spawn")
    reader, writer = context.Pipe(duplex=False)
    with reader, writer:
        pool = ProcessPoolExecutor(
            count, mp_context=context, initializer=_start_worker, initargs=[reader]
        )
        try:
            yield pool
        except BaseException:
            writer.close()
            raise
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def dask_workers(address: str) -> Iterator[Executor]:
    """The workers of a running Dask cluster, as an executor."""
    pool = executors.dask(address)
    try:
        yield pool
    finally:
        pool.shutdown(wait=False)


# --- in the command ------------------------------------------------------------------


@dataclass(frozen=True)
class Plan:
    """A chapter that is to be executed or rewoven, and where the copy goes."""

    chapter: Chapter
    parameters: dict[str, Any]
    profile: str
    folder: Path
    failed: Path  # where a failed notebook is kept
    keys: Keys  # of the package as it is now; it may be edited while a chapter runs
    cache: str  # a folder, or empty
    record: str = ""  # a folder of results of record, for a chapter to be redrawn

    @property
    def path(self) -> Path:
        return self.folder / f"{self.chapter.name}.ipynb"

    @property
    def progress(self) -> Path:
        return self.folder / f".{self.chapter.name}.progress"

    @property
    def runs_done(self) -> Path:
        """A file that grows by a byte with each finished training run."""
        return Path(str(self.progress) + RUNS_DONE)

    def woven(self, executed: dict[str, Any]) -> dict[str, Any]:
        source = self.chapter.notebook
        return weave(source, executed, keys=self.keys, parameters=self.parameters)

    def rewoven(self) -> dict[str, Any]:
        """The copy as it is, with the source's text of now."""
        executed = read_notebook(self.path)
        keys = freshness.known_keys(executed)
        return weave(self.chapter.notebook, executed, keys=keys, parameters={})

    def job(self, timeout: int) -> Job:
        return Job(
            name=self.chapter.name,
            notebook=self.chapter.notebook,
            parameters=self.parameters,
            profile=self.profile,
            folder=str(self.chapter.path.parent.resolve()),
            timeout=timeout,
            progress=str(self.progress.resolve()),
            cache=self.cache,
            record=self.record,
        )


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
) -> bool:
    """Whether each chapter asked for is now executed; `say` gets a line for each.

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
            anew = tempfile.TemporaryDirectory(prefix="hlnb-runs-")
            kept = Path(stack.enter_context(anew))
        cache = "" if smoke else str(kept.resolve())
        plans = _plans(
            root, names, overrides=overrides, smoke=smoke, out=out, cache=cache
        )
        listed = None
        if redraw:
            listed = record_of_runs.manifest(record_of_runs.home(root))
        due, refused = [], False
        for plan in plans:
            name = plan.chapter.name
            state = freshness.MISSING
            if plan.profile == "published" and not force:
                state = freshness.state(plan.chapter, plan.folder)
            if state == freshness.PROSE:
                with _locked(plan):
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
                    refused = True
                    continue
                folder = record_of_runs.home(plan.chapter.root)
                plan = replace(plan, record=str(folder.resolve()))
            stack.enter_context(_locked(plan))
            due.append(plan)
        if not due:
            return not refused
        if executor is None:
            count = max(1, min(jobs, len(due)))
            executor = stack.enter_context(
                dask_workers(scheduler) if scheduler else local_workers(count)
            )
        done = _execute_all(due, executor, timeout=timeout, say=say)
        return done and not refused


def _execute_all(
    plans: list[Plan],
    executor: Executor,
    *,
    timeout: int,
    say: Callable[[str], None],
) -> bool:
    from tqdm import tqdm

    with _without_interrupts():  # workers start here
        futures = {executor.submit(execute, p.job(timeout)): p for p in plans}
    failures = 0
    cells = sum(len(p.chapter.cells) for p in plans)
    bar = tqdm(total=cells, unit="cell", disable=not sys.stderr.isatty())
    with bar:
        for future in _completed(futures, bar):
            plan = futures[future]
            try:
                done = future.result()
            except Exception as error:  # its process died, or the cluster did
                text = f"{plan.chapter.name}: its worker failed ({error})"
                done = Executed(None, 0.0, {}, text)
            if line := _keep(plan, done):
                failures += 1
                line = f"{plan.chapter.name}: FAILED\n  {line}"
            else:
                how = "redrawn" if plan.record else "executed"
                line = f"{plan.chapter.name}: {how} in {done.seconds:.0f} s"
                if done.runs_kept and not plan.record:
                    line += f" ({done.runs_kept} training runs were at hand)"
            bar.clear()
            told = [f"cell {n}: {s:.1f} s" for n, s in done.slow if plan.record]
            say("\n  ".join([line, *done.not_kept, *told]))
    return not failures


def _completed(futures: dict[Future, Plan], bar: Any) -> Iterator[Future]:
    """The futures as they end; meanwhile `bar` shows how many cells have."""
    waiting, ended = set(futures), 0
    while waiting:
        done, waiting = wait(waiting, timeout=0.5, return_when=FIRST_COMPLETED)
        yield from done
        ended += sum(len(futures[future].chapter.cells) for future in done)
        for future in done:
            futures[future].progress.unlink(missing_ok=True)
            futures[future].runs_done.unlink(missing_ok=True)
        running = [futures[f] for f in waiting if futures[f].progress.exists()]
        bar.n = ended
        for plan in running:  # papermill's own cell of parameters is not counted
            bar.n += min(plan.progress.stat().st_size, len(plan.chapter.cells))
        bar.set_description(", ".join(plan.chapter.name for plan in running))
        runs = [p.runs_done.stat().st_size for p in running if p.runs_done.exists()]
        if runs:
            bar.set_postfix_str(f"{sum(runs)} training runs done", refresh=False)
        bar.refresh()


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Processes that start in this block ignore Ctrl-C for good.

    A terminal sends it to them too; what is to end then is for this process to say.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _plans(
    root: Path,
    names: Sequence[str],
    *,
    overrides: Sequence[tuple[str, str]],
    smoke: bool,
    out: str | Path | None,
    cache: str,
) -> list[Plan]:
    """What is to be done; every mistake in the command is found here."""
    published = root / "book" / "chapters"
    own = bool(overrides or smoke)
    folder = Path(out) if out is not None else root / "runs" if own else published
    if own and folder.resolve() == published.resolve():
        raise HlnbError(
            f"{folder} holds the published run alone; give --out another folder."
        )
    kept = folder if folder.resolve() != published.resolve() else root / "runs"
    chapters = select(load(root), names)
    if not chapters:
        raise HlnbError(f"There is no chapter in {root / 'notebooks'}.")
    given = _overrides(chapters, overrides, named=bool(names))
    profile = "smoke" if smoke else "rerun" if overrides else "published"
    plans = []
    for chapter in chapters:
        if problems := source_problems(chapter):
            more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
            raise HlnbError(f"{problems[0]}{more} `hlnb check` lists what to mend.")
        parameters = (chapter.smoke() if smoke else {}) | given[chapter.name]
        failed = kept / f"{chapter.name}.failed.ipynb"
        keys = freshness.keys(chapter, parameters)
        plans.append(Plan(chapter, parameters, profile, folder, failed, keys, cache))
    return plans


def _overrides(
    chapters: list[Chapter], overrides: Sequence[tuple[str, str]], *, named: bool
) -> dict[str, dict[str, Any]]:
    """The parameters given on the command line, by chapter, in their types."""
    given: dict[str, dict[str, Any]] = {chapter.name: {} for chapter in chapters}
    for name, text in overrides:
        without = [c for c in chapters if name not in c.parameters]
        if len(without) == len(chapters) or (named and without):
            asked = without[:1] if named else chapters
            known = sorted({p for c in asked for p in c.parameters})
            subject = f"{asked[0].name} has no" if named else "No chapter has a"
            hint = did_you_mean(name, known) or f"there is {', '.join(known) or 'none'}"
            raise HlnbError(f"{subject} parameter {name!r}; {hint}.")
        for chapter in chapters:
            if chapter not in without:
                parameter = chapter.parameters[name]
                given[chapter.name][name] = parameter.admit(parameter.parse(text))
    return given


@contextmanager
def _locked(plan: Plan) -> Iterator[None]:
    """The right to write one chapter; the system takes it back if the process dies."""
    from filelock import FileLock, Timeout

    name = plan.chapter.name
    lock = plan.folder / f".{name}.lock"
    try:
        plan.folder.mkdir(parents=True, exist_ok=True)
        held = FileLock(lock).acquire(timeout=0)
    except Timeout:
        raise HlnbError(
            f"{name} is being executed by another `hlnb run`; wait until it has ended."
        ) from None
    except OSError as error:
        raise HlnbError(f"Cannot write to {plan.folder}: {error.strerror}.") from error
    with held:
        for left in plan.folder.glob(f".{name}.*"):  # of a run that was killed
            if left != lock:
                left.unlink(missing_ok=True)
        yield


def _keep(plan: Plan, done: Executed) -> str | None:
    """Writes what a worker gave back; the reason if the chapter failed."""
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
            _write_pair(plan.path, notebook, record)
            plan.failed.unlink(missing_ok=True)
            if plan.path.resolve() == executed_path(plan.chapter).resolve():
                with suppress(HlnbError):  # `hlnb runs pack` says what it cannot pack
                    record_of_runs.note(plan.chapter, done.used)
                _refresh_images(plan.chapter.root / "book" / "images", notebook)
        elif notebook is not None:
            write_whole(plan.failed, to_bytes(notebook))
            error = f"{error}\n  The notebook as far as it came: {plan.failed}"
    except HlnbError as caught:
        return f"{error}\n  {caught}" if error else str(caught)
    return error


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
