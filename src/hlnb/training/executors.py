"""Where work is computed: any `concurrent.futures.Executor`, laptop or cluster.

HLNB_EXECUTOR names one for every sweep: nothing (this machine's processes), the address
of a Dask scheduler (`tcp://host:8786`), or `local:FOLDER` and `slurm:FOLDER`, which
submit jobs through submitit and keep their logs in that folder.
"""

import errno
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import (
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from pathlib import Path
from typing import Any

import cloudpickle

from hlnb import limits
from hlnb.errors import HlnbError
from hlnb.settings import number, place, variable

GIGABYTE = 10**9
A_WORKER = 0.4 * GIGABYTE  # bytes: torch, its libraries and a toy problem
MANY = 256  # cluster jobs that are waited for at once


class Here(Executor):
    """Computes each task in this process when it is submitted."""

    def submit(self, fn, /, *args, **kwargs) -> Future:
        future: Future = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # the future carries it, as a pool would
            future.set_exception(error)
        return future


class Processes(ProcessPoolExecutor):
    """`count` processes of this machine, which tasks reach by cloudpickle.

    So a class that only this process knows, as one defined in a notebook, is known to
    them too. pickle names a class, and each process looks the name up for itself.
    """

    def __init__(self, count: int):
        spawn = multiprocessing.get_context("spawn")
        self._begun = semaphore(spawn)
        super().__init__(
            count,
            mp_context=spawn,
            initializer=_start_worker,
            initargs=(self._begun,),
        )

    def submit(self, fn, /, *args, **kwargs) -> Future:
        try:
            task = cloudpickle.dumps((fn, args, kwargs))
        except Exception as error:  # a class says itself how it is pickled
            raise HlnbError(
                f"A task cannot be sent to a worker process: {_reason(error)}; leave "
                "that out of it, or set HLNB_WORKERS=1."
            ) from error
        return super().submit(_done, task)

    @property
    def began(self) -> bool:
        """Whether any worker came as far as to take a task."""
        if begun := self._begun.acquire(block=False):
            self._begun.release()
        return begun


class Jobs(Executor):
    """Tasks as jobs of a submitit executor (Slurm's, or local ones)."""

    def __init__(self, cluster: Any):
        self._cluster = cluster
        self._jobs: list[Any] = []
        self._waiting = ThreadPoolExecutor(MANY)

    def submit(self, fn, /, *args, **kwargs) -> Future:
        try:
            job = self._cluster.submit(fn, *args, **kwargs)
        except OSError as error:
            raise HlnbError(
                f"A job cannot be submitted ({_reason(error)}): see to the folder "
                "that HLNB_EXECUTOR names."
            ) from error
        self._jobs.append(job)
        return self._waiting.submit(_result, job)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        if cancel_futures:
            for job in self._jobs:
                if not job.done():
                    job.cancel(check=False)
        self._waiting.shutdown(wait, cancel_futures=cancel_futures)


def _result(job: Any) -> Any:
    try:
        return job.result()
    except Exception as error:  # submitit's own has no place that is public
        if type(error).__name__ != "UncompletedJobError":
            raise
        raise HlnbError(
            f"Job {job.job_id} ended without a result: cancelled, out of memory, or "
            f"out of time (HLNB_JOB_HOURS); its log is {job.paths.stderr}."
        ) from error


def executor(where: str | None = None) -> Executor:
    """The executor that `where` names, or else HLNB_EXECUTOR (see the module)."""
    where = variable("HLNB_EXECUTOR") if where is None else where
    kind, _, folder = where.partition(":")
    if not where:
        return _pool()
    if kind in ("local", "slurm") and folder:
        return _submitit(kind, folder)
    if "://" in where:
        return dask(where)
    raise HlnbError(
        f"{where!r} names no executor: take tcp://host:port (Dask), local:FOLDER or "
        "slurm:FOLDER, or nothing for processes of this machine."
    )


def processes() -> Executor:
    """The executor for many sweeps: processes, or what HLNB_EXECUTOR names.

    HLNB_WORKERS sets how many processes (see `workers`); each starts once and imports
    torch once. With one worker: this process.
    """
    return executor()


def dask(address: str) -> Executor:
    """The workers of a running Dask cluster; its scheduler gives a task whose worker
    died to another one."""
    try:
        from distributed import Client
    except ImportError:
        raise HlnbError(
            "A cluster needs Dask, which is not installed: "
            "pip install 'hlnb[dask]' adds it."
        ) from None
    try:
        client = Client(address, timeout=10)
    except (OSError, ValueError) as error:  # TimeoutError is an OSError
        raise HlnbError(
            f"No Dask scheduler answers at {address} ({_reason(error)})."
        ) from error
    pool = client.get_executor(pure=False)
    shutdown: Callable = pool.shutdown

    def close(wait: bool = True, *, cancel_futures: bool = False) -> None:
        shutdown(wait=wait and not cancel_futures)
        client.close()  # unclosed, it prints errors when Python ends

    pool.shutdown = close
    return pool


def _submitit(kind: str, folder: str) -> Executor:
    try:
        import submitit
    except ImportError:
        raise HlnbError(
            "Jobs need submitit, which is not installed: "
            "pip install 'hlnb[slurm]' adds it."
        ) from None
    try:
        cluster = submitit.AutoExecutor(folder=place(folder), cluster=kind)
    except RuntimeError as error:  # there is no srun
        raise HlnbError(
            f"No Slurm answers here ({_reason(error)}): take HLNB_EXECUTOR=local:FOLDER"
            ", or unset it."
        ) from error
    hours = variable("HLNB_JOB_HOURS") or "4"
    try:
        cluster.update_parameters(timeout_min=int(60 * float(hours)), cpus_per_task=1)
    except (ValueError, OverflowError) as error:
        raise HlnbError(f"HLNB_JOB_HOURS = {hours!r} is not a number.") from error
    if kind == "slurm" and (partition := variable("HLNB_PARTITION")):
        cluster.update_parameters(slurm_partition=partition)
    return Jobs(cluster)


def workers() -> int:
    """Processes to use: HLNB_WORKERS, or one for each processor that this process may
    keep busy, as far as the memory that it may fill goes (see `limits`)."""
    room = int(limits.memory() // A_WORKER) - 1  # this process takes as much
    return number("HLNB_WORKERS", max(1, min(limits.processors(), room)), "processes")


def runs_per_task() -> int:
    """Runs that a task computes one after the other: HLNB_RUNS_PER_TASK, or 1."""
    return number("HLNB_RUNS_PER_TASK", 1, "runs")


def ended_early(pool: Executor) -> str:
    """Why tasks of a broken pool have no result, and what to do."""
    script = getattr(sys.modules["__main__"], "__file__", None)
    if script is not None and isinstance(pool, Processes) and not pool.began:
        return (
            "No worker process could start (its error stands above): each first reads "
            f"{Path(script).name} again, so what trains there goes below "
            '`if __name__ == "__main__":`; or set HLNB_WORKERS=1.'
        )
    return (
        "A worker process ended before its run did (killed, interrupted, or out of "
        "memory): run again from where the pool is made, with fewer processes if "
        "memory was short (HLNB_WORKERS)."
    )


def semaphore(context: Any) -> Any:
    """A semaphore at 0, without which no pool of processes works."""
    try:
        return context.Semaphore(0)
    except (OSError, ImportError, NotImplementedError) as error:
        if getattr(error, "errno", None) in (errno.EMFILE, errno.ENFILE):
            raise  # it has semaphores, and opens no more files
        raise HlnbError(
            f"No pool of processes works here, as the system gives no semaphores "
            f"({_reason(error)}): mount /dev/shm (docker run --shm-size=64m), or use "
            "papermill with HLNB_WORKERS=1, which need none."
        ) from error


class _Parcel:
    """What cloudpickle can carry, for a queue that carries what pickle can."""

    def __init__(self, content: Any):
        self._packed = cloudpickle.dumps(content)

    def __reduce__(self):
        return cloudpickle.loads, (self._packed,)


class _Raised(Exception):
    """The same for an error."""

    def __init__(self, error: Exception):
        super().__init__(f"{type(error).__name__}: {error}")
        try:
            self._packed = cloudpickle.dumps(error)
            cloudpickle.loads(self._packed)  # one that cannot be read breaks the pool
        except Exception:
            self._packed = cloudpickle.dumps(RuntimeError(str(self)))

    def __reduce__(self):
        return cloudpickle.loads, (self._packed,)


def _done(task: bytes) -> _Parcel:
    """What a task gives, computed in a worker."""
    try:
        fn, args, kwargs = cloudpickle.loads(task)
        return _Parcel(fn(*args, **kwargs))
    except Exception as error:
        raise _Raised(error).with_traceback(error.__traceback__) from None


def _reason(error: Exception) -> str:
    return str(error).rstrip(".") or type(error).__name__


def _start_worker(begun: Any) -> None:
    """Ends this worker without a traceback on Ctrl-C, and when its parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)

    def follow_parent() -> None:
        parent = multiprocessing.parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=follow_parent, daemon=True).start()
    begun.release()


def _pool() -> Executor:
    count = workers()
    if count == 1:
        return Here()
    main = sys.modules["__main__"]
    if getattr(main, "__file__", None) == "<stdin>":
        del main.__file__  # a worker would look for a script of that name
    return Processes(count)
