"""How fast, and beside what: `make bench` writes latest.json and the book's page of it.

    python benchmarks/run.py [--quick | --million]

Everything is timed in one run on this machine, layouts in turn, so that a ratio is of
two numbers taken seconds apart. Nothing else should be running. JAX is optional
(`pip install 'hlnb[bench]'`); without it its rows are missing, and the page says so.
"""

import argparse
import importlib.util
import json
import multiprocessing
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import torch
from layouts import (
    LAYOUTS,
    T,
    flops,
    one_thread,
    parts,
    product,
    steps,
    windows_left,
)
from matplotlib.ticker import LogLocator
from tqdm import tqdm

from hlnb.figures import artists, export, style
from hlnb.kept import loops_compile
from hlnb.publishing.copies import executions
from hlnb.publishing.run.worker import processor
from hlnb.storage import write_whole

HERE = Path(__file__).parent
ROOT = HERE.parent
SIZES = [(3, 100, 1), (3, 100, 4), (3, 100, 16), (3, 100, 64)]
SIZES += [(3, 256, 1), (3, 256, 4), (3, 1024, 1), (3, 1024, 4)]
OTHERS = [(problem, d, 1) for problem in (1, 2, 4, 5) for d in (100, 256, 1024)]
LOOKS = list(style.STYLES.values())  # one for each layout
AT_LEAST = 0.15  # seconds that a timing lasts: more epochs where one is short


def layouts() -> list[str]:
    there = importlib.util.find_spec("jax") is not None
    return [name for name in LAYOUTS if there or not name.startswith("JAX")]


def rates(
    problem: int, d: int, runs: int, names: list[str], repeats: int
) -> dict[str, np.ndarray]:
    """Run-epochs per second of each layout, taken in turn, `repeats` times."""
    epochs = {name: LAYOUTS[name](problem, d, runs) for name in names}
    count = {}
    for name, epoch in epochs.items():
        epoch()  # compiles
        begun = time.perf_counter()
        epoch()
        count[name] = max(1, round(AT_LEAST / (time.perf_counter() - begun)))
    found = {name: np.zeros(repeats) for name in names}
    for i in range(repeats):
        for name, epoch in epochs.items():
            begun = time.perf_counter()
            for _ in range(count[name]):
                epoch()
            seconds = time.perf_counter() - begun
            found[name][i] = runs * count[name] / seconds
    return found


def rows_of(problem: int, d: int, runs: int, repeats: int) -> list[dict]:
    """A row for each layout, with the ratio of ours to the best other one."""
    found = rates(problem, d, runs, layouts(), repeats)
    peers = [name for name in found if name.startswith("JAX")] or ["nn.Module loop"]
    best = max(peers, key=lambda name: np.median(found[name]))
    return [
        {
            "case": f"toy problem {problem}",
            "layout": name,
            **{"d": d, "runs": runs, "processes": 1, "peer": best},
            **spread("rate", rate),
            **spread("ratio", rate / found[best]),
        }
        for name, rate in found.items()
    ]


def spread(name: str, values: np.ndarray) -> dict[str, float]:
    low, middle, high = np.min(values), np.median(values), np.max(values)
    return {name: middle, f"{name}_low": low, f"{name}_high": high}


def peak(repeats: int) -> float:
    """Billions of operations a second of a large matrix product, one thread."""
    a, best = torch.rand(1024, 1024), 0.0
    for _ in range(3 * repeats):
        begun = time.perf_counter()
        a @ a
        best = max(best, 2 * 1024**3 / (time.perf_counter() - begun) / 1e9)
    return best


def operations(sizes: set[tuple[int, int]]) -> list[dict]:
    """Operations of an epoch: dense, and what is left without the blank windows."""
    return [
        {
            "case": f"toy problem {problem}",
            "d": d,
            "dense": flops(d - T + 1) * steps(),
            "left": flops(windows_left(problem, d)) * steps(),
        }
        for problem, d in sorted(sizes)
    ]


def made_of(sizes: set[tuple[int, int]], repeats: int) -> list[dict]:
    """What a step of ours is made of, and how long its upper weights take to be read
    once and to be read and written once: the least that a long row leaves."""
    rows = []
    for problem, d in sorted(sizes):
        weights = np.ones((d - T + 1) * 20 * 100, np.float32)
        moved = []
        for _ in range(10 * repeats):
            begun = time.perf_counter()
            weights @ weights
            np.multiply(weights, 1, out=weights)
            moved.append(time.perf_counter() - begun)
        row = {"case": f"toy problem {problem}", "d": d, "moved": np.median(moved)}
        row["product"] = product(windows_left(problem, d))  # operations
        rows.append(row | parts(problem, d, 10 * repeats))
    return rows


def _pinned(core: int, gate, results, repeats: int) -> None:
    one_thread(core)
    epoch = LAYOUTS["ours"](3, 100, 4)
    epoch()
    for _ in range(repeats):
        gate.wait()
        begun = time.perf_counter()
        for _ in range(24):
            epoch()
        results.put((core, 96 / (time.perf_counter() - begun)))
        gate.wait()


def processes(repeats: int) -> dict:
    """Rates of one process alone and of two at once, in turn; their ratio."""
    spawn = multiprocessing.get_context("spawn")
    found: dict[int, list[float]] = {}
    for count in (1, 2):
        gate, results = spawn.Barrier(count + 1), spawn.Queue()
        workers = [
            spawn.Process(target=_pinned, args=(core, gate, results, repeats))
            for core in range(count)
        ]
        for worker in workers:
            worker.start()
        found[count] = []
        for _ in range(repeats):
            gate.wait()
            found[count].append(sum(results.get()[1] for _ in workers))
            gate.wait()
        for worker in workers:
            worker.join()
    one, two = np.array(found[1]), np.array(found[2])
    return {
        **{"case": "two processes", "layout": "ours", "d": 100, "runs": 8},
        **{"processes": 2, "peer": "one process"},
        **spread("rate", two),
        **spread("ratio", two / np.median(one)),
    }


LARGE = """
import resource, sys, time
from hlnb.data.patterns import toy_problem
from hlnb.metrics.measures import Error
from hlnb.models.networks import toy_network
from hlnb.schedules import simultaneous
from hlnb.training.loop import train
from hlnb.training.runs import Run
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
problem = toy_problem(3, d=10_000, scale=0.25)
model = toy_network(d=10_000, n_classes=4)
epochs = int(sys.argv[1])
begun = time.perf_counter()
train(problem, model, simultaneous(model, epochs=epochs), Run(0, 0.1), online=True,
      measures={"test": Error("test")}, every=10**9)
print(1024 * epochs / (time.perf_counter() - begun))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""

TABLE = """
import time
from hlnb.studies.table_1.experiment import READINGS, REPORTED, Protocol, reproduce
from hlnb.training.executors import processes
pool, begun = processes(), time.perf_counter()
for number in REPORTED:
    for reading in READINGS:
        reproduce(number, reading, Protocol(), executor=pool)
print(time.perf_counter() - begun)
"""

DATA = """
import resource, time
import numpy as np
from hlnb.data.hierarchy import RandomHierarchy
from hlnb.seeding import stream
from hlnb.studies.parity import gf2
grammar = RandomHierarchy(vocab_size=8, n_classes=8, n_synonyms=4, depth=3)
grammar.derive(10, generator=stream(0, "x"))
begun = time.perf_counter()
grammar.derive(10**6, generator=stream(0, "x"))
print(time.perf_counter() - begun)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
rng = np.random.default_rng(0)
equations, answers = rng.integers(0, 2, (4096, 2048)), rng.integers(0, 2, 4096)
begun = time.perf_counter()
gf2.solve(equations, answers)
print(time.perf_counter() - begun)
"""


WARM = """
from hlnb.training.fast.warm import warm
print(warm())
"""


def compiling() -> dict[str, float] | None:
    """Seconds of a tiny run where nothing is compiled yet, and in the next process."""
    if not loops_compile():
        return None
    with tempfile.TemporaryDirectory() as folder:
        first, then = (child(WARM, NUMBA_CACHE_DIR=folder)[0] for _ in range(2))
    return {"first": first, "then": then}


def child(code: str, *arguments: str, **variables: str) -> list[float]:
    """The numbers that a fresh Python prints."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        **{"check": True, "capture_output": True, "text": True},
        env={k: v for k, v in os.environ.items() if k != "HLNB_CACHE"}
        | {"OMP_NUM_THREADS": "1"}
        | variables,
    )
    return [float(line) for line in done.stdout.split()]


def seconds(command: list[str], repeats: int) -> dict[str, float]:
    """How long a command takes, started anew each time."""
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        times.append(time.perf_counter() - begun)
    return spread("seconds", np.array(times))


def book() -> dict:
    """What the executions behind the published pages took, added up."""
    known = [e["provenance"] for e in executions(ROOT) if e["provenance"]]
    return {
        "chapters": len(known),
        "seconds": sum(p["seconds"] for p in known),
        "runs_kept": sum(p["runs_kept"] for p in known),
    }


def starts(repeats: int) -> list[dict]:
    """Seconds until the commands answer."""
    hlnb = str(Path(sys.executable).with_name("hlnb"))
    commands = {
        "import hlnb": [sys.executable, "-c", "import hlnb"],
        "hlnb list": [hlnb, "list"],
        "make book, nothing changed": ["make", "book"],
    }
    if subprocess.run([hlnb, "check"], cwd=ROOT, capture_output=True).returncode:
        del commands["make book, nothing changed"]  # it would execute chapters
    (ROOT / "_build" / "html.inputs").unlink(missing_ok=True)  # render anew
    render = {"case": "hlnb build, every page", **seconds([hlnb, "build"], 1)}
    return [render] + [
        {"case": name, **seconds(command, repeats)}
        for name, command in commands.items()
    ]


def about() -> dict:
    def known(name: str) -> str:
        try:
            return version(name)
        except PackageNotFoundError:
            return "not installed"

    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "cpu": processor(),
        "cores": os.cpu_count(),
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
        "python": platform.python_version(),
        **{name: known(name) for name in ("torch", "numba", "numpy", "jax")},
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }


def card(repeats: int) -> list[dict]:
    """The stacked layout on a graphics card beside one run at a time there."""
    if not torch.cuda.is_available():
        return []
    from hlnb.data.patterns import toy_problem
    from hlnb.models.networks import toy_network
    from hlnb.schedules import simultaneous
    from hlnb.training.loop import train, train_stacked
    from hlnb.training.runs import grid

    problem = toy_problem(3, scale=0.25)
    model = toy_network(d=100, n_classes=4)
    plan = (problem, model, simultaneous(model, epochs=10))
    common = {"measures": {}, "device": "cuda", "every": 10**9}
    rows = []
    for runs in (1, 16, 64, 256):
        alone, stacked = [], []
        for _ in range(repeats):
            begun = time.perf_counter()
            train_stacked(*plan, grid(range(runs), [0.1]), **common)
            stacked.append(10 * runs / (time.perf_counter() - begun))
            begun = time.perf_counter()
            train(*plan, grid([0], [0.1])[0], **common)
            alone.append(10 / (time.perf_counter() - begun))
        rate, one = np.array(stacked), np.array(alone)
        row = {"case": "toy problem 3 on a card", "layout": "stacked", "d": 100}
        row |= {"runs": runs, "processes": 1, "peer": "one run at a time"}
        rows.append(row | spread("rate", rate) | spread("ratio", rate / one))
    return rows


def draw(record: dict) -> bytes:
    """How rates fall with d, and with the number of runs, as a PNG file."""
    fig, axes = artists.panels(2, height=3.2)
    toy = [row for row in record["rows"] if row["case"] == "toy problem 3"]
    for ax, x, other in zip(
        axes, ("d", "runs"), (("runs", 1), ("d", 100)), strict=True
    ):
        for name, (colour, dashes, marker) in zip(LAYOUTS, LOOKS, strict=False):
            rows = [r for r in toy if r["layout"] == name and r[other[0]] == other[1]]
            look = {"color": colour, "linestyle": dashes, "marker": marker}
            ax.plot([r[x] for r in rows], [r["rate"] for r in rows], label=name, **look)
        words = "length of a row d (pixels)" if x == "d" else "runs in one process"
        ax.set(xscale="log", yscale="log", xlabel=words)
        ax.set_xticks(sorted({r[x] for r in toy}), minor=False)
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_formatter("{x:g}")
            axis.set_minor_formatter("")
    axes[0].set_ylabel("run-epochs a second")
    fig.legend(
        *axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3
    )
    return export.save(fig)


def write(record: dict) -> None:
    text = json.dumps(record, indent=1)
    write_whole(HERE / "latest.json", f"{text}\n".encode())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="a minute, for a look")
    size.add_argument("--million", action="store_true", help="rows at d = 10,000")
    options = parser.parse_args()
    quick = options.quick
    repeats, sizes = (2, SIZES[:1]) if quick else (5, SIZES + OTHERS)
    record = {"about": about(), "repeats": repeats, "rows": []}
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else {0}
    one_thread(min(cores))
    for size in tqdm(sizes, unit="size", disable=None):
        record["rows"] += rows_of(*size, repeats)
    record["peak"] = peak(repeats)
    cases = {size[:2] for size in sizes}
    record["operations"], record["steps"] = operations(cases), made_of(cases, repeats)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)
    record["rows"].append(processes(repeats))
    record["rows"] += card(repeats)
    online = "2" if quick else "977" if options.million else "100"
    rate, gib = child(LARGE, online)
    record["large"] = {"d": 10_000, "n": 1024 * int(online), "rate": rate, "gib": gib}
    strings, memory, elimination = child(DATA)
    record["data"] = {"strings": 10**6, "seconds": strings, "gib": memory}
    record["table_1"] = None if quick else child(TABLE)[0]
    record["compiling"] = compiling()
    record["book"] = book()
    record["gf2"] = {"equations": 4096, "unknowns": 2048, "seconds": elimination}
    write_whole(ROOT / "book" / "images" / "speed.png", draw(record))
    write(record | {"starts": []})  # the pages are rendered of it
    write(record | {"starts": starts(repeats)})
    print(
        f"Written to {HERE / 'latest.json'}; own memory at most "
        f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GiB."
    )


if __name__ == "__main__":
    main()
