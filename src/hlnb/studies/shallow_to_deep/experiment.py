"""Learning a random hierarchy level by level, from the input up.

Three learners by clustering: a table says how each tuple goes with the labels, k-means
makes its rows the features of the next level, and so on up; the class of a top tuple is
its most frequent label. And networks, whose layers learn one after another.
Source of the first learner: Cagnetta et al. 2024 and their public script.
"""

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, Real
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor

from hlnb.data.hierarchy import Derivation, RandomHierarchy
from hlnb.errors import HlnbError
from hlnb.kept import kept
from hlnb.metrics.synonyms import label_counts
from hlnb.models.model import Model
from hlnb.schedules import Phase, Schedule, simultaneous
from hlnb.seeding import stream

LEARNERS = ("one step, first patch", "one step, all patches", "regression, all patches")


def label_table(
    codes: Int[Tensor, "n place"],
    labels: Int[Tensor, " n"],
    *,
    n_codes: int,
    prior: Float[Tensor, " n_class"],
) -> Float[Tensor, "place code n_class"]:
    """P(code at place, label) − prior(label) · P(code at place), as counted.

    0 on average where code and label are independent.
    """
    joint = label_counts(codes, labels, n_codes=n_codes, n_classes=len(prior)).double()
    return (joint - joint.sum(2, keepdim=True) * prior.double()) / len(labels)


def gradient_at_ones(
    codes: Int[Tensor, " n"],
    labels: Int[Tensor, " n"],
    readout: Float[Tensor, "n_class width"],
    *,
    n_codes: int,
) -> Float[Tensor, "width n_code"]:
    """Gradient of the mean cross-entropy by the first weights, where all of them are 1.

    The published network for one patch: A (W e / √n_codes)₊ / width, where e is one-hot
    in the code of the patch. By autograd; `table_gradient` is the closed form.
    """
    width = readout.shape[1]
    first = torch.ones(width, n_codes, dtype=readout.dtype, requires_grad=True)
    inputs = F.one_hot(codes, n_codes).to(readout.dtype)
    hidden = (inputs @ first.mT / math.sqrt(n_codes)).relu()
    loss = F.cross_entropy(hidden @ readout.mT / width, labels)
    return torch.autograd.grad(loss, first)[0]


def table_gradient(
    codes: Int[Tensor, " n"],
    labels: Int[Tensor, " n"],
    readout: Float[Tensor, "n_class width"],
    *,
    n_codes: int,
) -> Float[Tensor, "width n_code"]:
    """`gradient_at_ones` in closed form: −Aᵀ times a `label_table`, times a factor.

    With equal weights the network says the same of every input, so the residuals depend
    on the label alone, and the table's prior is what the network says.
    """
    width = readout.shape[1]
    said = (readout.mean(1) / math.sqrt(n_codes)).softmax(0)
    table = label_table(codes[:, None], labels, n_codes=n_codes, prior=said)[0]
    return -(table @ readout.double()).mT / (width * math.sqrt(n_codes))


def regression_table(
    codes: Int[Tensor, "n place"],
    labels: Int[Tensor, " n"],
    *,
    n_codes: int,
    n_classes: int,
    penalty: float = 1.0,
) -> Float[Tensor, "place code n_class"]:
    """Coefficients of the labels' ridge regression on all codes at all places.

    One linear layer with a head on every patch ends with these, if it is trained to
    convergence on squared error. `penalty`: in counts, so that unseen codes have 0.
    """
    n, places = codes.shape
    where = codes + n_codes * torch.arange(places)
    x = torch.zeros(n, places * n_codes, dtype=torch.float64)
    x.scatter_(1, where, 1.0)
    y = F.one_hot(labels, n_classes).double() - 1 / n_classes
    normal = x.mT @ x + penalty * torch.eye(x.shape[1], dtype=torch.float64)
    return torch.linalg.solve(normal, x.mT @ y).view(places, n_codes, n_classes)


def table(
    learner: str,
    codes: Int[Tensor, "n place"],
    labels: Int[Tensor, " n"],
    *,
    n_codes: int,
    n_classes: int,
) -> Float[Tensor, "seen code n_class"]:
    """The table that a learner clusters: a row per code, over places and classes.

    Refuses a learner that is none of LEARNERS.
    """
    if learner not in LEARNERS:
        raise HlnbError(f"There is no learner {learner!r}: take one of {LEARNERS}.")
    if learner == LEARNERS[2]:
        return regression_table(codes, labels, n_codes=n_codes, n_classes=n_classes)
    prior = torch.full((n_classes,), 1 / n_classes, dtype=torch.float64)
    seen = codes[:, :1] if learner == LEARNERS[0] else codes
    return label_table(seen, labels, n_codes=n_codes, prior=prior)


def clusters(
    rows: Float[Tensor, "place code n_class"], n: int, *, generator: torch.Generator
) -> Int[Tensor, " code"]:
    """The cluster of each code, 0 to n − 1, by k-means: the best of ten starts."""
    points = rows.movedim(0, 1).flatten(1).numpy()
    state = int(torch.randint(2**31 - 1, (1,), generator=generator))
    with warnings.catch_warnings():
        # codes that were never seen have equal rows, perhaps fewer than n others
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = KMeans(n, n_init=10, random_state=state).fit(points)
    return torch.tensor(found.labels_, dtype=torch.int64)


class Chain(NamedTuple):
    """What a learner by clustering found."""

    clusters: tuple[Int[Tensor, " code"], ...]  # a feature for each tuple, by level
    classes: Int[Tensor, " code"]  # a class for each tuple of the top level


def _codes(
    problem: RandomHierarchy, symbols: Int[Tensor, "n position"]
) -> Int[Tensor, "n place"]:
    return problem.code(symbols.view(len(symbols), -1, problem.tuple_size))


def learn(
    problem: RandomHierarchy, learner: str, train: Derivation, *, seed: int
) -> Chain:
    """The Chain learned from the strings and labels of `train` alone.

    `seed` draws the starts of k-means. Ties and unseen tuples get the lowest class.
    Refuses a grammar of one level.
    """
    if problem.depth < 2:
        raise HlnbError("A chain needs two levels: take depth ≥ 2.")
    n_codes = problem.vocab_size**problem.tuple_size
    symbols, labels = train.symbols[0], train.labels
    generator = stream(seed, f"clusters, {learner}")
    found = []
    for _ in range(problem.depth - 1):
        codes = _codes(problem, symbols)
        rows = table(
            learner, codes, labels, n_codes=n_codes, n_classes=problem.n_classes
        )
        found.append(clusters(rows, problem.vocab_size, generator=generator))
        symbols = found[-1][codes]
    votes = label_counts(
        _codes(problem, symbols), labels, n_codes=n_codes, n_classes=problem.n_classes
    )
    return Chain(tuple(found), votes[0].argmax(1))


def predict(
    problem: RandomHierarchy, chain: Chain, symbols: Int[Tensor, "n position"]
) -> Int[Tensor, " n"]:
    """The class that a chain gives to each string."""
    for found in chain.clusters:
        symbols = found[_codes(problem, symbols)]
    return chain.classes[_codes(problem, symbols)[:, 0]]


def wrongly_placed(
    found: Int[Tensor, " code"], truth: Int[Tensor, " code"]
) -> Bool[Tensor, " code"]:
    """Which tuples are in a wrong cluster, after the best matching with features.

    A tuple without a feature (−1) never is.
    """
    known = truth >= 0
    size = int(max(found.max(), truth.max())) + 1
    together = torch.zeros(size, size, dtype=torch.int64)
    one = torch.ones(int(known.sum()), dtype=torch.int64)
    together.index_put_((found[known], truth[known]), one, accumulate=True)
    _, feature = linear_sum_assignment(together.numpy(), maximize=True)
    return known & (torch.tensor(feature)[found] != truth)


def misplaced(found: Int[Tensor, " code"], truth: Int[Tensor, " code"]) -> float:
    """Share of tuples in a wrong cluster, of those that have a feature."""
    return float(wrongly_placed(found, truth).sum() / (truth >= 0).sum())


class Trial(NamedTuple):
    """How a learner by clustering did in one run."""

    error: float  # test error over that of guessing
    misplaced: float  # share of level-1 tuples in a wrong cluster


@kept
def trial(problem: RandomHierarchy, learner: str, *, n_train: int, seed: int) -> Trial:
    """The Trial of one run, with the grammar and the strings of `seed`."""
    mine = problem.with_seed(seed)
    data = mine.derivations(seed, n_train=n_train)
    chain = learn(mine, learner, data["train"], seed=seed)
    test = data["test"]
    wrong = (predict(mine, chain, test.symbols[0]) != test.labels).double().mean()
    guessing = 1 - 1 / problem.n_classes
    return Trial(float(wrong) / guessing, misplaced(chain.clusters[0], mine.parents[0]))


@kept
def error_with(
    problem: RandomHierarchy, *, n_train: int, seed: int, more: int
) -> float:
    """Error over that of guessing, if every level has `more` clusters than features.

    The learner is "one step, all patches", with the grammar and the strings of `seed`.
    """
    mine, count = problem.with_seed(seed), problem.vocab_size + more
    data = mine.derivations(seed, n_train=n_train)
    labels, n_classes = data["train"].labels, problem.n_classes
    train, test = (data[on].symbols[0] for on in ("train", "test"))
    base, draws = problem.vocab_size, stream(seed, f"{more} clusters more")
    for level in range(problem.depth):
        weights = base ** torch.arange(problem.tuple_size)
        train, test = (
            (s.view(len(s), -1, problem.tuple_size) * weights).sum(2)
            for s in (train, test)
        )
        n_codes = base**problem.tuple_size
        rows = table(LEARNERS[1], train, labels, n_codes=n_codes, n_classes=n_classes)
        if level < problem.depth - 1:
            found = clusters(rows, count, generator=draws)
            train, test, base = found[train], found[test], count
    wrong = (rows[0].argmax(1)[test[:, 0]] != data["test"].labels).double().mean()
    return float(wrong) / (1 - 1 / n_classes)


def ways(model: Model, *, epochs: int) -> dict[str, Schedule]:
    """Three ways of training, each in `epochs` in all, by name.

    "greedy": a phase for each hidden layer with its head, the last one with the
    readout. "first layer untrained": all others together. Phases are equally long, the
    last may be longer. Refuses fewer
    than two hidden layers, fewer epochs than layers, and missing heads.
    """
    *lower, last, readout = model.names
    if not lower or epochs < len(model.names):
        raise HlnbError(
            f"{len(model.names)} layers, {epochs} epochs: take a model with two hidden "
            "layers or more, and an epoch for each layer."
        )
    if missing := [name for name in lower if name not in model.heads]:
        raise HlnbError(f"Greedy training needs a head after layer {missing[0]!r}.")
    by_head = _lasting(
        [*(((name, model.heads[name].name), name) for name in lower),
         ((last, readout), None)],
        epochs,
    )  # fmt: skip
    first, *others = model.names
    return {
        "simultaneous": simultaneous(model, epochs=epochs),
        "greedy": Schedule("greedy", by_head),
        "first layer untrained": Schedule(
            "first layer untrained", (Phase(epochs, tuple(others)),), frozen=(first,)
        ),
    }


def _lasting(
    parts: Sequence[tuple[tuple[str, ...], str | None]], epochs: int
) -> tuple[Phase, ...]:
    """A phase for each part (what learns, exit), `epochs` in all."""
    each, rest = divmod(epochs, len(parts))
    lengths = [each] * (len(parts) - 1) + [each + rest]
    return tuple(
        Phase(length, learns, exit)
        for length, (learns, exit) in zip(lengths, parts, strict=True)
    )


def grammars(codes: Sequence[str]) -> dict[str, RandomHierarchy]:
    """Maximal grammars with tuples of two, by name; "8-2": v = m = n_c = 8, L = 2.

    Refuses another form of code.
    """
    found = {}
    for code in codes:
        v, _, depth = code.partition("-")
        if not (v.isdigit() and depth.isdigit()):
            raise HlnbError(f"{code!r} is no grammar: write v-L, such as 8-2.")
        v, depth = int(v), int(depth)
        found[f"v = {v}, L = {depth}"] = RandomHierarchy(v, v, v, depth=depth)
    return found


def sizes(problem: RandomHierarchy, ratios: Sequence[float]) -> Mapping[float, int]:
    """Training strings at each multiple of P* that leaves a fifth of all for tests."""
    wanted = {ratio: max(2, round(ratio * problem.n_star)) for ratio in ratios}
    return {ratio: n for ratio, n in wanted.items() if n <= 0.8 * problem.n_max}


def samples_needed(
    ratios: Sequence[float],
    errors: Real[np.ndarray, "ratio run"],
    *,
    threshold: float = 0.1,
) -> Real[np.ndarray, " run"]:
    """The smallest ratio, for each run, from which on its error is at most `threshold`.

    `ratios`: training strings over P*, ascending. Between two of them errors are
    interpolated over the logarithm. The first one, where it suffices; inf where none
    does. The paper's threshold is 10 % of guessing.
    """
    logs = np.log(np.asarray(ratios, float))
    needed = []
    for run in errors.T:
        i = len(run)
        while i and run[i - 1] <= threshold:
            i -= 1
        if i == len(run):
            needed.append(math.inf)
        elif i == 0:
            needed.append(float(ratios[0]))
        else:
            share = (run[i - 1] - threshold) / (run[i - 1] - run[i])
            needed.append(math.exp(logs[i - 1] + share * (logs[i] - logs[i - 1])))
    return np.array(needed)


def cluster_points(
    problem: RandomHierarchy, ns: Sequence[int], *, seed: int
) -> tuple[list[Real[np.ndarray, "code 2"]], list[Int[np.ndarray, " code"]]]:
    """Rows of level 1's table, in a plane, and their clusters, for each of `ns`.

    The learner is "one step, all patches"; training sets of `ns` strings are nested.
    The plane: the two main directions of the table of 20,000 strings. Rows are in units
    of how often a code is expected, so that they are label rates minus chance.
    """
    mine = problem.with_seed(seed)
    n_codes = problem.vocab_size**problem.tuple_size
    many = mine.derive(20_000, generator=stream(seed, "many strings"))
    drawn = mine.distinct(max(ns), generator=stream(seed, "nested strings"))

    def rows(strings: Derivation, n: int) -> Float[Tensor, "place code n_class"]:
        codes, labels = _codes(problem, strings.symbols[0][:n]), strings.labels[:n]
        kw = {"n_codes": n_codes, "n_classes": problem.n_classes}
        return n_codes * table(LEARNERS[1], codes, labels, **kw)

    flat = rows(many, 20_000).movedim(0, 1).flatten(1)
    middle = flat.mean(0)
    plane = torch.linalg.svd(flat - middle, full_matrices=False).Vh[:2]
    points, found = [], []
    for n in ns:
        own = rows(drawn, n)
        points.append(((own.movedim(0, 1).flatten(1) - middle) @ plane.mT).numpy())
        generator = stream(seed, f"clusters of {n}")
        found.append(clusters(own, problem.vocab_size, generator=generator).numpy())
    return points, found
