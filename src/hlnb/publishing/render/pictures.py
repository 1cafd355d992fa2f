"""The table of a source's pictures, and of the figures of the book that show them."""

from collections.abc import Iterable
from typing import Any

from hlnb.errors import HlnbError
from hlnb.publishing.render.executed import Executed
from hlnb.publishing.render.tables import markdown_table


def of_the_notes(found: Iterable[Executed], rows: list[dict[str, Any]]) -> str:
    """Each picture of the notes, in their order, with what shows it in the book.

    `rows`: of book/notes_figures.yml. Refuses a figure or a chapter that the book does
    not have, and a picture that nothing shows and no note explains.
    """
    by_name = {chapter.name: chapter for chapter in found}
    figures = {name for chapter in by_name.values() for name in names(chapter)}
    lines = []
    for row in rows:
        shown = [_figure(name, figures) for name in row.get("figures", [])]
        shown += [_chapter(name, by_name) for name in row.get("chapters", [])]
        drawn = [f"{{numref}}`{name}` (a drawing)" for name in row.get("drawings", [])]
        if not shown and not row.get("note"):
            raise HlnbError(
                f"Nothing shows a picture of the notes, {row['shows']}: say why in its "
                "note."
            )
        said = f"{row['shows']}: “{row['quote']}”"
        said += "" if row["announced"] else ". *Not announced.*"
        ours = [*(shown or ["No figure"]), *drawn]
        lines.append([said, ", ".join(ours), row["note"]])
    announced = sum(row["announced"] for row in rows)
    told = (
        f"{len(rows)} places: {announced} point at a picture, "
        f"{len(rows) - announced} do not."
    )
    names_of_columns = ["In the notes", "In this book", "What to know"]
    return f"{told}\n\n{markdown_table(names_of_columns, lines)}"


def names(chapter: Executed) -> list[str]:
    """The names of the figures of an executed chapter, in order."""
    about = [cell["metadata"].get("mystnb", {}) for cell in chapter.cells]
    return [a["figure"]["name"] for a in about if "name" in a.get("figure", {})]


def _figure(name: str, figures: set[str]) -> str:
    if name not in figures:
        raise HlnbError(
            f"No chapter has a figure {name}, which book/notes_figures.yml names."
        )
    return f"{{numref}}`{name}`"


def _chapter(name: str, chapters: dict[str, Executed]) -> str:
    if name not in chapters:
        raise HlnbError(
            f"There is no chapter {name}, which book/notes_figures.yml names."
        )
    return chapters[name].link
