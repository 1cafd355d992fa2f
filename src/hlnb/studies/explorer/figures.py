"""The pictures of the explorer: how the error went, and what the filters became."""

import numpy as np
from jaxtyping import Real
from matplotlib.figure import Figure

from hlnb.figures.artists import cosine_image, curves, panels, phase_marks, threshold
from hlnb.metrics.likeness import cosines

MEANING = {  # training: the meaning that gives it its colour
    "all at once": "simultaneous",
    "layer by layer": "layer-wise",
    "first layer alone": "only conv",
}


def card_figure(
    training: str,
    epochs: Real[np.ndarray, " record"],
    errors: Real[np.ndarray, "run record"],
    *,
    filters: tuple[Real[np.ndarray, "channel T"], Real[np.ndarray, "channel T"]],
    patterns: Real[np.ndarray, "k T"],
    ends: tuple[int, ...],
    phases: tuple[str, ...],
) -> Figure:
    """Test errors, and cosines of filters with patterns, untrained and at the end."""
    fig, axes = panels(3, width=8.4, height=2.9, width_ratios=(2, 1, 1.2))
    curves(axes[0], epochs, errors, meaning=MEANING[training])
    threshold(axes[0])
    axes[0].set(xlabel="epoch", ylabel="test error", ylim=(0, 1))
    if len(ends) > 1:
        phase_marks(axes[0], ends, phases)
    for ax, weights, when in zip(
        axes[1:], filters, ("untrained", "at the end"), strict=True
    ):
        image = cosine_image(ax, cosines(weights, patterns))
        ax.set_title(f"filters, {when}", fontsize=10)
    axes[1].set_ylabel("filter")
    fig.colorbar(image, ax=axes[2], label="cosine")
    return fig
