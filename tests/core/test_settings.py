"""Variables and places mean the same wherever they are read."""

import re
from pathlib import Path

import pytest

from hlnb import settings
from hlnb.errors import HlnbError

SOURCE = Path(settings.__file__).parent
# The kernel's environment as a whole, a variable of the system, and one that is no
# user's: `hlnb run` tells it to its kernels
OTHERS = {"worker.py", "assets.py", "show.py"}


def test_every_variable_is_read_by_one_function():
    texts = {p.name: p.read_text("utf8") for p in SOURCE.rglob("*.py")}
    reading = {n for n, text in texts.items() if re.search(r"os\.environ|getenv", text)}
    assert reading - OTHERS == {"settings.py"}


@pytest.mark.parametrize("empty", ["", " ", None])
def test_an_empty_variable_is_an_unset_one(monkeypatch, empty):
    if empty is None:
        monkeypatch.delenv("HLNB_DATA", raising=False)
    else:
        monkeypatch.setenv("HLNB_DATA", empty)
    assert settings.variable("HLNB_DATA") == ""
    assert settings.number("HLNB_DATA", 5, "things") == 5


@pytest.mark.parametrize("given", ["0", "-1", "²", "９", "1.5", "1_0", "9" * 30, "x"])
def test_what_is_no_number_is_refused(monkeypatch, given):
    monkeypatch.setenv("HLNB_N", given)
    with pytest.raises(HlnbError, match=rf"^HLNB_N = '{given}' is not a number of x"):
        settings.number("HLNB_N", 5, "xs")


def test_a_place_counts_from_where_the_user_stands(tmp_path, monkeypatch):
    monkeypatch.delenv("HLNB_FROM", raising=False)
    monkeypatch.setenv("HOME", "/home/reader")
    monkeypatch.chdir(tmp_path)
    assert settings.place("data") == tmp_path / "data"
    assert settings.place("/data") == Path("/data")
    assert settings.place("~/data") == Path("/home/reader/data")
    monkeypatch.setenv("HLNB_FROM", "/elsewhere")
    assert settings.place(Path("data")) == Path("/elsewhere/data")


def test_a_home_that_nobody_knows_is_named(monkeypatch):
    monkeypatch.setattr("os.path.expanduser", lambda path: path)  # as with no HOME
    with pytest.raises(
        HlnbError, match=r"^~/data is nowhere, as no such home is known"
    ):
        settings.place("~/data")
