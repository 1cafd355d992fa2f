"""Results are kept, found again, and never mistaken for others."""

import contextlib
import dataclasses
import functools
import inspect
import json
import logging
import math
import operator
import shutil
import sys
import types
import typing
from collections import OrderedDict, namedtuple
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

import small_runs
import traced
from hlnb import code, kept, storage
from hlnb.code import Definition
from hlnb.data.patterns import toy_problem
from hlnb.errors import HlnbError
from hlnb.metrics.measures import Error, Weights, all_weights
from hlnb.models import layers, networks
from hlnb.models.layers import Affine
from hlnb.models.networks import toy_network
from hlnb.results import Result
from hlnb.schedules import Phase, Schedule, simultaneous
from hlnb.training import loop, optimizers
from hlnb.training import runs as training_runs
from hlnb.training.executors import Here
from hlnb.training.optimizers import SGD
from hlnb.training.runs import Run, Trace, grid
from hlnb.training.sweep import sweep

PROBLEM = toy_problem(1, d=30, T=6)
MODEL = toy_network(d=30, n_classes=2, T=6, channels=4, hidden=8)
SETTINGS = {
    "measures": {"test": Error("test"), "filters": Weights("conv")},
    "executor": Here(),
    "n_train": 32,
}


@pytest.fixture
def store(tmp_path, monkeypatch):
    """The folder of a new store."""
    monkeypatch.setenv("HLNB_CACHE", str(tmp_path / "store"))
    monkeypatch.setenv("HLNB_CACHE_NOTES", str(tmp_path / "notes"))
    monkeypatch.setenv("HLNB_CACHE_PROGRESS", str(tmp_path / "progress"))
    monkeypatch.setattr(kept, "_said", set())
    return tmp_path / "store"


@pytest.fixture
def notes(store):
    """What was noted, a line each."""

    def noted():
        with contextlib.suppress(FileNotFoundError):
            lines = store.with_name("notes").read_text("utf8").splitlines()
            return [json.loads(line) for line in lines]
        return []

    return noted


@pytest.fixture
def trained(store, monkeypatch):
    """The seeds and rates of all runs that were computed and not found."""
    runs = []
    original = loop.train.anew

    def counted(*, run, **arguments):
        runs.append((run.seed, run.lr))
        return original(run=run, **arguments)

    monkeypatch.setattr(loop.train, "anew", counted)
    return runs


def look(runs, *, problem=PROBLEM, model=MODEL, epochs=2, **settings):
    schedule = simultaneous(model, epochs=epochs)
    return sweep(problem, model, schedule, runs, **SETTINGS | settings)


# --- sweeps ---------------------------------------------------------------------------


def test_an_interrupted_sweep_goes_on_where_it_ended(trained, store, notes):
    look(grid([0], [0.1]))
    whole = look(grid([0, 1], [0.1, 0.2]))
    assert trained == [(0, 0.1), (1, 0.1), (0, 0.2), (1, 0.2)]
    again = look(grid([0, 1], [0.1, 0.2]))
    assert len(trained) == 4
    for name, values in whole.traces.items():
        assert (values == again.traces[name]).all()
        assert values.dtype == again.traces[name].dtype
    assert store.with_name("progress").read_text() == "." * (1 + 4 + 4)
    assert [n for n in notes() if "at hand" in n] == [
        {"at hand": 0, "of": 1},
        {"at hand": 1, "of": 4},
        {"at hand": 4, "of": 4},
    ]
    used = [n["used"] for n in notes() if "used" in n]
    assert used[1:5] == used[5:]
    assert len(set(used)) == 4
    assert {path.name[:32] for path in store.rglob("*.npz")} == set(used)


def test_a_sweep_that_breaks_off_keeps_what_was_computed(trained, monkeypatch):
    counted = loop.train.anew

    def stops(*, run, **arguments):
        if run.seed == 1:
            raise KeyboardInterrupt
        return counted(run=run, **arguments)

    with monkeypatch.context() as patch:
        patch.setattr(loop.train, "anew", stops)
        with pytest.raises(KeyboardInterrupt):
            look(grid([0, 1], [0.1]))
    look(grid([0, 1], [0.1]))
    assert trained == [(0, 0.1), (1, 0.1)]


@pytest.mark.parametrize(
    "other",
    [
        {"problem": replace(PROBLEM, scale=0.5)},
        {"model": toy_network(d=30, n_classes=2, T=6, channels=4, hidden=9)},
        {"epochs": 3},
        {"n_train": 33},
        {"measures": {"test": Error("test")}},
        {"measures": {"test": Error("train"), "filters": Weights("conv")}},
        {"online": True},
        {"until": {"test": 0.1}},
        {"dtype": torch.float64},
        {"optimizer": SGD(momentum=0.5)},
    ],
    ids=lambda other: next(iter(other)),
)
def test_another_experiment_is_computed(trained, other):
    look([Run(0, 0.1)])
    look([Run(0, 0.1)], **other)
    assert len(trained) == 2


def test_sweeps_and_single_runs_share_their_results(trained):
    settings = {"measures": SETTINGS["measures"], "n_train": 32}
    schedule = simultaneous(MODEL, epochs=2)
    look([Run(0, 0.1)])
    one = loop.train(PROBLEM, MODEL, schedule, Run(0, 0.1), **settings)
    assert isinstance(one, Trace)
    assert len(trained) == 1


def test_runs_that_went_on_from_other_runs_are_not_mistaken(trained):
    measures = all_weights([*MODEL.names, "conv_head"])
    begun = {e: look(grid([0], [0.1]), epochs=e, measures=measures) for e in (1, 2)}
    for result in begun.values():
        look(grid([0], [0.1]), measures=measures, after=result)
    assert len(trained) == 4
    look(grid([0], [0.1]), measures=measures, after=begun[1])
    assert len(trained) == 4


def test_nothing_is_kept_unless_asked(trained, store, monkeypatch):
    monkeypatch.delenv("HLNB_CACHE")
    look([Run(0, 0.1)])
    assert not store.exists()
    assert small_runs.place(small_runs.RUNS["toy problem"]) is None


# --- the address ----------------------------------------------------------------------

KINDS = {  # the methods by which sweep and train know what they are given
    "layers and models": {"init", "apply"},
    "measures": {"on", "__call__"},
    "problems": {"sample", "split"},
    "optimizers": {"build"},
}


def classes():
    """Every class of the package that a run can be asked for with."""
    traced.import_all()
    found = {
        Run,
        Phase,
        Schedule,
        training_runs.Start,
        *typing.get_args(layers.Initialization),
    }
    for name in traced.modules():
        for thing in vars(sys.modules[name]).values():
            own = isinstance(thing, type) and thing.__module__ == name
            if own and dataclasses.is_dataclass(thing):
                names = {*dir(thing), *(f.name for f in dataclasses.fields(thing))}
                if any(methods <= names for methods in KINDS.values()):
                    found.add(thing)
    return sorted(found, key=lambda c: (c.__module__, c.__qualname__))


CLASSES = classes()


@pytest.fixture(scope="module")
def places():
    """Where the small runs are kept."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HLNB_CACHE", "store")
        yield {name: small_runs.place(asked) for name, asked in small_runs.RUNS.items()}


@pytest.fixture
def edited(tmp_path, monkeypatch):
    """Where the small runs are kept once a definition of the package was edited."""
    folder = tmp_path / "hlnb"
    shutil.copytree(code.PACKAGE, folder, ignore=shutil.ignore_patterns("*.pyc"))

    def places(found, old, new):
        parts = found.module.split(".")[1:]
        path = folder.joinpath(*parts).with_suffix(".py")
        text = path.read_text("utf8")
        at = text.index(f"{found.name}")
        assert old in text[at:]
        path.write_text(text[:at] + text[at:].replace(old, new, 1), "utf8")
        package = code.Package(folder, like=code.package())
        path.write_text(text, "utf8")
        monkeypatch.setenv("HLNB_CACHE", "store")
        with monkeypatch.context() as patch:
            patch.setattr(code, "package", lambda: package)
            asked = small_runs.RUNS.items()
            return {name: small_runs.place(each) for name, each in asked}

    return places


@pytest.mark.parametrize("thing", CLASSES, ids=lambda c: c.__name__)
def test_each_class_that_enters_runs_is_in_their_address(thing, places, edited):
    """And in that of no run that has nothing to do with it."""
    found = Definition(thing.__module__, thing.__qualname__)
    after = edited(
        Definition(found.module, f"class {found.name}"),
        ":\n    ",
        ":\n    edited = 1\n    ",
    )
    moved = {name for name in after if after[name].address != places[name].address}
    using = {name for name in places if found in places[name].roots}
    reaching = {n for n in places if found in code.package().reach(places[n].roots)}
    assert using
    assert using <= moved == reaching
    assert reaching != set(places) or found.module in ALWAYS


ALWAYS = {
    *("hlnb.training.loop", "hlnb.training.optimizers", "hlnb.training.runs"),
    *("hlnb.models.layers", "hlnb.models.model", "hlnb.schedules"),
    "hlnb.metrics.measures",
}


@pytest.mark.parametrize(
    ("where", "old", "new", "runs"),
    [
        (
            Definition("hlnb.training.fast.vectors", "def plus"),
            "(by, theirs,",
            "(by, by,",
            "toy problem",
        ),
        (
            Definition("hlnb.training.optimizers", "class SGD"),
            "self.decay",
            "9",
            "decay",
        ),
        (
            Definition("hlnb.data.boolean", "def characters"),
            ".prod(1)",
            ".sum(1)",
            "sums of parities",
        ),
        (Definition("hlnb.seeding", "def stream"), ">> 1", ">> 2", "stripes"),
        (
            Definition("hlnb.training.evaluation", "EVALUATION_CHUNK"),
            "256",
            "255",
            "bent",
        ),
    ],
    ids=lambda given: getattr(given, "name", None),
)
def test_what_runs_lead_to_is_in_their_address(places, edited, where, old, new, runs):
    after = edited(where, old, new)
    assert after[runs].address != places[runs].address


def test_neutral_code_is_not_in_it(places, edited):
    after = edited(Definition("hlnb.training.executors", "MANY"), "256", "512")
    assert after == places


class Told:
    """It can't be described."""


@dataclass(frozen=True)
class Foreign(Error):
    """A measure from outside the package: its code could change unseen."""


@dataclass(frozen=True)
class OwnLayer(Affine):
    """A layer from outside the package."""


@functools.wraps(networks.toy_network)
def disguised(*args):
    """A function that says it was of the package."""


class OwnDict(dict):
    pass


FOREIGN = {
    "a measure": {"measures": {"test": Foreign()}},
    "a problem": {"problem": type("Own", (type(PROBLEM),), {})(**vars(PROBLEM))},
    "a layer of a model": {
        "model": replace(
            MODEL, layers=(*MODEL.layers[:2], OwnLayer("readout", 8, 2, relu=False))
        )
    },
    "an optimizer": {"optimizer": type("Own", (SGD,), {"__qualname__": "SGD"})()},
}


@pytest.mark.parametrize("other", FOREIGN.values(), ids=FOREIGN.keys())
def test_runs_with_code_from_outside_are_not_kept(trained, store, notes, other):
    for _ in range(2):
        look(grid([0, 1], [0.1]), **other)
    assert len(trained) == 4
    assert not store.exists()
    (said,) = (n["not kept"] for n in notes() if "not kept" in n)
    assert "Results of train are not kept" in said
    assert not [n for n in notes() if "used" in n]


def local():
    return lambda: None


DESCRIBED_BY_NOTHING = {
    "a lambda": lambda: None,
    "a function in a function": local(),
    "what a lambda holds": (lambda held: lambda: held)(1),
    "a function in a partial": functools.partial(local, 1),
    "a foreign function in a package's name": disguised,
    "a bound method": Told().__init__,
    "a method of what is not described": [].append,
    "a transformed function": torch.func.grad(local),
    "an object": Told(),
    "a class": Told,
    "a type of its own": OwnDict(a=1),
    "an array of objects": np.array([None]),
    "an array with a mask": np.ma.array([1.0], mask=[True]),
    "another generator": np.random.default_rng(0),
    "a file": Path("file"),
    "numbers that NumPy does not know": torch.zeros(1, dtype=torch.bfloat16),
}


@pytest.mark.parametrize(
    "thing", DESCRIBED_BY_NOTHING.values(), ids=DESCRIBED_BY_NOTHING.keys()
)
@pytest.mark.parametrize("within", [False, True], ids=["itself", "deep inside"])
def test_what_an_address_cannot_stand_for_has_none(store, notes, thing, within):
    if within:
        thing = {"a": [(1, thing)]}
    assert kept.place(loop.train, {"x": thing}) is None
    assert "not kept" in notes()[0]


def test_a_generator_is_left_where_the_computation_left_it(kept_grid):
    function = kept_grid(lambda drawn: torch.rand(3, generator=drawn))
    first, second = torch.Generator().manual_seed(1), torch.Generator().manual_seed(1)
    assert_same(function(first), function(second))
    assert kept_grid.calls == [first]
    assert (first.get_state() == second.get_state()).all()
    assert not (function(second) == function(torch.Generator().manual_seed(1))).all()
    assert len(kept_grid.calls) == 2  # a generator that has drawn is another


def test_a_generator_inside_something_cannot_be_left_so(store, notes):
    for thing in ([torch.Generator()], {"a": torch.Generator()}):
        assert kept.place(loop.train, {"x": thing}) is None
    assert "does not say what it is made of" in notes()[0]["not kept"]


SAME = {
    "words": ["a", "b", ""],
    "numbers": [0, 1, -1, 0.0, -0.0, 1.0, True, False, 1j, math.nan, math.inf, 2**70],
    "NumPy's numbers": [np.float32(1), np.float64(1), np.int64(1), np.bool_(True)],
    "nothing and the like": [None, (), [], {}, set(), "None", "()", 0, False, b""],
    "collections": [(1, 2), [1, 2], {1, 2}, {1: 2}, (2, 1), [1, [2]], [[1], 2]],
    "mappings": [
        {"a": 1, "b": 2},
        {"b": 2, "a": 1},
        {"a": 2, "b": 1},
        {1: 1},
        {"1": 1},
    ],
    "types": [int, "int", float, np.float32, torch.float32, "torch.float32"],
    "functions": [
        math.log,
        torch.nn.functional.relu,
        operator.add,
        len,
        "len",
        training_runs.grid,
    ],
    "partials": [
        functools.partial(training_runs.grid, [0]),
        functools.partial(training_runs.grid, [1]),
        functools.partial(training_runs.grid, seeds=[0]),
        training_runs.grid,
    ],
    "arrays": [
        np.zeros(3),
        np.zeros(3, np.float32),
        np.zeros((1, 3)),
        np.zeros((3, 1)),
        np.zeros(4),
        np.arange(10**5),
        np.where(np.arange(10**5) == 50_000, 0, np.arange(10**5)),
        torch.zeros(3),
        torch.zeros(3, dtype=torch.float64),
        [0.0, 0.0, 0.0],
    ],
    "data": [
        SGD(),
        SGD(0.5),
        optimizers.Adam(),
        Run(0, 0.5),
        Phase(1, ("a",)),
        Phase(1, ("a",), lr=1.0),
    ],
    "named tuples": [Trace(1, 2, {}), (1, 2, {}), training_runs.Start({}, 1)],
}


@pytest.mark.parametrize("things", SAME.values(), ids=SAME.keys())
def test_other_content_has_another_address(store, things):
    found = [kept.place(loop.train, {"x": thing}).address for thing in things]
    assert len(set(found)) == len(things)
    assert found == [kept.place(loop.train, {"x": t}).address for t in things]


def test_another_name_or_function_has_another_address(store):
    found = [
        kept.place(function, {name: 1}).address
        for function in (loop.train, training_runs.grid)
        for name in "ab"
    ]
    assert len(set(found)) == 4


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (np.arange(6.0).reshape(2, 3), np.arange(6.0).reshape(3, 2).T.copy().T),
        ({3, 1, 2}, {2, 3, 1}),
        ({"a": 1}, types.MappingProxyType({"a": 1})),
    ],
)
def test_equal_content_has_one_address(store, one, other):
    if isinstance(one, np.ndarray):
        one, other = one, np.asfortranarray(one)
    first, second = (kept.place(loop.train, {"x": t}) for t in (one, other))
    assert first.address == second.address


def test_an_executor_decides_nothing(store):
    found = [kept.place(loop.train, {"x": 1, "executor": e}) for e in (Here(), Here())]
    assert found[0] == found[1] == kept.place(loop.train, {"x": 1})


def test_two_classes_of_a_name_are_told_apart(store, tmp_path, monkeypatch):
    """They may change places in what is asked for."""
    folder = tmp_path / "two"
    folder.mkdir()
    for name, text in {
        "__init__": "",
        "a": "x = 1",
        "b": "x = 2",
        "c": "def f(): pass",
    }.items():
        (folder / f"{name}.py").write_text(
            f"class C(tuple):\n    {text}" if name in "ab" else text
        )
    monkeypatch.syspath_prepend(tmp_path)
    package = code.Package(folder)
    monkeypatch.setattr(code, "package", lambda: package)
    monkeypatch.setattr(code, "PACKAGE", folder)
    from two import a, b, c

    one = kept.place(c.f, {"x": a.C(), "y": b.C()})
    other = kept.place(c.f, {"x": b.C(), "y": a.C()})
    assert one.roots == other.roots
    assert one.address != other.address


def test_a_file_edited_after_import_keeps_nothing(trained, store, notes, monkeypatch):
    monkeypatch.setattr(kept, "_edited", lambda: Path("training.py"))
    look([Run(0, 0.1)])
    look([Run(0, 0.1)])
    assert len(trained) == 2
    assert not store.exists()
    (said,) = (n["not kept"] for n in notes() if "not kept" in n)
    assert "training.py was edited after it was imported" in said


def test_a_file_edited_while_a_run_is_computed_keeps_nothing(store, monkeypatch):
    place = kept.place(loop.train, {"x": 1})
    monkeypatch.setattr(kept, "_edited", lambda: Path("training.py"))
    kept.keep(place, kept.Found(1))
    assert not store.exists()


def test_it_is_said_in_the_log_where_there_are_no_notes(store, monkeypatch, caplog):
    monkeypatch.delenv("HLNB_CACHE_NOTES")
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert kept.place(loop.train, {"x": Told()}) is None
    (record,) = caplog.records
    assert record.getMessage() == (
        "Results of train are not kept: test_kept.Told does not say what it is made of."
    )


# --- the store ------------------------------------------------------------------------


@pytest.fixture
def kept_grid(store, monkeypatch):
    """Makes a function that is kept as `runs.grid`, and notes its calls."""
    calls = []

    def made(result):
        def grid(x=0):
            calls.append(x)
            return result(x) if callable(result) else result

        grid.__module__, grid.__qualname__ = "hlnb.training.runs", "grid"
        function = kept.kept(grid)
        monkeypatch.setattr(training_runs, "grid", function)
        return function

    made.calls = calls
    return made


ARRAY = np.arange(6.0).reshape(2, 3)
RESULTS = {
    "a word": "é\u2028\0",
    "numbers": [0, -0.0, 1.5, math.nan, math.inf, True, 10**30],
    "NumPy's numbers": [
        np.float32(0.1),
        np.int8(-3),
        np.bool_(True),
        np.float64("nan"),
    ],
    "rows": ARRAY,
    "columns": np.asfortranarray(ARRAY),
    "every second": ARRAY[:, ::2],
    "one": np.array(2),
    "none": np.zeros((0, 3), np.float32),
    "whole numbers": np.arange(3, dtype=">i2"),
    "words in an array": np.array(["a", "bc"]),
    "a record": np.zeros(2, [("a", "f4"), ("b", "?")]),
    "a tensor": torch.arange(6.0).reshape(2, 3),
    "a tensor in columns": torch.arange(6.0).reshape(2, 3).T,
    "one number of a tensor": torch.tensor(2.5, dtype=torch.float64),
    "collections": [
        (1, [2, "a"]),
        {3, 4},
        frozenset({5}),
        {"a": {1: (2,)}, (1, 2): []},
    ],
    "data": {"a": SGD(0.5), "b": [Phase(1, ("x", "y"), lr=0.5)]},
    "a named tuple": Trace(np.arange(2), ARRAY[0], {"a": ARRAY}),
}


def assert_same(one, other):
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert_same([*one.items()], [*other.items()])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_same(a, b)
    elif isinstance(one, torch.Tensor):
        assert one.stride() == other.stride()
        assert_same(one.numpy(), other.numpy())
    elif isinstance(one, np.ndarray | np.generic):
        assert one.dtype == other.dtype
        assert one.tobytes() == other.tobytes()
        assert one.flags.c_contiguous == other.flags.c_contiguous
        assert one.flags.f_contiguous == other.flags.f_contiguous
    elif dataclasses.is_dataclass(one):
        assert_same(vars(one), vars(other))
    elif isinstance(one, set | frozenset):
        assert one == other
    else:
        assert repr(one) == repr(other)


# The closure of `training.grid` holds neither SGD nor Phase: train's does
@pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS.keys())
def test_results_come_back_as_they_were(store, result):
    place = small_runs.place(small_runs.RUNS["toy problem"])
    kept.keep(place, kept.Found(result))
    found = kept.find(place).result
    if isinstance(result, np.ndarray) and not (
        result.flags.c_contiguous or result.flags.f_contiguous
    ):
        result = np.ascontiguousarray(result)
    assert_same(found, result)


def test_a_result_is_the_same_computed_and_found(kept_grid):
    function = kept_grid(ARRAY[:, ::2])
    assert_same(function(), function())
    assert kept_grid.calls == [0]


Pair = namedtuple("Pair", "a b")

UNKEPT = {
    "an object": Told(),
    "a foreign named tuple": Pair(1, 2),
    "foreign data": Foreign(),
    "a mapping of another type": OrderedDict(a=1),
    "an array with a mask": np.ma.array([1.0], mask=[True]),
    "an array of objects": np.array([None]),
    "a function": len,
    "letters": b"a",
    "numbers that NumPy does not know": torch.zeros(1, dtype=torch.bfloat16),
}


@pytest.mark.parametrize("result", UNKEPT.values(), ids=UNKEPT.keys())
def test_what_cannot_be_kept_is_refused(kept_grid, store, result):
    with pytest.raises(TypeError, match=r"cannot be kept|made of|no like in NumPy"):
        kept_grid({"a": [result]})()
    assert not store.exists()


def test_a_class_that_the_code_does_not_reach_is_refused(kept_grid):
    with pytest.raises(TypeError, match=r"A hlnb\.results\.Result cannot be kept"):
        kept_grid(Result({}, ARRAY[0], ARRAY[0], {}, {}))()


@pytest.fixture
def stored(store):
    """A place, and the file of the result that is kept there."""
    place = small_runs.place(small_runs.RUNS["toy problem"])
    result = Trace(np.arange(3), np.arange(3) / 2, {"loss": ARRAY, "error": ARRAY + 1})
    kept.keep(place, kept.Found([result, 0.5]))
    (path,) = store.rglob("*.npz")
    assert kept.find(place) is not None
    return place, path


def rewritten(path, change):
    arrays = storage.read(path)
    about = json.loads(str(arrays.pop("about")))
    change(about, arrays)
    storage.write(path, arrays | {"about": np.array(json.dumps(about))}, small=False)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: b"PK",
        lambda data: data[:200],
        lambda data: data[:-1],
        lambda data: data.replace(b"NUMPY", b"NUMPX", 1),
        *(
            lambda data, at=at: (
                data[: (k := int(at * len(data)))]
                + bytes([data[k] ^ 1])
                + data[k + 1 :]
            )
            for at in (0.1, 0.3, 0.5, 0.7, 0.9)
        ),
    ],
)
def test_a_damaged_file_is_not_served(stored, damage):
    place, path = stored
    whole = kept.find(place)
    path.write_bytes(damage(path.read_bytes()))
    found = kept.find(place)
    if found is not None:  # a bit that means nothing, such as a file's date
        assert_same(found, whole)


ALTERED = {
    "a number": lambda about, arrays: arrays["array 2"].__setitem__((0, 0), 7),
    "a shorter array": lambda about, arrays: arrays.update(
        {"array 0": arrays["array 0"][:-1]}
    ),
    "another shape": lambda about, arrays: arrays.update(
        {"array 2": arrays["array 2"].reshape(3, 2)}
    ),
    "another type": lambda about, arrays: arrays.update(
        {"array 0": arrays["array 0"].view("f8")}
    ),
    "a missing array": lambda about, arrays: arrays.pop("array 3"),
    "two arrays changed": lambda about, arrays: arrays.update(
        {"array 2": arrays["array 3"], "array 3": arrays["array 2"]}
    ),
    "a number in words": lambda about, arrays: about["result"][1].__setitem__(1, 0.25),
    "another format": lambda about, arrays: about.update(format="hlnb kept 0"),
    "another question": lambda about, arrays: about["spec"].update(n_train=17),
    "other code": lambda about, arrays: about.update(code="0" * 64),
    "another function": lambda about, arrays: about.update(function=["grid", "0"]),
    "another processor": lambda about, arrays: about["computed on"].update(
        processor="another"
    ),
    "no digest": lambda about, arrays: about.pop("digest"),
    "no question": lambda about, arrays: about.pop("spec"),
    "nothing of itself": lambda about, arrays: about.clear(),
}


@pytest.mark.parametrize("change", ALTERED.values(), ids=ALTERED.keys())
@pytest.mark.parametrize("signed", [False, True])
def test_an_altered_file_is_not_served(stored, change, signed):
    """Not even if its digest was made anew, where it speaks of something else."""
    place, path = stored

    def altered(about, arrays):
        change(about, arrays)
        if signed and "digest" in about:
            about.pop("digest")
            about["digest"] = kept._digest(about, arrays)

    rewritten(path, altered)
    speaks_of_another = {
        "another format",
        "another question",
        "other code",
        "another function",
        "another processor",
        "no digest",
        "no question",
        "nothing of itself",
        "a missing array",
    }
    name = next(n for n, c in ALTERED.items() if c is change)
    assert (kept.find(place) is None) == (not signed or name in speaks_of_another)


def test_a_file_without_a_word_of_itself_is_not_served(stored):
    place, path = stored
    storage.write(path, {"array 0": ARRAY}, small=False)
    assert kept.find(place) is None
    storage.write(path, {"about": ARRAY}, small=False)
    assert kept.find(place) is None
    storage.write(path, {"about": np.array("[1]")}, small=False)
    assert kept.find(place) is None


def test_swapped_files_are_computed_again(trained, store):
    first = look(grid([0, 1], [0.1]))
    one, other = store.rglob("*.npz")
    one.rename(store / "x")
    other.rename(one)
    (store / "x").rename(other)
    again = look(grid([0, 1], [0.1]))
    assert len(trained) == 4
    assert (first.traces["filters"] == again.traces["filters"]).all()


def test_results_of_two_functions_are_not_swapped(kept_grid, store):
    """Both have the same arguments and, calling each other, the same code."""
    place = kept.place(loop.train, {"x": 1})
    other = kept.place(training_runs.grid, {"x": 1})
    kept.keep(place, kept.Found(1))
    kept.keep(other, kept.Found(2))
    here = kept.computed_on()
    place.path(store, here).replace(other.path(store, here))
    assert kept.find(other) is None


@pytest.mark.parametrize("name", ["processor", "vectors", "torch", "numba", "python"])
def test_only_an_equal_machine_is_served(trained, monkeypatch, name):
    look([Run(0, 0.1)])
    here = kept.computed_on()
    monkeypatch.setattr(kept, "computed_on", lambda *_: here | {name: "another"})
    look([Run(0, 0.1)])
    look([Run(0, 0.1)])
    assert len(trained) == 2
    monkeypatch.undo()
    assert name in here


def test_a_file_of_another_machine_under_this_ones_name_is_not_served(stored, store):
    place, path = stored
    kept.keep(place, kept.Found(3), computed={"processor": "another"})
    (other,) = {*store.rglob("*.npz")} - {path}
    other.replace(path)
    assert kept.find(place) is None


def test_what_computes_is_named_in_full():
    here = kept.computed_on()
    assert {"processor", "vectors", "system", "python", "torch", "numpy"} <= set(here)
    assert {"numba", "llvmlite", "scipy", "scikit-learn"} <= set(here)
    assert all(here.values())


@pytest.mark.parametrize("device", ["cuda", "auto", "cuda:1"])
def test_a_card_is_named_too(monkeypatch, device):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda *_: "a card")
    kept.computed_on.cache_clear()
    assert kept.computed_on(device)["card"] == "a card"
    kept.computed_on.cache_clear()
    assert "card" not in kept.computed_on("cpu")


def test_a_folder_that_cannot_be_written_loses_no_run(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    for name in ("HLNB_CACHE", "HLNB_CACHE_NOTES", "HLNB_CACHE_PROGRESS"):
        monkeypatch.setenv(name, str(tmp_path / "file" / "x"))
    assert np.isfinite(look([Run(0, 0.1)]).traces["test"]).all()


def test_a_full_disk_loses_no_run(trained, store, monkeypatch):
    def full(*_, **__):
        raise HlnbError("No space left on device.")

    monkeypatch.setattr(storage, "write", full)
    assert np.isfinite(look([Run(0, 0.1)]).traces["test"]).all()
    assert not store.exists()


# --- runs of record -------------------------------------------------------------------


@pytest.fixture
def record(store, tmp_path, monkeypatch):
    """Makes what is in the store the runs of record, of another machine."""

    def made():
        here = kept.computed_on()
        folder = tmp_path / "record"
        for path in store.rglob("*.npz"):
            home = folder / path.parent.name / f"{path.name[:32]}.npz"
            storage.write(home, storage.read(path), small=True)
        shutil.rmtree(store)
        monkeypatch.setenv("HLNB_REDRAW", str(folder))
        monkeypatch.setattr(kept, "computed_on", lambda *_: here | {"torch": "0"})
        return folder

    return made


def test_runs_of_record_are_served_whatever_computed_them(trained, store, record):
    first = look([Run(0, 0.1)])
    record()
    again = look([Run(0, 0.1)])
    assert trained == [(0, 0.1)]
    assert (first.traces["filters"] == again.traces["filters"]).all()
    assert not store.exists()


def test_a_missing_run_of_record_is_refused(trained, store, record):
    look([Run(0, 0.1)])
    folder = record()
    with pytest.raises(
        HlnbError, match=r"^The runs of record in \S+ lack a result"
    ) as e:
        look([Run(1, 0.1)])
    assert str(folder) in str(e.value)
    assert "`hlnb run` computes it anew" in str(e.value)
    assert trained == [(0, 0.1)]


def test_a_damaged_run_of_record_is_refused(trained, record):
    look([Run(0, 0.1)])
    (path,) = record().rglob("*.npz")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(HlnbError, match="lack a result"):
        look([Run(0, 0.1)])


# --- kept functions -------------------------------------------------------------------


def test_a_kept_function_computes_once(kept_grid, notes):
    function = kept_grid(lambda x: [x])
    assert function(1) == function(x=1) == [1]
    assert function(2) == [2]
    assert kept_grid.calls == [1, 2]
    one, same, other = (n["used"] for n in notes())
    assert one == same != other


def test_anew_computes_always(kept_grid, store):
    function = kept_grid(lambda x: [x])
    assert function.anew(1) == function.anew(1) == [1]
    assert kept_grid.calls == [1, 1]
    assert not store.exists()


def test_within_a_kept_result_only_that_one_is_noted(kept_grid, trained, notes):
    def outer(x):
        return look([Run(0, 0.1)]).traces["test"]

    function = kept_grid(outer)
    first, again = function(), function()
    assert (first == again).all()
    assert trained == [(0, 0.1)]
    used = [n["used"] for n in notes() if "used" in n]
    assert len(used) == 2
    assert len(set(used)) == 1
    look([Run(0, 0.1)])
    assert len([n for n in notes() if "used" in n]) == 3


def test_within_a_result_that_is_not_kept_all_are_noted(kept_grid, notes):
    function = kept_grid(lambda x: look([Run(0, 0.1)]).traces["test"])
    function(Told())
    assert len([n for n in notes() if "used" in n]) == 1


def test_a_kept_function_that_fails_is_forgotten(kept_grid, notes):
    def fails(x):
        raise HlnbError("No.")

    with pytest.raises(HlnbError):
        kept_grid(fails)()
    look([Run(0, 0.1)])
    assert len([n for n in notes() if "used" in n]) == 1


def test_kept_functions_keep_their_signature():
    assert "measures" in inspect.signature(loop.train).parameters
