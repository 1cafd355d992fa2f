"""The same work in every layout: epochs of plain SGD on a toy problem.

Each layout is built once and gives a function that makes one epoch of E runs: 1,024
rows, batches of 64, the report's network, float32. Drawing the order of the rows is
part of it, measuring is not. Data differ between runs, as in the book.
"""

import math
import os
import time
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from hlnb.data.patterns import toy_problem
from hlnb.models.networks import toy_network
from hlnb.seeding import stream
from hlnb.training.fast.gradients import Descent, prepared

N, BATCH, LR, T = 1024, 64, 0.1, 16
Epoch = Callable[[], None]


def setting(problem: int, d: int, runs: int):
    """Model, and for each run its parameters, rows and labels."""
    law = toy_problem(problem, d=d, scale=T**-0.5)
    model = toy_network(d=d, n_classes=law.n_classes)
    drawn = [model.init(stream(seed, "init")) for seed in range(runs)]
    data = [law.with_seed(s).sample(N, generator=stream(s, "x")) for s in range(runs)]
    return model, drawn, [b.x for b in data], [b.y for b in data]


def ours(problem: int, d: int, runs: int) -> Epoch:
    """The steps of `hlnb.training.loop.train`, one run after the other."""
    model, drawn, x, y = setting(problem, d, runs)
    params = [prepared(model.layers, one) for one in drawn]
    steps = [
        Descent(model.layers, p, a, lr=LR, learns=model.names)
        for p, a in zip(params, x, strict=True)
    ]

    def epoch() -> None:
        for step, labels in zip(steps, y, strict=True):
            for rows in torch.randperm(N).split(BATCH):
                step(rows, labels[rows])
            step.settle()

    return epoch


def parts(problem: int, d: int, epochs: int) -> dict[str, float]:
    """Seconds of a step of ours, by what they go into; medians over epochs.

    `filters`, `weights`: the way back where only the one or only the other learns.
    """
    model, (params, *_), (x, *_), (y, *_) = setting(problem, d, 1)
    params = prepared(model.layers, params)
    step = Descent(model.layers, params, x, lr=LR, learns=model.names)
    spent: dict[str, float] = {}

    def timed(part: str, work: Callable) -> Callable:
        def measured(*args, **kwargs):
            begun = time.perf_counter()
            result = work(*args, **kwargs)
            spent[part] = spent.get(part, 0.0) + time.perf_counter() - begun
            return result

        return measured

    step.rows.windows = timed("sorting", step.rows.windows)
    step.lower.forward = timed("forward", step.lower.forward)
    step.lower.descend = timed("backward", step.lower.descend)
    whole, found = timed("step", step), []
    for _ in range(epochs + 3):  # the first ones compile
        spent.clear()
        for rows in torch.randperm(N).split(BATCH):
            whole(rows, y[rows])
        step.settle()
        found.append([v / steps() for v in spent.values()])
    seconds = dict(zip(spent, np.median(found[3:], 0).tolist(), strict=True))
    windows = step.rows.windows(torch.arange(BATCH))
    out, kept = step.lower.forward(step.rows.x, windows)
    back = (step.rows.x, windows, kept, out / out.size)
    for part, learns in (("filters", (True, False)), ("weights", (False, True))):
        each = []
        for _ in range(epochs):
            spent.clear()
            step.lower.descend(*back, lr=1e-9, learns=learns)
            each.append(spent["backward"])
        seconds[part] = float(np.median(each))
    return seconds


def plain(problem: int, d: int, runs: int) -> Epoch:
    """A textbook loop over `nn.Module`s."""
    _, drawn, x, y = setting(problem, d, runs)
    channels, classes = 20, drawn[0]["readout.bias"].shape[0]
    nets = [
        nn.Sequential(
            nn.Conv1d(1, channels, T),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(channels * (d - T + 1), 100),
            nn.ReLU(),
            nn.Linear(100, classes),
        )
        for _ in range(runs)
    ]
    steppers = [torch.optim.SGD(net.parameters(), lr=LR) for net in nets]

    def epoch() -> None:
        for net, stepper, rows_of, labels in zip(nets, steppers, x, y, strict=True):
            for rows in torch.randperm(N).split(BATCH):
                loss = F.cross_entropy(net(rows_of[rows].unsqueeze(1)), labels[rows])
                stepper.zero_grad()
                loss.backward()
                stepper.step()

    return epoch


def vmap(problem: int, d: int, runs: int) -> Epoch:
    """`torch.func.vmap` of the gradient over a stack of runs."""
    model, drawn, x, y = setting(problem, d, runs)
    names = [name for name in drawn[0] if model.layer_of(name) in model.names]
    params = {name: torch.stack([one[name] for one in drawn]) for name in names}
    xs, ys, which = torch.stack(x), torch.stack(y), torch.arange(runs).unsqueeze(1)

    def loss(p, rows, labels):
        return F.cross_entropy(model.apply(p, rows), labels)

    slope = torch.func.vmap(torch.func.grad(loss))

    def epoch() -> None:
        orders = torch.stack([torch.randperm(N) for _ in range(runs)])
        for rows in orders.split(BATCH, dim=1):
            found = slope(params, xs[which, rows], ys[which, rows])
            for name in names:
                params[name].sub_(found[name], alpha=LR)

    return epoch


def jax_layout(layout: str) -> Callable[[int, int, int], Epoch]:
    """JAX: one compiled scan over the steps, mapped over runs by `vmap` or in turn."""

    def build(problem: int, d: int, runs: int) -> Epoch:
        import jax
        import jax.numpy as jnp

        _, drawn, x, y = setting(problem, d, runs)
        seen = jnp.arange(d - T + 1)[:, None] + jnp.arange(T)[None]
        params = {
            name: jnp.stack([jnp.asarray(one[name].numpy()) for one in drawn])
            for name in drawn[0]
            if "head" not in name
        }
        params["conv.weight"] = params["conv.weight"].reshape(runs, -1, T)
        xs = jnp.asarray(torch.stack(x).numpy())
        ys = jnp.asarray(torch.stack(y).numpy())

        def loss(p, rows, labels):
            h = jax.nn.relu(rows[:, seen] @ p["conv.weight"].T + p["conv.bias"])
            h = h.reshape(len(rows), -1) @ p["hidden.weight"].T + p["hidden.bias"]
            out = jax.nn.relu(h) @ p["readout.weight"].T + p["readout.bias"]
            return -jax.nn.log_softmax(out)[jnp.arange(len(labels)), labels].mean()

        def one_epoch(p, rows_of, labels, order):
            def step(p, rows):
                slope = jax.grad(loss)(p, rows_of[rows], labels[rows])
                return jax.tree.map(lambda a, b: a - LR * b, p, slope), None

            return jax.lax.scan(step, p, order)[0]

        if layout == "vmap":
            epochs = jax.jit(jax.vmap(one_epoch))
        else:
            epochs = jax.jit(lambda *a: jax.lax.map(lambda t: one_epoch(*t), a))
        state = {"params": params}

        def epoch() -> None:
            order = np.stack([torch.randperm(N).numpy() for _ in range(runs)])
            order = jnp.asarray(order.reshape(runs, -1, BATCH))
            found = epochs(state["params"], xs, ys, order)
            state["params"] = jax.block_until_ready(found)

        return epoch

    return build


LAYOUTS = {
    "ours": ours,
    "nn.Module loop": plain,
    "torch vmap": vmap,
    "JAX vmap": jax_layout("vmap"),
    "JAX map": jax_layout("map"),
}


def one_thread(core: int | None = None) -> None:
    """One thread for each library; on Linux, on one core. Before JAX is imported."""
    os.environ["XLA_FLAGS"] = (
        "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    )
    torch.set_num_threads(1)
    if core is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})


def windows_left(problem: int, d: int) -> float:
    """Windows of a row that are not blank, on average, and a blank one."""
    x = toy_problem(problem, d=d, scale=T**-0.5).sample(N, generator=stream(0, "x")).x
    return float(x.unfold(1, T, 1).any(2).sum(1).double().mean()) + 1


def product(windows: float) -> float:
    """Operations of the hidden layer's product, one way, over `windows` a row."""
    return 2 * BATCH * windows * 20 * 100


def flops(windows: float) -> float:
    """Operations of the matrix products in one step over `windows` a row, both ways."""
    conv = 2 * BATCH * windows * T * 20 * 2  # no gradient by the rows
    return conv + 3 * product(windows)


def steps() -> int:
    return math.ceil(N / BATCH)
