"""The page of benchmarks says what was measured, and what was not reached."""

import json

import pytest

from hlnb.errors import HlnbError
from hlnb.publishing.render.speed import LATEST, REDRAW, ROBUST, speed


def row(case, layout, d, rate, ratio):
    spread = {"rate": rate, "ratio": ratio}
    ends = {f"{k}_{e}": v for k, v in spread.items() for e in ("low", "high")}
    about = {"case": case, "layout": layout, "d": d, "runs": 1, "processes": 1}
    return about | {"peer": "JAX map"} | spread | ends


@pytest.fixture
def record(tmp_path):
    machine = {"date": "2026-01-02", "cpu": "A processor", "cores": 2, "cuda": "none"}
    machine |= dict.fromkeys(("python", "torch", "numba", "numpy", "jax"), "1.0")
    found = {
        "about": machine,
        "repeats": 5,
        "peak": 100.0,
        "operations": [
            {"case": f"toy problem {p}", "d": 100, "dense": 2e9, "left": 1e9}
            for p in (1, 3)
        ],
        "steps": [
            {
                **{"case": "toy problem 1", "d": 100, "step": 5e-4, "sorting": 2e-5},
                **{"forward": 1.5e-4, "backward": 2.5e-4, "filters": 1e-4},
                **{"weights": 7e-5, "product": 8e6, "moved": 4e-5},
            }
        ],
        "table_1": 600.0,
        "book": {"chapters": 3, "seconds": 660, "runs_kept": 1200},
        "rows": [
            row("toy problem 1", "ours", 100, 90.0, 2.0),
            row("toy problem 3", "ours", 100, 60.0, 1.1),
            row("toy problem 1", "ours", 1024, 72.0, 16.0),
            row("toy problem 3", "ours", 1024, 30.0, 9.0),
            row("toy problem 3", "JAX map", 100, 55.0, 1.0),
            row("two processes", "ours", 100, 110.0, 1.9),
        ],
        "large": {"d": 10_000, "n": 102_400, "rate": 5.0, "gib": 1.5},
        "data": {"strings": 10**6, "seconds": 1.0, "gib": 0.5},
        "gf2": {"equations": 4096, "unknowns": 2048, "seconds": 1.0},
        "compiling": {"first": 17.2, "then": 0.31},
        "starts": [{"case": "hlnb list", "seconds": 0.5}],
    }
    found["starts"][0] |= {"seconds_low": 0.4, "seconds_high": 0.6}
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / LATEST).write_text(json.dumps(found))
    load = {"date": "2026-01-02", "cores": 2, "executions": 200, "hung": 1}
    load |= {"failed": 0, "slowest": 7.6, "kills": 50, "torn": 2, "next_worked": False}
    (tmp_path / ROBUST).write_text(json.dumps(load))
    drawn = {"date": "2026-01-03", "machine": {"cpu": "Another one", "cores": 4}}
    drawn |= {"load": 0.25, "label": {"redraw": 9.0, "build": 33.0}}
    drawn |= {"stale": {"mean": 3.61, "chapters": 23}}
    drawn["chapters"] = [
        {"chapter": "02_toy_problem_1", "seconds": 20.4, "cells": [[10, 2.5]]},
        {"chapter": "18_linear_regression", "seconds": 7.0, "cells": []},
    ]
    (tmp_path / REDRAW).write_text(json.dumps(drawn))
    return tmp_path


def test_targets_are_held_against_what_was_measured(record):
    text = speed(record)
    assert "1: 2.00, 3: 1.10" in text
    assert "1 of 2 problems" in text
    assert "1: 0.80, 3: 0.50\n  - 1 of 2\n" in text  # rate at 1024 by rate at 100
    cells = " | ".join(line[4:] for line in text.splitlines() if line[2:4] == "- ")
    assert "toy problem 3 | 100 | 50% | 100 | 60% | 98 (98%)" in cells
    parts = "0.500 | 0.020 | 0.150 | 0.250 | 0.080 | 0.100 | 0.070 | 0.080 | 0.040"
    assert f"1 | 100 | {parts}" in cells
    assert "≤ 12 minutes | 10.0 minutes | yes" in cells
    assert "11 minutes; 1,200 of their runs" in text
    assert "1.9 [1.9–1.9]" in text
    assert "none lent or found" in text
    assert "at most 1.50 GiB" in text
    assert "200 executions of a small chapter, four at a time: 1 hung" in text
    assert "8 s. 50 executions killed at random moments: 2 files torn" in text
    assert "the next execution failed" in text


def test_what_a_correction_costs(record):
    text = speed(record)
    assert "2026-01-03: Another one, 4 cores, with the runs of record of 2" in text
    assert "at the start was 0.2:" in text
    cells = " | ".join(line[4:] for line in text.splitlines() if line[2:4] == "- ")
    assert "≤ 60 s | 42 s (9 s to redraw the chapter, 33 s to render the book)" in cells
    assert "stale, mean | – | 3.6 of 23" in cells
    assert "02 | 20 s | 10 (2.5 s) | 18 | 7 s | none" in cells


def test_without_a_benchmark_one_sentence_says_what_to_do(tmp_path):
    with pytest.raises(HlnbError, match="run `make bench`"):
        speed(tmp_path)


def test_without_the_runs_under_load_too(record):
    (record / ROBUST).unlink()
    with pytest.raises(HlnbError, match="run `make robust`"):
        speed(record)


def test_a_benchmark_of_an_older_version_is_named(record):
    found = json.loads((record / LATEST).read_text())
    del found["steps"]
    (record / LATEST).write_text(json.dumps(found))
    with pytest.raises(HlnbError, match="has no 'steps': run `make bench`"):
        speed(record)


def test_a_record_from_before_compiling_was_measured_is_shown_without(record):
    path = record / LATEST
    assert "17 s; a tiny run then takes 0.3 s" in speed(record)
    found = json.loads(path.read_text())
    del found["compiling"]
    path.write_text(json.dumps(found))
    assert "compiled once" not in speed(record)
