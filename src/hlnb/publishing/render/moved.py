"""Places that have left a chapter for another: their old addresses lead on."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from hlnb.templates import rendered


def leading_on(
    name: str, body: str, moves: Sequence[Mapping[str, Any]], *, titles: Mapping
) -> str:
    """What is added to a chapter's page: for each place that left it, a link.

    body: the page, which may still have some of the ids; these get no link, as their
    place is not gone. moves: of book/moved.yml. titles: of the chapters that have a
    page, by name; a place that moved to another is left out.
    """
    found = []
    for move in moves:
        if move["from"] != name or move["to"] not in titles:
            continue
        places = {
            old: new
            for old, new in move["places"].items()
            if f'id="{escape(old)}"' not in body
        }
        if places:
            page = f"{move['to']}.html"
            kinds: dict[str, list[tuple[str, str]]] = {}
            for place in places.items():
                kinds.setdefault(_kind(place[0]), []).append(place)
            found.append({"title": titles[move["to"]], "page": page, "kinds": kinds})
    if not found:
        return ""
    return rendered("publishing/templates/moved.html", moves=found)


def _kind(place: str) -> str:
    """What stands at an id, as a reader calls it."""
    start = place.split("-")[0]
    return {"fig": "Figures", "at": "Claims"}.get(start, "Sections")
