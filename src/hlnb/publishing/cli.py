"""The `hlnb` command."""

import argparse
import errno
import functools
import io
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hlnb.errors import HlnbError
from hlnb.publishing import chapters, copies
from hlnb.publishing.chapters import find_root
from hlnb.publishing.run import execute

CLAIMS_MOVED = 3  # exit status of `hlnb diff`, and of `hlnb run` if nothing failed
NOT_RIGHT = 3  # of `hlnb exercise --answer`
SCARCE = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN}
INTERRUPTED, CLOSED, TERMINATED = 130, 141, 143  # 128 + the number of the signal


class Terminated(KeyboardInterrupt):
    """SIGTERM, which ends a run as Ctrl-C does."""


def main(argv: Sequence[str] | None = None) -> int:
    """The exit status of `hlnb`: 0 if all went well, 1 if not, 2 for a wrong usage.

    What standard output cannot encode is written as an escape, and a reader that went
    away (`hlnb list | head -1`) ends the command without a word.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the shell: hlnb list >&-
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - for good
        if isinstance(stream := getattr(sys, name), io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        os.getcwd()
    except FileNotFoundError:
        print("hlnb: This folder was deleted: go to another one.", file=sys.stderr)
        return 1
    try:
        try:
            return _status(argv)
        finally:
            sys.stdout.flush()
    except OSError as error:
        if told := _hindrance(error):
            print(f"hlnb: {told}", file=sys.stderr)
            return 1
        if not (_leave(sys.stdout) or _leave(sys.stderr)):
            raise  # it came from elsewhere
        if isinstance(error, BrokenPipeError):
            return CLOSED
        print(f"hlnb: Cannot write the output: {error.strerror}.", file=sys.stderr)
        return 1


def _hindrance(error: OSError) -> str:
    """What the system refuses, in a sentence; nothing if it may be the output."""
    if error.filename is not None:
        return f"Cannot use {error.filename}: {error.strerror}."
    if error.errno in SCARCE:
        return f"The system gives no more of it: {error.strerror}."
    return ""


def _leave(stream: io.TextIOBase) -> bool:
    """Whether a stream takes nothing any more; the rest then goes nowhere."""
    try:
        print(file=stream, flush=True)
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
        return True
    return False


def _status(argv: Sequence[str] | None) -> int:
    arguments = _parser().parse_args(argv)
    try:
        return arguments.command(arguments)
    except HlnbError as error:
        print(f"hlnb: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as stop:
        executes = arguments.command in (_run, _redraw, _replicate)
        told = "; finished chapters are kept" if executes else ""
        print(f"hlnb: stopped{told}.", file=sys.stderr)
        return TERMINATED if isinstance(stop, Terminated) else INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hlnb", description="Execute, check and build the book."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Callable, text: str) -> argparse.ArgumentParser:
        child = commands.add_parser(name, help=text, description=text)
        child.set_defaults(command=command)
        return child

    add("list", _list, "List the chapters: state, seconds, when and on what.")

    run = add("run", _run, "Execute the chapters that are not fresh.")
    run.add_argument("chapters", **CHAPTERS)
    run.add_argument(
        "-p",
        dest="parameters",
        nargs=2,
        action="append",
        default=[],
        metavar=("NAME", "VALUE"),
        help="a parameter; the copy goes to --out, never into the book",
    )
    run.add_argument("-j", "--jobs", type=_positive, default=1, help="how many at once")
    run.add_argument("--smoke", action="store_true", help="with tiny parameters")
    run.add_argument("--force", action="store_true", help="fresh chapters too")
    run.add_argument(
        "--out",
        type=_text,
        metavar="DIR",
        help="where copies go (with -p and --smoke: runs/)",
    )
    run.add_argument(
        "--show", action="store_true", help="render what was executed as a page"
    )
    run.add_argument(
        "--scheduler",
        type=_text,
        metavar="ADDRESS",
        help="run on a Dask cluster: tcp://host:port",
    )
    run.add_argument(
        "--timeout",
        type=_positive,
        default=execute.TIMEOUT,
        metavar="SECONDS",
        help="give a cell up after this time (default: %(default)s)",
    )

    redraw = add(
        "redraw", _redraw, "Draw chapters again from the runs of record; train nothing."
    )
    about = {"help": "name or number (default: all that are not fresh)"}
    redraw.add_argument("chapters", **CHAPTERS | about)
    redraw.add_argument(
        "-j", "--jobs", type=_positive, default=1, help="how many at once"
    )

    again = add(
        "replicate", _replicate, "Execute chapters on fresh seeds: do verdicts stand?"
    )
    again.add_argument("chapters", **CHAPTERS)
    again.add_argument(
        "--sets", type=_positive, default=3, help="of seeds (default: %(default)s)"
    )
    again.add_argument(
        "-j", "--jobs", type=_positive, default=1, help="how many at once"
    )

    runs = add("runs", _runs, "Pack, fetch or verify the runs of record.")
    runs.add_argument("action", choices=["pack", "fetch", "verify"])
    runs.add_argument(
        "place",
        nargs="?",
        type=_text,
        help="for fetch: the archive, an address or a file (default: HLNB_RUNS)",
    )

    check = add("check", _check, "Say what is stale or wrong; execute nothing.")
    check.add_argument("chapters", **CHAPTERS)
    check.add_argument(
        "--fresh",
        action="store_true",
        help="refuse chapters that code of the package has overtaken, too",
    )

    clean = add(
        "clean", _clean, "Take outputs and settings of an editor out of notebooks/."
    )
    clean.add_argument("chapters", **CHAPTERS)

    data = add("data", _data, "Fetch, find or verify the CIFAR-10 archive.")
    data.add_argument("action", choices=["fetch", "path", "verify"])

    about = "List the exercises, show one with its start, or check an answer."
    exercise = add("exercise", _exercise, about)
    exercise.add_argument(
        "name", nargs="?", type=_text, help="18-1: the first of chapter 18"
    )
    exercise.add_argument(
        "--answer",
        type=_text,
        metavar="VALUE",
        help="yours: a number, or one of the words; ends with 0 if it is right, else 3",
    )

    claims = add("claims", _claims, "List the claims of the executed chapters.")
    claims.add_argument("--json", action="store_true", help="as a list of objects")

    diff = add("diff", _diff, "Compare the claims of a re-run with the published ones.")
    diff.add_argument(
        "rerun", type=_text, help="an executed notebook, a folder, or a JSON list"
    )
    diff.add_argument(
        "--against",
        type=_text,
        metavar="PLACE",
        help="the same, published (default: the book)",
    )
    diff.add_argument("--json", action="store_true", help="as a list of objects")

    build = add("build", _build, "Build the pages from the executed chapters.")
    build.add_argument(
        "--run", type=_text, metavar="PLACE", help="a re-run as a page, into _build/run"
    )
    build.add_argument(
        "--edition",
        choices=["reader", "student"],
        default="reader",
        help="student: without solutions, into _build/student",
    )
    build.add_argument(
        "--answers",
        choices=["folded", "none"],
        default="folded",
        help="to predictions, in the student edition",
    )

    add("pdf", _pdf, "Print the whole book, by Chromium.")

    release = add("release", _release, "Pack the built book for an archive.")
    release.add_argument(
        "--out", type=_text, metavar="DIR", help="default: _build/release"
    )

    serve = add("serve", _serve, "Show the built pages in a browser.")
    serve.add_argument("--port", type=_positive, default=8000)
    serve.add_argument(
        "--host",
        type=_text,
        default="127.0.0.1",
        help="0.0.0.0 shows them to other machines, too (default: %(default)s)",
    )
    return parser


def _positive(text: str) -> int:
    if int(text) < 1:
        raise ValueError(text)
    return int(text)


_positive.__name__ = "positive integer"  # argparse names the type in its message


def _text(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("is empty; is a variable of the shell unset?")
    return text


CHAPTERS: dict[str, Any] = {  # what names chapters on the command line
    "nargs": "*",
    "type": _text,
    "metavar": "CHAPTER",
    "help": "name or number",
}


def _list(arguments: argparse.Namespace) -> int:
    rows = [("CHAPTER", "STATE", "SECONDS", "EXECUTED", "ON")]
    marked = False
    for entry in copies.executions(find_root()):
        record = entry["provenance"] or {}
        mark = "*" if record.get("runs_kept") else ""
        marked = marked or bool(mark)
        seconds = f"{record['seconds']:.0f}{mark}" if record else "-"
        date, cpu = record.get("date", "-"), record.get("cpu", "-")
        rows.append((entry["name"], entry["state"], seconds, date, cpu))
    _print_table(rows)
    if marked:
        print("* with training runs at hand from other chapters or before")
    return 0


def _run(arguments: argparse.Namespace) -> int:
    again = arguments.parameters or arguments.smoke or arguments.out
    if arguments.show and not again:
        raise HlnbError(
            "--show is for a re-run: give -p, --smoke or --out; `hlnb build` renders "
            "the published chapters."
        )
    status = _executed(
        arguments,
        overrides=[(name, value) for name, value in arguments.parameters],
        smoke=arguments.smoke,
        force=arguments.force,
        out=arguments.out,
        scheduler=arguments.scheduler,
        timeout=arguments.timeout,
    )
    if arguments.show and status in (0, CLAIMS_MOVED):
        _show(arguments.out or find_root() / "runs", arguments.chapters)
    return status


def _show(place: str | Path, names: Sequence[str] = ()) -> int:
    from hlnb.publishing.reruns import build_run

    with _terminable():
        print(f"Built {build_run(find_root(), place, names)}")
    return 0


def _redraw(arguments: argparse.Namespace) -> int:
    return _executed(arguments, redraw=True)


def _replicate(arguments: argparse.Namespace) -> int:
    from hlnb.publishing.replication import replicate

    with _terminable():
        done = replicate(
            find_root(),
            arguments.chapters,
            sets=arguments.sets,
            jobs=arguments.jobs,
            say=_say,
        )
    return 0 if done else 1


def _executed(arguments: argparse.Namespace, **options: Any) -> int:
    with _terminable():
        done = execute.run(
            find_root(), arguments.chapters, jobs=arguments.jobs, say=_say, **options
        )
    if done.moved:
        _say(done.told)
    return 1 if done.failed else CLAIMS_MOVED if done.moved else 0


def _say(line: str) -> None:
    print(line, flush=True)


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM ends what is done here as Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminate(*_: object) -> None:
    raise Terminated


def _runs(arguments: argparse.Namespace) -> int:
    from hlnb.publishing import record

    root = find_root()
    if arguments.place and arguments.action != "fetch":
        raise HlnbError(f"`hlnb runs {arguments.action}` takes no place.")
    if arguments.action == "verify":
        problems, about = record.verify(root)
        print("\n".join([*problems, about]))
        return 1 if problems else 0
    if arguments.action == "fetch":
        print(f"Fetched {record.fetch(root, arguments.place)}")
    else:
        archive = record.pack(root)
        print(f"Packed {archive}, {archive.stat().st_size / 1e6:.0f} MB")
    return 0


def _check(arguments: argparse.Namespace) -> int:
    root, names = find_root(), arguments.chapters
    problems, notes = copies.check(root, names), []
    for name in copies.overtaken(root, names):
        text = (
            f"{name} is overtaken: code of the package that it reaches has changed "
            f"since; `hlnb redraw {name}` or `hlnb run {name}` brings it up to date."
        )
        (problems if arguments.fresh else notes).append(text)
    if not names:
        notes += [
            f"{name} is not in _toc.yml: the book is made without it."
            for name in chapters.left_out(root)
        ]
    print("\n".join([*notes, *problems] or ["All chapters are clean."]))
    return 1 if problems else 0


def _clean(arguments: argparse.Namespace) -> int:
    names = [c.name for c in chapters.sources(find_root())]
    listed = chapters.chosen(find_root(), arguments.chapters or names)
    cleaned = [chapter.name for chapter in listed if chapters.clean(chapter)]
    print("\n".join(f"{name}: cleaned" for name in cleaned) or "Nothing to clean.")
    return 0


def _data(arguments: argparse.Namespace) -> int:
    from hlnb.data import cifar

    if arguments.action == "verify":
        found = cifar.verify()
        print(f"{found.name} in {cifar.path()}: {found.note}\nsha256 {found.sha256}")
    else:
        print(getattr(cifar, arguments.action)())
    return 0


def _exercise(arguments: argparse.Namespace) -> int:
    from hlnb.publishing import exercises

    listed = exercises.catalogue(find_root())
    if arguments.name is None:
        if arguments.answer is not None:
            raise HlnbError("Say which exercise it answers: hlnb exercise 18-1 …")
        rows = [("EXERCISE", "SIZE", "MINUTES", "CHECKED", "CHAPTER")]
        for one in listed:
            checked = "yes" if one.asks else "-"
            rows.append((one.id, one.size, f"{one.minutes}", checked, one.title))
        _print_table(rows)
        return 0
    one = exercises.named(listed, arguments.name)
    if arguments.answer is None:
        print(exercises.told(one))
        return 0
    found = exercises.check(one, arguments.answer)
    print(exercises.SAYS[found])
    return 0 if found == exercises.RIGHT else NOT_RIGHT


def _claims(arguments: argparse.Namespace) -> int:
    from hlnb.publishing.replication import with_sets

    root = find_root()
    found = with_sets(root, copies.claims(root))
    if arguments.json:
        print(json.dumps(found, indent=1))
        return 0
    rows = [("CLAIM", "VERDICT", "THEIRS", "OURS", "INTERVAL", "N", "UNIT")]
    for claim in found:
        low, high = claim["low"], claim["high"]
        # a number that is not finite is None: a time that some runs did not reach
        interval = "-" if low is None else f"[{_short(low)}, {_reached(high)}]"
        ours = _reached(claim["ours"]) if claim["n"] else "-"
        rest = [_short(claim[name]) for name in ("n", "unit")]
        theirs = _short(claim["theirs"])
        rows.append((claim["id"], claim["verdict"], theirs, ours, interval, *rest))
    _print_table(rows)
    return 0


def _diff(arguments: argparse.Namespace) -> int:
    from hlnb.publishing import compare

    if arguments.against:
        published, before = arguments.against, compare.read(arguments.against)
    else:
        published = find_root() / "book" / "chapters"
        before = copies.claims(find_root())
    after = compare.read(arguments.rerun)
    changes = compare.compare(before, after)
    if not changes:
        raise HlnbError(f"{arguments.rerun} has no claim of the published book.")
    for line in compare.told_parameters(
        before, after, published=published, rerun=arguments.rerun
    ):
        print(line, file=sys.stderr if arguments.json else sys.stdout)
    if arguments.json:
        listed = [{**asdict(change), "by": change.by} for change in changes]
        print(json.dumps(listed, indent=1))
    else:
        _print_table(compare.rows(changes))
    moved = compare.moved(changes)
    print(f"{len(moved)} of {len(changes)} claims moved.", file=sys.stderr)
    return CLAIMS_MOVED if moved else 0


def _reached(value: float | None) -> str:
    return "not reached" if value is None else _short(value)


def _short(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "-" if value is None else str(value)


def _build(arguments: argparse.Namespace) -> int:
    if arguments.run is not None:
        if arguments.edition == "student":
            raise HlnbError("--run shows one re-run: leave --edition student out.")
        return _show(arguments.run)
    if arguments.edition == "student":
        from hlnb.publishing.editions import build_student

        build = functools.partial(build_student, answers=arguments.answers == "folded")
    elif arguments.answers == "none":
        raise HlnbError("--answers none is of the student edition: --edition student.")
    else:
        from hlnb.publishing.render.build import build

    with _terminable():  # so that what it started ends, too
        print(f"Built {build(find_root())}")
    return 0


def _pdf(arguments: argparse.Namespace) -> int:
    from hlnb.publishing.printing import pdf

    with _terminable():
        printed = pdf(find_root())
    print(f"Printed {printed}, {printed.stat().st_size / 1e6:.0f} MB")
    return 0


def _release(arguments: argparse.Namespace) -> int:
    from hlnb.publishing.release import release

    release(find_root(), arguments.out)
    return 0


def _serve(arguments: argparse.Namespace) -> int:
    from hlnb.publishing.render.build import serve

    serve(find_root(), arguments.port, arguments.host)
    return 0


def _print_table(rows: Sequence[tuple[str, ...]]) -> None:
    """Prints rows in columns; a line too long for a terminal goes on in the next."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for row in rows:
        print("\n".join(_folded(map(str.ljust, row, widths), room)))


def _folded(cells: Iterable[str], room: int | None) -> list[str]:
    """The cells of a row in lines of at most `room` columns; no cell is cut."""
    lines = [""]
    for cell in cells:
        longer = f"{lines[-1]}  {cell}" if lines[-1] else cell
        if room and lines[-1] and len(longer.rstrip()) > room:
            lines.append(f"    {cell}")
        else:
            lines[-1] = longer
    return [line.rstrip() for line in lines]
