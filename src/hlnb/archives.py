"""Arrays in a file, written whole and read without pickle."""

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from hlnb.errors import HlnbError
from hlnb.files import write_whole


def write(path: str | Path, arrays: Mapping[str, np.ndarray], *, small: bool) -> Path:
    """The path of an .npz file that holds `arrays`; `small`: compressed."""
    buffer = io.BytesIO()
    (np.savez_compressed if small else np.savez)(buffer, **arrays)
    return write_whole(path, buffer.getvalue())


def read(path: str | Path) -> dict[str, np.ndarray]:
    """Every array of the file at `path`, refused in one sentence if it is damaged."""
    try:
        stored = io.BytesIO(Path(path).read_bytes())
        with np.load(stored, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except Exception as error:  # a damaged archive may raise anything at all
        raise HlnbError(f"{path} cannot be read ({error}).") from error
