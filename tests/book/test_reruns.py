"""The page of worked re-runs: its commands parse, its Python runs."""

import re
import shlex
from pathlib import Path

import pytest
import yaml
from papermill.cli import _resolve_type

from hlnb.errors import HlnbError
from hlnb.parameters import Parameter
from hlnb.publishing import chapters
from hlnb.publishing.cli import _parser
from hlnb.training.executors import Here

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "book" / "reruns.md").read_text("utf8")
COMMANDS = [
    line
    for block in re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
    for line in block.strip().splitlines()
]
SNIPPETS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_there_are_three_ways():
    assert len(re.findall(r"(?m)^## ", PAGE)) == 3
    assert [c.split()[0] for c in COMMANDS] == ["papermill", "hlnb", "hlnb"]


def test_the_papermill_command_sets_parameters_that_exist_and_are_in_range():
    words = shlex.split(COMMANDS[0])
    (chapter,) = chapters.select(chapters.load(ROOT), [Path(words[1]).stem])
    given = {}
    for flag, name, value in zip(words, words[1:], words[2:], strict=False):
        if flag == "-p":
            given[name] = value
        elif flag == "-y":
            key, _, listed = name.partition(": ")
            given[key] = listed
    assert len(given) == 6
    for name, text in given.items():
        parameter = chapter.parameters[name]
        parameter.admit(parameter.parse(text))


def test_numbers_are_what_the_page_of_parameters_says_they_are():
    page = (ROOT / "book" / "parameters.md").read_text("utf8")
    given = re.search(r'`-y "(lrs: \[.*?\])"`', page)[1]
    assert yaml.safe_load(given) == {"lrs": [0.01, 0.1]}
    text, number = re.search(
        r"`(\S+)` is text there, .* `(\S+)` a number", page
    ).groups()
    assert yaml.safe_load(text) == text
    assert (
        yaml.safe_load(number) == _resolve_type(text) == _resolve_type(number) == 0.01
    )
    rates = Parameter("lrs", "list[float]", [1e-5], "rates")
    assert rates.parse(re.search(r"`-p lrs (\S+)`", page)[1]) == [0.01, 0.1]
    with pytest.raises(HlnbError, match=r"as text: use -y 'lrs: \[1\.0e-05\]'") as told:
        rates.take("[1e-05]")
    shown = re.search(r"-y '(.*)'", str(told.value))[1]
    assert rates.take(yaml.safe_load(shown)["lrs"]) == [1e-5]


@pytest.mark.parametrize("command", COMMANDS[1:])
def test_the_books_own_commands_are_understood(command):
    arguments = _parser().parse_args(shlex.split(command)[1:])
    for name in getattr(arguments, "chapters", []):
        (chapter,) = chapters.select(chapters.load(ROOT), [name])
        for parameter, text in arguments.parameters:
            chapter.parameters[parameter].admit(
                chapter.parameters[parameter].parse(text)
            )


def test_the_snippets_run(monkeypatch, capsys):
    """With smaller numbers, and in this process."""
    compare, experiment = SNIPPETS
    exec(compile(compare, "reruns.md", "exec"), {})
    assert capsys.readouterr().out == "[('a', 'moved', 7.0)]\n"
    small = {"epochs=40": "epochs=2", "range(3)": "range(2)", "d=100": "d=60"}
    for old, new in small.items():
        assert old in experiment
        experiment = experiment.replace(old, new)
    monkeypatch.setattr("hlnb.training.sweep.processes", lambda: Here())
    exec(compile(experiment, "reruns.md", "exec"), {})
    simultaneous, layerwise = capsys.readouterr().out.strip().splitlines()
    assert simultaneous.startswith("simultaneous ")
    assert layerwise.startswith("layer-wise ")
