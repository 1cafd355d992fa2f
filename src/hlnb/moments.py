"""When to look at a run: moments that suit a logarithmic axis of time."""

import numpy as np

from hlnb.errors import HlnbError


def log_spaced(steps: int, records: int) -> list[int]:
    """At most `records` steps from 1 to `steps`, evenly spread on a logarithmic scale.

    Early ones coincide where they would lie between two steps; each is named once.
    """
    if steps < 1 or records < 2:
        raise HlnbError(
            f"steps = {steps}, records = {records}: take a step, and two records or "
            "more."
        )
    return sorted({round(s) for s in np.geomspace(1, steps, records)})
