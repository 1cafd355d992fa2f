"""What the user sets outside of the code: variables, and the places that they name.

Every variable of hlnb is read by `variable`, and every path in a variable or an option
goes through `place`, so that both mean the same everywhere.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from hlnb.errors import HlnbError

FROM = "HLNB_FROM"  # where the user stands, which `hlnb run` tells its kernels


def variable(name: str) -> str:
    """The value of a variable of the environment; an empty one is an unset one: ""."""
    return os.environ.get(name, "").strip()


def place(path: str | Path) -> Path:
    """The whole path of what a variable or an option names.

    It counts from the folder in which the user stands, also in a kernel of `hlnb run`,
    which works in `notebooks/`. Refuses `~` where no home is known.
    """
    whole = os.path.expanduser(given := str(path))
    if given.startswith("~") and whole == given:
        raise HlnbError(f"{path} is nowhere, as no such home is known: name it whole.")
    return Path(variable(FROM) or Path.cwd(), whole)


def books(start: Path) -> Iterator[Path]:
    """The folders that hold a Jupyter Book with notebooks: above start, and above this
    package, which an editable install leaves in its own book."""
    for folder in [start, *start.parents, *Path(__file__).resolve().parents]:
        if (folder / "_config.yml").is_file() and (folder / "notebooks").is_dir():
            yield folder


def number(name: str, default: int, what: str) -> int:
    """How many of `what` a variable says; `default` where it is not set.

    Refuses all but whole numbers from 1 to 99,999,999.
    """
    given = variable(name)
    if not given:
        return default
    digits = given.isascii() and given.isdigit() and len(given) < 9
    if not digits or int(given) < 1:
        raise HlnbError(f"{name} = {given!r} is not a number of {what}.")
    return int(given)


def hindrance(error: Exception) -> str:
    """What stands in the way of a download, by the error of requests, and what helps.

    An OSError without a number is of a file that requests was to read: certificates.
    """
    from requests import exceptions as of_requests  # slow to import

    proxies = ("ProxyError", "InvalidProxyURL", "InvalidSchema", "InvalidURL")
    if type(error).__name__ in proxies:
        return "mend or unset the proxy that HTTPS_PROXY, HTTP_PROXY or ALL_PROXY names"
    if isinstance(error, of_requests.HTTPError):
        return "its server refuses it, perhaps for now"
    foreign = not isinstance(error, of_requests.RequestException)
    if isinstance(error, of_requests.SSLError) or (
        foreign and isinstance(error, OSError) and error.errno is None
    ):
        return (
            "certificates are missing or not accepted: mend or unset "
            "REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE, and look at this machine's clock"
        )
    if isinstance(error, OSError) and foreign:
        return f"{error.strerror}: make room, or take another folder"
    return "a connection is needed"
