"""Downloads and the archive of a release: whole, repeatable, refused when outdated."""

import csv
import fnmatch
import hashlib
import io
import json
import os
import re
import shutil
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

import small_book
from hlnb.errors import HlnbError
from hlnb.publishing import chapters, metadata, record, release
from hlnb.publishing import copies as ledger
from hlnb.publishing.cli import main
from hlnb.publishing.notebooks import numbers
from hlnb.publishing.slides import classes
from publishing_fixtures import add_chapter, edit, make_book, save_in_editor

ROOT = Path(__file__).parents[2]
NAMES = small_book.NAMES[:2]  # those that have a page
LICENCES = ("LICENSE", "LICENSE-TEXT")
CLONE = {".git", ".gitattributes", ".pre-commit-config.yaml"}  # of use in a clone alone
PAGE = "<article><section><h1>1 · Title</h1><p>Text.</p></section></article>"


@pytest.fixture
def book(tmp_path, monkeypatch) -> Path:
    """A book with pages as if it were built, and chapters as if they were fresh."""
    monkeypatch.setattr(ledger, "check", lambda root: [])
    monkeypatch.delenv("HLNB_RUNS", raising=False)
    root = small_book.make(tmp_path / "book")
    for name in ("CITATION.cff", "pyproject.toml", *LICENCES):
        shutil.copy(ROOT / name, root)
    for source in root.glob(classes.PAGES):  # their pages have to be rendered
        source.unlink()
    contents = yaml.safe_load((root / "_toc.yml").read_text("utf8"))
    absent = f"book/chapters/{small_book.NAMES[2]}"
    for part in contents["parts"]:
        part["chapters"] = [c for c in part["chapters"] if c["file"] != absent]
    (root / "_toc.yml").write_text(yaml.safe_dump(contents))
    html = root / "_build" / "html"
    for page in chapters.pages(root):
        (source,) = [p for p in root.glob(f"{page}.*") if p.suffix in (".md", ".ipynb")]
        kept = html / "_sources" / source.relative_to(root)
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, kept)
        (html / page).parent.mkdir(parents=True, exist_ok=True)
        (html / f"{page}.html").write_text(PAGE)
    (html / "index.html").write_text("")
    (html / "_static/vendor/reveal").mkdir(parents=True)
    (html / "_static/vendor/reveal/reveal.js").write_text("")
    release.downloads(root, html)
    return root


def unpacked(archive: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(archive) as found:
        return {name: found.read(name) for name in found.namelist()}


def _half(match):
    return f"{0.25:.{match[1]}f}"


def test_each_page_of_a_chapter_gets_its_notebooks_and_slides(book):
    html = book / "_build/html"
    for name in NAMES:
        clean = html / "downloads" / f"{name}.ipynb"
        assert clean.read_bytes() == (book / f"notebooks/{name}.ipynb").read_bytes()
        executed = html / "downloads" / f"{name}-executed.ipynb"
        original = (book / f"book/chapters/{name}.ipynb").read_text("utf8")
        filled = re.sub(r"\{glue:text\}`half:\.(.)f`", _half, original)
        assert executed.read_text("utf8") == filled != original
        assert (html / "slides" / f"{name}.html").is_file()
    assert not list(html.glob(f"*/{small_book.NAMES[2]}*"))


def test_what_an_editor_saved_with_a_notebook_is_not_offered(book):
    source = book / "notebooks" / f"{NAMES[0]}.ipynb"
    save_in_editor(source)
    release.downloads(book, book / "_build/html")
    assert not chapters.is_clean(chapters.Chapter(source))
    downloads = book / "_build/html/downloads"
    assert chapters.is_clean(chapters.Chapter(downloads / source.name))
    packed = unpacked(downloads / "hlnb-notebooks.zip")
    offered = (downloads / source.name).read_bytes()
    assert packed[f"hlnb-notebooks/notebooks/{source.name}"] == offered


def test_one_zip_has_all_notebooks_and_the_claims(book):
    files = unpacked(book / "_build/html/downloads/hlnb-notebooks.zip")
    names = {n.removeprefix("hlnb-notebooks/") for n in files}
    folders = ("notebooks", "executed")
    notebooks = {f"{folder}/{n}.ipynb" for folder in folders for n in NAMES}
    others = {"claims.json", "claims.csv", "_config.yml", *LICENCES}
    assert names == notebooks | others
    claims = json.loads(files["hlnb-notebooks/claims.json"])
    text = files["hlnb-notebooks/claims.csv"].decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [r["id"] for r in rows] == [c["id"] for c in claims]
    assert {r["chapter"] for r in rows} == set(NAMES)
    assert rows[0]["statement"] == claims[0]["statement"]
    assert rows[3]["ours"] == ""  # not measured


def test_equal_inputs_give_equal_bytes(book, tmp_path):
    one = release.release(book)
    assert one == book / "_build/release" / one.name
    for path in book.rglob("*"):
        os.utime(path, (10**9, 10**9))
    two = release.release(book, tmp_path / "elsewhere")
    assert one.read_bytes() == two.read_bytes()
    edit(book / "book/how_to.md", "# How", "# Here is how")
    release_again(book)
    assert release.release(book).read_bytes() != two.read_bytes()


def release_again(book: Path) -> None:
    """Puts the changed page into the rendered book."""
    shutil.copy(book / "book/how_to.md", book / "_build/html/_sources/book/how_to.md")


def test_the_archive_is_complete_and_its_digests_are_right(book):
    (book / "book/chapters/.02_toy_problem_1.lock").touch()
    (book / "book/__pycache__").mkdir()
    (book / "book/__pycache__/x.pyc").touch()
    archive = release.release(book)
    version = yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"]
    assert archive.name == f"hlnb-{version}.zip"
    line = archive.with_name(f"{archive.name}.sha256").read_text()
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    assert line == f"{digest}  {archive.name}\n"
    files = unpacked(archive)
    files = {name.removeprefix(f"hlnb-{version}/"): d for name, d in files.items()}
    manifest = files.pop("MANIFEST.sha256").decode()
    listed = [line.split("  ") for line in manifest.splitlines()]
    assert {name: digest for digest, name in listed} == {
        name: hashlib.sha256(data).hexdigest() for name, data in files.items()
    }
    for name in (
        *("html/index.html", "claims.json", "claims.csv", ".zenodo.json"),
        *("codemeta.json", "ro-crate-metadata.json"),
        *("CITATION.cff", "html/slides/slides.css", "_toc.yml"),
        *(f"notebooks/{NAMES[0]}.ipynb", f"book/chapters/{NAMES[0]}.ipynb"),
        f"book/chapters/{NAMES[0]}.provenance.json",
    ):
        assert name in files
    assert not [n for n in files if ".lock" in n or "__pycache__" in n]


def test_the_metadata_for_a_doi_say_what_the_citation_says():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf8"))
    found = metadata.zenodo(citation, description="About it.")
    assert found["title"] == citation["title"]
    assert found["version"] == citation["version"]
    assert found["license"] == citation["license"]
    assert found["creators"] == [{"name": "hlnb authors"}]
    assert found["references"][0].startswith("Glasgow, Margalit. Theory of")
    person = {"family-names": "B", "given-names": "A", "orcid": "https://orcid.org/0-1"}
    (creator,) = metadata.zenodo(citation | {"authors": [person]}, description="")[
        "creators"
    ]
    assert creator == {"name": "B, A", "orcid": "0-1"}


def test_the_crate_has_a_run_for_each_chapter_and_names_nothing_that_is_missing(book):
    files = unpacked(release.release(book))
    files = {name.partition("/")[2]: data for name, data in files.items()}
    graph = json.loads(files["ro-crate-metadata.json"])["@graph"]
    by_id = {each["@id"]: each for each in graph}
    assert len(by_id) == len(graph)
    runs = [e for e in graph if e["@type"] == "CreateAction"]
    assert [run["@id"] for run in runs] == [f"#run-{name}" for name in NAMES]
    for run, name in zip(runs, NAMES, strict=True):
        provenance = json.loads(files[f"book/chapters/{name}.provenance.json"])
        assert run["endTime"] == provenance["date"]
        assert provenance["cpu"] in run["description"]
        needs = by_id[run["instrument"]["@id"]]["softwareRequirements"]
        found = {by_id[n["@id"]]["name"]: by_id[n["@id"]]["version"] for n in needs}
        assert found == provenance["packages"]
    described = {"ro-crate-metadata.json", "MANIFEST.sha256"}  # they list the others
    assert {p["@id"] for p in by_id["./"]["hasPart"]} == files.keys() - described

    def named(value):
        if isinstance(value, dict):
            return (
                {value["@id"]} if value.keys() == {"@id"} else named([*value.values()])
            )
        return set().union(*map(named, value)) if isinstance(value, list) else set()

    elsewhere = {"https://w3id.org/ro/crate/1.1"}
    assert named(graph) <= by_id.keys() | elsewhere


def test_codemeta_says_what_the_package_says():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf8"))["project"]
    found = metadata.codemeta(citation, project)
    assert found["version"] == str(citation["version"])
    assert found["softwareRequirements"] == sorted(project["dependencies"])
    assert found["license"] == "https://spdx.org/licenses/MIT"


def test_every_top_level_file_of_the_repository_is_packed_or_ignored():
    ignored = (ROOT / ".gitignore").read_text().split()
    ignored = [line.rstrip("/") for line in ignored]
    for path in ROOT.iterdir():
        if path.name not in CLONE and not any(
            fnmatch.fnmatch(path.name, pattern) for pattern in ignored
        ):
            assert path.name in release.SOURCES


def test_the_command_says_where_the_archive_lies(book, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(book)
    assert main(["release", "--out", str(tmp_path / "out")]) == 0
    packed, without = capsys.readouterr().out.splitlines()
    (archive,) = (tmp_path / "out").glob("*.zip")
    assert packed.startswith(f"Packed {archive}, ")
    runs = book / "runs" / "record"
    assert without == f"No runs of record in {runs}: the release goes without them."


def test_runs_of_record_go_beside_the_archive(book, tmp_path):
    record.pack(book, say=lambda line: pytest.fail(line))
    lines = []
    archive = release.release(book, tmp_path / "out", say=lines.append)
    beside = archive.with_name(f"{archive.stem}-runs.zip")
    assert lines[1].startswith(f"Packed {beside}, ")
    manifest = json.loads(unpacked(beside)["manifest.json"])
    assert set(manifest["chapters"]) == set(small_book.NAMES)
    sums = beside.with_name(f"{beside.name}.sha256").read_text()
    assert sums.startswith(hashlib.sha256(beside.read_bytes()).hexdigest())
    copies = (book / "book/chapters").glob("08*")
    for path in [*copies, book / f"notebooks/{small_book.NAMES[2]}.ipynb"]:
        path.unlink()
    with pytest.raises(HlnbError, match="No release: the runs of record do not fit: 0"):
        release.release(book)
    assert not (book / "_build/release").exists()


def test_overtaken_chapters_are_refused_in_one_sentence(book):
    for name in NAMES:
        small_book.overtake(book, name)
    named = ", ".join(NAMES)
    with pytest.raises(HlnbError, match=f"of the package has overtaken {named}; `hlnb"):
        release.release(book)
    assert not (book / "_build/release").exists()


def test_a_chapter_that_is_not_fresh_is_refused(tmp_path, monkeypatch, capsys):
    root = make_book(tmp_path / "book")
    add_chapter(root, "01_first")
    monkeypatch.chdir(root)
    assert main(["release"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("hlnb: No release: 01_first was never executed; `hlnb run")
    assert told.endswith("`hlnb check` lists what to mend.\n")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda b: (b / "_build/html/index.html").unlink(), "is not built; run"),
        (lambda b: shutil.rmtree(b / "_build/html/_static/vendor"), "a public host"),
        (
            lambda b: edit(b / "book/intro.md", "# Hierarchical", "# A hierarchical"),
            "the page book/intro is older than its source",
        ),
        (
            lambda b: (b / f"_build/html/downloads/{NAMES[0]}.ipynb").write_text("{}"),
            f"the download of {NAMES[0]} is older than its notebook",
        ),
        (
            lambda b: edit(b / "CITATION.cff", "version: 0", "version: 9"),
            "make them agree",
        ),
        (lambda b: (b / "CITATION.cff").unlink(), "Cannot read .*CITATION.cff"),
    ],
)
def test_what_is_outdated_is_refused_and_nothing_written(book, spoil, told):
    spoil(book)
    with pytest.raises(HlnbError, match=told):
        release.release(book)
    assert not (book / "_build/release").exists()


def test_each_figure_comes_with_its_numbers(book):
    html = book / "_build/html"
    for name in NAMES:
        notebook = json.loads((book / f"book/chapters/{name}.ipynb").read_text("utf8"))
        expected = numbers(notebook)
        assert expected
        files = unpacked(html / "downloads" / f"{name}-figures.zip")
        assert len(files) == len(expected)
        for figure, data in expected.items():
            assert files[f"{name}-figures/{figure}.csv"] == data
            alone = html / "downloads" / "figures" / f"{figure}.csv"
            assert alone.read_bytes() == data
            assert data.startswith(b"panel,kind,series,x,y,value\n")
