"""Files written whole or not at all, and archives of arrays without pickle.

NumPy is imported where arrays are: the command line has to start without it.
"""

import io
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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


def write(path: str | Path, arrays: Mapping[str, Any], *, small: bool) -> Path:
    """The path of an .npz file that holds these NumPy arrays; `small`: compressed."""
    import numpy as np

    buffer = io.BytesIO()
    (np.savez_compressed if small else np.savez)(buffer, **arrays)
    return write_whole(path, buffer.getvalue())


def read(path: str | Path) -> dict[str, Any]:
    """Every NumPy array of the file at `path`; refuses a damaged one."""
    import numpy as np

    try:
        stored = io.BytesIO(Path(path).read_bytes())
        with np.load(stored, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except Exception as error:  # a damaged archive may raise anything at all
        raise HlnbError(f"{path} cannot be read ({error}).") from error
