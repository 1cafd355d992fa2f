"""The book as a PDF: whole or not at all, printed from one page."""

import os
import shutil
import stat

import pytest
from pypdf import PdfReader

import small_book
from hlnb.errors import HlnbError
from hlnb.publishing import printing


@pytest.fixture(scope="session")
def printed(once, scripts):
    """The root of a small book that was printed."""
    return once("printed", lambda folder: printing.pdf(small_book.make(folder)))


@pytest.fixture
def root(tmp_path):
    """A small book with a PDF of before."""
    book = small_book.make(tmp_path / "book")
    (book / "_build").mkdir(exist_ok=True)
    (book / "_build" / "hlnb.pdf").write_bytes(b"of before")
    return book


def text_of(path):
    return " ".join(page.extract_text() for page in PdfReader(path).pages)


def test_the_pdf_has_every_chapter_and_nothing_is_left_behind(printed):
    text = " ".join(text_of(printed / "_build" / "hlnb.pdf").split())
    for number in (1, 2, 8):
        assert f"A made-up chapter {number:02d}" in text
        assert f"Fig. {number}.1" in text
    assert "Glossary" in text
    left = {p.name for p in (printed / "_build").iterdir()}
    assert left <= {".lock", "assets", "hlnb.pdf", "staging"}


def test_pictures_and_tables_fit_the_paper(printed):
    """No picture is wider than the paper's text: Chromium would cut it."""
    reader = PdfReader(printed / "_build" / "hlnb.pdf")
    assert len(reader.pages) > 5
    for page in reader.pages:
        width = float(page.mediabox.width)
        assert 590 < width < 620  # letter or A4, in points
    assert any(len(page.images) for page in reader.pages)


def test_without_a_browser_one_sentence_says_what_to_install(root, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("HLNB_CHROMIUM", raising=False)
    with pytest.raises(HlnbError, match="apt-get install chromium"):
        printing.pdf(root)
    assert (root / "_build" / "hlnb.pdf").read_bytes() == b"of before"


@pytest.mark.slow
def test_a_browser_that_fails_is_told_and_the_last_pdf_stays(
    root, tmp_path, monkeypatch
):
    fake = tmp_path / "fake"
    fake.write_text("#!/bin/sh\necho 'no display' >&2\nexit 1\n")
    fake.chmod(fake.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("HLNB_CHROMIUM", str(fake))
    with pytest.raises(HlnbError, match="did not print the book: no display"):
        printing.pdf(root)
    assert (root / "_build" / "hlnb.pdf").read_bytes() == b"of before"
    assert not (root / "_build" / "staging-print").exists()


def test_the_browser_that_is_named_comes_first(monkeypatch):
    monkeypatch.setenv("HLNB_CHROMIUM", shutil.which("sh"))
    assert printing.browser() == shutil.which("sh")
    monkeypatch.setenv("HLNB_CHROMIUM", "no-such-browser")
    assert os.path.basename(printing.browser()) in printing.BROWSERS


def test_folded_text_is_unfolded_for_paper(tmp_path):
    folder = tmp_path / "book"
    folder.mkdir()
    (folder / "intro.html").write_text("<details><p>x</p></details>" + " " * 10_000)
    (folder / "stub.html").write_text("")
    page = printing.whole_page(tmp_path)
    assert page == tmp_path / "print.html"
    assert "<details open>" in page.read_text()
    (folder / "other.html").write_text(" " * 10_001)
    with pytest.raises(HlnbError, match="holds 2 whole pages"):
        printing.whole_page(tmp_path)
