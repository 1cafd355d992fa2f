"""Images as a problem: splits, samples, pixels; CIFAR-10 stands as a tiny copy here."""

import functools
import json

import numpy as np
import pytest
import torch

from hlnb.data import cifar, images, shapes
from hlnb.data.images import Images, normalize, to_rgb
from hlnb.data.problem import Problem
from hlnb.errors import HlnbError
from hlnb.seeding import stream

N = 20  # images a file: 100 to train on, 20 to test


@pytest.fixture
def records(tmp_path, monkeypatch):
    """The 120 records of a CIFAR-10 that HLNB_DATA names."""
    records = np.random.default_rng(0).integers(256, size=(6 * N, 3073), dtype=np.uint8)
    records[:, 0] %= 10
    (tmp_path / cifar.FOLDER).mkdir()
    for name, part in zip(cifar.FILES, records.reshape(6, N, 3073), strict=True):
        part.tofile(tmp_path / cifar.FOLDER / name)
    monkeypatch.setenv("HLNB_DATA", str(tmp_path))
    small = cifar.Archive("http://127.0.0.1:9/", "?", N)
    for name in ("path", "verify", "load"):
        function = functools.partial(getattr(cifar, name), archive=small)
        monkeypatch.setattr(cifar, name, function)
    return records


def as_records(batch) -> np.ndarray:
    """The bytes that a batch was made of."""
    planes = to_rgb(batch.x).transpose(0, 3, 1, 2).reshape(-1, 3072)
    return np.column_stack([batch.y.to(torch.uint8).numpy(), planes])


# Pixels


def test_normalize_is_undone_to_the_byte():
    every = torch.arange(256, dtype=torch.uint8).repeat(2, 3, 4, 1)
    x = normalize(every)
    assert x.dtype == torch.float32
    assert np.array_equal(to_rgb(x), every.permute(0, 2, 3, 1))


def test_normalize_by_hand():
    black, white = torch.zeros(3, 1, 1).byte(), torch.full((3, 1, 1), 255).byte()
    assert normalize(black).ravel().tolist() == pytest.approx(
        [-0.491 / 0.247, -0.482 / 0.243, -0.447 / 0.262]
    )
    assert normalize(white).ravel().tolist() == pytest.approx(
        [0.509 / 0.247, 0.518 / 0.243, 0.553 / 0.262]
    )


def test_pictures_of_patches_and_of_pixels_out_of_range():
    patch = torch.full((5, 3, 4, 7), 99.0)
    patch[:, 1] = -99
    assert to_rgb(patch).shape == (5, 4, 7, 3)
    assert to_rgb(patch)[2, 3, 6].tolist() == [255, 0, 255]
    assert to_rgb(patch).dtype == np.uint8


# The problem


@pytest.mark.parametrize("dataset", images.DATASETS)
def test_images_are_a_problem(dataset):
    problem = Images(dataset)
    assert isinstance(problem, Problem)
    assert problem == Images(dataset) == problem.with_seed(3)
    assert problem != Images(dataset, n_test=1)
    assert problem.n_classes == len(set(problem.class_names)) == 10
    assert json.loads(json.dumps(problem.describe())) == {
        "problem": "images",
        "dataset": dataset,
        "n_validation": 1000,
        "n_test": 10_000,
    }


def test_both_data_sets_have_trucks_and_dogs():
    for dataset in images.DATASETS:
        assert {"truck", "dog"} < set(Images(dataset).class_names)


def test_data_set_is_named():
    with pytest.raises(TypeError):
        Images()
    with pytest.raises(
        HlnbError, match="no data set 'mnist': pass dataset=cifar10 or dataset=shapes"
    ):
        Images("mnist")


@pytest.mark.parametrize("name", ["n_validation", "n_test"])
def test_refuses_empty_parts(name):
    with pytest.raises(HlnbError, match=f"{name} = 0: take a whole number from 1 up"):
        Images("shapes", **{name: 0})


@pytest.mark.parametrize("dataset", images.DATASETS)
def test_refuses_no_images(dataset):
    with pytest.raises(HlnbError, match="n_train = -2: take"):
        Images(dataset).split(0, n_train=-2)
    with pytest.raises(HlnbError, match="n = 0: take"):
        Images(dataset).sample(0, generator=stream(0, "a"))


# CIFAR-10


def test_cifar_split(records):
    split = Images("cifar10", n_validation=8, n_test=5).split(0, n_train=30)
    assert list(split) == ["train", "validation", "test", "seen"]
    assert np.array_equal(as_records(split["train"]), records[:30])
    assert np.array_equal(as_records(split["validation"]), records[92:100])
    assert np.array_equal(as_records(split["test"]), records[100:105])
    assert split["train"].y.dtype == torch.int64
    assert split["train"].weight is None


def test_cifar_split_is_that_of_every_seed(records):
    problem = Images("cifar10", n_validation=8, n_test=20)
    first, second = (problem.split(seed, n_train=92) for seed in (0, 1))
    for name in first:
        assert torch.equal(first[name].x, second[name].x)


def test_cifar_sample(records):
    problem = Images("cifar10", n_validation=8, n_test=5)
    whole = as_records(problem.sample(92, generator=stream(0, "a")))
    assert not np.array_equal(whole, records[:92])
    assert sorted(map(bytes, whole)) == sorted(map(bytes, records[:92]))
    first, again = (problem.sample(6, generator=stream(0, "a")) for _ in range(2))
    assert torch.equal(first.x, again.x)
    assert torch.equal(first.y, again.y)
    other = problem.sample(6, generator=stream(0, "b"))
    assert not torch.equal(first.x, other.x)


def test_cifar_is_finite(records):
    problem = Images("cifar10", n_validation=8, n_test=20)
    message = "CIFAR-10 has 100 training images, fewer than 93 to train on and 8 for"
    with pytest.raises(HlnbError, match=message):
        problem.split(0, n_train=93)
    with pytest.raises(HlnbError, match=message):
        problem.sample(93, generator=stream(0, "a"))
    with pytest.raises(HlnbError, match="20 test images, fewer than n_test = 21"):
        Images("cifar10", n_validation=8, n_test=21).split(0, n_train=1)


def test_cifar_is_read_once(records, monkeypatch):
    problem = Images("cifar10", n_validation=8, n_test=5)
    problem.split(0, n_train=3)
    monkeypatch.delattr(cifar, "load")
    problem.split(0, n_train=4)


def test_cifar_batches_are_no_views_of_what_is_kept(records):
    problem = Images("cifar10", n_validation=8, n_test=5)
    problem.split(0, n_train=3)["train"].x.zero_()
    assert np.array_equal(as_records(problem.split(0, n_train=3)["train"]), records[:3])


def test_cifar_provenance(records):
    found = Images("cifar10").provenance()
    assert found["name"] == "CIFAR-10"
    assert found["sha256"] == cifar.verify().sha256
    assert "no archive whose checksum was verified" in found["note"]


def test_missing_cifar_is_no_reason_to_draw_shapes(tmp_path, monkeypatch):
    monkeypatch.setenv("HLNB_DATA", str(tmp_path))
    with pytest.raises(HlnbError, match="CIFAR-10 is missing"):
        Images("cifar10").split(0)
    with pytest.raises(HlnbError, match="CIFAR-10 is missing"):
        Images("cifar10").provenance()


def test_command_line_finds_its_functions():
    for name in ("fetch", "path", "verify"):
        assert getattr(images, name) is getattr(cifar, name)


# Shapes


def test_shapes_split_is_drawn_from_its_streams():
    sizes = {"train": 30, "validation": 8, "test": 5}
    split = Images("shapes", n_validation=8, n_test=5).split(2, n_train=30)
    assert list(split) == [*sizes, "seen"]
    assert torch.equal(split["seen"].x, split["train"].x[:8])
    assert torch.equal(split["seen"].y, split["train"].y[:8])
    for name, n in sizes.items():
        drawn = shapes.draw(n, generator=stream(2, name))
        assert torch.equal(split[name].x, normalize(drawn.images))
        assert torch.equal(split[name].y, drawn.labels)
    again = Images("shapes", n_validation=8, n_test=5).split(3, n_train=30)
    assert not torch.equal(split["test"].x, again["test"].x)


def test_shapes_sample_is_new_every_time():
    generator = stream(0, "a")
    first, second = (Images("shapes").sample(4, generator=generator) for _ in range(2))
    assert first.x.shape == (4, 3, 32, 32)
    assert not torch.equal(first.x, second.x)
    again = Images("shapes").sample(4, generator=stream(0, "a"))
    assert torch.equal(first.x, again.x)


def test_shapes_are_drawn_alike_everywhere():
    """The checksum is the same on every machine; it moves when the drawing does."""
    assert Images("shapes").provenance() == {
        "name": "shapes",
        "sha256": "f9888330a4659470a16f4a990ec0aed10cd959e354067e3360a8832fa1e7fef5",
        "note": "drawn by the package",
    }
