"""Schedules say everything and nothing that is not so."""

import pytest

from hlnb.errors import HlnbError
from hlnb.models import toy_network
from hlnb.schedules import Phase, Schedule, layerwise, only, simultaneous

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
    with pytest.raises(HlnbError, match="at least one epoch, not 0"):
        Phase(0, ("conv",))
    with pytest.raises(HlnbError, match="no layer learns"):
        Phase(1, ())
