"""Results are stored whole, without pickle, and refuse to pass for another."""

import numpy as np
import pytest

from hlnb.data.patterns import toy_problem
from hlnb.errors import HlnbError
from hlnb.metrics.measures import Error
from hlnb.models.networks import toy_network
from hlnb.results import load, to_json
from hlnb.schedules import simultaneous
from hlnb.training.executors import Here
from hlnb.training.runs import Run, grid
from hlnb.training.sweep import sweep

MODEL = toy_network(d=30, n_classes=2, T=6, channels=2, hidden=4)


def compute(**problem):
    return sweep(
        toy_problem(1, d=30, T=6, **problem),
        MODEL,
        simultaneous(MODEL, epochs=1),
        grid([0, 1], [0.1, 0.2]),
        measures={"error": Error("test")},
        executor=Here(),
        n_train=16,
    )


@pytest.fixture(scope="module")
def result():
    return compute()


def test_a_saved_result_comes_back(result, tmp_path):
    again = load(result.save(tmp_path / "r.npz"), expect=result.spec)
    assert again.spec == result.spec
    assert again.provenance == result.provenance
    assert again.lrs == [0.1, 0.2]
    for name in ("steps", "epochs"):
        assert (getattr(again, name) == getattr(result, name)).all()
    assert (again.of("error") == result.of("error")).all()


def test_rows_follow_the_runs(result):
    assert [tuple(r[k] for k in ("seed", "lr")) for r in result.runs] == [
        (0, 0.1),
        (1, 0.1),
        (0, 0.2),
        (1, 0.2),
    ]
    assert (result.of("error", lr=0.2) == result.of("error")[2:]).all()


def test_the_spec_says_what_was_run(result):
    assert result.spec["problem"]["d"] == 30
    assert "seed" not in result.spec["problem"]
    assert result.spec["n_train"] == 16
    assert result.spec["schedule"]["name"] == "simultaneous"
    assert to_json(Run(1, 0.5)) == {"kind": "Run", "seed": 1, "lr": 0.5}


def test_refuses_another_experiment(result, tmp_path):
    path = result.save(tmp_path / "r.npz")
    other = compute(scale=0.5).spec
    with pytest.raises(
        HlnbError, match=r"another experiment \(it differs in problem\)"
    ):
        load(path, expect=other)


def test_refuses_what_is_no_result(result, tmp_path):
    path = result.save(tmp_path / "r.npz")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(HlnbError, match="not a readable Result"):
        load(path)
    path.write_bytes(b"")
    with pytest.raises(HlnbError, match="not a readable Result"):
        load(path)
    with pytest.raises(HlnbError, match="not a readable Result"):
        load(tmp_path / "missing.npz")


class Trap:
    """An object whose unpickling leaves a trace."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def test_a_pickle_inside_is_not_opened(result, tmp_path):
    path = result.save(tmp_path / "r.npz")
    traces = np.array([Trap(str(tmp_path / "sprung"))], dtype=object)
    with np.load(path) as stored:
        np.savez(path, **{**stored, "trace/error": traces})
    with pytest.raises(HlnbError, match="not a readable Result"):
        load(path)
    assert not (tmp_path / "sprung").exists()


def test_runs_at_one_learning_rate(result):
    some = result.at(0.2)
    assert some.lrs == [0.2]
    assert some.runs == [run for run in result.runs if run["lr"] == 0.2]
    assert (some.of("error") == result.of("error", lr=0.2)).all()
    with pytest.raises(HlnbError, match=r"No run has lr = 0\.7"):
        result.at(0.7)


def test_refuses_unknown_names(result):
    with pytest.raises(
        HlnbError, match="Nothing called 'loss' was measured, only error"
    ):
        result.of("loss")
    with pytest.raises(HlnbError, match=r"No run has lr = 0.7: there are \[0.1, 0.2\]"):
        result.of("error", lr=0.7)
