"""Runs of record: packed, fetched, verified; chapters drawn again without computing."""

import json
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest

import hlnb
from hlnb.errors import HlnbError
from hlnb.publishing import copies, record
from hlnb.publishing.render import build
from publishing_fixtures import add_chapter, edit, make_book

TINY = '''\
"""A result that is kept, and what draws it."""

from hlnb.kept import kept


@kept
def trained(seeds: int) -> float:
    with open("computed", "a") as file:  # in the folder of the notebooks
        file.write(".")
    return seeds / 4


def drawn(value: float) -> None:
    print("value", value)
'''
COMMAND = "import sys; from hlnb.publishing.cli import main; sys.exit(main())"
CLOSED = "http://127.0.0.1:9/record.zip"


@pytest.fixture(scope="module")
def executed(tmp_path_factory) -> Path:
    """A folder with a package, and a book that was executed by it and packed."""
    folder = tmp_path_factory.mktemp("executed")
    unwanted = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(hlnb.__file__).parent, folder / "src/hlnb", ignore=unwanted)
    (folder / "src/hlnb/tiny.py").write_text(TINY)
    book = make_book(folder / "book")
    cell = "tiny.drawn(tiny.trained(seeds))"
    add_chapter(book, "01_tiny", "from hlnb import tiny", cell)
    add_chapter(book, "02_plain", "seeds")
    status, lines = call(book, "run", "-j", "2")
    assert status == 0, lines
    status, (line,) = call(book, "runs", "pack")
    assert status == 0
    assert line.startswith(f"Packed {book / 'runs/record.zip'}, ")
    return folder


@pytest.fixture
def book(executed, tmp_path, monkeypatch) -> Path:
    """A copy of that book, beside a copy of the package."""
    monkeypatch.delenv(record.VARIABLE, raising=False)
    shutil.copytree(executed, tmp_path / "copy")
    return tmp_path / "copy" / "book"


def call(book: Path, *words: str, **environment: str) -> tuple[int, list[str]]:
    """The exit status of `hlnb` with the package beside the book, and its lines."""
    environment = {"PYTHONPATH": str(book.parent / "src"), **environment}
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *words],
        cwd=book,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done.returncode, done.stdout.splitlines()


def package(book: Path) -> Path:
    return book.parent / "src/hlnb/tiny.py"


def redraw_the_value(book: Path) -> None:
    edit(package(book), 'print("value"', 'print("the value"')


def computed(book: Path) -> int:
    """How many results were computed so far."""
    return len((book / "notebooks/computed").read_text())


def shown(book: Path) -> str:
    """What the chapter prints."""
    copy = json.loads((book / "book/chapters/01_tiny.ipynb").read_text("utf8"))
    return "".join(copy["cells"][4]["outputs"][0]["text"])


def provenance(book: Path) -> dict:
    return copies.provenance(book / "book/chapters/01_tiny.ipynb")


def contents(folder: Path) -> dict[str, bytes]:
    files = (p for p in folder.rglob("*") if p.is_file())
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in files}


def result(book: Path) -> Path:
    """The file of the one result of record."""
    (path,) = (book / "runs/record").rglob("*.npz")
    return path


def flip(path: Path) -> None:
    """Changes a byte of the file, its length and date stay."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def forget(book: Path, *, name: str = "01_tiny") -> None:
    """Takes a chapter out of the list of the runs of record."""
    change_manifest(book, lambda found: found["chapters"].pop(name))


def change_manifest(book: Path, change) -> None:
    path = book / "runs/record/manifest.json"
    found = json.loads(path.read_text())
    change(found)
    path.write_text(json.dumps(found))


# --- chapters that code has overtaken -------------------------------------------------


def test_an_overtaken_chapter_passes_is_left_alone_and_executed_by_its_name(book):
    assert call(book, "check", "--fresh") == (0, ["All chapters are clean."])
    redraw_the_value(book)
    before = contents(book / "book")
    status, (told,) = call(book, "check")
    assert status == 0
    assert told.startswith("01_tiny is overtaken: code of the package")
    assert call(book, "check", "--fresh") == (1, [told])
    assert [line.split()[1] for line in call(book, "list")[1][1:]] == [
        *("overtaken", "fresh"),
    ]
    status, (told, fresh) = call(book, "run")
    assert status == 0
    assert told == (
        "01_tiny: overtaken by code of the package; `hlnb run 01_tiny` executes it, "
        "`hlnb redraw 01_tiny` draws it again"
    )
    assert fresh.startswith("02_plain: fresh (executed 20")
    assert contents(book / "book") == before
    status, (line,) = call(book, "run", "01")
    assert status == 0
    assert line.startswith("01_tiny: executed in ")
    assert shown(book) == "the value 0.5\n"
    assert "redrawn" not in provenance(book)
    assert call(book, "check", "--fresh") == (0, ["All chapters are clean."])


def test_edited_prose_is_woven_into_an_overtaken_chapter_which_stays_so(book):
    redraw_the_value(book)
    edit(book / "notebooks/01_tiny.ipynb", "Some prose.", "New prose.")
    status, lines = call(book, "run")
    assert status == 0
    assert lines[0] == "01_tiny: prose rewoven"
    assert lines[1].startswith("01_tiny: overtaken by code of the package; `hlnb run ")
    assert "New prose." in (book / "book/chapters/01_tiny.ipynb").read_text()
    assert shown(book) == "value 0.5\n"
    assert call(book, "check", "--fresh")[0] == 1


def test_an_edited_chapter_is_executed_without_being_named(book):
    edit(book / "notebooks/01_tiny.ipynb", "trained(seeds)", "trained(seeds + 2)")
    status, (line,) = call(book, "check")
    assert status == 1
    assert line.startswith("01_tiny: its code was edited since it was executed; ")
    status, lines = call(book, "run")
    assert status == 0
    assert lines[-1].startswith("01_tiny: executed in ")
    assert (shown(book), computed(book)) == ("value 1.0\n", 2)


# --- drawn again ----------------------------------------------------------------------


def test_a_chapter_is_redrawn_without_computing_and_names_both_machines(book):
    then = {"date": "2020-02-02", "seconds": 999.0, "cpu": "Another machine"}
    then |= {"runs_kept": 5}
    change_manifest(book, lambda m: m["chapters"]["01_tiny"]["executed"].update(then))
    shutil.rmtree(book / "runs/cache")
    redraw_the_value(book)
    before = provenance(book)
    status, lines = call(book, "redraw")
    assert status == 0
    assert lines[0].startswith("02_plain: fresh (executed 20")
    assert lines[1].startswith("01_tiny: redrawn in ")
    assert (shown(book), computed(book)) == ("the value 0.5\n", 1)
    now = provenance(book)
    assert now.items() >= then.items()
    assert set(now) == {*before, "redrawn"}
    assert now["redrawn"]["cpu"] == before["cpu"]
    assert now["redrawn"]["date"] >= before["date"]
    assert now["redrawn"]["seconds"] < 999
    assert now["results"] == before["results"]
    assert call(book, "check", "--fresh") == (0, ["All chapters are clean."])
    assert not (book / "runs/cache").exists()
    assert record.verify(book)[0] == []
    record.pack(book, say=pytest.fail)
    entry = record.manifest(book / "runs/record")["chapters"]["01_tiny"]
    assert entry["executed"].items() >= then.items()


def test_a_caption_of_the_chapters_own_code_is_mended_by_redrawing(book):
    edit(book / "notebooks/01_tiny.ipynb", "tiny.drawn(", "print('see'); tiny.drawn(")
    status, lines = call(book, "redraw", "01")
    assert status == 0, lines
    assert (shown(book), computed(book)) == ("see\nvalue 0.5\n", 1)


def stale_result(book: Path) -> None:
    edit(package(book), "return seeds / 4", "raise AssertionError")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda b: shutil.rmtree(b / "runs/record"), "hlnb: No runs of record in "),
        (forget, "  01_tiny has no runs of record; `hlnb run 01_tiny` executes it."),
        (lambda b: result(b).unlink(), "npz is missing: fetch or pack the runs of"),
        (lambda b: flip(result(b)), "npz is not what its digest says: fetch or pack"),
        (stale_result, "lack a result of this chapter: what computes it has changed"),
        (
            lambda b: (b / "runs/record/manifest.json").write_text("{"),
            "manifest.json is no list of runs of record: delete it, or fetch them",
        ),
    ],
)
def test_what_cannot_be_redrawn_is_said_and_nothing_lost(book, spoil, told):
    spoil(book)
    before = contents(book / "book")
    status, lines = call(book, "redraw", "01")
    assert status == 1
    assert sum(told in line for line in lines) == 1
    assert "Traceback" not in "".join(lines)
    assert contents(book / "book") == before
    assert computed(book) == 1


def test_what_can_be_redrawn_is_redrawn_though_another_chapter_cannot(book):
    forget(book, name="02_plain")
    redraw_the_value(book)
    status, lines = call(book, "redraw", "01", "02")
    assert status == 1
    assert lines[0] == "02_plain: FAILED"
    assert lines[2].startswith("01_tiny: redrawn in ")


@pytest.mark.parametrize("words", [["--force"], ["-p", "seeds", "2"]])
def test_a_rerun_never_reads_the_runs_of_record(book, words):
    shutil.rmtree(book / "runs/cache")
    folder = str(book / "runs/record")
    found = {"HLNB_RUNS": folder, "HLNB_REDRAW": folder}
    status, lines = call(book, "run", "01", *words, **found)
    assert status == 0, lines
    assert computed(book) == 2


# --- the archive ----------------------------------------------------------------------


def test_what_is_packed_can_be_fetched_from_a_file_or_an_address(book, monkeypatch):
    folder, elsewhere = book / "runs/record", book.parent / "elsewhere"
    before = contents(folder)
    elsewhere.mkdir()
    archive = shutil.move(book / "runs/record.zip", elsewhere / "record.zip")
    shutil.rmtree(folder)
    assert record.fetch(book, str(archive)) == folder
    assert contents(folder) == before
    problems, about = record.verify(book)
    assert not problems
    assert about.startswith(f"{folder}: 1 results of 2 chapters, ")
    server = build._server(elsewhere, 0)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    shutil.rmtree(folder)
    address = f"http://127.0.0.1:{server.server_port}/record.zip"
    monkeypatch.setenv(record.VARIABLE, address)
    try:
        record.fetch(book)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert contents(folder) == before
    assert not list((book / "runs").glob(".*"))
    monkeypatch.setenv(record.VARIABLE, str(elsewhere))
    with pytest.raises(HlnbError, match=r"names the folder .*, which is read as it is"):
        record.fetch(book, str(archive))


def repacked(book: Path, change) -> Path:
    """An archive of the runs of record as they are after `change`."""
    target = book.parent / "changed"
    shutil.copytree(book / "runs/record", target)
    change(target)
    return record.zipped(target, book.parent / "changed.zip")


def outside(book: Path) -> Path:
    archive = repacked(book, lambda folder: None)
    with zipfile.ZipFile(archive, "a") as packed:
        packed.writestr("../stray", "x")
    return archive


def truncated(book: Path) -> Path:
    archive = repacked(book, lambda folder: None)
    archive.write_bytes(archive.read_bytes()[:-100])
    return archive


def flipped(book: Path) -> Path:
    """An archive with a byte that its own checksum finds."""
    archive = repacked(book, lambda folder: None)
    flip(archive)
    return archive


def altered(book: Path) -> Path:
    return repacked(book, lambda folder: flip(next(folder.rglob("*.npz"))))


def lacking(book: Path) -> Path:
    return repacked(book, lambda folder: next(folder.rglob("*.npz")).unlink())


def foreign(book: Path) -> Path:
    return repacked(book, lambda folder: (folder / "manifest.json").unlink())


def text(book: Path) -> Path:
    (book.parent / "page.html").write_text("<p>Not found</p>")
    return book.parent / "page.html"


@pytest.mark.parametrize(
    ("spoiled", "told"),
    [
        (outside, "changed.zip holds a file outside of its folder.$"),
        (truncated, "changed.zip is no archive of runs of record.$"),
        (flipped, r"Cannot unpack .*changed.zip \(.*\): it is|changed.zip is damaged"),
        (altered, "is damaged, nothing was changed: .*npz is not what its digest says"),
        (lacking, "is damaged, nothing was changed: .*npz is missing.$"),
        (foreign, "changed.zip is no archive of runs of record.$"),
        (text, r"Cannot unpack .*page.html \(File is not a zip file\): it is damaged"),
        (lambda book: book, "is a folder: name the archive in it, or, if the runs of"),
        (
            lambda book: book / "nowhere.zip",
            "nowhere.zip is not there: name an archive",
        ),
        *(
            (lambda _, odd=odd: odd, f"^{odd} is not fetched, as only http and https")
            for odd in ("ftp://127.0.0.1/a.zip", "file:///a.zip", "S3://a/b")
        ),
        *(
            (lambda _, odd=odd: odd, "is no address of an archive: see whether it is")
            for odd in ("http://", "https:///a.zip", "http://[", "http://a b/c.zip")
        ),
        (lambda book: CLOSED, rf"^Cannot fetch {CLOSED} \(ConnectionError\): a con"),
        (lambda book: CLOSED.upper(), r"^Cannot fetch .* \(ConnectionError\): a con"),
    ],
)
def test_what_is_no_sound_archive_is_refused_and_nothing_lost(book, spoiled, told):
    place = str(spoiled(book))
    before = contents(book / "runs")
    with pytest.raises(HlnbError, match=told) as caught:
        record.fetch(book, place)
    assert "\n" not in str(caught.value)
    assert contents(book / "runs") == before
    assert not (book / "stray").exists()
    assert not (book / "runs/stray").exists()


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda b: flip(result(b)), ".npz is not what its digest says."),
        (lambda b: result(b).unlink(), ".npz is missing."),
        (forget, "01_tiny has no results, so it cannot be redrawn."),
        (
            lambda b: (b / "notebooks/02_plain.ipynb").unlink(),
            "02_plain is no chapter of this book.",
        ),
        (
            lambda b: edit(
                b / "book/chapters/01_tiny.provenance.json", '"results": "', '"x": "'
            ),
            "01_tiny: its results are of another execution.",
        ),
        (
            lambda b: change_manifest(b, lambda found: found["files"].clear()),
            "is not listed.",
        ),
    ],
)
def test_verify_finds_what_is_wrong(book, spoil, told):
    spoil(book)
    (problem,), _ = record.verify(book)
    assert problem.endswith(told)


def test_packing_again_gives_the_same_bytes_and_repairs(book):
    before = contents(book / "runs/record"), (book / "runs/record.zip").read_bytes()
    assert record.pack(book, say=pytest.fail) == book / "runs/record.zip"
    flip(result(book))
    record.pack(book, say=pytest.fail)
    folder, archive = contents(book / "runs/record"), book / "runs/record.zip"
    assert (folder, archive.read_bytes()) == before
    with zipfile.ZipFile(archive) as packed:
        assert {entry.date_time for entry in packed.infolist()} == {record.EPOCH}
    assert not list((book / "runs").glob(".*"))


def of_another_torch(book: Path) -> None:
    """The store holds the result, computed with other packages."""
    shutil.rmtree(book / "runs/record")
    (path,) = (book / "runs/cache").rglob("*.npz")
    arrays = dict(np.load(path))
    about = json.loads(str(arrays["about"]))
    about["computed on"]["torch"] = "0.1"
    np.savez(path, **arrays | {"about": np.array(json.dumps(about))})


def without_either(book: Path) -> None:
    shutil.rmtree(book / "runs/cache")
    shutil.rmtree(book / "runs/record")


def damaged_without_a_store(book: Path) -> None:
    shutil.rmtree(book / "runs/cache")
    flip(result(book))


def damaged_store(book: Path) -> None:
    shutil.rmtree(book / "runs/record")
    (path,) = (book / "runs/cache").rglob("*.npz")
    path.write_bytes(b"")


@pytest.mark.parametrize("text", ["[]", "3", '{"results": 3}', "[" * 100_000])
def test_an_odd_note_of_results_is_none(book, text):
    (book / "runs/results/01_tiny.json").write_text(text)
    shutil.rmtree(book / "runs/record")
    lines = []
    record.pack(book, say=lines.append)
    told = "01_tiny: on which results it rests is not known; left out"
    assert lines == [told]


@pytest.mark.parametrize("text", ["[]", "{}", '{"chapters": 3}', "[" * 100_000])
def test_an_odd_list_of_runs_is_named(book, text):
    (book / "runs/record/manifest.json").write_text(text)
    with pytest.raises(HlnbError, match="is no list of runs of record: delete it"):
        record.verify(book)


@pytest.mark.parametrize(
    "spoil",
    [without_either, of_another_torch, damaged_without_a_store, damaged_store],
)
def test_what_is_not_at_hand_is_left_out_and_named(book, spoil):
    spoil(book)
    lines = []
    record.pack(book, say=lines.append)
    assert lines == ["01_tiny: 1 of its 1 results are not at hand; left out"]
    found = record.manifest(book / "runs/record")
    assert [*found["chapters"]] == ["02_plain"]
    assert found["files"] == {}


def test_a_chapter_whose_results_nobody_noted_is_left_out(book):
    shutil.rmtree(book / "runs/results")
    shutil.rmtree(book / "runs/record")
    lines = []
    record.pack(book, say=lines.append)
    told = "01_tiny: on which results it rests is not known; left out"
    assert lines == [told]
