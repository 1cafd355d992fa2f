"""Headless Chromium over the rendered book: what it complains of, what it looks like.

As a script it saves full-page screenshots of every page:
`python tests/browser.py FOLDER [HTML]`.
"""

import contextlib
import os
import re
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from hlnb.publishing import printing
from hlnb.publishing.render import build

ROOT = Path(__file__).parents[1]
MODES = {
    "light": {"color_scheme": "light", "viewport": {"width": 1300, "height": 900}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1300, "height": 900}},
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}},
}
ELSEWHERE = re.compile(r"^(?!http://127\.0\.0\.1:|file:|data:|blob:)")
WIDE = "* { letter-spacing: 0.2em !important }"  # a letter has about 0.5em
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
AXE = """async rules => (await axe.run(document, {runOnly: rules}))
    .violations.flatMap(rule => rule.nodes.map(node =>
        `${rule.id} at ${node.target.join(' ')}: ${node.html.slice(0, 120)}`))"""
CARDS = """() => [...document.querySelectorAll(
        'table:is(.hlnb-claims, .hlnb-parameters, .hlnb-statements)')]
    .filter(table => getComputedStyle(table).display !== 'block'
        || table.parentElement.scrollWidth > table.parentElement.clientWidth)
    .map(table => `${table.className}: ${table.innerText.slice(0, 60)}`)"""
SETTLED = """async () => {
    await document.fonts.ready;
    await new Promise(done => setTimeout(done, 200));
}"""

OPENED = """() => document.querySelectorAll("details")
    .forEach(fold => { fold.open = true; })"""
FETCHED = """() => Promise.all([...document.images].map(
    image => { image.loading = "eager"; return image.decode(); }))"""


def find() -> str:
    """The path of the browser; without one, the sentence that says how to get it."""
    name = os.environ.get("HLNB_CHROMIUM") or "chromium"
    path = shutil.which(name) or shutil.which("chromium-browser")
    assert path, (
        f"The rendered book is tested in Chromium, and {name} was not found: install "
        "it (on Debian: apt-get install chromium) or set HLNB_CHROMIUM to its path."
    )
    return path


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """A headless browser."""
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=find(), args=[*printing.QUIET])
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def served(html: Path) -> Iterator[str]:
    """The address at which the folder is served."""
    server = build._server(html, 0)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def pages(html: Path) -> list[str]:
    """Every page but the one that only forwards to the front page, and the slides."""
    found = (p.relative_to(html) for p in sorted(html.rglob("*.html")))
    return [
        str(p)
        for p in found
        if not {"_static", "slides"} & set(p.parts) and str(p) != "index.html"
    ]


@contextlib.contextmanager
def visit(browser: Browser, url: str, *, mode: str) -> Iterator[tuple[Page, list[str]]]:
    """A settled page, and its complaints: errors, and requests to other hosts."""
    problems = []
    context = browser.new_context(**MODES[mode])
    page = context.new_page()

    def refuse(route):
        problems.append(f"asks another host: {route.request.url}")
        route.abort()

    def heard(message):
        if message.type == "error":
            problems.append(f"console: {message.text}")

    page.route(ELSEWHERE, refuse)
    page.on("console", heard)
    page.on("pageerror", lambda e: problems.append(f"error: {e}"))
    page.on(
        "response",
        lambda r: problems.append(f"{r.status} {r.url}") if r.status >= 400 else None,
    )
    try:
        page.goto(url)
        page.evaluate(SETTLED)
        yield page, problems
    finally:
        context.close()


def sizes(page: Page) -> dict[str, int]:
    """The bytes of each address that the page will ask for, filled as it loads."""
    found: dict[str, int] = {}
    asked: dict[str, str] = {}
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    session.on(
        "Network.requestWillBeSent",
        lambda e: asked.update({e["requestId"]: e["request"]["url"]}),
    )
    session.on(
        "Network.loadingFinished",
        lambda e: found.update({asked[e["requestId"]]: int(e["encodedDataLength"])}),
    )
    return found


def axe(page: Page, script: Path) -> list[str]:
    """What the accessibility checker finds (WCAG 2.0 to 2.2, A and AA)."""
    page.evaluate(script.read_text("utf8"))
    return page.evaluate(AXE, RULES)


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than the screen."""
    return page.evaluate("() => document.documentElement.scrollWidth - innerWidth")


def wide_cards(page: Page) -> list[str]:
    """The tables that should be cards on a phone, and scroll sideways instead."""
    return page.evaluate(CARDS)


def screenshots(html: Path, folder: Path) -> None:
    """Saves a picture of every page, in light, in dark and on a phone."""
    folder.mkdir(parents=True, exist_ok=True)
    with served(html) as base, chromium() as browser:
        for name in pages(html):
            for mode in MODES:
                with visit(browser, base + name, mode=mode) as (page, _):
                    page.evaluate(FETCHED)
                    file = name.removesuffix(".html").replace("/", "-")
                    page.screenshot(path=folder / f"{file}-{mode}.png", full_page=True)


if __name__ == "__main__":
    source = Path(sys.argv[2]) if len(sys.argv) > 2 else ROOT / "_build" / "html"
    screenshots(source, Path(sys.argv[1]))
