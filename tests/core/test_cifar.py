"""CIFAR-10 found, fetched, unpacked, verified and read, on tiny archives made here."""

import contextlib
import errno
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import requests

from hlnb import settings
from hlnb.data import cifar
from hlnb.errors import HlnbError

KEPT = 3 * 2**14  # bytes: whole blocks
N = 7  # records a file; an archive of incompressible bytes has about 120 kB
NOWHERE = "http://127.0.0.1:9/cifar-10-binary.tar.gz"  # port 9 discards


@pytest.fixture
def files():
    """The bytes of the six files by name."""
    rng = np.random.default_rng(0)
    records = rng.integers(256, size=(6, N, 3073), dtype=np.uint8)
    records[:, :, 0] %= 10
    return {
        name: part.tobytes() for name, part in zip(cifar.FILES, records, strict=True)
    }


@pytest.fixture
def root(tmp_path, monkeypatch):
    """An empty folder that HLNB_DATA names."""
    monkeypatch.setenv("HLNB_DATA", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The user's cache, not there yet, with HLNB_DATA unset."""
    monkeypatch.delenv("HLNB_DATA", raising=False)
    monkeypatch.setattr(cifar.pooch, "os_cache", tmp_path.joinpath)
    return tmp_path / "hlnb"


def packed(files: dict[str, bytes]) -> tuple[bytes, cifar.Archive]:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    data = buffer.getvalue()
    return data, cifar.Archive(NOWHERE, hashlib.md5(data).hexdigest(), N)


def put_archive(root: Path, files: dict[str, bytes]) -> cifar.Archive:
    data, archive = packed(files)
    (root / cifar.ARCHIVE).write_bytes(data)
    return archive


def put_loose(root: Path, files: dict[str, bytes]) -> cifar.Archive:
    (root / cifar.FOLDER).mkdir()
    for name, data in files.items():
        (root / cifar.FOLDER / name).write_bytes(data)
    return packed(files)[1]


def refuses(*parts: str):
    """Expect an HlnbError, one sentence, with these parts in this order."""
    return pytest.raises(HlnbError, match=".*".join(map(re.escape, parts)))


# Where the data are looked for


def test_missing_where_hlnb_data_points(root):
    with refuses("neither", str(root), "HLNB_DATA names", "`hlnb data fetch` (170 MB)"):
        cifar.path()


def test_missing_in_the_cache(cache):
    with refuses(f"the cache {cache};", "set HLNB_DATA", "pass `dataset=shapes`."):
        cifar.path()
    assert not cache.exists()


def test_hlnb_data_is_not_replaced_by_the_cache(cache, files, monkeypatch, tmp_path):
    cache.mkdir()
    archive = put_loose(cache, files)
    assert cifar.path(archive=archive) == cache / cifar.FOLDER
    monkeypatch.setenv("HLNB_DATA", str(tmp_path / "typo"))
    with refuses("CIFAR-10 is missing", "typo"):
        cifar.path(archive=archive)


def test_reading_needs_no_torch():
    code = "import sys, hlnb.data.cifar; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


# Unpacking


def test_archive_is_unpacked_and_recorded(root, files):
    archive = put_archive(root, files)
    folder = cifar.path(archive=archive)
    assert folder == root / cifar.FOLDER
    for name, data in files.items():
        assert (folder / name).read_bytes() == data
    assert json.loads((folder / "PROVENANCE.json").read_text()) == {
        "source": "official archive",
        "md5": archive.md5,
        "files": {n: hashlib.sha256(data).hexdigest() for n, data in files.items()},
    }
    assert cifar.verify(archive=archive) == cifar.Provenance(
        name="CIFAR-10",
        sha256=hashlib.sha256(b"".join(files.values())).hexdigest(),
        note="the official archive",
        official=True,
    )


@pytest.mark.parametrize("harm", ["truncated", "altered"])
def test_harmed_archive_is_not_used(root, files, harm):
    archive = put_archive(root, files)
    file = root / cifar.ARCHIVE
    data = bytearray(file.read_bytes())
    if harm == "truncated":
        del data[len(data) // 2 :]
    else:
        data[len(data) // 2] ^= 1
    file.write_bytes(data)
    found = hashlib.md5(data).hexdigest()
    with refuses(str(file), f"md5 {found} instead of {archive.md5}", "delete it and"):
        cifar.path(archive=archive)
    assert list(root.iterdir()) == [file]


def test_other_members_are_not_unpacked(root, files):
    archive = put_archive(root, {**files, "../../evil": b"!", "readme.html": b"?"})
    folder = cifar.path(archive=archive)
    found = {file.name for file in folder.iterdir()}
    assert found == {*cifar.FILES, "PROVENANCE.json"}
    assert {f.name for f in root.iterdir()} == {cifar.FOLDER, cifar.ARCHIVE}
    assert not (root.parent / "evil").exists()


def test_full_disk_leaves_nothing(root, files, monkeypatch):
    archive = put_archive(root, files)

    def write_bytes(path, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", write_bytes)
        with refuses("Cannot unpack", "(No space left on device)", "make room"):
            cifar.path(archive=archive)
    assert list(root.iterdir()) == [root / cifar.ARCHIVE]
    assert cifar.verify(archive=archive).official


def test_killed_unpacking_is_begun_anew(root, files):
    archive = put_archive(root, files)
    code = (
        "import os; from hlnb.data import cifar\n"
        "cifar.write_whole = lambda *_: os._exit(9)\n"
        f"cifar.path(archive=cifar.{archive!r})"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    assert len(list(root.iterdir())) == 2  # the archive, and what the kill left
    assert not (root / cifar.FOLDER).exists()
    assert cifar.verify(archive=archive).official
    assert {f.name for f in root.iterdir()} == {cifar.FOLDER, cifar.ARCHIVE}


def test_two_unpack_at_once(root, files, monkeypatch):
    archive = put_archive(root, files)
    extract = cifar._extract

    def overtaken(*args):
        monkeypatch.setattr(cifar, "_extract", extract)
        cifar.path(archive=archive)  # the other one, which is faster
        extract(*args)

    monkeypatch.setattr(cifar, "_extract", overtaken)
    cifar.path(archive=archive)
    assert cifar.verify(archive=archive).official
    assert {f.name for f in root.iterdir()} == {cifar.FOLDER, cifar.ARCHIVE}


# Verifying and reading


def test_loose_files_say_so(root, files):
    archive = put_loose(root, files)
    found = cifar.verify(archive=archive)
    assert found.sha256 == hashlib.sha256(b"".join(files.values())).hexdigest()
    assert found.note == (
        "loose files, which came from no archive whose checksum was verified"
    )
    assert not found.official


def test_note_beside_loose_files_is_told(root, files):
    archive = put_loose(root, files)
    (root / cifar.FOLDER / "NOTE.txt").write_text("Compressed\nanew.\n")
    note = cifar.verify(archive=archive).note
    assert note.endswith("whose checksum was verified. Compressed anew.")


def test_files_are_read_in_order(root, files):
    archive = put_loose(root, files)
    data = cifar.load(cifar.path(archive=archive), archive=archive)
    assert data.train_images.shape == (5 * N, 3, 32, 32)
    assert data.test_images.shape == (N, 3, 32, 32)
    images = np.concatenate([data.train_images, data.test_images])
    labels = np.concatenate([data.train_labels, data.test_labels])
    records = np.column_stack([labels, images.reshape(-1, 3072)])
    assert records.tobytes() == b"".join(files.values())


def test_planes_are_red_green_blue_and_rows(root, files):
    """One record by hand: red counts columns, green counts rows, blue is full."""
    rows, columns = np.mgrid[:32, :32].astype(np.uint8)
    record = bytes([3, *columns.ravel(), *rows.ravel(), *[255] * 1024])
    files["test_batch.bin"] = record * N
    archive = put_loose(root, files)
    data = cifar.load(cifar.path(archive=archive), archive=archive)
    assert data.test_labels.tolist() == [3] * N
    assert data.test_images[1, :, 5, 8].tolist() == [8, 5, 255]


@pytest.mark.parametrize(
    "read",
    [
        lambda archive: cifar.verify(archive=archive),
        lambda archive: cifar.load(cifar.path(archive=archive), archive=archive),
    ],
    ids=["verify", "load"],
)
@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (
            lambda file: file.write_bytes(file.read_bytes()[:-9]),
            "21502 bytes long instead of 21511",
        ),
        (lambda file: file.write_bytes(b"\xc8" + file.read_bytes()[1:]), "label 200"),
        (lambda file: file.unlink(), "Cannot read"),
    ],
)
def test_harmed_files_are_refused(root, files, read, harm, message):
    archive = put_loose(root, files)
    file = root / cifar.FOLDER / "data_batch_4.bin"
    harm(file)
    with pytest.raises(HlnbError, match=message) as caught:
        read(archive)
    assert str(file) in str(caught.value)
    mend = f"delete the folder {root / cifar.FOLDER} and run `hlnb data fetch`."
    assert str(caught.value).endswith(mend)


def test_altered_pixel_is_found_by_the_recorded_checksum(root, files):
    archive = put_archive(root, files)
    assert cifar.verify(archive=archive).official
    file = root / cifar.FOLDER / "test_batch.bin"
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    with refuses(str(file), "not what the official archive held", "delete the folder"):
        cifar.verify(archive=archive)


@pytest.mark.parametrize("text", ["{", "[]", '{"md5": "?", "files": {}}', "{}"])
def test_other_provenance_is_refused(root, files, text):
    archive = put_loose(root, files)
    (root / cifar.FOLDER / "PROVENANCE.json").write_text(text)
    with refuses("PROVENANCE.json is not the record", "delete the folder"):
        cifar.verify(archive=archive)


def test_record_of_another_archive_is_refused(root, files):
    archive = put_archive(root, files)
    file = cifar.path(archive=archive) / "PROVENANCE.json"
    file.write_text(file.read_text().replace(archive.md5, "0" * 32))
    with refuses("PROVENANCE.json is not the record"):
        cifar.verify(archive=archive)


def test_unchanged_files_are_verified_once(root, files, monkeypatch):
    archive = put_loose(root, files)
    read = []
    fromfile = np.fromfile

    def counted(file, dtype):
        read.append(file)
        return fromfile(file, dtype)

    monkeypatch.setattr(np, "fromfile", counted)
    first = cifar.verify(archive=archive)
    assert cifar.verify(archive=archive) == first
    assert len(read) == 6
    (root / cifar.FOLDER / "test_batch.bin").write_bytes(files["data_batch_1.bin"])
    assert cifar.verify(archive=archive) != first
    assert len(read) == 12


# Fetching


def there(folder):
    """Names of what lies in the folder, but for the lock."""
    return {file.name for file in folder.iterdir()} - {cifar.LOCK}


@pytest.fixture
def server(files, monkeypatch):
    """A server of the archive, on 127.0.0.1, that can misbehave.

    drop: send so many bytes and close the connection; ranges: heed Range requests;
    log: the Range header and the bytes sent of each request; gate: a barrier that
    requests pass together, or alone after 5 s.
    """
    data, archive = packed(files)
    state = SimpleNamespace(data=data, ranges=True, drop=None, status=None, log=[])
    state.gate = None

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            if state.gate is not None:
                with contextlib.suppress(threading.BrokenBarrierError):
                    state.gate.wait(5)
            start = int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
            if not state.ranges:
                start = 0
            body = state.data[start:]
            if state.status is None:
                status = 206 if state.ranges else 200
                self.send_response(status if body else 416)
            else:
                self.send_response(state.status)
            self.send_header("Content-Length", str(len(body)))
            if "gzip" in self.headers["Accept-Encoding"]:  # then clients unpack it
                self.send_header("Content-Encoding", "gzip")
            self.end_headers()
            self.wfile.write(body[: state.drop])
            state.log.append((self.headers["Range"], len(body[: state.drop])))

        def log_message(self, *args):
            pass

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        url = f"http://127.0.0.1:{http.server_port}/{cifar.ARCHIVE}"
        state.archive = cifar.Archive(url, archive.md5, N)
        yield state
        http.shutdown()
        thread.join()


def test_fetch_into_the_cache(cache, server):
    folder = cifar.fetch(archive=server.archive)
    assert folder == cache / cifar.FOLDER == cifar.path(archive=server.archive)
    assert cifar.verify(archive=server.archive).official
    assert there(cache) == {cifar.FOLDER, cifar.ARCHIVE}
    cifar.fetch(archive=server.archive)
    assert len(server.log) == 1  # the second time it is there


def test_fetch_into_hlnb_data(root, server):
    assert cifar.fetch(archive=server.archive) == root / cifar.FOLDER


def test_dropped_connection_is_resumed(cache, server):
    size, server.drop = len(server.data), KEPT + 99
    with refuses("Cannot download", "0.0 MB so far are kept", "fetch` again"):
        cifar.fetch(archive=server.archive)
    assert there(cache) == {f"{cifar.ARCHIVE}.part"}
    server.drop = None
    cifar.fetch(archive=server.archive)
    assert server.log == [
        ("bytes=0-", KEPT + 99),
        (f"bytes={KEPT}-", size - KEPT),
    ]
    assert cifar.verify(archive=server.archive).official


def test_server_without_ranges_starts_again(cache, server):
    server.ranges, server.drop = False, KEPT + 99
    with refuses("Cannot download"):
        cifar.fetch(archive=server.archive)
    server.drop = None
    cifar.fetch(archive=server.archive)
    assert server.log[1] == (f"bytes={KEPT}-", len(server.data))
    assert cifar.verify(archive=server.archive).official


def test_server_without_ranges_starts_again_after_too_much(cache, server):
    server.ranges = False
    cache.mkdir()
    (cache / f"{cifar.ARCHIVE}.part").write_bytes(server.data + b"?")
    cifar.fetch(archive=server.archive)
    assert cifar.verify(archive=server.archive).official


def test_whole_part_of_a_killed_run_is_used(cache, server):
    cache.mkdir()
    (cache / f"{cifar.ARCHIVE}.part").write_bytes(server.data)
    cifar.fetch(archive=server.archive)
    assert server.log == [(f"bytes={len(server.data)}-", 0)]


def test_wrong_file_is_thrown_away(cache, server):
    server.data = b"?" + server.data[1:]
    with refuses("has not the md5", server.archive.md5, "was thrown away"):
        cifar.fetch(archive=server.archive)
    assert there(cache) == set()


def test_server_s_refusal_is_told(cache, server):
    server.status = 404
    with refuses("Cannot download", server.archive.url, "HTTPError"):
        cifar.fetch(archive=server.archive)


def test_altered_archive_is_fetched_anew(cache, server):
    cache.mkdir()
    (cache / cifar.ARCHIVE).write_bytes(b"?")
    cifar.fetch(archive=server.archive)
    assert cifar.verify(archive=server.archive).official


def test_offline_is_one_sentence_and_keeps_the_part(cache, files, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    cache.mkdir()
    (cache / f"{cifar.ARCHIVE}.part").write_bytes(bytes(2_000_000))
    with refuses(
        "Cannot download", NOWHERE, "ConnectionError; 2.0 MB", f"put {cifar.ARCHIVE}"
    ):
        cifar.fetch(archive=packed(files)[1])
    assert there(cache) == {f"{cifar.ARCHIVE}.part"}


def test_archive_without_a_connection_is_enough(root, files):
    archive = put_archive(root, files)
    assert cifar.fetch(archive=archive) == root / cifar.FOLDER


def test_folder_that_cannot_be_written(tmp_path, monkeypatch, server):
    (tmp_path / "file").touch()
    monkeypatch.setenv("HLNB_DATA", str(tmp_path / "file" / "data"))
    with refuses(f"Cannot write {cifar.ARCHIVE} into", "set HLNB_DATA to another"):
        cifar.fetch(archive=server.archive)


FETCH = """
import functools, resource, sys
from hlnb import settings
from hlnb.data import cifar
from hlnb.publishing.cli import main

if {limit}:
    resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, resource.RLIM_INFINITY))
cifar.fetch = functools.partial(cifar.fetch, archive=cifar.{archive!r})
sys.exit(main(["data", "fetch"]))
"""


def fetching(root, archive, *, limit=0):
    """`hlnb data fetch` in a process of its own; `limit`: bytes a file may have."""
    return subprocess.Popen(
        [sys.executable, "-c", FETCH.format(archive=archive, limit=limit)],
        env={**os.environ, "HLNB_DATA": str(root), "NO_PROXY": "127.0.0.1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_full_disk_in_mid_download_keeps_what_came(root, server):
    """A real refusal of the system: no file may grow beyond `limit`."""
    process = fetching(root, server.archive, limit=KEPT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 1
    last = told.splitlines()[-1]  # above it: what is being downloaded
    assert f"Cannot write {cifar.ARCHIVE} into {root} (File too large): make" in last
    assert "Traceback" not in told
    part = root / f"{cifar.ARCHIVE}.part"
    assert part.read_bytes() == server.data[: part.stat().st_size]
    assert 0 < part.stat().st_size <= KEPT
    process = fetching(root, server.archive)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 0, printed
    assert server.log[1][0] == f"bytes={server.log[1][0][6:]}"
    assert sum(sent for _, sent in server.log[1:]) < len(server.data)
    assert cifar.verify(archive=server.archive).official


def test_two_processes_fetch_at_once(root, server):
    """Both are answered 0; the folder is whole and nothing else is left."""
    server.gate = threading.Barrier(2)  # without a lock both would pass it
    both = [fetching(root, server.archive) for _ in range(2)]
    told = [process.communicate(timeout=60)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    assert cifar.verify(archive=server.archive).official
    assert there(root) == {cifar.FOLDER, cifar.ARCHIVE}
    assert "Another process fetches CIFAR-10: waiting for it." in "".join(told)


@contextlib.contextmanager
def read_only(folder):
    """No permission to write into the folder, for root neither."""
    folder.chmod(0o555)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)


@pytest.fixture
def shared(monkeypatch):
    """A folder that any user can enter, which HLNB_DATA names."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        monkeypatch.setenv("HLNB_DATA", name)
        yield folder


def test_read_only_cache_is_enough_for_reading(shared, files):
    archive = put_archive(shared, files)
    cifar.path(archive=archive)
    with read_only(shared):
        assert cifar.verify(archive=archive).official
        assert cifar.fetch(archive=archive) == shared / cifar.FOLDER
        assert len(cifar.load(cifar.path(archive=archive), archive=archive)[0]) == 5 * N


def test_read_only_cache_can_not_be_filled(shared, files, server):
    with read_only(shared), refuses("Cannot write", "make room, or set HLNB_DATA"):
        cifar.fetch(archive=server.archive)
    assert there(shared) == set()
    archive = put_archive(shared, files)
    with read_only(shared), refuses("Cannot unpack", "(Permission denied)"):
        cifar.path(archive=archive)
    assert there(shared) == {cifar.ARCHIVE}


def test_fetch_checks_what_is_there(root, files):
    archive = put_loose(root, files)
    (root / cifar.FOLDER / "test_batch.bin").unlink()
    with refuses("Cannot read", "test_batch.bin"):
        cifar.fetch(archive=archive)


# Other layouts, other places


def test_the_inner_folder_is_accepted(root, files, monkeypatch):
    archive = put_loose(root, files)
    monkeypatch.setenv("HLNB_DATA", str(root / cifar.FOLDER))
    assert cifar.path(archive=archive) == root / cifar.FOLDER
    assert cifar.fetch(archive=archive) == root / cifar.FOLDER
    assert not cifar.verify(archive=archive).official


@pytest.mark.parametrize("name", cifar.PYTHON)
def test_the_version_for_python_is_named(root, name):
    """As distributed, as torchvision unpacks it, and its own folder."""
    (root / name).touch()
    with refuses(f"{name} in {root}", "is the version for Python", "`hlnb data fetch`"):
        cifar.path()


def test_an_archive_beside_the_version_for_python_is_used(root, files):
    (root / "cifar-10-batches-py").mkdir()
    archive = put_archive(root, files)
    assert cifar.path(archive=archive) == root / cifar.FOLDER


def test_a_file_is_no_folder(root, monkeypatch):
    (root / cifar.ARCHIVE).touch()
    monkeypatch.setenv("HLNB_DATA", str(root / cifar.ARCHIVE))
    for read in (cifar.path, cifar.fetch, cifar.verify):
        with refuses("which HLNB_DATA names, is a file; set HLNB_DATA to the folder"):
            read()
    monkeypatch.setenv("HLNB_DATA", "/dev/null")
    for read in (cifar.path, cifar.fetch):
        with refuses("/dev/null, which HLNB_DATA names, is a file; set HLNB_DATA to"):
            read()


def test_a_folder_that_takes_no_file_is_not_waited_for(root, monkeypatch):
    monkeypatch.setenv("HLNB_DATA", "/proc")
    with refuses("Cannot write", "into /proc", "set HLNB_DATA to another folder"):
        cifar.fetch()


def test_the_place_counts_from_where_the_user_stands(root, files, monkeypatch):
    archive = put_loose(root, files)
    monkeypatch.setenv("HLNB_DATA", root.name)
    monkeypatch.chdir(root.parent)
    assert cifar.path(archive=archive) == root / cifar.FOLDER
    monkeypatch.chdir("/")
    monkeypatch.setenv("HLNB_FROM", str(root.parent))
    assert cifar.path(archive=archive) == root / cifar.FOLDER


def test_without_a_home_the_data_have_no_place(monkeypatch):
    monkeypatch.delenv("HLNB_DATA", raising=False)
    monkeypatch.setattr(cifar.pooch, "os_cache", lambda name: Path("~/.cache") / name)
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    with refuses("HOME is not set, so set HLNB_DATA to a folder"):
        cifar.path()


@pytest.mark.parametrize(
    ("variable", "value", "parts"),
    [
        ("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem", ["/nowhere/ca.pem", "certificates"]),
        (
            "HTTPS_PROXY",
            "http://127.0.0.1:9",
            ["ProxyError", "unset the proxy"],
        ),
        ("HTTPS_PROXY", "socks5://127.0.0.1:9", ["InvalidSchema", "unset the proxy"]),
        ("HTTPS_PROXY", "http://127.0.0.1:x", ["Invalid", "mend or unset the proxy"]),
    ],
)
def test_what_stands_in_the_way_is_named(root, monkeypatch, variable, value, parts):
    for name in ("NO_PROXY", "no_proxy", "https_proxy", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, value)
    there = cifar.Archive("https://127.0.0.1:9/a.tar.gz", "0" * 32, N)
    with refuses("Cannot download", *parts) as caught:
        cifar.fetch(archive=there)
    assert "make room" not in str(caught.value)


def test_each_hindrance_has_its_own_words():
    words = {
        requests.exceptions.HTTPError("404"): "its server refuses it",
        requests.exceptions.SSLError("self-signed"): "certificates",
        requests.exceptions.ConnectionError("no route"): "a connection is needed",
        OSError("no CA bundle"): "certificates",
        OSError(errno.ENOSPC, "No space left on device"): "No space left on device:",
    }
    for error, text in words.items():
        assert text in settings.hindrance(error)
