"""Runs of record: what the published chapters computed, so that they can be redrawn.

They are kept outside the repository: in the folder that HLNB_RUNS names, or else in
`runs/record`. There, `manifest.json` lists the results on which each chapter rests,
what computed them, and the digest of each file. An archive is that folder in one file.
"""

import hashlib
import json
import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from hlnb import settings
from hlnb.code import digest
from hlnb.errors import HlnbError
from hlnb.publishing import chapters, copies, places
from hlnb.publishing.chapters import Chapter
from hlnb.storage import write_whole

FORMAT = "hlnb runs 1"
MANIFEST, ARCHIVE = "manifest.json", "record.zip"
VARIABLE = "HLNB_RUNS"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the first date that a zip file knows
DATED = (  # of a provenance, what tells of the computation
    *("date", "seconds", "runs_kept", "python", "system"),
    *("cpu", "cores", "threads", "packages"),
)

Manifest = dict[str, Any]


def home(root: Path) -> Path:
    """The folder of the runs of record, whether they are there or not."""
    named = settings.variable(VARIABLE)
    if named and not _is_address(named):
        place = places.named(named)
        if not place.is_file():
            return place.resolve()
    return root / "runs" / "record"


def _is_address(place: str) -> bool:
    return re.match(r"[a-z][a-z0-9+.-]*://", place, re.IGNORECASE) is not None


def manifest(folder: Path) -> Manifest:
    """What a folder of runs of record says that it holds."""
    try:
        found = json.loads((folder / MANIFEST).read_text("utf8"))
        lists = [entry["results"] for entry in found["chapters"].values()]
        dates = [entry["executed"].items() for entry in found["chapters"].values()]
        words = [word for each in (*lists, found["files"].values()) for word in each]
        if found["format"] != FORMAT or not all(isinstance(w, str) for w in words):
            raise ValueError(found["format"], dates)
    except OSError:
        raise HlnbError(
            f"No runs of record in {folder}: `hlnb runs fetch ADDRESS` brings them, or "
            f"set {VARIABLE} to their folder. Without them nothing can be redrawn, and "
            "`hlnb run` executes a chapter."
        ) from None
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
    ) as error:
        raise HlnbError(
            f"{folder / MANIFEST} is no list of runs of record: delete it, or fetch "
            "them again."
        ) from error
    return found


def _file(address: str) -> str:
    """Where a result lies in a folder of runs of record."""
    return f"{address[:2]}/{address}.npz"


def _digest(path: Path) -> str | None:
    """The digest of a file; None if it cannot be read."""
    with suppress(OSError):
        return hashlib.sha256(path.read_bytes()).hexdigest()
    return None


def note(chapter: Chapter, used: list[str]) -> None:
    """Notes on which kept results the published copy of a chapter rests."""
    text = json.dumps({"results": used}, indent=1)
    write_whole(_noted(chapter), f"{text}\n".encode())


def _noted(chapter: Chapter) -> Path:
    return chapter.root / "runs" / "results" / f"{chapter.name}.json"


def pack(root: Path, *, say: Callable[[str], None] = print) -> Path:
    """The archive `runs/record.zip` of the published chapters' results.

    They come from this machine's store, and from the runs of record that are there
    already. Chapters of which a result is in neither are left out, and named.
    """
    source, folder = home(root), root / "runs" / "record"
    old: Manifest = {"chapters": {}, "files": {}}
    if (source / MANIFEST).is_file():
        old = manifest(source)
    temporary = Path(tempfile.mkdtemp(dir=_made(root / "runs"), prefix=".record."))
    try:
        found: Manifest = {"format": FORMAT, "chapters": {}, "files": {}}
        for chapter in chapters.sources(root):
            record = copies.provenance(copies.executed_path(chapter)) or {}
            used = _used(chapter, record, old)
            if used is None:
                say(f"{chapter.name}: on which results it rests is not known; left out")
                continue
            lacking = [
                address
                for address in used
                if not _copied(address, temporary, source, old)
                and not _stored(address, temporary, root, record)
            ]
            if lacking:
                count = f"{len(lacking)} of its {len(used)} results"
                say(f"{chapter.name}: {count} are not at hand; left out")
                continue
            executed = {name: record[name] for name in DATED if name in record}
            found["chapters"][chapter.name] = {"executed": executed, "results": used}
        wanted = {_file(a) for e in found["chapters"].values() for a in e["results"]}
        for path in sorted(temporary.rglob("*.npz")):
            name = path.relative_to(temporary).as_posix()
            if name in wanted:
                found["files"][name] = _digest(path)
            else:  # of a chapter that was left out
                path.unlink()
        text = json.dumps(found, indent=1)
        write_whole(temporary / MANIFEST, f"{text}\n".encode())
        archive = zipped(temporary, root / "runs" / ARCHIVE)
        _replace(folder, temporary)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return archive


def _used(chapter: Chapter, record: dict[str, Any], old: Manifest) -> list[str] | None:
    """The results that a published copy rests on, if that is known."""
    listed = [{"results": []}, old["chapters"].get(chapter.name, {})]
    with suppress(OSError, ValueError, RecursionError):
        listed.append(json.loads(_noted(chapter).read_text("utf8")))
    for entry in listed:
        used = entry.get("results") if isinstance(entry, dict) else None
        if isinstance(used, list) and digest(used) == record.get("results"):
            return used
    return None


def _copied(address: str, target: Path, source: Path, old: Manifest) -> bool:
    """Whether a result is in `target`, or could be copied from what was there."""
    name = _file(address)
    place = target / name
    if place.is_file():
        return True
    known = old["files"].get(name)
    if known is None or _digest(source / name) != known:
        return False
    place.parent.mkdir(exist_ok=True)
    shutil.copyfile(source / name, place)
    return True


def _stored(address: str, target: Path, root: Path, record: dict[str, Any]) -> bool:
    """Whether a result could be copied, compressed, from this machine's store.

    The store may hold it several times: what counts was computed with the packages
    that `record` names.
    """
    from hlnb import storage  # NumPy is slow to import

    folder = root / "runs" / "cache" / address[:2]
    for path in sorted(folder.glob(f"{address}-*.npz"), key=_age):
        with suppress(HlnbError, ValueError, KeyError):
            arrays = storage.read(path)
            on = json.loads(str(arrays["about"]))["computed on"]
            packages = record.get("packages", {}).items()
            if all(on.get(name, version) == version for name, version in packages):
                storage.write(target / _file(address), arrays, small=True)
                return True
    return False


def _age(path: Path) -> float:
    return -path.stat().st_mtime


def zipped(folder: Path, archive: Path) -> Path:
    """All files of a folder in one, written whole; equal files give equal bytes."""
    _made(archive.parent)
    made = archive.with_name(f".{archive.name}")
    try:
        with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as packed:
            for path in sorted(p for p in folder.rglob("*") if p.is_file()):
                name = path.relative_to(folder).as_posix()
                entry = zipfile.ZipInfo(name, EPOCH)
                entry.external_attr = 0o644 << 16
                packed.writestr(entry, path.read_bytes())
        os.replace(made, archive)
    except OSError as error:
        raise HlnbError(f"Cannot write {archive}: {error.strerror}.") from error
    finally:
        made.unlink(missing_ok=True)
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
    place = place or settings.variable(VARIABLE)
    folder = root / "runs" / "record"
    if not place:
        raise HlnbError(
            f"Name the archive: `hlnb runs fetch ADDRESS`, or set {VARIABLE} to it."
        )
    if home(root) != folder:
        raise HlnbError(
            f"{VARIABLE} names the folder {home(root)}, which is read as it is: unset "
            "it, or set it to the archive."
        )
    _refuse_odd(place)
    temporary = Path(tempfile.mkdtemp(dir=_made(root / "runs"), prefix=".record."))
    try:
        if _is_address(place):
            archive = _downloaded(place, temporary)
        else:
            archive = places.named(place)
        unpacked = temporary / "record"
        _unpack(archive, unpacked, place)
        try:
            problems = list(_damage(unpacked))
        except HlnbError:
            raise HlnbError(f"{place} is no archive of runs of record.") from None
        if problems:
            raise HlnbError(f"{place} is damaged, nothing was changed: {problems[0]}")
        _replace(folder, unpacked)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


def _refuse_odd(place: str) -> None:
    """An error if a place names neither a file nor an address on the web."""
    if not _is_address(place):
        path = places.named(place)
        if path.is_dir():
            raise HlnbError(
                f"{place} is a folder: name the archive in it, or, if the runs of "
                f"record lie in it unpacked, set {VARIABLE} to it and fetch nothing."
            )
        if not path.is_file():
            raise HlnbError(f"{place} is not there: name an archive or its address.")
        return
    try:
        scheme, host = urlsplit(place).scheme, urlsplit(place).hostname
    except ValueError:  # http://[
        scheme, host = "http", None
    if scheme not in ("http", "https"):
        raise HlnbError(
            f"{place} is not fetched, as only http and https are known: download the "
            "archive by other means, and name the file."
        )
    if not host or re.search(r"\s", place):
        raise HlnbError(
            f"{place} is no address of an archive: see whether it is whole."
        )


def _downloaded(address: str, folder: Path) -> Path:
    import pooch

    try:
        found = pooch.retrieve(
            address, known_hash=None, fname=ARCHIVE, path=folder, progressbar=True
        )
    except Exception as error:  # whatever the network does
        raise HlnbError(
            f"Cannot fetch {address} ({type(error).__name__}): "
            f"{settings.hindrance(error)}; check the address, too, or name the archive "
            "as a file."
        ) from error
    return Path(found)


def _unpack(archive: Path, folder: Path, place: str) -> None:
    """Unpacks an archive that came from `place`; no file may lie outside its folder."""
    try:
        with zipfile.ZipFile(archive) as packed:
            for name in packed.namelist():
                path = PurePosixPath(name)
                if path.is_absolute() or ".." in path.parts:
                    raise HlnbError(f"{place} holds a file outside of its folder.")
            packed.extractall(folder)
    except HlnbError:
        raise
    except Exception as error:  # a damaged archive may raise anything at all
        raise HlnbError(
            f"Cannot unpack {place} ({error}): it is damaged, or no archive of runs of "
            "record; name another."
        ) from error


def _damage(folder: Path) -> Iterator[str]:
    """What is missing or altered in a folder of runs of record."""
    for name, known in manifest(folder)["files"].items():
        if problem := _wrong(folder / name, known):
            yield f"{name} {problem}."


def _wrong(path: Path, known: str | None) -> str | None:
    """What is wrong with a file whose digest is known."""
    if known is None or not path.is_file():
        return "is missing"
    return None if _digest(path) == known else "is not what its digest says"


def verify(root: Path) -> tuple[list[str], str]:
    """What is wrong with the runs of record, a sentence each; and what is there."""
    folder = home(root)
    found = manifest(folder)
    problems = list(_damage(folder))
    known = {chapter.name: chapter for chapter in chapters.sources(root)}
    for name in sorted({*known, *found["chapters"]}):
        if name not in known:
            problems.append(f"{name} is no chapter of this book.")
        elif name not in found["chapters"]:
            problems.append(f"{name} has no results, so it cannot be redrawn.")
        else:
            results = found["chapters"][name]["results"]
            copy = copies.executed_path(known[name])
            if digest(results) != (copies.provenance(copy) or {}).get("results"):
                problems.append(f"{name}: its results are of another execution.")
            lacking = [a for a in results if _file(a) not in found["files"]]
            problems += [f"{name}: the result {a} is not listed." for a in lacking]
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    results = len(found["files"])
    about = f"{results:,} results of {len(found['chapters'])} chapters"
    return problems, f"{folder}: {about}, {size / 1e6:.0f} MB"


def refusal(chapter: Chapter, found: Manifest) -> str | None:
    """Why a chapter can't be redrawn from runs of record that hold `found`, if so."""
    name, folder = chapter.name, home(chapter.root)
    if name not in found["chapters"]:
        return f"{name} has no runs of record; `hlnb run {name}` executes it."
    for address in found["chapters"][name]["results"]:
        file = _file(address)
        if problem := _wrong(folder / file, found["files"].get(file)):
            return f"{folder / file} {problem}: fetch or pack the runs of record again."
    return None


def redrawn(chapter: Chapter, record: dict[str, Any]) -> dict[str, Any]:
    """The provenance of a chapter drawn again: what computed it, and what drew it.

    `record` is that of the drawing.
    """
    entry = manifest(home(chapter.root))["chapters"][chapter.name]
    drawing = {name: record[name] for name in ("date", "seconds", "cpu")}
    return record | entry["executed"] | {"redrawn": drawing}
