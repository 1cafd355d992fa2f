"""What each chapter has for readers and teachers, in its source and its run."""

import json
import re
from pathlib import Path

import pytest

from hlnb.publishing import chapters, copies

ROOT = Path(__file__).parents[2]
ALL = chapters.load(ROOT)
ANSWER = re.compile(
    r"```\{admonition\} Answer\n:class: dropdown\n(.*?)\n```", re.DOTALL
)
QUESTION = re.compile(
    r"```\{admonition\} ([^\n]+\?)\n:class: dropdown hlnb-check\n(.+?)\n```", re.DOTALL
)
# In the effect of a parameter: what only another line or another chapter explains
ELSEWHERE = re.compile(
    r"(?i)^its\b|^draws of each\b|\bthere\b|\bsee the\b|\b(?:beside|given) it\b"
    r"|\bit is given\b|^(?:bits|images|inputs|pictures|problems|noise)\b[^,:;]* or "
    r"|^more noise in \w+ or |^units: "
)
each = pytest.mark.parametrize("chapter", ALL, ids=lambda c: c.name)


def prose(chapter):
    return "\n\n".join(
        chapters.text_of(c) for c in chapter.cells if c["cell_type"] == "markdown"
    )


@each
def test_each_prediction_has_one_answer_that_is_hidden_glued_and_after_it(chapter):
    text = prose(chapter)
    asked = [m.start() for m in re.finditer(r"\{admonition\} Predict\n", text)]
    answers = [*ANSWER.finditer(text)]
    assert len(asked) == len(answers) >= 2
    for number, answer in enumerate(answers, start=1):
        assert "{glue:text}" in answer[1]
        assert sum(place < answer.start() for place in asked) >= number


@each
def test_the_first_paragraph_says_what_was_found_and_what_it_rests_on(chapter):
    short = re.match(r"# .*\n+(\*\*In short\.\*\* .+)\n", prose(chapter))
    assert short, "no first paragraph **In short.**"
    assert len(short[1].split()) <= 2 + 60
    assert "{glue:text}" in short[1]
    copy = ROOT / "book" / "chapters" / f"{chapter.name}.ipynb"
    own = {claim["id"] for claim in copies.claims_of(copy)}
    rests_on = chapter.metadata.get("rests_on")
    assert rests_on
    assert set(rests_on) <= own


@each
def test_three_questions_to_check_oneself(chapter):
    assert len(QUESTION.findall(prose(chapter))) == 3


@each
def test_exercises_of_three_sizes(chapter):
    text = prose(chapter)
    for size in ("Tweak", "Twiddle", "Frob"):
        assert len(re.findall(rf"\*\*{size}\.\*\*", text)) == 1


@each
def test_a_tagged_solution_is_executed_and_its_text_is_folded(chapter):
    executed = json.loads(
        (ROOT / "book" / "chapters" / f"{chapter.name}.ipynb").read_text("utf8")
    )
    tagged = [c for c in executed["cells"] if "solution" in chapters.tags_of(c)]
    after = "".join("c" if c in tagged else " " for c in executed["cells"])
    folded = prose(chapter).count("{admonition} Solution\n:class: dropdown")
    assert folded == len(after.split())  # a solution is one cell, or a few in a row
    assert all(cell["execution_count"] for cell in tagged)


@each
def test_every_parameter_has_a_range_and_an_effect(chapter):
    for parameter in chapter.parameters.values():
        assert parameter.range or parameter.choices or parameter.form, parameter.name
        assert parameter.effect, parameter.name
        lost = re.findall(ELSEWHERE, parameter.effect)  # its line stands alone
        assert not lost, (parameter.name, parameter.effect)


@each
def test_common_wrong_answers_have_a_reply(chapter):
    wrong = chapter.metadata["seminar"]["wrong"]
    assert len(wrong) >= 2
    assert all(len(pair) == 2 and all(pair) for pair in wrong)
    sections = chapter.metadata["seminar"].get("sections", {})
    for title in sections:
        assert re.search(rf"(?m)^## {re.escape(title)}$", prose(chapter)), title


@each
def test_minutes_to_read_are_those_of_its_words(chapter):
    assert 1 <= len(prose(chapter).split()) / 200 < 60


@each
def test_every_exercise_has_its_solution(chapter):
    parts = re.split(r"\*\*(?:Tweak|Twiddle|Frob)\.\*\*", prose(chapter))[1:]
    assert len(parts) == 3
    for part in parts:
        assert "```{admonition} Solution\n:class: dropdown\n" in part


@each
def test_every_chapter_has_a_widget(chapter):
    code = "\n".join(
        chapters.text_of(c) for c in chapter.cells if c["cell_type"] == "code"
    )
    assert re.search(r"Film\(|Choices\(|ticks_html\(", code)
