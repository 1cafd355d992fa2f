"""Runs that diverge are drawn: their finite part, and a word on how many they are."""

import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

import diverged
from hlnb.figures.artists import (
    beside,
    finite_medians,
    log_range,
    log_ticks,
    say_diverged,
)

TESTS = Path(__file__).parents[1]
NAN, INF = np.nan, np.inf


@pytest.mark.slow
@pytest.mark.parametrize("study", diverged.studies())
def test_figures_of_runs_are_drawn_when_runs_diverge(study, tmp_path):
    """What the tests of a study draw, drawn again with NaN and inf in one run and in
    all of them."""
    drawn = re.compile(rf"hlnb\.studies\.{study}(\.figures| import figures)")
    modules = sorted(TESTS.rglob("test_*.py"))
    drawing = [str(path) for path in modules if drawn.search(path.read_text("utf8"))]
    options = ["-p", "diverged", "-p", "no:xdist", "-p", "no:cacheprovider", "-q"]
    places = [str(TESTS), os.environ.get("PYTHONPATH", "")]
    report = tmp_path / "found.json"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *drawing],
        env=os.environ
        | {"PYTHONPATH": os.pathsep.join(places), "DIVERGED": str(report)},
        capture_output=True,
        text=True,
        cwd=TESTS.parent,
    )
    assert done.returncode == 0, done.stdout
    found = json.loads(report.read_text("utf8"))
    for _, name, function in diverged.functions(study):
        kinds = [p.annotation for p in inspect.signature(function).parameters.values()]
        if any(map(diverged.has_runs, kinds)):
            assert found[f"{study}.{name}"] == []


def test_how_many_diverged_stands_above_the_figure():
    fig, _ = plt.subplots()
    say_diverged(fig, np.ones(3), np.ones((2, 4)))
    assert fig.get_suptitle() == ""
    say_diverged(fig, np.array([1, NAN, INF]), np.array([[1, 2], [1, NAN]]))
    assert fig.get_suptitle() == "3 runs diverged"
    fig.suptitle("after 3 steps")
    say_diverged(fig, np.array([INF]))
    assert fig.get_suptitle() == "after 3 steps; 1 run diverged"
    plt.close(fig)


def test_what_is_finite_is_drawn():
    runs = np.array([[1.0, NAN, INF], [2, 4, NAN], [6, 8, INF]])
    assert finite_medians(runs).tolist() == pytest.approx([2, 6, NAN], nan_ok=True)
    assert log_range(runs, np.array([0.0, -1])) == (1, 8)
    assert log_range(np.array([NAN, 0])) == (1, 10)
    placed = beside(np.array([1, INF, NAN], np.float32), 0.1)
    assert placed.dtype == np.float32
    assert placed.tolist() == pytest.approx([0.1, 0.1, NAN], nan_ok=True)


def test_an_axis_of_hundreds_of_decades_has_few_ticks():
    ticks = log_ticks(1e-3, 1.7e308)
    assert 5 <= len(ticks) <= 12
    assert ticks == sorted(ticks)
    assert np.isfinite(ticks).all()
    assert len(log_ticks(1e-150, 1e200)) <= 12
