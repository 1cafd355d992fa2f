"""Exercises: a command that they print works as it is printed, and asks no solution."""

import re
import shlex
from pathlib import Path

import pytest
import yaml
from papermill.cli import _resolve_type

from hlnb.parameters import admit_together
from hlnb.publishing import chapters
from hlnb.publishing.editions import without_solutions

ROOT = Path(__file__).parents[2]
CHAPTERS = chapters.load(ROOT)
EXERCISE = re.compile(r"(?m)^\*\*(?:Tweak|Twiddle|Frob)\.\*\* .*$")


def exercises(cells: list[dict]) -> list[str]:
    texts = [chapters.text_of(c) for c in cells if c["cell_type"] == "markdown"]
    return EXERCISE.findall("\n".join(texts))


COMMANDS = [
    (chapter, command)
    for chapter in CHAPTERS
    for text in exercises(chapter.cells)
    for command in re.findall(r"`((?:papermill|hlnb|-[pyr]) [^`]*)`", text)
]


@pytest.mark.parametrize(
    ("chapter", "command"), COMMANDS, ids=[c.name for c, _ in COMMANDS]
)
def test_a_command_of_an_exercise_works_as_printed(chapter, command):
    program, source, _, *options = shlex.split(command)
    assert program == "papermill"
    assert (ROOT / source).samefile(chapter.path)
    given = {}
    while options:
        option, first, *options = options
        if option == "-p":
            text, *options = options
            given[first] = _resolve_type(text)
        else:
            assert option == "-y", option
            given |= yaml.safe_load(first)
    assert given.keys() <= chapter.parameters.keys()
    for name, value in given.items():  # papermill takes a list in -p as a string
        assert chapter.parameters[name].coerce(value) == value
        assert value != chapter.parameters[name].default
    admit_together(chapter.parameters, given)


def test_most_chapters_have_an_exercise_of_one_command():
    assert len({chapter.name for chapter, _ in COMMANDS}) >= 14


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda c: c.name)
def test_an_exercise_speaks_of_no_solution_that_students_do_not_have(chapter):
    stripped = without_solutions(chapter.notebook, name=chapter.name)
    for text in exercises(stripped["cells"]):
        assert not re.search(r"\b[Tt]he solution\b(?! of)", text), text
