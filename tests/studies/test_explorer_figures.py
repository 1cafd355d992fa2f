"""The card of a training, as artists."""

import numpy as np
import pytest

from hlnb.studies.explorer import figures as plots
from hlnb.studies.explorer.experiment import TRAININGS

pytestmark = pytest.mark.usefixtures("closed")


def test_a_card_shows_errors_and_filters_before_and_after():
    rng = np.random.default_rng(0)
    errors, patterns = rng.uniform(size=(3, 5)), rng.normal(size=(2, 4))
    filters = rng.normal(size=(2, 6, 4))
    fig = plots.card_figure(
        "layer by layer",
        np.arange(5.0),
        errors,
        filters=(filters[0], filters[1]),
        patterns=patterns,
        ends=(2, 4),
        phases=("filters", "readout"),
    )
    ax, before, after, _ = fig.axes
    assert len(ax.lines) == 3 + 1 + 1 + 2  # runs, median, threshold, ends of phases
    assert [t.get_text() for t in ax.texts] == ["filters", "readout"]
    assert before.images[0].get_array().shape == (6, 2)
    assert not np.array_equal(before.images[0].get_array(), after.images[0].get_array())
    assert set(plots.MEANING) == set(TRAININGS)
