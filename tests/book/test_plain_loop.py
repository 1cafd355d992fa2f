"""The training loop that chapter 01 writes out does what the package's `sweep` does."""

import json
from pathlib import Path

import numpy as np
import pytest

from hlnb import Error, grid, layerwise, simultaneous, sweep
from hlnb.metrics.measures import Weights

ROOT = Path(__file__).parents[2]
LAYERS = ("conv", "hidden", "readout")
EPOCHS, LR = 3, 0.3


@pytest.fixture(scope="module")
def page():
    """What the chapter's own cells leave behind, up to the runs of the loop."""
    notebook = json.loads(
        (ROOT / "notebooks/01_hierarchical_learning.ipynb").read_text("utf8")
    )
    source = {cell["id"]: "".join(cell["source"]) for cell in notebook["cells"]}
    names = {"first_seed": 0, "seeds": 1, "epochs": EPOCHS, "lr": LR}
    for id in ("c003", "plain-network", "plain-loop", "plain-runs"):
        exec(compile(source[id], f"cell {id}", "exec"), names)
    return names


@pytest.mark.parametrize("order", [simultaneous, layerwise], ids=lambda f: f.__name__)
def test_the_loop_of_chapter_01_gives_what_sweep_gives(page, order, one_process):
    problem, model = page["problem"], page["model"]
    looks = {"test": Error("test"), **{name: Weights(name) for name in LAYERS}}
    schedule = order(model, epochs=EPOCHS)
    result = sweep(problem, model, schedule, grid(page["these"], [LR]), measures=looks)
    errors, net = page["plain"][schedule.name], page["nets"][schedule.name]
    np.testing.assert_allclose(errors, result.of("test")[0], atol=1e-6)
    for name in LAYERS:
        start, end = result.of(name)[0, [0, -1]]
        mine = getattr(net, name).weight.detach().numpy()
        assert np.linalg.norm(end - start) > 0  # it has learned
        assert np.linalg.norm(mine - end) < 1e-3 * np.linalg.norm(end - start)
