"""Written classes: `book/class_NAME.yml` as a page of the book, a deck and a sheet.

A class is parts of slides, in order. A slide has a `title` and its `minutes`; a `text`
(Markdown, numbers by glue); `notes` for the speaker; and one of

* `figure`: a figure of a chapter, a film (`film-16-1`) or a drawing (`fig-notes-…`);
* `steps`: a moment at the board, its proof written out, shown step by step;
* `demo`: a demonstration of the lab, what its controls say (`set`, as in an address),
  and a `figure` for where it cannot run;
* `choices`, `right` (counted from 1) and `answer`: a prediction, and after it a slide
  with the answer, and the figure or the demonstration if there is one.

`see` names a figure or a statement of a chapter, to read on, and `rests_on` the
verdicts without which the slide would not be true.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

import yaml
from bs4 import BeautifulSoup, Tag

from hlnb.errors import HlnbError
from hlnb.publishing.render import labs, pictures
from hlnb.publishing.render.executed import GLUED, Executed
from hlnb.publishing.render.tables import markdown_table
from hlnb.publishing.slides import decks
from hlnb.storage import write_whole
from hlnb.templates import rendered

PAGES = "book/class_*.yml"  # sources, and beside each its page
FILM = re.compile(r"film-(\d+)-(\d+)")
DRAWING = re.compile(r"(?m)^:name: (fig-notes-[\w-]+)$")
DRAWN = "book/notes_figures"  # the page of drawings
BEFORE = 2  # slides of a deck before those of its first part: title, plan


@dataclass(frozen=True)
class ClassSlide:
    """One entry of a class; see the module for what each field holds."""

    title: str
    minutes: float
    text: str = ""
    notes: str = ""
    figure: str = ""
    choices: list[str] = field(default_factory=list)
    right: int = 0
    answer: str = ""
    steps: list[str] = field(default_factory=list)
    demo: str = ""
    set: str = ""
    see: str = ""
    rests_on: dict[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """What it is, from what it has."""
        kinds = {
            "predict": self.choices,
            "board": self.steps,
            "demo": self.demo,
            "figure": self.figure,
        }
        return next((kind for kind, given in kinds.items() if given), "text")

    @property
    def slides(self) -> int:
        """How many slides of the deck it makes."""
        return 1 + bool(self.choices)


@dataclass(frozen=True)
class Part:
    """Slides under one heading."""

    title: str
    slides: list[ClassSlide]

    @property
    def minutes(self) -> float:
        return sum(slide.minutes for slide in self.slides)


@dataclass(frozen=True)
class Class:
    """A class: what it is for (`about`, Markdown), its length and its parts.

    pictures: the list of a source's pictures (a file beside it, without `.yml`) to say
    on which slide each of them is.
    """

    name: str
    title: str
    minutes: float
    about: str
    parts: list[Part]
    pictures: str = ""

    @cached_property
    def slides(self) -> list[ClassSlide]:
        return [slide for part in self.parts for slide in part.slides]

    @cached_property
    def numbers(self) -> list[int]:
        """The number in the deck of each entry's first slide."""
        found, number = [], BEFORE + 1
        for slide in self.slides:
            found.append(number)
            number += slide.slides
        return found

    def number_of(self, figure: str) -> int | None:
        """The first slide of the deck that shows a figure."""
        both = zip(self.slides, self.numbers, strict=True)
        found = [n + bool(s.choices) for s, n in both if s.figure == figure]
        return found[0] if found else None


def read(path: Path) -> Class:
    """The class in a file; HlnbError says which of its slides is wrong, and why."""
    data = yaml.safe_load(path.read_text("utf8"))
    try:
        parts = [
            Part(part["title"], [ClassSlide(**slide) for slide in part["slides"]])
            for part in data.pop("parts")
        ]
        made = Class(path.stem.removeprefix("class_"), parts=parts, **data)
    except (KeyError, TypeError) as error:
        raise HlnbError(f"{path.name} is no class: {error}.") from None
    for slide in made.slides:
        where = f"{path.name}, {slide.title!r}"
        if slide.choices and not 1 <= slide.right <= len(slide.choices):
            raise HlnbError(f"{where}: say which choice is right, from 1 on.")
        if slide.choices and not slide.answer:
            raise HlnbError(f"{where}: a prediction needs its answer.")
        if slide.demo and not slide.figure:
            raise HlnbError(f"{where}: name a figure for where the lab cannot run.")
    total = sum(part.minutes for part in made.parts)
    if total != made.minutes:
        raise HlnbError(
            f"{path.name} is for {made.minutes:g} minutes, but its slides take "
            f"{total:g}: change the one or the others."
        )
    return made


def page(
    source: Path, found: Iterable[Executed], claims: Iterable[dict[str, Any]]
) -> str:
    """The page of a class for its teacher, below its title: all that its slides say.

    found, claims: of the executed chapters. Refuses a figure, a number or a verdict
    that they do not have.
    """
    made, known = read(source), {chapter.name: chapter for chapter in found}
    drawn = (source.parent / "notes_figures.md").read_text("utf8")
    figures = {name for c in known.values() for name in pictures.names(c)}
    figures |= set(DRAWING.findall(drawn))
    verdicts = {claim["id"]: claim["verdict"] for claim in claims}
    for slide in made.slides:
        where = f"{source.name}, {slide.title!r}"
        if slide.figure and not _is_there(slide.figure, figures, known):
            raise HlnbError(f"{where}: no chapter has the figure {slide.figure}.")
        for id, word in slide.rests_on.items():
            if verdicts.get(id, "no claim") != word:
                raise HlnbError(
                    f"{where}: it rests on {id} being {word!r}, and that is "
                    f"{verdicts.get(id, 'no claim')!r}: make its sentences true."
                )
    text = rendered(
        "publishing/templates/class.md",
        made=made,
        number=iter(made.numbers).__next__,
        letters="ABCDEFGH",
        numbered=lambda choices: "\n".join(f"1. {choice}" for choice in choices),
        shown=lambda slide: ", ".join(_shown(slide, known)),
        live=labs.scripts(source.parents[1]),
        plan=_plan(made),
        table=_table(made, source) if made.pictures else "",
    )
    return _filled(text, known, where=source.name)


def _is_there(name: str, figures: set[str], known: Mapping[str, Executed]) -> bool:
    film = FILM.fullmatch(name)
    return name in figures or bool(film and _chapter(film, known))


def _chapter(film: re.Match[str], known: Mapping[str, Executed]) -> str:
    """The chapter that a film is of, or ""."""
    return next((n for n, c in known.items() if c.number == int(film[1])), "")


def _shown(slide: ClassSlide, known: Mapping[str, Executed]) -> list[str]:
    """Links to what a slide shows; its first is where the slide leads to."""
    links = []
    if film := FILM.fullmatch(slide.figure):
        title = f"film {film[1]}.{film[2]}"
        links.append(f"{{doc}}`{title} </book/chapters/{_chapter(film, known)}>`")
    elif slide.figure:
        links.append(f"{{numref}}`{slide.figure}`")
    if slide.see:
        role = "numref" if slide.see.startswith("fig-") else "prf:ref"
        links.append(f"{{{role}}}`{slide.see}`")
    return links


def _plan(made: Class) -> str:
    rows, numbers = [], dict(zip(map(id, made.slides), made.numbers, strict=True))
    for part in made.parts:
        first = numbers[id(part.slides[0])]
        rows.append([part.title, f"{part.minutes:g}", f"{first}"])
    total = ["**All together**", f"**{made.minutes:g}**", ""]
    return markdown_table(["Part", "Minutes", "From slide"], [*rows, total])


def _table(made: Class, source: Path) -> str:
    """Each picture of a source, the figures that show it, and on which slides."""
    rows, place = [], source.with_name(f"{made.pictures}.yml")
    for row in yaml.safe_load(place.read_text("utf8")):
        names = [*row.get("figures", []), *row.get("drawings", [])]
        slides = sorted({n for n in map(made.number_of, names) if n})
        links = ", ".join(f"{{numref}}`{name}`" for name in names)
        rows.append([row["shows"], links or "–", ", ".join(map(str, slides)) or "–"])
    return markdown_table(["In the notes", "In this book", "Slide"], rows)


def _filled(text: str, known: Mapping[str, Executed], *, where: str) -> str:
    """The text with its numbers; each names its chapter."""
    for match in GLUED.finditer(text):
        chapter, name, _ = match.groups()
        if chapter not in known:
            raise HlnbError(f"{where}: {match[0]} names no chapter of the book.")
        if name not in known[chapter].glued:
            raise HlnbError(f"{where}: chapter {chapter} glues no {name}.")
    return next(iter(known.values())).with_numbers(text, known)


def make(root: Path, html: Path) -> list[Path]:
    """The decks and the prediction sheets of the classes with a page in `html`.

    root: of the book, for what its classes are; pictures, formulas and demonstrations
    come from the rendered pages.
    """
    made = []
    for source in sorted(root.glob(PAGES)):
        place = html / "book" / f"{source.stem}.html"
        if place.is_file():
            deck, sheet = _both(read(source), place, html=html)
            at = html / decks.FOLDER / f"{source.stem}.html"
            made.append(write_whole(at, f"{deck}\n".encode()))
            at = at.with_name(f"{source.stem}-sheet.html")
            made.append(write_whole(at, f"{sheet}\n".encode()))
    return made


def _both(made: Class, place: Path, *, html: Path) -> tuple[str, str]:
    """The HTML of a deck and of its sheet, from the rendered page of the class."""
    pages = _Pages(html)
    top, needed = pages[place.resolve()]
    address = f"../book/{place.name}"
    deck = decks.Deck(address)
    deck.add(escape(made.title), "", f"<p>{made.minutes:g} minutes</p>", "title")
    deck.add("The plan", "", _part(top, "plan"), "table")
    asked = []
    marks = top.select(".hlnb-class-minutes")
    for slide, mark in zip(made.slides, marks, strict=True):
        section = mark.find_parent("section")
        deck.slides += _slides(slide, section, pages, address=address)
        if slide.choices:
            question = [_part(section, name) for name in ("said", "choices")]
            asked.append((slide.title, "".join(question)))
    offline = decks.is_offline(html)
    sheet = rendered(
        "publishing/templates/sheet.html",
        title=made.title,
        asked=asked,
        offline=offline,
    )
    return decks.written(made.title, deck, labs=needed, offline=offline), sheet


def _slides(
    slide: ClassSlide, section: Tag, pages: "_Pages", *, address: str
) -> list[decks.Slide]:
    """The slide of an entry; of a prediction the question, and then its answer.

    section, address: of the class's page. Captions are for the speaker.
    """
    title = section.find("h3").decode_contents()
    links = section.select(".hlnb-class-shown a")
    link = links[0]["href"] if links else f"{address}#{section['id']}"
    shown, caption = pages.figure(slide.figure, link) if slide.figure else ("", "")
    if lab := section.select_one(".hlnb-lab"):
        lab.clear()
        lab.append(BeautifulSoup(shown, "html.parser"))
        shown = str(lab)
    said, notes = _part(section, "said"), _part(section, "notes")
    seconds = round(60 * slide.minutes / slide.slides)
    if slide.choices:
        more = '<span class="more">the answer</span>'
        answer = _part(section, "answer") + shown
        kind = "answer figure" if shown else "answer told"
        question = said + _part(section, "choices")
        notes, after = notes + caption, f"{title} {more}"
        return [
            decks.Slide(title, link, question, "predict", notes, seconds),
            decks.Slide(after, link, answer, kind, notes, seconds),
        ]
    steps = section.select_one(".hlnb-class-steps")
    for step in steps.find_all(True, recursive=False) if steps else []:
        said += f'<div class="fragment">{step}</div>'
    return [
        decks.Slide(title, link, said + shown, slide.kind, notes + caption, seconds)
    ]


def _part(section: Tag, name: str) -> str:
    """The HTML inside of a part of an entry on the page, or ""."""
    found = section.select_one(f".hlnb-class-{name}")
    return found.decode_contents().strip() if found else ""


class _Pages(dict[Path, tuple[Tag, list[str]]]):
    """By its file, the text of a rendered page, as seen from the slides, and what its
    demonstrations need; each read once."""

    def __init__(self, html: Path):
        super().__init__()
        self.html = html.resolve()

    def __missing__(self, path: Path) -> tuple[Tag, list[str]]:
        soup = BeautifulSoup(path.read_text("utf8"), "html.parser")
        base = path.relative_to(self.html).as_posix()
        top = decks.article(soup, path.name)
        for tag in top.select("figure[id]"):
            tag["data-at"] = tag["id"]  # the deck's own ids are of its slides
        decks.clean(top, base=base)
        self[path] = top, decks.labs(soup, base)
        return self[path]

    def figure(self, name: str, link: str) -> tuple[str, str]:
        """A figure or a film, and the caption of it; `link` leads to its page."""
        address, _, place = link.partition("#")
        path = (self.html / decks.FOLDER / address).resolve()
        if not path.is_file():  # a book in part
            return "", ""
        top, _ = self[path]
        figure = top.find(attrs={"data-at": place or name})  # a film has no place
        if figure is None and path.stem.startswith(
            "class_"
        ):  # a film, without its page
            return "", ""
        if figure is None:
            raise HlnbError(f"{path.name} shows no {name}, which a class names.")
        caption = figure.find("figcaption")
        words = "".join(str(p) for p in caption.find_all("p")) if caption else ""
        film = "hlnb-film" in figure.get("class", [])
        return decks.frames(figure) if film else str(figure), words
