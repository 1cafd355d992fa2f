"""A size that no network can have is one sentence in the studies' builders, too."""

import importlib
import inspect
import pkgutil

import jaxtyping
import pytest

import hlnb.studies
from hlnb.data.hierarchy import RandomHierarchy
from hlnb.errors import HlnbError
from hlnb.studies.feature_correction.experiment import square_network
from hlnb.studies.feature_correction.tower import tower_network
from hlnb.studies.leap.sgd import mean_field_network
from hlnb.studies.parity.experiment import steps_network, zigzag_network
from hlnb.studies.pitfalls.experiment import by_hand
from hlnb.studies.random_hierarchy.experiment import deep, shallow
from hlnb.studies.related.features import two_and_three
from hlnb.studies.specialization.filters import network
from hlnb.studies.staircase.experiment import trainings

GRAMMAR = RandomHierarchy(vocab_size=4, n_classes=4, n_synonyms=4)
BUILDERS = {  # with arguments that each takes
    square_network: {"d": 8},
    mean_field_network: {"d": 8, "width": 4},
    zigzag_network: {"support": (0, 1), "d": 8},
    steps_network: {"support": (0, 1), "d": 8},
    deep: {"problem": GRAMMAR, "width": 8},
    shallow: {"problem": GRAMMAR, "width": 8},
    two_and_three: {"d": 8, "width": 4},
    network: {"side": 4, "filters": 2},
}
NO_SIZES = {
    by_hand,
    trainings,
    tower_network,
}  # of a problem, or of a network, that exists
SIZES = [
    (build, name)
    for build in BUILDERS
    for name, about in inspect.signature(build).parameters.items()
    if about.annotation is int
]


def test_every_builder_of_a_study_is_asked():
    rooms = pkgutil.walk_packages(hlnb.studies.__path__, "hlnb.studies.")
    modules = [importlib.import_module(room.name) for room in rooms]
    made = {
        one
        for module in modules
        for name, one in inspect.getmembers(module, inspect.isfunction)
        if not name.startswith("_")
        and one.__module__ == module.__name__
        and "Model" in str(inspect.signature(one).return_annotation)
    }
    assert made == BUILDERS.keys() | NO_SIZES


@pytest.mark.parametrize(("build", "name"), SIZES)
@pytest.mark.parametrize("wrong", [0, -1, 1.5, None])
def test_a_size_that_cannot_be_is_one_sentence(build, name, wrong, monkeypatch):
    assert "Model" in str(build(**BUILDERS[build]))
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # as for a user
    with pytest.raises(HlnbError, match=rf"^{name} = .*: take a whole number from 1"):
        build(**BUILDERS[build] | {name: wrong})
