"""What tests of several modules share, and which of them `--quick` runs."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

import quick

if "PYTEST_XDIST_WORKER" in os.environ:  # a process a core, so a thread a process
    os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).parents[1]
CHOSEN = pytest.StashKey[dict[str, str]]()
LEFT = pytest.StashKey[list[str]]()


def pytest_addoption(parser):
    parser.addoption(
        "--quick",
        action="store_true",
        help="only the core and what the change touches, nothing slow",
    )


def pytest_configure(config):
    if config.getoption("quick"):
        changed = quick.changed()
        config.stash[CHOSEN] = quick.chosen(changed)
        config.stash[LEFT] = quick.unreached(changed)
        config.option.markexpr = config.option.markexpr or "not slow and not browser"


def pytest_sessionstart(session):
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    stash = session.config.stash
    if reporter and CHOSEN in stash:  # a worker of xdist has none
        reporter.write_line(quick.told(stash[CHOSEN], stash[LEFT]))


def pytest_ignore_collect(collection_path, config):
    if collection_path.name.startswith("test_") and CHOSEN in config.stash:
        return collection_path.stem not in config.stash[CHOSEN] or None
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        if "chromium" in item.fixturenames:
            item.add_marker("browser")
        if "once" in item.fixturenames:  # it renders, or reads what was rendered
            item.add_marker("slow")
    # a worker that begins with the longest leaves the others what it has not begun
    items.sort(key=lambda item: "chromium" not in item.fixturenames)


@pytest.fixture
def closed():
    """Closes every figure after the test."""
    from matplotlib import pyplot as plt  # a second that only figures need

    yield
    plt.close("all")


@pytest.fixture
def one_process(monkeypatch):
    """Runs are too short in a test to start processes for them."""
    monkeypatch.setenv("HLNB_WORKERS", "1")


@pytest.fixture(scope="session")
def once(tmp_path_factory) -> Callable[[str, Callable[[Path], object]], Path]:
    """`once(name, make)`: a folder that the first worker to ask fills with `make`.

    The workers of one run share it, so no test may change it.
    """
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent

    def made(name: str, make: Callable[[Path], object]) -> Path:
        place, unfinished = shared / name, shared / f"{name}.part"
        with FileLock(shared / f"{name}.lock"):
            if not place.exists():
                shutil.rmtree(unfinished, ignore_errors=True)
                unfinished.mkdir()
                make(unfinished)
                unfinished.rename(place)
        return place

    return made


@pytest.fixture(scope="session")
def scripts(once) -> Path:
    """What npm fetched for the pages of this checkout."""
    from hlnb.publishing.render import assets

    once("scripts", lambda _: assets.prepare(ROOT))
    return assets.static_folder(ROOT)


@pytest.fixture(scope="session")
def small(once, scripts) -> Path:
    """A rendered book with tiny chapters; a test that changes it takes `own`."""
    import small_book
    from hlnb.publishing.render import build

    return once("small", lambda folder: build.build(small_book.make(folder)))


@pytest.fixture(scope="session")
def html(once, scripts) -> Path:
    """The rendered book, built where it is absent or older than its inputs."""
    from hlnb.publishing.render import build

    once("html", lambda _: build.build(ROOT))
    return ROOT / "_build" / "html"


@pytest.fixture(scope="module")
def chromium():
    """A headless browser, for one module: an open one keeps an event loop running,
    which the clients of Dask and Jupyter in other modules would meet.
    """
    import browser

    with browser.chromium() as found:
        yield found
