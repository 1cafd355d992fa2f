"""One colour, one meaning, through the whole book.

Colours are Okabe and Ito's (the purple is Tol's, which is darker), told apart by
colour-blind readers; each kind of training also has its own dash pattern and marker,
told apart in grey. Importing this module sets matplotlib's defaults for all figures. It
imports no torch.
"""

from collections.abc import Mapping
from typing import Any

import matplotlib

matplotlib.rcParams.update(
    {
        "figure.dpi": 110,
        "savefig.dpi": 200,  # see `export.save`
        "figure.constrained_layout.use": True,
        "figure.facecolor": "white",
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.color": "#dddddd",
        "grid.linewidth": 0.6,
        "axes.axisbelow": True,
        "legend.frameon": False,
        "image.cmap": "RdBu_r",
        "image.interpolation": "nearest",
    }
)

# meaning → (colour, dashes, marker)
STYLES: Mapping[str, tuple[str, Any, str]] = {
    "simultaneous": ("#0072B2", "-", "o"),
    "layer-wise": ("#D55E00", "--", "s"),
    "only conv": ("#009E73", ":", "^"),
    "only conv2": ("#5522CC", (0, (3, 1, 1, 1)), ">"),
    "only hidden": ("#AA4499", "-.", "D"),
    "only readout": ("#8C6D00", (0, (5, 1, 1, 1, 1, 1)), "v"),
    "tangent kernel": ("#880011", (0, (8, 2, 2, 2)), "P"),
    "random features": ("#AA77FF", (0, (2, 1)), "X"),
    "shared along the row": ("#1C3053", (0, (3, 1.5)), "H"),
    "greedy": ("#225522", (0, (4, 1.5, 1, 1.5, 4, 3)), "<"),
    "layer-wise, best rates": ("#220066", (0, (6, 1.2)), "p"),
    "layer-wise, then simultaneous": ("#0000FF", (0, (9, 2)), "h"),
    "first layer longer": ("#FF5566", (0, (1, 2)), "d"),
    "report": ("#000000", "--", "*"),
    "chance": ("#666666", ":", ""),
}
# Unlabelled ticks, which show that an axis is logarithmic beyond ±1
BETWEEN = [
    float(sign * digit * power)
    for sign in (-1, 1)
    for power in (1, 10, 100)
    for digit in range(2, 10)
]
PART_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#AA4499", "#D55E00")


def style(label: str) -> tuple[str, Any, str]:
    """Colour, dashes and marker of a label; blue where it names no kind of training."""
    return STYLES.get(label, STYLES["simultaneous"])
