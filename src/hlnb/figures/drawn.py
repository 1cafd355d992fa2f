"""A figure with its words, as a study's figure function returns it."""

from typing import NamedTuple

from matplotlib.figure import Figure


class Drawn(NamedTuple):
    """A figure, its caption, and what a reader sees in it, for those who do not."""

    figure: Figure
    caption: str
    alt: str
