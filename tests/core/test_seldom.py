"""Measures that are taken seldom see what the same measures see in every record."""

import numpy as np
import pytest
import torch

from hlnb.data.patterns import toy_problem
from hlnb.errors import HlnbError
from hlnb.metrics.measures import (
    END,
    Error,
    First,
    Loss,
    Seldom,
    Weights,
    all_weights,
)
from hlnb.metrics.times import first_hit
from hlnb.models.networks import toy_network
from hlnb.schedules import layerwise, simultaneous
from hlnb.training import fast, loop
from hlnb.training.executors import Here
from hlnb.training.runs import Run, grid
from hlnb.training.steps import InPhase
from hlnb.training.sweep import sweep

PROBLEM = toy_problem(1, d=30, T=6)
MODEL = toy_network(d=30, n_classes=2, T=6, channels=4, hidden=8)
SMALL = {"n_train": 48, "batch_size": 16, "dtype": torch.float64}
OFTEN = {"error": Error("test"), "loss": Loss("train"), "conv": Weights("conv")}
LOW = First("error", 0.2)
RUNS = grid([0, 1], [0.1, 0.3])


def swept(schedule, measures, *, runs=RUNS, **settings):
    settings = SMALL | settings
    return sweep(
        PROBLEM, MODEL, schedule, runs, measures=measures, executor=Here(), **settings
    )


def seldom(*at, names=("loss", "conv")):
    """The measures of OFTEN, those of these names at these times alone."""
    return {n: Seldom(m, at) if n in names else m for n, m in OFTEN.items()}


@pytest.mark.parametrize("loops", ["compiled", "plain"])
@pytest.mark.parametrize("schedule", [simultaneous, layerwise])
def test_each_time_has_what_a_record_then_has(schedule, loops, monkeypatch):
    if loops == "plain":
        monkeypatch.setattr(fast, "written_out", lambda layers: False)
    plan = schedule(MODEL, epochs=12)
    whole, few = swept(plan, OFTEN), swept(plan, seldom(0, LOW, 3, 99, END))
    assert (few.of("error") == whole.of("error")).all()
    assert (few.epochs == whole.epochs).all()
    times = first_hit(whole.epochs, whole.of("error"), threshold=0.2)
    assert np.isfinite(times).any()
    for name in ("loss", "conv"):
        full, found = whole.of(name), few.of(name)
        assert found.shape == (4, 5, *full.shape[2:])
        for run, time in enumerate(times):
            assert (found[run, 0] == full[run, 0]).all()
            if np.isfinite(time):
                assert (found[run, 1] == full[run, int(time)]).all()
            else:
                assert np.isnan(found[run, 1]).all()
            assert (found[run, 2] == full[run, 3]).all()
            assert np.isnan(found[run, 3]).all()
            assert (found[run, 4] == full[run, -1]).all()


def test_the_end_is_where_a_run_ends_early():
    plan, until = simultaneous(MODEL, epochs=40), {"error": 0.2}
    runs = grid([0], [0.3])
    whole = swept(plan, OFTEN, until=until, runs=runs)
    few = swept(plan, seldom(END), until=until, runs=runs)
    last = int((~np.isnan(whole.of("error")[0])).sum()) - 1
    assert 0 < last < 40
    for name in ("loss", "conv"):
        assert (few.of(name)[0, 0] == whole.of(name)[0, last]).all()


def test_a_run_that_diverges_keeps_its_last_finite_weights():
    plan, runs = simultaneous(MODEL, epochs=5), [Run(0, 1e200)]
    layers = {name: Weights(name) for name in MODEL.names}
    ends = {name: Seldom(layer, (END,)) for name, layer in layers.items()}
    whole = swept(plan, layers, runs=runs)
    few = swept(plan, ends | {"error": Seldom(Error(), (END,))}, runs=runs)
    broken = []
    for name in layers:
        full = whole.of(name)[0]
        finite = [bool(np.isfinite(record).all()) for record in full]
        assert (few.of(name)[0, 0] == full[finite][-1]).all()
        broken.append(not finite[1])
    assert any(broken)
    assert few.of("error")[0, 0] == pytest.approx(1)  # the error is that of no answer


def test_a_run_that_goes_on_counts_from_where_it_starts():
    plan, runs = simultaneous(MODEL, epochs=3), grid([0], [0.1])
    layers = [*MODEL.names, "conv_head"]
    first = swept(plan, all_weights(layers), runs=runs)
    whole = swept(plan, OFTEN, runs=runs, after=first)
    few = swept(plan, seldom(0, 2, END), runs=runs, after=first)
    for name in ("loss", "conv"):
        assert (few.of(name) == whole.of(name)[:, [0, 2, 3]]).all()


def test_outputs_are_computed_for_measures_that_need_them(monkeypatch):
    seen, original = [], InPhase.seen

    def spy(self, run):
        seen.append([*self.network.looked_at])
        return original(self, run)

    monkeypatch.setattr(InPhase, "seen", spy)
    measures = {"error": Error("test"), "train": Seldom(Error("train"), (END,))}
    swept(simultaneous(MODEL, epochs=4), measures, runs=[Run(0, 0.1)])
    assert seen == [["test"]] * 5 + [["train"]]


def test_together_and_one_by_one_take_the_same():
    plan, measures = simultaneous(MODEL, epochs=12), seldom(0, LOW, END)
    common = (PROBLEM, MODEL, plan, RUNS)
    stacked = loop.train_stacked(*common, measures=measures, **SMALL)
    single = swept(plan, measures)
    for i, trace in enumerate(stacked):
        for name in measures:
            found = trace.values[name]
            np.testing.assert_allclose(found, single.traces[name][i], atol=1e-12)


def test_only_measures_taken_seldom_ask_for_another_trainer():
    assert loop.trainer(OFTEN) is loop.train
    assert loop.trainer(seldom(END)) is loop.train_sparsely


def test_what_a_run_may_lack_or_lacks_in_some_records_is_refused():
    with pytest.raises(HlnbError, match="needs a time that every run has"):
        Seldom(Error(), (LOW, 3))
    with pytest.raises(HlnbError, match="`First` names a measure that is not taken"):
        swept(simultaneous(MODEL, epochs=2), {"loss": Seldom(Loss(), (0, LOW))})
    measures = seldom(END, names=("error",))
    with pytest.raises(HlnbError, match="`until` names a measure that is not taken"):
        swept(simultaneous(MODEL, epochs=2), measures, until={"error": 0.1})
