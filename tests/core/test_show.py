"""What a chapter puts on its page carries what the pipeline and a reader need."""

import base64
import csv
import io
from dataclasses import fields

import matplotlib.pyplot as plt
import numpy as np
import pytest

from hlnb import verdicts
from hlnb.claims import OPTIONAL, Claim
from hlnb.errors import HlnbError
from hlnb.figures.drawn import Drawn
from hlnb.figures.export import css_size
from hlnb.page import show
from hlnb.publishing import copies, notebooks

CLAIM = Claim("a-1", "glasgow", "it is | so", "4", 5.0, 3.0, 9.0, 5, "epochs", "partly")
WORDS = {"caption": "A line.", "alt": "A rising line."}


@pytest.fixture
def shown(monkeypatch):
    """What `display` was given: (object, metadata)."""
    found = []
    monkeypatch.setattr(
        show,
        "display",
        lambda thing, raw=False, metadata=None: found.append((thing, metadata)),
    )
    return found


def line():
    fig, ax = plt.subplots(figsize=(2, 2))
    ax.plot([0, 1])
    return fig


def test_a_figure_brings_its_words(shown):
    show.figure(line(), name="fig-a-1", **WORDS)
    ((bundle, metadata),) = shown
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
    assert metadata["hlnb"] == {"name": "fig-a-1", **WORDS}
    assert not plt.get_fignums()
    assert metadata["image/png"] == css_size(line())
    plt.close("all")


def test_a_figure_that_knows_its_words_needs_no_others(shown):
    show.figure(Drawn(line(), **WORDS), name="fig-a-1")
    show.figure(line(), name="fig-a-1", **WORDS)
    (one, its_words), (other, given) = shown
    assert (one, its_words) == (other, given)
    with pytest.raises(HlnbError, match="fig-a has its own words"):
        show.figure(Drawn(line(), **WORDS), name="fig-a", alt="Others.")
    plt.close("all")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"alt": " "}, "needs a caption and an alternative text"),
        ({"caption": ""}, "needs a caption and an alternative text"),
        ({"name": "fig:a"}, "Figure name 'fig:a'"),
        ({"name": "A"}, "Figure name 'A'"),
    ],
)
def test_a_figure_without_words_is_refused(shown, change, message):
    fig = line()
    with pytest.raises(HlnbError, match=message):
        show.figure(fig, **{"name": "fig-a", **WORDS, **change})
    plt.close(fig)
    assert not shown


def test_claims_carry_their_numbers(shown):
    show.claims([CLAIM], expect={"a-1": "partly"})
    ((bundle, _),) = shown
    (row,) = bundle[show.CLAIMS_MIME]
    assert row["id"] == "a-1"
    assert (row["ours"], row["low"], row["high"]) == (5, 3, 9)
    assert "it is \\| so" in bundle["text/markdown"]
    assert "5 [3, 9] epochs" in bundle["text/markdown"]


def test_a_moved_verdict_is_told_below_the_table_and_to_machines(shown):
    show.claims([CLAIM], expect={"a-1": "reproduced"})
    ((bundle, options),) = shown
    line = "a-1: partly here, reproduced in the published book"
    assert bundle["text/markdown"].endswith(f"\n\n* {line}")
    assert options == {"hlnb": {"moved": [line]}}


def test_several_verdicts_can_be_expected(shown):
    show.claims([CLAIM], expect={"a-1": ("reproduced", "partly")})
    show.claims([CLAIM], expect={"a-1": ("reproduced", "not reproduced")})
    (_, first), (bundle, second) = shown
    assert first == {}
    assert "reproduced or not reproduced in the pub" in bundle["text/markdown"]
    assert len(second["hlnb"]["moved"]) == 1


@pytest.mark.parametrize("expect", [{}, {"b": "partly"}, {"a-1": "partly", "b": "x"}])
def test_every_claim_needs_an_expected_verdict(expect):
    with pytest.raises(HlnbError, match="its own id and an expected verdict"):
        show.claims([CLAIM], expect=expect)


def test_page_and_pipeline_mean_the_same():
    """`publishing` imports no science, so some names stand on both sides."""
    assert (show.CLAIMS_MIME, show.DATA_MIME) == (notebooks.CLAIMS, notebooks.DATA)
    assert copies.VERDICTS == verdicts.WORDS
    assert [f.name for f in fields(Claim)] == [*copies.FIELDS, "note", *OPTIONAL]


def test_glue_takes_numpys_numbers(monkeypatch):
    seen = {}
    monkeypatch.setattr(
        show.myst_nb, "glue", lambda name, value, display: seen.update({name: value})
    )
    show.glue(a=np.float32(0.5), b=np.int64(3), c="x", d=2)
    assert seen == {"a": 0.5, "b": 3, "c": "x", "d": 2}
    assert {type(v) for v in seen.values()} == {float, int, str}


def test_a_table_is_text_in_cells(shown):
    show.table(["kind", "error"], [["a | b", "0.1"]])
    ((bundle, _),) = shown
    lines = bundle["text/markdown"].splitlines()
    assert lines == ["| kind | error |", "| --- | --- |", r"| a \| b | 0.1 |"]
    with pytest.raises(HlnbError, match="not a cell for each column"):
        show.table(["kind", "error"], [["a"]])


def test_a_film_joins_slider_and_frames_in_the_page(shown):
    film = show.Film("epoch")
    for epoch in range(3):
        film.add(str(epoch), line(), alt=f'at "{epoch}"')
    film.show()
    ((box, _),) = shown
    slider, stack = box.children
    assert len(stack.children) == len(slider.options) == 3
    assert all("alt=" in frame.value for frame in stack.children)
    assert 'alt="at &quot;2&quot;"' in stack.children[2].value
    fig = line()
    width = css_size(fig, shown=100)["width"]
    plt.close(fig)
    assert f'width="{width}"' in stack.children[2].value


def test_a_film_without_frames_or_words_is_refused():
    with pytest.raises(HlnbError, match="has no frames"):
        show.Film("epoch").show()
    fig = line()
    with pytest.raises(HlnbError, match="needs an alternative text"):
        show.Film("epoch").add("0", fig, alt="")
    plt.close(fig)


def test_a_data_note_says_what_was_used(shown):
    found = {"name": "shapes", "sha256": "ab" * 32, "note": "drawn by the package"}
    show.data_note(found)
    ((bundle, _),) = shown
    assert bundle[show.DATA_MIME] == found
    assert "drawn by the package" in bundle["text/markdown"]


def test_a_figure_brings_its_numbers(shown):
    fig, ax = plt.subplots(figsize=(2, 2))
    ax.plot([0, 1], [2, 3], label="ours, with a comma")
    show.figure(fig, name="fig-x", caption="c", alt="a")
    outputs = [{"data": shown[0][0], "metadata": {"hlnb": {"name": "fig-x"}}}]
    found = notebooks.numbers({"cells": [{"outputs": outputs}]})
    text = found["fig-x"].decode()
    assert text.splitlines()[1] == '1: ,line,"ours, with a comma",0,2,'
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0] == ["panel", "kind", "series", "x", "y", "value"]
    assert show.packed(rows) == show.packed(rows)
