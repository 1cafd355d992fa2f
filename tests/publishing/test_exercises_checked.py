"""`hlnb exercise`: an answer of the book is right, a wrong one is not, none is told."""

import json
import math
import shutil
from pathlib import Path

import pytest
import yaml

from hlnb.errors import HlnbError
from hlnb.publishing import copies, editions, exercises
from hlnb.publishing.chapters import read_notebook
from hlnb.publishing.cli import main
from hlnb.publishing.render.executed import Executed

ROOT = Path(__file__).parents[2]
ANSWERS = yaml.safe_load((ROOT / exercises.ANSWERS).read_text("utf8"))
CATALOGUE = {one.id: one for one in exercises.catalogue(ROOT)}
NAMES = {path.stem for path in (ROOT / "book/chapters").glob("*.ipynb")}


def glued(id: str) -> dict:
    path = ROOT / "book" / "chapters" / f"{CATALOGUE[id].chapter}.ipynb"
    return Executed(path).glued


def solved(id: str) -> float:
    """The number that the book's own solution gives."""
    known = exercises.numbers(glued(id))
    text = str(ANSWERS[id]["number"])
    return eval(text, {"__builtins__": {}}, known)


@pytest.mark.parametrize("id", ANSWERS)
def test_the_answer_of_the_book_is_right_and_a_wrong_one_is_not(id):
    one = CATALOGUE[id]
    assert one.asks == ANSWERS[id]["asks"]
    if one.choices:
        right = [w for w in one.choices if exercises.check(one, w) == exercises.RIGHT]
        assert len(right) == 1
        assert exercises.check(one, f"  {right[0].upper()} ") == exercises.RIGHT
        wrong = [w for w in one.choices if w not in right]
        assert wrong
        assert {exercises.check(one, w) for w in wrong} == {exercises.NOT_YET}
        return
    number = solved(id)
    assert math.isfinite(number)
    assert exercises.check(one, f"{number:.6g}") == exercises.RIGHT
    for off in (10 * number + 7, -number - 11, number + 1e6):
        assert exercises.check(one, f"{off}") == exercises.NOT_YET


def test_a_number_is_near_up_to_three_times_as_far_off_as_what_is_right():
    one, number = CATALOGUE["2-2"], solved("2-2")
    found = [exercises.check(one, f"{number + off}") for off in (0.009, 0.02, 0.05)]
    assert found == [exercises.RIGHT, exercises.NEAR, exercises.NOT_YET]
    one = CATALOGUE["7-2"]  # counts have no near
    assert exercises.check(one, f"{solved('7-2') + 1:.0f}") == exercises.NOT_YET


def test_a_range_of_the_runs_is_what_is_right():
    known = exercises.numbers(glued("18-2"))
    low, high = known["ratio_anew_low"], known["ratio_anew_high"]
    one = CATALOGUE["18-2"]
    assert exercises.check(one, f"{low:g}") == exercises.RIGHT
    assert exercises.check(one, f"{high:g}") == exercises.RIGHT
    assert exercises.check(one, f"{high + 0.4:g}") == exercises.NEAR


def test_what_glued_texts_say():
    texts = {
        "a": "38.5 [18–>120], 45 of 60 reached",
        "b": "0.17 [0.01 to 0.31]",
        "c": "not reached within 60, 0 of 3 reached",
        "d": "−0.963",
        "e": "4,148",
        "f": "1.2e-02 [1.7e-03–5.9e-02]",
        "g": 7,
        "h": "a word",
    }
    found = exercises.numbers(texts)
    assert found["a"] == 38.5
    assert (found["a_low"], found["a_high"]) == (18, 120)
    assert (found["a_reached"], found["a_runs"]) == (45, 60)
    assert (found["b_low"], found["b_high"]) == (0.01, 0.31)
    assert math.isinf(found["c"])
    assert found["c_reached"] == 0
    assert (found["d"], found["e"], found["f"]) == (-0.963, 4148, 0.012)
    assert found["f_high"] == 0.059
    assert found["g"] == 7
    assert "h" not in found


def test_an_exercise_without_an_answer_is_open_and_says_so():
    opened = [one for one in CATALOGUE.values() if not one.asks]
    assert opened
    assert {one.id for one in opened}.isdisjoint(ANSWERS)
    with pytest.raises(HlnbError, match="no single answer"):
        exercises.check(opened[0], "1")


def test_most_tweaks_and_twiddles_are_checked():
    for size, least in (("Tweak", 20), ("Twiddle", 22)):
        of = [one for one in CATALOGUE.values() if one.size == size]
        assert len(of) == len(NAMES)
        assert sum(bool(one.asks) for one in of) >= least


def test_a_start_brings_names_that_the_package_has():
    for one in CATALOGUE.values():
        lines = one.start.splitlines()
        bring, told = lines[:-1], lines[-1:] or ["# for you: "]
        names: dict = {}
        exec("\n".join(bring), names)
        for tool in told[0].removeprefix("# for you: ").split(", "):
            eval(tool or "None", names)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["exercise", "99-1"], "no exercise '99-1'"),
        (["exercise", "18-2", "--answer", "abc"], "'abc' is no number"),
        (["exercise", "18-2", "--answer", "nan"], "'nan' is no number"),
        (["exercise", "19-1", "--answer", "seven"], "'seven' is no choice"),
        (["exercise", "--answer", "1"], "Say which exercise"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(given, said, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    assert main(given) == 1
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1


def test_an_entry_that_the_chapter_does_not_answer_is_refused(tmp_path):
    folder = tmp_path / "book" / "chapters"
    folder.mkdir(parents=True)
    (tmp_path / "notebooks").mkdir()
    name = "18_linear_regression"
    for ending in (".ipynb", ".provenance.json"):
        shutil.copy(ROOT / "book" / "chapters" / f"{name}{ending}", folder)
    shutil.copy(ROOT / "notebooks" / f"{name}.ipynb", tmp_path / "notebooks")
    entry = "18-1: {asks: 'What?', number: nothing, within: 1}"
    (tmp_path / exercises.ANSWERS).write_text(entry)
    with pytest.raises(HlnbError, match="18-1: the chapter does not give"):
        exercises.catalogue(tmp_path)


def test_a_student_edition_checks_alone_and_holds_no_answer(
    tmp_path, monkeypatch, capsys
):
    folder = tmp_path / "students"
    editions.write_source(ROOT, folder)
    assert not (folder / exercises.ANSWERS).exists()
    text = (folder / exercises.SEALED).read_text("utf8")
    assert [exercises.Exercise(**one) for one in json.loads(text)] == [
        *CATALOGUE.values()
    ]
    for names in ("number", "words", "within", "exact", "glued"):
        assert f'"{names}"' not in text
    alone = tmp_path / "alone"
    (alone / "notebooks").mkdir(parents=True)
    (alone / "book").mkdir()
    shutil.copy(folder / "_config.yml", alone)
    shutil.copy(folder / exercises.SEALED, alone / "book")
    monkeypatch.chdir(alone)
    assert main(["exercise", "18-2", "--answer", f"{solved('18-2')}"]) == 0
    assert capsys.readouterr().out == "Right.\n"
    assert main(["exercise", "18-2", "--answer", "-40"]) == 3
    assert capsys.readouterr().out == "Not yet.\n"
    assert main(["exercise", "18-1"]) == 0
    assert "papermill notebooks/18_linear_regression.ipynb" in capsys.readouterr().out
    assert main(["exercise"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + len(CATALOGUE)


def test_the_catalogue_is_of_the_copies_that_the_book_has():
    for one in CATALOGUE.values():
        path = ROOT / "book" / "chapters" / f"{one.chapter}.ipynb"
        assert copies.provenance(path)
        assert one.question.split()[0] in json.dumps(
            read_notebook(path), ensure_ascii=False
        )
