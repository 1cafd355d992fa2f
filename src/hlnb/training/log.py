"""What is due, measured and reached while runs train."""

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Int
from torch import Tensor

from hlnb.data.problem import Batch
from hlnb.errors import HlnbError, at_least
from hlnb.metrics.measures import END, First, Measure, Seldom
from hlnb.metrics.times import at_most
from hlnb.models.layers import Params
from hlnb.schedules import Schedule
from hlnb.training.runs import Trace
from hlnb.training.samples import Samples
from hlnb.training.steps import Measurable, Network, Stack, Stepper

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


class SparseLog(Log):
    """The records of some runs, of which `Seldom` measures have their times alone.

    Outputs on a batch are computed for a record in which a measure needs them.
    """

    def __init__(
        self,
        measures: Mapping[str, Measure],
        schedule: Schedule,
        samples: Samples,
        *,
        network: Network | Stack,
        every: Every,
        until: Mapping[str, float] | None,
    ):
        often, self.seldom = parted(measures)
        super().__init__(often, schedule, samples, every=every, until=until)
        self.network = network
        self.times = [(name, time) for name, m in self.seldom.items() for time in m.at]
        self.taken: list[dict[tuple, np.ndarray]] = [{} for _ in samples.runs]
        if not {t.name for _, t in self.times if isinstance(t, First)} <= {*often}:
            raise HlnbError(
                "`First` names a measure that is not taken in every record: add it."
            )

    def look(self, at: Measurable) -> None:
        with self._at_batches_of(self.measures.values()):
            super().look(at)
        for run, ended in enumerate(self._ended):
            if not ended:
                now = [each for each in self.times if self._is_now(*each, run)]
                self._take(at, run, now)

    def over(self, stepper: Stepper) -> bool:
        before = [*self._ended]
        over = super().over(stepper)
        ends = [(name, END) for name, end in self.times if end == END]
        on_batches = [each for each in ends if self.seldom[each[0]].on is not None]
        for run, (was, now) in enumerate(zip(before, self._ended, strict=True)):
            if now and not was:
                self._take(stepper, run, on_batches)
        return over

    def traces(self) -> list[Trace]:
        """The records; and of each `Seldom` measure the values at its times."""
        return [
            trace._replace(values=trace.values | self._at_their_times(run))
            for run, trace in enumerate(super().traces())
        ]

    def _is_now(self, name: str, time: int | First | str, run: int) -> bool:
        """Whether a record is taken at this time of a measure.

        What is measured of parameters alone is at END in each, for it may be the last
        finite one.
        """
        if isinstance(time, First):
            low = at_most(self.records[run][-1][time.name], time.value)
            return bool(low) and (name, time) not in self.taken[run]
        if time == END:
            return self.seldom[name].on is None or bool(self.step == self.due[-1])
        return bool(self.step == self.due[0] + time * self.per_epoch)

    def _take(self, at: Measurable, run: int, now: Collection[tuple]) -> None:
        """Takes measures, each under its name and a time that is now."""
        if not now:
            return
        due = {name: self.seldom[name] for name, _ in now}
        with self._at_batches_of(due.values()):
            params, outputs = at.seen(run)
        found = measured(due, params, self.samples.batches[run], outputs)
        for name, time in now:
            may_break = time == END and due[name].on is None
            if not may_break or np.isfinite(found[name]).all():
                self.taken[run][name, time] = found[name]

    @contextlib.contextmanager
    def _at_batches_of(self, measures: Collection[Measure]) -> Iterator[None]:
        """The network is seen on the batches of these measures alone."""
        whole = self.network.looked_at
        self.network.looked_at = sorted({m.on for m in measures if m.on is not None})
        try:
            yield
        finally:
            self.network.looked_at = whole

    def _at_their_times(self, run: int) -> dict[str, np.ndarray]:
        found = {}
        for name, measure in self.seldom.items():
            values = [self.taken[run].get((name, time)) for time in measure.at]
            like = next(value for value in values if value is not None)
            floating = np.result_type(like, np.float32)
            never = np.full(like.shape, np.nan, floating)
            found[name] = np.stack([never if v is None else v for v in values])
        return found


def parted(
    measures: Mapping[str, Measure],
) -> tuple[dict[str, Measure], dict[str, Seldom]]:
    """The measures that are taken in every record, and those that are taken seldom."""
    seldom = {name: m for name, m in measures.items() if isinstance(m, Seldom)}
    return {name: m for name, m in measures.items() if name not in seldom}, seldom


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
