"""The one training loop, and the one place where many runs are laid out.

`train` is textbook code for one network. `sweep` decides where runs are computed; every
layout gives the same numbers, because each run uses one thread and its own streams.
"""

import contextlib
import dataclasses
import hashlib
import itertools
import math
import multiprocessing
import os
import signal
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    as_completed,
)
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from tqdm import tqdm

from hlnb import cache, gradients
from hlnb.data.problem import Batch, Problem
from hlnb.errors import HlnbError
from hlnb.metrics.measures import Measure, losses
from hlnb.models import Layer, Model, Params
from hlnb.results import Result, machine, to_json
from hlnb.schedules import Schedule, check_rate
from hlnb.seeding import stream

EVALUATION_CHUNK = 256  # inputs at a time: their activations stay in the cache
CACHE_BYTES = 4 * 2**30  # larger frozen activations are recomputed batch by batch

# What an optimizer is built for: parameters, or groups of them with rates of their own
Learning = Iterable[Tensor] | Sequence[dict[str, Any]]


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent; the report's toy problems use no momentum."""

    momentum: float = 0.0

    def build(self, parameters: Learning, lr: float) -> torch.optim.Optimizer:
        return torch.optim.SGD(parameters, lr=lr, momentum=self.momentum)


@dataclass(frozen=True)
class Adam:
    """Adam with PyTorch's default moments (Kingma & Ba, 2015)."""

    def build(self, parameters: Learning, lr: float) -> torch.optim.Optimizer:
        return torch.optim.Adam(parameters, lr=lr)


Optimizer = SGD | Adam


@dataclass(frozen=True)
class Run:
    """One network of an experiment; equal seeds share data and initialization."""

    seed: int
    lr: float  # step size on the mean loss of a batch

    def __post_init__(self):
        check_rate(self.lr)
        stream(self.seed, "refuses a seed that is none")


def grid(seeds: Iterable[int], lrs: Iterable[float]) -> tuple[Run, ...]:
    """Every learning rate with every seed, learning rates outermost."""
    runs = tuple(Run(seed, lr) for lr, seed in itertools.product(lrs, list(seeds)))
    if not runs:
        raise HlnbError("There is nothing to run: give at least one seed and one lr.")
    return runs


class Start(NamedTuple):
    """Where a run goes on that was trained before."""

    params: Mapping[str, np.ndarray]  # every parameter of the model
    epochs: int  # passes over the training set that were made


class Trace(NamedTuple):
    """What was measured in one run; record 0 is the start."""

    steps: np.ndarray  # (record,): updates made, those before the start included
    epochs: np.ndarray  # (record,): passes over the training set
    values: dict[str, np.ndarray]  # name → (record, …)


def evaluate(
    model: Model,
    params: Params,
    x: Float[Tensor, "n ..."],
    *,
    start: int = 0,
    stop: int | None = None,
    exit: str | None = None,
) -> Float[Tensor, "n ..."]:
    """`model.apply` without gradients, a chunk of `x` at a time."""
    layers = model.path(exit)[start:stop]
    with torch.no_grad():
        if x.device.type == "cpu" and gradients.skips_blanks(layers):
            network = gradients.Descent(layers, gradients.prepared(layers, params), x)
            chunks = torch.arange(len(x)).split(EVALUATION_CHUNK)
            return torch.cat([network.outputs(chunk) for chunk in chunks])
        parts = x.split(EVALUATION_CHUNK)
        outputs = [
            model.apply(params, part, start=start, stop=stop, exit=exit)
            for part in parts
        ]
        return torch.cat(outputs)


def _frozen_activations(
    model: Model, params: Params, x: Float[Tensor, "n ..."], *, stop: int
) -> Float[Tensor, "n ..."] | None:
    """Output of layers below `stop` on all of `x`; None if above CACHE_BYTES."""
    if stop == 0:
        return x  # nothing is frozen below; images are too large to copy
    one = evaluate(model, params, x[:1], stop=stop)
    if one.numel() * one.element_size() * len(x) > CACHE_BYTES:
        return None
    return evaluate(model, params, x, stop=stop)


def train(
    problem: Problem,
    model: Model,
    schedule: Schedule,
    run: Run,
    *,
    measures: Mapping[str, Measure],
    optimizer: Optimizer = SGD(),
    n_train: int = 1024,
    batch_size: int = 64,
    online: bool = False,
    every: int | Sequence[int] | None = None,
    until: Mapping[str, float] | None = None,
    carry: bool = False,
    start: Start | None = None,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
) -> Trace:
    """What `measures` saw while one network learned.

    The loss is the mean over a batch of cross-entropy, where the problem's y are
    labels, or of the squared error, where they are numbers (`measures.losses`).

    Measured at the start, at the end of each phase, and after each epoch, or every
    `every` steps, or after the steps that `every` names (counted from `start`).
    `online`: the training set is drawn anew for each epoch. A run ends early, its later
    records NaN, when its parameters stop being finite, or when every measure named in
    `until` has been at or below its value there (not necessarily in one record).

    Each phase starts with a fresh optimizer. `carry`: one optimizer serves all phases;
    layers above those that learn, and still to learn, gather its moments while they
    wait, and a layer that learns again finds its own as they were.

    `start`: go on from there, with the order of the data that a longer schedule would
    have had. A schedule cut in two gives the same numbers as the whole. `device`: cpu,
    cuda, or auto, which is cuda where there is one.
    """
    named = every if isinstance(every, Sequence) else [1 if every is None else every]
    if n_train < 1 or batch_size < 1 or any(step < 1 for step in named):
        raise HlnbError("n_train, batch_size and every are whole numbers from 1 up.")
    device = resolved(device)
    if not set(until or {}) <= set(measures):
        raise HlnbError("`until` names a measure that is not taken: add it.")
    schedule.check(model)
    data = {
        name: Batch(*(None if t is None else _moved(t, device, dtype) for t in batch))
        for name, batch in problem.split(run.seed, n_train=n_train).items()
    }
    params = {
        name: value.to(device, dtype)
        for name, value in _initial(model, run, start).items()
    }
    order = stream(run.seed, "order")
    begun = 0 if start is None else start.epochs
    for _ in range(begun):
        torch.randperm(n_train, generator=order)
    batches = math.ceil(n_train / batch_size)
    due = _due(batches, schedule, every=every) + begun * batches
    records: list[tuple[int, dict[str, np.ndarray]]] = []
    waiting = set(until or {})
    looked_at = sorted({m.on for m in measures.values()} - {None})
    step, epoch = begun * batches, begun

    def record(
        params: Params,
        inputs: Mapping[str, Tensor | None],
        first: int = 0,
        exit: str | None = None,
    ) -> None:
        """Measures now; `inputs`: of layer `first`, by batch; None: not kept."""
        outputs = {}
        for on in looked_at:
            kept = inputs.get(on)
            x, begin = (data[on].x, 0) if kept is None else (kept, first)
            outputs[on] = evaluate(model, params, x, start=begin, exit=exit)
        seen = _measure(params, data, outputs, measures)
        records.append((step, seen))
        waiting.difference_update([n for n in waiting if seen[n] <= until[n]])

    record(params, {}, exit=schedule.phases[0].exit)
    wanted = set(due.tolist())
    stepper = None
    for number, phase in enumerate(schedule.phases):
        layers = model.path(phase.exit)
        lowest = min(i for i, layer in enumerate(layers) if layer.name in phase.learns)
        above, lr = layers[lowest:], run.lr if phase.lr is None else phase.lr
        labels = not data["train"].y.is_floating_point()
        plain = device == "cpu" and labels and optimizer == SGD()
        written = plain and gradients.written_out(above)
        if written:
            params = gradients.prepared(above, params)
            by_hand = partial(
                gradients.Descent, above, params, lr=lr, learns=phase.learns
            )
        else:
            if stepper is None or not carry:
                stepper = optimizer.build(_by_layer(model, params), lr)
            later = {n for p in schedule.phases[number + 1 :] for n in p.learns}
            gather = {layer.name for layer in above} & later if carry else set()
            _wake(stepper, phase.learns, gather, lr=lr)
            descend = partial(_descend, above, params, stepper)
        learning = {
            name: value
            for name, value in params.items()
            if model.layer_of(name) in phase.learns
        }
        descent: gradients.Descent | None = None
        below: dict[str, Tensor | None] = {}
        for phase_epoch in range(phase.epochs):
            if online and epoch:
                fresh = stream(run.seed, f"train/{epoch}")
                batch = problem.with_seed(run.seed).sample(n_train, generator=fresh)
                moved = (_moved(t, device, dtype) for t in batch[:2])
                data["train"] = Batch(*moved)
            for on in {"train", *looked_at}:
                if phase_epoch == 0 or (online and on == "train"):
                    x = data[on].x
                    below[on] = _frozen_activations(model, params, x, stop=lowest)
            x, y, _ = data["train"]
            frozen = below["train"]
            if written and frozen is not None and (phase_epoch == 0 or online):
                descent = by_hand(frozen)
            for rows in torch.randperm(n_train, generator=order).split(batch_size):
                rows = rows.to(device)
                if descent is not None:
                    descent(rows, y[rows])
                elif frozen is not None:
                    descend(frozen[rows], y[rows])
                else:
                    batch_x = evaluate(model, params, x[rows], stop=lowest)
                    if written:
                        by_hand(batch_x)(torch.arange(len(rows)), y[rows])
                    else:
                        descend(batch_x, y[rows])
                step += 1
                if step in wanted:
                    now = params if descent is None else descent.seen(params)
                    record(now, below, lowest, phase.exit)
            epoch += 1
            if descent is not None:
                descent.settle()
            finite = all(bool(value.isfinite().all()) for value in learning.values())
            if not finite or (until and not waiting):
                return _stack(records, due, batches)
        for value in params.values():
            value.requires_grad_(False)
    return _stack(records, due, batches)


def resolved(device: str) -> str:
    """The device that a name means on this machine: auto is cuda where there is one."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:  # unknown, or not on this machine
        raise HlnbError(f"There is no device {device!r} here: take cpu.") from error
    return device


def _initial(model: Model, run: Run, start: Start | None) -> Mapping[str, Tensor]:
    """The parameters that a run starts from; those of `start` are checked."""
    drawn = model.init(stream(run.seed, "init"))
    if start is None:
        return drawn
    for name, value in drawn.items():
        shape = np.shape(start.params.get(name, ()))
        if shape != value.shape:
            raise HlnbError(
                f"The run to go on from has {name} of shape {shape}, the model one of "
                f"shape {tuple(value.shape)}: measure `all_weights` of the same model."
            )
    return {name: torch.tensor(start.params[name]) for name in drawn}


def _due(
    batches: int, schedule: Schedule, *, every: int | Sequence[int] | None
) -> Int[np.ndarray, " record"]:
    """Steps after which to measure, counted from the start of the schedule."""
    ends = [0, *(batches * end for end in schedule.ends)]
    if not isinstance(every, Sequence):
        every = range(0, ends[-1], batches if every is None else every)
    return np.array(sorted({*(step for step in every if step < ends[-1]), *ends}))


def _by_layer(model: Model, params: Params) -> list[dict[str, Any]]:
    """Parameters in groups, one a layer."""
    layers: dict[str, list[Tensor]] = {}
    for name, value in params.items():
        layers.setdefault(model.layer_of(name), []).append(value)
    return [{"params": values, "layer": layer} for layer, values in layers.items()]


def _wake(
    stepper: torch.optim.Optimizer,
    learns: Collection[str],
    gather: Collection[str],
    *,
    lr: float,
) -> None:
    """Layers that learn step at `lr`; those that gather at 0, for their moments."""
    for group in stepper.param_groups:
        group["lr"] = lr if group["layer"] in learns else 0.0
        for value in group["params"]:
            value.requires_grad_(group["layer"] in {*learns, *gather})


def _descend(
    layers: Sequence[Layer],
    params: Params,
    stepper: torch.optim.Optimizer,
    x: Tensor,
    y: Tensor,
) -> None:
    """One update from a batch: the input to `layers`, and labels or numbers."""
    for layer in layers:
        x = layer.apply(params, x)
    stepper.zero_grad()
    losses(x, y).mean().backward()
    stepper.step()


def _moved(tensor: Tensor, device: str, dtype: torch.dtype) -> Tensor:
    return tensor.to(device, dtype if tensor.is_floating_point() else tensor.dtype)


def _measure(
    params: Params,
    data: Mapping[str, Batch],
    outputs: Mapping[str, Tensor],
    measures: Mapping[str, Measure],
) -> dict[str, np.ndarray]:
    """Every measure's value now; a batch's outputs are shared by its measures."""
    seen = {name: value.detach() for name, value in params.items()}
    values = {}
    for name, measure in measures.items():
        value = measure(seen, data.get(measure.on), outputs.get(measure.on))
        values[name] = value.cpu().numpy().copy()  # parameters change in place
    return values


def _stack(
    records: list[tuple[int, dict[str, np.ndarray]]],
    steps: Int[np.ndarray, " record"],
    batches: int,
) -> Trace:
    """Records as arrays over the whole schedule; NaN after a run that ended early."""
    values = {}
    for name in records[0][1]:
        found = np.stack([value[name] for _, value in records])
        floating = np.result_type(found, np.float32)  # integers have no NaN
        full = np.full((len(steps), *found.shape[1:]), np.nan, floating)
        full[: len(found)] = found
        values[name] = full
    return Trace(steps, steps / batches, values)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """One thread for matrix products, so that every layout gives the same bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _task(arguments: dict, path: Path | None = None) -> Trace:
    """A run on one thread; when it has ended it is kept at `path`, if there is one."""
    with _one_thread():
        trace = train(**arguments)
    if path is not None:
        arrays = {f"value/{name}": value for name, value in trace.values.items()}
        cache.keep(path, {"steps": trace.steps, "epochs": trace.epochs, **arrays})
    return trace


def _place(common: Mapping, run: Run, start: Start | None = None) -> Path | None:
    """Where this run is kept, if runs are: code from outside hlnb is not known."""
    parts = [common["problem"], *common["measures"].values()]
    parts += [value for value in common.values() if dataclasses.is_dataclass(value)]
    if not all(type(part).__module__.startswith("hlnb.") for part in parts):
        return None
    data = getattr(common["problem"], "provenance", None)  # data that come from files
    spec = {"run": run, **common, "data": data()["sha256"] if data else None}
    if start is not None:
        digest = hashlib.sha256(repr(start.epochs).encode())
        for name in sorted(start.params):
            digest.update(name.encode() + start.params[name].tobytes())
        spec["start"] = digest.hexdigest()
    return cache.place(to_json(spec))


def _starts(
    after: Result | None, model: Model, runs: Sequence[Run]
) -> dict[Run, Start | None]:
    """Where each run goes on: the last record of the run of `after` with its seed."""
    if after is None:
        return dict.fromkeys(runs)
    seeds = [run["seed"] for run in after.runs]
    names = list(model.init(stream(0, "names")))
    starts: dict[Run, Start | None] = {}
    for run in runs:
        if seeds.count(run.seed) != 1:
            raise HlnbError(
                f"`after` has {seeds.count(run.seed)} runs of seed {run.seed}, and one "
                "is needed: take its runs at one learning rate, `after.at(lr)`."
            )
        row = seeds.index(run.seed)
        params = {name: after.of(name)[row, -1] for name in names}
        starts[run] = Start(params, round(float(after.epochs[-1])))
    return starts


def _kept(path: Path | None) -> Trace | None:
    """The run that is kept at `path`, if there is one."""
    arrays = None if path is None else cache.find(path)
    if not arrays or not {"steps", "epochs"} <= set(arrays):
        return None
    values = {
        name.removeprefix("value/"): array
        for name, array in arrays.items()
        if name.startswith("value/")
    }
    return Trace(arrays["steps"], arrays["epochs"], values)


class _Here(Executor):
    """Computes each task in this process when it is submitted."""

    def submit(self, fn, /, *args, **kwargs) -> Future:
        future: Future = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # the future carries it, as a pool would
            future.set_exception(error)
        return future


def _workers() -> int:
    """Processes to use: HLNB_WORKERS, or one a core."""
    given = os.environ.get("HLNB_WORKERS", str(os.cpu_count() or 1))
    if not given.isdigit() or int(given) < 1:
        raise HlnbError(f"HLNB_WORKERS = {given!r} is not a number of processes.")
    return int(given)


def _start_worker() -> None:
    """Ends this worker without a traceback on Ctrl-C, and when its parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)

    def follow_parent() -> None:
        parent = multiprocessing.parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=follow_parent, daemon=True).start()


def processes() -> Executor:
    """A pool with one process a core (HLNB_WORKERS sets how many), for many sweeps.

    Each process starts once and imports torch once. With one worker: this process.
    """
    workers = _workers()
    if workers == 1:
        return _Here()
    spawn = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=spawn, initializer=_start_worker)


def sweep(
    problem: Problem,
    model: Model,
    schedule: Schedule,
    runs: Iterable[Run],
    *,
    measures: Mapping[str, Measure],
    executor: Executor | None = None,
    after: Result | None = None,
    **settings,
) -> Result:
    """The Result of training every run; `settings` are those of `train`.

    `after`: each run goes on where the run of the same seed ended there; that Result
    holds all parameters of the model (`all_weights`).

    `executor`: any `concurrent.futures.Executor`; None: `processes()` for this sweep
    alone. Every executor gives the same numbers. Where HLNB_CACHE names a folder, runs
    are kept there as they end, and runs that are there are not computed again.
    """
    runs = tuple(runs)
    if not runs:
        raise HlnbError("There is nothing to run: give at least one run.")
    schedule.check(model)
    if "device" in settings:
        settings["device"] = resolved(settings["device"])
    common = {
        "problem": problem,
        "model": model,
        "schedule": schedule,
        "measures": dict(measures),
        **settings,
    }
    starts = _starts(after, model, runs)
    places = {run: _place(common, run, starts[run]) for run in runs}
    traces = {run: trace for run in runs if (trace := _kept(places[run])) is not None}
    cache.note(len(traces), len(runs))
    with contextlib.ExitStack() as stack:
        todo = [run for run in runs if run not in traces]
        if executor is None and todo:
            executor = stack.enter_context(processes())
        futures = {
            executor.submit(
                _task, {**common, "run": run, "start": starts[run]}, places[run]
            ): run
            for run in todo
        }
        done = tqdm(
            as_completed(futures),
            total=len(runs),
            initial=len(traces),
            unit="run",
            disable=None,
        )
        try:
            traces |= {futures[future]: future.result() for future in done}
        except BrokenExecutor as error:
            raise HlnbError(
                "A worker process ended before its run did (killed, interrupted, or "
                "out of memory): make a new pool with processes() and run again."
            ) from error
        finally:
            for future in futures:
                future.cancel()
    first = traces[runs[0]]
    went_on = {} if after is None else {"after": after.spec}
    return Result(
        spec=to_json({"runs": runs, **common} | went_on),
        steps=first.steps,
        epochs=first.epochs,
        traces={
            name: np.stack([traces[run].values[name] for run in runs])
            for name in first.values
        },
        provenance=machine(),
    )
