"""What a chapter calls to put figures, numbers, widgets and claims on its page.

Figures, claims and data notes carry metadata that the pipeline reads from the executed
notebook; in a plain Jupyter session they show the same pictures and tables.
"""

import base64
import csv
import gzip
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

import myst_nb
from IPython.display import display
from matplotlib.figure import Figure

from hlnb.claims import Claim, as_record
from hlnb.errors import HlnbError
from hlnb.figures.drawn import Drawn
from hlnb.figures.export import css_size, numbers, save

CLAIMS_MIME = "application/vnd.hlnb.claims+json"
DATA_MIME = "application/vnd.hlnb.data+json"
NUMBERS_MIME = "application/vnd.hlnb.numbers"  # a CSV file, see `packed`


def figure(
    drawn: Figure | Drawn, *, name: str, caption: str = "", alt: str = ""
) -> None:
    """Shows a numbered figure, with its numbers as a CSV file, and closes it.

    A Drawn has its words; a bare Figure needs them here: `alt` says what a reader sees
    in it. Refuses a `name` other than fig- with lower case, digits and hyphens, an
    empty caption or `alt`, and words beside those of a Drawn.
    """
    if isinstance(drawn, Drawn):
        if caption or alt:
            raise HlnbError(f"Figure {name} has its own words: change them there.")
        fig, caption, alt = drawn
    else:
        fig = drawn
    if not re.fullmatch(r"fig-[a-z0-9-]+", name):
        raise HlnbError(f"Figure name {name!r}: use fig-, lower case, digits, hyphens.")
    if not caption.strip() or not alt.strip():
        raise HlnbError(f"Figure {name} needs a caption and an alternative text.")
    table = packed(numbers(fig))  # before `save` closes the figure
    words = {"alt": alt, "caption": caption, "name": name}
    metadata = {"hlnb": words, "image/png": css_size(fig)}  # Jupyter asks for the size
    data = {"image/png": base64.b64encode(save(fig)).decode(), "text/plain": alt}
    data[NUMBERS_MIME] = table
    display(data, raw=True, metadata=metadata)


def packed(rows: Sequence[Sequence[str]]) -> str:
    """Rows as a CSV file, compressed, in base64; equal rows give equal letters."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return base64.b64encode(gzip.compress(text.getvalue().encode(), mtime=0)).decode()


def glue(**values: object) -> None:
    """Makes numbers or words available to the prose by name, as {glue:text}.

    Numbers can be Python's or NumPy's.
    """
    for name, value in values.items():
        plain = value.item() if hasattr(value, "item") else value  # NumPy's scalars
        myst_nb.glue(name, plain, display=False)


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Shows a table of words and numbers as text, which screen readers can walk.

    Refuses a row with more or fewer cells than columns.
    """
    if wrong := [row for row in rows if len(row) != len(columns)]:
        raise HlnbError(f"The row {wrong[0]} has not a cell for each column: add it.")
    lines = [columns, ["---"] * len(columns), *rows]
    text = "\n".join(_line(cells) for cells in lines)
    display({"text/markdown": text, "text/plain": text}, raw=True)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


@dataclass(frozen=True)
class Film:
    """Pictures in order with a slider, which works without a kernel, offline too."""

    what: str  # what the slider changes: "epoch"
    frames: list[tuple[str, str]] = field(default_factory=list)  # label, HTML

    def add(self, label: str, fig: Figure, *, alt: str) -> None:
        """Adds a frame: the label beside the slider, the picture, and its words.

        Closes the figure. Refuses an empty `alt`.
        """
        if not alt.strip():
            raise HlnbError(f"Frame {label} needs an alternative text.")
        width = css_size(fig, shown=100)["width"]
        picture = base64.b64encode(save(fig, shown=100)).decode()
        said = f'<img alt="{escape(alt)}" width="{width}"'
        self.frames.append((label, f'{said} src="data:image/png;base64,{picture}">'))

    def show(self) -> None:
        """Displays slider and frames, linked in the page itself (jslink).

        Refuses a film without frames.
        """
        import ipywidgets as w  # costs a second; only chapters with a film need it

        if not self.frames:
            raise HlnbError("The film has no frames: add one before showing it.")
        pages = [w.HTML(html) for _, html in self.frames]
        stack = w.Stack(pages, selected_index=0)
        slider = w.SelectionSlider(
            options=[(label, i) for i, (label, _) in enumerate(self.frames)],
            description=self.what,
            continuous_update=True,
        )
        w.jslink((slider, "index"), (stack, "selected_index"))
        display(w.VBox([slider, stack]))


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"


def _row(claim: Claim) -> str:
    ours = _number(claim.ours)
    if claim.low is not None or claim.high is not None:
        ours += f" [{_number(claim.low)}, {_number(claim.high)}]"
    cells = (
        claim.statement,
        claim.theirs,
        f"{ours} {claim.unit}".strip(),
        str(claim.n),
        f"**{claim.verdict}**",
        claim.note,
    )
    return _line(cells)


def claims(
    found: Sequence[Claim], *, expect: Mapping[str, str | tuple[str, ...]]
) -> None:
    """Shows the claims as a table and holds them against the verdicts prose relies on.

    `expect` maps each claim's id to the verdict for which the chapter was written, or
    to several, where the verdict was seen to differ between machines and the prose
    holds for each of them. A difference is reported below the table and in the output's
    metadata: `hlnb run` lists it, and publishes no chapter that has one, so that prose
    and numbers can't drift apart. Refuses ids that repeat, or that are not those of
    `expect`.
    """
    verdicts = {claim.id: claim.verdict for claim in found}
    if verdicts.keys() != expect.keys() or len(verdicts) != len(found):
        raise HlnbError("Every claim needs its own id and an expected verdict.")
    allowed = {i: (v,) if isinstance(v, str) else v for i, v in expect.items()}
    moved = [
        f"{i}: {verdict} here, {' or '.join(allowed[i])} in the published book"
        for i, verdict in verdicts.items()
        if verdict not in allowed[i]
    ]
    head = "| claim | theirs | ours: median [range] | runs | verdict | note |"
    table = "\n".join([head, "|---|---|---|---|---|---|", *map(_row, found)])
    after = "\n\n" + "\n".join(f"* {line}" for line in moved) if moved else ""
    bundle: dict[str, Any] = {
        CLAIMS_MIME: [as_record(claim) for claim in found],
        "text/markdown": table + after,
        "text/plain": table + after,
    }
    display(bundle, metadata={"hlnb": {"moved": moved}} if moved else {}, raw=True)


def data_note(provenance: Mapping[str, str]) -> None:
    """States which data the chapter used.

    `provenance`: their `name`, their `sha256`, and a `note` on where they came from.
    """
    text = (
        f"Data: {provenance['name']}, sha256 `{provenance['sha256'][:16]}…`: "
        f"{provenance['note']}"
    )
    bundle = {DATA_MIME: dict(provenance), "text/markdown": text, "text/plain": text}
    display(bundle, raw=True)
