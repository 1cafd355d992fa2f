"""Chapters on other seeds: does each verdict stand?

A set of fresh seeds is an execution whose `first_seed` is 1000, 2000, … further on than
the published one. What came out is kept in book/replication/, a file a chapter, with
the keys of the code that computed its claims: a set is executed anew once they have
changed, and not for the sake of a figure.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from hlnb.errors import HlnbError, at_least
from hlnb.publishing import chapters, freshness
from hlnb.publishing.chapters import Chapter, read_notebook
from hlnb.publishing.copies import VERDICTS, claims_of, executed_path, provenance
from hlnb.publishing.notebooks import outputs_digest
from hlnb.publishing.run import execute
from hlnb.storage import write_whole

SEED = "first_seed"
STRIDE = 1000  # between the first seeds of two sets; no chapter draws so many
UNDECIDED = {"undecided", "not testable here"}
NUMBERS = ("ours", "low", "high", "n")


def replicate(
    root: str | Path,
    names: Sequence[str] = (),
    *,
    sets: int = 3,
    jobs: int = 1,
    say: Callable[[str], None] = print,
) -> bool:
    """Executes what is missing of `sets` sets; whether all are there now.

    Without `names`, all chapters that have a `first_seed`. Whatever was executed when a
    run is interrupted is found by the next one.
    """
    at_least(1, sets=sets)
    root = Path(root)
    selected = chapters.chosen(root, names)
    without = [c.name for c in selected if SEED not in c.parameters]
    if names and without:
        raise HlnbError(f"{without[0]} has no parameter {SEED}: leave it out.")
    selected = [c for c in selected if c.name not in without]
    for number in range(1, sets + 1):
        due = [c for c in selected if not _harvest(c, number)]
        for first in sorted({_first(c, number) for c in due}):
            asked = [c.name for c in due if _first(c, number) == first]
            say(f"Set {number}, {SEED} = {first}: {', '.join(asked)}")
            execute.run(
                root,
                asked,
                overrides=[(SEED, str(first))],
                jobs=jobs,
                out=_folder(root, number),
                say=say,  # on fresh seeds verdicts may move: the summary counts them
            )
    missing = [c for c in selected for n in range(1, sets + 1) if not _harvest(c, n)]
    for line in summary(root, [c.name for c in selected]):
        say(line)
    return not missing


def _first(chapter: Chapter, number: int) -> int:
    return chapter.parameters[SEED].default + STRIDE * number


def _folder(root: Path, number: int) -> Path:
    """Where the executed copies of a set lie until they are harvested."""
    return root / "runs" / "replication" / f"set-{number}"


def _path(root: Path, name: str) -> Path:
    return root / "book" / "replication" / f"{name}.json"


def _harvest(chapter: Chapter, number: int) -> bool:
    """Whether a set is kept, executed by today's code; a finished copy is kept now."""
    first = _first(chapter, number)
    keys = freshness.keys_of_claims(chapter, {SEED: first})._asdict()
    known = _read(chapter.root, chapter.name)
    if _of(known.get(str(number), {}), keys):
        return True
    copy = _folder(chapter.root, number) / f"{chapter.name}.ipynb"
    dated, whole = provenance(copy), freshness.keys(chapter, {SEED: first})._asdict()
    if dated is None or not _of(dated, whole) or not _whole(copy, dated):
        return False
    found = {
        claim["id"]: {name: claim[name] for name in ("verdict", *NUMBERS)}
        for claim in claims_of(copy)
    }
    about = {"date": dated["date"], "cpu": dated["cpu"], SEED: first}
    known[str(number)] = about | keys | {"claims": found}
    _write(chapter, known)
    return True


def _write(chapter: Chapter, known: dict[str, Any]) -> None:
    text = json.dumps(known, indent=1, ensure_ascii=False, sort_keys=True)
    write_whole(_path(chapter.root, chapter.name), f"{text}\n".encode())


def restamp(chapter: Chapter, *, before: Path) -> None:
    """Gives the sets that the package in `before` executed the keys of today's code.

    For a change that is proven to leave every output as it was.
    """
    known = _read(chapter.root, chapter.name)
    for one in known.values():
        seed = {SEED: one.get(SEED)}
        if _of(one, freshness.keys_of_claims(chapter, seed, package=before)._asdict()):
            one |= freshness.keys_of_claims(chapter, seed)._asdict()
    if known:
        _write(chapter, known)


def _whole(copy: Path, dated: dict[str, Any]) -> bool:
    """Whether a copy is there as its execution left it; if not, it is made anew."""
    with suppress(HlnbError):
        return outputs_digest(read_notebook(copy)) == dated.get("outputs")
    return False


def _of(dated: dict[str, Any], keys: dict[str, Any]) -> bool:
    return all(dated.get(name) == key for name, key in keys.items())


def _read(root: Path, name: str) -> dict[str, Any]:
    """The sets that are kept of a chapter, by their number; none if it has no file."""
    path = _path(root, name)
    if not path.exists():
        return {}
    with suppress(ValueError, RecursionError, OSError):
        found = json.loads(path.read_text("utf8"))
        if isinstance(found, dict) and all(map(_is_set, found.values())):
            return found
    raise HlnbError(f"{path} is no record of fresh seeds: restore it or delete it.")


def _is_set(one: Any) -> bool:
    claims = one.get("claims") if isinstance(one, dict) else None
    return isinstance(claims, dict) and all(
        isinstance(claim, dict) and str(claim.get("verdict")) in VERDICTS
        for claim in claims.values()
    )


def verdicts(root: str | Path, name: str) -> dict[str, list[str]]:
    """The verdicts of a chapter's claims in its sets of fresh seeds, by the claim's id.

    A claim that a set did not make has no entry for it.
    """
    found: dict[str, list[str]] = {}
    for _, one in sorted(_read(Path(root), name).items()):
        for id, claim in one["claims"].items():
            found.setdefault(id, []).append(claim["verdict"])
    return found


def in_words(verdict: str, others: Sequence[str]) -> str:
    """`same verdict in 2 of 3 sets of fresh seeds`, and what the others said."""
    same = sum(other == verdict for other in others)
    words = f"same verdict in {same} of {len(others)} sets of fresh seeds"
    differing = dict.fromkeys(other for other in others if other != verdict)
    return f"{words}; else {', '.join(differing)}" if differing else words


def with_sets(root: Path, claims: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The claims, each with `sets`: how it fared on fresh seeds, in words, or none.

    Sets that older code executed are told.
    """
    known = {name: verdicts(root, name) for name in {c["chapter"] for c in claims}}
    after = {
        name: ", executed by older code" if found and _overtaken(root, name) else ""
        for name, found in known.items()
    }
    found = [(c, known[c["chapter"]].get(c["id"])) for c in claims]
    return [
        c
        | ({"sets": in_words(c["verdict"], sets) + after[c["chapter"]]} if sets else {})
        for c, sets in found
    ]


def _overtaken(root: Path, name: str) -> bool:
    """Whether today's code is not that which executed every set of a chapter."""
    (chapter,) = chapters.chosen(root, [name])
    return not all(
        _of(one, freshness.keys_of_claims(chapter, {SEED: one.get(SEED)})._asdict())
        for one in _read(root, name).values()
    )


def summary(root: Path, names: Sequence[str]) -> Iterator[str]:
    """A line a chapter: how many verdicts stand in each set, and what contradicts.

    Then one for all: among pairs of a published verdict and that of a set, both decided
    ("undecided" and "not testable here" are not), the share with the same word. Rows
    that are identities are left out.
    """
    words: list[tuple[str, str]] = []  # published, and in a set
    open_, counted = 0, 0
    for chapter in chapters.chosen(root, names):
        found, path = verdicts(root, chapter.name), executed_path(chapter)
        if not found or not path.exists():
            continue
        published = {
            c["id"]: c["verdict"]
            for c in claims_of(path)
            if c.get("kind", "claim") != "identity"
        }
        rows = [(id, word, found.get(id, [])) for id, word in published.items()]
        stand = sum(set(others) <= {word} for _, word, others in rows)
        yield f"{chapter.name}: {stand} of {len(rows)} verdicts stand in every set"
        for id, word, others in rows:
            if {word, *others} >= {"reproduced", "not reproduced"}:
                yield f"  {id}: {' / '.join([word, *others])}"
            words += [(word, other) for other in others]
        open_ += sum(word in UNDECIDED for _, word, _ in rows)
        counted += len(rows)
    decided = [pair for pair in words if not {*pair} & UNDECIDED]
    if decided:
        same = sum(word == other for word, other in decided)
        yield (
            f"Together: {same} of {len(decided)} pairs of decided verdicts are the "
            f"same word ({100 * same / len(decided):.1f} %); {open_} of {counted} "
            "published verdicts are undecided"
        )
