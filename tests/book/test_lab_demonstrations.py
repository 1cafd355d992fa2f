"""The demonstrations of the lab begin as the package does: the published data and
start, and ten steps."""

import numpy as np
import pytest
import torch

import lab
from hlnb.data.boolean import Parity
from hlnb.data.planar import Stripes
from hlnb.data.problem import Problem
from hlnb.metrics.measures import Error, all_weights
from hlnb.models.networks import mlp
from hlnb.schedules import simultaneous
from hlnb.seeding import stream
from hlnb.studies.deep_linear import experiment as deep
from hlnb.studies.linear_regression import experiment as reg
from hlnb.studies.parity import gf2
from hlnb.studies.parity.experiment import equations
from hlnb.studies.pitfalls import experiment as pit
from hlnb.studies.simplicity import experiment as sim
from hlnb.training.loop import train
from hlnb.training.optimizers import SGD, Adam, Optimizer
from hlnb.training.runs import Run

STEPS = 10
SHARED = ("streams", "dense")
TRAIN = """
const net = lab.dense(given.sizes, lab.stream(given.seed, "init"));
const order = lab.stream(given.seed, "order");
const rule = lab[given.rule](given.lr), seen = [net.params.map((p) => p.slice())];
const batches = lab.batches(data.y.length, given.batch, order), losses = [];
for (let t = 0; t < given.steps; t++) {
  losses.push(net.learn(data, batches.next().value, rule));
  seen.push(net.params.map((p) => p.slice()));
}
return { seen, losses, error: net.error(data) };
"""


def engine(body, *demonstrations, **given):
    """What a function body returns, with the scripts of these demonstrations."""
    return lab.engine(body, scripts=(*SHARED, *demonstrations), **given)


def weights(
    problem: Problem, widths, seed, lr, *, optimizer: Optimizer, online=False, **sizes
):
    """All parameters of the package's network after each of ten steps, in 64 bits."""
    d = problem.split(seed, n_train=1)["train"].x.shape[1]
    model = mlp(d=d, widths=widths)
    trace = train.anew(
        problem,
        model,
        simultaneous(
            model, epochs=-(-STEPS // (sizes["n_train"] // sizes["batch_size"]))
        ),
        Run(seed, lr),
        measures={"error": Error("train"), **all_weights(model.names)},
        optimizer=optimizer,
        online=online,
        every=[*range(1, STEPS + 1)],
        dtype=torch.float64,
        **sizes,
    )
    names = [f"{name}.{part}" for name in model.names for part in ("weight", "bias")]
    return [[trace.values[k][t].ravel() for k in names] for t in range(STEPS + 1)]


def assert_same_steps(found, expected):
    for mine, theirs in zip(found["seen"], expected, strict=True):
        for a, b in zip(mine, theirs, strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-10)


@pytest.mark.parametrize("n", [1, 4, 15, 16, 17, 60, 100])
def test_normal_numbers_are_torchs(n):
    body = """
    const draws = lab.stream(3, "normal");
    return [draws.randn(given.n), draws.randn(3), draws.rand()];
    """
    one, three, last = lab.engine(body, scripts=("streams",), n=n)
    draws = stream(3, "normal")
    for found in (one, three):
        normal = torch.randn(len(found), generator=draws, dtype=torch.float64)
        np.testing.assert_allclose(found, normal, rtol=0, atol=1e-14)
    assert last == torch.rand(1, generator=draws).item()


@pytest.mark.parametrize("noise", [None, 0.1, 0.04])
def test_points_with_a_hint_are_the_packages(noise):
    body = "return lab.slabs({ noise: given.noise, seed: 3, n: 4096 }, given.name)"
    for name in ("train", "test"):
        found = engine(body, "latch", noise=noise, name=name)
        batch = pit.plane(noise).sample(4096, generator=stream(3, name))
        assert np.array_equal(found["y"], batch.y)
        assert np.array_equal(found["x"].reshape(-1, 2), batch.x)


@pytest.mark.parametrize("noise", [None, 0.1])
def test_a_network_latches_on_as_the_packages(noise):
    body = "const data = lab.slabs({ ...given, n: 4096 }, 'train');" + TRAIN
    given = {"noise": noise, "seed": 0, "lr": 0.1, "batch": 64, "steps": STEPS}
    found = engine(body, "latch", sizes=[2, 100, 2], rule="sgd", **given)
    sizes = {"n_train": 4096, "batch_size": 64}
    run = weights(pit.plane(noise), (100,), 0, 0.1, optimizer=SGD(), **sizes)
    assert_same_steps(found, run)


def test_stripes_and_their_network_are_the_packages():
    body = "const data = lab.stripes({ ...given, n: 1000 }, 'train');" + TRAIN
    given = {"width": 0.5, "seed": 0, "lr": 0.01, "batch": 1000, "steps": STEPS}
    found = engine(body, "stripes", sizes=[2, 8, 8, 2], rule="adam", **given)
    sizes = {"n_train": 1000, "batch_size": 1000}
    run = weights(Stripes(0.5), (8, 8), 0, 0.01, optimizer=Adam(), **sizes)
    assert_same_steps(found, run)
    data = engine(
        "return lab.stripes({ width: 0.3, seed: 1, n: 500 }, 'test')", "stripes"
    )
    batch = Stripes(0.3).sample(500, generator=stream(1, "stripes/test"))
    assert np.array_equal(data["x"].reshape(-1, 2), batch.x)
    assert np.array_equal(data["y"], batch.y)


@pytest.mark.parametrize("width", [0.5, 1.5, 4.0])
def test_the_straight_line_and_the_weight_across_are_the_packages(width):
    body = """
    const [train, validation, test] = given.sizes.map(([part, n]) =>
      lab.stripes({ width: given.width, seed: 1, n }, part));
    const line = lab.linear(train, validation);
    const share = lab.across({ w: given.weights });
    return { line, error: lab.lineError(line, test), share };
    """
    drawn = torch.randn(8, 2, generator=stream(0, "any")).double().numpy()
    sizes = [("train", 1000), ("validation", 500), ("test", 2000)]
    given = {"width": width, "sizes": sizes, "weights": drawn.ravel().tolist()}
    found = engine(body, "stripes", **given)
    split = Stripes(width).split(1, n_train=1000)
    fit = sim.linear_classifier(split)
    expected = [*fit.coef_[0], *fit.intercept_]
    np.testing.assert_allclose(found["line"], expected, rtol=1e-3, atol=1e-3)
    right = fit.score(split["test"].x.numpy(), split["test"].y.numpy())
    assert found["error"] == pytest.approx(1 - right, abs=1e-3)
    assert found["share"] == pytest.approx(sim.diagonal_share(drawn))


@pytest.mark.parametrize(
    ("n", "d", "noise"), [(30, 120, 0.5), (1, 2, 0.5), (2, 2, 0.0)]
)
def test_descent_on_a_regression_is_the_packages(n, d, noise):
    body = """
    const problem = lab.regression(given), seen = [Float64Array.from(given.start)];
    for (let t = 0; t < given.steps; t++) {
      seen.push(lab.regressed(problem, seen[t], given.lr));
    }
    return { ...problem, seen };
    """
    problem = reg.gaussian_regression(n, d, seed=2, noise=noise)
    lr = 1.5 / reg.modes(problem.x)[0][0]
    start = reg.direction(d, seed=2)
    given = {"n": n, "d": d, "seed": 2, "noise": noise, "lr": lr, "steps": STEPS}
    found = engine(body, "step", start=start.tolist(), **given)
    np.testing.assert_allclose(np.stack(found["x"]), problem.x, rtol=0, atol=1e-14)
    np.testing.assert_allclose(found["beta"], problem.beta, rtol=0, atol=1e-14)
    path = reg.descent(problem.x, problem.y, lr=lr, steps=STEPS, start=start)
    np.testing.assert_allclose(np.stack(found["seen"]), path, rtol=0, atol=1e-10)


@pytest.mark.parametrize("depth", [1, 2, 3, 10])
def test_a_matrix_is_filled_as_by_the_package(depth):
    body = """
    const problem = lab.completion(given), factors = lab.smallStart(given), seen = [];
    for (let t = 0; t < given.steps; t++) {
      seen.push(lab.product(factors, given.d));
      lab.completed(problem, factors, given.lr);
    }
    return { ...problem, seen: [...seen, lab.product(factors, given.d)] };
    """
    given = {"d": 30, "rank": 2, "share": 0.4, "seed": 20, "lr": 0.005, "size": 0.001}
    found = engine(body, "depth", depth=depth, steps=STEPS, **given)
    entries = deep.completion(30, rank=2, share=0.4, seed=20)
    assert np.array_equal(found["seen"][0].shape, (900,))
    np.testing.assert_allclose(
        found["target"].reshape(30, 30), entries.target, atol=1e-13
    )
    factors = deep.small_start(30, depth, size=0.001, seed=20)
    path, _ = deep.descend(entries, factors, lr=0.005, steps=STEPS)
    mine = np.stack(found["seen"]).reshape(-1, 30, 30)
    np.testing.assert_allclose(mine, path, rtol=0, atol=1e-10)


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 10])
def test_singular_values_grow_as_in_the_package(depth):
    body = """
    const { depth } = given, time = lab.timeTo(0.4, 1, depth);
    const at = (s, part) => lab.grown(s, part * time, depth);
    return { time, ends: given.s.map((s) => [at(s, 0.5), at(s, 1)]) };
    """
    s = np.array([0.05, 0.1, 0.2, 0.3, 0.4])
    found = engine(body, "depth", s=s.tolist(), depth=depth)
    time = deep.time_to(0.4, 1.0, depth=depth)
    assert found["time"] == pytest.approx(time, rel=1e-12)
    for j, part in enumerate((0.5, 1)):
        grown = deep.grown(s, part * time, depth=depth)
        np.testing.assert_allclose(np.array(found["ends"])[:, j], grown, rtol=1e-10)


def test_singular_values_and_their_effective_rank_are_the_packages():
    body = """
    const values = lab.singular(Float64Array.from(given.w), 30);
    return [values, lab.effectiveRank(values)];
    """
    entries = deep.completion(30, rank=2, share=0.4, seed=20)
    start = deep.product(deep.small_start(30, 3, size=0.001, seed=20))
    for w in (entries.target, start, np.where(entries.seen, entries.target, 0)):
        values, rank = engine(body, "depth", w=w.ravel().tolist())
        expected = np.linalg.svd(w, compute_uv=False)
        np.testing.assert_allclose(values, expected, rtol=0, atol=1e-10 * expected[0])
        assert rank == pytest.approx(deep.effective_rank(w), rel=1e-8)


@pytest.mark.parametrize(("d", "k", "n"), [(20, 3, 160), (10, 5, 1600)])
def test_a_parity_is_raced_for_as_by_the_package(d, k, n):
    body = """
    const examples = lab.fresh({ ...given, support: lab.support(given) });
    const net = lab.dense([given.d, 100, 2], lab.stream(given.seed, "init"));
    const rule = lab.sgd(given.lr), seen = [net.params.map((p) => p.slice())];
    for (let t = 0; t < given.steps; t++) {
      net.learn(...examples.next().value, rule);
      seen.push(net.params.map((p) => p.slice()));
    }
    return { seen, moved: lab.moved(net.layers[0], seen[0][0]) };
    """
    given = {"d": d, "k": k, "n": n, "seed": 20, "lr": 0.1, "batch": 32, "steps": STEPS}
    found = engine(body, "parity", **given)
    sizes = {"n_train": n, "batch_size": 32, "online": True}
    run = weights(Parity(d, k, n_test=10), (100,), 20, 0.1, optimizer=SGD(), **sizes)
    assert_same_steps(found, run)
    moved = (run[-1][0] - run[0][0]).reshape(100, d)
    np.testing.assert_allclose(found["moved"], np.sqrt((moved**2).mean(0)), atol=1e-10)


@pytest.mark.parametrize(("d", "n"), [(10, 20), (30, 40), (64, 74), (12, 11)])
def test_elimination_finds_what_the_packages_finds(d, n):
    body = """
    const support = lab.support(given);
    return lab.eliminated(lab.parities({ ...given, support }, "train"), given.d);
    """
    found = engine(body, "parity", d=d, k=d // 2, n=n, seed=5)
    problem = Parity(d, d // 2, seed=5)
    answer = gf2.solve(*equations(problem.sample(n, generator=stream(5, "train"))))
    assert answer.unique == (n >= d)
    assert found == ([*np.flatnonzero(answer.s)] if answer.unique else None)
