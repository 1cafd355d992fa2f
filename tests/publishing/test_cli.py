"""The `hlnb` command: what it prints, and with which status it ends."""

import io
import json
import os
import shlex
import signal
import socket
import socketserver
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hlnb.errors import HlnbError
from hlnb.publishing import cli, copies
from hlnb.publishing.chapters import read_notebook
from hlnb.publishing.cli import main
from hlnb.publishing.notebooks import CLAIMS
from hlnb.publishing.render import build
from hlnb.publishing.run import execute
from publishing_fixtures import (
    add_chapter,
    list_chapters,
    make_book,
    save_in_editor,
)


@pytest.fixture
def book(tmp_path, monkeypatch):
    root = make_book(tmp_path / "book")
    add_chapter(root, "01_one")
    monkeypatch.chdir(root)
    return root


def test_the_command_starts_fast_and_without_the_slow_libraries():
    code = """if True:
        import sys
        import hlnb.publishing.cli
        slow = {"torch", "papermill", "nbformat", "matplotlib", "numpy", "filelock"}
        print(sorted(slow & set(sys.modules)))"""
    started = time.monotonic()
    command = [sys.executable, "-c", code]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert out == "[]\n"
    assert time.monotonic() - started < 5  # 0.1 s on an idle machine


CPU = "A processor of a very long name, and with a clock @ 2.40GHz " * 3


@pytest.fixture
def listed(book, monkeypatch):
    """Three chapters for `hlnb list`; the first took training runs from a store."""
    record = {"seconds": 61.7, "date": "2026-01-02", "cpu": CPU}
    entries = [
        {"name": "01_one", "state": "fresh", "provenance": record | {"runs_kept": 9}},
        {"name": "02_two", "state": "missing", "provenance": None},
        {"name": "03_three", "state": "fresh", "provenance": record},
    ]
    monkeypatch.setattr(copies, "executions", lambda root: entries)


def test_list_tells_state_and_provenance_and_marks_runs_at_hand(listed, capsys):
    assert main(["list"]) == 0
    head, one, two, three, note = capsys.readouterr().out.splitlines()
    assert head.split() == ["CHAPTER", "STATE", "SECONDS", "EXECUTED", "ON"]
    assert one.split()[:4] == ["01_one", "fresh", "62*", "2026-01-02"]
    assert one.endswith(CPU.rstrip())  # no terminal, so nothing is cut
    assert two.split() == ["02_two", "missing", "-", "-", "-"]
    assert three.split()[2] == "62"
    assert note == "* with training runs at hand from other chapters or before"


@pytest.mark.parametrize("width", [1, 20, 60, 500])
def test_a_terminal_of_any_width_gets_every_cell_whole(
    listed, monkeypatch, capsys, width
):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(width))
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()[:-1]
    cells = ["01_one", "fresh", "62*", "2026-01-02", CPU.rstrip()]
    assert " ".join(" ".join(lines).split()).count(" ".join(cells)) == 1
    for line in lines:  # a line that is longer holds a single cell
        assert len(line) <= width or "  " not in line.strip()
    assert (len(lines) == 4) == (width == 500)


ODD = "≥ √ − Übung 层 \N{WRITING HAND}"


@pytest.fixture
def odd(book):
    """A book whose claim has what few encodings have, and the claim in a file."""
    executed = [{"cell_type": "code", "metadata": {}, "source": "", "outputs": []}]
    row = {
        **{"id": f"odd {ODD}", "source": "§5", "statement": ODD, "theirs": ODD},
        **{"ours": 0.5, "low": 0.4, "high": 0.6, "n": 2, "unit": ODD},
        **{"verdict": "reproduced", "note": ODD},
    }
    executed[0]["outputs"].append(
        {"output_type": "display_data", "data": {CLAIMS: [row]}, "metadata": {}}
    )
    copy = book / "book" / "chapters" / "01_one.ipynb"
    copy.write_text(
        json.dumps({"cells": executed, "metadata": {}, "nbformat": 4}), "utf8"
    )
    moved = row | {"chapter": "01_one", "ours": 9.0}
    (book / "rerun.json").write_text(json.dumps([moved]), "utf8")
    return book


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8", "utf-16"])
@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("list", 0),
        ("check", 1),
        ("claims", 0),
        ("claims --json", 0),
        ("diff rerun.json", 3),
        ("diff rerun.json --json", 3),
    ],
)
def test_any_encoding_of_stdout_will_do(odd, monkeypatch, line, status, encoding):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    assert main(line.split()) == status
    text = raw.getvalue().decode(encoding)
    assert ("odd" in text) == ("list" not in line and "check" not in line)
    if "--json" in line:
        (row,) = json.loads(text)
        assert (row if "claims" in line else row["before"])["statement"] == ODD
        assert text.isascii()


@pytest.mark.parametrize("line", ["list", "check", "claims --json"])
@pytest.mark.parametrize("buffered", [True, False])
def test_a_pipe_that_closes_ends_a_command_without_a_word(
    odd, monkeypatch, capsys, line, buffered
):
    """The reader has gone before the first word is written."""
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "wb", buffering=-1 if buffered else 0) as pipe:
        stdout = io.TextIOWrapper(pipe, write_through=not buffered)
        monkeypatch.setattr(sys, "stdout", stdout)
        assert main(line.split()) == 141
        stdout.flush()  # what Python does when it ends
        assert capsys.readouterr().err == ""


def test_a_pipe_that_closes_is_quiet_to_the_end_of_the_process(odd):
    code = "import sys; from hlnb.publishing.cli import main; sys.exit(main())"
    line = f"{shlex.join([sys.executable, '-c', code])} claims | sleep 0"
    line += "; exit ${PIPESTATUS[0]}"
    done = subprocess.run(["bash", "-c", line], cwd=odd, capture_output=True)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_full_disk_behind_stdout_is_one_sentence(odd, monkeypatch, capsys):
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert main(["claims", "--json"]) == 1
    told = "hlnb: Cannot write the output: No space left on device.\n"
    assert capsys.readouterr().err == told


def test_without_standard_streams_the_status_says_it(odd, monkeypatch):
    """As after `hlnb check >&- 2>&-`."""
    for line, status in (("list", 0), ("check", 1), ("diff none.json", 1)):
        monkeypatch.setattr(sys, "stdout", None)
        monkeypatch.setattr(sys, "stderr", None)
        assert main(line.split()) == status
        for stream in (sys.stdout, sys.stderr):
            stream.close()


def test_a_broken_pipe_that_is_not_stdout_is_told(book, monkeypatch):
    def run(*_, **__):
        raise BrokenPipeError("of a worker")

    monkeypatch.setattr(execute, "run", run)
    with pytest.raises(BrokenPipeError, match="of a worker"):
        main(["run"])


def test_list_reads_the_book(book, capsys):
    assert main(["list"]) == 0
    assert "01_one   missing" in capsys.readouterr().out


def test_run_passes_on_what_was_asked_for(book, monkeypatch, capsys):
    seen = []

    def run(root, names, **options):
        seen.append((root, names, options))
        options["say"]("a line")
        return execute.Outcome(failed=1)

    monkeypatch.setattr(execute, "run", run)
    line = "run 1 -p lr 0.1 -p seeds -2 -j 3 --smoke --force --out o --timeout 9"
    assert main([*line.split(), "--scheduler", "tcp://a:1"]) == 1
    ((root, names, options),) = seen
    assert (root, names) == (book, ["1"])
    options.pop("say")
    assert options == {
        "overrides": [("lr", "0.1"), ("seeds", "-2")],
        **{"jobs": 3, "smoke": True, "force": True, "out": "o", "timeout": 9},
        "scheduler": "tcp://a:1",
    }
    assert capsys.readouterr().out == "a line\n"


@pytest.mark.parametrize(
    ("failed", "moved", "status", "told"),
    [
        (0, {}, 0, ""),
        (1, {}, 1, ""),
        (0, {"01_one": ["a: x"]}, 3, "1 verdict moved:\n  01_one: a: x\n"),
        (
            *(1, {"01_one": ["a: x", "b: y"]}, 1),
            "2 verdicts moved:\n  01_one: a: x\n  01_one: b: y\n",
        ),
    ],
)
@pytest.mark.usefixtures("book")
def test_moved_verdicts_are_told_and_their_status_is_not_that_of_failures(
    monkeypatch, capsys, failed, moved, status, told
):
    outcome = execute.Outcome(failed, moved)
    monkeypatch.setattr(execute, "run", lambda *_, **__: outcome)
    assert main(["run"]) == status
    assert capsys.readouterr().out == told


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("run 01_on", "hlnb: There is no chapter '01_on'; did you mean 01_one.\n"),
        (
            "run 01 -p sseds 2",
            "hlnb: 01_one has no parameter 'sseds'; did you mean seeds.\n",
        ),
        (
            "run 01 -p seeds two",
            "hlnb: Parameter seeds is of type int, which 'two' is not.\n",
        ),
        ("check 3", "hlnb: There is no chapter '3'; `hlnb list` names them.\n"),
        ("clean 3", "hlnb: There is no chapter '3'; `hlnb list` names them.\n"),
    ],
)
def test_a_mistake_is_one_sentence_on_stderr(book, capsys, line, message):
    assert main(line.split()) == 1
    assert capsys.readouterr().err == message


def test_outside_of_a_book_it_says_so(monkeypatch, capsys):
    def nowhere():
        raise HlnbError("No book above here.")

    monkeypatch.setattr(cli, "find_root", nowhere)
    assert main(["list"]) == 1
    assert capsys.readouterr().err == "hlnb: No book above here.\n"


COMMANDS = (
    *(
        "list",
        "run",
        "replicate",
        "redraw",
        "runs verify",
        "runs fetch x",
        "runs pack",
        "check",
    ),
    *("clean", "claims", "diff x.json", "build", "build --edition student", "pdf"),
    *("release", "serve", "exercise"),
)


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_refuses_another_jupyter_book(book, monkeypatch, capsys, line):
    (book / "_config.yml").write_text("title: Another\n")
    assert main(line.split()) == 1
    assert capsys.readouterr().err == (
        f"hlnb: {book} is another Jupyter Book (its _config.yml does not name "
        "hlnb.publishing.render.sphinx); go to the folder of the book of hlnb.\n"
    )


def test_the_list_of_commands_is_complete():
    (subparsers,) = (a for a in cli._parser()._actions if a.choices)
    assert {c.split()[0] for c in COMMANDS} == {*subparsers.choices} - {"data"}


@pytest.mark.parametrize(
    "line",
    [
        *("run ''", "run 01 ''", "redraw ''", "check ''", "clean ''", "diff ''"),
        *("run --out ''", "run --scheduler ''", "diff x --against ''"),
        *("runs fetch ''", "release --out ''", "serve --host ''"),
    ],
)
def test_an_empty_word_is_refused(book, capsys, line):
    """A variable of the shell that is not set, in quotes."""
    with pytest.raises(SystemExit, match="2"):
        main(shlex.split(line))
    told = capsys.readouterr().err
    assert "is empty; is a variable of the shell unset?" in told


@pytest.mark.parametrize("line", ["", "fly", "run -j 0", "run -j x", "data", "run -p"])
def test_a_wrong_usage_ends_with_2(book, capsys, line):
    with pytest.raises(SystemExit, match="2"):
        main(line.split())
    assert "usage: hlnb" in capsys.readouterr().err


def test_check_prints_problems_and_ends_with_1(book, capsys, monkeypatch):
    assert main(["check"]) == 1
    assert capsys.readouterr().out == (
        "01_one was never executed; `hlnb run 01_one` mends that.\n"
    )
    monkeypatch.setattr(copies, "check", lambda root, names: [])
    assert main(["check"]) == 0
    assert capsys.readouterr().out == "All chapters are clean.\n"


def test_check_tells_of_overtaken_chapters_and_refuses_them_if_asked(
    book, capsys, monkeypatch
):
    monkeypatch.setattr(copies, "check", lambda root, names: [])
    monkeypatch.setattr(copies, "overtaken", lambda root, names: ["01_one"])
    told = (
        "01_one is overtaken: code of the package that it reaches has changed since; "
        "`hlnb redraw 01_one` or `hlnb run 01_one` brings it up to date.\n"
    )
    assert main(["check"]) == 0
    assert capsys.readouterr().out == told
    assert main(["check", "--fresh"]) == 1
    assert capsys.readouterr().out == told


def test_check_tells_of_chapters_that_the_contents_leave_out(book, capsys, monkeypatch):
    add_chapter(book, "02_two")
    list_chapters(book, "01_one")
    monkeypatch.setattr(copies, "check", lambda root, names: [])
    assert main(["check"]) == 0
    told = "02_two is not in _toc.yml: the book is made without it.\n"
    assert capsys.readouterr().out == told
    assert main(["check", "01"]) == 0
    assert capsys.readouterr().out == "All chapters are clean.\n"


def test_a_notebook_saved_in_an_editor_is_named_and_tidied(book, capsys):
    add_chapter(book, "02_two")
    list_chapters(book, "02_two")
    one, two = (book / "notebooks" / f"{n}.ipynb" for n in ("01_one", "02_two"))
    before = one.read_bytes(), two.read_bytes()
    save_in_editor(one)  # which the book leaves out
    save_in_editor(two)
    assert main(["check"]) == 1
    assert (
        "02_two: the source holds outputs, counts or settings of an editor; "
        "`hlnb clean 02_two` takes them out.\n"
    ) in capsys.readouterr().out
    assert main(["clean", "2"]) == 0
    assert capsys.readouterr().out == "02_two: cleaned\n"
    assert main(["clean"]) == 0
    assert capsys.readouterr().out == "01_one: cleaned\n"
    assert main(["clean"]) == 0
    assert capsys.readouterr().out == "Nothing to clean.\n"
    for path, old in zip((one, two), before, strict=True):
        assert read_notebook(path)["cells"] == json.loads(old)["cells"]


def test_redraw_is_a_run_from_the_runs_of_record(book, monkeypatch):
    seen = []

    def run(root, names, **options):
        seen.append((names, options["redraw"], options["jobs"]))
        return execute.Outcome()

    monkeypatch.setattr(execute, "run", run)
    assert main(["redraw", "1", "-j", "2"]) == 0
    assert seen == [(["1"], True, 2)]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("runs fetch", "hlnb: Name the archive: `hlnb runs fetch ADDRESS`"),
        ("runs verify", "hlnb: No runs of record in "),
        ("runs pack here", "hlnb: `hlnb runs pack` takes no place.\n"),
        ("redraw", "hlnb: No runs of record in "),
    ],
)
def test_without_runs_of_record_it_says_so(book, capsys, monkeypatch, line, told):
    monkeypatch.delenv("HLNB_RUNS", raising=False)
    assert main(line.split()) == 1
    said = capsys.readouterr().err
    assert said.startswith(told)
    assert said.count("\n") == 1


def test_claims_are_a_table_or_json(book, monkeypatch, capsys):
    claim = {
        **{"id": "a", "chapter": "01_one", "source": "§5", "statement": "s"},
        **{"theirs": "over 60 %", "ours": 0.71234, "low": 0.6, "high": None},
        **{"n": 5, "unit": None, "verdict": "reproduced"},
    }
    late = claim | {"id": "c", "ours": None, "low": 4.0}
    other = claim | {"id": "bb", "high": 0.75}
    claim["low"] = None
    monkeypatch.setattr(copies, "claims", lambda root: [claim, other, late])
    assert main(["claims", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [claim, other, late]
    assert main(["claims"]) == 0
    assert capsys.readouterr().out == (
        "CLAIM  VERDICT     THEIRS     OURS         INTERVAL          N  UNIT\n"
        "a      reproduced  over 60 %  0.7123       -                 5  -\n"
        "bb     reproduced  over 60 %  0.7123       [0.6, 0.75]       5  -\n"
        "c      reproduced  over 60 %  not reached  [4, not reached]  5  -\n"
    )


@pytest.mark.parametrize(
    ("action", "printed"),
    [
        ("path", "a/b\n"),
        ("fetch", "a/b\n"),
        ("verify", "CIFAR-10 in a/b: the official archive\nsha256 123\n"),
    ],
)
def test_data_says_what_is_there(monkeypatch, capsys, action, printed):
    from hlnb.data import cifar

    found = cifar.Provenance("CIFAR-10", "123", "the official archive", True)
    for name, result in (("path", Path("a/b")), ("fetch", Path("a/b"))):
        monkeypatch.setattr(cifar, name, lambda result=result: result)
    monkeypatch.setattr(cifar, "verify", lambda: found)
    assert main(["data", action]) == 0
    assert capsys.readouterr().out == printed


def test_build_says_where_the_pages_are_and_serve_wants_a_free_port(
    book, monkeypatch, capsys
):
    def serves(server):
        raise AssertionError("It took another port.")

    monkeypatch.setattr(socketserver.BaseServer, "serve_forever", serves)
    html = book / "_build" / "html"
    html.mkdir(parents=True)
    (html / "index.html").touch()
    html.with_suffix(".inputs").write_text(build._inputs(book))  # up to date
    assert main(["build"]) == 0
    assert capsys.readouterr().out == f"Built {html / 'index.html'}\n"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["serve", "--port", str(port)]) == 1
    assert f"hlnb: Cannot serve on port {port} (" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("stop", "status"), [(KeyboardInterrupt, 130), (cli.Terminated, 143)]
)
def test_a_stop_is_one_sentence(book, monkeypatch, capsys, stop, status):
    def run(*_, **__):
        raise stop

    monkeypatch.setattr(execute, "run", run)
    assert main(["run"]) == status
    assert capsys.readouterr().err == "hlnb: stopped; finished chapters are kept.\n"


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
@pytest.mark.parametrize(
    ("line", "doing"),
    [
        ("build", "render.build.build"),
        ("build --edition student", "editions.build_student"),
        ("build --run runs", "reruns.build_run"),
        ("pdf", "printing.pdf"),
    ],
)
@pytest.mark.parametrize(("stop", "status"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_stopped_build_ends_what_it_started(
    book, monkeypatch, capsys, line, doing, stop, status
):
    """SIGTERM alone would leave the renderer at work."""
    started = []

    def works(*_, **__):
        started.append(subprocess.Popen(["sleep", "60"]))
        try:
            os.kill(os.getpid(), getattr(signal, stop))
            time.sleep(60)
        finally:
            started[0].kill()

    monkeypatch.setattr(f"hlnb.publishing.{doing}", works)
    assert main(line.split()) == status
    assert capsys.readouterr().err == "hlnb: stopped.\n"
    assert started[0].wait() == -9


@pytest.mark.parametrize("place", ["notebooks", "book", "book/chapters/../images"])
def test_a_copy_never_goes_among_the_sources(book, place, monkeypatch, capsys):
    monkeypatch.chdir(book)
    before = {p: p.read_bytes() for p in book.rglob("*") if p.is_file()}
    assert main(["run", "--smoke", "--out", place]) == 1
    assert "holds the book itself; give --out another folder" in capsys.readouterr().err
    assert {p: p.read_bytes() for p in book.rglob("*") if p.is_file()} == before


def test_a_folder_that_was_deleted_is_named(tmp_path, monkeypatch, capsys):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    for command in (["list"], ["check"], ["diff", "x"]):
        assert main(command) == 1
        assert capsys.readouterr().err.startswith("hlnb: This folder was deleted")
    monkeypatch.chdir(tmp_path)
