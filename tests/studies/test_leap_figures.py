"""Figures of the chapter on leap hold what they were given; its boxes answer."""

import math
from itertools import combinations

import numpy as np
import pytest

import browser
from drawn import labels, lines
from hlnb.results import Result
from hlnb.studies.leap.figures import (
    TERM_STYLES,
    CoefficientPaths,
    TargetCard,
    cards_figure,
    coefficients,
    coefficients_figure,
    escape_figure,
    growth,
    linear_figure,
    noise_figure,
    saddle_figure,
    samples_figure,
    sum_in_words,
    term,
    ticks_html,
    words,
)

MENU = ((0,), (0, 1), (1, 2))
T = np.array([0.0, 5, 10, 20])


pytestmark = pytest.mark.usefixtures("closed")


def card(supports, leap=1, left=0.25, out=0.0):
    steps = [(support, 1) for support in supports]
    return TargetCard(steps, leap, T, np.linspace(1, left, 4), out)


def cards():
    chosen = [s for r in (1, 2, 3) for s in combinations(MENU, r)]
    return [card(s, left=0.1 * i, leap=1 + i % 3) for i, s in enumerate(chosen)]


def test_names_of_monomials():
    assert term((0, 2)) == "$z_1z_3$"
    assert words((0, 2)) == "z1z3"
    assert term(()) == "$1$"
    assert words(()) == "1"
    assert sum_in_words(MENU) == "z1 + z1z2 + z2z3"


class Lines:
    """A flow whose coefficients are straight lines."""

    times = T

    def of(self, support):
        return T * len(support)


def test_coefficients_come_from_a_result_in_time():
    steps = np.array([0, 10, 20])
    traces = {"coefficients": np.arange(12.0).reshape(2, 3, 2)}
    runs = [{"seed": 0, "lr": 1.0}, {"seed": 1, "lr": 1.0}]
    result = Result({"runs": runs}, steps, steps / 10, traces, {})
    found = coefficients(result, MENU[:2], step=0.5, limit=Lines())
    assert found.t.tolist() == [0, 5, 10]
    assert found.runs[0, 1].tolist() == [[1, 3, 5], [7, 9, 11]]
    assert found.limit[0].tolist() == T.tolist()
    assert found.limit[1][0, 1].tolist() == [0, 10, 20, 40]
    assert coefficients(result, MENU[:2], step=0.5).limit is None


def test_coefficients_of_runs_median_and_limit_are_drawn():
    runs = {s: np.array([T, 2 * T, 6 * T]) * len(s) for s in MENU[:2]}
    limit = (T, {s: T * len(s) for s in MENU[:2]})
    fig = coefficients_figure(
        {"one": CoefficientPaths(T, runs, limit), "two": CoefficientPaths(T, runs)}
    )
    left, right = fig.axes
    assert [ax.get_title() for ax in fig.axes] == ["one", "two"]
    (middle,) = lines(left, "$z_1z_2$")
    assert middle.get_ydata().tolist() == [20, 40, 80]
    assert middle.get_color() == TERM_STYLES[2][0]
    assert len(left.lines) == 2 * (3 + 1 + 1) + 1
    assert len(right.lines) == 2 * (3 + 1) + 1
    assert labels(fig) == ["$z_1$", "$z_1z_2$", "limit, d = ∞"]
    dots = [line for line in left.lines if line.get_marker() == "o"]
    assert dots[0].get_ydata() == pytest.approx(dots[0].get_xdata())
    alone = coefficients_figure({"two": CoefficientPaths(T, runs)})
    assert labels(alone) == ["$z_1$", "$z_1z_2$"]


def test_a_flow_has_one_line_in_both_panels():
    names = [f"flow {i}" for i in range(7)]
    risks = {name: (T, T + i) for i, name in enumerate(names[:4])}
    weights = {name: (T, np.array([0, 1e-9, 1e-3, 1])) for name in names[3:]}
    fig = saddle_figure(risks, weights, floor=2.0)
    left, right = fig.axes
    assert labels(fig) == [*names[:4], "out of reach", *names[4:]]
    shared = [lines(ax, "flow 3")[0] for ax in (left, right)]
    assert shared[0].get_color() == shared[1].get_color()
    assert np.isnan(shared[1].get_ydata()[0])  # 0 has no place on a log scale
    drawn = {(li.get_color(), str(li.get_linestyle())) for li in left.lines[:4]}
    assert len(drawn) == 4


def test_escape_times_censored_ones_crossed():
    networks = {
        1: {10: np.array([4.0, 5, 6]), 20: np.array([4.0, 5, 6])},
        3: {10: np.array([50.0, 60, math.inf]), 20: np.array([math.inf] * 3)},
    }
    flows = {1: {10: np.array([4.0]), 1000: np.array([8.0])}}
    fig = escape_figure(networks, flows, cap=100.0)
    left, right = fig.axes
    crosses = [line for line in left.lines if line.get_marker() == "x"]
    assert [c.get_xdata()[0] for c in crosses] == [10, 20]
    (middle,) = lines(left, "leap 3")
    assert middle.get_ydata()[0] == 60
    assert np.isnan(middle.get_ydata()[1])
    assert lines(right, "leap 1")[0].get_ydata().tolist() == [4, 8]
    assert labels(fig) == ["leap 1", "leap 3"]


def test_linear_methods_and_their_floor():
    found = {
        "alone": {"cubic kernel": {10: np.array([0.5, 0.7, 0.6])}},
        "chain": {"network, fresh samples": {10: np.array([1.0]), 30: np.array([0.2])}},
    }
    fig = linear_figure(found, floor=([10, 30], [0.9, 0.7]))
    left, right = fig.axes
    assert lines(left, "cubic kernel")[0].get_ydata().tolist() == [0.6]
    (floor,) = lines(left, "no linear method is below")
    assert floor.get_ydata().tolist() == [0.9, 0.7]
    assert not lines(right, "no linear method is below")
    assert labels(fig) == [
        "no linear method is below",
        "cubic kernel",
        "network, fresh samples",
    ]


def test_counts_of_samples_by_batch_and_by_dimension():
    searched = {
        1: {16: np.array([math.inf, 900.0]), 64: np.array([2000.0, 1000])},
        3: {64: np.array([7000.0, 9000])},
    }
    fewest = {1: {30: np.array([900.0, 1000, math.inf]), 60: np.array([2000.0] * 3)}}
    fig = samples_figure(searched, fewest, ([30, 60], [2030.0, 17110.0]))
    left, right = fig.axes
    (middle,) = lines(left, "leap 1")
    assert middle.get_xdata().tolist() == [16, 64]
    assert np.isnan(middle.get_ydata()[0])
    assert middle.get_ydata()[1] == 1500
    dots = [len(li.get_ydata()) for li in left.lines if li.get_alpha() == 0.5]
    assert dots == [1, 2, 2]  # a run that did not arrive has no mark
    (across,) = lines(right, "leap 1")
    assert across.get_ydata().tolist() == [1000, 2000]
    assert lines(right, "no linear method is below")[0].get_ydata()[1] == 17110
    assert labels(fig) == ["leap 1", "leap 3", "no linear method is below"]


def test_what_is_left_against_noise_a_line_for_each_step():
    risks = {
        (0.5, 100): np.array([0.4, 0.5, 0.6]),
        (0.5, 400): np.array([0.3, 0.3, 0.3]),
        (0.125, 100): np.array([0.2, 0.2, 0.2]),
    }
    fig = noise_figure(risks, {0.125: 0.05, 0.5: 0.25}, limit=0.01)
    (ax,) = fig.axes
    (coarse,) = lines(ax, "step 0.5")
    assert coarse.get_xdata() == pytest.approx([1 / 800, 1 / 200])
    assert coarse.get_ydata() == pytest.approx([0.3, 0.5])
    (calm,) = lines(ax, "step 0.125, no noise")
    assert calm.get_ydata() == pytest.approx([0.05])
    assert calm.get_xdata()[0] < 1 / 800
    assert calm.get_color() == lines(ax, "step 0.125")[0].get_color()
    assert lines(ax, "limit flow")[0].get_ydata()[0] == 0.01
    assert [t.get_text() for t in ax.get_xticklabels()] == ["1/800", "1/200"]


def test_a_row_for_each_target_and_a_mark_at_its_end():
    found = cards()
    fig = cards_figure(found)
    (ax,) = fig.axes
    names = [text.get_text() for text in ax.get_yticklabels()]
    assert len(names) == 7
    ordered = sorted(found, key=lambda c: (c.leap, c.share[-1]), reverse=True)
    assert names[-1] == " + ".join(term(s) for s in ordered[-1].supports)
    (mark,) = lines(ax, "leap 2")
    rows = [i for i, c in enumerate(ordered) if c.leap == 2]
    assert mark.get_ydata().tolist() == rows
    assert mark.get_xdata() == pytest.approx([ordered[i].share[-1] for i in rows])


def test_growth_in_words_follows_the_heuristic():
    assert growth(1) == "does not grow with d"
    assert growth(2) == "grows like log d"
    assert growth(3) == "grows like √d"
    assert growth(4) == "grows like d^1"
    assert growth(5) == "grows like d^1.5"


def test_every_choice_has_a_rule_and_a_card_and_no_script():
    html = ticks_html(MENU, cards(), ticked=[(0, 1)])
    assert html.count('type="checkbox"') == 3
    assert html.count(" checked>") == 1
    assert html.count('class="hlnb-choice ') == html.count(" ~ div .hlnb-ticks-") == 8
    assert html.count("<svg") == html.count("aria-label=") - 1 == 7
    assert "<script" not in html
    assert "<img" not in html


def test_boxes_show_the_card_of_what_is_ticked(tmp_path, chromium):
    """In a browser, with a mouse and with the keyboard."""
    page_of = tmp_path / "page.html"
    found = cards()
    html = ticks_html(MENU, found, ticked=[(0,), (0, 1)])
    page_of.write_text(f"<!doctype html><meta charset=utf-8>{html}", "utf8")
    shown = """() => [...document.querySelectorAll('.hlnb-choice')]
        .filter(c => c.offsetHeight > 0).map(c => c.innerText)"""

    def expect(page, *supports):
        (text,) = page.evaluate(shown)
        if supports:
            mine = next(c for c in found if set(c.supports) == set(supports))
            assert f"Leap {mine.leap}." in text
            assert f"from 1 to {mine.share[-1]:.2f} of" in text
        else:
            assert "Tick a monomial" in text

    at = page_of.as_uri()
    with browser.visit(chromium, at, mode="light") as (page, problems):
        expect(page, (0,), (0, 1))
        page.click("label[for=hlnb-ticks-2]")
        expect(page, (0,), (0, 1), (1, 2))
        for box in (0, 1):
            page.focus(f"#hlnb-ticks-{box}")
            page.keyboard.press("Space")
        expect(page, (1, 2))
        page.click("#hlnb-ticks-2")
        expect(page)
        assert not problems
