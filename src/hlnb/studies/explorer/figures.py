"""The pictures of the explorer: how errors went, and what the filters became."""

import textwrap
from collections.abc import Mapping

from matplotlib.figure import Figure

from hlnb.figures.artists import (
    cosine_image,
    curves,
    legend_below,
    panels,
    phase_marks,
    threshold,
)
from hlnb.metrics.likeness import cosines
from hlnb.studies.explorer.views import KEYS, TRAININGS, View

# training: the meaning that gives it its colour
MEANING = dict(zip(TRAININGS, KEYS, strict=True))


def card_figure(views: Mapping[str, View], *, phases: tuple[str, ...]) -> Figure:
    """Test errors of two trainings, and the cosines of their filters with patterns.

    `views`: by training; `phases`: the names of the parts that learn layer by layer.
    """
    fig, axes = panels(3, width=7.4, height=3.4, width_ratios=(2.2, 1, 1))
    for training, view in views.items():
        curves(axes[0], view.epochs, view.errors, meaning=MEANING[training])
    threshold(axes[0])
    axes[0].set(xlabel="epoch", ylabel="test error", ylim=(0, 1))
    longest = max(views.values(), key=lambda view: len(view.ends))
    if len(longest.ends) > 1:
        phase_marks(axes[0], longest.ends, phases[: len(longest.ends)])
    for ax, (training, view) in zip(axes[1:], views.items(), strict=True):
        image = cosine_image(ax, cosines(view.end, view.patterns))
        ax.set_title(textwrap.fill(training, 22), fontsize=9)
    axes[1].set_ylabel("filter, at the end")
    fig.colorbar(image, ax=axes[2], label="cosine with the pattern")
    legend_below(fig, columns=3)
    return fig
