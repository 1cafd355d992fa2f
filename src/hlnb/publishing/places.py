"""Places on the disk: what stands in the way of one is told in a sentence."""

import os
from pathlib import Path

from hlnb import settings
from hlnb.errors import HlnbError


def named(path: str | Path) -> Path:
    """The whole path of what an option or a variable names, there or not yet.

    Refuses what no system can look at: a name too long, links in a circle, a folder
    that is closed to the user.
    """
    whole = settings.place(path)
    try:
        os.stat(whole)
    except (FileNotFoundError, NotADirectoryError):
        pass  # it may be made, or whoever reads it says that it is not there
    except OSError as error:
        raise HlnbError(
            f"{path} cannot be used ({error.strerror}): name another place."
        ) from error
    return whole


def notebooks(folder: str | Path) -> list[Path]:
    """The notebooks of a folder in the order of their names; none if it is not there.

    `Path.glob` takes a folder that may not be read for an empty one.
    """
    try:
        return sorted(p for p in Path(folder).iterdir() if p.suffix == ".ipynb")
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise HlnbError(f"Cannot read {folder}: {error.strerror}.") from error
