"""Runs are kept, found again, and never mistaken for others."""

from dataclasses import replace

import numpy as np
import pytest

from hlnb import cache, training
from hlnb.data.patterns import toy_problem
from hlnb.executors import Here
from hlnb.metrics.measures import Error, Weights, all_weights
from hlnb.models import toy_network
from hlnb.schedules import simultaneous
from hlnb.training import Run, grid, sweep

PROBLEM = toy_problem(1, d=30, T=6)
MODEL = toy_network(d=30, n_classes=2, T=6, channels=4, hidden=8)
SETTINGS = {
    "measures": {"test": Error("test"), "filters": Weights("conv")},
    "executor": Here(),
    "n_train": 32,
}


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """The seeds and rates of all runs that were computed and not found."""
    monkeypatch.setenv("HLNB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HLNB_CACHE_NOTES", str(tmp_path / "notes"))
    monkeypatch.setenv("HLNB_CACHE_PROGRESS", str(tmp_path / "progress"))
    runs = []
    original = training.train

    def counted(*, run, **arguments):
        runs.append((run.seed, run.lr))
        return original(run=run, **arguments)

    monkeypatch.setattr(training, "train", counted)
    return runs


def look(runs, *, problem=PROBLEM, model=MODEL, epochs=2, **settings):
    schedule = simultaneous(model, epochs=epochs)
    return sweep(problem, model, schedule, runs, **SETTINGS | settings)


def test_an_interrupted_sweep_goes_on_where_it_ended(trained, tmp_path):
    look(grid([0], [0.1]))
    whole = look(grid([0, 1], [0.1, 0.2]))
    assert trained == [(0, 0.1), (1, 0.1), (0, 0.2), (1, 0.2)]
    again = look(grid([0, 1], [0.1, 0.2]))
    assert len(trained) == 4
    for name, values in whole.traces.items():
        assert (values == again.traces[name]).all()
        assert values.dtype == again.traces[name].dtype
    assert (tmp_path / "progress").read_text() == "." * (1 + 4 + 4)
    assert (tmp_path / "notes").read_text().split("\n") == ["0 1", "1 4", "4 4", ""]


@pytest.mark.parametrize(
    "other",
    [
        {"problem": replace(PROBLEM, scale=0.5)},
        {"model": toy_network(d=30, n_classes=2, T=6, channels=4, hidden=9)},
        {"epochs": 3},
        {"n_train": 33},
        {"measures": {"test": Error("test")}},
        {"online": True},
    ],
    ids=lambda other: next(iter(other)),
)
def test_another_experiment_is_computed(trained, other):
    look([Run(0, 0.1)])
    look([Run(0, 0.1)], **other)
    assert len(trained) == 2


def test_other_code_is_another_experiment(trained, monkeypatch):
    look([Run(0, 0.1)])
    monkeypatch.setattr(cache, "_code", lambda: "other code")
    look([Run(0, 0.1)])
    assert len(trained) == 2


class Foreign(Error):
    """A measure from outside the package: its code could change unseen."""


def test_code_from_outside_is_not_kept(trained, tmp_path):
    for _ in range(2):
        look([Run(0, 0.1)], measures={"test": Foreign()})
    assert len(trained) == 2
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("damage", [b"", b"PK", None])
def test_a_damaged_file_is_computed_again(trained, tmp_path, damage):
    first = look([Run(0, 0.1)])
    (path,) = (tmp_path / "cache").rglob("*.npz")
    path.write_bytes(path.read_bytes()[:200] if damage is None else damage)
    again = look([Run(0, 0.1)])
    assert len(trained) == 2
    assert (first.traces["test"] == again.traces["test"]).all()


def test_nothing_is_kept_unless_asked(trained, tmp_path, monkeypatch):
    monkeypatch.delenv("HLNB_CACHE")
    look([Run(0, 0.1)])
    assert not (tmp_path / "cache").exists()
    assert cache.place({}) is None


def test_a_folder_that_cannot_be_written_loses_no_run(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HLNB_CACHE", str(tmp_path / "file"))
    assert np.isfinite(look([Run(0, 0.1)]).traces["test"]).all()


def test_runs_that_went_on_from_other_runs_are_not_mistaken(trained):
    measures = all_weights([*MODEL.names, "conv_head"])
    begun = {e: look(grid([0], [0.1]), epochs=e, measures=measures) for e in (1, 2)}
    for result in begun.values():
        look(grid([0], [0.1]), measures=measures, after=result)
    assert len(trained) == 4
    look(grid([0], [0.1]), measures=measures, after=begun[1])
    assert len(trained) == 4
