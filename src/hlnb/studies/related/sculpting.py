"""Pruning a network until every edge counts, and the modules that are left.

After Patil, Michael & Dovrolis 2023 ("Neural Sculpting"): Boolean tasks made of
sub-functions; units, then edges are removed one at a time, with retraining. Their score
of what to remove is a gradient; here it is the loss without that part.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.sparse.csgraph import connected_components

from hlnb.errors import HlnbError, at_least
from hlnb.kept import kept
from hlnb.seeding import stream
from hlnb.words import in_range

Part = tuple[int, int] | tuple[int, int, int]  # a hidden unit, or an edge of a layer
TASKS = ("half adders", "decoder")
APART = {  # task → its modules, where they can be apart, and the layers that count
    "half adders": ([{"x1", "x2", "y1", "y2"}, {"x3", "x4", "y3", "y4"}], None),
    "decoder": ([{"x1", "x2"}, {"x3", "x4"}], 1),
}
ENOUGH = 0.1  # nats of mean log loss at which a table counts as known


@dataclass(frozen=True)
class Table:
    """A Boolean function in full: inputs, answers, and what each answer depends on."""

    x: Float[np.ndarray, "row input"]
    y: Float[np.ndarray, "row output"]
    needs: Bool[np.ndarray, "output input"]  # which inputs an output depends on


def task(name: str) -> Table:
    """Four bits in, four out; inputs 1, 2 form one module and 3, 4 the other.

    half adders: sum (exclusive or) and carry (and) of bits 1, 2, and of bits 3, 4.
    decoder: with g = x1 xor x2 and h = x3 xor x4, which of the four cases (g, h) is it?

    Refuses another name.
    """
    x = (np.arange(16)[:, None] >> np.arange(4) & 1).astype(float)
    a, b, c, d = x.T.astype(bool)
    if name == "half adders":
        columns = (a ^ b, a & b, c ^ d, c & d)
    elif name == "decoder":
        g, h = a ^ b, c ^ d
        columns = (g & h, g & ~h, ~g & h, ~g & ~h)
    else:
        raise HlnbError(f"There is no task {name!r}: take one of {', '.join(TASKS)}.")
    y = np.stack(columns, 1).astype(float)
    return Table(x, y, dependence(y))


def dependence(y: Float[np.ndarray, "row output"]) -> Bool[np.ndarray, "output input"]:
    """Whether an output ever changes with an input; rows are inputs in binary order."""
    n = len(y).bit_length() - 1
    rows = np.arange(len(y))
    flips = [(y != y[rows ^ (1 << i)]).any(0) for i in range(n)]
    return np.stack(flips, 1)


@dataclass(frozen=True)
class Net:
    """A network of ReLUs with a mask on every weight; outputs are log odds."""

    weights: tuple[np.ndarray, ...]  # each (out, in); 0 where there is no edge
    biases: tuple[np.ndarray, ...]
    masks: tuple[np.ndarray, ...]  # like weights: whether there is an edge

    @property
    def edges(self) -> int:
        return sum(int(mask.sum()) for mask in self.masks)

    @property
    def units(self) -> int:
        """Hidden units with an edge in and an edge out."""
        pairs = pairwise(self.masks)
        return sum(int((low.any(1) & high.any(0)).sum()) for low, high in pairs)

    def activations(self, x: Float[np.ndarray, "n input"]) -> list[np.ndarray]:
        """The output of every layer, input first."""
        outputs = [x]
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            out = outputs[-1] @ weight.T + bias
            outputs.append(out if i == len(self.weights) - 1 else np.maximum(out, 0))
        return outputs

    def loss(self, table: Table) -> float:
        """Mean log loss of all answers, in nats."""
        return _log_loss(self.activations(table.x)[-1], table.y)


def _log_loss(logits: np.ndarray, y: np.ndarray) -> float:
    return float(np.logaddexp(0, np.where(y > 0, -logits, logits)).mean())


def dense(sizes: Sequence[int], *, seed: int) -> Net:
    """A Net with every edge; weights normal with variance 2 / fan-in, biases 0.

    Refuses fewer than three layers, and layers without units.
    """
    if len(sizes) < 3:
        raise HlnbError(f"sizes = {sizes}: take at least three layers.")
    at_least(1, sizes=sizes)
    draw = stream(seed, "pruning init")
    shapes = [(n_out, n_in) for n_in, n_out in pairwise(sizes)]
    weights = tuple(
        torch.randn(shape, generator=draw, dtype=torch.float64).numpy()
        * math.sqrt(2 / shape[1])
        for shape in shapes
    )
    biases = tuple(np.zeros(n_out) for n_out, _ in shapes)
    return Net(weights, biases, tuple(np.ones(shape, bool) for shape in shapes))


def gradients(
    net: Net, table: Table
) -> tuple[np.ndarray, list[np.ndarray], list[np.ndarray]]:
    """The log odds of every answer, and the mean log loss's gradients.

    These are by weights, then by biases, layer by layer.
    """
    outputs = net.activations(table.x)
    back = (1 / (1 + np.exp(-np.clip(outputs[-1], -500, 500))) - table.y) / table.y.size
    by_weight, by_bias = [], []
    for i in range(len(net.weights) - 1, -1, -1):
        by_weight.append(np.where(net.masks[i], back.T @ outputs[i], 0))
        by_bias.append(back.sum(0))
        back = (back @ net.weights[i]) * (outputs[i] > 0)
    return outputs[-1], by_weight[::-1], by_bias[::-1]


def fit(net: Net, table: Table, *, budget: int, lr: float = 0.02) -> Net:
    """`net` after Adam on the whole table, until it is `known`, or `budget` steps.

    Not `train`: a network of its own with masks, and several answers to each input.
    """
    n = len(net.weights)
    values = [*net.weights, *net.biases]
    mean = [np.zeros_like(value) for value in values]
    square = [np.zeros_like(value) for value in values]
    for step in range(1, budget + 1):
        logits, by_weight, by_bias = gradients(net, table)
        if _known(logits, table):
            break
        for i, slope in enumerate([*by_weight, *by_bias]):
            mean[i] = 0.9 * mean[i] + 0.1 * slope
            square[i] = 0.999 * square[i] + 0.001 * slope**2
            size = np.sqrt(square[i] / (1 - 0.999**step)) + 1e-8
            values[i] = values[i] - lr * mean[i] / (1 - 0.9**step) / size
        net = replace(net, weights=tuple(values[:n]), biases=tuple(values[n:]))
    return net


def known(net: Net, table: Table) -> bool:
    """Whether every answer is right and the mean log loss at most ENOUGH."""
    return _known(net.activations(table.x)[-1], table)


def _known(logits: np.ndarray, table: Table) -> bool:
    right = bool(((logits > 0) == (table.y > 0)).all())
    return right and _log_loss(logits, table.y) <= ENOUGH


def parts(net: Net, kind: str) -> list[Part]:
    """All hidden units that have edges (`kind` units), or all edges (`kind` edges)."""
    if kind == "edges":
        return [
            (layer, int(i), int(j))
            for layer, mask in enumerate(net.masks)
            for i, j in np.argwhere(mask)
        ]
    if kind != "units":
        raise HlnbError(f"No parts are called {kind!r}: take units or edges.")
    return [
        (layer, int(i))
        for layer, mask in enumerate(net.masks[:-1])
        for i in np.flatnonzero(mask.any(1) | net.masks[layer + 1].any(0))
    ]


def without(net: Net, part: Part) -> Net:
    """`net` with an edge, or all edges of a hidden unit, removed."""
    masks = [mask.copy() for mask in net.masks]
    layer, i, *rest = part
    if rest:
        masks[layer][i, rest[0]] = False
    else:
        masks[layer][i] = False
        masks[layer + 1][:, i] = False
    weights = tuple(np.where(m, w, 0) for m, w in zip(masks, net.weights, strict=True))
    return replace(net, weights=weights, masks=tuple(masks))


def prune(
    net: Net, table: Table, *, kind: str, budget: int, shuffle: int | None = None
) -> list[Net]:
    """`net`, and the network after each removal, until nothing can be spared.

    The part whose absence costs the least loss is tried first. If `budget` steps of
    retraining do not bring all answers back, it is put back for good. `shuffle`: a
    seed, with which parts are tried in random order instead.
    """
    stages, needed = [net], set[Part]()
    order = None if shuffle is None else stream(shuffle, f"order of {kind}")
    while left := [part for part in parts(net, kind) if part not in needed]:
        if order is None:
            tried = min(left, key=lambda part: without(net, part).loss(table))
        else:
            tried = left[int(torch.randint(len(left), (1,), generator=order))]
        trial = fit(without(net, tried), table, budget=budget)
        if known(trial, table):
            net = trial
            stages.append(net)
        else:
            needed.add(tried)
    return stages


@dataclass(frozen=True)
class Sculpted:
    """A network that learned a task, and its stages on the way to the sparsest."""

    learned: bool  # whether the dense network knew the task in the first place
    stages: tuple[Net, ...]  # dense first; units go, then edges
    n_units: int  # removals of units among the stages


@kept
def sculpt(
    name: str,
    seed: int,
    *,
    hidden: Sequence[int],
    budget: int = 600,
    shuffled: bool = False,
) -> Sculpted:
    """A dense network trained on a task, for 5 budgets at most, and then pruned.

    `hidden`: units of the hidden layers. `budget`: steps of each retraining. shuffled:
    parts are tried in random order, as a control.
    """
    table = task(name)
    shuffle = seed if shuffled else None
    sizes = [table.x.shape[1], *hidden, table.y.shape[1]]
    net = fit(dense(sizes, seed=seed), table, budget=5 * budget)
    if not known(net, table):
        return Sculpted(False, (net,), 0)
    by_unit = prune(net, table, kind="units", budget=budget, shuffle=shuffle)
    by_edge = prune(by_unit[-1], table, kind="edges", budget=budget, shuffle=shuffle)
    return Sculpted(True, (*by_unit, *by_edge[1:]), len(by_unit) - 1)


def path_strength(net: Net) -> Float[np.ndarray, "output input"]:
    """Σ over paths from an input to an output of the product of |weights| on it."""
    found = np.abs(net.weights[0])
    for weight in net.weights[1:]:
        found = np.abs(weight) @ found
    return found


def path_shares(net: Net) -> Float[np.ndarray, "output input"]:
    """Each pair's share of all path strength."""
    strength = path_strength(net)
    return strength / strength.sum()


def share_inside(net: Net, needs: Bool[np.ndarray, "output input"]) -> float:
    """Share of the path strength that joins outputs to inputs that they need."""
    return float(path_shares(net)[needs].sum())


def modules(net: Net, *, layers: int | None = None) -> list[set[str]]:
    """Inputs and outputs by connected component of the network, single ones left out.

    layers: only this many layers from the input up count; None: all. Named x1, x2, …
    and y1, y2, …; outputs are there only if all layers count.
    """
    masks = net.masks[:layers]
    sizes = [masks[0].shape[1], *(len(mask) for mask in masks)]
    starts = np.cumsum([0, *sizes])
    graph = np.zeros((starts[-1], starts[-1]), bool)
    for i, mask in enumerate(masks):
        graph[starts[i + 1] : starts[i + 2], starts[i] : starts[i + 1]] = mask
    _, component = connected_components(graph, directed=False)
    names = {i: f"x{i + 1}" for i in range(sizes[0])}
    if layers is None or layers == len(net.masks):
        names |= {starts[-2] + i: f"y{i + 1}" for i in range(sizes[-1])}
    groups: dict[int, set[str]] = {}
    for node, called in names.items():
        groups.setdefault(component[node], set()).add(called)
    return sorted((g for g in groups.values() if len(g) > 1), key=sorted)


def apart(run: Sculpted, name: str) -> bool | None:
    """Whether the modules of a task are apart in the sparsest network.

    None for a network that did not learn its table in the first place.
    """
    expected, layers = APART[name]
    if not run.learned:
        return None
    return modules(run.stages[-1], layers=layers) == expected


def linked(needs: Bool[np.ndarray, "output input"]) -> list[set[int]]:
    """Sets of outputs that are joined by inputs which they need."""
    shared = needs.astype(int) @ needs.T.astype(int) > 0
    _, component = connected_components(shared, directed=False)
    return [set(np.flatnonzero(component == k).tolist()) for k in set(component)]


def left(found: Sequence[Sculpted]) -> str:
    """Units and edges that are left in the sparsest networks, in words."""
    if not found:
        return "–"
    nets = [run.stages[-1] for run in found]
    units = in_range([net.units for net in nets], ".0f")
    return f"{units} units, {in_range([net.edges for net in nets], '.0f')} edges"
