"""Prose of a page: terms linked once, where they are text; equations numbered."""

import pytest

from hlnb.publishing.render.text import label_equations, link_terms, terms, typeset

GLOSSARY = """# Glossary

:::{glossary}
:sorted:

toy problem
  One of five; made of patterns.

parity
  A product.

run
  One training.
:::

not a term
"""


def test_terms_are_the_heads_of_the_glossary():
    assert terms(GLOSSARY) == ["toy problem", "parity", "run"]
    assert terms("# No glossary") == []


def test_only_the_first_use_is_linked_and_keeps_its_form():
    one, two = link_terms(
        ["Two Toy\nproblems, a toy problem.", "toy problem"], terms(GLOSSARY)
    )
    assert one == "Two {term}`Toy problems <toy problem>`, a toy problem."
    assert two == "toy problem"


def test_plurals_in_ies_are_known_and_parts_of_words_are_none():
    assert link_terms(["All parities."], ["parity"]) == [
        "All {term}`parities <parity>`."
    ]
    for text in ("disparity", "parity-like", "sub-parity", "parityx"):
        assert link_terms([text], ["parity"]) == [text]


def test_the_longer_term_wins():
    known = ["leap", "leap complexity"]
    assert link_terms(["leap complexity, leap"], known) == [
        "{term}`leap complexity <leap complexity>`, {term}`leap <leap>`"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "# A parity",
        "`parity`",
        "$parity$",
        "$$\nparity\n$$",
        "[a parity](x.md)",
        "{doc}`parity <x>`",
        "| parity | 1 |",
        "```python\nparity\n```",
        ":::{code} python\nparity\n:::",
        "```{math}\nparity\n```",
        "```{admonition} A parity\n:class: parity\nx\n```",
        '<b title="parity">x</b>',
        "**parity**",
    ],
)
def test_what_is_no_running_text_stays(text):
    assert link_terms([text], ["parity"]) == [text]
    assert link_terms([text, "parity"], ["parity"])[1] == "{term}`parity <parity>`"


def test_text_in_boxes_is_text():
    box = "```{admonition} Predict\n:class: tip\nIs parity hard?\n```"
    assert "Is {term}`parity <parity>` hard" in link_terms([box], ["parity"])[0]


def test_what_is_linked_by_hand_is_not_linked_again():
    for text in ("a parity, {term}`parity`", "a parity, {term}`parities <parity>`"):
        assert link_terms([text], ["parity"]) == [text]


def test_words_of_plain_english_are_not_linked():
    assert link_terms(["We run it."], ["run"]) == ["We run it."]


def test_equations_without_a_label_get_one_in_order():
    found = label_equations(
        ["$$\na\n$$\n\n$$\nb\n$$ (eq-mine)", "x $a$\n\n$$c$$\n"], "05"
    )
    assert found == [
        "$$\na\n$$ (eq-05-1)\n\n$$\nb\n$$ (eq-mine)",
        "x $a$\n\n$$c$$ (eq-05-2)\n",
    ]


def test_equations_in_code_stay_and_those_in_boxes_are_labelled():
    code = "```python\n$$\na\n$$\n```"
    assert label_equations([code], "05") == [code]
    box = "```{prf:theorem} X\n:label: t\n$$\na\n$$\n```"
    assert "$$ (eq-05-1)\n```" in label_equations([box], "05")[0]


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("1.5e-15 [7.5e-16–1e+20]", "1.5 × 10⁻¹⁵ [7.5 × 10⁻¹⁶–10²⁰]"),
        ("-1e-05, -2.5e3, 0.0e+00", "−10⁻⁵, −2.5 × 10³, 0"),
        ("from -0.06 to -.5, [-1 to 2]", "from −0.06 to −.5, [−1 to 2]"),
        ("on 2026-11-29, x-1, LMS-7, 5-8", "on 2026-11-29, x-1, LMS-7, 5-8"),
        ("in x1e5, seed1.5e3", "in x1e5, seed1.5e3"),
        ("key 1e5f, a 3e2b, version 1.2e3.4", "key 1e5f, a 3e2b, version 1.2e3.4"),
        ("-p first_seed, e-5, one-1e", "-p first_seed, e-5, one-1e"),
    ],
)
def test_numbers_are_typeset_as_print_has_them(typed, shown):
    assert typeset(typed) == shown
