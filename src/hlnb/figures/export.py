"""A figure as a picture, and its numbers as a table."""

import io
import itertools
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from PIL import Image, ImageChops

COLOURS, PLAIN = 256, Image.Dither.NONE  # a picture's palette
NEAR = 20  # of 255 steps in a channel: a difference of hues that nobody sees


def save(fig: Figure, *, shown: int = 130) -> bytes:
    """The figure as PNG bytes, and closes it; equal figures give equal bytes.

    It is as sharp as `style` sets, for screens with two pixels where CSS has one.
    `shown`: how many CSS pixels of a page an inch of the figure takes; the picture says
    so by its density, 96 pixels an inch being one pixel for one of CSS.
    """
    drawn, packed = io.BytesIO(), io.BytesIO()
    fig.savefig(drawn, format="png")
    plt.close(fig)
    picture = Image.open(drawn).convert("RGB")
    few = picture.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=1, dither=PLAIN)
    moved = np.asarray(ImageChops.difference(picture, few.convert("RGB")))
    if np.quantile(moved, 0.999) <= NEAR:  # photographs are further
        picture = few  # a third of the bytes
    dpi = 96 * plt.rcParams["savefig.dpi"] / shown
    picture.save(packed, format="PNG", optimize=True, dpi=(dpi, dpi))
    return packed.getvalue()


def css_size(fig: Figure, *, shown: int = 130) -> dict[str, int]:
    """Width and height of a figure on a page, in CSS pixels; `shown` as for `save`."""
    width, height = fig.get_size_inches() * shown
    return {"width": round(width), "height": round(height)}


def numbers(fig: Figure) -> list[tuple[str, ...]]:
    """What a figure shows, as rows: panel, kind, series, x, y, value.

    Lines, points and the corners of areas have x and y; bars their middle and height;
    pixels column, row and value; cells of a mesh their number (twice) and value. Series
    without a label are numbered. The first row names the columns.
    """
    rows: list[tuple[str, ...]] = [("panel", "kind", "series", "x", "y", "value")]

    count = itertools.count(1)

    def add(panel: str, kind: str, label: Any, *columns: Any) -> None:
        series, number = str(label), next(count)
        series = f"unnamed {number}" if series.startswith("_") else series
        for cells in zip(*columns, strict=True):
            texts = [v if isinstance(v, str) else f"{v:.6g}" for v in cells]
            rows.append((panel, kind, series, *texts, *[""] * (3 - len(texts))))

    for i, ax in enumerate(fig.axes, start=1):
        words = (ax.get_title(), ax.get_xlabel(), ax.get_ylabel())
        panel = f"{i}: " + " / ".join(" ".join(word.split()) for word in words if word)
        for line in ax.lines:
            x, y = line.get_data()
            add(panel, "line", line.get_label(), np.ravel(x), np.ravel(y))
        for found in ax.collections:
            if hasattr(found, "get_segments"):
                for segment in found.get_segments():
                    add(panel, "line", found.get_label(), *np.transpose(segment)[:2])
            elif isinstance(found, PathCollection):
                points = np.ma.filled(found.get_offsets(), np.nan)
                add(panel, "point", found.get_label(), *points.T)
            elif (values := found.get_array()) is not None:
                at = range(np.size(values))
                add(panel, "cell", found.get_label(), at, at, np.ravel(values))
            else:
                for path in found.get_paths():
                    add(panel, "area", found.get_label(), *np.transpose(path.vertices))
        for bars in ax.containers:
            for bar in getattr(bars, "patches", ()):
                middle = bar.get_x() + bar.get_width() / 2
                add(panel, "bar", bars.get_label(), [middle], [bar.get_height()])
        for image in ax.images:
            values = np.ma.filled(
                np.ma.asarray(image.get_array()).astype(float), np.nan
            )
            down, across = np.indices(values.shape[:2]).reshape(2, -1)
            if values.ndim == 3:  # colours
                shown: list[str] | np.ndarray = [
                    " ".join(f"{v:.3g}" for v in c)
                    for c in values.reshape(-1, values.shape[2])
                ]
            else:
                shown = np.ravel(values)
            add(panel, "pixel", image.get_label(), across, down, shown)
    return rows
