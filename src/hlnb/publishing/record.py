"""Runs of record: what the published chapters computed, so that they can be redrawn.

They are kept outside the repository: in the folder that HLNB_RUNS names, or else in
`runs/record`. There, `manifest.json` lists the results on which each chapter rests,
what computed them, and the digest of each file. An archive is that folder in one file.
"""

import hashlib
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any

from hlnb import archives
from hlnb.code import digest
from hlnb.errors import HlnbError
from hlnb.files import write_whole
from hlnb.publishing import chapters, ledger
from hlnb.publishing.chapters import Chapter

FORMAT = "hlnb runs 1"
MANIFEST, ARCHIVE = "manifest.json", "record.zip"
VARIABLE = "HLNB_RUNS"
DATED = ("date", "seconds", "python", "system", "cpu", "cores", "threads", "packages")

Manifest = dict[str, Any]


def home(root: Path) -> Path:
    """The folder of the runs of record, whether they are there or not."""
    named = os.environ.get(VARIABLE, "")
    if named and not _is_address(named) and not Path(named).is_file():
        return Path(named).resolve()
    return root / "runs" / "record"


def _is_address(place: str) -> bool:
    return place.startswith(("http://", "https://"))


def manifest(folder: Path) -> Manifest:
    """What a folder of runs of record says that it holds."""
    try:
        found = json.loads((folder / MANIFEST).read_text("utf8"))
        if found["format"] != FORMAT:
            raise ValueError(found["format"])
        _ = found["chapters"].items(), found["files"].items()
    except OSError:
        raise HlnbError(
            f"No runs of record in {folder}: `hlnb runs fetch ADDRESS` brings them, or "
            f"set {VARIABLE} to their folder. Without them nothing can be redrawn, and "
            "`hlnb run` executes a chapter."
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise HlnbError(
            f"{folder / MANIFEST} is no list of runs of record: fetch them again."
        ) from error
    return found


def note(chapter: Chapter, record: dict[str, Any], used: list[str]) -> None:
    """Notes on which kept results the published copy of a chapter rests."""
    text = json.dumps({"outputs": record["outputs"], "results": used}, indent=1)
    write_whole(_noted(chapter), f"{text}\n".encode())


def _noted(chapter: Chapter) -> Path:
    return chapter.root / "runs" / "results" / f"{chapter.name}.json"


def pack(root: Path, *, say: Callable[[str], None] = print) -> Path:
    """The archive of the published chapters' results, from this machine's store.

    Chapters whose results are neither in the store nor in the runs of record that are
    there already are left out, and named.
    """
    folder = root / "runs" / "record"
    old = manifest(folder) if (folder / MANIFEST).is_file() else {"chapters": {}}
    temporary = Path(tempfile.mkdtemp(dir=_made(root / "runs"), prefix=".record."))
    try:
        found: Manifest = {"format": FORMAT, "chapters": {}, "files": {}}
        for chapter in chapters.load(root):
            record = ledger.provenance(ledger.executed_path(chapter))
            used = record and _used(chapter, record, old)
            if used is None or not _copied(used, temporary, root, folder):
                say(f"{chapter.name}: its results are not at hand; left out")
                continue
            known = old["chapters"].get(chapter.name, {}).get("executed", {})
            kept = known if record.get("redrawn") else record
            executed = {name: kept.get(name) for name in DATED}
            found["chapters"][chapter.name] = {
                **{"executed": executed, "outputs": record["outputs"]},
                "results": used,
            }
        for path in sorted(temporary.rglob("*.npz")):
            name = path.relative_to(temporary).as_posix()
            found["files"][name] = hashlib.sha256(path.read_bytes()).hexdigest()
        text = json.dumps(found, indent=1, sort_keys=True)
        write_whole(temporary / MANIFEST, f"{text}\n".encode())
        archive = _zipped(temporary, root / "runs" / ARCHIVE)
        _replace(folder, temporary)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return archive


def _used(chapter: Chapter, record: dict[str, Any], old: Manifest) -> list[str] | None:
    """The results that a published copy rests on, if that is known."""
    listed = [old["chapters"].get(chapter.name, {})]
    with suppress(OSError, ValueError):
        listed.append(json.loads(_noted(chapter).read_text("utf8")))
    for entry in reversed(listed):
        used = entry.get("results")
        if used is not None and digest(used) == record.get("results"):
            return used
    return None


def _copied(used: list[str], target: Path, root: Path, folder: Path) -> bool:
    """Whether each result was found and put, compressed, into `target`."""
    for address in used:
        place = target / address[:2] / f"{address}.npz"
        kept = sorted((root / "runs/cache" / address[:2]).glob(f"{address}-*.npz"))
        old = folder / address[:2] / f"{address}.npz"
        if place.exists():
            continue
        if old.is_file():
            place.parent.mkdir(exist_ok=True)
            shutil.copyfile(old, place)
        elif kept:
            archives.write(place, archives.read(kept[-1]), small=True)
        else:
            return False
    return True


def _zipped(folder: Path, archive: Path) -> Path:
    """All files of a folder in one, written whole."""
    with tempfile.NamedTemporaryFile(dir=archive.parent, delete=False) as file:
        try:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as packed:
                for path in sorted(p for p in folder.rglob("*") if p.is_file()):
                    packed.write(path, path.relative_to(folder).as_posix())
            os.replace(file.name, archive)
        finally:
            Path(file.name).unlink(missing_ok=True)
    return archive


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HlnbError(f"Cannot write to {folder}: {error.strerror}.") from error
    return folder


def _replace(folder: Path, by: Path) -> None:
    """Puts a finished folder in the place of another."""
    by.chmod(0o755)  # mkdtemp makes it private
    old = by.with_name(f"{by.name}.old")
    if folder.exists():
        folder.rename(old)
    by.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def fetch(root: Path, place: str | None = None) -> Path:
    """The folder of the runs of record, brought from an address or a file and checked.

    `place`: where the archive is; default: what HLNB_RUNS names.
    """
    place = place or os.environ.get(VARIABLE, "")
    if not place:
        raise HlnbError(
            f"Name the archive: `hlnb runs fetch ADDRESS`, or set {VARIABLE} to it."
        )
    folder = root / "runs" / "record"
    temporary = Path(tempfile.mkdtemp(dir=_made(root / "runs"), prefix=".record."))
    try:
        archive = _downloaded(place, temporary) if _is_address(place) else Path(place)
        unpacked = temporary / "record"
        try:
            with zipfile.ZipFile(archive) as packed:
                for name in packed.namelist():
                    path = PurePosixPath(name)
                    if path.is_absolute() or ".." in path.parts:
                        raise HlnbError(f"{place} holds a file outside its folder.")
                packed.extractall(unpacked)
        except (OSError, zipfile.BadZipFile) as error:
            raise HlnbError(
                f"{place} is no archive of runs of record ({error})."
            ) from error
        if problems := list(_damage(unpacked)):
            raise HlnbError(f"{place} is damaged, nothing was changed: {problems[0]}")
        _replace(folder, unpacked)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


def _downloaded(address: str, folder: Path) -> Path:
    import pooch

    try:
        found = pooch.retrieve(
            address, known_hash=None, fname=ARCHIVE, path=folder, progressbar=True
        )
    except Exception as error:  # whatever the network does
        raise HlnbError(f"Cannot fetch {address}: {error}.") from error
    return Path(found)


def _damage(folder: Path) -> Iterator[str]:
    """What is missing or altered in a folder of runs of record."""
    for name, known in manifest(folder)["files"].items():
        path = folder / name
        if not path.is_file():
            yield f"{name} is missing."
        elif hashlib.sha256(path.read_bytes()).hexdigest() != known:
            yield f"{name} is not what its digest says."


def verify(root: Path) -> tuple[list[str], str]:
    """What is wrong with the runs of record, a sentence each; and what is there."""
    folder = home(root)
    found = manifest(folder)
    problems = list(_damage(folder))
    for chapter in chapters.load(root):
        entry = found["chapters"].get(chapter.name)
        record = ledger.provenance(ledger.executed_path(chapter)) or {}
        if entry is None:
            problems.append(f"{chapter.name}: no results; it cannot be redrawn.")
            continue
        if digest(entry["results"]) != record.get("results"):
            problems.append(f"{chapter.name}: its results are of another execution.")
        for address in entry["results"]:
            if f"{address[:2]}/{address}.npz" not in found["files"]:
                problems.append(f"{chapter.name}: the result {address} is not listed.")
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    results = len(found["files"])
    about = f"{results:,} results of {len(found['chapters'])} chapters"
    return problems, f"{folder}: {about}, {size / 1e6:.0f} MB"


def redrawn(chapter: Chapter, record: dict[str, Any]) -> dict[str, Any]:
    """The provenance of a chapter drawn again: what computed it, and what drew it.

    `record` is that of the drawing.
    """
    entry = manifest(home(chapter.root))["chapters"][chapter.name]
    drawing = {name: record[name] for name in ("date", "seconds", "cpu")}
    return record | entry["executed"] | {"redrawn": drawing}
