"""One seam from this process to a cluster: every executor gives the same numbers."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from hlnb.data.patterns import toy_problem
from hlnb.errors import HlnbError
from hlnb.executors import Here, Jobs, executor
from hlnb.metrics.measures import Error, Weights
from hlnb.models import toy_network
from hlnb.schedules import simultaneous
from hlnb.training import grid, sweep

MODEL = toy_network(d=30, n_classes=2, T=6, channels=4, hidden=8)
PLAN = (toy_problem(1, d=30, T=6), MODEL, simultaneous(MODEL, epochs=2))
SETTINGS = {
    "measures": {"error": Error("test"), "filters": Weights("conv")},
    "n_train": 64,
}
RUNS = grid([0, 1, 2], [0.1, 0.3])


def same(found, expected):
    assert found.runs == expected.runs
    for name in SETTINGS["measures"]:
        assert (found.of(name) == expected.of(name)).all()


@pytest.mark.parametrize("size", [1, 2, 4, 9])
def test_several_runs_a_task(monkeypatch, size):
    tasks = []

    class Counting(Here):
        def submit(self, fn, /, *args, **kwargs):
            tasks.append(args)
            return super().submit(fn, *args, **kwargs)

    expected = sweep(*PLAN, RUNS, executor=Here(), **SETTINGS)
    monkeypatch.setenv("HLNB_RUNS_PER_TASK", str(size))
    same(sweep(*PLAN, RUNS, executor=Counting(), **SETTINGS), expected)
    assert len(tasks) == -(-len(RUNS) // size)
    assert [p.run for _, task in tasks for p in task] == list(RUNS)


def test_an_error_here_waits_in_its_future():
    wrong = Here().submit(divmod, 1, 0)
    assert isinstance(wrong.exception(), ZeroDivisionError)
    assert Here().submit(divmod, 7, 2).result() == (3, 1)


class Job:
    """What submitit gives for a job: here one that ends at once, or when cancelled."""

    def __init__(self, ended):
        self.ended, self.cancelled = threading.Event(), False
        if ended:
            self.ended.set()

    def done(self):
        return self.ended.is_set()

    def result(self):
        self.ended.wait(30)
        return "cancelled" if self.cancelled else "ran"

    def cancel(self, check):
        self.cancelled = True
        self.ended.set()


def test_on_an_interruption_the_jobs_that_wait_are_cancelled():
    class Cluster:
        def submit(self, fn, ended):
            return Job(ended)

    pool = Jobs(Cluster())
    ran, waits = pool.submit(print, True), pool.submit(print, False)
    assert ran.result() == "ran"
    pool.shutdown(wait=True, cancel_futures=True)
    assert waits.cancelled() or waits.result(timeout=10) == "cancelled"
    first, second = pool._jobs
    assert (first.cancelled, second.cancelled) == (False, True)


def test_jobs_of_submitit(tmp_path, monkeypatch):
    """Local jobs: processes that submitit starts and whose results it reads back."""
    pytest.importorskip("submitit")
    monkeypatch.setenv("HLNB_RUNS_PER_TASK", "3")
    pool = executor(f"local:{tmp_path / 'jobs'}")
    same(
        sweep(*PLAN, RUNS, executor=pool, **SETTINGS),
        sweep(*PLAN, RUNS, executor=Here(), **SETTINGS),
    )
    wrong = pool.submit(divmod, 1, 0)
    with pytest.raises(Exception, match="ZeroDivisionError"):
        wrong.result()
    pool.shutdown()
    assert len(list((tmp_path / "jobs").glob("*_result.pkl"))) == 3


DASK = """
import os, signal, sys, threading, time, warnings
from pathlib import Path
import numpy as np
from distributed import Client, LocalCluster
from hlnb.data.patterns import toy_problem
from hlnb.executors import Here, executor
from hlnb.metrics.measures import Error
from hlnb.models import toy_network
from hlnb.schedules import simultaneous
from hlnb.training import grid, sweep

if __name__ == "__main__":
    kept = Path(os.environ["HLNB_CACHE"])
    model = toy_network(d=100, n_classes=2)
    plan = (toy_problem(1), model, simultaneous(model, epochs=60))
    runs = grid(range(8), [0.1])
    settings = {"measures": {"error": Error("test")}}
    cluster = LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
    )
    with cluster, Client(cluster) as client:
        pids = list(client.run(os.getpid).values())
        assert len(pids) == 2
        killed = []

        def kill():
            while not list(kept.rglob("*.npz")):
                time.sleep(0.02)
            os.kill(pids[0], signal.SIGKILL)
            killed.append(len(list(kept.rglob("*.npz"))))

        threading.Thread(target=kill, daemon=True).start()
        os.environ["HLNB_EXECUTOR"] = cluster.scheduler_address
        found = sweep(*plan, runs, **settings)
        assert killed and killed[0] < 8, killed
        again = client.run(os.getpid)
        assert pids[0] not in again.values()
    del os.environ["HLNB_CACHE"]
    expected = sweep(*plan, runs, executor=Here(), **settings)
    assert found.runs == expected.runs
    assert (found.of("error") == expected.of("error")).all()
    assert len(list(kept.rglob("*.npz"))) == 8
    print("each run once")
"""


def test_a_dask_worker_killed_in_mid_sweep(tmp_path):
    """A real scheduler, two workers, one of them killed: every result arrives once."""
    pytest.importorskip("distributed")
    script = tmp_path / "on_dask.py"
    script.write_text(DASK, "utf8")
    done = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "HLNB_CACHE": str(tmp_path / "kept")},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "each run once" in done.stdout


@pytest.mark.parametrize(
    ("variable", "value", "match"),
    [
        ("HLNB_EXECUTOR", "cluster", "'cluster' names no executor: take tcp://"),
        ("HLNB_EXECUTOR", "slurm:", "'slurm:' names no executor"),
        ("HLNB_EXECUTOR", "tcp://127.0.0.1:1", "No Dask scheduler answers at tcp://"),
        ("HLNB_RUNS_PER_TASK", "0", "HLNB_RUNS_PER_TASK = '0' is not a number of runs"),
        ("HLNB_WORKERS", "two", "HLNB_WORKERS = 'two' is not a number of processes"),
    ],
)
def test_what_names_no_executor_is_refused(monkeypatch, variable, value, match):
    monkeypatch.setenv(variable, value)
    with pytest.raises(HlnbError, match=match):
        sweep(*PLAN, RUNS, **SETTINGS)


def test_hours_of_a_job(monkeypatch, tmp_path):
    pytest.importorskip("submitit")
    monkeypatch.setenv("HLNB_JOB_HOURS", "long")
    with pytest.raises(HlnbError, match="HLNB_JOB_HOURS = 'long' is not a number"):
        executor(f"local:{tmp_path}")


@pytest.mark.parametrize(
    ("module", "where", "extra"),
    [("distributed", "tcp://h:1", "dask"), ("submitit", "local:x", "slurm")],
)
def test_a_missing_package_is_named(monkeypatch, module, where, extra):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(HlnbError, match=f"hlnb\\[{extra}\\]"):
        executor(where)


def test_nothing_named_is_this_machine(monkeypatch):
    monkeypatch.delenv("HLNB_EXECUTOR", raising=False)
    monkeypatch.setenv("HLNB_WORKERS", "1")
    assert isinstance(executor(), Here)
    assert np.isfinite(Here().submit(float, "1").result())
