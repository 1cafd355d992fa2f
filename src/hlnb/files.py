"""Files are written whole or not at all."""

import os
import tempfile
from pathlib import Path

from hlnb.errors import HlnbError


def write_whole(path: str | Path, data: bytes) -> Path:
    """The path, whose file now holds exactly `data`.

    The bytes go to a temporary file in the same folder, which then replaces `path` in
    one step: a kill or a full disk leaves the old file as it was.
    """
    path = Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)  # mkstemp makes it private
        os.replace(temporary, path)
    except OSError as error:
        raise HlnbError(
            f"Cannot write {path}: {error.strerror}; an old file there is untouched."
        ) from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
    return path
