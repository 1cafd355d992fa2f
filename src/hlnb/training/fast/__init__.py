"""The same steps, faster: the one door to loops that Numba compiles.

Without a working Numba, or with HLNB_FAST=0, nothing is covered, and autograd takes
every step: the same answers but for the last digits, slower.
"""

from collections.abc import Sequence

from hlnb.kept import loops_compile
from hlnb.models.layers import Layer

if loops_compile():
    from hlnb.training.fast.gradients import (
        Descent,
        prepared,
        skips_blanks,
        written_out,
    )
else:

    def written_out(layers: Sequence[Layer]) -> bool:
        """Whether formulas cover these layers: none."""
        return False

    skips_blanks = written_out


__all__ = ["Descent", "prepared", "skips_blanks", "written_out"]
