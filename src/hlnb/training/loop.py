"""The one training loop.

`descend` is the textbook's: for each phase, for each epoch, for each batch, a step.
What a step is, `steps` says; what is measured after it, `log`; on which data,
`samples`.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from hlnb import kept
from hlnb.data.problem import Problem
from hlnb.errors import HlnbError
from hlnb.metrics.measures import Measure
from hlnb.models.model import Model
from hlnb.schedules import Schedule
from hlnb.seeding import stream
from hlnb.training.log import Every, Log, SparseLog, check_sizes, parted
from hlnb.training.optimizers import SGD, Optimizer
from hlnb.training.runs import Run, Start, Trace
from hlnb.training.samples import Samples, resolved
from hlnb.training.steps import Network, Stack


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """One thread for matrix products, so that every layout gives the same bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def descend(network: Network | Stack, schedule: Schedule, log: Log) -> list[Trace]:
    """What `log` saw while the runs of `network` learned."""
    samples = network.samples
    log.look(network.at_rest(schedule.phases[0]))
    for number, phase in enumerate(schedule.phases):
        step = network.stepper(phase, later=schedule.phases[number + 1 :])
        for _ in range(phase.epochs):
            samples.renew()
            step.begin()
            for rows in samples.rows():
                step(rows)
                log.stepped(step)
            if log.over(step):
                return log.traces()
    return log.traces()


@kept.kept
@one_thread()
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
    every: Every = None,
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
    `until` has been `at_most` its value there (not necessarily in one record).

    Each phase starts with a fresh optimizer. `carry`: one optimizer serves all phases;
    layers above those that learn, and still to learn, gather its moments while they
    wait, and a layer that learns again finds its own as they were.

    `start`: go on from there, with the order of the data that a longer schedule would
    have had. A schedule cut in two gives the same numbers as the whole. `device`: cpu,
    cuda, or auto, which is cuda where there is one.
    """
    check_sizes(
        measures, n_train=n_train, batch_size=batch_size, every=every, until=until
    )
    device = resolved(device)
    schedule.check(model)
    epoch = 0 if start is None else start.epochs
    sizes = n_train, batch_size, online, dtype, device
    samples = Samples(problem, [run], *sizes, epoch=epoch)
    log = Log(measures, schedule, samples, every=every, until=until)
    network = Network(
        model,
        _initial(model, run, start),
        samples,
        looked_at=looked_at(measures),
        optimizer=optimizer,
        carry=carry,
    )
    (trace,) = descend(network, schedule, log)
    return trace


@kept.kept
@one_thread()
def train_sparsely(
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
    every: Every = None,
    until: Mapping[str, float] | None = None,
    carry: bool = False,
    start: Start | None = None,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
) -> Trace:
    """What `train` gives, with some of the measures taken `Seldom`.

    A function of its own, so that the address of a result of `train` hangs on nothing
    of this.
    """
    often, _ = parted(measures)
    check_sizes(often, n_train=n_train, batch_size=batch_size, every=every, until=until)
    device = resolved(device)
    schedule.check(model)
    epoch = 0 if start is None else start.epochs
    sizes = n_train, batch_size, online, dtype, device
    samples = Samples(problem, [run], *sizes, epoch=epoch)
    network = Network(
        model,
        _initial(model, run, start),
        samples,
        looked_at=looked_at(measures),
        optimizer=optimizer,
        carry=carry,
    )
    log = SparseLog(
        measures, schedule, samples, network=network, every=every, until=until
    )
    (trace,) = descend(network, schedule, log)
    return trace


def trainer(measures: Mapping[str, Measure]) -> kept.Kept[..., Trace]:
    """The function that trains one network and takes these measures."""
    return train_sparsely if parted(measures)[1] else train


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
    every: Every = None,
    until: Mapping[str, float] | None = None,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
) -> list[Trace]:
    """What the `trainer` gives for each of `runs` by plain SGD, computed in one stack.

    The layout for graphics cards. Refuses any other optimizer.
    """
    if optimizer != SGD():
        raise HlnbError("Only plain SGD trains in a stack: take `train`.")
    often, _ = parted(measures)
    check_sizes(often, n_train=n_train, batch_size=batch_size, every=every, until=until)
    device = resolved(device)
    schedule.check(model)
    samples = Samples(problem, runs, n_train, batch_size, online, dtype, device)
    drawn = [_initial(model, run, None) for run in runs]
    stack = Stack(model, drawn, samples, looked_at=looked_at(measures))
    log = SparseLog(
        measures, schedule, samples, network=stack, every=every, until=until
    )
    return descend(stack, schedule, log)


def looked_at(measures: Mapping[str, Measure]) -> list[str]:
    """The batches whose outputs are measured."""
    return sorted({m.on for m in measures.values() if m.on is not None})


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
