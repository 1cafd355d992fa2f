"""Demonstrations on a page: their box, their scripts, what stands there without."""

import shutil
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from hlnb.errors import HlnbError
from hlnb.publishing.render import build, labs

BOX = """

```{{lab}} {name}
:set: problem=4&hide=seed

{inside}
```
"""


@pytest.fixture
def own(small, tmp_path) -> Path:
    """A rendered book with tiny chapters, to be changed."""
    return Path(shutil.copytree(small, tmp_path / "own"))


def with_lab(root: Path, *, name: str = "playground", inside: str = "A film.") -> None:
    page = root / "book/glossary.md"
    page.write_text(
        page.read_text("utf8") + BOX.format(name=name, inside=inside), "utf8"
    )


def read(root: Path, name: str) -> BeautifulSoup:
    return BeautifulSoup((root / "_build/html" / name).read_text("utf8"), "html.parser")


def test_a_page_with_a_demonstration_loads_its_scripts_and_no_other_page(own):
    with_lab(own)
    build.build(own)
    page = read(own, "book/glossary.html")
    (box,) = page.select(".hlnb-lab")
    assert (box["data-lab"], box["data-set"]) == ("playground", "problem=4&hide=seed")
    assert box.get_text(strip=True) == "A film."
    loaded = [s["src"] for s in page.select("script[src*='_static/lab/']")]
    names = [source.split("/")[-1].split(".js")[0] for source in loaded]
    assert names == labs.scripts(own)["playground"]
    for source in loaded:
        assert (own / "_build/html/book" / source.split("?")[0]).is_file()
    assert page.select("link[href*='_static/lab/lab.css']")
    other = read(own, "book/chapters/08_cifar_filters.html")
    assert not other.select("script[src*='_static/lab/'], link[href*='_static/lab/']")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"name": "painter"}, "There is no demonstration painter: take playground"),
        ({"inside": ""}, "playground has nothing inside that stands there without"),
    ],
    ids=["unknown", "empty"],
)
def test_a_box_that_cannot_be_stops_the_build(own, capsys, given, told):
    with_lab(own, **given)
    with pytest.raises(HlnbError, match="was not built"):
        build.build(own)
    assert told in capsys.readouterr().err


def test_scripts_are_loaded_once_and_in_order(tmp_path):
    folder = tmp_path / "book/static/lab"
    folder.mkdir(parents=True)
    (folder / "scripts.yml").write_text("a: [x, ui, a]\nb: [y, ui, b]\n")
    body = "".join(f'<div class="hlnb-lab" data-lab="{n}">' for n in ("a", "b", "a"))
    scripts = [f"lab/{name}.js" for name in ("x", "ui", "a", "y", "b")]
    assert labs.needed(body, tmp_path) == scripts
    assert labs.needed("<p>none</p>", tmp_path) == []


def test_every_script_of_the_list_is_there():
    root = Path(labs.__file__).parents[4]
    for names in labs.scripts(root).values():
        for name in names:
            assert (root / "book/static/lab" / f"{name}.js").is_file()
