"""The one place where many runs are laid out.

`sweep` decides where runs are computed; every layout gives the same numbers, because
each run uses one thread and its own streams."""

import contextlib
import inspect
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, as_completed
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from hlnb import kept
from hlnb.data.problem import Problem
from hlnb.errors import HlnbError
from hlnb.metrics.measures import Measure
from hlnb.models.model import Model
from hlnb.results import Result, machine, to_json
from hlnb.schedules import Schedule
from hlnb.seeding import stream
from hlnb.training.executors import ended_early, processes, runs_per_task
from hlnb.training.loop import train_stacked, trainer
from hlnb.training.optimizers import SGD
from hlnb.training.runs import Run, Start, Trace
from hlnb.training.samples import resolved


def _stacks(settings: Mapping[str, Any]) -> bool:
    """Whether `sweep` takes the stacked layout: plain SGD on a graphics card."""
    on_card = settings.get("device", "cpu") != "cpu"
    plain = settings.get("optimizer", SGD()) == SGD() and not settings.get("carry")
    return on_card and plain


class _Planned(NamedTuple):
    """A run to compute, and where it is kept, if it is."""

    run: Run
    start: Start | None
    place: kept.Place | None


def _task(
    common: Mapping[str, Any], todo: Sequence[_Planned]
) -> tuple[list[Trace], dict[str, str]]:
    """Runs one after the other, and what computed them."""
    for planned in todo:
        kept.check(planned.place)
    train = trainer(common["measures"])
    traces = [train.anew(**common, run=one.run, start=one.start) for one in todo]
    return traces, kept.computed_on(common.get("device", "cpu"))


def _place(common: Mapping, run: Run, start: Start | None = None) -> kept.Place | None:
    """Where this run is kept, if runs are."""
    train = trainer(common["measures"])
    arguments = inspect.signature(train).bind(**common, run=run, start=start)
    arguments.apply_defaults()
    return kept.place(train, arguments.arguments)


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


def _kept(
    task: Sequence[_Planned],
    found: Sequence[Trace],
    *,
    computed: Mapping[str, str] | None = None,
) -> dict[Run, Trace]:
    """The traces of runs that ended, once they are kept."""
    for planned, trace in zip(task, found, strict=True):
        kept.keep(planned.place, kept.Found(trace), computed=computed)
    kept.progress(len(task))
    return {planned.run: trace for planned, trace in zip(task, found, strict=True)}


def _computed(
    common: Mapping[str, Any],
    todo: Sequence[_Planned],
    executor: Executor | None,
    *,
    at_hand: int,
) -> dict[Run, Trace]:
    """The runs to do, by an executor; a bar shows how many are done or at hand."""
    traces: dict[Run, Trace] = {}
    size = runs_per_task()
    tasks = [todo[i : i + size] for i in range(0, len(todo), size)]
    bar = tqdm(total=at_hand + len(todo), initial=at_hand, unit="run", disable=None)
    with contextlib.ExitStack() as stack:
        stack.enter_context(bar)
        if not todo:
            return traces
        if executor is None:
            executor = processes()
            stack.callback(executor.shutdown, cancel_futures=True)
        futures: dict[Future, Sequence[_Planned]] = {}

        def end(future: Future) -> None:
            found, computed = future.result()
            task = futures.pop(future)
            traces.update(_kept(task, found, computed=computed))
            bar.update(len(task))

        try:
            for task in tasks:
                future = executor.submit(_task, common, task)
                futures[future] = task
                if future.done():  # computed here: what stops the next loses it not
                    end(future)
            for future in as_completed([*futures]):
                end(future)
        except BrokenExecutor as error:
            raise HlnbError(ended_early(executor)) from error
        finally:
            for future in futures:
                future.cancel()
    return traces


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
    alone. Every executor gives the same numbers. HLNB_RUNS_PER_TASK: how many runs a
    task computes (1); more where starting a task costs much. Where HLNB_CACHE names a
    folder, runs are kept there as they end, and runs that are there are not computed
    again. On a graphics card the runs of plain SGD are computed in one stack
    (`train_stacked`).
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
    traces = _at_hand_or_computed(common, starts, executor)
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


def _at_hand_or_computed(
    common: Mapping[str, Any],
    starts: Mapping[Run, Start | None],
    executor: Executor | None,
) -> dict[Run, Trace]:
    """What was seen in each run, kept before or computed now."""
    places = {run: _place(common, run, start) for run, start in starts.items()}
    found = {run: kept.find(place) for run, place in places.items()}
    traces = {run: trace.result for run, trace in found.items() if trace}
    kept.at_hand(len(traces), len(starts))
    kept.use(places.values())
    todo = [
        _Planned(run, start, places[run])
        for run, start in starts.items()
        if run not in traces
    ]
    if todo and _stacks(common) and not any(starts.values()):
        stacked = train_stacked(runs=[planned.run for planned in todo], **common)
        return traces | _kept(todo, stacked)
    return traces | _computed(common, todo, executor, at_hand=len(traces))
