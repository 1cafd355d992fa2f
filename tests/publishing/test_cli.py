"""The `hlnb` command: what it prints, and with which status it ends."""

import json
import socket
import socketserver
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hlnb.errors import HlnbError
from hlnb.publishing import cli, copies
from hlnb.publishing.cli import main
from hlnb.publishing.render import build
from hlnb.publishing.run import execute
from publishing_fixtures import add_chapter, make_book


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


def test_list_tells_state_and_provenance_in_100_columns(book, monkeypatch, capsys):
    record = {"seconds": 61.7, "date": "2026-01-02", "cpu": "A CPU " * 20}
    entries = [
        {"name": "01_one", "title": "t", "state": "fresh", "provenance": record},
        {"name": "02_two", "title": "t", "state": "missing", "provenance": None},
    ]
    monkeypatch.setattr(copies, "executions", lambda root: entries)
    assert main(["list"]) == 0
    head, one, two = capsys.readouterr().out.splitlines()
    assert head.split() == ["CHAPTER", "STATE", "SECONDS", "EXECUTED", "ON"]
    assert one.split()[:4] == ["01_one", "fresh", "62", "2026-01-02"]
    assert len(one) == 100
    assert one.endswith("…")
    assert two.split() == ["02_two", "missing", "-", "-", "-"]


def test_list_reads_the_book(book, capsys):
    assert main(["list"]) == 0
    assert "01_one   missing" in capsys.readouterr().out


def test_run_passes_on_what_was_asked_for(book, monkeypatch, capsys):
    seen = []

    def run(root, names, **options):
        seen.append((root, names, options))
        options["say"]("a line")
        return False

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
    assert capsys.readouterr().out == f"{told}All chapters are clean.\n"
    assert main(["check", "--fresh"]) == 1
    assert capsys.readouterr().out == told


def test_redraw_is_a_run_from_the_runs_of_record(book, monkeypatch):
    seen = []

    def run(root, names, **options):
        seen.append((names, options["redraw"], options["jobs"]))
        return True

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
