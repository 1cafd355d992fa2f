"""The lab trains as the package does: the same inputs, weights and order to the bit,
the same losses and errors but for rounding."""

import gzip
import importlib.metadata
import importlib.util
import math

import numpy as np
import pytest
import torch

import browser
import lab
from hlnb.data.patterns import toy_problem
from hlnb.errors import HlnbError
from hlnb.metrics import likeness
from hlnb.metrics.measures import Error, Loss, Weights
from hlnb.metrics.times import first_hit
from hlnb.models.networks import toy_network
from hlnb.schedules import greedy, layerwise, only, simultaneous
from hlnb.seeding import stream
from hlnb.studies.table_1.coverage import Covered
from hlnb.training import fast
from hlnb.training.loop import train
from hlnb.training.runs import Run

NUMBERS = (1, 2, 3, 4, 5)
SCHEDULES = {  # of `lab.SCHEDULES`
    "simultaneous": simultaneous,
    "layer-wise": layerwise,
    "greedy": greedy,
    "only conv": lambda model, epochs: only(model, "conv", epochs=epochs),
    "only hidden": lambda model, epochs: only(model, "hidden", epochs=epochs),
    "only readout": lambda model, epochs: only(model, "readout", epochs=epochs),
}
ALONE = ("conv", "hidden", "readout", "conv", "hidden")  # one layer for each problem
PARTS = ("train", "test", "seen", "unseen")
SMALL = {"d": 40, "T": 7, "scale": 0.5, "n": 200, "seed": 3, "lr": 0.3}  # a last
RUN = """
const run = lab.training(given.settings), records = [run.record];
while (!run.over) records.push(run.epoch());
return records;
"""  # batch of 8, and an odd window


@pytest.fixture
def by_autograd(monkeypatch):
    """The package steps by autograd: nothing waits for Numba, and nothing is shared
    with the algebra of blank windows that the lab has too."""
    for name in ("written_out", "skips_blanks"):
        monkeypatch.setattr(fast, name, lambda layers: False)


def package(settings, *, dtype=torch.float64):
    """The run of these settings in the package: what `RUN` gives, by measure."""
    known = {name: settings[name] for name in ("d", "T", "scale")}
    problem = toy_problem(settings["problem"], **known)
    model = toy_network(d=known["d"], T=known["T"], n_classes=problem.n_classes)
    schedule = SCHEDULES[settings["schedule"]](model, epochs=settings["epochs"])
    measures = {"loss": Loss("train"), "filters": Weights("conv")}
    return train.anew(
        Covered.of(problem),
        model,
        schedule,
        Run(settings["seed"], settings["lr"]),
        measures={**measures, **{on: Error(on) for on in PARTS}},
        n_train=settings["n"],
        dtype=dtype,
    )


def assert_alike(records, trace, *, loss, filters):
    """Records agree with a trace: losses and filters so well, errors but for weights
    that are sums of 32 bits."""
    found = np.array([record["loss"] for record in records])
    np.testing.assert_allclose(found, trace.values["loss"], rtol=0, atol=loss)
    for on in PARTS:
        errors = [record["error"][on] for record in records]
        np.testing.assert_allclose(errors, trace.values[on], rtol=0, atol=1e-6)
    kept = np.stack([record["filters"] for record in records])
    wanted = trace.values["filters"].reshape(kept.shape)
    np.testing.assert_allclose(kept, wanted, rtol=0, atol=filters)


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("plan", ["simultaneous", "layer-wise", "greedy", "only"])
def test_training_in_64_bits_is_that_of_the_package(by_autograd, number, plan):
    schedule = f"only {ALONE[number - 1]}" if plan == "only" else plan
    settings = {**SMALL, "problem": number, "schedule": schedule, "epochs": 4}
    records = lab.engine(RUN, settings={**settings, "dtype": "float64"})
    trace = package(settings)
    assert [record["epoch"] for record in records] == trace.epochs.tolist()
    assert len({record["loss"] for record in records}) == len(records)
    assert_alike(records, trace, loss=1e-12, filters=1e-6)  # shown in 32 bits


@pytest.mark.parametrize("schedule", ["simultaneous", "greedy"])
@pytest.mark.parametrize("number", NUMBERS)
def test_the_kernel_begins_as_the_package_does(by_autograd, number, schedule):
    settings = {**SMALL, "problem": number, "schedule": schedule, "epochs": 2}
    records = lab.engine(RUN, settings=settings)
    trace = package(settings, dtype=torch.float32)
    assert_alike(records, trace, loss=1e-4, filters=1e-4)


@pytest.mark.parametrize("number", NUMBERS)
def test_errors_are_low_in_the_same_epochs(by_autograd, number):
    settings = {**SMALL, "problem": number, "schedule": "simultaneous", "epochs": 30}
    settings["lr"] = 0.3 if number == 3 else 1.0
    body = """
    const run = lab.training(given.settings), records = [run.record];
    while (!run.over) records.push(run.epoch());
    const epochs = records.map((record) => record.epoch);
    return given.parts.map((on) =>
      lab.firstHit(epochs, records.map((record) => record.error[on])));
    """
    hits = lab.engine(body, settings={**settings, "dtype": "float64"}, parts=PARTS)
    trace = package(settings)
    assert hits == [first_hit(trace.epochs, trace.values[on]) for on in PARTS]
    assert 0 < hits[0] < math.inf


def test_a_first_hit_allows_for_rounding():
    found = lab.engine(
        "return given.all.map((errors) => lab.firstHit([0, 2, 4], errors))",
        all=[[0.5, 0.1 + 1e-8, 0.2], [0.1 + 1e-6, 0.3, 0.0], [1.0, 0.2, 0.3]],
    )
    assert found == [2, 4, math.inf]


@pytest.mark.parametrize("name", ["init", "order/é", *("x" * n for n in (53, 54, 62))])
@pytest.mark.parametrize("seed", [0, 2**53 - 1])
def test_streams_draw_what_torch_draws(seed, name):
    """One stream, its draws mixed, across many refills of its 624 numbers. Texts of
    55, 56 and 64 bytes are at the edges of the blocks of SHA-256."""
    sizes = [1, 2, 7, 2**24 + 1, 2**28 - 1]
    orders = [0, 1, 2, 623, 625, 1024]
    body = """
    const draws = lab.stream(given.seed, given.name);
    const many = (draw) => Array.from({ length: 1300 }, draw);
    return {
      uniform: Float32Array.from(many(() => draws.rand())),
      whole: given.sizes.map((n) => Int32Array.from(many(() => draws.randint(n)))),
      orders: given.orders.map((n) => draws.randperm(n)),
    };
    """
    found = lab.engine(body, seed=seed, name=name, sizes=sizes, orders=orders)
    draws = stream(seed, name)
    assert np.array_equal(found["uniform"], torch.rand(1300, generator=draws))
    for n, whole in zip(sizes, found["whole"], strict=True):
        assert np.array_equal(whole, torch.randint(n, (1300,), generator=draws))
    for n, order in zip(orders, found["orders"], strict=True):
        assert np.array_equal(order, torch.randperm(n, generator=draws))


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize(
    "sizes",
    [
        {"seed": 0, "d": 100, "T": 16, "scale": 1.0, "n": 1024},
        {"seed": 7, "d": 36, "T": 6, "scale": 6**-0.5, "n": 100},  # all are listed
    ],
    ids=["the report's", "small"],
)
def test_inputs_weights_and_order_are_those_of_the_package(number, sizes):
    body = """
    const { batches, params, order, problem } = lab.training(given.settings);
    const orders = [order.randperm(given.settings.n), order.randperm(given.settings.n)];
    return { ...batches, params, orders, patterns: problem.patterns };
    """
    found = lab.engine(body, settings={"problem": number, **sizes})
    seed, n = sizes["seed"], sizes["n"]
    known = {name: sizes[name] for name in ("d", "T", "scale")}
    problem = toy_problem(number, **known).with_seed(seed)
    split = Covered.of(problem).split(seed, n_train=n)
    assert np.array_equal(found["patterns"], problem.patterns)
    for on in ("train", "test"):
        x = found[on]["x"].reshape(-1, sizes["d"])
        assert np.array_equal(x, split[on].x)
        assert np.array_equal(found[on]["y"], split[on].y)
    weight = split["test"].weight
    assert ("weight" in found["test"]) == (weight is not None)
    if weight is not None:
        assert np.array_equal(found["test"]["weight"], weight)
    seen = split["test"].x[found["test"]["seen"]]
    assert np.array_equal(seen, split["seen"].x[: len(seen)])
    assert len(seen) == (len(split["seen"].x) if len(seen) else 0)
    model = toy_network(d=sizes["d"], T=sizes["T"], n_classes=problem.n_classes)
    drawn = model.init(stream(seed, "init"))
    assert found["params"].keys() == drawn.keys()
    for name, values in drawn.items():
        assert np.array_equal(found["params"][name], values.flatten())
    draws = stream(seed, "order")
    for order in found["orders"]:
        assert np.array_equal(order, torch.randperm(n, generator=draws))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_rewind_leads_back_to_the_same_run(dtype):
    body = """
    const run = lab.training(given.settings), losses = [[], []];
    for (const seen of losses) {
      seen.push(run.record.loss);
      while (!run.over) seen.push(run.epoch().loss);
      run.rewind();
    }
    return losses;
    """
    settings = {**SMALL, "problem": 3, "schedule": "greedy", "epochs": 2}
    first, again = lab.engine(body, settings={**settings, "dtype": dtype})
    assert first == again
    assert len({*first}) == 5


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_steps_of_a_batch_are_those_of_an_epoch(dtype):
    body = """
    const run = lab.training(given.settings), epochs = [], steps = [];
    while (!run.over) epochs.push(run.epoch());
    run.rewind();
    while (!run.over) steps.push(run.step());
    run.rewind();
    run.step();
    return { epochs, steps, mixed: [run.epoch(), run.epoch()] };
    """
    settings = {**SMALL, "problem": 4, "schedule": "greedy", "epochs": 2}
    found = lab.engine(body, settings={**settings, "dtype": dtype})
    steps = found["steps"]
    ends = [64 / 200, 128 / 200, 192 / 200, 1]
    assert [s["epoch"] for s in steps] == [e + end for e in range(4) for end in ends]
    assert len({s["loss"] for s in steps}) == 16
    whole = [s["loss"] for s in steps[3::4]]
    assert [s["loss"] for s in found["epochs"]] == whole
    assert [s["phase"] for s in steps] == [0] * 8 + [1] * 8
    assert [s["loss"] for s in found["mixed"]] == whole[:2]


@pytest.mark.parametrize("number", NUMBERS)
def test_filters_are_matched_with_patterns_as_in_the_package(number):
    body = """
    const run = lab.training(given.settings), { patterns } = run.problem;
    const { filters } = run.epoch();
    const all = lab.cosines(filters, patterns);
    return { filters, patterns, all, mean: lab.maxCosine(filters, patterns) };
    """
    found = lab.engine(body, settings={**SMALL, "problem": number})
    filters = found["filters"].reshape(20, -1).astype(float)
    patterns = np.stack(found["patterns"]).astype(float)
    expected = likeness.cosines(filters, patterns)
    np.testing.assert_allclose(found["all"], expected, rtol=0, atol=1e-12)
    alike = likeness.max_cosine(filters, patterns)
    np.testing.assert_allclose(found["mean"], alike, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_a_run_that_blows_up_ends_with_the_package(by_autograd, dtype):
    settings = {**SMALL, "problem": 1, "schedule": "simultaneous", "epochs": 3}
    settings = {**settings, "lr": 1e30}
    name = str(dtype).removeprefix("torch.")
    records = lab.engine(RUN, settings={**settings, "dtype": name})
    trace = package(settings, dtype=dtype)
    assert not records[-1]["finite"]
    assert len(records) == np.isfinite(trace.values["train"]).sum() < 4
    assert records[-1]["error"]["train"] == trace.values["train"][len(records) - 1] == 1


@pytest.mark.parametrize(
    "settings",
    [
        {"problem": 6},
        {"problem": 1.5},
        {"d": 0},
        {"d": 2000},
        {"n": "64"},
        {"seed": -1},
        {"seed": 2**60},
        {"epochs": 0},
        {"lr": 0},
        {"scale": -1},
        {"lr": "0.1"},
        {"schedule": "backwards"},
        {"dtype": "float16"},
        {"widht": 3},
    ],
    ids=str,
)
def test_bad_settings_are_refused_with_a_sentence(settings):
    name, sentence = refused(settings)
    assert name == "HlnbError"
    (key,) = settings
    assert key in sentence
    assert ": take " in sentence
    assert sentence.endswith(".")


@pytest.mark.parametrize(
    "settings",
    [{"problem": 4, "T": 4}, {"problem": 3, "d": 31}, {"problem": 5, "d": 47}],
)
def test_a_problem_that_cannot_be_is_refused_as_by_the_package(settings):
    number = settings["problem"]
    sizes = {name: value for name, value in settings.items() if name != "problem"}
    with pytest.raises(HlnbError) as told:
        toy_problem(number, **sizes)
    assert refused(settings) == ["HlnbError", str(told.value)]


def refused(settings):
    body = """
    try { lab.training(given.settings); } catch (e) { return [e.name, e.message]; }
    """
    return lab.engine(body, settings=settings)


TALK = """
const heard = [], take = lab.serve((message) => {
  heard.push(message);
  if (heard.length === given.after) take({ type: given.then });
});
given.messages.forEach(take);
const pause = () => new Promise((done) => setTimeout(done, 100));
await pause();
while (heard.at(-1).type === "record") await pause();
return heard;
"""


def said(heard):
    return [one["type"] for one in heard]


def test_messages_train_stop_and_rewind():
    settings = {**SMALL, "problem": 1, "n": 70, "epochs": 50}
    start = {"type": "init", "settings": settings}
    run = [start, {"type": "run", "epochs": 3}]
    heard = lab.engine(TALK, messages=run)
    assert said(heard) == ["ready", "record", "record", "record", "stopped"]
    assert [one["record"]["epoch"] for one in heard[:-1]] == [0, 1, 2, 3]
    assert not heard[-1]["over"]
    stopped = lab.engine(TALK, messages=run, after=3, then="stop")
    assert said(stopped) == ["ready", "record", "record", "stopped"]
    again = lab.engine(TALK, messages=run, after=5, then="rewind")
    assert said(again) == [*said(heard), "ready"]
    assert again[-1]["record"]["loss"] == heard[0]["record"]["loss"]
    steps = [start, *[{"type": "step"}] * 2, {"type": "run", "epochs": 1}]
    heard = lab.engine(TALK, messages=steps)
    assert said(heard) == ["ready", *["record", "stopped"] * 3]
    assert [one["record"]["epoch"] for one in heard[1::2]] == [64 / 70, 1, 2]
    whole = lab.engine(TALK, messages=[start, {"type": "run", "epochs": 60}])
    assert len(whole) == 52
    assert whole[-1] == {"type": "stopped", "over": True}


@pytest.mark.parametrize(
    "messages",
    [
        [{"type": "run", "epochs": 1}],
        [{"type": "step"}],
        [{"type": "rewind"}],
        [{"type": "sing"}],
        [{"type": "init", "settings": {"lr": 0}}],
        [{"type": "init", "settings": {"n": 8}}, {"type": "run", "epochs": 0.5}],
    ],
    ids=str,
)
def test_messages_that_cannot_be_are_refused(messages):
    *_, answer = lab.engine(TALK, messages=messages)
    assert answer["type"] == "refused"
    assert answer["sentence"].endswith(".")


def test_without_the_kernel_numbers_have_64_bits():
    body = """
    lab.kernel.wasm = btoa("no kernel");
    return lab.training({ d: 40, n: 64 }).settings.dtype;
    """
    assert lab.engine(body) == "float64"


def test_a_worker_trains_in_a_page_from_the_disk(chromium, tmp_path):
    settings = {**SMALL, "problem": 3, "schedule": "greedy", "epochs": 2}
    tags = (f'<script src="{lab.FOLDER / s}.js"></script>' for s in lab.SCRIPTS)
    page_file = tmp_path / "page.html"
    page_file.write_text(f"<!doctype html><title>lab</title>{''.join(tags)}")
    with browser.visit(chromium, page_file.as_uri(), mode="light") as (page, problems):
        losses = page.evaluate(
            """settings => new Promise((done, fail) => {
                const lab = {}, losses = [];
                hlnbLab.forEach((part) => part(lab));
                const worker = lab.start();
                worker.onerror = (event) => fail(new Error(event.message));
                worker.onmessage = ({ data }) => {
                    if (data.type === "refused") fail(new Error(data.sentence));
                    if (data.type === "stopped") return done(losses);
                    losses.push(data.record.loss);
                };
                worker.postMessage({ type: "init", settings });
                worker.postMessage({ type: "run", epochs: 10 });
            })""",
            settings,
        )
    assert problems == []
    expected = [record["loss"] for record in lab.engine(RUN, settings=settings)]
    np.testing.assert_allclose(losses, expected, rtol=1e-6)


def build_kernel():
    """The script that makes the kernel."""
    path = lab.FOLDER / "build_kernel.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_kernel_is_made_of_its_source():
    assert lab.engine("return lab.kernel.source") == build_kernel().digest()


def test_the_kernel_can_be_made_again():
    builder = build_kernel()
    pytest.importorskip("ziglang", reason="the compiler is not installed (438 MB)")
    if (here := importlib.metadata.version("ziglang")) != builder.ZIG:
        pytest.skip(f"the kernel was made by ziglang {builder.ZIG}, here is {here}")
    assert builder.script() == (lab.FOLDER / "kernel.js").read_text()


def test_the_engine_is_small():
    scripts = [(lab.FOLDER / f"{name}.js").read_bytes() for name in lab.SCRIPTS]
    assert len(gzip.compress(b"".join(scripts))) < 25_000
