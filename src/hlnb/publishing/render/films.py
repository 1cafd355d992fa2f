"""Films of a page: a slider, a button and pictures, without the widgets of a kernel."""

from typing import Any, NamedTuple

from bs4 import BeautifulSoup

from hlnb.errors import HlnbError
from hlnb.publishing.notebooks import STATE, VIEW, Notebook
from hlnb.templates import rendered

MARK = 'class="hlnb-film"'  # a page that holds it loads the script of films


class Frame(NamedTuple):
    """One picture of a film: what the slider says, its address, and its words."""

    label: str
    source: str
    alt: str


def shown(notebook: Notebook, *, chapter: int) -> None:
    """Puts films into a notebook's outputs in place of its widgets, numbered in order.

    Refuses a widget that is no film, which would need a kernel or a megabyte of script.
    """
    views = [
        output["data"]
        for cell in notebook["cells"]
        for output in cell.get("outputs", [])
        if VIEW in output.get("data", {})
    ]
    for number, data in enumerate(views, start=1):
        try:
            what, frames = read(notebook, data.pop(VIEW)["model_id"])
        except (KeyError, TypeError, ValueError):
            raise HlnbError(
                f"Chapter {chapter} shows a widget that is no film, which a page "
                "cannot show: make it a Film."
            ) from None
        data["text/html"] = html(what, frames, number=(chapter, number))
    notebook["metadata"].pop("widgets", None)


def read(notebook: Notebook, view: str) -> tuple[str, list[Frame]]:
    """What the slider of a film changes, and the film's pictures in order.

    A KeyError, TypeError or ValueError: the widget is none that `hlnb.page.show.Film`
    makes.
    """
    models = notebook["metadata"]["widgets"][STATE]["state"]

    def held(box: dict[str, Any]) -> list[dict[str, Any]]:
        names = [child.removeprefix("IPY_MODEL_") for child in box["children"]]
        return [models[name]["state"] for name in names]

    slider, stack = held(models[view]["state"])
    pages = [BeautifulSoup(page["value"], "html.parser") for page in held(stack)]
    both = zip(slider["_options_labels"], pages, strict=True)
    frames = [Frame(label, page.img["src"], page.img["alt"]) for label, page in both]
    return slider["description"], frames


def html(what: str, frames: list[Frame], *, number: tuple[int, int]) -> str:
    """A film in HTML; without its script, a page shows three of its pictures.

    number: of the chapter, and of the film in it.
    """
    stills = sorted({0, (len(frames) - 1) // 2, len(frames) - 1})
    return rendered(
        "publishing/templates/film.html",
        what=what,
        frames=frames,
        stills=stills,
        number=".".join(map(str, number)),
    )
