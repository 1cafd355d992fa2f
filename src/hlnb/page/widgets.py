"""Widgets of choices: a card for each combination, shown without a script."""

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

from IPython.display import display
from matplotlib.figure import Figure

from hlnb.errors import HlnbError
from hlnb.figures.export import css_size, save
from hlnb.templates import rendered


@dataclass(frozen=True)
class Card:
    """What `Choices` shows for one combination: a sentence and a picture."""

    words: str
    alt: str  # the picture in words
    png: str  # base64
    width: int  # on the page, in CSS pixels
    height: int


@dataclass(frozen=True)
class Choices:
    """Groups of options, and for each combination of them a sentence and a picture.

    It answers to mouse and keyboard without a kernel and without a script: each card is
    shown by a CSS rule on the chosen options. `presets` are questions, each with the
    combination that answers it, of which the book's script makes buttons. Refuses a
    name with other characters than lower case, digits and hyphens, and a preset that is
    no combination.
    """

    name: str  # of the widget in the page: lower case, digits, hyphens
    groups: Mapping[str, Sequence[str]]
    presets: Mapping[str, Sequence[str]] = field(default_factory=dict)
    cards: dict[tuple[str, ...], Card] = field(default_factory=dict)

    def __post_init__(self):
        _check_name(self.name)
        for choice in self.presets.values():
            self._check(tuple(choice))

    def _check(self, choice: tuple[str, ...]) -> None:
        if choice not in self._combinations():
            raise HlnbError(f"{choice} is no choice of {self.name}: see its groups.")

    def add(self, *choice: str, words: str, fig: Figure, alt: str) -> None:
        """Makes the card of one option of each group, from words and a picture.

        `alt` describes the picture. Closes the figure. Refuses a combination that the
        groups do not have, and empty words.
        """
        self._check(choice)
        if not words.strip() or not alt.strip():
            raise HlnbError(f"The card of {choice} needs words and an alternative.")
        size = css_size(fig, shown=100)
        data = base64.b64encode(save(fig, shown=100)).decode()
        self.cards[choice] = Card(words, alt, data, **size)

    def _combinations(self) -> list[tuple[str, ...]]:
        return list(product(*self.groups.values()))

    def html(self, *, first: Sequence[str]) -> str:
        """The widget in HTML and CSS; `first`: the options chosen at the start.

        Refuses a combination without a card, and a `first` that is none.
        """
        combinations = self._combinations()
        if missing := [c for c in combinations if c not in self.cards]:
            raise HlnbError(f"{self.name} has no card for {missing[0]}: add it.")
        if tuple(first) not in self.cards:
            raise HlnbError(f"{tuple(first)} is no choice of {self.name}: take one.")
        places = product(*(range(len(options)) for options in self.groups.values()))
        cards = [self.cards[choice] for choice in combinations]
        return rendered(
            "page/templates/choices.html",
            n=f"hlnb-{self.name}",
            groups=[*self.groups.items()],
            cards=[*zip(places, cards, strict=True)],
            first=first,
            presets=[
                (question, ",".join(self._places(choice)))
                for question, choice in self.presets.items()
            ],
        )

    def _places(self, choice: Sequence[str]) -> Iterator[str]:
        for options, option in zip(self.groups.values(), choice, strict=True):
            yield str(list(options).index(option))

    def show(self, *, first: Sequence[str]) -> None:
        """Displays the widget; `first`: the options chosen at the start."""
        text = f"{self.name}: " + "; ".join(
            f"{group}: {', '.join(options)}" for group, options in self.groups.items()
        )
        display({"text/html": self.html(first=first), "text/plain": text}, raw=True)


@dataclass(frozen=True)
class Ticks:
    """Boxes to tick, and for each set of ticked boxes a card, which is HTML.

    Works as `Choices` does: each card is shown by a CSS rule on the boxes before it.
    A text that is no `Markup` is escaped. Refuses a name as `Choices` does, and cards
    that are not one for each combination of the boxes.
    """

    name: str  # of the widget in the page: lower case, digits, hyphens
    label: str  # what is ticked, for those who hear the page
    boxes: Sequence[str]
    cards: Mapping[tuple[bool, ...], str]  # by whether each box is ticked

    def __post_init__(self):
        _check_name(self.name)
        if self.cards.keys() != {*product((False, True), repeat=len(self.boxes))}:
            raise HlnbError(f"{self.name} needs a card for each set of boxes: add it.")

    def html(self, *, ticked: Sequence[bool]) -> str:
        """The widget in HTML and CSS; `ticked`: the boxes ticked at the start.

        Refuses what does not say True or False of each box.
        """
        if tuple(ticked) not in self.cards:
            raise HlnbError(
                f"ticked = {ticked!r}: say True or False of each of the "
                f"{len(self.boxes)} boxes of {self.name}."
            )
        choices = product((False, True), repeat=len(self.boxes))
        return rendered(
            "page/templates/ticks.html",
            n=f"hlnb-{self.name}",
            label=self.label,
            boxes=self.boxes,
            cards=[(choice, self.cards[choice]) for choice in choices],
            ticked=ticked,
        )


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
        raise HlnbError(f"Widget name {name!r}: lower case, digits, hyphens.")
