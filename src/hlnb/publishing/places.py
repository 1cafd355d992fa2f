"""Places on the disk: what stands in the way of one is told in a sentence."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def held(lock: Path, *, busy: str, mend: str) -> Iterator[None]:
    """The right to write beside a file; the system takes it back if the process dies.

    busy: what is said if another process has it. mend: what helps where a file system
    has no locks.
    """
    from filelock import FileLock, Timeout  # slow to import

    folder = lock.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.touch()  # where no file can be, filelock sees a lock of another process
        right = FileLock(lock).acquire(timeout=0)
    except Timeout:
        raise HlnbError(busy) from None
    except OSError as error:
        raise HlnbError(f"Cannot write to {folder}: {error.strerror}.") from error
    except NotImplementedError:
        raise HlnbError(
            f"The file system of {folder} has no locks, so two processes could mix: "
            f"{mend}."
        ) from None
    with right:
        yield


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
