"""The lab trains as the package does: the same inputs, weights and order to the bit,
the same losses and errors but for rounding."""

import importlib.util
import math

import numpy as np
import pytest
import torch

import lab
from hlnb.data.patterns import toy_problem
from hlnb.errors import HlnbError
from hlnb.metrics.measures import Error, Loss, Weights
from hlnb.metrics.times import first_hit
from hlnb.models.networks import toy_network
from hlnb.schedules import greedy, layerwise, only, simultaneous
from hlnb.seeding import stream
from hlnb.studies.table_1.coverage import Covered
from hlnb.training import fast
from hlnb.training.loop import train
from hlnb.training.runs import Run

NUMBERS = (1, 2, 3, 4, 5)
SCHEDULES = {
    "simultaneous": simultaneous,
    "layer-wise": layerwise,
    "greedy": greedy,
    "only conv": lambda model, epochs: only(model, "conv", epochs=epochs),
    "only hidden": lambda model, epochs: only(model, "hidden", epochs=epochs),
    "only readout": lambda model, epochs: only(model, "readout", epochs=epochs),
}
ALONE = ("conv", "hidden", "readout", "conv", "hidden")  # one layer for each problem
PARTS = ("train", "test", "seen", "unseen")
SMALL = {"d": 40, "T": 7, "scale": 0.5, "n": 200, "seed": 3, "lr": 0.3}  # a last
RUN = """
const run = lab.training(given.settings), records = [run.record];
while (!run.over) records.push(run.epoch());
return records;
"""  # batch of 8, and an odd window


@pytest.fixture
def by_autograd(monkeypatch):
    """The package steps by autograd: nothing waits for Numba, and nothing is shared
    with the algebra of blank windows that the lab has too."""
    for name in ("written_out", "skips_blanks"):
        monkeypatch.setattr(fast, name, lambda layers: False)


def package(settings, *, dtype=torch.float64):
    """The run of these settings in the package: what `RUN` gives, by measure."""
    known = {name: settings[name] for name in ("d", "T", "scale")}
    problem = toy_problem(settings["problem"], **known)
    model = toy_network(d=known["d"], T=known["T"], n_classes=problem.n_classes)
    schedule = SCHEDULES[settings["schedule"]](model, epochs=settings["epochs"])
    measures = {"loss": Loss("train"), "filters": Weights("conv")}
    return train.anew(
        Covered.of(problem),
        model,
        schedule,
        Run(settings["seed"], settings["lr"]),
        measures={**measures, **{on: Error(on) for on in PARTS}},
        n_train=settings["n"],
        dtype=dtype,
    )


def assert_alike(records, trace, *, loss, filters):
    """Records agree with a trace: losses and filters so well, errors but for weights
    that are sums of 32 bits."""
    found = np.array([record["loss"] for record in records])
    np.testing.assert_allclose(found, trace.values["loss"], rtol=0, atol=loss)
    for on in PARTS:
        errors = [record["error"][on] for record in records]
        np.testing.assert_allclose(errors, trace.values[on], rtol=0, atol=1e-6)
    kept = np.stack([record["filters"] for record in records])
    wanted = trace.values["filters"].reshape(kept.shape)
    np.testing.assert_allclose(kept, wanted, rtol=0, atol=filters)


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("plan", ["simultaneous", "layer-wise", "greedy", "only"])
def test_training_in_64_bits_is_that_of_the_package(by_autograd, number, plan):
    schedule = f"only {ALONE[number - 1]}" if plan == "only" else plan
    settings = {**SMALL, "problem": number, "schedule": schedule, "epochs": 4}
    records = lab.engine(RUN, settings={**settings, "dtype": "float64"})
    trace = package(settings)
    assert [record["epoch"] for record in records] == trace.epochs.tolist()
    assert len({record["loss"] for record in records}) == len(records)
    assert_alike(records, trace, loss=1e-12, filters=1e-6)  # shown in 32 bits


@pytest.mark.parametrize("schedule", ["simultaneous", "greedy"])
@pytest.mark.parametrize("number", NUMBERS)
def test_the_kernel_begins_as_the_package_does(by_autograd, number, schedule):
    settings = {**SMALL, "problem": number, "schedule": schedule, "epochs": 2}
    records = lab.engine(RUN, settings=settings)
    trace = package(settings, dtype=torch.float32)
    assert_alike(records, trace, loss=1e-4, filters=1e-4)


@pytest.mark.parametrize("number", (1, 4))
def test_error_is_low_in_the_same_epoch(by_autograd, number):
    settings = {**SMALL, "problem": number, "schedule": "simultaneous", "epochs": 30}
    hits = lab.engine(
        RUN.replace("return records", "return given.parts.map((on) => lab.firstHit("
        "records.map((r) => r.epoch), records.map((r) => r.error[on])))"),
        settings={**settings, "dtype": "float64"},
        parts=PARTS,
    )  # fmt: skip
    trace = package(settings)
    wanted = [first_hit(trace.epochs, trace.values[on]) for on in PARTS]
    assert hits == wanted
    assert 0 < hits[1] < math.inf
