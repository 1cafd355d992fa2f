"""A widget of choices: one picture for each combination, shown without a script."""

import base64
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import product

from IPython.display import display
from matplotlib.figure import Figure
from PIL import Image

from hlnb.errors import HlnbError
from hlnb.figures.export import save

COLOURS = 128  # in a card's picture: few, since a page has many cards
STYLE = """
.{n} {{ background: #fff; border: 1px solid #bbb; border-radius: 6px; color: #222;
  max-width: 46rem; padding: .6rem 1rem 1rem; }}
.{n} fieldset {{ border: 0; margin: .3rem 0 0; padding: 0; }}
.{n} legend {{ color: #222; float: left; font-size: 1rem; font-weight: 600;
  line-height: 1.8rem; margin: 0 1em 0 0; padding: 0; width: auto; }}
.{n} label {{ color: #222; display: inline-block; line-height: 1.8rem;
  margin: 0 1.1em 0 .3em; }}
.{n} input {{ height: 1.5rem; vertical-align: -.4rem; width: 1.5rem; }}
.{n} p {{ color: #222; margin: .6rem 0 .3rem; }}
.{n} span {{ white-space: nowrap; }}
.{n} img {{ height: auto; max-width: 100%; }}
@media (max-width: 576px) {{
  .{n} .hlnb-choice {{ overflow-x: auto; }}
  .{n} img {{ max-width: none; width: 36rem; }}
}}
.{n} .hlnb-choice {{ display: none; }}
@supports not selector(:has(a)) {{ .{n} .hlnb-choice {{ display: block; }} }}
"""


@dataclass(frozen=True)
class Choices:
    """Groups of options, and for each combination of them a sentence and a picture.

    It answers to mouse and keyboard without a kernel and without a script: each card is
    shown by a CSS rule on the chosen options. Refuses a name with other characters than
    lower case, digits and hyphens.
    """

    name: str  # of the widget in the page: lower case, digits, hyphens
    groups: Mapping[str, Sequence[str]]
    cards: dict[tuple[str, ...], str] = field(default_factory=dict)

    def __post_init__(self):
        if not re.fullmatch(r"[a-z][a-z0-9-]*", self.name):
            raise HlnbError(f"Widget name {self.name!r}: lower case, digits, hyphens.")

    def add(self, *choice: str, words: str, fig: Figure, alt: str) -> None:
        """Makes the card of one option of each group, from words and a picture.

        `alt` describes the picture. Closes the figure. Refuses a combination that the
        groups do not have, and empty words.
        """
        if choice not in self._combinations():
            raise HlnbError(f"{choice} is no choice of {self.name}: see its groups.")
        if not words.strip() or not alt.strip():
            raise HlnbError(f"The card of {choice} needs words and an alternative.")
        packed = io.BytesIO()
        with Image.open(io.BytesIO(save(fig, dpi=75))) as picture:
            picture.quantize(COLOURS).save(packed, format="PNG", optimize=True)
        data = base64.b64encode(packed.getvalue()).decode()
        self.cards[choice] = (
            f'<p>{escape(words)}</p><img class="hlnb-frame" alt="{escape(alt)}" '
            f'src="data:image/png;base64,{data}">'
        )

    def _combinations(self) -> list[tuple[str, ...]]:
        return list(product(*self.groups.values()))

    def html(self, *, first: Sequence[str]) -> str:
        """The widget in HTML and CSS; `first`: the options chosen at the start.

        Refuses a combination without a card, and a `first` that is none.
        """
        combinations, n = self._combinations(), f"hlnb-{self.name}"
        if missing := [c for c in combinations if c not in self.cards]:
            raise HlnbError(f"{self.name} has no card for {missing[0]}: add it.")
        if tuple(first) not in self.cards:
            raise HlnbError(f"{tuple(first)} is no choice of {self.name}: take one.")
        boxes, rules, cards = [], [], []
        for g, (group, options) in enumerate(self.groups.items()):
            radios = "".join(
                f'<span><input type="radio" name="{n}-{g}" id="{n}-{g}-{i}"'
                f"{' checked' * (option == first[g])}>"
                f'<label for="{n}-{g}-{i}">{escape(option)}</label></span> '
                for i, option in enumerate(options)
            )
            boxes.append(
                f"<fieldset><legend>{escape(group)}</legend>{radios}</fieldset>"
            )
        places = product(*(range(len(options)) for options in self.groups.values()))
        for number, (place, choice) in enumerate(
            zip(places, combinations, strict=True)
        ):
            chosen = "".join(f":has(#{n}-{g}-{i}:checked)" for g, i in enumerate(place))
            rules.append(f".{n}{chosen} .{n}-{number} {{ display: block; }}")
            cards.append(
                f'<div class="hlnb-choice {n}-{number}">{self.cards[choice]}</div>'
            )
        return (
            f"<style>{STYLE.format(n=n)}{chr(10).join(rules)}</style>"
            f'<div class="hlnb-choices {n}">{"".join(boxes)}'
            f'<div role="status">{"".join(cards)}</div></div>'
        )

    def show(self, *, first: Sequence[str]) -> None:
        """Displays the widget; `first`: the options chosen at the start."""
        text = f"{self.name}: " + "; ".join(
            f"{group}: {', '.join(options)}" for group, options in self.groups.items()
        )
        display({"text/html": self.html(first=first), "text/plain": text}, raw=True)
