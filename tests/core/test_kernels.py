"""Kernels of untrained networks: identities with autograd and with closed forms."""

import numpy as np
import pytest
import torch

from hlnb.errors import HlnbError
from hlnb.metrics.kernels import (
    linear_kernel,
    random_features,
    ridge_wrong,
    tangent_kernel,
)
from hlnb.models.layers import Affine, Conv
from hlnb.models.model import Model
from hlnb.models.networks import toy_network
from hlnb.seeding import stream

SMALL = {"d": 24, "n_classes": 3, "T": 4, "channels": 3, "hidden": 5}
IMAGES = Model(
    (Conv("conv", 2, 3, 3, dims=2, pool=2), Affine("readout", 27, 4, relu=False))
)
NETWORKS = {
    "three layers": (toy_network(**SMALL), (24,)),
    "two layers, padded": (toy_network(**SMALL, n_layers=2, padding=2), (24,)),
    "images, pooled": (IMAGES, (2, 8, 8)),
}


def draw(model, shape, *, n):
    params = model.init(stream(0, "init"))
    x = torch.randn(n, *shape, dtype=torch.float64, generator=stream(0, "x"))
    return {name: value.double() for name, value in params.items()}, x


def jacobian(model, params, x):
    """∂f_c(x)/∂θ by one backward pass for each input and output: (C, n, parameter)."""
    leaves = {name: value.clone().requires_grad_() for name, value in params.items()}
    outputs = [model.apply(leaves, one[None])[0] for one in x]
    wanted = {"retain_graph": True, "allow_unused": True, "materialize_grads": True}
    rows = [
        torch.autograd.grad(output, leaves.values(), **wanted)
        for output in torch.cat(outputs)
    ]
    flat = torch.stack([torch.cat([part.flatten() for part in row]) for row in rows])
    return flat.unflatten(0, (len(x), -1)).transpose(0, 1)


@pytest.mark.parametrize("name", NETWORKS)
def test_tangent_kernel_is_the_product_of_jacobians(name):
    model, shape = NETWORKS[name]
    params, x = draw(model, shape, n=9)
    x, z = x[:5], x[5:]
    one, two = jacobian(model, params, x), jacobian(model, params, z)
    by_hand = torch.einsum("cnp,cmp->nm", one, two) / len(one)
    found = tangent_kernel(model, params, x, z)
    assert torch.allclose(found, by_hand, rtol=1e-10, atol=1e-12)


def test_tangent_kernel_is_an_inner_product_in_any_precision():
    model = toy_network(**SMALL)
    params, x = draw(model, (24,), n=300)  # more than one chunk
    kernel = tangent_kernel(model, params, x, x)
    assert torch.allclose(kernel, kernel.T, rtol=1e-12, atol=1e-12)
    spread = torch.linalg.eigvalsh(kernel)
    assert spread.min() > -1e-12 * spread.max()
    params, x = {name: value.float() for name, value in params.items()}, x.float()
    low = tangent_kernel(model, params, x, x)
    assert low.dtype == torch.float64
    assert torch.linalg.eigvalsh(low).min() > -1e-12 * spread.max()


@pytest.mark.parametrize("n_layers", [2, 3])
def test_random_features_are_what_the_readout_reads(n_layers):
    model = toy_network(**SMALL, n_layers=n_layers)
    params, x = draw(model, (24,), n=6)
    features = random_features(model, params, x)
    outputs = model.layers[-1].apply(params, features)
    assert torch.equal(outputs, model.apply(params, x))
    readout = Model(model.layers[-1:])
    tangent = tangent_kernel(readout, params, features[:2], features)
    assert torch.allclose(linear_kernel(features[:2], features), tangent)


def problem():
    """Noisy labels of three classes: every penalty gives other answers."""
    rng = np.random.default_rng(3)
    x = {name: rng.normal(size=(60, 6)) for name in ("train", "validation", "test")}
    means = rng.normal(size=(6, 3))
    y = {n: (v @ means + 2 * rng.normal(size=(60, 3))).argmax(1) for n, v in x.items()}
    kernels = {
        name: 5 * np.exp(-((v[:, None] - x["train"]) ** 2).sum(2) / 12)
        for name, v in x.items()
    }
    return kernels, y


PENALTIES = (1e-4, 1e-2, 1e-1, 1.0, 10.0)


def closed_form(kernels, y):
    """Wrong answers for each penalty: K (K_train / s + λ I)⁻¹ Y / s, all by hand."""
    scale = np.mean([kernels["train"][i, i] for i in range(60)])
    targets = np.where(y["train"][:, None] == np.arange(3), 1.0, -1.0)
    wrong = {}
    for penalty in PENALTIES:
        inverse = np.linalg.inv(kernels["train"] / scale + penalty * np.eye(60))
        wrong[penalty] = {
            name: (rows / scale @ inverse @ targets).argmax(1) != y[name]
            for name, rows in kernels.items()
        }
    return wrong


def test_ridge_is_the_closed_form_and_validation_chooses():
    kernels, y = problem()
    wrong = closed_form(kernels, y)
    by = {
        name: {penalty: wrong[penalty][name].mean() for penalty in PENALTIES}
        for name in kernels
    }
    best = min(by["validation"].values())
    chosen = max(p for p in PENALTIES if by["validation"][p] == best)
    assert min(by["test"].values()) < by["test"][chosen]  # the test set did not choose
    assert min(by["train"].values()) < by["train"][chosen]
    found, penalty = ridge_wrong(kernels, y, n_classes=3, penalties=PENALTIES)
    assert penalty == chosen
    assert (found == wrong[chosen]["test"]).all()


def test_ridge_takes_tensors_and_any_scale():
    kernels, y = problem()
    scaled = {name: 1e4 * torch.from_numpy(rows) for name, rows in kernels.items()}
    labels = {name: torch.from_numpy(values) for name, values in y.items()}
    there, here = (
        ridge_wrong(*of, n_classes=3) for of in ((scaled, labels), (kernels, y))
    )
    assert (there[0] == here[0]).all()
    assert there[1] == here[1]


def test_ties_go_to_the_largest_penalty():
    kernels, y = problem()
    same = {name: np.zeros(60, int) for name in y}  # every penalty answers class 0
    wrong, penalty = ridge_wrong(kernels, same, n_classes=2, penalties=(0.1, 1.0, 0.01))
    assert (wrong.any(), penalty) == (False, 1.0)


@pytest.mark.parametrize("penalties", [(), (0.0, 1.0)])
def test_refuses_no_penalty(penalties):
    kernels, y = problem()
    with pytest.raises(HlnbError, match=r"penalties = .* above 0"):
        ridge_wrong(kernels, y, n_classes=3, penalties=penalties)
