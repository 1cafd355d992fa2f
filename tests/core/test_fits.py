"""Exponents are those of power laws, whatever the factor and the unit."""

import math

import numpy as np
import pytest

from hlnb.metrics.fits import log_slope, log_slopes

SIZES = [2, 3, 5, 9]


@pytest.mark.parametrize("exponent", [-1.5, 0.0, 0.5, 3.0])
def test_a_power_law_has_its_exponent(exponent):
    values = 7 * np.array(SIZES, float) ** exponent
    assert log_slope(SIZES, values) == pytest.approx(exponent, abs=1e-12)
    assert log_slope(SIZES, list(values)) == log_slope(SIZES, values)
    runs = np.stack([values, values**2])
    assert log_slopes(SIZES, runs) == pytest.approx([exponent, 2 * exponent], abs=1e-12)


def test_it_is_the_covariance_over_the_variance_of_logs():
    values = np.random.default_rng(0).uniform(1, 9, size=(6, 4))
    x, y = np.log(SIZES) - np.log(SIZES).mean(), np.log(values)
    assert log_slopes(np.array(SIZES), values) == pytest.approx(y @ x / (x @ x))
    each = [log_slope(SIZES, run) for run in values]
    assert each == pytest.approx(log_slopes(SIZES, values))


@pytest.mark.parametrize("missing", [math.inf, math.nan])
def test_missing_values_are_left_out_if_asked(missing):
    values = [4.0, 9.0, missing, 81.0]
    assert math.isnan(log_slope(SIZES, values))
    assert log_slope(SIZES, values, partial=True) == pytest.approx(2)
    alone = [4.0, missing, missing, missing]
    assert math.isnan(log_slope(SIZES, alone, partial=True))


def test_one_size_has_no_slope():
    assert math.isnan(log_slope([2], [4.0]))
