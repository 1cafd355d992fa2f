"""Results that took long are equal to computed ones, and found for equal questions."""

import dataclasses
import importlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache, partial
from inspect import unwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hlnb import kept, studies
from hlnb.data.boolean import Parity, Polynomial, staircase
from hlnb.data.hierarchy import RandomHierarchy
from hlnb.data.patterns import toy_problem
from hlnb.data.planar import Stripes
from hlnb.data.problem import Batch
from hlnb.data.quadratic import SquaredQuadratic
from hlnb.errors import HlnbError
from hlnb.models.model import Model
from hlnb.models.networks import image_network, mlp, toy_network
from hlnb.results import Result
from hlnb.schedules import greedy
from hlnb.seeding import stream
from hlnb.studies.cifar import layerwise
from hlnb.studies.cifar.filters import best_pictures
from hlnb.studies.deep_linear import experiment as deep
from hlnb.studies.feature_correction import experiment as correction
from hlnb.studies.feature_correction import tower as towers
from hlnb.studies.layers_over_time import experiment as lot
from hlnb.studies.leap import limit, linear
from hlnb.studies.leap import sgd as leap
from hlnb.studies.linear_regression import experiment as regression
from hlnb.studies.linear_regression import sparse as sparse_truth
from hlnb.studies.parity import experiment as parity
from hlnb.studies.parity import noisy, sparse
from hlnb.studies.random_hierarchy import by_levels
from hlnb.studies.related import collapse, sculpting
from hlnb.studies.shallow_to_deep import conditions
from hlnb.studies.shallow_to_deep import experiment as chain
from hlnb.studies.simplicity import accounts, experiment
from hlnb.studies.staircase import experiment as staircases
from hlnb.studies.table_1 import coverage, nulls
from hlnb.studies.table_1 import experiment as table_1
from hlnb.studies.table_1.experiment import Protocol, Reproduction, reproduce
from hlnb.training.executors import Here
from hlnb.training.runs import Run

GRAMMAR = RandomHierarchy(3, 3, 3)
TOY = replace(toy_problem(4, d=44, T=6, scale=0.5), n_validation=9, n_test=9)
TOY_NET = toy_network(d=44, n_classes=2, T=6)
TARGET = Polynomial(2, ((0,), (0, 1)), (1.0, 1.0), n_validation=1, n_test=4)
CNN = replace(image_network(channels=3, hidden=4), heads={})
LAYERS = mlp(d=2, widths=(3, 3))
# as outside of the tests, where no wrapper checks annotations
CKA = unwrap(lot.CKA.prepare), unwrap(lot.CKA.compare)
RELUS = mlp(d=64, widths=(4, 4), n_out=10)
PROTOCOL = Protocol(
    **{"d": 44, "T": 6, "n_train": 16, "seeds": 1, "more_seeds": 1, "lrs": (0.3,)},
    **{"slow_lrs": (0.1,), "epochs": 1, "phase_epochs": 1, "alone_epochs": 1},
)


def toy_patterns() -> np.ndarray:
    return TOY.patterns.numpy()


def draw(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=stream(1, f"numbers {shape}"))


def drawn(model: Model, seed: int = 0) -> dict[str, torch.Tensor]:
    return model.init(stream(seed, "init"))


def arrays(model: Model, seed: int = 0) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in drawn(model, seed).items()}


def walked(model: Model, **traces: list[float]) -> Result:
    """A run with a network at the start and another one at the end."""
    ways = zip(arrays(model).items(), arrays(model, 1).values(), strict=True)
    found = {name: np.stack([[one, two]]) for (name, one), two in ways}
    found |= {name: np.array([values]) for name, values in traces.items()}
    spec, steps = {"runs": [{"seed": 0, "lr": 0.1}]}, np.array([0, 5])
    return Result(spec, steps, steps / 5, found, {"cores": 2})


def images(n: int) -> torch.Tensor:
    return draw(n, 3, 32, 32)


def pictures() -> dict[str, Batch]:
    names = ("train", "validation", "test")
    return {name: Batch(images(8), torch.arange(8) % 2) for name in names}


@cache
def row() -> Reproduction:
    return reproduce(1, "unit", PROTOCOL, executor=Here())


@cache
def corrected() -> tuple[Result, ...]:
    return correction.exact(squares(), seeds=[0], n_train=100, executor=Here())


def squares() -> SquaredQuadratic:
    return SquaredQuadratic((1.0, 2.0), 0.1)


def paths() -> list[list[dict[str, np.ndarray]]]:
    return [[arrays(LAYERS, seed) for seed in (0, 1)]]


def filters() -> np.ndarray:
    return arrays(TOY_NET)["conv.weight"]


def stacked() -> deep.Entries:
    return deep.stacked(
        [deep.completion(4, rank=1, share=0.5, seed=seed) for seed in range(2)]
    )


def regressions() -> list[regression.Regression]:
    return [regression.gaussian_regression(3, 2, seed=seed) for seed in range(2)]


# function → a small question to it, made anew for each call
CASES: dict[str, Callable[[], partial]] = {
    "staircase.grow": lambda: partial(
        *(staircases.grow, staircase(5, 2, n_test=4)),
        **{"n": 500, "threshold": 0.2, "generator": stream(0, "growth")},
    ),
    "staircase.in_two_phases": lambda: partial(
        *(staircases.in_two_phases, staircase(5, 2, n_test=4)),
        **{"steps": [0, 2], "seed": 1, "width": 4, "batch_size": 8, "n": 30},
    ),
    "parity.solved": lambda: partial(parity.solved, 6, seeds=range(9), noise=0.1),
    "parity.tries": lambda: partial(parity.tries, 6, seeds=range(3), noise=0.1),
    "parity.cube_deviations": lambda: partial(
        parity.cube_deviations,
        mlp(d=3, widths=(2,)),
        drawn(mlp(d=3, widths=(2,))),
        d=3,
    ),
    "parity.shares_by_size": lambda: partial(
        parity.shares_by_size,
        {d: mlp(d=d, widths=(3,)) for d in (4, 5)},
        seeds=range(2),
    ),
    "parity.told": lambda: partial(
        noisy.told, noisy.NoisyDescent(3, width=2, steps=3), seeds=range(2)
    ),
    "parity.accuracies": lambda: partial(
        noisy.accuracies, noisy.NoisyDescent(3, width=2, steps=3), seeds=range(2)
    ),
    "parity.hidden_run": lambda: partial(
        *(sparse.hidden_run, Parity(6, 2)),
        *(walked(mlp(d=6, widths=(4,)), **{"test error": [0.5, 0.0]}), 0),
        time=5.0,
    ),
    "leap.limit_start": lambda: partial(limit.limit_start, 2, n=4, kick=[0, 1e-3]),
    "leap.flow": lambda: partial(
        *(limit.flow, limit.limit_field(TARGET)),
        *(limit.limit_start(2, n=4),),
        times=[0.0, 2.0],
    ),
    "leap.descent": lambda: partial(
        *(limit.descent, limit.limit_field(TARGET)),
        *(limit.limit_start(2, n=4),),
        step=0.5,
        times=[0.0, 2.0],
    ),
    "leap.escape_times": lambda: partial(
        *(limit.escape_times, TARGET),
        **{"d": 5, "width": 4, "seed": 0, "levels": [0.003, 0.3], "time": 2.0},
    ),
    "leap.by_batch": lambda: partial(
        *(leap.by_batch, TARGET),
        **{"seeds": [0], "batches": [2, 4], "step": 0.5, "time": 2.0, "risk": 0.5},
        width=4,
    ),
    "leap.linear_risks": lambda: partial(
        *(linear.linear_risks, "cubic kernel", TARGET.supports),
        **{"d": 4, "n": 8, "seed": 0, "n_validation": 5, "n_test": 5},
    ),
    "shallow_to_deep.trial": lambda: partial(
        chain.trial, GRAMMAR, chain.LEARNERS[1], n_train=12, seed=0
    ),
    "shallow_to_deep.error_with": lambda: partial(
        chain.error_with, GRAMMAR, n_train=12, seed=0, more=1
    ),
    "shallow_to_deep.numbers": lambda: partial(
        conditions.numbers, GRAMMAR, n_train=20, seed=0, n=50
    ),
    "random_hierarchy.learned": lambda: partial(
        by_levels.learned, by_levels.Balanced(3, 3, 2), 20, seed=1
    ),
    "related.deep_linear": lambda: partial(
        collapse.deep_linear, 0, scale=0.3, max_steps=3
    ),
    "related.sculpt": lambda: partial(
        sculpting.sculpt, "half adders", 0, hidden=[10], budget=60
    ),
    "table_1.untrained_filters": lambda: partial(nulls.untrained_filters, TOY_NET, n=2),
    "table_1.likeness_ranks": lambda: partial(
        nulls.likeness_ranks, row(), filters().reshape(1, -1, 6), n_moves=2
    ),
    "table_1.own_ranks": lambda: partial(
        table_1.own_ranks, filters()[:2, 0], toy_patterns(), 0, n_foreign=2
    ),
    "table_1.kernel_errors_by_part": lambda: partial(
        coverage.kernel_errors_by_part, TOY, TOY_NET, 0, [4, 8], width=5
    ),
    "table_1.blind_errors": lambda: partial(
        coverage.blind_errors, TOY, filters()[:2, 0], 0, n_train=40
    ),
    "cifar.best_pictures": lambda: partial(
        *(best_pictures, CNN, drawn(CNN), images(2)),
        **{"seed": 0, "starts": 1},
    ),
    "cifar.probes": lambda: partial(
        layerwise.probes, CNN, drawn(CNN), pictures(), ["conv1", "hidden"]
    ),
    "cifar.accuracies": lambda: partial(
        layerwise.accuracies, walked(CNN), CNN, pictures()["test"]
    ),
    "cifar.part_curvature": lambda: partial(
        *(layerwise.part_curvature, CNN, drawn(CNN), images(4), torch.arange(4)),
        "hidden",
    ),
    "cifar.overshoot": lambda: partial(
        *(layerwise.overshoot, CNN, drawn(CNN), images(4), torch.arange(4)),
        *("hidden",),
        **{"lr": 0.1, "signs": True},
    ),
    "cifar.first_layer_likeness": lambda: partial(
        layerwise.first_layer_likeness, CNN, [(drawn(CNN), drawn(CNN, 1))], images(4)
    ),
    "feature_correction.qualities": lambda: partial(
        *(correction.qualities, corrected()),
        correction.square_network(squares().d),
        epochs=correction.TOY_EPOCHS,
        quality=unwrap(correction.form_quality(squares())),
    ),
    "feature_correction.reach": lambda: partial(
        *(correction.reach, TOY, TOY_NET, greedy(TOY_NET, epochs=1)),
        **{"run": Run(0, 0.1), "epochs": 1, "n_train": 40},
    ),
    "feature_correction.best_angles": lambda: partial(
        towers.best_angles, (1.0, -2.0), [0.01, 0.02], levels=2
    ),
    "simplicity.linear_answers": lambda: partial(
        experiment.linear_answers, Stripes(0.5).split(0, n_train=40)
    ),
    "simplicity.account": lambda: partial(
        accounts.account, np.eye(4, dtype=int), np.arange(4) % 2, np.ones(4, int)
    ),
    "deep_linear.completion": lambda: partial(
        deep.completion, 4, rank=1, share=0.5, seed=0
    ),
    "deep_linear.least_nuclear": lambda: partial(
        deep.least_nuclear, deep.completion(4, rank=1, share=0.5, seed=0), steps=6
    ),
    "deep_linear.product_flow": lambda: partial(
        *(deep.product_flow, deep.corner(), deep.balanced(0.5 * np.eye(2), 2)),
        times=np.array([0.0, 1.0, 2.0]),
    ),
    "deep_linear.first_and_last": lambda: partial(
        *(deep.first_and_last, deep.corner(), deep.balanced(0.5 * np.eye(2), 2)),
        **{"lr": 0.1, "steps": 3},
    ),
    "deep_linear.completed": lambda: partial(
        *(deep.completed, stacked(), 2),
        **{"start": 0.1, "seeds": range(2), "lr": 0.1, "steps": 4, "every": 2},
    ),
    "linear_regression.wanderings": lambda: partial(
        *(regression.wanderings, regressions()),
        **{"part": 0.5, "passes": 12, "seeds": range(2), "shuffled": True},
    ),
    "linear_regression.errors": lambda: partial(
        *(sparse_truth.errors, "ridge", 6),
        **{"ns": [2, 4], "sparsity": 2, "seeds": range(2)},
    ),
    "linear_regression.needed": lambda: partial(
        *(sparse_truth.needed, "ridge", 6), **{"sparsity": 2, "seeds": range(2)}
    ),
    "layers_over_time.over_runs": lambda: partial(
        *(lot.over_runs, unwrap(lot.likeness), LAYERS, paths()),
        *(
            [draw(9, 2).numpy()],
            lot.Similarity("CKA", *map(unwrap, (lot._centred, lot._cka))),
        ),
    ),
}


def same(one: Any, other: Any) -> bool:
    """Whether two results agree in types, shapes and bits."""
    if type(one) is not type(other):
        return False
    if isinstance(one, torch.Tensor):
        return same(one.numpy(), other.numpy())
    if isinstance(one, np.ndarray | np.generic):
        forms = ((a.dtype, a.shape, a.tobytes()) for a in (one, other))
        return len({*forms}) == 1
    if dataclasses.is_dataclass(one):
        return same(vars(one), vars(other))
    if isinstance(one, Mapping):
        return same([*one.items()], [*other.items()])
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other or one != one != other  # NaN


def answered(question: partial) -> tuple[Any, list[torch.Tensor]]:
    """The answer, and where generators were left."""
    result = question()
    given = (*question.args, *question.keywords.values())
    return result, [g.get_state() for g in given if isinstance(g, torch.Generator)]


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("HLNB_CACHE", str(tmp_path / "store"))
    return tmp_path / "store"


def only_reading(monkeypatch) -> None:
    def computed(place, found, **how):
        raise AssertionError("It was computed again.")

    monkeypatch.setattr(kept, "keep", computed)


@pytest.mark.parametrize("name", CASES)
def test_a_kept_result_is_the_computed_one(name, store, monkeypatch):
    computed, keep = [], kept.keep

    def noted(place, found, **how):
        computed.append(found)
        keep(place, found, **how)

    monkeypatch.setattr(kept, "keep", noted)
    first = answered(CASES[name]())
    only_reading(monkeypatch)
    again = answered(CASES[name]())
    assert same(first, tuple(computed[-1]))  # what it stands on was kept before
    assert same(again, first)


def test_every_function_that_keeps_its_results_is_held_to_that():
    keeping = {
        f"{path.parent.name}.{name}"
        for path in Path(studies.__file__).parent.rglob("*.py")
        if "import kept" in path.read_text("utf8")
        for home in [f"hlnb.studies.{path.parent.name}.{path.stem}"]
        for name, value in vars(importlib.import_module(home)).items()
        if hasattr(value, "anew") and value.__module__ == home
    }
    assert keeping == {*CASES}


def test_the_machine_of_a_result_is_no_part_of_a_question(store, monkeypatch):
    answer = CASES["cifar.accuracies"]()()
    only_reading(monkeypatch)
    elsewhere = replace(walked(CNN), provenance={"cores": 64})
    again = layerwise.accuracies(elsewhere, CNN, pictures()["test"])
    assert same(again, answer)
    other = replace(elsewhere, traces=elsewhere.traces | {"more": np.zeros((1, 2))})
    with pytest.raises(AssertionError, match="computed again"):
        layerwise.accuracies(other, CNN, pictures()["test"])


def test_another_measure_and_another_closure_are_other_questions(store, monkeypatch):
    by_layer = CASES["layers_over_time.over_runs"]()
    by_truth = CASES["feature_correction.qualities"]()
    by_layer(), by_truth()
    only_reading(monkeypatch)
    by_layer(), by_truth()
    with pytest.raises(AssertionError, match="computed again"):
        lot.over_runs(unwrap(lot.own_weights), *by_layer.args[1:])
    other = unwrap(correction.form_quality(SquaredQuadratic((1.0, 3.0), 0.1)))
    with pytest.raises(AssertionError, match="computed again"):
        by_truth(quality=other)


def test_what_workers_computed_is_found_here(store, monkeypatch):
    question = CASES["related.deep_linear"]()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(question).result()
    only_reading(monkeypatch)
    assert same(question(), answer)


def test_a_result_of_record_that_is_missing_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("HLNB_REDRAW", str(tmp_path))
    with pytest.raises(HlnbError, match="lack a result of this chapter"):
        CASES["deep_linear.completion"]()()
