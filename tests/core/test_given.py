"""Parameters that a notebook was given are held to what its chapter takes."""

import os
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from hlnb import given
from hlnb.errors import HlnbError
from publishing_fixtures import PARAMETERS, add_chapter, make_book

RANGES = {
    "seeds": {"range": [1, 9], "effect": "More."},
    "lr": {"range": [0.01, 2], "effect": "Faster.", "relations": ["lr < seeds"]},
}
DEFAULTS = {"seeds": 2, "lr": 0.5, "name": "a", "fast": False, "widths": [1, 2]}
FIRST = "import sys\nfrom hlnb import HlnbError\nassert 'torch' not in sys.modules"


@pytest.fixture
def book(tmp_path, monkeypatch):
    root = make_book(tmp_path / "book")
    add_chapter(root, "01_one", FIRST, ranges=RANGES)
    monkeypatch.chdir(root)
    return root


def kernel(monkeypatch, *cells, **values):
    """This process as a kernel that has executed `cells` and holds `values`."""
    shell = SimpleNamespace(user_ns={"In": ["", *cells], **values})
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"seeds": 10}, "Parameter seeds takes values from 1 to 9, not 10"),
        ({"seeds": 2.5}, "Parameter seeds is of type int, which 2.5 is not."),
        ({"seeds": True}, "Parameter seeds is of type int, which True is not."),
        ({"seeds": "2"}, "seeds is of type int, which '2' is not, as it is text"),
        (
            {"lr": "1e-2"},
            "lr is of type float, .* write it as a number, 0.01 or 1.0e-2",
        ),
        (
            {"seeds": 1, "lr": 1.0},
            "has to keep lr < seeds, which lr = 1.0 and seeds = 1",
        ),
        ({"lr": float("nan")}, "lr is of type float, which nan is not."),
        ({"lr": 10**400}, "lr is of type float, which 1000"),
        ({"name": 3}, "name is of type str, which 3 is not."),
        ({"widths": [1, "2"]}, r"list\[int\], which \[1, '2'\] is not, as it is text"),
        ({"widths": "[1]"}, r"which '\[1\]' is not; papermill's -p .* -y 'widths: \["),
    ],
)
def test_values_that_the_chapter_does_not_take_are_refused(
    book, monkeypatch, values, text
):
    kernel(monkeypatch, PARAMETERS, "# Parameters\n...", **DEFAULTS | values)
    with pytest.raises(HlnbError, match=text) as refused:
        given.check()
    assert str(refused.value).count("\n") == 0
    kernel(monkeypatch, PARAMETERS, **DEFAULTS)
    given.check()


def test_a_notebook_of_no_book_is_let_be(book, monkeypatch, tmp_path):
    wrong = DEFAULTS | {"seeds": "many"}
    cells = [f"{PARAMETERS}\nmore: int = 1  # one", "seeds = 3", "%%bash", ""]
    for cell in cells:
        kernel(monkeypatch, cell, **wrong)
        given.check()
    (book / "notebooks" / "02_two.ipynb").write_text("{")
    (book / "notebooks" / "03_three.ipynb").write_text('{"cells": []}')
    kernel(monkeypatch, PARAMETERS, *cells[1:], **wrong)
    with pytest.raises(HlnbError, match="'many' is not"):
        given.check()
    monkeypatch.chdir(tmp_path)  # no book above: that of the package, if any
    given.check()
    monkeypatch.setattr("IPython.get_ipython", lambda: None)
    given.check()


def test_what_one_of_several_chapters_takes_passes(book, monkeypatch):
    wide = RANGES | {"seeds": {"range": [1, 99], "effect": "More."}}
    add_chapter(book, "02_two", ranges=wide)
    kernel(monkeypatch, PARAMETERS, **DEFAULTS | {"seeds": 10})
    given.check()
    kernel(monkeypatch, PARAMETERS, **DEFAULTS | {"seeds": 100})
    with pytest.raises(HlnbError, match="from 1 to 9, not 100"):
        given.check()


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["-p", "seeds", "3", "-y", "widths: [4]"], None),
        (["-y", "lr: 1e-2"], "write it as a number, 0.01 or 1.0e-2"),
        (["-p", "widths", "[3, 4]"], "-y 'widths: [1, 2]'"),
        (["-p", "seeds", "10"], "takes values from 1 to 9, not 10"),
    ],
)
def test_papermill_is_told_before_torch_is_imported(book, flags, text):
    """In a kernel of its own, as a reader would start it."""
    notebook = str(book / "notebooks" / "01_one.ipynb")
    command = [sys.executable, "-m", "papermill", notebook, "out.ipynb", *flags]
    done = subprocess.run(command, capture_output=True, text=True, cwd=book)
    assert (done.returncode == 0) == (text is None), done.stderr
    if text:
        last = done.stderr.strip().splitlines()[-1]
        assert last.startswith("HlnbError: Parameter ")
        assert text in last


def test_the_check_takes_a_fraction_of_two_seconds(monkeypatch):
    """On the real book, whose notebooks are all read."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
    monkeypatch.chdir(os.path.join(root, "notebooks"))
    cell = "seeds: int = 10  # no chapter has it alone"
    kernel(monkeypatch, cell, seeds=0)
    started = time.process_time()
    given.check()
    assert time.process_time() - started < 1
