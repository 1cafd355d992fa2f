"""The loop is plain SGD, its shortcuts change nothing, and layouts agree to the bit."""

import os
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from hlnb.data.boolean import staircase
from hlnb.data.patterns import toy_problem
from hlnb.errors import HlnbError
from hlnb.metrics.measures import Error, Loss, Weights, all_weights
from hlnb.models.networks import residual_network, toy_network
from hlnb.schedules import Phase, Schedule, greedy, layerwise, only, simultaneous
from hlnb.seeding import stream
from hlnb.training import evaluation, loop, steps
from hlnb.training import sweep as sweeping
from hlnb.training.evaluation import frozen_activations
from hlnb.training.executors import Here, processes
from hlnb.training.loop import train
from hlnb.training.optimizers import SGD, Adam
from hlnb.training.runs import Run, Start, grid
from hlnb.training.sweep import _stacks, sweep

PROBLEM = toy_problem(1, d=30, T=6)
MODEL = toy_network(d=30, n_classes=2, T=6, channels=4, hidden=8)
LAYERS = {name: Weights(name) for name in MODEL.names}
SMALL = {"n_train": 48, "batch_size": 16, "dtype": torch.float64}


def run(schedule, *, measures=LAYERS, seed=0, lr=0.1, **settings):
    return train(
        PROBLEM, MODEL, schedule, Run(seed, lr), measures=measures, **SMALL | settings
    )


def reference(phases, optimizer, *, seed=0, lr=0.1):
    """The same training with autograd through the whole network and no caching."""
    batch = PROBLEM.split(seed, n_train=48)["train"]
    x, y = batch.x.double(), batch.y
    params = {k: v.double() for k, v in MODEL.init(stream(seed, "init")).items()}
    order = stream(seed, "order")
    for phase in phases:
        learning = [
            value.requires_grad_(MODEL.layer_of(name) in phase.learns)
            for name, value in params.items()
        ]
        stepper = optimizer([v for v in learning if v.requires_grad], lr=phase.lr or lr)
        for _ in range(phase.epochs):
            for rows in torch.randperm(48, generator=order).split(16):
                outputs = MODEL.apply(params, x[rows], exit=phase.exit)
                loss = F.cross_entropy(outputs, y[rows])
                stepper.zero_grad()
                loss.backward()
                stepper.step()
    return {k: v.detach().numpy() for k, v in params.items()}


@pytest.mark.parametrize(
    "schedule",
    [
        simultaneous(MODEL, epochs=3),
        layerwise(MODEL, epochs=2),
        only(MODEL, "hidden", epochs=3),
        Schedule("s", (Phase(1, ("readout",)), Phase(2, ("conv", "hidden")))),
        greedy(MODEL, epochs=2),
        layerwise(MODEL, epochs=1, lrs=[0.3, None, 0.05]),
    ],
    ids=lambda s: s.name,
)
@pytest.mark.parametrize(
    ("optimizer", "theirs"), [(SGD(), torch.optim.SGD), (Adam(), torch.optim.Adam)]
)
def test_equals_training_without_shortcuts(schedule, optimizer, theirs):
    found = run(schedule, optimizer=optimizer).values
    expected = reference(schedule.phases, theirs)
    for name in MODEL.names:
        np.testing.assert_allclose(
            found[name][-1], expected[f"{name}.weight"], rtol=1e-10, atol=1e-13
        )


PARTS = ("weight", "bias")
TWO_CONV = Schedule(
    "s", (Phase(2, ("conv",)), Phase(1, MODEL.names), Phase(1, ("conv",)))
)


@pytest.mark.parametrize("optimizer", [SGD(momentum=0.9), Adam()])
def test_fresh_moments_or_carried_ones_are_equal_where_each_layer_learns_once(
    optimizer,
):
    """What waits gathers; where nothing below learns again, only that can differ."""
    once = Schedule("s", (Phase(2, ("readout",)), Phase(2, ("hidden",))), ("conv",))
    fresh, carried = (
        run(once, optimizer=optimizer, carry=carry).values for carry in (False, True)
    )
    for name in MODEL.names:
        assert (fresh[name] == carried[name]).all()


@pytest.mark.parametrize("optimizer", [SGD(momentum=0.9), Adam()])
@pytest.mark.parametrize(
    "schedule", [layerwise(MODEL, epochs=2), TWO_CONV], ids=["above", "again"]
)
def test_carried_moments_are_those_of_one_optimizer(schedule, optimizer):
    """A layer above gathers while it waits; one that learns again finds its own."""
    batch = PROBLEM.split(0, n_train=48)["train"]
    x, y = batch.x.double(), batch.y
    params = {k: v.double() for k, v in MODEL.init(stream(0, "init")).items()}
    own = {
        name: optimizer.build([params[f"{name}.weight"], params[f"{name}.bias"]], 0.1)
        for name in MODEL.names
    }
    order = stream(0, "order")
    for k, phase in enumerate(schedule.phases):
        later = {name for after in schedule.phases[k + 1 :] for name in after.learns}
        lowest = min(MODEL.names.index(name) for name in phase.learns)
        for _ in range(phase.epochs):
            for rows in torch.randperm(48, generator=order).split(16):
                for value in params.values():
                    value.requires_grad_()
                F.cross_entropy(MODEL.apply(params, x[rows]), y[rows]).backward()
                for i, name in enumerate(MODEL.names):
                    if name in phase.learns or (name in later and i > lowest):
                        before = [params[f"{name}.{p}"].clone() for p in PARTS]
                        own[name].step()
                        if name not in phase.learns:
                            with torch.no_grad():
                                for part, old in zip(PARTS, before, strict=True):
                                    params[f"{name}.{part}"].copy_(old)
                    own[name].zero_grad()
    found = run(schedule, optimizer=optimizer, carry=True).values
    for name in MODEL.names:
        np.testing.assert_allclose(
            found[name][-1], params[f"{name}.weight"].detach(), rtol=1e-10, atol=1e-13
        )


@pytest.mark.parametrize("optimizer", [SGD(), SGD(momentum=0.9)])
@pytest.mark.parametrize("online", [False, True])
def test_a_schedule_cut_in_two_gives_the_same_numbers(optimizer, online):
    """To the bit; heads too, and the epochs go on."""
    whole = greedy(MODEL, epochs=2)
    parts = [
        Schedule("a", whole.phases[:1], ("hidden", "readout")),
        Schedule("b", whole.phases[1:], ("conv",)),
    ]
    common = {
        "measures": all_weights([*MODEL.names, "conv_head"]),
        "optimizer": optimizer,
        "online": online,
        "n_train": 40,
        "batch_size": 16,
        "executor": Here(),
    }
    runs = grid([3, 5], [0.1])
    expected = sweep(PROBLEM, MODEL, whole, runs, **common)
    first = sweep(PROBLEM, MODEL, parts[0], grid([5, 3], [0.1]), **common)
    second = sweep(PROBLEM, MODEL, parts[1], runs, after=first, **common)
    assert second.epochs.tolist() == [2, 3, 4] == expected.epochs[2:].tolist()
    assert second.steps.tolist() == expected.steps[2:].tolist()
    for name in common["measures"]:
        assert (second.of(name) == expected.of(name)[:, 2:]).all()
    assert second.spec["after"] == first.spec


def test_what_a_run_goes_on_from_is_checked():
    schedule, weights = simultaneous(MODEL, epochs=1), all_weights(MODEL.names)
    few = {"measures": weights, "n_train": 16, "executor": Here()}
    several = sweep(PROBLEM, MODEL, schedule, grid([0], [0.1, 0.2]), **few)
    for after, seed, message in [
        (several, 0, r"has 2 runs of seed 0, and one is needed: .* `after.at\(lr\)`"),
        (several.at(0.2), 1, "has 0 runs of seed 1"),
        (several.at(0.2), 0, "Nothing called 'conv_head.weight' was measured"),
    ]:
        with pytest.raises(HlnbError, match=message):
            sweep(PROBLEM, MODEL, schedule, grid([seed], [1.0]), after=after, **few)
    params = {k: v.numpy()[..., :1] for k, v in MODEL.init(stream(0, "init")).items()}
    with pytest.raises(HlnbError, match="`all_weights` of the same model"):
        run(schedule, start=Start(params, 1))


def test_steps_to_measure_after_can_be_named():
    """Ends of phases are among them; steps beyond the end are not."""
    schedule = layerwise(MODEL, epochs=1)
    named = run(schedule, every=(2, 1, 5, 100))
    full = run(schedule, every=1)
    assert named.steps.tolist() == [0, 1, 2, 3, 5, 6, 9]
    for name in MODEL.names:
        assert (named.values[name] == full.values[name][named.steps]).all()
    with pytest.raises(HlnbError, match="every = 0: take a whole number from 1 up"):
        run(schedule, every=(1, 0))


def test_auto_is_the_gpu_where_there_is_one(monkeypatch):
    assert loop.resolved("cpu") == "cpu"
    for there, device in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        assert loop.resolved("auto") == device
    found = sweep(
        PROBLEM,
        MODEL,
        simultaneous(MODEL, epochs=1),
        grid([0], [0.1]),
        measures={},
        device="auto",
        n_train=16,
        executor=Here(),
    )
    assert found.spec["device"] == "cpu"


def test_frozen_layers_do_not_move_and_learning_ones_do():
    values = run(only(MODEL, "hidden", epochs=2)).values
    for name in ("conv", "readout"):
        assert (values[name] == values[name][0]).all()
    assert (values["hidden"][-1] != values["hidden"][0]).any()


def test_frozen_activations_are_computed_once_a_phase(monkeypatch):
    calls = []
    original = steps.frozen_activations

    def counted(*arguments, **settings):
        calls.append(settings["stop"])
        return original(*arguments, **settings)

    monkeypatch.setattr(steps, "frozen_activations", counted)
    run(layerwise(MODEL, epochs=3))
    assert calls == [0, 1, 2]


def test_inputs_are_not_copied_where_nothing_is_frozen():
    x = torch.zeros(4, 30)
    params = MODEL.init(stream(0, "init"))
    assert frozen_activations(MODEL, params, x, stop=0) is x


@dataclass(frozen=True)
class Outputs:
    """The network's outputs on the validation batch, as they are."""

    on: str = "validation"

    def __call__(self, params, batch, outputs):
        return outputs


def test_outputs_are_measured_where_the_phase_lets_them_out():
    """Through the head while it is used, and from frozen activations like from rows."""
    measures = {name: Weights(name) for name in (*MODEL.names, "conv_head")}
    biases = {f"{name} bias": Weights(name, "bias") for name in measures}
    seen = {**measures, **biases, "outputs": Outputs()}
    values = run(greedy(MODEL, epochs=2), measures=seen).values
    x = PROBLEM.split(0, n_train=48)["validation"].x.double()
    for record, exit in ((0, "conv"), (1, "conv"), (2, "conv"), (3, None), (4, None)):
        params = {
            f"{name}.{part}": torch.from_numpy(
                values[name if part == "weight" else f"{name} bias"][record]
            )
            for name in measures
            for part in ("weight", "bias")
        }
        expected = MODEL.apply(params, x, exit=exit)
        np.testing.assert_allclose(values["outputs"][record], expected, rtol=1e-12)


def test_too_large_a_cache_changes_nothing(monkeypatch):
    cached = run(layerwise(MODEL, epochs=2)).values
    monkeypatch.setattr(evaluation, "CACHE_BYTES", 0)
    for name, values in run(layerwise(MODEL, epochs=2)).values.items():
        np.testing.assert_allclose(values, cached[name], rtol=1e-12, atol=1e-15)


def test_one_step_is_minus_lr_times_the_gradient():
    """Against central differences of the loss of the single batch, float64."""
    settings = {"n_train": 8, "batch_size": 8}
    values = run(simultaneous(MODEL, epochs=1), lr=0.5, **settings).values
    batch = PROBLEM.split(0, n_train=8)["train"]
    params = {k: v.double() for k, v in MODEL.init(stream(0, "init")).items()}

    def loss(shift):
        moved = {**params, "conv.weight": params["conv.weight"] + shift}
        return float(F.cross_entropy(MODEL.apply(moved, batch.x.double()), batch.y))

    for j in range(3):
        shift = torch.zeros_like(params["conv.weight"])
        shift[j, 0, j] = 1e-6
        slope = (loss(shift) - loss(-shift)) / 2e-6
        step = values["conv"][1, j, 0, j] - values["conv"][0, j, 0, j]
        assert step == pytest.approx(-0.5 * slope, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("names", [("layer1", "layer2", "layer3"), ("layer2",)])
def test_numbers_are_learned_by_squared_error(names):
    """Plain SGD on a residual network, against autograd on a loss written out."""
    model = replace(residual_network(d=8, width=5, depth=3), heads={})
    frozen = tuple(name for name in model.names if name not in names)
    schedule = Schedule("s", (Phase(2, names),), frozen)
    problem = staircase(8, 3)
    found = train(
        problem,
        model,
        schedule,
        Run(1, 0.2),
        measures=all_weights(model.names) | {"loss": Loss("train")},
        **SMALL,
    ).values
    batch = problem.split(1, n_train=48)["train"]
    x, y = batch.x.double(), batch.y.double()
    params = {k: v.double() for k, v in model.init(stream(1, "init")).items()}
    learning = [value.requires_grad_() for k, value in params.items() if k[:6] in names]
    order = stream(1, "order")
    for _ in range(2):
        for rows in torch.randperm(48, generator=order).split(16):
            loss = ((model.apply(params, x[rows])[:, 0] - y[rows]) ** 2).sum() / 16
            for value, slope in zip(
                learning, torch.autograd.grad(loss, learning), strict=True
            ):
                value.data -= 0.2 * slope
    for name, value in params.items():
        np.testing.assert_allclose(
            found[name][-1], value.detach(), rtol=1e-10, atol=1e-13
        )
    with torch.no_grad():
        last = (model.apply(params, x)[:, 0] - y).square().mean()
    assert found["loss"][-1] == pytest.approx(float(last), rel=1e-12)


def test_measuring_changes_nothing():
    few = run(simultaneous(MODEL, epochs=2)).values
    measures = {**LAYERS, "error": Error("test"), "loss": Loss("train")}
    many = run(simultaneous(MODEL, epochs=2), measures=measures, every=1).values
    for name in LAYERS:
        assert (few[name] == many[name][::3]).all()


def test_records_are_where_they_say():
    trace = run(simultaneous(MODEL, epochs=2))
    assert trace.steps.tolist() == [0, 3, 6]
    assert trace.epochs.tolist() == [0, 1, 2]
    trace = run(layerwise(MODEL, epochs=2), every=4)
    assert trace.steps.tolist() == [0, 4, 6, 8, 12, 16, 18]
    assert len(trace.values["conv"]) == 7


def test_equal_seeds_share_data_and_start_but_not_unequal_ones():
    slow, fast = (run(simultaneous(MODEL, epochs=1), lr=lr) for lr in (0.1, 0.2))
    assert (slow.values["conv"][0] == fast.values["conv"][0]).all()
    assert (slow.values["conv"][1] != fast.values["conv"][1]).any()
    other = run(simultaneous(MODEL, epochs=1), seed=1)
    assert (slow.values["conv"][0] != other.values["conv"][0]).any()


def test_online_training_sees_new_data_each_epoch():
    once = run(simultaneous(MODEL, epochs=1), online=True).values["conv"]
    finite = run(simultaneous(MODEL, epochs=2)).values["conv"]
    online = run(simultaneous(MODEL, epochs=2), online=True).values["conv"]
    assert (once[1] == online[1]).all()
    assert (finite[1] == online[1]).all()
    assert (finite[2] != online[2]).any()


def test_a_run_that_diverges_ends_as_nan():
    measures = {"error": Error("test"), "conv": Weights("conv")}
    trace = run(simultaneous(MODEL, epochs=5), measures=measures, lr=1e200)
    assert trace.values["error"].shape == (6,)
    assert np.isnan(trace.values["error"][-1])
    assert not np.isnan(trace.values["error"][0])


def test_until_ends_a_run_that_has_arrived():
    measures = {"error": Error("test"), "loss": Loss("train")}
    whole = run(simultaneous(MODEL, epochs=40), measures=measures, lr=0.3).values
    limits = {"error": 0.2, "loss": 0.6}
    ended = run(
        simultaneous(MODEL, epochs=40), measures=measures, lr=0.3, until=limits
    ).values
    last = int(max((whole[name] <= limits[name]).argmax() for name in limits))
    assert 0 < last < 40
    for name in limits:
        assert (ended[name][: last + 1] == whole[name][: last + 1]).all()
        assert np.isnan(ended[name][last + 1 :]).all()


def test_sweep_is_the_same_in_every_layout():
    """This process, threads, processes; one by one and together: the same bits."""
    runs = grid([0, 1], [0.1, 0.3])
    settings = {**SMALL, "measures": {"error": Error("test"), "conv": Weights("conv")}}
    schedule = layerwise(MODEL, epochs=2)
    alone = [train(PROBLEM, MODEL, schedule, r, **settings) for r in runs]
    with ThreadPoolExecutor(2) as threads, ProcessPoolExecutor(2) as pool:
        for executor in (threads, pool, Here()):
            found = sweep(PROBLEM, MODEL, schedule, runs, executor=executor, **settings)
            for name in settings["measures"]:
                expected = np.stack([trace.values[name] for trace in alone])
                assert (found.traces[name] == expected).all()
            assert [r["seed"] for r in found.runs] == [0, 1, 0, 1]
            assert found.of("error", lr=0.3).shape == (2, 7)


@dataclass(frozen=True)
class Killer:
    """A measure that ends its process: stands for a worker that ran out of memory."""

    on: None = None

    def __call__(self, params, batch, outputs):
        os._exit(9)


def test_a_worker_that_dies_is_one_sentence(monkeypatch):
    monkeypatch.setenv("HLNB_WORKERS", "2")
    with pytest.raises(HlnbError, match="A worker process ended before its run did"):
        sweep(
            PROBLEM,
            MODEL,
            simultaneous(MODEL, epochs=1),
            grid([0], [0.1]),
            measures={"killer": Killer()},
            n_train=16,
        )


def parent_of_sleeper(queue):
    pool = processes()
    queue.put(pool.submit(os.getpid).result())
    time.sleep(60)


def test_workers_end_with_their_parent(monkeypatch):
    import multiprocessing

    monkeypatch.setenv("HLNB_WORKERS", "2")
    spawn = multiprocessing.get_context("spawn")
    queue = spawn.Queue()
    parent = spawn.Process(target=parent_of_sleeper, args=(queue,))
    parent.start()
    worker = queue.get(timeout=60)
    parent.kill()
    parent.join()
    for _ in range(100):
        if not os.path.exists(f"/proc/{worker}") or _zombie(worker):
            return
        time.sleep(0.1)
    pytest.fail("The worker outlived its parent by 10 s.")


def _zombie(pid):
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0] == "Z"


@pytest.mark.parametrize("lr", [0.0, -0.1, float("nan"), float("inf")])
def test_refuses_learning_rates(lr):
    with pytest.raises(HlnbError, match=r"^lr = .*: take a finite number above 0"):
        Run(0, lr)


def test_refuses_other_nonsense(monkeypatch):
    schedule = simultaneous(MODEL, epochs=1)
    with pytest.raises(HlnbError, match="at least one seed and one lr"):
        grid([], [0.1])
    with pytest.raises(HlnbError, match="A seed is a whole number"):
        Run(-1, 0.1)
    with pytest.raises(HlnbError, match="n_train = 0: take a whole number from 1 up"):
        run(schedule, n_train=0)
    for device in ("tpu", "cuda:99"):
        with pytest.raises(HlnbError, match=f"no device '{device}' here: take cpu"):
            run(schedule, device=device)
    with pytest.raises(HlnbError, match="names a measure that is not taken"):
        run(schedule, until={"error": 0.1})
    with pytest.raises(HlnbError, match="give at least one run"):
        sweep(PROBLEM, MODEL, schedule, [], measures=LAYERS)
    with pytest.raises(HlnbError, match="does not say when layer 'hidden'"):
        run(Schedule("s", (Phase(1, ("conv", "readout")),)))
    monkeypatch.setenv("HLNB_WORKERS", "zero")
    with pytest.raises(HlnbError, match="HLNB_WORKERS = 'zero'"):
        processes()


STACKS = {
    "together": (simultaneous(MODEL, epochs=3), {}),
    "layer by layer": (layerwise(MODEL, epochs=2), {}),
    "greedy": (greedy(MODEL, epochs=2), {}),
    "online": (simultaneous(MODEL, epochs=3), {"online": True, "every": 2}),
    "until": (simultaneous(MODEL, epochs=6), {"until": {"error": 0.45}}),
    "until at once": (simultaneous(MODEL, epochs=3), {"until": {"error": 1.0}}),
    "a rate of its own": (
        Schedule("s", (Phase(1, ("conv",), lr=0.2), Phase(1, MODEL.names))),
        {},
    ),
}


@pytest.mark.parametrize("name", STACKS)
def test_a_stack_of_runs_is_the_loop(name):
    """float64, relative 1e-9: sums are taken in another order."""
    schedule, settings = STACKS[name]
    measures = {**LAYERS, "error": Error("test"), "loss": Loss("train")}
    common = {"measures": measures, "n_train": 48, "batch_size": 20, **settings}
    common["dtype"] = torch.float64
    runs = grid([0, 3], [0.1, 0.5])
    problem = toy_problem(2, d=30, T=6)
    stacked = loop.train_stacked(problem, MODEL, schedule, runs, **common)
    for run_, ours in zip(runs, stacked, strict=True):
        theirs = train(problem, MODEL, schedule, run_, **common)
        assert (ours.steps == theirs.steps).all()
        for key, values in theirs.values.items():
            assert ours.values[key] == pytest.approx(
                values, rel=1e-9, abs=1e-12, nan_ok=True
            )


def test_a_run_that_diverges_leaves_the_stack_alone():
    settings = {"measures": LAYERS, "n_train": 48}
    plan = (toy_problem(2, d=30, T=6), MODEL, simultaneous(MODEL, epochs=3))
    good, wild = loop.train_stacked(*plan, [Run(0, 0.1), Run(0, 1e30)], **settings)
    (alone,) = loop.train_stacked(*plan, [Run(0, 0.1)], **settings)
    for key in LAYERS:
        assert good.values[key] == pytest.approx(alone.values[key], rel=1e-5, abs=1e-7)
        assert np.isnan(wild.values[key][-1]).all()


def test_only_plain_sgd_is_stacked():
    plan = (toy_problem(2, d=30, T=6), MODEL, simultaneous(MODEL, epochs=1))
    with pytest.raises(HlnbError, match="Only plain SGD"):
        loop.train_stacked(*plan, [Run(0, 0.1)], measures=LAYERS, optimizer=Adam())
    assert _stacks({"device": "cuda"})
    assert not _stacks({})
    assert not _stacks({"device": "cuda", "optimizer": Adam()})
    assert not _stacks({"device": "cuda", "carry": True})


def test_a_sweep_on_a_card_takes_the_stack(monkeypatch):
    """There is no card here: the stack stands in on the processor."""
    calls = []
    stack = loop.train_stacked

    def stand_in(*args, device, **settings):
        calls.append(device)
        return stack(*args, **settings)

    monkeypatch.setattr(sweeping, "resolved", lambda device: device)
    monkeypatch.setattr(sweeping, "train_stacked", stand_in)
    plan = (toy_problem(2, d=30, T=6), MODEL, simultaneous(MODEL, epochs=1))
    settings = {"measures": LAYERS, "n_train": 24, "executor": Here()}
    on_card = sweep(*plan, grid([0, 1], [0.1]), device="cuda", **settings)
    assert calls == ["cuda"]
    here = sweep(*plan, grid([0, 1], [0.1]), **settings)
    for key in LAYERS:
        assert on_card.of(key) == pytest.approx(here.of(key), rel=1e-4, abs=1e-6)


PLAIN = """
import importlib.util, sys
if sys.argv[1] == "without Numba":
    class Refused:
        def find_spec(name, *_):
            if name.partition(".")[0] in ("numba", "llvmlite"):
                raise ImportError("no Numba here")
    sys.meta_path.insert(0, Refused)
    found = importlib.util.find_spec
    importlib.util.find_spec = lambda name, *a: None if name == "numba" else found(name)
import torch
from hlnb import Error, Run, layerwise, toy_network, toy_problem, train
from hlnb.kept import computed_on
from hlnb.training import fast
from hlnb.metrics.measures import all_weights
model = toy_network(d=30, n_classes=2, T=6)
trace = train(toy_problem(2, d=30, T=6), model, layerwise(model, epochs=2), Run(0, 0.3),
              measures=all_weights(model.names) | {"error": Error("test")}, n_train=48,
              batch_size=20, dtype=torch.float64)
print(fast.written_out(model.layers), computed_on().get("loops"))
print(float(sum(v[-1].sum() for v in trace.values.values())))
"""


def test_the_plain_loop_gives_the_same_answers():
    """float64, relative 1e-9: sums are taken in another order."""

    def told(*arguments, **more):
        command = [sys.executable, "-c", PLAIN, *arguments]
        done = subprocess.run(
            command, env=os.environ | more, capture_output=True, text=True, check=True
        )
        return done.stdout.split()

    covered, loops, expected = told("fast")
    assert (covered, loops) == ("True", "None")
    for how, off in (("switched off", {"HLNB_FAST": "0"}), ("without Numba", {})):
        covered, loops, total = told(how, **off)
        assert (covered, loops) == ("False", "plain"), how
        assert float(total) == pytest.approx(float(expected), rel=1e-9), how


def test_a_stack_refuses_what_the_loop_refuses():
    plan = (toy_problem(2, d=30, T=6), MODEL, simultaneous(MODEL, epochs=1))
    for wrong, match in (
        ({"n_train": 0}, "n_train = 0: take a whole number"),
        ({"batch_size": 0}, "batch_size = 0: take a whole number"),
        ({"every": 0}, "every = 0: take a whole number"),
        ({"until": {"nothing": 0.1}}, "names a measure that is not taken"),
        ({"device": "nowhere"}, "There is no device 'nowhere'"),
    ):
        for how in (partial(train, run=Run(0, 0.1)), stack_of_one):
            with pytest.raises(HlnbError, match=match):
                how(*plan, measures=LAYERS, **wrong)


def stack_of_one(*plan, **settings):
    return loop.train_stacked(*plan, [Run(0, 0.1)], **settings)


@pytest.mark.parametrize(("online", "times"), [(False, 1), (True, 4)])
def test_a_stack_gathers_training_sets_only_when_they_change(
    online, times, monkeypatch
):
    """Once at the start, and in each of three epochs if each has its own."""
    gathered = []
    gather = loop.Stack.gather
    monkeypatch.setattr(
        loop.Stack, "gather", lambda self: gathered.append(gather(self))
    )
    plan = (PROBLEM, MODEL, simultaneous(MODEL, epochs=3), [Run(0, 0.1)])
    loop.train_stacked(*plan, measures=LAYERS, n_train=64, online=online)
    assert len(gathered) == times


@pytest.mark.parametrize("fast", [True, False])
def test_one_step_is_that_of_training_and_leaves_what_it_was_given(fast, monkeypatch):
    """A pass of one batch in the order of the data, for each choice of what learns."""
    if not fast:
        monkeypatch.setattr(steps.fast, "written_out", lambda layers: False)
    batch = PROBLEM.split(0, n_train=64)["train"]
    start = {n: v.double() for n, v in MODEL.init(stream(0, "init")).items()}
    before = {name: value.clone() for name, value in start.items()}
    x, y = batch.x.double(), batch.y
    for learns in (MODEL.names, MODEL.names[:1], MODEL.names[-1:]):
        after = steps.stepped(MODEL, start, x, y, lr=0.1, learns=learns)
        assert all(torch.equal(start[name], before[name]) for name in before)
        own = {n: v.clone().requires_grad_() for n, v in before.items()}
        F.cross_entropy(MODEL.apply(own, x), y).backward()
        for name, value in own.items():
            learned = MODEL.layer_of(name) in learns
            expected = value - 0.1 * value.grad if learned else value
            torch.testing.assert_close(after[name], expected.detach())
            assert learned or torch.equal(after[name], before[name])
