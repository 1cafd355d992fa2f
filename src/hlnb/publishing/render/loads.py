"""What a page loads: its pictures, as files, when the reader comes near."""

import base64
import hashlib
import io
import re
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from hlnb.storage import write_whole

EMBEDDED = re.compile(r'src="data:image/png;base64,([^"]+)"')
PICTURE = re.compile(r"<img\b[^>]*>")
SOURCE = re.compile(r'\bsrc="([^"]+)"')


def as_files(body: str, folder: Path, *, address: Callable[[str], str]) -> str:
    """The HTML with its embedded PNG pictures as files in a folder, named by content.

    address: what the page calls a file of the folder, by its name.
    """

    def written(match: re.Match[str]) -> str:
        data = base64.b64decode(match[1])
        name = f"frame-{hashlib.sha256(data).hexdigest()[:16]}.png"
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / name, data)
        return f'src="{address(name)}"'

    return EMBEDDED.sub(written, body)


def when_near(body: str, *, file: Callable[[str], Path | None]) -> str:
    """The HTML with pictures that are fetched when near, and whose room is kept.

    file: where the picture of an address lies, or None if it is not the book's own.
    """

    def late(match: re.Match[str]) -> str:
        tag = match[0]
        source = SOURCE.search(tag)
        place = file(source[1]) if source else None
        if place is None:
            return tag
        room = ' loading="lazy"'
        if place.suffix == ".png" and not re.search(r"\b(?:width|height)[=:]", tag):
            room += ' width="{}" height="{}"'.format(*css_size(place))
        return tag.replace("<img", f"<img{room}", 1)

    return PICTURE.sub(late, body)


def css_size(png: Path) -> tuple[int, int]:
    """Width and height of a picture in CSS pixels, of which an inch has 96.

    Its own pixels where it states no density.
    """
    with Image.open(io.BytesIO(png.read_bytes())) as picture:
        dpi, _ = picture.info.get("dpi", (96, 96))
        width, height = picture.size
    return round(width * 96 / dpi), round(height * 96 / dpi)
