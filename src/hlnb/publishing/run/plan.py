"""What is to be executed, and with which parameters."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hlnb.errors import HlnbError
from hlnb.parameters import admit_together
from hlnb.publishing import freshness, places
from hlnb.publishing.chapters import (
    Chapter,
    chosen,
    did_you_mean,
    read_notebook,
    source_problems,
)
from hlnb.publishing.notebooks import Keys, weave
from hlnb.publishing.run.worker import COMPILING, RUNS_DONE, Job


@dataclass(frozen=True)
class Plan:
    """A chapter that is to be executed or rewoven, and where the copy goes."""

    chapter: Chapter
    parameters: dict[str, Any]
    profile: str
    folder: Path
    failed: Path  # where a failed notebook is kept
    keys: Keys  # of the package as it is now; it may be edited while a chapter runs
    cache: str  # a folder, or empty
    record: str = ""  # a folder of results of record, for a chapter to be redrawn

    @property
    def path(self) -> Path:
        return self.folder / f"{self.chapter.name}.ipynb"

    @property
    def progress(self) -> Path:
        return self.folder / f".{self.chapter.name}.progress"

    @property
    def runs_done(self) -> Path:
        """A file that grows by a byte with each finished training run."""
        return Path(str(self.progress) + RUNS_DONE)

    @property
    def compiling(self) -> Path:
        """A file that is there once loops were compiled; see `hlnb.kept.compiling`."""
        return Path(f"{self.runs_done}{COMPILING}")

    def woven(self, executed: dict[str, Any]) -> dict[str, Any]:
        source = self.chapter.notebook
        return weave(source, executed, keys=self.keys, parameters=self.parameters)

    def rewoven(self) -> dict[str, Any]:
        """The copy as it is, with the source's text of now."""
        executed = read_notebook(self.path)
        keys = freshness.known_keys(executed)
        return weave(self.chapter.notebook, executed, keys=keys, parameters={})

    def job(self, timeout: int) -> Job:
        return Job(
            name=self.chapter.name,
            notebook=self.chapter.notebook,
            parameters=self.parameters,
            profile=self.profile,
            folder=str(self.chapter.path.parent.resolve()),
            timeout=timeout,
            progress=str(self.progress.resolve()),
            cache=self.cache,
            record=self.record,
        )


def planned(
    root: Path,
    names: Sequence[str],
    *,
    overrides: Sequence[tuple[str, str]],
    smoke: bool,
    out: str | Path | None,
    cache: str,
) -> list[Plan]:
    """What is to be done; every mistake in the command is found here."""
    published = root / "book" / "chapters"
    apart = bool(overrides or smoke)
    folder = (
        places.named(out) if out is not None else root / "runs" if apart else published
    )
    whole, sources = folder.resolve(), ("notebooks", "book", "src", "tests")
    inside = [whole.is_relative_to((root / name).resolve()) for name in sources]
    if any(inside) and whole != published.resolve():
        raise HlnbError(f"{folder} holds the book itself; give --out another folder.")
    if apart and folder.resolve() == published.resolve():
        raise HlnbError(
            f"{folder} holds the published run alone; give --out another folder."
        )
    kept = folder if folder.resolve() != published.resolve() else root / "runs"
    chapters = chosen(root, names)
    given = _overrides(chapters, overrides, named=bool(names))
    plans = []
    for chapter in chapters:
        if problems := source_problems(chapter):
            more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
            raise HlnbError(f"{problems[0]}{more} `hlnb check` lists what to mend.")
        own = given[chapter.name]
        profile = "smoke" if smoke else "rerun" if overrides else "published"
        if smoke and own:  # no check of ours, but a reader's, at a small size
            profile = "rerun"
        parameters = (chapter.smoke() if smoke else {}) | own
        admit_together(chapter.parameters, parameters)
        failed = kept / f"{chapter.name}.failed.ipynb"
        keys = freshness.keys(chapter, parameters)
        plans.append(Plan(chapter, parameters, profile, folder, failed, keys, cache))
    return plans


def _overrides(
    chapters: list[Chapter], overrides: Sequence[tuple[str, str]], *, named: bool
) -> dict[str, dict[str, Any]]:
    """The parameters given on the command line, by chapter, in their types."""
    given: dict[str, dict[str, Any]] = {chapter.name: {} for chapter in chapters}
    counts = Counter(name for name, _ in overrides)
    if twice := [name for name, count in counts.items() if count > 1]:
        raise HlnbError(
            f"Parameter {twice[0]} is given {counts[twice[0]]} times: give it once (a "
            "list is one value: 0.1,0.5)."
        )
    for name, text in overrides:
        without = [c for c in chapters if name not in c.parameters]
        if len(without) == len(chapters) or (named and without):
            asked = without[:1] if named else chapters
            known = sorted({p for c in asked for p in c.parameters})
            subject = f"{asked[0].name} has no" if named else "No chapter has a"
            hint = did_you_mean(name, known) or f"there is {', '.join(known) or 'none'}"
            raise HlnbError(f"{subject} parameter {name!r}; {hint}.")
        for chapter in chapters:
            if chapter not in without:
                parameter = chapter.parameters[name]
                given[chapter.name][name] = parameter.admit(parameter.parse(text))
    return given
