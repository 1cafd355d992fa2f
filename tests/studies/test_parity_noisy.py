"""Noisy descent: what runs with coins tell of each set, and what weights can hold."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from hlnb.data.boolean import Parity, characters, cube
from hlnb.errors import HlnbError
from hlnb.metrics.fourier import support, walsh_hadamard
from hlnb.models.networks import mlp
from hlnb.seeding import stream
from hlnb.studies.parity import noisy
from hlnb.studies.parity.experiment import cube_gradients

SMALL = noisy.NoisyDescent(4, width=3, lr=0.2, noise=0.5, steps=4)


def steps_of(how, labels=None, seed=1):
    return [*noisy._walk(how, labels, seed)]


def character(index):
    """χ_I on the cube of SMALL, by the bits of the index."""
    return characters(cube(4).double(), [support(index)])[:, 0]


def test_a_step_is_that_of_autograd_with_its_noise():
    how, labels = SMALL, character(5)
    model, x = mlp(d=4, widths=(3,), n_out=1), cube(4).double()
    leaves = {
        n: v.double().requires_grad_() for n, v in model.init(stream(1, "init")).items()
    }
    for step in steps_of(how, labels):
        f = model.apply(leaves, x)[:, 0]
        torch.testing.assert_close(step.f, f)
        loss = (torch.log(2 * torch.cosh(f)) - labels * f).mean()
        gradients = torch.autograd.grad(loss, [*leaves.values()])
        leaves = {
            n: (v - how.lr * (g + how.noise * step.noise[n])).detach().requires_grad_()
            for (n, v), g in zip(leaves.items(), gradients, strict=True)
        }


def test_signals_are_those_of_every_parameter():
    step = steps_of(replace(SMALL, steps=1))[0]
    model = mlp(d=4, widths=(3,), n_out=1)
    g = cube_gradients(model, model.init(stream(1, "init")), d=4)
    expected = walsh_hadamard(g.T).square().sum(0)
    torch.testing.assert_close(noisy.signal_energy(step), expected)
    flat = torch.cat([v.flatten() for v in step.noise.values()])
    torch.testing.assert_close(noisy.along(step), g @ flat)


def test_the_mean_divergence_is_the_ceiling():
    found = noisy.told(SMALL, seeds=range(3))
    assert found.divergence.mean(1) == pytest.approx(found.ceiling, rel=1e-12)
    step = steps_of(replace(SMALL, steps=1))[0]
    model = mlp(d=4, widths=(3,), n_out=1)
    g = cube_gradients(model, model.init(stream(1, "init")), d=4)
    one = noisy.told(replace(SMALL, steps=1), seeds=[1])
    energy = float(g.square().sum(1).mean()) / (2 * SMALL.noise**2 * 16)
    assert one.ceiling[0] == pytest.approx(energy)
    assert len(step.x) == 16


def test_the_log_ratio_is_that_of_the_gaussian_steps():
    """From the parameters of a run with coins, and the mean step under a set."""
    how = SMALL
    found = noisy.told(how, seeds=[1])
    steps = steps_of(how)[: how.steps]
    for index in range(16):
        chi, total = character(index), 0.0
        for step in steps:
            back = chi[:, None] * step.slopes / 16
            signal = {
                "layer1.weight": back.T @ step.x,
                "layer1.bias": back.sum(0),
                "readout.weight": (chi @ step.hidden)[None] / 16,
                "readout.bias": chi.mean()[None],
            }
            for name, noise in step.noise.items():
                under = noise + signal[name] / how.noise  # the noise it takes under I
                total -= float((under.square() - noise.square()).sum()) / 2
        assert found.log_ratio[0, index] == pytest.approx(total, abs=1e-10)


def test_a_likelihood_ratio_has_mean_one():
    """Over runs with coins; false alarm 1e-4 or less by Chebyshev on 4,000 runs."""
    how = noisy.NoisyDescent(3, width=2, lr=0.1, noise=4.0, steps=2)
    ratio = np.exp(noisy.told(how, seeds=range(4000)).log_ratio)
    error = ratio.std(0) / math.sqrt(len(ratio))
    assert (np.abs(ratio.mean(0) - 1) < 5 * error + 1e-12).all()


def test_variation_and_its_bound():
    ratio = np.log(np.array([[0.5, 1.0, 2.0, 0.25]]))
    found = noisy.Told(ratio, ratio, np.array([0.02]))
    assert noisy.variation(found).tolist() == pytest.approx([(0.5 + 0.75) / 4])
    assert noisy.bound(found) == pytest.approx(0.1)  # Pinsker
    large = found._replace(ceiling=np.array([5.0]))
    assert noisy.bound(large) == pytest.approx(math.sqrt(1 - math.exp(-5)))
    for how in (SMALL, replace(SMALL, noise=3.0), replace(SMALL, steps=40)):
        told = noisy.told(how, seeds=range(20))
        assert noisy.variation(told).mean() < noisy.bound(told)


def test_luck_is_for_four_sets_at_most():
    assert noisy.by_luck(1) == 1
    assert noisy.by_luck(10) == 4 / 1024
    # no sign function has a correlation of one half with more than four characters
    d, most = 3, 0
    for values in itertools.product([-1.0, 1.0], repeat=2**d):
        found = walsh_hadamard(torch.tensor([values]))[0]
        most = max(most, int((found >= 0.5).sum()))
    assert most <= 4


def test_without_noise_to_speak_of_a_small_set_is_learned():
    how = noisy.NoisyDescent(3, lr=0.5, noise=1e-3, steps=400)
    assert (noisy.accuracies(how, seeds=range(5)) == 1).all()


def test_rounding_tells_sets_apart_at_an_edge_only():
    signals = np.array([1e-9, -1e-9, 2e-9, -3e-9])
    assert noisy.rounded_apart(signals, grid=1.0, at=0.0) == 0
    assert noisy.rounded_apart(signals, grid=1.0, at=0.5) == 0.5


@pytest.mark.parametrize(("dtype", "most"), [(np.float32, 24), (np.float64, 53)])
def test_weights_hold_an_example_a_digit(dtype, most):
    batch = Parity(6, 3).sample(most + 4, generator=stream(0, "train"))
    first = batch._replace(x=batch.x[:most], y=batch.y[:most])
    for kind in (dtype, object):
        bits, labels = noisy.digits(first, dtype=kind)
        assert (1 - 2.0 * bits == first.x.numpy()).all()
        assert (labels == first.y.numpy()).all()
    bits, _ = noisy.digits(batch, dtype=dtype)  # more digits than there are
    assert (1 - 2.0 * bits != batch.x.numpy()).any()
    exact, _ = noisy.digits(batch, dtype=object)
    assert (1 - 2.0 * exact == batch.x.numpy()).all()


def test_no_output_reaches_the_kink_of_the_hinge_loss():
    d, n = 5, 15
    batch = Parity(d, 2).sample(n, generator=stream(3, "train"))
    x = np.hstack([batch.x.numpy(), np.ones((n, 1))])
    y = 1 - 2 * batch.y.numpy()
    w = np.zeros(d + 1)
    for t in range(n):
        assert y[t] * (x[t] @ w) < 1
        w += 0.5 ** (t + 1) / (d + 1) * y[t] * x[t]


def test_what_the_weights_hold_gives_the_set():
    assert noisy.recovered(70, seeds=range(4), dtype=object) == [True] * 4
    assert not any(noisy.recovered(70, seeds=range(4), dtype=np.float64))
    few = Parity(20, 10).sample(9, generator=stream(0, "train"))
    assert noisy.read_out(few) == ()  # rank below d


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"d": 21}, "take a cube of at most 20"),
        ({"steps": 0}, "steps = 0: take a whole number from 1 up"),
        ({"noise": 0.0}, r"noise = 0\.0: take a finite number above 0"),
    ],
)
def test_refusals(changed, says):
    with pytest.raises(HlnbError, match=says):
        replace(SMALL, **changed)
