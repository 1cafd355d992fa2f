"""Rows in registers do what the same lines of NumPy do."""

import os
import subprocess
import sys
from functools import cache

import numba
import numpy as np
import pytest

from hlnb.training.fast.vectors import (
    Lanes,
    compiled,
    dot,
    load,
    plus,
    rectified,
    store,
    zeros,
)

LENGTHS = [1, 2, 3, 7, 16, 20, 33, 100]


@cache
def loop(length):
    @numba.njit
    def go(matrix, factor, out):
        first, second = load(length, matrix, 1), load(length, matrix, 2)
        store(out, 1, plus(first, factor, second))
        store(out, 2, rectified(first, second))
        store(out, 3, zeros(length, factor))
        store(out, 4, first)
        return dot(first, second)

    return go


def whole(length, dtype):
    """Small whole numbers: sums of them are exact in any order."""
    rng = np.random.default_rng(length)
    return rng.integers(-9, 10, (4, length)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("length", LENGTHS)
def test_each_does_what_numpy_does_and_writes_nothing_else(length, dtype):
    matrix, out = whole(length, dtype), np.full((6, length), 77, dtype)
    product = loop(length)(matrix, dtype(3), out)
    _, first, second, _ = matrix
    assert product == first @ second
    expected = [first + 3 * second, np.where(second > 0, first, 0), 0 * first, first]
    np.testing.assert_array_equal(out[1:5], expected)
    assert (out[[0, 5]] == 77).all()


def test_rows_are_those_of_the_matrix_where_it_has_more_columns():
    """Row i begins where the matrix says, not after i times `length` numbers."""
    matrix, out = whole(20, np.float32), np.full((6, 20), 77, np.float32)
    product = loop(16)(matrix, np.float32(1), out)
    assert product == matrix[1, :16] @ matrix[2, :16]
    np.testing.assert_array_equal(out[4, :16], matrix[1, :16])
    assert (out[:, 16:] == 77).all()


@pytest.mark.parametrize("at", [0, 17, 19])
def test_what_is_not_a_number_is_not_hidden(at):
    """In a wide vector and in the narrow ones behind it."""
    matrix, out = whole(20, np.float32), np.empty((6, 20), np.float32)
    matrix[1:3, at] = np.nan
    assert np.isnan(loop(20)(matrix, np.float32(2), out))
    assert np.isnan(out[[1, 2, 4], at]).all()
    matrix[1:3, at] = np.inf, -np.inf
    assert loop(20)(matrix, np.float32(2), out) == -np.inf
    assert np.isnan(out[1, at])
    assert (out[2, at], out[4, at]) == (0, np.inf)


def test_vectors_are_as_wide_as_registers_go():
    assert list(Lanes(100, numba.float32).widths) == [16] * 6 + [4]
    assert list(Lanes(20, numba.float64).widths) == [8, 8, 4]
    assert list(Lanes(7, numba.float32).widths) == [4, 2, 1]


def test_a_length_that_is_no_constant_is_refused():
    """The vectors are chosen when the loop is compiled."""

    @numba.njit
    def go(matrix, length):
        return dot(load(length, matrix, 0), load(length, matrix, 0))

    with pytest.raises(numba.TypingError):
        go(np.zeros((2, 4)), 4)


def test_a_compiled_function_runs_without_the_interpreter():
    @compiled
    def double(x):
        return 2 * x

    assert double(1.5) == 3
    assert double.nopython_signatures


SLOPE = """
import numpy as np
from hlnb.training.fast.gradients import _slope
slope = _slope(np.zeros((1, 2), np.float32), np.array([1]))
print(*slope[0], _slope._cache.cache_path)
"""


def told(code: str, **more):
    """What a fresh Python prints, and what it says on stderr."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, **more
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split(), done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("home", [None, "/proc/nowhere"])
def test_without_a_place_to_write_loops_are_compiled_and_not_kept(home):
    """As in a package that is read-only, where only a folder of the user is left."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("XDG")}
    environment |= {"NUMBA_CACHE_LOCATOR_CLASSES": "UserWideCacheLocator"}
    environment |= {"HOME": home} if home else {"XDG_CACHE_HOME": "/proc/nowhere"}
    printed, said = told(SLOPE, env=environment)
    assert printed == ["0.5", "-0.5", "None"]
    assert said.count("Compiling the loops") == 1


@pytest.mark.slow
@pytest.mark.parametrize("harm", ["index", "code", "no room"])
def test_a_store_of_loops_that_fails_costs_time_alone(tmp_path, harm):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    full = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
    first, said = told((full if harm == "no room" else "") + SLOPE, env=environment)
    assert "Compiling the loops" in said
    kept = [p for p in tmp_path.rglob("*") if p.suffix in (".nbi", ".nbc")]
    assert len(kept) == (0 if harm == "no room" else 2)
    for path in kept:
        if path.suffix == {"index": ".nbi", "code": ".nbc"}.get(harm):
            path.write_bytes(path.read_bytes()[:-50])
    for compiles in (True, False):  # what was damaged is mended
        again, said = told(SLOPE, env=environment)
        assert again == first
        assert ("Compiling" in said) == compiles


@pytest.mark.slow
def test_hlnb_run_is_told_by_a_file_that_loops_are_compiled(tmp_path):
    environment = os.environ | {
        "NUMBA_CACHE_DIR": str(tmp_path),
        "HLNB_CACHE_PROGRESS": str(tmp_path / "progress"),
    }
    for found in (True, False):
        _, said = told(SLOPE, env=environment)
        assert said == ""
        assert (tmp_path / "progress.compiling").exists() == found
        (tmp_path / "progress.compiling").unlink(missing_ok=True)
