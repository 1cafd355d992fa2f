"""The rendered book: built, checked, swapped in whole, and served."""

import functools
import hashlib
import html.parser
import http.server
import re
import shutil
import subprocess
import sys
from contextlib import AbstractContextManager
from importlib.metadata import version
from pathlib import Path
from urllib.parse import unquote, urlsplit

from hlnb.errors import HlnbError
from hlnb.publishing import copies, places, release
from hlnb.publishing.render import assets
from hlnb.storage import write_whole

NOT_SHOWN = {"tests", ".ci", ".github", ".gitignore", "Makefile"}


def build(root: Path) -> Path:
    """The front page of the book, rendered into `_build/html`.

    Warnings are errors. The pages replace the last good ones only when they were
    rendered and checked without a finding. If nothing that they are made from has
    changed since, they stay as they are. Refuses to render while another build does.
    """
    root = Path(root).resolve()
    place = root / "_build" / "html"
    kept = place.with_suffix(".inputs")
    inputs = _inputs(root)
    if _same(kept, inputs) and (place / "index.html").is_file():
        return place / "index.html"
    with alone(root):
        offline = assets.prepare(root) is not None
        staging = root / "_build" / "staging"
        rendered = render(root, staging)
        front = rendered / "index.html"
        front.write_text(f"<!DOCTYPE html>\n{front.read_text('utf8')}", "utf8")
        release.downloads(root, rendered)
        if findings := check(rendered, offline=offline):
            _refuse(findings, "the check of the pages gave")
        kept.unlink(missing_ok=True)
        html = swapped_in(rendered, place)
        write_whole(kept, inputs.encode())
        shutil.rmtree(staging, ignore_errors=True)
    return html / "index.html"


def alone(root: Path) -> AbstractContextManager[None]:
    """The right to build below `root`: two builds would take each other's files."""
    return places.held(
        root / "_build" / ".lock",
        busy=f"{root} is being built by another `hlnb`; wait until it has ended.",
        mend="build in a copy of the book elsewhere",
    )


def _inputs(root: Path) -> str:
    """A digest of all that pages are made from: files, states, packages, npm or not."""
    digest = hashlib.sha256()
    for name in ("jupyter-book", "sphinx", "myst-nb", "sphinx-book-theme", "docutils"):
        digest.update(f"{name} {version(name)}\n".encode())
    found = [name for name in ("npm", "node") if assets.program(name)]
    digest.update(f"{sys.version} {found}\n".encode())
    digest.update(f"{copies.states(root)}\n".encode())
    for name in release.SOURCES:
        place = root / name
        if name not in NOT_SHOWN:
            files = release.tree(place) if place.is_dir() else []
            for below, data in [("", place.read_bytes())] if place.is_file() else files:
                digest.update(f"{name}/{below} {len(data)}\n".encode())
                digest.update(data)
    return digest.hexdigest()


def _same(kept: Path, inputs: str) -> bool:
    return kept.is_file() and kept.read_text("utf8") == inputs


def swapped_in(made: Path, place: Path) -> Path:
    """`place`, which now holds the folder `made` in place of what was there."""
    old = place.with_name(f"{place.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if place.exists():
        place.rename(old)
    made.rename(place)
    shutil.rmtree(old, ignore_errors=True)
    return place


def render(root: Path, staging: Path, *, builder: str = "html") -> Path:
    """The folder of the pages that Jupyter Book made below `staging`; warnings stop it.

    builder: html, or singlehtml for the whole book on one page.
    """
    shutil.rmtree(staging, ignore_errors=True)
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()"]
    options = ["build", str(root), "--path-output", str(staging), "--all", "-q"]
    done = subprocess.run(
        [*command, *options, "--builder", builder, "-W", "-n", "--keep-going"],
        cwd=root,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        _refuse(_complaints(done.stdout + done.stderr), "Jupyter Book gave")
    return staging / "_build" / builder


def _complaints(output: str) -> list[str]:
    """The lines that say what was wrong, or the first paragraph about an error."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", output)
    lines = [s for s in plain.splitlines() if re.search("WARNING|ERROR|CRITICAL", s)]
    parts = [p.strip() for p in plain.split("\n\n") if "rror" in p]
    return lines or parts[:1] or [plain.strip()]


def _refuse(lines: list[str], who: str) -> None:
    print("\n".join(lines), file=sys.stderr)
    number = f"{len(lines)} message" + "s" * (len(lines) != 1)
    raise HlnbError(
        f"The book was not built: {who} the {number} above; the last good pages, if "
        "any, are untouched."
    )


def serve(root: Path, port: int, host: str = "127.0.0.1") -> None:
    """Serve the rendered book until Ctrl-C: on this machine alone, or where `host` says
    (0.0.0.0: on each of its addresses, as a container needs it)."""
    html = Path(root) / "_build" / "html"
    if not (html / "index.html").is_file():
        raise HlnbError("There is no rendered book yet: run `hlnb build` first.")
    try:
        server = _server(html, port, host)
    except (OSError, OverflowError, TypeError, UnicodeError) as error:  # odd hosts
        raise HlnbError(
            f"Cannot serve on port {port} ({error}): choose another with --port, or "
            f"another address than {host} with --host."
        ) from error
    with server:
        print(f"http://{host}:{server.server_port}/ (Ctrl-C ends it)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


def _server(
    html: Path, port: int, host: str = "127.0.0.1"
) -> http.server.ThreadingHTTPServer:
    """A server of the folder, not yet running; port 0 takes any."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def send_head(self):
            try:
                return super().send_head()
            except (ValueError, OSError):  # %00, a name too long: no system has those
                self.send_error(404)
                return None

    class Server(http.server.ThreadingHTTPServer):
        allow_reuse_address = False  # on Windows it would share a taken port

        def handle_error(self, request, client_address):
            if not isinstance(sys.exception(), ConnectionError):  # the reader went on
                super().handle_error(request, client_address)

    handler = functools.partial(Quiet, directory=str(html))
    return Server((host, port), handler)


class _Page(html.parser.HTMLParser):
    """What the check asks of one page."""

    def __init__(self):
        super().__init__()
        self.links = []  # (tag, address)
        self.ids = set()
        self.images = []  # (address, alternative text, has number and caption)
        self._article = False
        self._figure = None  # [images, has number, has caption]
        self._caption = False

    def handle_starttag(self, tag, attrs):
        at = dict(attrs)
        self.ids |= {at[k] for k in ("id", "name") if at.get(k)}
        if demonstration := at.get("data-lab"):
            self.ids.add(f"{demonstration}?")  # and its settings
        for key in ("href", "src"):
            if at.get(key) and tag != "base":
                self.links.append((tag, at[key]))
        classes = (at.get("class") or "").split()
        if tag == "article":
            self._article = True
        elif tag == "figure":
            self._figure = [[], False, False]
        elif tag == "span" and self._figure and "caption-number" in classes:
            self._figure[1] = True
        elif tag == "span" and self._figure and "caption-text" in classes:
            self._caption = True
        elif tag == "img" and self._article:
            image = (at.get("src", ""), at.get("alt"))
            if self._figure:
                self._figure[0].append(image)
            else:  # the cards of a widget are not numbered figures
                self.images.append((*image, "hlnb-frame" in classes))

    def handle_data(self, data):
        if self._caption and data.strip():
            self._figure[2], self._caption = True, False

    def handle_endtag(self, tag):
        if tag == "article":
            self._article = False
        elif tag == "figure" and self._figure:
            images, numbered, captioned = self._figure
            self.images += [(*image, numbered and captioned) for image in images]
            self._figure = None


def check(html: Path, *, offline: bool = True) -> list[str]:
    """What is wrong with a rendered book, one line each; nothing is asked of a network.

    Internal files and fragments exist; with `offline`, no script, style, image or font
    comes from another host; each image says in words what it shows; each image of a
    page is a figure with a number and a caption.
    """
    pages = {}
    for file in sorted(html.rglob("*.html")):
        if "_static" not in file.relative_to(html).parts:
            pages[file] = _Page()
            pages[file].feed(file.read_text("utf8"))
    return [
        f"{file.relative_to(html)}: {finding}"
        for file, page in pages.items()
        for finding in [
            *_links(html, file, page, pages=pages, offline=offline),
            *_images(page),
        ]
    ]


def _links(html, file, page, *, pages, offline):
    for tag, address in page.links:
        parts = urlsplit(address)
        if parts.scheme in ("http", "https") or parts.netloc:
            if offline and tag not in ("a", "form"):
                yield f"<{tag}> takes {address} from another host"
            continue
        if parts.scheme:
            continue  # data:, mailto: and the like lead to no file
        target = file
        if parts.path:
            target = (file.parent / unquote(parts.path)).resolve()
        if target.is_dir():
            target /= "index.html"
        if not target.is_relative_to(html.resolve()) or not target.is_file():
            yield f"{address} does not exist"
        elif parts.fragment and target in pages:
            place, settings, _ = unquote(parts.fragment).partition("?")
            fragment = place + settings
            if fragment not in pages[target].ids and fragment != "top":
                yield f"{address} leads to no place on that page"


def _images(page):
    for source, alt, is_figure in page.images:
        name = source if len(source) < 80 else source[:60] + "…"
        if not (alt or "").strip():
            yield f"the image {name} has no alternative text"
        elif re.search(r"\.(png|svg|jpe?g|gif)$", alt) or alt.startswith("_images"):
            yield f"the alternative text of the image {name} is a path"
        if not is_figure:
            yield f"the image {name} is no figure with a number and a caption"
