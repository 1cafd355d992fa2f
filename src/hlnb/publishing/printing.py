"""The whole book as one PDF: one page of HTML, printed by a headless browser."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from hlnb.errors import HlnbError
from hlnb.publishing.render import assets, build
from hlnb.settings import place, variable

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
QUIET = (  # a browser that asks the network for nothing of its own
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update"),
    "--disable-sync",
)
SETTLE = 120_000  # milliseconds of the page's own time: fonts, widgets
SECONDS = 900


def browser() -> str:
    """The path of a browser that prints."""
    named = variable("HLNB_CHROMIUM")
    if os.sep in named:
        named = str(place(named))
    for name in filter(None, [named, *BROWSERS]):
        if path := shutil.which(name):
            return path
    raise HlnbError(
        "The PDF is printed by Chromium, which is not here: install it (on Debian: "
        "apt-get install chromium), or set HLNB_CHROMIUM to its path."
    )


def pdf(root: Path) -> Path:
    """The book as `_build/hlnb.pdf`, solutions and answers unfolded, widgets at rest.

    The file replaces the last good one only when it is whole.
    """
    root, printer = Path(root).resolve(), browser()
    staging = root / "_build" / "staging-print"
    with build.alone(root):
        assets.prepare(root)
        try:
            page = whole_page(build.render(root, staging, builder="singlehtml"))
            printed = staging / "hlnb.pdf"
            print_page(page, printed, printer=printer)
            return Path(shutil.move(printed, root / "_build" / "hlnb.pdf"))
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def whole_page(folder: Path) -> Path:
    """The one page of a singlehtml build, where its styles and pictures are found.

    The builder writes it beside the book's first page, and addresses from the top.
    """
    pages = [p for p in (folder / "book").glob("*.html") if p.stat().st_size > 10_000]
    if len(pages) != 1:
        raise HlnbError(f"{folder} holds {len(pages)} whole pages, not one.")
    text = pages[0].read_text("utf8")
    page = folder / "print.html"
    page.write_text(text.replace("<details", "<details open"), "utf8")
    return page


def print_page(page: Path, printed: Path, *, printer: str) -> None:
    """Writes the page as a PDF."""
    with tempfile.TemporaryDirectory(prefix="hlnb-print-") as profile:
        command = [
            printer,
            "--headless",
            "--no-pdf-header-footer",
            *QUIET,
            f"--user-data-dir={profile}",
            f"--virtual-time-budget={SETTLE}",
            f"--print-to-pdf={printed}",
            page.as_uri(),
        ]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=SECONDS
            )
        except subprocess.TimeoutExpired:
            raise HlnbError(
                f"{printer} printed nothing in {SECONDS} s: close other browsers, "
                "and try again."
            ) from None
    if done.returncode or not printed.is_file():
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise HlnbError(f"{printer} did not print the book: {last[0]}")
