"""When something happened: first hits, censored times, and when to look at a run.

Times are in the units of `at` (epochs, say, or steps). A run that did not get there by
its end is censored, and its time is inf. Records after the end of a run are NaN.
"""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Real

from hlnb.errors import at_least

ROUNDING = 1e-6  # relative; a sum of float32 is off by less, one input is far more


def at_most(
    values: Real[np.ndarray, "*any"] | float, threshold: float
) -> Bool[np.ndarray, "*any"] | np.bool_:
    """Whether values are ≤ `threshold`, those that are off by rounding included.

    An error of 0.1 is 17 wrong inputs of 170; as a sum of float32 it comes out above
    or below 0.1 by the order of the inputs. NaN is not.
    """
    return np.asarray(values, float) <= threshold + ROUNDING * abs(threshold)


def first_hit(
    at: Real[np.ndarray, " record"],
    values: Real[np.ndarray, "*run record"],
    *,
    threshold: float = 0.1,
) -> Real[np.ndarray, "*run"]:
    """The first `at` whose value is `at_most` the threshold; inf for a run without one.

    The report's threshold is a test error of 0.1.
    """
    hit = at_most(values, threshold)
    return np.where(hit.any(-1), at[hit.argmax(-1)].astype(float), math.inf)


def value_at(
    at: Real[np.ndarray, " record"],
    values: Real[np.ndarray, "run record"],
    *,
    when: Real[np.ndarray, " run"],
) -> Real[np.ndarray, " run"]:
    """Each run's value at its own time; NaN where that time is inf.

    `at` rises; the value is that of the first record at or after the time.
    """
    record = np.searchsorted(at, np.where(np.isfinite(when), when, at[-1]))
    return np.where(np.isfinite(when), values[np.arange(len(values)), record], np.nan)


def held(values: Real[np.ndarray, "run record"]) -> Real[np.ndarray, "run record"]:
    """The curves of runs that ended early, each continued with its last value."""
    last = (~np.isnan(values)).cumsum(1).argmax(1)
    end = values[np.arange(len(values)), last][:, None]
    return np.where(np.arange(values.shape[1]) > last[:, None], end, values)


def within_phase(
    times: Real[np.ndarray, " run"], *, ends: Sequence[float]
) -> Real[np.ndarray, " run"]:
    """Times counted from the start of the phase in which they fall; inf stays inf.

    `ends`: when each phase ends. A time equal to an end belongs to that phase.
    """
    starts = np.array([0, *ends[:-1]])
    phase = np.maximum(np.searchsorted(starts, times) - 1, 0)
    return times - starts[phase]


def median(times: Real[np.ndarray, " run"]) -> float:
    """The median time, censored runs counted as later than all others.

    inf where half or more of the runs are censored: then the median was not reached.
    """
    ordered = np.sort(times)
    low, high = ordered[(len(times) - 1) // 2], ordered[len(times) // 2]
    return float(low if low == high else (low + high) / 2)


def describe(times: Real[np.ndarray, " run"], *, cap: float) -> str:
    """Median, range and count in words: "11 [6–14], 5 of 5 reached".

    `cap`: the time at which runs were ended, for what was not reached.
    """

    def show(time: float) -> str:
        return f"{time:g}" if math.isfinite(time) else f">{cap:g}"

    reached = int(np.isfinite(times).sum())
    count = f"{reached} of {len(times)} reached"
    if not reached:
        return f"not reached within {cap:g}, {count}"
    spread = f"[{show(times.min())}–{show(times.max())}]"
    return f"{show(median(times))} {spread}, {count}"


def log_spaced(steps: int, records: int) -> list[int]:
    """At most `records` steps from 1 to `steps`, evenly spread on a logarithmic scale.

    Early ones can round to the same step, which is named once. Refuses `steps` below 1
    and `records` below 2.
    """
    at_least(1, steps=steps)
    at_least(2, records=records)
    return sorted({round(s) for s in np.geomspace(1, steps, records)})
