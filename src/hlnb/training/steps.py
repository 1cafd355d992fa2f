"""The ways to take a step: by autograd, by hand, and many networks in one stack.

A stepper serves one phase. It changes the parameters of its network in place, or puts
others in their place, so that the next phase goes on with them.
"""

from collections.abc import Collection, Sequence
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hlnb.metrics.measures import losses
from hlnb.models.layers import Layer, Params
from hlnb.models.model import Model
from hlnb.schedules import Phase
from hlnb.training import fast
from hlnb.training.evaluation import evaluate, frozen_activations
from hlnb.training.optimizers import SGD, Optimizer
from hlnb.training.samples import Samples

Seen = tuple[Params, dict[str, Tensor]]  # parameters, and outputs by batch


@runtime_checkable
class Measurable(Protocol):
    """What can be measured."""

    def seen(self, run: int) -> Seen:
        """The parameters of a run now, and its outputs on the batches looked at."""


@runtime_checkable
class Stepper(Measurable, Protocol):
    """A way to take the steps of a phase."""

    def begin(self) -> None:
        """An epoch begins, perhaps with other training data."""

    def __call__(self, rows: Int[Tensor, "run batch"]) -> None:
        """One step of every run on these rows of its training set."""

    def finite(self) -> list[bool]:
        """Whether what learns is finite, by run; at the end of an epoch."""


class Network:
    """One network that trains, phase after phase, and what its steppers share."""

    def __init__(
        self,
        model: Model,
        params: Params,
        samples: Samples,
        *,
        looked_at: Sequence[str],
        optimizer: Optimizer = SGD(),
        carry: bool = False,
    ):
        """`looked_at`: the batches whose outputs are measured."""
        self.model, self.samples, self.looked_at = model, samples, looked_at
        place = samples.device, samples.dtype
        self.params = {name: value.to(*place) for name, value in params.items()}
        self.optimizer, self.carry = optimizer, carry
        self.carried: torch.optim.Optimizer | None = None

    @property
    def data(self) -> dict:
        return self.samples.batches[0]

    def at_rest(self, phase: Phase) -> Measurable:
        """What is seen before the first step of a phase."""
        return InPhase(self, phase)

    def stepper(self, phase: Phase, later: Sequence[Phase]) -> Stepper:
        """The way to take the steps of a phase, the fastest that covers it."""
        plain = self.optimizer == SGD() and self.samples.device == "cpu"
        above = self.model.path(phase.exit)[_lowest(self.model, phase) :]
        if plain and self.samples.labelled and fast.written_out(above):
            return ByHand(self, phase)
        return Autograd(self, phase, later)


class InPhase:
    """One network in a phase: layers below the lowest that learns are computed once,
    where their outputs fit into memory."""

    def __init__(self, network: Network, phase: Phase):
        self.network, self.phase = network, phase
        self.lowest = _lowest(network.model, phase)
        self.above = network.model.path(phase.exit)[self.lowest :]
        self.inputs: dict[str, Tensor | None] = {}  # of `above`, by batch

    @property
    def lr(self) -> float:
        (run,) = self.network.samples.runs
        return self.phase.rate(run.lr)

    def begin(self) -> None:
        for on in {"train", *self.network.looked_at}:
            if on not in self.inputs or (on == "train" and self.network.samples.online):
                x = self.network.data[on].x
                model, params = self.network.model, self.network.params
                self.inputs[on] = frozen_activations(model, params, x, stop=self.lowest)

    def params(self) -> Params:
        return self.network.params

    def seen(self, run: int) -> Seen:
        params, model = self.params(), self.network.model
        outputs = {}
        for on in self.network.looked_at:
            kept = self.inputs.get(on)
            x, first = (
                (self.network.data[on].x, 0) if kept is None else (kept, self.lowest)
            )
            outputs[on] = evaluate(model, params, x, start=first, exit=self.phase.exit)
        return params, outputs

    def finite(self) -> list[bool]:
        learning = _learning(self.network.model, self.network.params, self.phase)
        return [all(bool(value.isfinite().all()) for value in learning.values())]

    def batch(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The input to the layers from the lowest that learns up, and y."""
        x, y, _ = self.network.data["train"]
        frozen = self.inputs["train"]
        if frozen is not None:
            return frozen[rows], y[rows]
        model, params = self.network.model, self.network.params
        return evaluate(model, params, x[rows], stop=self.lowest), y[rows]


class Autograd(InPhase):
    """Gradients by autograd, steps by an optimizer of PyTorch."""

    def __init__(self, network: Network, phase: Phase, later: Sequence[Phase]):
        super().__init__(network, phase)
        groups = _by_layer(network.model, network.params)
        anew = network.optimizer.build(groups, self.lr)
        rates = [group["lr"] for group in anew.param_groups]
        if network.carried is None or not network.carry or network.optimizer == SGD():
            network.carried = anew  # plain SGD has nothing to carry
        self.optimizer = network.carried
        learning_later = {name for p in later for name in p.learns}
        gather = {layer.name for layer in self.above} & learning_later
        gather = gather if network.carry else set()
        _wake(self.optimizer, phase.learns, gather, rates=rates)

    def __call__(self, rows: Int[Tensor, "run batch"]) -> None:
        x, y = self.batch(rows[0])
        _by_autograd(self.above, self.network.params, x, y, self.optimizer)


class ByHand(InPhase):
    """Plain SGD with gradients written out: the layers that `fast` covers."""

    def __init__(self, network: Network, phase: Phase):
        super().__init__(network, phase)
        network.params = fast.prepared(self.above, network.params)
        self.descent: fast.Descent | None = None

    def begin(self) -> None:
        super().begin()
        x = self.inputs["train"]
        if x is not None and (self.descent is None or self.network.samples.online):
            params, learns = self.network.params, self.phase.learns
            self.descent = fast.Descent(
                self.above, params, x, lr=self.lr, learns=learns
            )

    def __call__(self, rows: Int[Tensor, "run batch"]) -> None:
        if self.descent is not None:
            self.descent(rows[0], self.network.data["train"].y[rows[0]])
            return
        x, y = self.batch(rows[0])
        params, learns = self.network.params, self.phase.learns
        _by_hand(self.above, params, x, y, lr=self.lr, learns=learns)

    def params(self) -> Params:
        now = self.network.params
        return now if self.descent is None else self.descent.seen(now)

    def finite(self) -> list[bool]:
        if self.descent is not None:
            self.descent.settle()
        return super().finite()


class Stack:
    """Networks that train together, each parameter in one tensor for all of them.

    `torch.func.vmap` maps the gradient of one network over the stack: the layout for
    graphics cards, where many small products in one call are the gain. It keeps no
    frozen activations.
    """

    def __init__(
        self,
        model: Model,
        drawn: Sequence[Params],
        samples: Samples,
        *,
        looked_at: Sequence[str],
    ):
        self.model, self.samples, self.looked_at = model, samples, looked_at
        place = samples.device, samples.dtype
        self.params = {
            name: torch.stack([one[name] for one in drawn]).to(*place)
            for name in drawn[0]
        }
        self.gather()

    def gather(self) -> None:
        """Puts the training sets of all runs, as they are now, into `x` and `y`."""
        train = [batches["train"] for batches in self.samples.batches]
        self.x = torch.stack([batch.x for batch in train])
        self.y = torch.stack([batch.y for batch in train])

    def at_rest(self, phase: Phase) -> Measurable:
        """What is seen before the first step of a phase."""
        return Stacked(self, phase)

    def stepper(self, phase: Phase, later: Sequence[Phase]) -> Stepper:
        """The steps of a phase."""
        return Stacked(self, phase)


class Stacked:
    """Plain SGD of every network of a stack at once."""

    def __init__(self, stack: Stack, phase: Phase):
        self.stack, self.phase = stack, phase
        place = stack.samples
        rates = [phase.rate(run.lr) for run in place.runs]
        self.rates = torch.tensor(rates, device=place.device, dtype=place.dtype)
        self.slope = torch.func.vmap(torch.func.grad(self._loss))

    def _loss(self, learning: Params, others: Params, x: Tensor, y: Tensor) -> Tensor:
        params = {**others, **learning}
        return losses(self.stack.model.apply(params, x, exit=self.phase.exit), y).mean()

    def begin(self) -> None:
        if self.stack.samples.online:
            self.stack.gather()

    def __call__(self, rows: Int[Tensor, "run batch"]) -> None:
        x, y, params = self.stack.x, self.stack.y, self.stack.params
        learning = _learning(self.stack.model, params, self.phase)
        others = {n: v for n, v in params.items() if n not in learning}
        which = torch.arange(len(rows), device=rows.device).unsqueeze(1)
        found = self.slope(learning, others, x[which, rows], y[which, rows])
        for name, value in learning.items():
            rates = self.rates.view(-1, *(1 for _ in value.shape[1:]))
            params[name] = value - rates * found[name]

    def seen(self, run: int) -> Seen:
        params = {name: value[run] for name, value in self.stack.params.items()}
        batches, model = self.stack.samples.batches[run], self.stack.model
        outputs = {
            on: evaluate(model, params, batches[on].x, exit=self.phase.exit)
            for on in self.stack.looked_at
        }
        return params, outputs

    def finite(self) -> list[bool]:
        values = _learning(self.stack.model, self.stack.params, self.phase).values()
        runs = range(len(self.stack.samples.runs))
        return [all(bool(v[run].isfinite().all()) for v in values) for run in runs]


def stepped(
    model: Model,
    params: Params,
    x: Float[Tensor, "n ..."],
    y: Int[Tensor, " n"],
    *,
    lr: float,
    learns: Collection[str],
) -> dict[str, Tensor]:
    """The parameters after one step of plain SGD on all of `x`; `params` stay."""
    params = {name: value.detach().clone() for name, value in params.items()}
    if fast.written_out(model.layers):
        params = fast.prepared(model.layers, params)
        _by_hand(model.layers, params, x, y, lr=lr, learns=learns)
        return params
    optimizer = SGD().build(_by_layer(model, params), lr)
    _wake(optimizer, learns, (), rates=[lr for _ in optimizer.param_groups])
    _by_autograd(model.layers, params, x, y, optimizer)
    return {name: value.detach() for name, value in params.items()}


def _by_hand(
    layers: Sequence[Layer],
    params: Params,
    x: Tensor,
    y: Tensor,
    *,
    lr: float,
    learns: Collection[str],
) -> None:
    """One step by formulas on all of `x`, the input to the first of `layers`."""
    descent = fast.Descent(layers, params, x, lr=lr, learns=learns)
    descent(torch.arange(len(x)), y)
    descent.settle()


def _by_autograd(
    layers: Sequence[Layer],
    params: Params,
    x: Tensor,
    y: Tensor,
    optimizer: torch.optim.Optimizer,
) -> None:
    """One step of `optimizer` on all of `x`, the input to the first of `layers`."""
    for layer in layers:
        x = layer.apply(params, x)
    optimizer.zero_grad()
    losses(x, y).mean().backward()
    optimizer.step()


def _lowest(model: Model, phase: Phase) -> int:
    """Number of the lowest layer that learns, counted from the input."""
    learns = [layer.name in phase.learns for layer in model.path(phase.exit)]
    return learns.index(True)


def _learning(model: Model, params: Params, phase: Phase) -> dict[str, Tensor]:
    return {n: v for n, v in params.items() if model.layer_of(n) in phase.learns}


def _by_layer(model: Model, params: Params) -> list[dict[str, Any]]:
    """Parameters in groups, one for each layer."""
    layers: dict[str, list[Tensor]] = {}
    for name, value in params.items():
        layers.setdefault(model.layer_of(name), []).append(value)
    return [{"params": values, "layer": layer} for layer, values in layers.items()]


def _wake(
    stepper: torch.optim.Optimizer,
    learns: Collection[str],
    gather: Collection[str],
    *,
    rates: Sequence[float],
) -> None:
    """Layers that learn step at their rate; those that gather at 0, for their moments.

    `rates`: that of each group, as the optimizer's own `build` has set it.
    """
    for group, rate in zip(stepper.param_groups, rates, strict=True):
        group["lr"] = rate if group["layer"] in learns else 0.0
        for value in group["params"]:
            value.requires_grad_(group["layer"] in {*learns, *gather})
