"""Pictures of 32 by 32 pixels drawn by the package: ten classes, each made of parts.

A picture has an upper and a lower part on a background. The ten classes are five pairs
of kinds of parts, each pair in both orders:

    class      above        below        the same parts in the other order
    truck      rectangle    two circles  robot
    robot      two circles  rectangle    truck
    dog        two circles  triangle     wagon
    wagon      triangle     two circles  dog
    clown      triangle     ring         pawn
    pawn       ring         triangle     clown
    orb        cross        ring         venus
    venus      ring         cross        orb
    church     cross        rectangle    scarecrow
    scarecrow  rectangle    cross        church

So each of the five kinds of parts is in four classes, in two of them above and in two
below: no single part, with or without its place, says which class it is. The pair and
its order do. Truck (wheels and a body) and dog (eyes and a nose) are the running
example of section 2 of the report. Circles always come in twos.

Sizes, places, tilt, colours and background are drawn without regard to the class.
Picture i depends on row i of the random numbers alone, so a longer draw begins with the
shorter one. The arithmetic is addition, multiplication, division and square roots in
single precision, which round alike on every machine, so that the bytes are equal too.
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float32, Int64, UInt8
from torch import Tensor

from hlnb.errors import HlnbError, at_least

COMPOSITION = {  # class: the kinds of its upper and its lower part
    "truck": ("rectangle", "circle"),
    "robot": ("circle", "rectangle"),
    "dog": ("circle", "triangle"),
    "wagon": ("triangle", "circle"),
    "clown": ("triangle", "ring"),
    "pawn": ("ring", "triangle"),
    "orb": ("cross", "ring"),
    "venus": ("ring", "cross"),
    "church": ("cross", "rectangle"),
    "scarecrow": ("rectangle", "cross"),
}
CLASSES = tuple(COMPOSITION)
PARTS = ("circle", "rectangle", "triangle", "ring", "cross")
BACKGROUNDS = ("flat", "gradient", "stripes", "checks", "clouds", "noise")

_SIDE = 32
_KINDS = np.array([[PARTS.index(kind) for kind in COMPOSITION[c]] for c in CLASSES])
_SETTINGS = 32  # random numbers a picture has besides those of its background's pixels

# One number or a few for each picture, shaped to meet a grid of pixels.
_PerPicture = Float32[np.ndarray, "n 1 1"]
_Field = Float32[np.ndarray, "n 32 32"]
_Colour = Float32[np.ndarray, "n 3"]


class Drawing(NamedTuple):
    """Pictures, labels (indices into `CLASSES`) and where the parts are seen.

    masks: one for each of `PARTS`; the pixels of which a part of that kind, as far as
        nothing hides it, covers more than half. The masks of a picture are disjoint.
    """

    images: UInt8[Tensor, "n 3 32 32"]
    labels: Int64[Tensor, " n"]
    masks: Bool[Tensor, "n 5 32 32"]


def draw(
    n: int,
    *,
    generator: torch.Generator,
    labels: Int64[Tensor, " n"] | None = None,
    chunk: int = 256,
) -> Drawing:
    """`n` pictures; the same generator state gives the same pictures.

    labels: the classes to draw; None: each class with probability 1/10. They change the
        parts' kinds and nothing else in a picture.
    chunk: pictures in memory at a time while drawing; the result does not depend on it.

    Refuses `n` below 1, and labels that are not `n` whole numbers from 0 to 9.
    """
    at_least(1, n=n)
    if labels is not None and (
        labels.shape != (n,) or labels.min() < 0 or labels.max() >= len(CLASSES)
    ):
        raise HlnbError(
            f"The labels of {n} pictures are {n} whole numbers from 0 to "
            f"{len(CLASSES) - 1}."
        )
    images = np.empty((n, 3, _SIDE, _SIDE), np.uint8)
    masks = np.zeros((n, len(PARTS), _SIDE, _SIDE), bool)
    drawn = np.empty(n, np.int64)
    for start in range(0, n, chunk):
        rows = slice(start, min(start + chunk, n))
        numbers = torch.rand(
            (rows.stop - start, _SETTINGS + _SIDE**2), generator=generator
        ).numpy()
        drawn[rows] = numbers[:, 0].astype(np.float64) * len(CLASSES)
        if labels is not None:
            drawn[rows] = labels[rows].numpy()
        images[rows], masks[rows] = _paint(numbers, drawn[rows])
    return Drawing(*map(torch.from_numpy, (images, drawn, masks)))


class _Settings:
    """Hands out a picture's random numbers, one after the other."""

    def __init__(self, numbers: Float32[np.ndarray, "n numbers"]):
        self._columns = iter(numbers.T[1:_SETTINGS])  # 0 is the label's

    def between(self, low: float, high: float) -> _PerPicture:
        return low + (high - low) * next(self._columns)[:, None, None]

    def colour(self) -> _Colour:
        """Red, green and blue without their common grey."""
        rgb = np.stack([next(self._columns) - 0.5 for _ in range(3)], axis=1)
        return rgb - _grey(rgb)


def _grey(rgb: _Colour) -> Float32[np.ndarray, "n 1"]:
    return 0.3 * rgb[:, :1] + 0.59 * rgb[:, 1:2] + 0.11 * rgb[:, 2:]


def _paint(
    numbers: Float32[np.ndarray, "n numbers"], labels: Int64[np.ndarray, " n"]
) -> tuple[UInt8[np.ndarray, "n 3 32 32"], Bool[np.ndarray, "n 5 32 32"]]:
    settings = _Settings(numbers)
    *ground, upper, lower = _colours(settings)
    field = _background(settings, numbers[:, _SETTINGS:].reshape(-1, _SIDE, _SIDE))
    covers = _parts(settings, _KINDS[labels])

    images = _mix(ground[0][..., None, None], ground[1], field)
    for colour, cover in zip((upper, lower), covers, strict=True):
        images = _mix(images, colour, cover)

    masks = np.zeros((len(labels), len(PARTS), _SIDE, _SIDE), bool)
    pictures = np.arange(len(labels))
    seen = (covers[0] * (1 - covers[1]), covers[1])  # the lower part is painted last
    for kinds, share in zip(_KINDS[labels].T, seen, strict=True):
        masks[pictures, kinds] = share > 0.5
    return np.floor(images * 255 + 0.5).astype(np.uint8), masks


def _mix(
    below: Float32[np.ndarray, "n 3 #32 #32"], colour: _Colour, cover: _Field
) -> Float32[np.ndarray, "n 3 32 32"]:
    return below + (colour[..., None, None] - below) * cover[:, None]


def _colours(settings: _Settings) -> list[_Colour]:
    """Two colours of the background, then those of the upper and the lower part.

    The background is dark and the parts are light, or the other way round, and the two
    parts have complementary hues: so each part stands out, whatever its colour is.
    """
    dark_parts = settings.between(0.0, 1.0)[:, 0] < 0.5
    hue = settings.colour()
    tints = (settings.colour(), settings.colour(), hue, 0.3 * settings.colour() - hue)
    colours = []
    for low, tint in zip((0.1, 0.1, 0.65, 0.65), tints, strict=True):
        grey = settings.between(low, low + 0.25)[:, 0]
        grey = np.where(dark_parts, 1 - grey, grey)
        colours.append(np.clip(grey + 0.65 * tint, 0, 1))
    return colours


def _background(settings: _Settings, noise: _Field) -> _Field:
    """How much of the second colour of the background each pixel has, from 0 to 1."""
    kind = settings.between(0.0, float(len(BACKGROUNDS)))[:, 0, 0].astype(int)
    across, down = _direction(settings.between(-1.0, 1.0))
    period = settings.between(6.0, 14.0)
    along = _pixels(1) * across + _pixels(0) * down  # from -22 to 22
    aside = _pixels(0) * across - _pixels(1) * down
    shift = settings.between(0.0, 1.0)
    first, second = _wave(along, period, shift), _wave(aside, period, shift)
    fields = {
        "flat": np.zeros_like(noise),
        "gradient": np.clip(0.5 + along / 32, 0, 1),
        "stripes": np.clip(0.5 + first, 0, 1),
        "checks": np.clip(0.5 + 2 * first * second, 0, 1),
        "clouds": _clouds(noise),
        "noise": noise,
    }
    field = np.empty_like(noise)
    for index, name in enumerate(BACKGROUNDS):
        field[kind == index] = fields[name][kind == index]
    return field


def _pixels(axis: int) -> Float32[np.ndarray, "rows columns"]:
    """The rows' (axis 0) or the columns' (axis 1) distances from the middle."""
    line = np.arange(_SIDE, dtype=np.float32) - (_SIDE - 1) / 2
    return line[:, None] if axis == 0 else line[None, :]


def _direction(t: _PerPicture) -> tuple[_PerPicture, _PerPicture]:
    """Cosine and sine of twice the arc tangent of t, by arithmetic that is exact."""
    return (1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)


def _wave(along: _Field, period: _PerPicture, shift: _PerPicture) -> _Field:
    """A triangle wave whose slope at its zeros is one for each pixel."""
    phase = along / period + shift
    return (np.abs(2 * (phase - np.floor(phase)) - 1) - 0.5) * period / 2


def _clouds(noise: _Field) -> _Field:
    """Bilinear interpolation between the noise of each eighth pixel."""
    place = np.arange(_SIDE, dtype=np.float32) / 8
    part = place - np.floor(place)
    cell = place.astype(int)
    for axis, weight in ((1, part[:, None]), (2, part[None, :])):
        left, right = noise.take(cell, axis), noise.take(cell + 1, axis)
        noise = left + (right - left) * weight
    return noise


def _parts(
    settings: _Settings, kinds: Int64[np.ndarray, "n 2"]
) -> tuple[_Field, _Field]:
    """How much of each pixel the upper and the lower part cover, from 0 to 1."""
    cosine, sine = _direction(settings.between(-0.1, 0.1))  # tilted by up to 11 degrees
    size = settings.between(0.85, 1.05)
    widths = [settings.between(0.0, 1.0) for _ in range(2)]
    heights = [settings.between(0.0, 1.0) for _ in range(2)]
    halves = [_half_extents(kinds[:, i], widths[i], heights[i], size) for i in range(2)]
    gap = settings.between(0.5, 2.0)
    slide = settings.between(-1.0, 1.0)  # of the parts against each other, sideways

    # In the frame that tilts with the picture and has its origin in the middle of both:
    height = halves[0][1] + halves[1][1] + gap / 2
    width = np.maximum(halves[0][0], halves[1][0]) + np.abs(slide)
    middles = [halves[0][1] - height, height - halves[1][1]]
    # No part touches the picture's edge, at whatever tilt; the largest have room left:
    lean = np.abs(sine)
    room_across = (_SIDE - 2) / 2 - (cosine * width + lean * height)
    room_down = (_SIDE - 2) / 2 - (cosine * height + lean * width)
    across = _pixels(1) - room_across * settings.between(-1.0, 1.0)
    down = _pixels(0) - room_down * settings.between(-1.0, 1.0)
    u, v = across * cosine + down * sine, down * cosine - across * sine

    covers = []
    for i, sign in enumerate((1, -1)):
        cover = np.empty(u.shape, np.float32)
        for kind, name in enumerate(PARTS):
            chosen = kinds[:, i] == kind
            a, b = (half[chosen] for half in halves[i])
            x, y = (u - sign * slide)[chosen], (v - middles[i])[chosen]
            cover[chosen] = np.clip(0.5 - _DISTANCES[name](x, y, a, b), 0, 1)
        covers.append(cover)
    return covers[0], covers[1]


# Half the width and half the height of a part in pixels: smallest and largest.
_HALVES = np.array(
    [
        [(8.5, 10.0), (2.8, 3.8)],  # circle: both together; their radius
        [(8.5, 10.5), (3.8, 5.0)],  # rectangle
        [(5.5, 7.5), (5.0, 6.0)],  # triangle
        [(4.8, 6.0), (4.8, 6.0)],  # ring
        [(4.8, 6.0), (4.8, 6.0)],  # cross
    ],
    np.float32,
)
_ROUND = [PARTS.index("ring"), PARTS.index("cross")]  # as wide as they are high


def _half_extents(
    kinds: Int64[np.ndarray, " n"],
    width: _PerPicture,
    height: _PerPicture,
    size: _PerPicture,
) -> tuple[_PerPicture, _PerPicture]:
    low, high = _HALVES[kinds].transpose(2, 1, 0)[..., None, None]
    a, b = size * (low + (high - low) * np.stack([width, height]))
    return np.where(np.isin(kinds, _ROUND)[:, None, None], b, a), b


# The signed distance in pixels from the edge of a part that is centred on the origin
# and reaches from -a to a across and from -b to b down. Negative inside.


def _circles(x: _Field, y: _Field, a: _PerPicture, b: _PerPicture) -> _Field:
    x = np.abs(x) - (a - b)
    return np.sqrt(x * x + y * y) - b


def _rectangle(x: _Field, y: _Field, a: _PerPicture, b: _PerPicture) -> _Field:
    return np.maximum(np.abs(x) - a, np.abs(y) - b)


def _triangle(x: _Field, y: _Field, a: _PerPicture, b: _PerPicture) -> _Field:
    side = (2 * b * np.abs(x) - a * (y + b)) / np.sqrt(4 * b * b + a * a)
    return np.maximum(side, y - b)


def _ring(x: _Field, y: _Field, a: _PerPicture, b: _PerPicture) -> _Field:
    return np.abs(np.sqrt(x * x + y * y) - 0.75 * a) - 0.25 * a


def _cross(x: _Field, y: _Field, a: _PerPicture, b: _PerPicture) -> _Field:
    thin = 0.3 * a
    return np.minimum(_rectangle(x, y, a, thin), _rectangle(x, y, thin, b))


_DISTANCES = {
    "circle": _circles,
    "rectangle": _rectangle,
    "triangle": _triangle,
    "ring": _ring,
    "cross": _cross,
}
