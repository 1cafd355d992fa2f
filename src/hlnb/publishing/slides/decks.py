"""Slides of a chapter, made from its rendered page: same numbers, figures and words."""

import copy
import itertools
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from urllib.parse import urlsplit

from bs4 import BeautifulSoup, NavigableString, Tag

from hlnb.errors import HlnbError
from hlnb.storage import write_whole
from hlnb.templates import rendered

CHAPTERS = "book/chapters"  # below the rendered book
FOLDER = "slides"
VENDOR = "_static/vendor"
LAB = "_static/lab/"
HOST = "https://cdn.jsdelivr.net/npm"  # only where the assets could not be fetched
REVEAL = "6.0.2"  # as in book/assets/package.json
LINES, COLUMNS = 13, 72  # of running text on a slide
BELOW = 3.5  # lines of text for which a figure, or a question, leaves room
ROWS, ROOM = 16, 108  # lines of a table on a slide, and letters in one
TEXT = ("p", "ul", "ol", "dl", "blockquote")
EXERCISES = "Exercises"  # what their cells show is the solution
OPENING = ("You need", "Time", "Claims")  # what of a head the title slide shows
MARKED, UNMARKED = ".hlnb-slide, .tag_slide", ".hlnb-no-slide, .tag_no-slide"
ASIDE = ".hlnb-fold:is(.code, .solution, .hlnb-check)"
LAST = ("hlnb-claims", "hlnb-statements")  # tables that tell what predictions ask
STEPPED = (  # a slide has no slider
    (re.compile(r"\bMove the slider\b"), "Step through the pictures"),
    (re.compile(r"\b([Tt])he slider\b"), r"\1he film"),
)
SENTENCE = re.compile(r"(?:(?<=[a-z0-9)\]”\"'…%])|^)[.!?][”\")]?\s+(?=[A-Z“\"(\d])")


@dataclass
class Slide:
    """One slide: HTML below a heading that leads to its place in the book."""

    title: str  # HTML
    link: str
    body: str
    kind: str = ""
    notes: str = ""  # HTML, for the speaker
    seconds: int = 0  # how long it takes in a class


@dataclass
class Deck:
    """The slides of one page, in its order, and tables of verdicts, which come last."""

    address: str  # of the page, seen from the slides
    slides: list[Slide] = field(default_factory=list)
    last: list[Tag] = field(default_factory=list)

    def add(self, title: str, place: str, body: str, kind: str = "") -> None:
        link = f"{self.address}#{place}" if place else self.address
        self.slides.append(Slide(title, link, body, kind))

    def pack(self, title: str, place: str, blocks: Iterable[Tag], kind: str) -> None:
        """The blocks on as many slides as they need."""
        for i, group in enumerate(_groups(blocks)):
            more = _small(" continued") if i else ""
            self.add(title + more, place, "".join(map(str, group)), kind)


def make(html: Path) -> list[Path]:
    """The decks of the chapters that `html`, a rendered book, has: one a chapter.

    They take pictures, formulas and scripts from the book's own files.
    """
    made = []
    for page in sorted((html / CHAPTERS).glob("*.html")):
        text = deck(page.read_text("utf8"), page.name, offline=is_offline(html))
        made.append(write_whole(html / FOLDER / page.name, f"{text}\n".encode()))
    if made:
        for name in ("slides.css", "slides.js", "sheet.css"):
            own = Path(__file__).with_name(name).read_bytes()
            write_whole(html / FOLDER / name, own)
    return made


def _small(words: str) -> str:
    """Words beside a heading."""
    return f'<span class="more">{words}</span>'


def is_offline(html: Path) -> bool:
    return (html / VENDOR / "reveal" / "reveal.js").is_file()


def deck(page: str, name: str, *, offline: bool = True) -> str:
    """The HTML of a deck, from that of a chapter's page, whose file has this name."""
    soup = BeautifulSoup(page, "html.parser")
    top = article(soup, name)
    title = top.find("h1").get_text(" ", strip=True).rstrip("#").strip()
    base = f"{CHAPTERS}/{name}"
    clean(top, base=base)
    made = Deck(f"../{base}")
    _opening(top, title, made)
    short = top.find("div", class_="hlnb-short")
    if short:
        short.extract()
    _Section(made, title, "").add(_blocks(top))
    for section in top.find_all("section"):
        heading = section.find(re.compile("^h[2-6]$"), recursive=False)
        if heading:
            words, place = heading.decode_contents(), section.get("id") or ""
            _Section(made, words, place).add(_blocks(section))
    if short:  # it tells what the predictions ask
        made.pack("In short", "", _contents(short), "lead")
    _verdicts(made)
    return written(title, made, labs=labs(soup, base), offline=offline)


def article(soup: BeautifulSoup, name: str) -> Tag:
    """The text of a rendered page, whose file has this name."""
    found = soup.find("article")
    top = found and found.find("section")
    if not top or not top.find("h1"):
        raise HlnbError(f"{name} is no rendered chapter; run `hlnb build` anew.")
    return top


def labs(soup: BeautifulSoup, base: str) -> list[str]:
    """The scripts and styles of a page's demonstrations, seen from the slides."""
    found = soup.select(f'script[src*="{LAB}"], link[href*="{LAB}"]')
    return [_moved(tag.get("src") or tag["href"], base) for tag in found]


def written(title: str, made: Deck, *, labs: list[str], offline: bool) -> str:
    """The HTML of a deck."""
    reveal = f"../{VENDOR}/reveal" if offline else f"{HOST}/reveal.js@{REVEAL}/dist"
    return rendered(
        "publishing/templates/deck.html",
        title=title,
        slides=made.slides,
        styles=[address for address in labs if ".css" in address],
        scripts=[address for address in labs if ".css" not in address],
        notes=any(slide.seconds for slide in made.slides),
        reveal=reveal,
        offline=offline,
    )


def clean(top: Tag, *, base: str) -> None:
    """Takes away what belongs to a page only; links and pictures hold from `slides`."""
    for tag in top.select(f".headerlink, noscript, style, .hlnb-stamp, {UNMARKED}"):
        tag.decompose()
    for tag in top.select(f"{ASIDE}, .cell_input"):
        if not tag.find_parent(_is_marked):
            tag.decompose()
    for fold in top.select("details"):
        _open(fold)
    for text in top.find_all(string=re.compile("slider")):
        stepped = str(text)
        for pattern, words in STEPPED:
            stepped = pattern.sub(words, stepped)
        text.replace_with(stepped)
    for tag in top.find_all(True):
        for key in ("href", "src"):
            if key in tag.attrs:
                tag[key] = _moved(tag[key], base)
        if tag.name != "section":
            tag.attrs.pop("id", None)
        tag.attrs.pop("loading", None)  # a speaker steps on faster than a reader
    for formula in top.select("span.math"):
        after = formula.next_sibling
        if isinstance(after, NavigableString) and (
            mark := re.match(r"[,.;:?!)]+", after)
        ):
            whole = formula.wrap(_tag("<span></span>"))
            whole["class"] = "together"  # no line begins with its full stop
            whole.append(mark[0])
            after.replace_with(after[mark.end() :])


def _is_marked(tag: Tag) -> bool:
    """Whether an author marked a block, or a cell, as one slide."""
    return bool({"hlnb-slide", "tag_slide"} & set(tag.get("class", [])))


def _open(fold: Tag) -> None:
    """Puts what a fold holds in its place; a box of words keeps its title, or goes.

    An aside without a formula goes: a definition or an argument has one.
    """
    words = fold.summary.extract().decode_contents()
    if "box" in fold["class"] and not fold.select(".proof"):
        if not fold.select("div.math") and not fold.find_parent(_is_marked):
            fold.decompose()
            return
        title = _tag(f'<p class="admonition-title">{words}</p>')
        fold.insert(0, title)
        fold.name, fold["class"] = "div", ["admonition"]
        return
    fold.unwrap()


def _tag(text: str) -> Tag:
    """The element that a piece of HTML says."""
    return BeautifulSoup(text, "html.parser").find()


def _moved(address: str, base: str) -> str:
    """An address on the page at `base`, seen from the folder of the slides."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return address
    if not parts.path:
        return f"../{base}#{parts.fragment}"
    steps = base.split("/")[:-1]
    for step in parts.path.split("/"):
        if step == "..":
            steps.pop()
        elif step != ".":
            steps.append(step)
    return "../" + parts._replace(path="/".join(steps)).geturl()


def _opening(top: Tag, title: str, made: Deck) -> None:
    """The title, then what the reader can do after the chapter."""
    head = top.find("div", class_="hlnb-head") or _tag("<div></div>")
    labels = head.find_all("span", class_="hlnb-label")
    lines = {label.get_text(): label.parent for label in labels}
    small = [str(line) for name, line in lines.items() if name in OPENING]
    if banner := top.find("div", class_="hlnb-overtaken"):
        small += map(str, banner.select("p:not(.admonition-title)"))
        banner.extract()
    made.add(escape(title), "", "".join(small), "title")
    if goals := head.find("ul"):
        made.pack(next(iter(lines)), "", [goals], "goals")
    head.extract()


@dataclass
class _Section:
    """Adds the slides of one section: all its open text, its boxes, figures, tables."""

    made: Deck
    title: str
    place: str
    before: list[Tag] = field(default_factory=list)  # a short text above what follows

    def add(self, blocks: Iterable[Tag]) -> None:
        """Adds the slides of the blocks; exercises are text without what they show."""
        if _words(self.title) == EXERCISES:
            blocks = filter(_is_text, blocks)
        runs = [list(run) for _, run in itertools.groupby(blocks, _is_text)]
        for i, run in enumerate(runs):
            if not _is_text(run[0]):
                for block in run:
                    self.show(block)
            elif _is_short(run) and i + 1 < len(runs) and _has_room(runs[i + 1][0]):
                self.before = run
            elif not self.below_figure(run):
                self.pack(self.title, run, "text" if i else "lead")

    def below_figure(self, blocks: list[Tag]) -> bool:
        """Puts a short text below the figure that it follows, if it does."""
        slide = self.made.slides[-1]
        here = slide.kind == "figure" and slide.title == self.title
        if here and _is_short(blocks):
            slide.body += "".join(map(str, blocks))
        return here and _is_short(blocks)

    def pack(self, title: str, blocks: Iterable[Tag], kind: str) -> None:
        self.made.pack(title, self.place, blocks, kind)

    def show(self, block: Tag) -> None:
        """What is no running text."""
        classes, body, kind = block.get("class", []), "", ""
        if _is_marked(block):
            body, kind = str(block), "marked"
        elif "proof" in classes or "admonition" in classes:
            self.box(block)
        elif set(LAST) & set(classes):
            self.made.last.append(block)
        elif block.name == "table":
            for part in _split_table(block):
                self.put(str(part), "table")
        elif "hlnb-film" in classes:
            body, kind = frames(block), "film"
        elif "hlnb-lab" in classes:
            body, kind = str(block), "lab"
        elif block.name == "figure":
            body, kind = str(block), "figure"
        elif {"hlnb-choices", "hlnb-ticks"} & set(classes):
            page = f'<a href="{self.made.address}#{self.place}">in the book</a>'
            body, kind = f"<p>Choose and compare: open this place {page}.</p>", "text"
        if body:
            self.put(body, kind)

    def put(self, body: str, kind: str) -> None:
        """A slide of what is shown, below the short text that leads to it."""
        body = "".join([*map(str, self.before), body])
        self.made.add(self.title, self.place, body, kind)
        self.before = []

    def box(self, block: Tag) -> None:
        """A box, whole; a prediction and its answer have the section's name beside."""
        heading = block.find("p", class_="admonition-title")
        name = _words(heading.decode_contents()) if heading else ""
        inner = [b for b in _contents(block) if b is not heading]
        if name == "Predict":
            inner, self.before = [*self.before, *inner], []
            self.pack(f"Predict {_small(self.title)}", inner, "predict")
        elif name == "Answer":
            self.pack(f"The answer {_small(self.title)}", inner, "answer")
        elif name != "Solution":
            title = heading.decode_contents() if heading else self.title
            self.pack(title, inner, "box")


def _is_short(blocks: list[Tag]) -> bool:
    """Whether a text fits beside a figure or above a question."""
    return sum(map(_lines, blocks)) <= BELOW


def _has_room(block: Tag) -> bool:
    """Whether a block leaves room for a short text above: a prediction, a figure, a
    table that is not long."""
    heading = block.find("p", class_="admonition-title")
    if block.name == "table":
        last = set(LAST) & set(block.get("class", []))
        return not last and len(list(_split_table(block, ROWS - BELOW))) == 1
    return block.name == "figure" or (
        heading is not None and _text(heading) == "Predict"
    )


def _words(html: str) -> str:
    """The words of a piece of HTML."""
    return BeautifulSoup(html, "html.parser").get_text(" ", strip=True)


def _blocks(section: Tag) -> Iterator[Tag]:
    """What stands in a section, with the outputs of its cells, without subsections."""
    for child in section.find_all(True, recursive=False):
        if child.name == "section" or re.fullmatch("h[1-6]", child.name):
            continue
        if "cell" in child.get("class", []) and not _is_marked(child):
            for output in child.select(".cell_output"):
                yield from _opened(output)
        else:
            yield from _opened(child)


def _opened(tag: Tag) -> Iterator[Tag]:
    """The blocks of a container."""
    classes = set(tag.get("class", []))
    if (
        _is_marked(tag)
        or tag.name in ("figure", "table", *TEXT)
        or classes
        & {
            *("admonition", "math", "proof", "hlnb-choices", "hlnb-ticks", "hlnb-lab"),
        }
    ):
        yield tag
    elif tag.name == "div":
        for child in tag.find_all(True, recursive=False):
            yield from _opened(child)


def _is_formula(block: Tag) -> bool:
    return block.name == "div" and "math" in block.get("class", [])


def _is_text(block: Tag) -> bool:
    """Whether a block is running text."""
    return block.name in TEXT or _is_formula(block)


def _contents(block: Tag) -> Iterator[Tag]:
    """The blocks inside of a box."""
    for child in block.find_all(True, recursive=False):
        if child.name in ("section", "div") and not _is_formula(child):
            yield from _contents(child)
        else:
            yield child


def _text(tag: Tag) -> str:
    return " ".join(tag.get_text().split())


def _sentences(paragraph: Tag) -> list[str]:
    """The HTML of each sentence; a mark up to its end belongs to one sentence."""
    pieces = [""]
    for node in paragraph.children:
        if isinstance(node, Tag):
            pieces[-1] += str(node)
            continue
        text, start = str(node), 0
        for match in SENTENCE.finditer(text):
            pieces[-1] += escape(text[start : match.end()], quote=False)
            pieces.append("")
            start = match.end()
        pieces[-1] += escape(text[start:], quote=False)
    return [piece for piece in pieces if piece.strip()]


def _groups(blocks: Iterable[Tag]) -> list[list[Tag]]:
    """The blocks in as few groups as fit a slide each, of about one size."""
    pieces = list(_pieces(blocks))
    whole = _filled(pieces, LINES)
    tried = (_filled(pieces, limit) for limit in range(LINES // 2, LINES))
    return next((found for found in tried if len(found) <= len(whole)), whole)


def _filled(pieces: Iterable[Tag], limit: float) -> list[list[Tag]]:
    """The pieces in groups of up to `limit` lines."""
    found: list[list[Tag]] = []
    group: list[Tag] = []
    for block in pieces:
        if group and sum(map(_lines, group)) + _lines(block) > limit:
            # what leads to a formula or a list goes with it
            lead = [group.pop()] if len(group) > 1 and _leads(group[-1], block) else []
            found.append(group)
            group = lead
        group.append(block)
    return [*found, group] if group else found


def _leads(block: Tag, follower: Tag) -> bool:
    return block.name == "p" and follower.name != "p"


def _pieces(blocks: Iterable[Tag]) -> Iterator[Tag]:
    """The blocks; what is too long for one slide in parts, at sentences or items."""
    for block in blocks:
        if _lines(block) <= LINES:
            yield block
        elif block.name in ("ul", "ol"):
            yield from _items(block)
        elif block.name == "p":
            yield from _paragraphs(block)
        else:
            yield block


def _paragraphs(block: Tag) -> Iterator[Tag]:
    """A long paragraph as two or more, at the ends of sentences."""
    parts = math.ceil(_lines(block) / LINES)
    room, part, used = _width(block) / parts, "", 0
    for sentence in _sentences(block):
        part += sentence
        used += len(_text(_tag(f"<p>{sentence}</p>")))
        if used >= room:
            yield _tag(f"<p>{part}</p>")
            part, used = "", 0
    if part:
        yield _tag(f"<p>{part}</p>")


def _items(block: Tag) -> Iterator[Tag]:
    """A long list in parts of about one size, which go on counting."""
    items = block.find_all("li", recursive=False)
    needs = [_item_lines(item) for item in items]
    for start, end in itertools.pairwise([*_even(needs, LINES), len(items)]):
        part = _empty(block, start + 1)
        part.extend(map(copy.copy, items[start:end]))
        yield part


def _empty(block: Tag, number: int) -> Tag:
    start = f' start="{number}"' if block.name == "ol" else ""
    return _tag(f"<{block.name}{start}></{block.name}>")


def _item_lines(item: Tag) -> float:
    return math.ceil(_width(item) / (COLUMNS - 4)) + 0.3


def _width(tag: Tag) -> int:
    """About how many letters wide a text is."""
    small = sum(len(_text(s)) for s in tag.select(".hlnb-small"))
    return len(_text(tag)) - small // 4


def _lines(block: Tag) -> float:
    """About how many lines a block takes on a slide."""
    if _is_formula(block):
        return 2 + 1.3 * max(0, len(block.select("mtr")) - 1)
    if block.name in ("ul", "ol"):
        return sum(map(_item_lines, block.find_all("li", recursive=False)))
    return math.ceil(_width(block) / COLUMNS) + 0.5


def _split_table(table: Tag, lines: float = ROWS) -> Iterator[Tag]:
    """The table in parts of about one size that fit a slide, each with its head."""
    rows = table.select("tbody > tr")
    columns = _columns([*table.select("thead > tr"), *rows])
    needs = [_row_lines(row, columns) for row in rows]
    starts = _even(needs, lines)
    for start, end in itertools.pairwise([*starts, len(rows)]):
        part = copy.copy(table)
        for i, row in enumerate(part.select("tbody > tr")):
            if not start <= i < end:
                row.decompose()
        yield part


def _even(needs: list[float], most: float) -> list[int]:
    """The items that begin a part, in as few parts of up to `most` lines as can be, of
    about one size."""
    whole = _starts(needs, most)
    tried = (_starts(needs, limit) for limit in range(1, math.ceil(most)))
    return next((found for found in tried if len(found) <= len(whole)), whole)


def _starts(needs: list[float], limit: float) -> list[int]:
    """The rows that begin a part, if each part takes up to `limit` lines."""
    starts, used = [], math.inf
    for i, need in enumerate(needs):
        if used + need > limit:
            starts.append(i)
            used = 0.0
        used += need
    return starts


def _row_lines(row: Tag, columns: list[int]) -> float:
    cells = row.find_all(["td", "th"], recursive=False)
    lines = [math.ceil(_width(c) / w) for c, w in zip(cells, columns, strict=False)]
    return max(lines, default=1) + 0.4


def _columns(rows: list[Tag]) -> list[int]:
    """About how many letters each column of a table holds in a line."""
    cells = [row.find_all(["td", "th"], recursive=False) for row in rows]
    widest = [
        max(map(_width, filter(None, column)))
        for column in itertools.zip_longest(*cells)
    ]
    room = ROOM - 2 * len(widest)
    if sum(widest) <= room:
        return [max(1, width) for width in widest]
    fair = [min(width, 60) for width in widest]
    return [max(8, room * width // sum(fair)) for width in fair]


def _verdicts(made: Deck) -> None:
    """The last slides: claims, theirs, ours, the verdicts; then the statements."""
    titles = ("What was claimed, and what we found", "Statement by statement")
    for name, title in zip(LAST, titles, strict=True):
        tables = [table for table in made.last if name in table["class"]]
        if tables:
            whole = copy.copy(tables[0])
            for table in tables[1:]:
                for row in table.select("tbody > tr"):
                    whole.find("tbody").append(copy.copy(row))
            for part in _split_table(whole):
                made.add(title, "", str(part), "claims")


def frames(film: Tag) -> str:
    """The frames of a film, which replace each other as a speaker steps on."""
    what = _text(film.select_one("label"))
    parts = []
    for i, image in enumerate(film.select(".hlnb-film-frames img")):
        label = f"{what} {image['data-label']}"
        for key in ("data-label", "hidden"):
            image.attrs.pop(key, None)
        shown = "fade-out" if i == 0 else "current-visible"
        step = f'class="frame fragment {shown}" data-fragment-index="{max(0, i - 1)}"'
        parts.append(f"<div {step}>{image}<p>{escape(label)}</p></div>")
    return f'<div class="frames">{"".join(parts)}</div>'
