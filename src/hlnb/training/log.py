"""What is due, measured and reached while runs train."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Int
from torch import Tensor

from hlnb.data.problem import Batch
from hlnb.errors import HlnbError, at_least
from hlnb.metrics.measures import Measure
from hlnb.metrics.times import at_most
from hlnb.models.layers import Params
from hlnb.schedules import Schedule
from hlnb.training.runs import Trace
from hlnb.training.samples import Samples
from hlnb.training.steps import Measurable, Stepper

Every = int | Sequence[int] | None


def due(
    schedule: Schedule, *, per_epoch: int, every: Every
) -> Int[np.ndarray, " record"]:
    """Steps after which to measure, counted from the start of the schedule.

    At the start, at the end of each phase, and after each epoch, or every `every`
    steps, or after the steps that `every` names.
    """
    ends = [0, *(per_epoch * end for end in schedule.ends)]
    if not isinstance(every, Sequence):
        every = range(0, ends[-1], per_epoch if every is None else every)
    return np.array(sorted({*(step for step in every if step < ends[-1]), *ends}))


class Log:
    """The records of some runs.

    A run ends early when what learns in it stops being finite, or when every measure
    that `until` names has been `at_most` its value there, in whichever records.
    """

    def __init__(
        self,
        measures: Mapping[str, Measure],
        schedule: Schedule,
        samples: Samples,
        *,
        every: Every,
        until: Mapping[str, float] | None,
    ):
        self.measures, self.samples = measures, samples
        self.until = dict(until or {})
        self.per_epoch = samples.per_epoch
        self.step = samples.epoch * self.per_epoch
        self.due = self.step + due(schedule, per_epoch=self.per_epoch, every=every)
        self.records: list[list[dict[str, np.ndarray]]] = [[] for _ in samples.runs]
        self._wanted = set(self.due.tolist())
        self._waiting = [set(self.until) for _ in samples.runs]
        self._ended = [False for _ in samples.runs]

    def look(self, at: Measurable) -> None:
        """Measures every run that has not ended."""
        for run, records in enumerate(self.records):
            if self._ended[run]:
                continue
            params, outputs = at.seen(run)
            seen = measured(self.measures, params, self.samples.batches[run], outputs)
            records.append(seen)
            waiting = self._waiting[run]
            waiting -= {n for n in waiting if at_most(seen[n], self.until[n])}

    def stepped(self, stepper: Stepper) -> None:
        """Counts a step, and measures if that is due after it."""
        self.step += 1
        if self.step in self._wanted:
            self.look(stepper)

    def over(self, stepper: Stepper) -> bool:
        """Whether every run has ended, asked at the end of an epoch."""
        for run, finite in enumerate(stepper.finite()):
            reached = bool(self.until) and not self._waiting[run]
            self._ended[run] |= reached or not finite
        return all(self._ended)

    def traces(self) -> list[Trace]:
        """The records as arrays over the whole schedule; NaN after an early end."""
        epochs = self.due / self.per_epoch
        return [
            Trace(self.due, epochs, {n: self._filled(n, r) for n in r[0]})
            for r in self.records
        ]

    def _filled(self, name: str, records: list[dict[str, Any]]) -> np.ndarray:
        found = np.stack([record[name] for record in records])
        floating = np.result_type(found, np.float32)  # integers have no NaN
        full = np.full((len(self.due), *found.shape[1:]), np.nan, floating)
        full[: len(found)] = found
        return full


def measured(
    measures: Mapping[str, Measure],
    params: Params,
    batches: Mapping[str, Batch],
    outputs: Mapping[str, Tensor],
) -> dict[str, np.ndarray]:
    """Every measure's value now; the measures of a batch share its outputs."""
    seen = {name: value.detach() for name, value in params.items()}
    values = {}
    for name, measure in measures.items():
        on = measure.on
        batch = None if on is None else batches.get(on)
        value = measure(seen, batch, None if on is None else outputs.get(on))
        values[name] = value.cpu().numpy().copy()  # parameters change in place
    return values


def check_sizes(
    measures: Mapping[str, Measure],
    *,
    n_train: int,
    batch_size: int,
    every: Every,
    until: Mapping[str, float] | None,
) -> None:
    """Refuses sizes below 1, and an end on what is not measured."""
    named = every if isinstance(every, Sequence) else [1 if every is None else every]
    at_least(1, n_train=n_train, batch_size=batch_size)
    for step in named:
        at_least(1, every=step)
    if not set(until or {}) <= set(measures):
        raise HlnbError("`until` names a measure that is not taken: add it.")
