"""Whatever is typed and whatever lies on the disk: only our errors come out."""

import contextlib
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hlnb import kept, results, storage
from hlnb.errors import HlnbError
from hlnb.parameters import Parameter, parse_parameters

KINDS = ["int", "float", "bool", "str", "list[int]", "list[float]", "list[str]"]
MANY = settings(max_examples=300, deadline=None, derandomize=True, database=None)
NEAR = st.text("0123456789.,-+eE_[]'\" xtruefalsnN", max_size=40)  # nearly a value


@MANY
@given(text=st.one_of(st.text(), NEAR), kind=st.sampled_from(KINDS))
@example(text="9" * 400, kind="float")
@example(text="[" + "9" * 400 + "]", kind="list[float]")
@example(text="9" * 5000, kind="int")
@example(text="[" * 100_000, kind="list[int]")
@example(text="nan", kind="float")
def test_a_typed_value_is_taken_or_refused(text, kind):
    parameter = Parameter("size", kind, 0, "how large", range=(0, 10))
    with contextlib.suppress(HlnbError):
        value = parameter.parse(text)
        assert parameter.coerce(value) == value
        if kind not in ("bool", "str", "list[str]"):
            parameter.admit(value)


@MANY
@given(source=st.one_of(st.text(), st.text("seds: int=1#lr.\n[]'\"{}", max_size=60)))
@example(source="\0")
@example(source="a: int = " + "(" * 300)
def test_a_cell_of_parameters_is_read_or_refused(source):
    with contextlib.suppress(HlnbError):
        parse_parameters(source, where="a chapter")


ABOUT = {"format": kept.FORMAT, "function": "f", "spec": {"n": 9}, "code": "digest"}
PLACE = kept.Place(kept._address(ABOUT), ABOUT, frozenset(), "cpu")


def _kept() -> bytes:
    """The file of a kept result, as it lies in a store."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("HLNB_CACHE", folder)
        kept.keep(PLACE, kept.Found(np.arange(9)))
        (path,) = Path(folder).rglob("*.npz")
        return path.read_bytes()


GOOD = _kept()


@settings(MANY, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cut=st.integers(0, len(GOOD)),
    changes=st.lists(
        st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), max_size=12
    ),
)
def test_a_damaged_archive_is_read_or_refused(tmp_path, cut, changes):
    data = bytearray(GOOD)
    for place, byte in changes:
        data[place] = byte
    path = tmp_path / "kept.npz"
    path.write_bytes(data if changes else data[:cut])
    found = kept.read(path, PLACE)
    assert found is None or (found.result == np.arange(9)).all()
    assert not (found is None and bytes(data) == GOOD == path.read_bytes())
    with contextlib.suppress(HlnbError):
        storage.read(path)
    with pytest.raises(HlnbError, match="is not a readable Result"):
        results.load(path)
