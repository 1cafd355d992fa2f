"""Schedules say everything and nothing that is not so."""

import pytest

from hlnb.errors import HlnbError
from hlnb.models.model import Model
from hlnb.models.networks import toy_network
from hlnb.schedules import Phase, Schedule, greedy, layerwise, only, simultaneous

MODEL = toy_network(d=40, n_classes=2)


def test_the_three_schedules_of_the_report():
    assert simultaneous(MODEL, epochs=3).phases == (Phase(3, MODEL.names),)
    assert [p.learns for p in layerwise(MODEL, epochs=3).phases] == [
        ("conv",),
        ("hidden",),
        ("readout",),
    ]
    assert only(MODEL, "hidden", epochs=3).frozen == ("conv", "readout")
    for schedule in (
        simultaneous(MODEL, epochs=1),
        layerwise(MODEL, epochs=1),
        *(only(MODEL, name, epochs=1) for name in MODEL.names),
    ):
        schedule.check(MODEL)


def test_ends_are_cumulative():
    schedule = Schedule("s", (Phase(2, ("conv",)), Phase(3, ("hidden", "readout"))))
    assert schedule.ends == (2, 5)
    assert schedule.epochs == 5


@pytest.mark.parametrize(
    ("phases", "frozen", "message"),
    [
        ([("conv", "hidden")], (), "does not say when layer 'readout' learns"),
        ([("conv", "hidden", "readout", "top")], (), "'top' that the model lacks"),
        ([("conv", "hidden")], ("readuot",), "'readuot' that the model lacks"),
        ([MODEL.names], ("conv",), "'conv' is said to be frozen and to learn"),
    ],
)
def test_refuses_silence_and_unknown_layers(phases, frozen, message):
    schedule = Schedule("s", tuple(Phase(1, tuple(p)) for p in phases), frozen)
    with pytest.raises(HlnbError, match=message):
        schedule.check(MODEL)


def test_refuses_empty_phases():
    with pytest.raises(HlnbError, match="epochs = 0: take a whole number from 1 up"):
        Phase(0, ("conv",))
    with pytest.raises(HlnbError, match="no layer learns"):
        Phase(1, ())


def test_greedy_training_gives_each_layer_a_readout():
    schedule = greedy(MODEL, epochs=3)
    schedule.check(MODEL)
    assert [(p.learns, p.exit) for p in schedule.phases] == [
        (("conv", "conv_head"), "conv"),
        (("hidden", "readout"), None),
    ]
    shallow = toy_network(d=40, n_classes=2, n_layers=2)
    assert [p.learns for p in greedy(shallow, epochs=1).phases] == [shallow.names]
    with pytest.raises(HlnbError, match="needs a head after layer 'conv'"):
        greedy(Model(MODEL.layers), epochs=1)


def test_phases_may_have_rates_of_their_own():
    schedule = layerwise(MODEL, epochs=2, lrs=[0.1, None, 0.3])
    assert [p.lr for p in schedule.phases] == [0.1, None, 0.3]
    with pytest.raises(HlnbError, match=r"lr = -1\.0: take a finite number above 0"):
        Phase(1, ("conv",), lr=-1.0)


@pytest.mark.parametrize(
    ("phase", "message"),
    [
        (
            Phase(1, MODEL.names, exit="hidden"),
            "after 'hidden', where the model",
        ),
        (Phase(1, ("hidden",), exit="conv"), "'hidden' cannot learn in a phase whose"),
        (Phase(1, ("conv_head",)), "names a layer 'conv_head' that the model lacks"),
    ],
)
def test_refuses_exits_that_lead_nowhere(phase, message):
    frozen = tuple(name for name in MODEL.names if name not in phase.learns)
    with pytest.raises(HlnbError, match=message):
        Schedule("s", (phase,), frozen).check(MODEL)


def test_a_head_that_is_used_must_be_mentioned():
    phases = (Phase(1, ("conv",), exit="conv"), Phase(1, ("hidden", "readout")))
    with pytest.raises(HlnbError, match="does not say when layer 'conv_head' learns"):
        Schedule("s", phases).check(MODEL)
    Schedule("s", phases, ("conv_head",)).check(MODEL)


def test_a_phase_has_its_own_rate_or_the_runs():
    assert Phase(1, ("a",)).rate(0.5) == 0.5
    assert Phase(1, ("a",), lr=0.1).rate(0.5) == 0.1
