"""One seam from this process to a cluster: every executor gives the same numbers."""

import errno
import gc
import os
import re
import subprocess
import sys
import threading
import warnings
from dataclasses import dataclass
from types import SimpleNamespace

import nbclient
import nbformat
import numpy as np
import pytest
import torch

from hlnb import limits
from hlnb.data.patterns import toy_problem
from hlnb.errors import HlnbError
from hlnb.metrics.measures import Error, Weights
from hlnb.models.networks import toy_network
from hlnb.schedules import simultaneous
from hlnb.training.executors import (
    Here,
    Jobs,
    Processes,
    executor,
    runs_per_task,
    workers,
)
from hlnb.training.runs import grid
from hlnb.training.sweep import sweep

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


OWN = """
import os
from dataclasses import dataclass
import numpy as np
import torch
from hlnb.data.problem import Batch
from hlnb.models.layers import Affine
from hlnb.models.model import Model
from hlnb.schedules import Phase, Schedule
from hlnb.seeding import stream
from hlnb.training.sweep import sweep
from hlnb.training.optimizers import SGD
from hlnb.training.runs import grid

@dataclass(frozen=True)
class Product:
    seed: int = 0
    n_classes = 2

    def sample(self, n, *, generator):
        x = torch.randn(n, 12, generator=generator)
        return Batch(x, (x[:, 0] * x[:, 1] > 0).long())

    def split(self, seed, *, n_train):
        sizes = {"train": n_train, "validation": 50, "test": 50}
        return {
            name: self.sample(n, generator=stream(seed, name))
            for name, n in sizes.items()
        }

    def with_seed(self, seed):
        return Product(seed)

    def describe(self):
        return {"problem": "product"}

@dataclass(frozen=True)
class Margin:
    on: str = "test"

    def __call__(self, params, batch, outputs):
        assert isinstance(batch, Batch), type(batch)
        return (outputs[:, 0] - outputs[:, 1]).abs().median()

class Twice(Schedule):
    pass

class Tanh(Affine):
    def apply(self, params, x):
        return torch.tanh(x @ params["a.weight"].mT + params["a.bias"])

class Heavy(SGD):
    def build(self, parameters, lr):
        return torch.optim.SGD(parameters, lr=lr, momentum=0.9)

def margins(workers):
    os.environ["HLNB_WORKERS"] = str(workers)
    found = sweep(
        Product(),
        Model((Tanh("a", 12, 6), Affine("b", 6, 2, relu=False))),
        Twice("twice", (Phase(2, ("a",)), Phase(2, ("a", "b")))),
        grid([0, 1], [0.1, 0.3]),
        measures={"margin": Margin()},
        optimizer=Heavy(),
        n_train=64,
    )
    return found.of("margin")

def check():
    here, there = margins(1), margins(2)
    assert np.isfinite(here).all()
    assert len(np.unique(here[:, -1])) == 4
    assert (here == there).all()
    print("equal to the bit")
"""


def test_classes_of_a_notebook_reach_the_processes():
    """A real kernel: problem, layer, schedule, optimizer and measure are of a cell."""
    cells = [nbformat.v4.new_code_cell(code) for code in (OWN, "check()")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    with warnings.catch_warnings():  # nbclient leaves its event loop open
        warnings.simplefilter("ignore", ResourceWarning)
        nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
        gc.collect()
    (said,) = notebook.cells[1].outputs
    assert said["text"] == "equal to the bit\n"


def python(*arguments, **more):
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        **more,
    )


def test_a_script_from_standard_input_needs_no_guard():
    done = python("-", input=OWN + "check()")
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout == "equal to the bit\n"


@pytest.mark.parametrize("guard", ["", 'if __name__ == "__main__":\n    '])
def test_a_script_needs_a_guard_and_is_told_so(tmp_path, guard):
    script = tmp_path / "mine.py"
    script.write_text(f"{OWN}\n{guard}check()\n", "utf8")
    done = python(str(script))
    if guard:
        assert (done.returncode, done.stdout) == (0, "equal to the bit\n"), done.stderr
    else:
        assert done.returncode == 1
        said = done.stderr.splitlines()[-1]
        assert "No worker process could start" in said
        assert "reads mine.py again" in said
        assert 'below `if __name__ == "__main__":`; or set HLNB_WORKERS=1.' in said


@pytest.fixture(scope="module")
def pool():
    with Processes(2) as pool:
        yield pool


def test_what_pickle_cannot_name_goes_to_a_process_and_back(pool):
    @dataclass
    class Pair:
        a: int
        b: int

    def swapped(pair, **more):
        assert os.getpid() == more["there"](), "not one process"
        return Pair(pair.b, pair.a), os.getpid()

    found, pid = pool.submit(swapped, Pair(1, 2), there=lambda: os.getpid()).result()
    assert found == Pair(2, 1)
    assert pid != os.getpid()
    assert list(pool.map(lambda n: n + 1, range(5), chunksize=2)) == [1, 2, 3, 4, 5]


def test_classes_of_the_package_are_the_processes_own(pool):
    def own(problem, model, error):
        import hlnb.data.patterns
        import hlnb.metrics.measures
        import hlnb.models.layers
        import hlnb.models.model

        return (
            type(problem) is hlnb.data.patterns.PatternProblem
            and type(model) is hlnb.models.model.Model
            and type(model.layers[0]) is hlnb.models.layers.Conv
            and type(error) is hlnb.metrics.measures.Error
        )

    assert pool.submit(own, PLAN[0], MODEL, Error("test")).result()


def test_an_error_in_a_process_is_the_same_error_here(pool):
    class Mine(Exception):
        pass

    class Odd(Exception):
        """Cannot be made of its one argument, which is how errors are unpickled."""

        def __init__(self, what, why):
            super().__init__(f"{what}: {why}")

    def fail(error):
        raise error

    def fail_oddly():
        raise Odd("a", "b")

    with pytest.raises(Mine, match=r"^what I say$") as caught:
        pool.submit(fail, Mine("what I say")).result()
    assert "in fail" in str(caught.value.__cause__)  # where, in the process
    with pytest.raises(HlnbError, match=r"^a mistake$"):
        pool.submit(fail, HlnbError("a mistake")).result()
    with pytest.raises(RuntimeError, match=r"^Odd: a: b$"):
        pool.submit(fail_oddly).result()
    with pytest.raises(TypeError, match="cannot pickle 'generator' object"):
        pool.submit(lambda: (i for i in "abc")).result()
    assert pool.submit(divmod, 7, 2).result() == (3, 1)


class Unsayable:
    def __reduce__(self):
        raise NotImplementedError


@dataclass(frozen=True)
class Holds:
    """A measure that holds a thing."""

    held: object
    on: None = None

    def __call__(self, params, batch, outputs):
        return torch.zeros(())

    def describe(self):
        return {"kind": "Holds"}


def test_what_cannot_be_sent_is_said_at_once(monkeypatch):
    """Before any process starts; this process can do without sending."""

    def start(*_):
        raise AssertionError("a process was started")

    monkeypatch.setattr("multiprocessing.context.SpawnProcess.start", start)
    with open(os.devnull, "w") as file:
        cannot = {
            "cannot pickle 'generator' object": (i for i in "abc"),
            "cannot pickle '_thread.lock' object": threading.Lock(),
            "Cannot pickle files that are not opened for reading: w": file,
            "NotImplementedError": Unsayable(),
        }
        for reason, thing in cannot.items():
            settings = SETTINGS | {"measures": {"holds": Holds(thing)}}
            monkeypatch.setenv("HLNB_WORKERS", "1")
            assert (sweep(*PLAN, RUNS[:1], **settings).of("holds") == 0).all()
            monkeypatch.setenv("HLNB_WORKERS", "2")
            said = f"A task cannot be sent to a worker process: {reason}; leave that"
            with pytest.raises(HlnbError, match=re.escape(said)):
                sweep(*PLAN, RUNS, **settings)


def test_a_pool_that_broke_before_is_one_sentence():
    with Processes(2) as pool:
        with pytest.raises(Exception, match="terminated abruptly"):
            pool.submit(os._exit, 9).result()
        with pytest.raises(HlnbError, match="A worker process ended before its run"):
            sweep(*PLAN, RUNS, executor=pool, **SETTINGS)


DASK = """
import os, signal, sys, threading, time, warnings
from pathlib import Path
import numpy as np
from distributed import Client, LocalCluster
from hlnb.data.patterns import toy_problem
from hlnb.training.executors import Here, executor
from hlnb.metrics.measures import Error
from hlnb.models.networks import toy_network
from hlnb.schedules import simultaneous
from hlnb.training.sweep import sweep
from hlnb.training.runs import grid

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
        timeout=600,  # each worker compiles first where nothing is kept yet
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
        ("HLNB_WORKERS", "²", "HLNB_WORKERS = '²' is not a number of processes"),
        ("HLNB_WORKERS", "９", "HLNB_WORKERS = '９' is not a number of processes"),
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


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_variable_is_an_unset_one(monkeypatch, empty, tmp_path):
    pytest.importorskip("submitit")
    names = ("WORKERS", "RUNS_PER_TASK", "EXECUTOR", "JOB_HOURS", "PARTITION")
    for name in names:
        monkeypatch.setenv(f"HLNB_{name}", empty)
    monkeypatch.setattr(limits, "processors", lambda: 1)
    assert workers() == runs_per_task() == 1
    assert isinstance(executor(), Here)
    assert isinstance(executor(f"local:{tmp_path}"), Jobs)


@pytest.mark.parametrize(
    ("processors", "gigabytes", "expected"),
    [(4, 100, 4), (16, 2, 4), (16, 0.5, 1), (1, 100, 1)],
)
def test_as_many_workers_as_processors_and_memory_allow(
    monkeypatch, processors, gigabytes, expected
):
    monkeypatch.delenv("HLNB_WORKERS", raising=False)
    monkeypatch.setattr(limits, "processors", lambda: processors)
    monkeypatch.setattr(limits, "memory", lambda: int(gigabytes * 1e9))
    assert workers() == expected
    monkeypatch.setenv("HLNB_WORKERS", "7")  # who names a number gets it
    assert workers() == 7


def test_a_system_without_semaphores_is_named(monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setenv("HLNB_WORKERS", "2")
    monkeypatch.setattr("multiprocessing.synchronize.SemLock.__init__", refuse)
    with pytest.raises(HlnbError, match=r"no semaphores .*Permission.*mount /dev/shm"):
        sweep(*PLAN, RUNS, **SETTINGS)


def test_jobs_that_end_without_a_result_or_cannot_begin(tmp_path):
    class UncompletedJobError(RuntimeError):
        pass

    class Lost(Job):
        job_id, paths = "7", SimpleNamespace(stderr=tmp_path / "7.err")

        def result(self):
            raise UncompletedJobError("has not produced any output")

    class Cluster:
        def submit(self, fn, folder):
            if not folder.exists():
                raise FileNotFoundError(errno.ENOENT, "No such file", str(folder))
            return Lost(True)

    pool = Jobs(Cluster())
    with pytest.raises(HlnbError, match=r"Job 7 ended without .*HLNB_JOB_HOURS.*7.err"):
        pool.submit(print, tmp_path).result()
    with pytest.raises(HlnbError, match=r"cannot be submitted .*No such file.* folder"):
        pool.submit(print, tmp_path / "none")


def test_no_slurm_is_one_sentence(tmp_path, monkeypatch):
    pytest.importorskip("submitit")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HlnbError, match=r"No Slurm answers here .*srun.*local:FOLDER"):
        executor(f"slurm:{tmp_path}")


def test_the_folder_of_jobs_counts_from_where_the_user_stands(tmp_path, monkeypatch):
    pytest.importorskip("submitit")
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    monkeypatch.setenv("HLNB_FROM", str(tmp_path))
    pool = executor("local:jobs")
    assert pool.submit(divmod, 7, 2).result() == (3, 1)
    pool.shutdown()
    assert (tmp_path / "jobs").is_dir()
    assert not list((tmp_path / "notebooks").iterdir())
