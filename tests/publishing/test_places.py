"""Odd places that a user names, and folders that the system keeps closed."""

import errno
import os
import shlex
from pathlib import Path

import pytest

from hlnb.errors import HlnbError
from hlnb.publishing import places
from hlnb.publishing.cli import main
from publishing_fixtures import add_chapter, make_book

LONG = "a" * 300


@pytest.fixture
def book(tmp_path, monkeypatch):
    root = make_book(tmp_path / "book")
    add_chapter(root, "01_one")
    (root / "circle").symlink_to("circle")
    monkeypatch.chdir(root)
    return root


def close(monkeypatch, folder):
    """Closes a folder, to root too, which asks for no right."""

    def refuses(real):
        def of(path, *args, **kwargs):
            if not isinstance(path, int) and Path(path).is_relative_to(folder):
                error = errno.EACCES
                raise PermissionError(error, os.strerror(error), str(path))
            return real(path, *args, **kwargs)

        return of

    for name in ("stat", "listdir", "scandir"):
        monkeypatch.setattr(os, name, refuses(getattr(os, name)))


def test_what_may_be_made_is_named_and_what_is_there_too(book):
    assert places.named("new/below") == book / "new/below"
    assert places.named("_config.yml/below") == book / "_config.yml/below"
    assert places.named("notebooks") == book / "notebooks"


@pytest.mark.parametrize(
    "line",
    [
        *("diff PLACE", "diff list.json --against PLACE", "build --run PLACE"),
        *("run --out PLACE", "run --smoke --out PLACE", "runs fetch PLACE"),
    ],
)
@pytest.mark.parametrize(
    ("place", "told"),
    [
        (LONG, "File name too long"),
        ("circle", "Too many levels of symbolic links"),
        ("circle/below", "Too many levels of symbolic links"),
    ],
)
def test_a_place_that_no_system_can_look_at_is_one_sentence(
    book, capsys, line, place, told
):
    assert main(shlex.split(line.replace("PLACE", place))) == 1
    said = capsys.readouterr().err
    assert said == f"hlnb: {place} cannot be used ({told}): name another place.\n"
    assert not (book / "runs").exists()


@pytest.mark.parametrize("place", [LONG, "circle"])
@pytest.mark.parametrize("line", ["runs verify", "runs fetch", "runs pack", "redraw"])
@pytest.mark.usefixtures("book")
def test_so_is_one_in_the_variable(monkeypatch, capsys, line, place):
    monkeypatch.setenv("HLNB_RUNS", place)
    assert main(line.split()) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"hlnb: {place} cannot be used (")
    assert said.count("\n") == 1


def test_a_closed_folder_is_no_empty_one(book, monkeypatch):
    (book / "copies").mkdir()
    assert places.notebooks(book / "nowhere") == []
    assert places.notebooks(book / "_config.yml") == []
    close(monkeypatch, book / "copies")
    with pytest.raises(HlnbError, match=r"\(Permission denied\): name another place"):
        places.named("copies/below")
    with pytest.raises(HlnbError, match=r"Cannot read .*copies: Permission denied"):
        places.notebooks(book / "copies")


def test_a_closed_folder_of_sources_holds_no_unknown_chapter(monkeypatch, book, capsys):
    def denied(folder):
        raise PermissionError(errno.EACCES, "Permission denied", str(folder))

    monkeypatch.setattr(Path, "iterdir", denied)
    assert main(["run", "01"]) == 1
    told = f"hlnb: Cannot read {book / 'notebooks'}: Permission denied.\n"
    assert capsys.readouterr().err == told


@pytest.mark.parametrize(
    ("line", "told"), [("list", "use"), ("claims", "use"), ("check", "read")]
)
def test_what_the_system_refuses_anywhere_is_one_sentence(
    book, monkeypatch, capsys, line, told
):
    close(monkeypatch, book / "book" / "chapters")
    assert main([line]) == 1
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"hlnb: Cannot {told} {book / 'book' / 'chapters'}")
    assert err.endswith(": Permission denied.\n")


@pytest.mark.usefixtures("book")
def test_without_open_files_it_is_one_sentence(monkeypatch, capsys):
    def full(*_, **__):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr("hlnb.publishing.run.execute.run", full)
    assert main(["run", "01"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "hlnb: The system gives no more of it: Too many open files.\n"
