"""CIFAR-10 from the official binary archive: found, fetched, verified, read.

Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009. The data are
looked for in the folder that the environment variable `HLNB_DATA` names or, when it is
not set, in the user's cache. That folder holds `cifar-10-batches-bin/`, the six files
of it, or the archive. Records are one label byte and 3072 pixel bytes; nothing is
unpickled.
"""

import contextlib
import functools
import hashlib
import json
import os
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pooch
from jaxtyping import UInt8

from hlnb.errors import HlnbError
from hlnb.settings import hindrance, place, variable
from hlnb.storage import write_whole

CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
FOLDER = "cifar-10-batches-bin"
ARCHIVE = "cifar-10-binary.tar.gz"
LOCK = f".{ARCHIVE}.lock"  # held while the archive is fetched; stays behind, empty
TRAIN_FILES = tuple(f"data_batch_{k}.bin" for k in range(1, 6))
FILES = (*TRAIN_FILES, "test_batch.bin")
# The version for Python, as distributed, as torchvision keeps it, and its own files
PYTHON = ("cifar-10-python.tar.gz", "cifar-10-batches-py", "batches.meta")
_RECORD = 1 + 3 * 32 * 32  # bytes
_BLOCK = 1 << 14  # bytes written at a time; a dropped connection loses less than that


@dataclass(frozen=True)
class Archive:
    """The archive: its address, its checksum and the number of records in a file."""

    url: str
    md5: str
    records_per_file: int


OFFICIAL = Archive(
    url=f"https://www.cs.toronto.edu/~kriz/{ARCHIVE}",
    md5="c32a1d4ab5d03f1284b67883e8d87530",
    records_per_file=10_000,
)


@dataclass(frozen=True)
class Provenance:
    """What the data are; `sha256` is the digest of the six files, concatenated."""

    name: str
    sha256: str
    note: str
    official: bool


class Records(NamedTuple):
    """Images (red, green, blue planes) and labels, in the order of the files."""

    train_images: UInt8[np.ndarray, "n_train 3 32 32"]
    train_labels: UInt8[np.ndarray, " n_train"]
    test_images: UInt8[np.ndarray, "n_test 3 32 32"]
    test_labels: UInt8[np.ndarray, " n_test"]


def path(*, archive: Archive = OFFICIAL) -> Path:
    """The folder of the six files; an archive found beside it is unpacked first.

    Refuses missing data, a damaged archive, and a folder that it cannot write to.
    """
    root = _root()
    if folder := _unpacked(root):
        return folder
    if (root / ARCHIVE).is_file():
        return _unpack(root, archive)
    raise HlnbError(f"CIFAR-10 is missing: {_missing(root)}, or pass `dataset=shapes`.")


def _unpacked(root: Path) -> Path | None:
    """Where the six files lie: in their folder, or in `root` itself."""
    if (root / FOLDER).is_dir():
        return root / FOLDER
    return root if all((root / name).is_file() for name in FILES) else None


def _missing(root: Path) -> str:
    """What was found in place of the files, and what to do."""
    named = variable("HLNB_DATA")
    where = f"{root}, which HLNB_DATA names" if named else f"the cache {root}"
    if root.exists() and not root.is_dir():
        return f"{where}, is a file; set HLNB_DATA to the folder that it is in"
    for name in PYTHON:
        if (root / name).exists():
            return (
                f"{name} in {where}, is the version for Python, whose pickles are not "
                "read; run `hlnb data fetch` for the binary one (170 MB)"
            )
    put = "there" if named else "into a folder and set HLNB_DATA to it"
    return (
        f"neither {FOLDER}/ nor {ARCHIVE} is in {where}; run `hlnb data fetch` "
        f"(170 MB), put the files {put}"
    )


def fetch(*, archive: Archive = OFFICIAL) -> Path:
    """The folder of the six files, downloaded unless they are there.

    They go where `path` looks. After a broken connection the next call resumes the
    download. The archive is kept, so that an altered folder can be deleted and unpacked
    again. Refuses what `verify` refuses, and says whether the connection, a proxy,
    certificates or the disk is at fault.
    """
    root = _root()
    if root.exists() and not root.is_dir():
        raise HlnbError(f"CIFAR-10 has no place: {_missing(root)}.")
    if not _unpacked(root):
        with _alone(root):
            if not _unpacked(root):  # else another process was here first
                _download(root, archive)
                _unpack(root, archive)
    verify(archive=archive)
    return path(archive=archive)


def verify(*, archive: Archive = OFFICIAL) -> Provenance:
    """The provenance of the files, after a check of sizes, labels and checksums.

    Files that did not change since the last call in this process are not read again.
    Refuses files of the wrong size, labels above 9, and files that differ from those of
    the archive that they were unpacked from.
    """
    folder = path(archive=archive)
    stats = ((file.name, file.stat()) for file in sorted(folder.iterdir()))
    stamps = tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in stats)
    return _verify(folder, archive, stamps)


def load(folder: Path, *, archive: Archive = OFFICIAL) -> Records:
    """The images and labels of the files in `folder`.

    Refuses files of the wrong size and labels above 9; checksums are left to `verify`.
    """
    n = archive.records_per_file
    images = np.empty((len(FILES) * n, 3, 32, 32), np.uint8)
    labels = np.empty(len(FILES) * n, np.uint8)
    for k, name in enumerate(FILES):
        records = _records(folder / name, n)
        labels[k * n : (k + 1) * n] = records[:, 0]
        images[k * n : (k + 1) * n] = records[:, 1:].reshape(n, 3, 32, 32)
    n_train = len(TRAIN_FILES) * n
    return Records(
        images[:n_train], labels[:n_train], images[n_train:], labels[n_train:]
    )


def _root() -> Path:
    if named := variable("HLNB_DATA"):
        return place(named)
    try:
        return place(pooch.os_cache("hlnb"))
    except HlnbError:  # no home, so no cache
        raise HlnbError(
            "CIFAR-10 has no place: HOME is not set, so set HLNB_DATA to a folder."
        ) from None


def _records(file: Path, n: int) -> UInt8[np.ndarray, "n 3073"]:
    mend = f"delete the folder {file.parent} and run `hlnb data fetch`."
    try:
        found = file.stat().st_size
        if found != n * _RECORD:
            raise HlnbError(
                f"{file} is {found} bytes long instead of {n * _RECORD}, so it was "
                f"truncated or altered: {mend}"
            )
        records = np.fromfile(file, np.uint8).reshape(n, _RECORD)
    except OSError as error:
        raise HlnbError(f"Cannot read {file} ({error.strerror}): {mend}") from error
    if (highest := records[:, 0].max()) >= len(CLASSES):
        raise HlnbError(
            f"{file} holds the label {highest} where 9 is the highest, so it was "
            f"altered: {mend}"
        )
    return records


@functools.lru_cache(maxsize=1)
def _verify(folder: Path, archive: Archive, stamps: tuple) -> Provenance:
    recorded = _recorded(folder, archive)
    whole = hashlib.sha256()
    for name in FILES:
        records = _records(folder / name, archive.records_per_file)
        whole.update(records.data)
        if recorded and hashlib.sha256(records.data).hexdigest() != recorded.get(name):
            raise HlnbError(
                f"{folder / name} is not what the official archive held (its sha256 is "
                f"not the one in PROVENANCE.json): delete the folder {folder} and run "
                "`hlnb data fetch`."
            )
    note = "the official archive"
    if not recorded:
        note = "loose files, which came from no archive whose checksum was verified"
        if (file := folder / "NOTE.txt").is_file():
            note += ". " + " ".join(file.read_text("utf-8", errors="replace").split())
    return Provenance("CIFAR-10", whole.hexdigest(), note, official=bool(recorded))


def _recorded(folder: Path, archive: Archive) -> dict[str, str]:
    """The sha256 of each file as it was unpacked; empty for loose files."""
    file = folder / "PROVENANCE.json"
    if not file.is_file():
        return {}
    try:
        record = json.loads(file.read_bytes())
        if record["md5"] == archive.md5 and set(record["files"]) == set(FILES):
            return record["files"]
    except (ValueError, KeyError, TypeError):
        pass  # the error below covers all of these
    raise HlnbError(
        f"{file} is not the record that unpacking the official archive writes: delete "
        f"the folder {folder} and run `hlnb data fetch`."
    )


def _unpack(root: Path, archive: Archive) -> Path:
    """The folder with the archive's files, which appears whole or not at all."""
    source, folder = root / ARCHIVE, root / FOLDER
    try:
        _check_md5(source, archive)
        temporary = Path(tempfile.mkdtemp(dir=root, prefix=f".{FOLDER}."))
        try:
            _extract(source, temporary, archive.md5)
            temporary.chmod(0o755)  # mkdtemp makes it private
            temporary.rename(folder)
        finally:
            # After success, delete what killed runs left behind. A process that
            # unpacks at the same time then fails, and finds this folder (below).
            for left in root.glob(f".{FOLDER}.*") if folder.is_dir() else [temporary]:
                shutil.rmtree(left, ignore_errors=True)
    except OSError as error:
        if not folder.is_dir():
            raise HlnbError(
                f"Cannot unpack {source} into {root} ({error.strerror}): make room or "
                "make the folder writable, then run it again."
            ) from error
    return folder


def _check_md5(source: Path, archive: Archive) -> None:
    if (found := pooch.file_hash(str(source), alg="md5")) != archive.md5:
        raise HlnbError(
            f"{source} is truncated or altered (md5 {found} instead of {archive.md5}), "
            "so nothing of it was used: delete it and run `hlnb data fetch`."
        )


def _extract(source: Path, target: Path, md5: str) -> None:
    digests = {}
    with tarfile.open(source) as tar:
        for member in tar:  # in the archive's order: seeking back decompresses it again
            folder, _, name = member.name.partition("/")
            content = tar.extractfile(member) if member.isfile() else None
            if folder != FOLDER or name not in FILES or content is None:
                continue  # so no path comes from the archive
            data = content.read()
            (target / name).write_bytes(data)
            digests[name] = hashlib.sha256(data).hexdigest()
    record = {"source": "official archive", "md5": md5, "files": digests}
    text = json.dumps(record, indent=2) + "\n"
    write_whole(target / "PROVENANCE.json", text.encode())


@contextlib.contextmanager
def _alone(root: Path) -> Iterator[None]:
    """One process at a time in this block; the others wait, and say so."""
    from filelock import FileLock, Timeout  # not needed for reading

    lock = FileLock(root / LOCK)
    try:
        root.mkdir(parents=True, exist_ok=True)
        (root / LOCK).touch()  # where no file can be, filelock would wait for ever
        try:
            lock.acquire(timeout=0)
        except Timeout:
            print("Another process fetches CIFAR-10: waiting for it.", file=sys.stderr)
            lock.acquire()
    except OSError as error:
        raise _cannot_write(root, error) from error
    try:
        yield
    finally:
        lock.release()


def _cannot_write(root: Path, error: OSError) -> HlnbError:
    return HlnbError(
        f"Cannot write {ARCHIVE} into {root} ({error.strerror or error}): make room, "
        "or set HLNB_DATA to another folder."
    )


def _download(root: Path, archive: Archive) -> None:
    """Downloads the archive to `root` and checks its md5."""
    import requests  # slow to import, and not needed for reading

    part = root / f"{ARCHIVE}.part"
    try:
        pooch.retrieve(
            archive.url,
            known_hash=f"md5:{archive.md5}",
            fname=ARCHIVE,
            path=root,
            downloader=functools.partial(_resume, part=part),
        )
    except requests.RequestException as error:
        kept = part.stat().st_size / 1e6 if part.is_file() else 0
        raise HlnbError(
            f"Cannot download {archive.url} ({type(error).__name__}; {kept:.1f} MB so "
            f"far are kept): {hindrance(error)}; run `hlnb data fetch` again, or put "
            f"{ARCHIVE} into {root}."
        ) from error
    except OSError as error:
        if error.errno is None:  # of no file: requests looked for its certificates
            raise HlnbError(
                f"Cannot download {archive.url} ({error}): {hindrance(error)}."
            ) from error
        raise _cannot_write(root, error) from error
    except ValueError as error:  # pooch: the checksum
        raise HlnbError(
            f"What {archive.url} sent has not the md5 {archive.md5} and was thrown "
            f"away: run `hlnb data fetch` again, or put {ARCHIVE} into {root}."
        ) from error


def _resume(url: str, output_file: str, _pooch: object, *, part: Path) -> None:
    """Downloads `url` to `output_file`, resuming `part`; a downloader for pooch.

    `part` is renamed to `output_file` once it is complete.
    """
    import requests
    from tqdm import tqdm

    part.touch()
    have = part.stat().st_size
    # Identity: a gzip file must arrive as it is. `bytes=0-` is the whole file.
    headers = {"Accept-Encoding": "identity", "Range": f"bytes={have}-"}
    with requests.get(url, headers=headers, stream=True, timeout=30) as response:
        if response.status_code != 416:  # nothing is left to send
            response.raise_for_status()
            if response.status_code != 206:  # no ranges here: start over
                have = 0
            rest = int(response.headers.get("Content-Length", 0))
            bar = tqdm(
                total=have + rest or None,
                initial=have,
                unit="B",
                unit_scale=True,
                disable=not sys.stderr.isatty(),
            )
            with part.open("r+b") as file, bar:
                file.truncate(have)
                file.seek(have)
                for block in response.iter_content(_BLOCK):
                    file.write(block)
                    bar.update(len(block))
    os.replace(part, output_file)
