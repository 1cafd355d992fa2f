"""Tiny training runs, among which every class occurs that a run can be asked for with.

Each takes milliseconds, so that runs can be computed again under other code.
"""

import inspect
from dataclasses import replace
from typing import Any

from hlnb import kept
from hlnb.data.altered import Coin, SameData, Shuffled
from hlnb.data.bars import OneBar
from hlnb.data.boolean import Parity, Polynomial
from hlnb.data.digits import Digits
from hlnb.data.hierarchy import RandomHierarchy
from hlnb.data.images import Images
from hlnb.data.patterns import toy_problem
from hlnb.data.planar import Bent, Stripes
from hlnb.data.problem import Problem
from hlnb.data.quadratic import Quadratic, SquaredQuadratic
from hlnb.data.slabs import Slabs
from hlnb.metrics.fourier import Coefficients
from hlnb.metrics.measures import END, Error, First, Loss, Seldom, Weights
from hlnb.models.layers import Glorot
from hlnb.models.model import Model
from hlnb.models.networks import (
    image_network,
    mlp,
    residual_network,
    toy_network,
)
from hlnb.schedules import layerwise, simultaneous
from hlnb.seeding import stream
from hlnb.studies.feature_correction.experiment import square_network
from hlnb.studies.feature_correction.tower import Tower, tower_network
from hlnb.studies.leap.sgd import Missing, mean_field_network
from hlnb.studies.pitfalls.experiment import AUC, Members, Without
from hlnb.studies.random_hierarchy.by_levels import Balanced
from hlnb.studies.random_hierarchy.experiment import (
    Probed,
    Sensitivities,
    Uncorrelated,
    deep,
)
from hlnb.studies.shallow_to_deep.dials import Dialed
from hlnb.studies.simplicity.experiment import Guesses
from hlnb.studies.table_1.coverage import Covered
from hlnb.studies.table_1.experiment import ShiftedPattern
from hlnb.training import loop
from hlnb.training.optimizers import SGD, Adam
from hlnb.training.runs import Run, Start

FEW = {"n_validation": 8, "n_test": 16}
TOY = replace(toy_problem(1, d=12, T=4), **FEW)
SLABS = Slabs((2, 5), **FEW)
GRAMMAR = {"vocab_size": 3, "n_classes": 3, "n_synonyms": 3, **FEW}


def run(problem: Problem, model: Model, **more: Any) -> dict[str, Any]:
    """The arguments with which `train` computes one tiny run."""
    return {
        **{"problem": problem, "model": model, "run": Run(0, 0.1)},
        **{"schedule": simultaneous(model, epochs=2), "n_train": 16, "batch_size": 8},
        **{**more, "measures": {"loss": Loss(), **more.get("measures", {})}},
    }


def toy(**more: Any) -> dict[str, Any]:
    model = toy_network(d=12, n_classes=2, T=4, channels=4, hidden=8, **more)
    return run(TOY, model, measures={"error": Error(), "conv": Weights("conv")})


def looked_at_seldom() -> dict[str, Any]:
    """A run whose filters are kept at a few times alone."""
    filters = Seldom(Weights("conv"), (0, First("error", 0.5), END))
    asked = toy()
    return {**asked, "measures": {**asked["measures"], "conv": filters}}


def flat(problem: Problem, d: int, n: int = 2, **more: Any) -> dict[str, Any]:
    return run(problem, mlp(d=d, widths=(4,), n_out=n), **more)


def strings(problem: RandomHierarchy, **more: Any) -> dict[str, Any]:
    return run(problem, deep(problem, width=4), **more)


def _runs() -> dict[str, dict[str, Any]]:
    parity, probed = Parity(6, 2, **FEW), Probed(**GRAMMAR, n_probes=4)
    tower = Tower((1.0, -2.0, 3.0), (0.3, 0.1), d=3, **FEW)
    cubic = Polynomial(6, ((0,), (0, 1)), (1.0, 1.0), **FEW)
    layers = toy()
    layers["schedule"] = layerwise(layers["model"], epochs=1)
    going_on = flat(Stripes(**FEW), 2)
    drawn = going_on["model"].init(stream(1, "init"))
    going_on["start"] = Start({n: v.numpy() for n, v in drawn.items()}, 1)
    images = Images("shapes", **FEW)
    cnn = image_network(channels=2, size=4, hidden=4)
    seen = Sensitivities(deep(probed, width=4), 2)
    without = Without(SLABS, {0: (0.6, 0.8)})
    return {
        "toy problem": toy(),
        "seldom": looked_at_seldom(),
        "shifted pattern": toy() | {"problem": ShiftedPattern.of(TOY)},
        "seen and unseen": toy() | {"problem": Covered.of(TOY)},
        "layer by layer": layers,
        "another initialization": toy(initialization=Glorot()),
        "images": run(images, cnn, measures={"error": Error()}),
        "digits": flat(Digits(**FEW), 64, 10),
        "bars": flat(OneBar(4, **FEW), 16, 4),
        "parity": flat(parity, 6, measures={"guesses": Guesses()}),
        "sums of parities": run(
            cubic,
            residual_network(d=6, width=4, depth=3),
            measures={"terms": Coefficients(((0,), (0, 1)))},
        ),
        "mean field": run(
            cubic, mean_field_network(d=6, width=8), measures={"m": Missing((0,))}
        ),
        "quadratic": flat(Quadratic(6, 2, **FEW), 6, 1),
        "correction": run(
            SquaredQuadratic((1.0, -2.0, 3.0), 0.3, d=3, **FEW), square_network(3)
        ),
        "tower": run(tower, tower_network(tower)),
        "going on": going_on,
        "stripes": flat(Stripes(**FEW), 2, optimizer=Adam()),
        "bent": flat(Bent(**FEW), 2, optimizer=SGD(momentum=0.9)),
        "shuffled": flat(Shuffled(Stripes(**FEW)), 2),
        "same data": flat(SameData(Stripes(**FEW), 1), 2),
        "slabs": flat(SLABS, 2, measures={"auc": AUC()}),
        "decay": flat(SLABS, 2, optimizer=SGD(0.5, 0.1)),
        "members": flat(Members(SLABS), 2),
        "without": flat(without, 2),
        "grammar": strings(RandomHierarchy(**GRAMMAR)),
        "dialed": strings(Dialed(**GRAMMAR, amount=0.5)),
        "balanced": strings(Balanced(**GRAMMAR)),
        "probed": strings(probed, measures={"sensitivities": seen}),
        "uncorrelated": strings(Uncorrelated(**GRAMMAR)),
        "coin": flat(Coin(Stripes(**FEW)), 2),
    }


RUNS = _runs()


def place(arguments: dict[str, Any]) -> kept.Place | None:
    """Where a run is kept."""
    train = loop.trainer(arguments["measures"])
    bound = inspect.signature(train).bind(**arguments)
    bound.apply_defaults()
    return kept.place(train, bound.arguments)
