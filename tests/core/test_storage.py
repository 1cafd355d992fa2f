"""Files are written whole or not at all."""

import errno
import os
import stat

import pytest

from hlnb.errors import HlnbError
from hlnb.storage import write_whole


def test_writes_and_replaces(tmp_path):
    target = tmp_path / "new" / "file.txt"
    assert write_whole(target, b"one").read_bytes() == b"one"
    assert write_whole(target, b"two").read_bytes() == b"two"
    assert os.listdir(target.parent) == ["file.txt"]


def test_others_may_read_what_the_umask_lets_them(tmp_path):
    target = write_whole(tmp_path / "file", b"")
    (tmp_path / "plain").touch()
    assert stat.S_IMODE(target.stat().st_mode) == stat.S_IMODE(
        (tmp_path / "plain").stat().st_mode
    )


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch, step):
    target = write_whole(tmp_path / "file", b"old")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, step, full)
    with pytest.raises(HlnbError, match="No space left on device; an old file"):
        write_whole(target, b"new")
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]
