"""What happens in the process that executes a chapter."""

import json
import logging
import os
import platform
import re
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from hlnb.errors import HlnbError
from hlnb.publishing.chapters import (
    read_notebook,
    text_of,
)
from hlnb.publishing.notebooks import (
    INJECTED,
    to_bytes,
)
from hlnb.settings import FROM, place, variable

# A warning of Python, from whichever process: where, and what
WARNING = re.compile(r"^.*:\d+: (?P<what>\w*Warning: .*)", re.MULTILINE)
FOREIGN = {  # lines of the system, and who makes it say them
    r"^ERROR: ld\.so: .*": "the loader's, for LD_PRELOAD or LD_AUDIT",
    r"^.*: warning: setlocale: .*": "the shell's, for LC_ALL or LANG",
    r"^import time: .*": "of PYTHONPROFILEIMPORTTIME",
    r"^(import \S+ # |# (cleanup|code object|trying|clear) ).*": "of PYTHONVERBOSE",
}
PACKAGES = ("torch", "numpy", "matplotlib", "hlnb")
THREADS = 1  # with more, sums are taken in another order and numbers differ
RUNS_DONE = ".runs"  # ends the name of the file of training runs, beside that of cells
SLOW = 2.0  # seconds of a cell whose results should be kept
COMPILING = ".compiling"  # ends the name of a file that says so, beside that one
STARTS, OUTPUTS = 600, 600  # seconds for a kernel to start, for outputs to arrive
LATE = "Timeout waiting for IOPub output"  # of nbclient, which raises one error for two
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
class Execution:
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
    def stderr(self) -> list[str]:
        """What its cells wrote to stderr and where that comes from, each once."""
        cells = [] if self.notebook is None else _cells(self.notebook)
        said = {_telling(text): n for n, c in cells if (text := _stderr(c).strip())}
        return [f"cell {n} wrote to stderr: {telling}" for telling, n in said.items()]

    @property
    def used(self) -> list[str]:
        """Addresses of the kept results that the chapter rests on."""
        return sorted({note["used"] for note in self.notes if "used" in note})

    @property
    def not_kept(self) -> list[str]:
        """Why some of its results are not kept, each reason once."""
        return list(dict.fromkeys(n["not kept"] for n in self.notes if "not kept" in n))


_kernels: dict[str, Any] = {}  # temporary folder of a running chapter: kernel manager


def execute(job: Job) -> Execution:
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
    return Execution(notebook, round(seconds, 1), machine(), error, notes)


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
        """A client that can't miss a reply, and that stops at warnings."""

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
            if (text := _stderr(cell)) and _stops(text, self.profile):
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
                startup_timeout=STARTS,
                iopub_timeout=OUTPUTS,
                log=logger,
            )
            client.progress, client.profile = job.progress, job.profile
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
    if numba := variable("NUMBA_CACHE_DIR"):
        environment["NUMBA_CACHE_DIR"] = str(place(numba))
    return environment | {
        FROM: str(place(".")),  # the kernel works in another folder
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


def _stops(text: str, profile: str) -> bool:
    """Whether what a cell wrote to stderr ends its chapter.

    Anything does in the published run, a warning of Python in a smoke run, which is a
    check, and nothing in a reader's re-run. What does not is told with the result.
    """
    if profile == "smoke":
        return bool(WARNING.search(text))
    return profile == "published"


def _telling(text: str) -> str:
    """The line that tells most of a text from stderr, and where it comes from."""
    if warning := WARNING.search(text):
        return warning["what"].strip()
    for pattern, origin in FOREIGN.items():
        if found := re.search(pattern, text, re.MULTILINE):
            return f"{found[0].strip()} ({origin}, so not the chapter's)"
    error = re.search(r"\w*(Warning|Error): .*", text)
    line = error[0] if error else text.strip().splitlines()[-1]
    return f"{line.strip()} (no warning of Python: a library or a process wrote it)"


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
    if isinstance(caught, CellTimeoutError) and LATE in str(caught):
        return (
            f"{where}: ended, but its outputs did not arrive within {OUTPUTS} s: the "
            "machine is busy, so execute it again, with fewer --jobs."
        )
    if isinstance(caught, RuntimeError) and "Kernel didn't respond" in str(caught):
        return (
            f"{where}: its kernel did not start within {STARTS} s: the machine is "
            "busy, so execute it again, with fewer --jobs."
        )
    if isinstance(caught, CellTimeoutError):
        return f"{where}: no end after {job.timeout:g} s (--timeout allows more)."
    if isinstance(caught, DeadKernelError):
        return f"{where}: the kernel died; perhaps the memory did not suffice."
    for _, cell in at:
        for output in cell.get("outputs", []):
            if output["output_type"] == "error":
                return f"{where}: {_message(output['ename'], output['evalue'])}"
        if (text := _stderr(cell).strip()) and _stops(text, job.profile):
            return f"{where}: wrote to stderr: {_telling(text)}"
    log = folder / "kernel.log"
    last = (
        log.read_text("utf8", "replace").strip().splitlines()[-1:]
        if log.exists()
        else []
    )
    return f"{where}: {_message(type(caught).__name__, ' '.join([str(caught), *last]))}"


def _message(kind: str, text: str) -> str:
    text = " ".join(text.split())
    return text if kind == HlnbError.__name__ else f"{kind}: {text}"


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


def start_worker(life: Connection) -> None:
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
