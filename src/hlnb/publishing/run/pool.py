"""The processes, here or elsewhere, that execute chapters."""

import multiprocessing
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import (
    Executor,
    ProcessPoolExecutor,
)
from contextlib import contextmanager

from hlnb.publishing.run.worker import start_worker
from hlnb.training import executors


@contextmanager
def local_workers(count: int) -> Iterator[Executor]:
    """A pool of processes which end, kernels included, when this block is left.

    So they do when this process is killed: the system closes its end of the pipe.
    """
    context = multiprocessing.get_context("spawn")
    executors.semaphore(context)  # says what is wrong where there are none
    reader, writer = context.Pipe(duplex=False)
    with reader, writer:
        pool = ProcessPoolExecutor(
            count, mp_context=context, initializer=start_worker, initargs=[reader]
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


@contextmanager
def without_interrupts() -> Iterator[None]:
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
