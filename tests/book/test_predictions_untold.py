"""A prediction's answer is not told in the open, and its words hold in the run."""

import re
from itertools import pairwise, takewhile
from pathlib import Path

import pytest

from hlnb.publishing import chapters
from hlnb.publishing.render import executed

ROOT = Path(__file__).parents[2]
ALL = chapters.load(ROOT)
RUN = {found.name[:2]: found for found in executed.load(ROOT)}
BOX = re.compile(r"```\{admonition\} ([^\n]+)\n:class: ([^\n]+)\n(.*?)\n```", re.DOTALL)
GLUED = re.compile(r"\{glue:text\}`((?:[^`:]+::)?[^`:]+)")
BOLD = re.compile(r"\*\*(.+?)\*\*", re.DOTALL)
# What a reader sees who has opened nothing leans on what is folded
LEANS = re.compile(
    r"(?i)\bthe answers? (?:above|before|to the prediction)\b|\bsee the answer\b"
    r"|\bas we (?:saw|have seen)\b|\b(?:seen|shown|measured|found) above\b"
    r"|\bin the (?:fold|box) above\b"
)
READINGS = ("printed", "unit")
each = pytest.mark.parametrize("chapter", ALL, ids=lambda c: c.name)


def parts(chapter):
    """The text in order, as (kind, text): open, Predict, Answer, folded."""
    text = "\n\n".join(
        chapters.text_of(c) for c in chapter.cells if c["cell_type"] == "markdown"
    )
    found, place = [], 0
    for box in BOX.finditer(text):
        title, classes, inside = box.groups()
        kind = "folded" if "dropdown" in classes else "open"
        found.append(("open", text[place : box.start()]))
        found.append((title if title in ("Predict", "Answer") else kind, inside))
        place = box.end()
    return [*found, ("open", text[place:])]


def names(text):
    return set(GLUED.findall(text))


def asked(answer):
    """The numbers that answer the question: those in bold, or else the first."""
    bold = [name for strong in BOLD.findall(answer) for name in GLUED.findall(strong)]
    return set(bold or GLUED.findall(answer)[:1])


def told(chapter):
    """For each answer the numbers asked for that stand open before or after it.

    After: in its own section.
    """
    found = parts(chapter)
    for place, (kind, answer) in enumerate(found):
        if kind != "Answer":
            continue
        seen = [text for kind, text in found[:place] if kind in ("open", "Predict")]
        later = "".join(text for kind, text in found[place + 1 :] if kind == "open")
        lines = takewhile(lambda line: not line.startswith("## "), later.split("\n"))
        yield asked(answer) & names("\n".join([*seen, *lines]))


@each
def test_no_number_that_answers_stands_in_the_open(chapter):
    assert not [told_of for told_of in told(chapter) if told_of]


@each
def test_no_open_sentence_leans_on_an_answer(chapter):
    for kind, text in parts(chapter):
        if kind == "open":
            assert not LEANS.findall(text)


def number(chapter, name):
    """A number of an executed chapter: of a text the first number in it."""
    value = RUN[chapter].glued[name]
    if isinstance(value, str):
        value = re.search(r"-?\d[\d,]*(?:\.\d+)?", value.replace("−", "-"))[0]
        return float(value.replace(",", ""))
    return float(value)


def epochs(chapter, reading):
    return number(chapter, f"sim_{reading}")


def times_as_many(chapter, other, reading):
    """The epochs of a toy problem over those of another."""
    return epochs(chapter, reading) / epochs(other, reading)


def steepest(chapter, reading, chance=0.5):
    """The phase of layer-wise training, from 1, in which the error falls most."""
    ends = [chance, *(number(chapter, f"phase_{k}_{reading}") for k in (1, 2, 3))]
    falls = [before - end for before, end in pairwise(ends)]
    return 1 + falls.index(max(falls))


def smallest_soonest():
    """The toy problems whose soonest rate is the smallest."""
    rates = {n: number(f"0{n + 1}", "soonest_unit") for n in range(1, 6)}
    return [n for n, rate in rates.items() if rate == min(rates.values())]


def change(name):
    """The sign of a change in chapter 08; 0, if its interval holds 0."""
    words = RUN["08"].glued[name].replace("−", "-")
    low, high = map(float, re.findall(r"[-+][\d.]+", words)[1:])
    return (low > 0) - (high < 0)


def in_part_3(name):
    """How the median accuracy of chapter 09 changes in part 3."""
    return number("09", f"{name}_3") - number("09", f"{name}_2")


def examples(size):
    """The examples that batches of a size take in chapter 11, in the median."""
    for told in RUN["11"].glued["batch_spent"].split("; "):
        if told.endswith(f"in batches of {size}"):
            return float(told.split()[0])


# By chapter: the words of an answer that are typed, and whether the run bears them
WORDS = {
    "02": {"About ten times": 8 < epochs("02", "unit") / epochs("02", "printed") < 12},
    "03": {
        "In the last, that of the readout": steepest("03", "unit") == 3,
        "falls most while the hidden layer learns": steepest("03", "printed") == 2,
    },
    "04": {
        "At unit length only": times_as_many("04", "03", "unit") < 1
        and times_as_many("04", "03", "printed") >= 1,
        "In the second phase": steepest("04", "unit", 0.75) == 2
        and steepest("04", "printed", 0.75) == 2,
    },
    "05": {
        "More, but less than five times as many": all(
            1 < times_as_many("05", "02", reading) < 5 for reading in READINGS
        ),
        "One of each": number("05", "lwt_train_unit") > 0.1
        and number("05", "lwt_train_printed") < 0.05
        and number("05", "lwt_unseen_printed") > 0.1,
    },
    "06": {
        "About a quarter": 0.2 < times_as_many("06", "03", "unit") < 0.35,
        "About half as many": 0.35
        < number("06", "hidden_reached_unit") / number("06", "lwt_reached_unit")
        < 0.65,
    },
    "07": {
        "On problem 3,": smallest_soonest() == [3],
        "On problem 4 alone": number("07", "p4_property_3_unit") > 4
        and number("07", "p3_property_3_unit") < 4,
        "problem 4 lacks Property 2": number("07", "p4_property_2_unit") == 0
        and number("07", "p4_property_1_unit") > 4
        and number("07", "p4_property_4_unit") > 4,
        "Next to none": number("07", "anew_start") < 0.02,
    },
    "08": {
        "About three points": 0.02
        < number("08", "first_high") - number("08", "first_low")
        < 0.04,
        "The first alone": [
            change(name) for name in ("orientation", "mean_colour", "colour_opponency")
        ]
        == [1, 0, -1],
    },
    "09": {
        "which is above": in_part_3("lwt") > 0,
        "which is below": in_part_3("sgd") < 0,
    },
    "10": {
        "None:": number("10", "strictly") == 0,
        "About a third": 0.25 < number("10", "two_high_left") < 0.4,
    },
    "11": {"About fifteen times as many": 12 < examples(1000) / examples(10) < 18},
}


@pytest.mark.parametrize("chapter", sorted(WORDS))
def test_the_words_of_an_answer_are_borne_by_the_run(chapter):
    (source,) = (one for one in ALL if one.name.startswith(chapter))
    answers = "\n".join(text for kind, text in parts(source) if kind == "Answer")
    for words, holds in WORDS[chapter].items():
        assert words in answers
        assert holds, words
