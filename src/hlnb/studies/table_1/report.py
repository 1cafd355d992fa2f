"""What the report states of the five toy problems: its Table 1 and its conclusions.

Source: M. Glasgow, "Theory of Hierarchical Learning via Gradient Descent", Sections 5
and 6.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Reported:
    """A row of the report's Table 1; None stands for "N/A" (or "< 0" under dot)."""

    simultaneous: int  # epochs to test error 0.1, all layers together
    layerwise: int | None  # the same, layer by layer
    layerwise_error: float | None  # test error "after 200", where it is given instead
    single: int | None  # the same, the best single layer: always the second
    deviation: float  # of the filters, when the error first is 0.1
    dot: float | None  # interpretability, first number
    convolution: float | None  # and second


REPORTED: Mapping[int, Reported] = {
    1: Reported(4, 20, None, 137, 0.691, None, None),
    2: Reported(50, None, None, None, 2.004, 0.084, 0.374),
    3: Reported(20, None, 0.16, None, 1.934, -0.001, 2.699),
    4: Reported(44, None, 0.29, None, 1.396, -0.045, 4.135),
    5: Reported(46, 70, None, 351, 1.006, 0.092, 1.793),
}
READINGS: Mapping[str, str] = {
    "printed": "as printed (±1)",
    "unit": "unit length (±1/√T)",
}
# What Section 6 concludes on Properties 1–4: problem 1 "was too simple", 2 "was not
# interpretable", 3 and 4 "seem to satisfy all". Of 5 it says that it "could be
# understood via the kernel or LWT perspectives", so it lacks 3 and 4; its first two,
# and those of 2 that Section 6 does not name, are read off Table 1.
HAS_PROPERTY: Mapping[int, tuple[bool, bool, bool, bool]] = {
    1: (False, False, False, False),
    2: (True, False, True, True),
    3: (True, True, True, True),
    4: (True, True, True, True),
    5: (False, True, False, False),
}
