"""Figures of the chapter on the random hierarchy model hold what they were given."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from drawn import labels, lines
from hlnb.studies.random_hierarchy.figures import (
    CHANGED,
    GRAMMARS,
    KEPT,
    LEVELS,
    OTHER,
    collapse_figure,
    errors_figure,
    factors_figure,
    grammar_style,
    levels_figure,
    rates_figure,
    ratios_figure,
    sensitivity_figure,
    symbol_name,
    tree_figure,
    two_layers_figure,
    uncorrelated_figure,
    word,
)

pytestmark = pytest.mark.usefixtures("closed")


def test_symbols_have_names():
    assert symbol_name(2, level=2, depth=2) == "C"
    assert symbol_name(2, level=1, depth=2) == "c"
    assert symbol_name(2, level=0, depth=2) == "3"
    assert word([0, 3, 1], level=0, depth=2) == "1 4 2"


def test_a_tree_shows_every_symbol_below_its_parent():
    symbols = [[0, 1, 2, 0], [1, 0], [2]]
    changed = [[False, False, True, True], [False, True], [False]]
    fig = tree_figure(symbols, changed, title="one")
    (ax,) = fig.axes
    found = {t.get_position(): t for t in ax.texts}
    assert [t.get_text() for t in ax.texts] == [*"1231", "b", "a", "C"]
    assert found[3, 1].get_text() == "a"
    assert found[2, 2].get_text() == "C"
    ends = {tuple(map(tuple, line.get_xydata())) for line in ax.lines}
    assert ends == {
        *(((i + 0.5, 0), (1 if i < 2 else 3, 1)) for i in range(4)),
        *(((i, 1), (2, 2)) for i in (1, 3)),
    }
    grounds = [t.get_bbox_patch().get_facecolor() for t in ax.texts]
    assert grounds[2] == grounds[5] != grounds[0]
    assert grounds[0] == plt.matplotlib.colors.to_rgba(KEPT)
    assert grounds[2] == plt.matplotlib.colors.to_rgba(CHANGED)
    names = [t.get_text() for t in ax.get_yticklabels()]
    assert names == ["input", "level 1", "class"]
    assert ax.get_title() == "one"


def test_grammars_differ_in_colour_dashes_and_marker():
    for part in range(3):
        assert len({str(look[part]) for look in GRAMMARS.values()}) == len(GRAMMARS)
    assert grammar_style("v = 6, L = 2") == GRAMMARS["v = 6, L = 2"]
    assert grammar_style("v = 3, L = 5") == OTHER


def test_errors_in_several_units():
    found = {
        "v = 6, L = 2": {100: np.array([0.9, 0.7, 0.8]), 400: np.array([0.1, 0, 0.3])},
        "v = 4, L = 3": {256: np.array([0.5, 0.6])},
    }
    scales = {
        "strings": {"v = 6, L = 2": 1, "v = 4, L = 3": 1},
        "strings / P*": {"v = 6, L = 2": 200, "v = 4, L = 3": 256},
    }
    beside = {"v = 6, L = 2": {200: np.array([0.4, 0.2, 0.3])}}
    fig = errors_figure(found, scales, beside=beside)
    left, right = fig.axes
    assert [ax.get_xlabel() for ax in fig.axes] == ["strings", "strings / P*"]
    assert left.get_ylabel() == "test error / error of guessing"
    (middle,) = lines(right, "v = 6, L = 2")
    assert middle.get_xdata().tolist() == [0.5, 2]
    assert middle.get_ydata().tolist() == [0.8, 0.1]
    assert middle.get_color() == GRAMMARS["v = 6, L = 2"][0]
    assert lines(left, "v = 6, L = 2")[0].get_xdata().tolist() == [100, 400]
    (other,) = lines(right, "deep CNN")
    assert other.get_xdata().tolist() == [1]
    assert other.get_ydata().tolist() == [0.3]
    dots = [line for line in left.lines if line.get_alpha() == 0.45]
    assert sum(len(line.get_ydata()) for line in dots) == 8
    first = next(line for line in right.lines if line.get_alpha() == 0.45)
    assert first.get_xdata().tolist() == [0.5] * 3
    assert first.get_ydata().tolist() == [0.9, 0.7, 0.8]
    assert labels(fig) == ["deep CNN", "v = 6, L = 2", "v = 4, L = 3", "10 %"]
    assert left.get_xscale() == "log"


def test_sensitivities_by_level_of_network_and_exchange():
    columns = ["untrained", "1", "4"]
    rng = np.random.default_rng(0)
    found = rng.random((3, 5, 2, 2))
    fig, caption, alt = sensitivity_figure(columns, found, grammar="v = 9, L = 2")
    assert "v = 9, L = 2" in caption
    assert "5 runs" in caption
    middle = np.median(found, 1)
    assert "untrained and at 4 P*" in alt
    assert f"level 2 to synonyms of level 1: {middle[0, 1, 0]:.2f} and" in alt
    assert [ax.get_title() for ax in fig.axes] == [
        "synonyms of level 1 exchanged",
        "synonyms of level 2 exchanged",
    ]
    for exchanged, ax in enumerate(fig.axes):
        for level in range(2):
            (line,) = lines(ax, f"level {level + 1} of the network")
            expected = np.median(found[:, :, level, exchanged], 1)
            assert line.get_ydata() == pytest.approx(expected)
            assert line.get_color() == LEVELS[level][0]
        assert [t.get_text() for t in ax.get_xticklabels()] == columns
        assert ax.get_xlabel() == "training strings / $P^*$"
    assert fig.axes[0].get_ylabel() == "sensitivity S"
    assert len(labels(fig)) == 2


def test_ratios_beside_the_root():
    x = np.array([0.25, 1, 4])
    runs = np.array([[0.0, 1, 2], [0.5, 1.2, 3], [0.0, 0.8, 2.5]])
    crossings = {"v = 8, L = 2": np.array([1.0, 2.0, 1.25])}
    fig, caption, alt = ratios_figure({"v = 8, L = 2": (x, runs)}, crossings)
    assert "3 grammars" in caption
    assert "v = 8, L = 2: 1.25" in alt
    (ax,) = fig.axes
    (middle,) = lines(ax, "v = 8, L = 2")
    assert np.isnan(middle.get_ydata()[0])  # 0 has no place on a log scale
    assert middle.get_ydata()[1:].tolist() == [1, 2.5]
    (root,) = lines(ax, r"$\sqrt{P/P^*}$")
    assert root.get_ydata().tolist() == [0.5, 2]
    assert ax.get_xlabel() == "strings / $P^*$"
    assert "within synonyms" in ax.get_ylabel()
    assert len(ax.lines) == 3 + 1 + 1 + 2


def test_rates_of_tuples_stand_by_feature():
    rates = np.array([[0.1, 0.9], [0.5, 0.5], [0.2, 0.8], [np.nan, np.nan]])
    many = np.array([[0.2, 0.8], [0.6, 0.4], [0.2, 0.8], [0.6, 0.4]])
    parents = np.array([0, 1, 0, 1])
    sizes = {"grammar": "v = 2", "few": 8, "total": 32}
    fig, caption, alt = rates_figure(rates, parents, many=many, **sizes)
    assert "one grammar, v = 2" in caption
    assert "the 2 columns of each feature" in alt
    left, right, bar = fig.axes
    assert left.images[0].get_array()[0].tolist()[:3] == [0.1, 0.2, 0.5]
    assert right.images[0].get_array().tolist() == [
        [0.2, 0.2, 0.6, 0.6],
        [0.8, 0.8, 0.4, 0.4],
    ]
    (edge,) = left.lines
    assert edge.get_xdata() == [1.5, 1.5]
    assert [ax.get_title() for ax in (left, right)] == [
        "8 strings (P*)",
        "all 32 strings",
    ]
    assert [t.get_text() for t in left.get_yticklabels()] == ["A", "B"]
    assert bar.get_ylabel() == "P(class | tuple)"
    assert left.images[0].get_clim() == right.images[0].get_clim() == (0, 0.9)


CURVES = {
    "v = 6, L = 2": {216: np.array([0.9, 0.7, 0.8]), 432: np.array([0.1, 0, 0.3])}
}
STARS = {"v = 6, L = 2": 216}


def test_errors_have_words_for_each_place():
    fig, caption, alt = collapse_figure(CURVES, STARS)
    assert len(fig.axes) == 2
    assert "3 runs" in caption
    assert "v = 6, L = 2: 0.80 at 216, 0.10 at 432" in alt
    totals = {"v = 6, L = 2": 1296}
    fig, caption, alt = two_layers_figure(
        CURVES, stars=STARS, totals=totals, beside=CURVES
    )
    assert [ax.get_xlabel() for ax in fig.axes] == [
        "$P / (n_c m^L)$",
        "$P / P_{\\max}$",
    ]
    assert "one hidden layer" in caption
    assert "0.80 at 216" in alt
    fig, caption, alt = uncorrelated_figure(CURVES, STARS, beside=CURVES)
    assert len(fig.axes) == 1
    assert alt.count("0.80 at 216") == 2
    assert "no feature tells anything" in caption


def test_a_factor_has_a_panel_with_the_law_from_its_first_median():
    legs = {
        "classes n_c": {2: np.array([20.0, 40, np.inf]), 4: np.array([90.0, 60, 80])},
        "levels L": {3: np.array([np.inf] * 3), 4: np.array([50.0, 60, 70])},
    }
    laws = {"classes n_c": {2: 10, 4: 20}, "levels L": {3: 8, 4: 16}}
    fig, caption, alt = factors_figure(legs, laws)
    left, right = fig.axes
    assert lines(left, "median")[0].get_ydata().tolist() == [40, 80]
    assert lines(left, "like $n_c m^L$")[0].get_ydata().tolist() == [40, 80]
    dots = [line for line in left.lines if line.get_alpha() == 0.45]
    assert [line.get_ydata().tolist() for line in dots] == [[20, 40], [90, 60, 80]]
    assert right.get_xlabel() == "levels $L$"
    assert "3 grammars" in caption
    assert "classes n_c: 40 at 2, 80 at 4; levels L: inf at 3, 60 at 4" in alt


def test_a_factor_without_a_run_that_got_there_is_drawn():
    legs = {"classes n_c": {2: np.array([np.inf]), 4: np.array([np.inf])}}
    fig, _, _ = factors_figure(legs, {"classes n_c": {2: 10, 4: 20}})
    assert fig.axes


def test_the_learner_by_levels_is_drawn_in_its_unit():
    found = {"V = 8": {128: np.array([0.9, 0.7, 0.5]), 1024: np.array([0.1, 0.0, 0.2])}}
    fig, caption, alt = levels_figure(found, {"V = 8": 128})
    (middle,) = lines(fig.axes[0], "V = 8")
    assert middle.get_xdata().tolist() == [1, 8]
    assert middle.get_ydata().tolist() == [0.7, 0.1]
    assert "3 grammars" in caption
    assert "V = 8: 0.70 at 128, 0.10 at 1024" in alt
