"""A class that derives from one of the package's is asked what it does, everywhere."""

import itertools
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from hlnb.data.hierarchy import RandomHierarchy
from hlnb.data.patterns import toy_problem
from hlnb.errors import HlnbError
from hlnb.metrics.measures import Loss, Weights
from hlnb.models.layers import Affine, Conv, Layer, Patch
from hlnb.models.model import Model
from hlnb.models.networks import toy_network
from hlnb.schedules import greedy, layerwise, simultaneous
from hlnb.seeding import stream
from hlnb.studies.leap.sgd import Units
from hlnb.training.evaluation import evaluate, frozen_activations
from hlnb.training.fast.gradients import prepared, skips_blanks, written_out
from hlnb.training.loop import train, train_stacked
from hlnb.training.optimizers import SGD
from hlnb.training.runs import Run
from hlnb.training.sweep import _stacks


class TanhAffine(Affine):
    def apply(self, params, x):
        weight, bias = params[f"{self.name}.weight"], params[f"{self.name}.bias"]
        return F.linear(x.flatten(1), weight, bias).tanh()


class TanhConv(Conv):
    def apply(self, params, x):
        weight, bias = params[f"{self.name}.weight"], params[f"{self.name}.bias"]
        return F.linear(self.windows(x), weight.flatten(1), bias).tanh()


class TanhPatch(Patch):
    def apply(self, params, x):
        return (self.patches(x) @ params[f"{self.name}.weight"].mT).tanh()


class SineUnits(Units):
    def apply(self, params, x):
        return (x @ params[f"{self.name}.weight"].mT).sin()


OWN = {Affine: TanhAffine, Conv: TanhConv, Patch: TanhPatch, Units: SineUnits}


@dataclass(frozen=True)
class Alone:
    """The same layer, of a class that derives from none."""

    layer: Layer

    @property
    def name(self):
        return self.layer.name

    def init(self, generator, law):
        return self.layer.init(generator, law)

    def apply(self, params, x):
        return self.layer.apply(params, x)


ROWS = toy_network(d=30, n_classes=2, T=6, channels=4, hidden=8)
FLAT = Model((Affine("hidden", 30, 8), Affine("readout", 8, 2, relu=False)))
UNITS = Model((Units("units", 30, 8), Affine("readout", 8, 2, relu=False)))
PATCHES = Model((Patch("level1", 8, 3, 2, 1.0), Affine("readout", 6, 2, relu=False)))
TOY = toy_problem(1, d=30, T=6)
PLACES = [  # a network, which layer is another, how it learns
    (ROWS, "conv", simultaneous),
    (ROWS, "conv", greedy),
    (ROWS, "hidden", layerwise),
    (ROWS, "readout", layerwise),
    (FLAT, "hidden", simultaneous),
    (FLAT, "readout", simultaneous),
    (UNITS, "units", simultaneous),
    (PATCHES, "level1", simultaneous),
]


def problem_of(model):
    return RandomHierarchy(8, 2, 4) if model is PATCHES else TOY


def with_own(model, name, make):
    """The model with another layer, or another head, in the place of one."""
    layers = (*model.layers, *model.heads.values())
    made = {x.name: make(x) if x.name == name else x for x in layers}
    heads = {after: made[head.name] for after, head in model.heads.items()}
    return replace(model, layers=tuple(made[n] for n in model.names), heads=heads)


def derived(layer):
    return OWN[type(layer)](**vars(layer))


def stand_alone(layer):
    return Alone(derived(layer))


def settings(model):
    looks = {name: Weights(*name.split(".")) for name in model.init(stream(0, "names"))}
    return {
        "measures": {"loss": Loss("test"), **looks},
        "n_train": 24,
        "batch_size": 8,
        "dtype": torch.float64,
    }


def trained(problem, model, schedule, *, lr=0.3, **more):
    more = settings(model) | more
    return train(problem, model, schedule, Run(0, lr), **more).values


def stacked(problem, model, schedule):
    runs = [Run(0, 0.3), Run(1, 0.1)]
    return train_stacked(problem, model, schedule, runs, **settings(model))[0].values


def drawn(problem, model):
    params = model.init(stream(0, "init"))
    x = problem.sample(9, generator=stream(1, "x")).x.double()
    return {name: value.double() for name, value in params.items()}, x


def evaluated(problem, model, schedule):
    params, x = drawn(problem, model)
    found = {}
    for exit in {None, schedule.phases[0].exit}:
        n = len(model.path(exit))
        for start, stop in itertools.combinations(range(n + 1), 2):
            part = model.apply(params, x, stop=start)
            cut = {"start": start, "stop": stop, "exit": exit}
            found[str(cut)] = evaluate(model, params, part, **cut)
    return found


def frozen(problem, model, schedule):
    params, x = drawn(problem, model)
    stops = range(1, len(model.layers) + 1)
    return {n: frozen_activations(model, params, x, stop=n) for n in stops}


PATHS = {
    "train": trained,
    "train online": partial(trained, online=True),
    "train with momentum": partial(trained, optimizer=SGD(momentum=0.9)),
    "train_stacked": stacked,
    "evaluate": evaluated,
    "frozen activations": frozen,
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("place", PLACES, ids=lambda p: f"{p[1]}, {p[2].__name__}")
def test_a_derived_layer_computes_what_it_says(place, path):
    """In float64, to the bit, what the same layer gives that derives from nothing."""
    model, name, how = place
    compute = partial(PATHS[path], problem_of(model), schedule=how(model, epochs=1))
    base = compute(model)
    found = compute(with_own(model, name, derived))
    expected = compute(with_own(model, name, stand_alone))
    assert found.keys() == expected.keys() == base.keys()
    for key, value in found.items():
        assert (value == expected[key]).all(), key
    assert any((value != base[key]).any() for key, value in found.items())


def test_a_derived_head_computes_what_it_says():
    """In the loop and in a stack: float64, relative 1e-9."""
    schedule = greedy(ROWS, epochs=1)
    model = with_own(ROWS, "conv_head", derived)
    params, x = drawn(TOY, model)
    found = evaluate(model, params, x, exit="conv")
    assert torch.equal(found, model.apply(params, x, exit="conv"))
    base = trained(TOY, ROWS, schedule)
    found = trained(TOY, model, schedule)
    for key, value in stacked(TOY, model, schedule).items():
        np.testing.assert_allclose(found[key], value, rtol=1e-9, atol=1e-12)
    assert (found["conv.weight"] != base["conv.weight"]).any()


def test_activations_too_large_to_keep_are_those_of_a_derived_layer(monkeypatch):
    monkeypatch.setattr("hlnb.training.evaluation.CACHE_BYTES", 0)
    schedule = layerwise(ROWS, epochs=1)
    for name in ("conv", "hidden"):
        found = trained(TOY, with_own(ROWS, name, derived), schedule)
        expected = trained(TOY, with_own(ROWS, name, stand_alone), schedule)
        assert all((value == expected[key]).all() for key, value in found.items())


def test_nothing_is_written_out_for_a_derived_layer():
    assert written_out(ROWS.layers)
    assert skips_blanks(ROWS.layers)
    for name in ROWS.names:
        layers = with_own(ROWS, name, derived).layers
        assert not written_out(layers)
        assert not skips_blanks(layers)
        with pytest.raises(HlnbError, match=rf"written out.*{name} \(Tanh"):
            prepared(layers, ROWS.init(stream(0, "init")))


def test_the_parameters_are_those_that_a_derived_layer_draws():
    class Ones(Affine):
        def init(self, generator, law):
            return {k: v * 0 + 1 for k, v in super().init(generator, law).items()}

    model = with_own(ROWS, "hidden", lambda layer: Ones(**vars(layer)))
    schedule = simultaneous(model, epochs=1)
    for compute in (trained, stacked):
        found = compute(TOY, model, schedule)["hidden.weight"]
        assert (found[0] == 1).all()
        assert (found[-1] != 1).any()


def test_an_optimizer_that_derives_from_sgd_builds_its_own():
    """One with equal fields is another optimizer than SGD."""

    class Heavy(SGD):
        def build(self, parameters, lr):
            return torch.optim.SGD(parameters, lr=lr, momentum=0.9)

    schedule = simultaneous(ROWS, epochs=2)
    found = trained(TOY, ROWS, schedule, optimizer=Heavy())
    expected = trained(TOY, ROWS, schedule, optimizer=SGD(momentum=0.9))
    assert all((value == expected[key]).all() for key, value in found.items())
    plain = trained(TOY, ROWS, schedule)
    assert (found["loss"][1:] != plain["loss"][1:]).all()
    with pytest.raises(HlnbError, match="Only plain SGD trains in a stack"):
        train_stacked(
            TOY, ROWS, schedule, [Run(0, 0.3)], optimizer=Heavy(), **settings(ROWS)
        )
    assert _stacks({"device": "cuda"})
    assert not _stacks({"device": "cuda", "optimizer": Heavy()})


@pytest.mark.parametrize("carry", [False, True])
def test_a_rate_that_an_optimizer_sets_itself_is_kept(carry):
    class Slow(SGD):
        def build(self, parameters, lr):
            return torch.optim.SGD(parameters, lr=lr / 8, momentum=0.5)

    schedule = layerwise(ROWS, epochs=1)
    found = trained(TOY, ROWS, schedule, optimizer=Slow(), carry=carry)
    momentum = SGD(momentum=0.5)
    expected = trained(TOY, ROWS, schedule, optimizer=momentum, carry=carry, lr=0.3 / 8)
    assert all((value == expected[key]).all() for key, value in found.items())


def test_a_class_derived_from_model_is_refused():
    with pytest.raises(HlnbError, match="Own derives from Model, whose layers alone"):

        class Own(Model):
            pass
