"""The one training loop: textbook code for one network."""

import contextlib
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from hlnb import kept
from hlnb.data.problem import Batch, Problem
from hlnb.errors import HlnbError
from hlnb.metrics.measures import Measure, losses
from hlnb.models.layers import Layer, Params
from hlnb.models.model import Model
from hlnb.schedules import Schedule
from hlnb.seeding import stream
from hlnb.training.fast import gradients
from hlnb.training.optimizers import SGD, Optimizer
from hlnb.training.runs import Run, Start, Trace

EVALUATION_CHUNK = 256  # inputs at a time: their activations stay in the cache
CACHE_BYTES = 4 * 2**30  # larger frozen activations are recomputed batch by batch


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


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """One thread for matrix products, so that every layout gives the same bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@kept.kept
@_one_thread()
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
    data = _data(problem, run, n_train, device, dtype)
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
            anew = optimizer.build(_by_layer(model, params), lr)
            rates = [group["lr"] for group in anew.param_groups]
            if stepper is None or not carry:
                stepper = anew
            later = {n for p in schedule.phases[number + 1 :] for n in p.learns}
            gather = {layer.name for layer in above} & later if carry else set()
            _wake(stepper, phase.learns, gather, rates=rates)
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
                data["train"] = _fresh(problem, run, epoch, n_train, device, dtype)
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


def train_stacked(
    problem: Problem,
    model: Model,
    schedule: Schedule,
    runs: Sequence[Run],
    *,
    measures: Mapping[str, Measure],
    optimizer: Optimizer = SGD(),
    n_train: int = 1024,
    batch_size: int = 64,
    online: bool = False,
    every: int | Sequence[int] | None = None,
    until: Mapping[str, float] | None = None,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
) -> list[Trace]:
    """What `train` gives for each of `runs` by plain SGD, computed in one stack.

    `torch.func.vmap` maps the gradient of one network over a stack of parameters: the
    layout for graphics cards, where many small products in one call are the gain. It
    keeps no frozen activations.
    """
    if optimizer != SGD():
        raise HlnbError("Only plain SGD trains in a stack: take `train`.")
    device = resolved(device)
    schedule.check(model)
    data = [_data(problem, run, n_train, device, dtype) for run in runs]
    drawn = [_initial(model, run, None) for run in runs]
    params = {
        name: torch.stack([one[name] for one in drawn]).to(device, dtype)
        for name in drawn[0]
    }
    orders = [stream(run.seed, "order") for run in runs]
    batches = math.ceil(n_train / batch_size)
    due = _due(batches, schedule, every=every)
    records: list[list[tuple[int, dict[str, np.ndarray]]]] = [[] for _ in runs]
    waiting = [set(until or {}) for _ in runs]
    ended = [False for _ in runs]
    looked_at = sorted({m.on for m in measures.values()} - {None})
    step, epoch, wanted = 0, 0, set(due.tolist())

    def record(exit: str | None) -> None:
        for i, batch in enumerate(data):
            if ended[i]:
                continue
            one = {name: value[i] for name, value in params.items()}
            outputs = {
                on: evaluate(model, one, batch[on].x, exit=exit) for on in looked_at
            }
            seen = _measure(one, batch, outputs, measures)
            records[i].append((step, seen))
            waiting[i] -= {name for name in waiting[i] if seen[name] <= until[name]}

    record(schedule.phases[0].exit)
    for phase in schedule.phases:
        moving = [n for n in params if model.layer_of(n) in phase.learns]
        rates = torch.tensor(
            [run.lr if phase.lr is None else phase.lr for run in runs],
            device=device,
            dtype=dtype,
        )

        def loss(learning, others, x, y, exit=phase.exit):
            return losses(model.apply({**others, **learning}, x, exit=exit), y).mean()

        slope = torch.func.vmap(torch.func.grad(loss))
        for _ in range(phase.epochs):
            if online and epoch:
                for batch, run in zip(data, runs, strict=True):
                    batch["train"] = _fresh(problem, run, epoch, n_train, device, dtype)
            x = torch.stack([batch["train"].x for batch in data])
            y = torch.stack([batch["train"].y for batch in data])
            permuted = torch.stack(
                [torch.randperm(n_train, generator=o) for o in orders]
            )
            for rows in permuted.to(device).split(batch_size, dim=1):
                which = torch.arange(len(runs), device=device).unsqueeze(1)
                learning = {name: params[name] for name in moving}
                others = {n: v for n, v in params.items() if n not in learning}
                found = slope(learning, others, x[which, rows], y[which, rows])
                for name in moving:
                    shape = (-1, *(1 for _ in params[name].shape[1:]))
                    params[name] = params[name] - rates.view(shape) * found[name]
                step += 1
                if step in wanted:
                    record(phase.exit)
            epoch += 1
            for i in range(len(runs)):
                finite = all(bool(params[name][i].isfinite().all()) for name in moving)
                ended[i] |= not finite or bool(until and not waiting[i])
            if all(ended):
                return [_stack(kept, due, batches) for kept in records]
    return [_stack(kept, due, batches) for kept in records]


def _data(
    problem: Problem, run: Run, n_train: int, device: str, dtype: torch.dtype
) -> dict[str, Batch]:
    """The batches of a run, where and as it needs them."""
    return {
        name: Batch(*(None if t is None else _moved(t, device, dtype) for t in batch))
        for name, batch in problem.split(run.seed, n_train=n_train).items()
    }


def _fresh(
    problem: Problem,
    run: Run,
    epoch: int,
    n_train: int,
    device: str,
    dtype: torch.dtype,
) -> Batch:
    """The training set of a later epoch, drawn anew."""
    drawn = stream(run.seed, f"train/{epoch}")
    batch = problem.with_seed(run.seed).sample(n_train, generator=drawn)
    return Batch(*(_moved(t, device, dtype) for t in batch[:2]))


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
    rates: Sequence[float],
) -> None:
    """Layers that learn step at their rate; those that gather at 0, for their moments.

    `rates`: that of each group, as the optimizer's own `build` has set it.
    """
    for group, rate in zip(stepper.param_groups, rates, strict=True):
        group["lr"] = rate if group["layer"] in learns else 0.0
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
