"""Executing chapters: the copies, the failures, the kills."""

import errno
import gc
import json
import multiprocessing
import os
import subprocess
import sys
import time
import types
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from pathlib import Path

import nbformat
import pytest

from hlnb.errors import HlnbError
from hlnb.publishing import chapters
from hlnb.publishing.copies import executed_path, provenance
from hlnb.publishing.run import execute, worker
from publishing_fixtures import (
    FIGURE,
    WIDGET,
    add_chapter,
    edit,
    list_chapters,
    make_book,
    save_in_editor,
)

ENVIRONMENT = """\
import os
print(*(os.environ[k] for k in ("HLNB_RUN", "OMP_NUM_THREADS", "PYTHONHASHSEED")))
print(os.getcwd(), object(), sorted({"a", "b"}), seeds)"""
SWEEP = """\
import os
kept = os.environ["HLNB_CACHE"]
if kept:
    os.makedirs(kept, exist_ok=True)
    at_hand = len(os.listdir(kept))
    open(os.path.join(kept, "run.npz"), "w").write("")
    with open(os.environ["HLNB_CACHE_NOTES"], "a") as notes:
        print('{"at hand": %d, "of": 5}' % at_hand, file=notes)
        print('{"not kept": "Results of f are not kept: x."}', file=notes)
print(bool(kept))"""
POOL = """\
import multiprocessing, time
from concurrent.futures import ProcessPoolExecutor
pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
pool.submit(time.sleep, 300)
time.sleep(1)
import os
open("kernel.pid", "w").write(str(os.getpid()))
time.sleep(300)"""


# nbclient leaves an event loop open in each thread that executes a notebook
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")


@pytest.fixture(autouse=True)
def collected():
    """What was left open goes here, so that no other test is blamed for it."""
    yield
    gc.collect()


def run(root, *names, **options):
    """Whether a run went well, and the lines that it said."""
    lines = []
    done = execute.run(root, names, say=lines.append, **options)
    return done, lines


def copies(root):
    """The bytes of each file of the executed chapters; locks and marks are not."""
    folder = root / "book" / "chapters"
    return {p.name: p.read_bytes() for p in folder.glob("[!.]*")}


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """A book of two sound chapters and three that fail, executed once."""
    root = make_book(tmp_path_factory.mktemp("book"))
    add_chapter(root, "01_sound", ENVIRONMENT, FIGURE)
    add_chapter(root, "02_widget", WIDGET)
    add_chapter(root, "03_raises", "1 / 0")
    add_chapter(
        root, "04_own", "from hlnb.errors import HlnbError\nraise HlnbError('Do x.')"
    )
    add_chapter(root, "05_warns", "import warnings", "warnings.warn('old thing')")
    return root


@pytest.fixture(scope="module")
def first(book):
    done, lines = run(book, jobs=2)
    return done, sorted(lines)


def test_a_chapter_that_fails_is_named_and_the_others_go_on(book, first):
    done, lines = first
    assert not done
    assert [line.splitlines()[0].rstrip("0123456789 s") for line in lines] == [
        *("01_sound: executed in", "02_widget: executed in"),
        *("03_raises: FAILED", "04_own: FAILED", "05_warns: FAILED"),
    ]
    causes = [line.splitlines()[1].strip() for line in lines[2:]]
    assert causes == [
        "03_raises, cell 4: ZeroDivisionError: division by zero",
        "04_own, cell 4: Do x.",
        "05_warns, cell 5: wrote to stderr: UserWarning: old thing",
    ]
    assert str(book / "runs" / "03_raises.failed.ipynb") in lines[2]


@pytest.mark.usefixtures("first")
def test_a_failed_notebook_is_kept_apart_and_shows_the_error(book):
    assert sorted(copies(book)) == [
        *("01_sound.ipynb", "01_sound.provenance.json"),
        *("02_widget.ipynb", "02_widget.provenance.json"),
    ]
    kept = nbformat.read(book / "runs" / "03_raises.failed.ipynb", 4)
    assert kept.cells[3].outputs[0].ename == "ZeroDivisionError"
    assert kept.cells[4].outputs == []


@pytest.mark.usefixtures("first")
def test_the_kernel_knows_the_profile_and_has_one_thread(book):
    copy = nbformat.read(book / "book" / "chapters" / "01_sound.ipynb", 4)
    nbformat.validate(copy)
    (output,) = copy.cells[3].outputs
    assert output.text == (
        "published 1 0\n./notebooks <object object at 0x…> ['a', 'b'] 2\n"
    )


@pytest.mark.usefixtures("first")
def test_the_copy_has_captions_key_and_no_date(book):
    copy = nbformat.read(book / "book" / "chapters" / "01_sound.ipynb", 4)
    assert copy.cells[4].metadata.mystnb == {
        "image": {"alt": "Two bars."},
        "figure": {"caption": "Bars", "name": "fig-bars"},
    }
    about = {"goals", "needs", "smoke", "key", "code", "parameters"}
    assert set(copy.metadata.hlnb) == about
    assert copy.metadata.hlnb.parameters == {}
    assert "papermill" not in json.dumps(copy)
    assert str(book) not in json.dumps(copy)


@pytest.mark.usefixtures("first")
def test_a_published_figure_refreshes_its_copy(book):
    """Of `book/images`, what is there is written anew, and nothing is added."""
    assert not (book / "book" / "images").exists()
    (book / "book" / "images").mkdir()
    copy = book / "book" / "images" / "fig-bars.png"
    copy.write_bytes(b"old")
    assert run(book, "01", overrides=[("seeds", "3")])[0]
    assert copy.read_bytes() == b"old"
    assert run(book, "01", out=book / "elsewhere")[0]
    assert copy.read_bytes() == b"old"
    assert run(book, "01", force=True)[0]
    assert copy.read_bytes() == b"png"


@pytest.mark.usefixtures("first")
def test_provenance_lies_beside_the_copy(book):
    record = provenance(book / "book" / "chapters" / "01_sound.ipynb")
    assert list(record) == [
        *(
            "date",
            "seconds",
            "runs_kept",
            "python",
            "system",
            "cpu",
            "cores",
            "threads",
        ),
        *("packages", "data", "profile", "key", "code", "outputs", "results"),
    ]
    assert record["seconds"] > 0
    assert record["profile"] == "published"
    assert record["packages"]["hlnb"]
    assert record["data"] == [{"name": "d", "sha256": "0", "note": ""}]
    assert "\n" not in record["cpu"]


@pytest.mark.usefixtures("first")
def test_fresh_chapters_are_not_executed_again(book):
    before = copies(book)
    done, lines = run(book, "01", "02")
    assert done
    assert all(": fresh (executed 20" in line for line in lines)
    assert copies(book) == before


@pytest.mark.usefixtures("first")
def test_two_executions_give_the_same_bytes(book):
    before = copies(book)
    widgets = json.loads(before["02_widget.ipynb"])["metadata"]["widgets"]
    (state,) = widgets.values()
    assert len(state["state"]) > 10
    assert "IntProgressModel" not in json.dumps(state)
    done, lines = run(book, "01", "02", force=True, jobs=2)
    assert done
    assert ["fresh" in line for line in lines] == [False, False]
    after = copies(book)
    for name in ("01_sound.ipynb", "02_widget.ipynb"):
        assert after[name] == before[name]


@pytest.mark.usefixtures("first")
def test_edited_prose_is_rewoven_without_an_execution(book):
    before = copies(book)
    edit(book / "notebooks" / "01_sound.ipynb", "Some prose.", "New prose.")
    done, lines = run(book, "01", executor=None, scheduler="tcp://nobody:1")
    assert done
    assert lines == ["01_sound: prose rewoven"]
    after = copies(book)
    assert after["01_sound.provenance.json"] == before["01_sound.provenance.json"]
    assert after["01_sound.ipynb"] == before["01_sound.ipynb"].replace(
        b"Some prose.", b"New prose."
    )


@pytest.mark.usefixtures("first")
def test_parameters_and_smoke_never_go_into_the_book(book):
    before = copies(book)
    options = {"overrides": [("seeds", "7")], "out": book / "mine"}
    assert run(book, "01", **options)[0]
    assert run(book, "01", smoke=True)[0]
    assert copies(book) == before
    mine = nbformat.read(book / "mine" / "01_sound.ipynb", 4)
    assert mine.metadata.hlnb.parameters == {"seeds": 7}
    assert mine.cells[3].metadata.tags == ["injected-parameters", "hide-input"]
    assert mine.cells[4].outputs[0].text.startswith("rerun 1 0")
    assert mine.cells[4].outputs[0].text.endswith("7\n")
    assert provenance(book / "mine" / "01_sound.ipynb")["profile"] == "rerun"
    smoke = nbformat.read(book / "runs" / "01_sound.ipynb", 4)
    assert smoke.metadata.hlnb.parameters == {"seeds": 1}
    assert smoke.cells[4].outputs[0].text.startswith("smoke 1 0")


def test_a_notebook_saved_in_an_editor_is_executed_as_if_it_were_clean(tmp_path):
    root = make_book(tmp_path)
    lr = {"range": [0.25, 1.0], "effect": "More is faster."}
    source = add_chapter(root, "01_saved", "print(seeds)", ranges={"lr": lr})
    clean = source.read_bytes()
    save_in_editor(source)
    assert run(root)[0]
    saved = copies(root)["01_saved.ipynb"]
    for left in (b"editable", b"vscode", b".venv"):
        assert left not in saved
    for tidied in (source.read_bytes(), clean):
        source.write_bytes(tidied)
        done, (line,) = run(root)
        assert done
        assert line.startswith("01_saved: fresh")


def test_a_book_in_part_executes_its_own_chapters_and_others_if_asked(tmp_path):
    root = make_book(tmp_path)
    for name in ("01_in", "02_out"):
        add_chapter(root, name)
    list_chapters(root, "01_in")
    assert run(root)[0]
    assert {name[:2] for name in copies(root)} == {"01"}
    assert run(root, "02")[0]
    assert {name[:2] for name in copies(root)} == {"01", "02"}


def test_finished_runs_are_at_hand_but_not_for_a_forced_run(tmp_path):
    """What a chapter leaves in the cache serves the next run; --force starts anew."""
    root = make_book(tmp_path)
    source = add_chapter(root, "01_sweep", SWEEP)
    path = executed_path(chapters.load(root)[0])

    def kept(**options):
        done, lines = run(root, **options)
        assert done
        line, *more = lines[0].splitlines()
        assert more == ["  Results of f are not kept: x."]
        return provenance(path)["runs_kept"], line.partition(" s")[2]

    assert kept() == (0, "")
    assert (root / "runs" / "cache" / "run.npz").exists()
    edit(source, "print(bool(kept))", "print(not kept)")
    assert kept() == (1, " (1 training runs were at hand)")
    assert kept(force=True) == (0, "")
    done, _ = run(root, smoke=True)
    assert done
    smoke = nbformat.read(root / "runs" / "01_sweep.ipynb", 4)
    assert smoke.cells[4].outputs[0].text == "True\n"  # nothing is kept


@pytest.mark.usefixtures("first")
def test_a_chapter_that_fails_leaves_the_last_good_copy(book):
    before = copies(book)
    source = book / "notebooks" / "02_widget.ipynb"
    text = source.read_text("utf8")
    edit(source, "w.VBox([slider, stack])", "raise SystemExit(0)")
    done, lines = run(book, "02")
    assert not done
    assert "02_widget, cell 4: SystemExit ended the chapter." in lines[0]
    assert copies(book) == before
    source.write_text(text, "utf8")


@pytest.mark.usefixtures("first")
@pytest.mark.parametrize("failing_call", [1, 2])
def test_a_full_disk_loses_nothing(book, monkeypatch, failing_call):
    before = copies(book)
    copy = json.loads(before["02_widget.ipynb"])
    done = worker.Execution(copy, 1.0, {"cpu": "x"})
    monkeypatch.setattr(worker, "execute", lambda job: done)
    calls = []

    def fsync(handle):
        calls.append(handle)
        if len(calls) == failing_call:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fsync)
    with ThreadPoolExecutor(1) as threads:
        good, lines = run(book, "02", force=True, executor=threads)
    assert not good
    assert "No space left on device" in lines[0]
    assert len(calls) == failing_call
    assert copies(book) == before


def test_a_file_in_place_of_runs_is_no_obstacle_to_the_published_copy(tmp_path):
    root = make_book(tmp_path)
    add_chapter(root, "01_one", "1")
    (root / "runs").touch()
    done, lines = run(root)
    assert done, lines
    assert (root / "book/chapters/01_one.ipynb").exists()


def test_a_full_disk_of_the_worker_is_one_sentence(book, monkeypatch):
    import papermill

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(papermill, "execute_notebook", full)
    with ThreadPoolExecutor(1) as threads:
        good, (line,) = run(book, "03", executor=threads)
    assert not good
    assert line.endswith("No space left on device")
    assert len(line.splitlines()) == 2


def test_a_worker_that_dies_is_one_sentence(book):
    class Dying(ThreadPoolExecutor):
        def submit(self, *_):
            return super().submit(divmod, 1, 0)

    with Dying(1) as dying:
        good, (line,) = run(book, "03", executor=dying)
    assert not good
    assert "03_raises: its worker failed (ZeroDivisionError: integer" in line

    class Killed(ThreadPoolExecutor):
        def submit(self, *_):
            return super().submit(lambda: (_ for _ in ()).throw(BrokenProcessPool()))

    with Killed(1) as killed:
        _, (line,) = run(book, "03", executor=killed)
    assert "03_raises: the process that executed it was killed, perhaps for" in line


def test_a_system_without_semaphores_is_named(book, monkeypatch):
    def refuse(*_, **__):
        raise FileNotFoundError(errno.ENOENT, "No such file or directory")

    monkeypatch.setattr("multiprocessing.synchronize.SemLock.__init__", refuse)
    with pytest.raises(HlnbError, match=r"no semaphores \(.*No such.*mount /dev/shm"):
        run(book, "03")


def test_a_lack_of_open_files_is_not_taken_for_one_of_semaphores(book, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr("multiprocessing.synchronize.SemLock.__init__", full)
    with pytest.raises(OSError, match="Too many open files"):
        run(book, "03")


FEW_FILES = """\
import resource, sys
limit = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
from hlnb.publishing.cli import main
sys.exit(main())"""
TWO_PROCESSES = """\
from hlnb.training.executors import processes
if __name__ == "__main__":
    with processes() as pool:
        print(sum(pool.map(abs, [1, -2])))"""


def run_with_files(root, limit):
    command = [sys.executable, "-c", FEW_FILES, str(limit), "run", "01"]
    environment = os.environ | {"HLNB_WORKERS": "2"}
    return subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True
    )


@pytest.mark.skipif(os.name != "posix", reason="the limit is POSIX's")
@pytest.mark.parametrize("limit", [12, 24, 32, 48, 64, execute.FILES - 1])
def test_few_open_files_are_named_before_anything_starts(tmp_path, limit):
    root = make_book(tmp_path / "book")
    add_chapter(root, "01_one")
    done = run_with_files(root, limit)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"hlnb: An execution has up to {execute.FILES} files open at once, and the "
        f"system allows {limit}: `ulimit -n 1024`, in this shell, allows more.\n"
    )
    assert not copies(root)


@pytest.mark.skipif(os.name != "posix", reason="the limit is POSIX's")
def test_the_fewest_files_that_are_allowed_suffice(tmp_path):
    root = make_book(tmp_path / "book")
    add_chapter(root, "01_one", TWO_PROCESSES)
    done = run_with_files(root, execute.FILES)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_file_system_without_locks_is_named(book, monkeypatch):
    def refuse(*_, **__):
        raise NotImplementedError("FileSystem does not appear to support flock")

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    with pytest.raises(HlnbError, match=r"has no locks, .* give --out a folder"):
        run(book, "03")


def test_without_room_for_temporary_files_nothing_starts(book, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.mkdtemp", full)
    with pytest.raises(HlnbError, match=r"--force needs room .*No space.* set TMPDIR"):
        run(book, "03", force=True)


def test_a_busy_machine_is_no_time_out_of_the_cell(book, tmp_path, monkeypatch):
    import papermill

    assert (worker.OUTPUTS, worker.STARTS) >= (120, 120)  # minutes
    root = make_book(tmp_path / "book")
    add_chapter(root, "01_one", "for i in range(10_000):\n    print(i, flush=True)")

    def late(*_, **__):  # as jupyter_client says it
        raise RuntimeError("Kernel didn't respond in 600 seconds")

    with ThreadPoolExecutor(1) as threads:
        monkeypatch.setattr(worker, "OUTPUTS", 0)
        done, (line,) = run(root, executor=threads)
        assert not done
        assert "ended, but its outputs did not arrive within 0 s: the machine" in line
        assert "--timeout" not in line
        monkeypatch.setattr(papermill, "execute_notebook", late)
        _, (line,) = run(book, "03", executor=threads)
        assert "03_raises: its kernel did not start within 600 s: the machine" in line


LOADER = "ERROR: ld.so: object 'x' from LD_PRELOAD: ignored."
TOLD = "(the loader's, for LD_PRELOAD or LD_AUDIT, so not the chapter's)"


@pytest.fixture
def noisy(tmp_path):
    """A chapter that is written into by the system, and one that warns in a process."""
    root = make_book(tmp_path / "book")
    waits = "\nimport time\ntime.sleep(2)"  # ipykernel reads the stream in a thread
    say = f"import os\nos.write(2, b{LOADER!r} + b'\\n')"
    add_chapter(root, "01_loader", say + waits)
    warns = "import warnings; warnings.warn('old thing')"
    process = "import subprocess, sys\nsubprocess.call([sys.executable, '-c', %r])"
    add_chapter(root, "02_warns", process % warns + waits)
    return root


@pytest.mark.parametrize(
    ("options", "stopped"),
    [
        ({}, {"01_loader", "02_warns"}),
        ({"smoke": True}, {"02_warns"}),
        ({"overrides": [("seeds", "3")]}, set()),
        ({"overrides": [("seeds", "3")], "smoke": True}, set()),
    ],
)
def test_who_may_write_to_stderr(noisy, monkeypatch, options, stopped):
    monkeypatch.delenv("PYTEST_CURRENT_TEST")  # with it ipykernel leaves the stream be
    _, lines = run(noisy, jobs=2, **options)
    said = {line.partition(":")[0]: line for line in lines}
    assert {name for name, line in said.items() if "FAILED" in line} == stopped
    assert f"wrote to stderr: {LOADER} {TOLD}" in said["01_loader"]
    assert "wrote to stderr: UserWarning: old thing" in said["02_warns"]


@pytest.mark.parametrize(
    ("text", "telling"),
    [
        ("/a/b.py:3: RuntimeWarning: overflow\n  x * x\n", "RuntimeWarning: overflow"),
        ("sys:1: ResourceWarning: unclosed\n", "ResourceWarning: unclosed"),
        (f"{LOADER}\n/a.py:1: UserWarning: x\n", "UserWarning: x"),
        ("import time: 1 | 2 | os\n", "(of PYTHONPROFILEIMPORTTIME, so not the"),
        ("import 'os' # <x>\n", "(of PYTHONVERBOSE, so not the chapter's)"),
        ("findfont: no Arial\n", "findfont: no Arial (no warning of Python: a"),
        ("Traceback\n  x\nKeyError: 'a'\n", "KeyError: 'a' (no warning of Python: a"),
    ],
)
def test_a_line_on_stderr_says_where_it_comes_from(text, telling):
    assert telling in worker._telling(text)
    assert worker._stops(text, "published")
    assert worker._stops(text, "smoke") == telling.partition(":")[0].endswith("Warning")
    assert not worker._stops(text, "rerun")


def test_the_kernel_knows_where_the_user_stands_and_says_that_it_compiles(
    tmp_path, monkeypatch
):
    root = make_book(tmp_path / "book")
    code = (
        "import os, time\nfrom hlnb import kept, settings\nkept.compiling()\n"
        "time.sleep(2)\nprint(settings.place('logs'), os.environ['NUMBA_CACHE_DIR'])"
    )
    add_chapter(root, "01_here", code)
    stands = tmp_path / "stands"
    stands.mkdir()
    monkeypatch.chdir(stands)
    monkeypatch.setenv("NUMBA_CACHE_DIR", "loops")
    with ThreadPoolExecutor(1) as threads:
        done, lines = run(
            root, overrides=[("seeds", "1")], out="copies", executor=threads
        )
    assert done, lines
    assert lines[0] == "01_here: compiling loops, once (some ten seconds)"
    assert len(lines) == 2
    (copy,) = (stands / "copies").glob("[!.]*.ipynb")
    (output,) = nbformat.read(copy, 4).cells[4].outputs
    assert output.text.split() == [str(stands / "logs"), str(stands / "loops")]
    assert not list((stands / "copies").glob("*.compiling"))


def test_a_cell_without_end_and_a_kernel_that_dies_are_told(tmp_path):
    root = make_book(tmp_path / "book")
    add_chapter(root, "01_long", "import time", "time.sleep(60)")
    add_chapter(root, "02_dies", "import os\nos.kill(os.getpid(), 9)")
    done, lines = run(root, jobs=2, timeout=1)
    assert not done
    told = " ".join(sorted(lines))
    assert "01_long, cell 5: no end after 1 s" in told
    assert "02_dies, cell 4: the kernel died" in told


@pytest.mark.parametrize(
    ("names", "options", "match"),
    [
        (["04_oww"], {}, "no chapter '04_oww'; did you mean 04_own"),
        (["01"], {"overrides": [("lrr", "1")]}, "01_sound has no parameter 'lrr'; did"),
        ([], {"overrides": [("lrr", "1")]}, "No chapter has a parameter 'lrr'; did"),
        (["1"], {"overrides": [("zzz", "1")]}, "'zzz'; there is fast, lr, name, seeds"),
        (["01"], {"overrides": [("seeds", "two")]}, "seeds is of type int"),
        ([], {"overrides": [("lr", "1"), ("lr", "1")]}, "lr is given 2 times: give"),
        (["01"], {"smoke": True, "out": "book/chapters"}, "the published run alone"),
        (["02"], {"scheduler": "tcp://x:1", "force": True}, "needs Dask"),
    ],
)
def test_a_wrong_command_starts_nothing(book, monkeypatch, names, options, match):
    def fail(*_, **__):
        raise AssertionError

    monkeypatch.setattr(execute, "local_workers", fail)
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.chdir(book)
    with pytest.raises(HlnbError, match=match):
        run(book, *names, **options)


def test_an_unclean_source_starts_nothing(tmp_path):
    root = make_book(tmp_path / "book")
    with pytest.raises(HlnbError, match="There is no chapter in"):
        run(root)
    add_chapter(root, "01_unclean", "!ls", "%ls")
    with pytest.raises(HlnbError, match=r"cell 4: is not plain .* \(and 1 more\)"):
        run(root)


def test_a_parameter_reaches_the_chapters_that_have_it(tmp_path):
    root = make_book(tmp_path / "book")
    add_chapter(root, "01_one")
    add_chapter(root, "02_two", parameters="seeds: int = 1  # a\nd: int = 3  # b")
    seen = []

    def fake(job):
        seen.append((job.name, job.parameters, job.profile))
        return worker.Execution(None, 0.0, {}, "x")

    class Here(ThreadPoolExecutor):
        def submit(self, _, job):
            return super().submit(fake, job)

    with Here(1) as here:
        run(root, overrides=[("d", "4"), ("seeds", "3")], smoke=True, executor=here)
        with pytest.raises(HlnbError, match="01_one has no parameter 'd'"):
            run(root, "01", "02", overrides=[("d", "4")], executor=here)
        run(root, overrides=[("d", "4")], executor=here)
    assert seen == [
        ("01_one", {"seeds": 3}, "rerun"),
        ("02_two", {"seeds": 3, "d": 4}, "rerun"),
        ("01_one", {}, "rerun"),
        ("02_two", {"d": 4}, "rerun"),
    ]


def test_dask_is_asked_for_an_executor_and_closed(tmp_path, monkeypatch):
    root = make_book(tmp_path / "book")
    add_chapter(root, "01_one")
    events = []

    class Client:
        def __init__(self, address, timeout):
            events.append(address)
            if "nobody" in address:
                raise TimeoutError

        def close(self):
            events.append("closed")

        def get_executor(self, pure):
            return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))

    monkeypatch.setitem(
        sys.modules, "distributed", types.SimpleNamespace(Client=Client)
    )
    done, _ = run(root, scheduler="tcp://here:1")
    assert done
    assert events == ["tcp://here:1", "closed"]
    with pytest.raises(HlnbError, match="No Dask scheduler answers at tcp://nobody:1"):
        run(root, scheduler="tcp://nobody:1", force=True)


def test_workers_start_deaf_to_ctrl_c(tmp_path):
    import signal

    root = make_book(tmp_path / "book")
    add_chapter(root, "01_one")
    heard = []

    class Here(ThreadPoolExecutor):
        def submit(self, *_):
            heard.append(signal.getsignal(signal.SIGINT))
            return super().submit(lambda: worker.Execution(None, 0.0, {}, "x"))

    before = signal.getsignal(signal.SIGINT)
    with Here(1) as here:
        run(root, executor=here)
    assert heard == [signal.SIG_IGN]
    assert signal.getsignal(signal.SIGINT) == before != signal.SIG_IGN


@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX's")
def test_a_terminal_sees_cells_go_by_and_a_file_does_not(tmp_path):
    import pty
    import termios

    root = make_book(tmp_path / "book")
    runs = "import os; open(os.environ['HLNB_CACHE_PROGRESS'], 'a').write('...')"
    add_chapter(root, "01_one", runs, "import time; time.sleep(1.5)")
    code = "import sys; from hlnb.publishing.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "run"]
    screen, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, 100))
    with subprocess.Popen(
        command, cwd=root, stdout=subprocess.DEVNULL, stderr=terminal
    ):
        os.close(terminal)
        seen = b""
        with suppress(OSError):  # the terminal's end
            while part := os.read(screen, 4096):
                seen += part
    os.close(screen)
    text = seen.decode()
    assert "01_one" in text
    assert "0/6" in text
    assert any(f"{n}/6" in text for n in (3, 4, 5))
    assert "6/6" in text
    assert "3 training runs done" in text
    assert sorted(copies(root)) == ["01_one.ipynb", "01_one.provenance.json"]
    assert not list((root / "book" / "chapters").glob(".*.progress*"))


# --- runs that are killed ------------------------------------------------------------


@contextmanager
def started(root):
    """A run of chapter 01 in a session of its own."""
    code = "import sys; from hlnb.publishing.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "run", "01"]
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        command, cwd=root, stdout=pipe, stderr=pipe, text=True, start_new_session=True
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def group_is_gone(kernel):
    """Whether the kernel and the processes that it started have ended."""
    try:
        os.killpg(kernel, 0)
    except ProcessLookupError:
        return True
    stats = [p.read_text().split() for p in Path("/proc").glob("[0-9]*/stat")]
    return all(s[2] == "Z" for s in stats if s[4] == str(kernel))


@pytest.fixture(scope="module")
def slow(tmp_path_factory):
    """A book whose one chapter was executed once."""
    root = make_book(tmp_path_factory.mktemp("slow"))
    add_chapter(root, "01_one", "seeds")
    assert run(root)[0]
    return root


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
@pytest.mark.parametrize(
    ("signal", "status"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGKILL", -9)]
)
def test_a_stopped_run_leaves_the_last_copy_and_no_process(slow, signal, status):
    import signal as signals

    add_chapter(slow, "01_one", POOL)  # it would take minutes now
    before = copies(slow)
    note = slow / "notebooks" / "kernel.pid"
    note.unlink(missing_ok=True)
    with started(slow) as process:
        wait_for(lambda: note.exists() and note.read_text())
        kernel = int(note.read_text())
        assert not group_is_gone(kernel)
        with pytest.raises(HlnbError, match="01_one is being executed by another"):
            run(slow, "01", executor=Executor())
        if signal == "SIGINT":  # a terminal sends it to the whole group
            os.killpg(process.pid, signals.SIGINT)
        else:
            process.send_signal(getattr(signals, signal))
        _, errors = process.communicate(timeout=60)
    assert process.returncode == status
    if signal != "SIGKILL":
        assert errors == "hlnb: stopped; finished chapters are kept.\n"
    wait_for(lambda: group_is_gone(kernel))
    assert copies(slow) == before


def test_the_next_run_works_and_clears_what_a_kill_left(slow):
    left = slow / "book" / "chapters" / ".01_one.ipynb.x1y2"
    left.write_text("half")
    add_chapter(slow, "01_one", "seeds + 1")
    assert run(slow)[0]
    assert not left.exists()
    assert b"seeds + 1" in copies(slow)["01_one.ipynb"]


MOVED = """\
from IPython.display import display
line = f"a-1: partly here, reproduced in the published book ({seeds})"
data = {"application/vnd.hlnb.claims+json": [], "text/plain": "table"}
display(data, metadata={"hlnb": {"moved": [line]}}, raw=True)"""


def test_a_moved_verdict_stops_nothing_and_is_not_published(tmp_path):
    root = make_book(tmp_path)
    add_chapter(root, "01_one", "1")
    add_chapter(root, "02_two", MOVED)
    outcome, lines = run(root)
    line = "a-1: partly here, reproduced in the published book (%d)"
    assert (outcome.failed, bool(outcome)) == (0, False)
    assert outcome.moved == {"02_two": (line % 2,)}
    copy = root / "runs" / "02_two.ipynb"
    assert f"; verdicts moved, so it is not published: {copy}" in lines[1]
    assert len(lines) == 2  # it is for who asked to say what moved
    assert sorted(copies(root)) == ["01_one.ipynb", "01_one.provenance.json"]
    assert copy.with_suffix(".provenance.json").exists()

    outcome, lines = run(root, "02", overrides=[("seeds", "5")], out=tmp_path / "own")
    assert (outcome.failed, outcome.moved) == (0, {"02_two": (line % 5,)})
    assert len(lines) == 1
    assert (tmp_path / "own" / "02_two.ipynb").exists()

    for more in ({}, {"overrides": [("seeds", "5")]}):
        outcome, lines = run(root, "02", smoke=True, out=tmp_path / "small", **more)
        assert outcome
        assert len(lines) == 1
