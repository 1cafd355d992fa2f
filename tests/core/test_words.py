"""Words of numbers and names."""

import numpy as np
import pytest

from hlnb.figures.style import STYLES
from hlnb.words import in_range, layer_in_words, listed, training_in_words


@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_a_range_in_words(kind):
    assert in_range(kind([3.0, 1.0, 2.0])) == "2.00 [1.00–3.00]"
    assert in_range(kind([3.0, 1.0]), ".0f") == "2 [1–3]"


def test_names_are_listed_as_in_a_sentence():
    said = [listed("abc"[:n]) for n in range(4)]
    assert said == ["none", "a", "a and b", "a, b and c"]
    assert listed([], none="none of them") == "none of them"
    assert listed(n for n in (1, 2)) == "1 and 2"


@pytest.mark.parametrize(
    ("name", "shown"),
    [("layer1", "layer 1"), ("layer12", "layer 12"), ("conv", "filters"),
     ("readout", "readout"), ("layer1_head", "layer1_head"), ("layer 1", "layer 1")],
)  # fmt: skip
def test_layers_are_shown_with_a_space(name, shown):
    assert layer_in_words(name) == shown


def test_every_training_of_the_palette_has_words_of_its_own():
    words = [training_in_words(key) for key in STYLES]
    assert len({*words}) == len(STYLES)
    assert training_in_words("only conv") == "filters alone"
    assert training_in_words("only layer2") == "layer 2 alone"
    assert training_in_words("layer-wise, Adam") == "layer by layer, Adam"
    for other in ("greedy, a rate for each part", "filters as drawn"):
        assert training_in_words(other) == other
    for word in ("simultaneous", "conv", "layer-wise", "only"):
        assert not any(word in shown for shown in words)
