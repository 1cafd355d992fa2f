"""What leaves the book: the downloads of its pages, and the archive of a release."""

import csv
import hashlib
import io
import json
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from hlnb.errors import HlnbError
from hlnb.publishing import (
    chapters,
    copies,
    exercises,
    metadata,
    notebooks,
    places,
    record,
)
from hlnb.publishing.render import executed
from hlnb.publishing.slides import classes, decks
from hlnb.storage import write_whole

DOWNLOADS = "downloads"  # below the rendered book
FIGURES = "figures"  # below the downloads
NOTEBOOKS = "hlnb-notebooks"
SOURCES = (  # of the book, below its root: files, and folders with all they hold
    *(
        "src",
        "tests",
        "benchmarks",
        "notebooks",
        "book",
        "paper",
        ".binder",
        ".ci",
        ".github",
    ),
    *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "DECISIONS.md", "LICENSE"),
    "LICENSE-TEXT",
    *("CITATION.cff", "Makefile", "pyproject.toml", "constraints.txt"),
    *("environment.yml", ".gitignore", ".gitattributes", ".pre-commit-config.yaml"),
    *("_config.yml", "_toc.yml", "genindex.md"),
)
UNWANTED = {"__pycache__", "node_modules", ".ipynb_checkpoints", ".DS_Store"}
ENDINGS = (".egg-info", ".pyc", ".tmp.ipynb", ".failed.ipynb")
PROGRAMS = {".ci/run", ".binder/postBuild"}
EPOCH = (1980, 1, 1, 0, 0, 0)  # the first date that a zip file knows


def downloads(root: Path, html: Path) -> list[Path]:
    """Puts what the pages offer into `html`, a book rendered from `root`.

    For each chapter with a page: `downloads/NAME.ipynb`, the clean notebook,
    `downloads/NAME-executed.ipynb`, with the numbers in its text, and
    `slides/NAME.html`; the numbers of each figure
    in `downloads/figures/fig-NAME.csv`, those of a chapter in a zip. For all of them
    `downloads/hlnb-notebooks.zip`, with the claims as JSON and CSV. The student edition
    is rendered from stripped notebooks, so its downloads are stripped too.
    """
    files, packed = {}, {}
    shown = _rendered(root, html)
    known = {chapter.name: chapter for chapter in executed.load(root)}
    for chapter in shown:
        clean = notebooks.to_bytes(chapter.notebook)
        readable = notebooks.to_bytes(known[chapter.name].filled(known))
        files[f"{chapter.name}.ipynb"] = clean
        files[f"{chapter.name}-executed.ipynb"] = readable
        packed[f"notebooks/{chapter.name}.ipynb"] = clean
        packed[f"executed/{chapter.name}.ipynb"] = readable
        shown_numbers = notebooks.numbers(known[chapter.name].notebook)
        tables = {f"{name}.csv": data for name, data in shown_numbers.items()}
        files |= {f"{FIGURES}/{name}": data for name, data in tables.items()}
        if tables:
            title = f"{chapter.name}-figures"
            files[f"{title}.zip"] = pack(tables, folder=title)
    names = {chapter.name for chapter in shown}
    packed |= _claims([c for c in copies.claims(root) if c["chapter"] in names])
    for name in ("LICENSE", "LICENSE-TEXT", "_config.yml", exercises.SEALED):
        if (root / name).is_file():
            packed[name] = (root / name).read_bytes()
    files[f"{NOTEBOOKS}.zip"] = pack(packed, folder=NOTEBOOKS)
    written = [write_whole(html / DOWNLOADS / n, data) for n, data in files.items()]
    return [*written, *decks.make(html), *classes.make(root, html)]


def _rendered(root: Path, html: Path) -> list[chapters.Chapter]:
    """The chapters that have a page."""
    pages = html / decks.CHAPTERS
    return [c for c in chapters.load(root) if (pages / f"{c.name}.html").is_file()]


def _claims(found: list[dict[str, Any]]) -> dict[str, bytes]:
    """The claims as two files."""
    text = json.dumps(found, ensure_ascii=False, indent=1)
    table = io.StringIO(newline="")
    columns = dict.fromkeys(["id", "chapter", *copies.FIELDS, "note"])
    writer = csv.DictWriter(
        table, list(columns), extrasaction="ignore", lineterminator="\n"
    )
    writer.writeheader()
    writer.writerows(found)
    return {
        "claims.json": f"{text}\n".encode(),
        "claims.csv": table.getvalue().encode(),
    }


def pack(files: dict[str, bytes], *, folder: str) -> bytes:
    """A zip file of `files` in one folder; equal files give equal bytes.

    Names are sorted and dates fixed. Another version of zlib may compress to others.
    """
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(f"{folder}/{name}", EPOCH)
            entry.create_system = 3  # Unix, wherever it is made
            entry.external_attr = (0o755 if name in PROGRAMS else 0o644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name])
    return target.getvalue()


def release(
    root: Path, out: str | Path | None = None, *, say: Callable[[str], None] = print
) -> Path:
    """The archive of a release, `hlnb-VERSION.zip`, beside it its digest.

    `out` is a folder, default `_build/release`. The archive holds the rendered book in
    `html/`, the sources with the executed chapters and their provenance, the claims,
    metadata (for Zenodo, as RO-Crate and as CodeMeta), and `MANIFEST.sha256`, which
    `sha256sum -c` reads.
    It is refused while a chapter is not fresh or a page is older than its source. The
    runs of record, if they are here, go beside it as `hlnb-VERSION-runs.zip`, and are
    refused unless they are whole and those of the chapters. `say` gets a line for each.
    """
    root = Path(root).resolve()
    if problems := copies.check(root):
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise HlnbError(
            f"No release: {problems[0]}{more} `hlnb check` lists what to mend."
        )
    if overtaken := copies.overtaken(root):
        raise HlnbError(
            f"No release: code of the package has overtaken {', '.join(overtaken)}; "
            "`hlnb redraw NAME` or `hlnb run NAME` brings a chapter up to date."
        )
    runs = record.home(root)
    with_runs = (runs / record.MANIFEST).is_file()
    if with_runs and (problems := record.verify(root)[0]):
        raise HlnbError(
            f"No release: the runs of record do not fit: {problems[0]} `hlnb runs "
            "verify` lists what is wrong, `hlnb runs pack` makes them anew."
        )
    html = root / "_build" / "html"
    _refuse_outdated(root, html)
    citation = _yaml(root / "CITATION.cff")
    project = tomllib.loads((root / "pyproject.toml").read_text("utf8"))["project"]
    if str(citation.get("version")) != project["version"]:
        raise HlnbError(
            f"No release: CITATION.cff names the version {citation.get('version')}, "
            f"pyproject.toml {project['version']}; make them agree."
        )
    files = {f"html/{name}": data for name, data in tree(html)}
    for name in SOURCES:
        place = root / name
        if place.is_dir():
            files |= {f"{name}/{below}": data for below, data in tree(place)}
        elif place.is_file():
            files[name] = place.read_bytes()
    files |= _claims(copies.claims(root))
    description = project["description"]
    files[".zenodo.json"] = _json(metadata.zenodo(citation, description=description))
    files[metadata.CODEMETA] = _json(metadata.codemeta(citation, project))
    executed_on = _provenances(root)
    files[metadata.CRATE] = _json(
        metadata.crate(
            citation,
            description=description,
            date=max(found["date"] for found in executed_on.values()),
            executed=executed_on,
            files=files,
        )
    )
    sums = [f"{_sha256(files[name])}  {name}\n" for name in sorted(files)]
    files["MANIFEST.sha256"] = "".join(sums).encode()
    title = f"hlnb-{project['version']}"
    folder = places.named(out) if out is not None else root / "_build" / "release"
    data = pack(files, folder=title)
    archive = _announced(write_whole(folder / f"{title}.zip", data), say)
    if with_runs:
        _announced(record.zipped(runs, folder / f"{title}-runs.zip"), say)
    else:
        say(f"No runs of record in {runs}: the release goes without them.")
    return archive


def _json(found: dict[str, Any]) -> bytes:
    return f"{json.dumps(found, ensure_ascii=False, indent=2)}\n".encode()


def _provenances(root: Path) -> dict[str, dict[str, Any]]:
    """Where, when and with what each chapter was executed, by its name."""
    found = {
        c.name: copies.provenance(copies.executed_path(c)) for c in chapters.load(root)
    }
    return {name: each for name, each in found.items() if each}


def _announced(archive: Path, say: Callable[[str], None]) -> Path:
    """The archive, which now has its digest beside it and was told of."""
    line = f"{_sha256(archive.read_bytes())}  {archive.name}\n"
    write_whole(archive.with_name(f"{archive.name}.sha256"), line.encode())
    say(f"Packed {archive}, {archive.stat().st_size / 1e6:.0f} MB")
    return archive


def _refuse_outdated(root: Path, html: Path) -> None:
    """An error if the pages were not rendered from what lies in the book now."""
    if not (html / "index.html").is_file():
        raise HlnbError("No release: the book is not built; run `hlnb build` first.")
    if not (html / decks.VENDOR).is_dir():
        raise HlnbError(
            "No release: the slides take their script from a public host; install npm "
            "and run `hlnb build`, so that the archive works offline."
        )
    for name in chapters.pages(root) or []:
        file = f"{name}.md" if (root / f"{name}.md").is_file() else f"{name}.ipynb"
        source, kept = root / file, html / "_sources" / file
        if not source.is_file() or _differ(source.read_bytes(), kept):
            raise HlnbError(
                f"No release: the page {name} is older than its source; "
                "run `hlnb build` first."
            )
    for chapter in _rendered(root, html):
        offered = html / DOWNLOADS / chapter.path.name
        if _differ(notebooks.to_bytes(chapter.notebook), offered):
            raise HlnbError(
                f"No release: the download of {chapter.name} is older than its "
                "notebook; run `hlnb build` first."
            )


def _differ(wanted: bytes, path: Path) -> bool:
    return not path.is_file() or path.read_bytes() != wanted


def _yaml(path: Path) -> dict[str, Any]:
    try:
        return yaml.safe_load(path.read_text("utf8"))
    except (OSError, yaml.YAMLError) as error:
        raise HlnbError(f"Cannot read {path}: restore it.") from error


def tree(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each file below a folder, without what tools leave behind."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        stray = any(p in UNWANTED or p.endswith(ENDINGS) for p in parts)
        lock = path.name.startswith(".") and path.parent.name == "chapters"
        if path.is_file() and not stray and not lock:
            yield "/".join(parts), path.read_bytes()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
