"""The drawn shapes: reproducible, composed as the table says, with masks that fit."""

import pytest
import torch
from torch.nn.functional import max_pool2d

from hlnb.data import shapes
from hlnb.data.shapes import CLASSES, COMPOSITION, PARTS, draw
from hlnb.errors import HlnbError
from hlnb.seeding import stream


@pytest.fixture(scope="module")
def drawing():
    return draw(1000, generator=stream(0, "test shapes"))


def grown(mask: torch.Tensor, pixels: int = 1) -> torch.Tensor:
    """The mask and what is up to so many pixels from it, diagonally too."""
    return max_pool2d(mask.float(), 2 * pixels + 1, stride=1, padding=pixels).bool()


def ground(drawn) -> torch.Tensor:
    """Where nothing but background is: two pixels from a mask, for a tip is faint."""
    return ~grown(drawn.masks.any(1), 2)


def test_same_stream_same_bytes():
    first, again = (draw(20, generator=stream(3, "a")) for _ in range(2))
    assert all(map(torch.equal, first, again))
    assert not torch.equal(first.images, draw(20, generator=stream(3, "b")).images)


def test_draw_moves_the_generator():
    generator = stream(3, "a")
    first, second = (draw(20, generator=generator) for _ in range(2))
    assert not torch.equal(first.images, second.images)


@pytest.mark.parametrize("chunk", [1, 7, 40])
def test_chunks_do_not_change_the_result(chunk):
    whole = draw(40, generator=stream(4, "a"))
    chunked = draw(40, generator=stream(4, "a"), chunk=chunk)
    assert all(map(torch.equal, whole, chunked))


def test_longer_draw_begins_with_the_shorter():
    short, long = (draw(n, generator=stream(5, "a")) for n in (10, 30))
    assert all(torch.equal(a, b[:10]) for a, b in zip(short, long, strict=True))


def test_types(drawing):
    assert drawing.images.dtype == torch.uint8
    assert drawing.labels.dtype == torch.int64
    assert drawing.masks.dtype == torch.bool
    assert drawing.images.shape == (1000, 3, 32, 32)
    assert drawing.masks.shape == (1000, len(PARTS), 32, 32)


def test_classes_are_equally_likely():
    n = 10_000
    counts = draw(n, generator=stream(6, "a")).labels.bincount(minlength=10)
    statistic = ((counts - n / 10) ** 2 / (n / 10)).sum()
    # Chi-squared, 9 degrees of freedom: a fair draw exceeds this once in 10,000 seeds.
    assert statistic < 33.72


def test_labels_are_drawn_as_asked():
    labels = torch.arange(30) % 10
    drawn = draw(30, generator=stream(7, "a"), labels=labels, chunk=8)
    assert torch.equal(drawn.labels, labels)
    assert_composition(drawn)


def assert_composition(drawn):
    """The parts seen are those of the class, the upper above the lower."""
    down = torch.arange(32.0)[:, None]
    heights = (drawn.masks * down).sum((2, 3)) / drawn.masks.sum((2, 3))
    for label, mask, height in zip(drawn.labels, drawn.masks, heights, strict=True):
        upper, lower = map(PARTS.index, COMPOSITION[CLASSES[label]])
        assert set(mask.any((1, 2)).nonzero().ravel().tolist()) == {upper, lower}
        assert height[upper] + 4 < height[lower]


def test_parts_are_those_of_the_class(drawing):
    assert_composition(drawing)


def test_masks_have_the_form_of_their_kind(drawing):
    """Sizes, holes: what tells the kinds apart."""
    places = torch.cartesian_prod(*2 * [torch.arange(32)]).T.view(2, 32, 32)
    for kind, (low, high), filled in [
        ("circle", (25, 110), False),
        ("rectangle", (80, 250), True),
        ("triangle", (30, 105), True),
        ("ring", (35, 95), False),
        ("cross", (30, 90), True),
    ]:
        masks = drawing.masks[:, PARTS.index(kind)]
        masks = masks[masks.any((1, 2))]
        areas = masks.sum((1, 2))
        assert low < areas.min(), kind
        assert areas.max() < high, kind
        middles = (masks[:, None] * places).sum((2, 3)) / areas[:, None]
        rows, columns = middles.round().long().T
        assert (masks[range(len(masks)), rows, columns] == filled).all(), kind


def test_parts_stay_inside(drawing):
    seen = drawing.masks.any(1)
    seen[:, 1:-1, 1:-1] = False
    assert not seen.any()


def test_masks_are_disjoint(drawing):
    assert drawing.masks.sum(1).max() == 1


def test_parts_have_one_colour_inside_their_masks(drawing):
    for mask in drawing.masks.transpose(0, 1):
        inside = ~grown(~mask)
        images = drawing.images.float()
        low = images.where(inside[:, None], torch.inf).amin((2, 3))
        high = images.where(inside[:, None], -torch.inf).amax((2, 3))
        drawn = inside.any((1, 2))
        assert drawn.sum() > 300
        assert torch.equal(low[drawn], high[drawn])


def test_label_changes_nothing_but_the_parts():
    """Background and colours cannot tell the class: they are the same for all ten."""
    n = 60
    drawings = [
        draw(n, generator=stream(8, "a"), labels=torch.full((n,), c)) for c in range(10)
    ]
    first = drawings[0]
    for other in drawings[1:]:
        untouched = (ground(first) & ground(other))[:, None]
        changed = first.images != other.images
        assert not (changed & untouched).any()
        assert changed.any((1, 2, 3)).all()
        for place in range(2):
            (before, there), (after, still) = (colour(d, place) for d in (first, other))
            assert (there & still).sum() > n / 2
            assert torch.equal(before[there & still], after[there & still])


def colour(drawn, place: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Colours inside the upper (0) or lower (1) part, and which part has an inside.

    All pictures are of one class. A thin part may have no pixel that it fully covers.
    """
    kind = PARTS.index(COMPOSITION[CLASSES[drawn.labels[0]]][place])
    inside = ~grown(~drawn.masks[:, kind])[:, None]
    return drawn.images.where(inside, 0).amax((2, 3)), inside.any((1, 2, 3))


def test_background_is_seen_where_no_part_is():
    """A picture's ground is one of two colours' mixtures, whichever parts cover it."""
    drawn = draw(300, generator=stream(9, "a"))
    flat = 0
    for image, seen in zip(drawn.images, ground(drawn), strict=True):
        pixels = image[:, seen].double()
        centred = pixels - pixels.mean(1, keepdim=True)
        deviations = torch.linalg.svdvals(centred)
        assert deviations[1] < 0.5 * seen.sum() ** 0.5  # off the line: rounding
        flat += int(deviations[0] == 0)
    # Binomial(300, 1/6): outside these bounds once in 10,000 seeds.
    assert 26 < flat < 77


def test_parts_stand_out(drawing):
    grey = (drawing.images * torch.tensor([0.3, 0.59, 0.11])[:, None, None]).sum(1)
    around = ground(drawing)
    below = (grey * around).sum((1, 2)) / around.sum((1, 2))
    for mask in drawing.masks.transpose(0, 1):
        drawn = mask.any((1, 2))
        part = (grey * mask).sum((1, 2)) / mask.sum((1, 2))
        assert (part - below)[drawn].abs().min() > 40  # of 255


def test_no_part_tells_the_class():
    above = [upper for upper, _ in COMPOSITION.values()]
    below = [lower for _, lower in COMPOSITION.values()]
    assert len(set(COMPOSITION.values())) == len(CLASSES) == 10
    assert all(above.count(kind) == below.count(kind) == 2 for kind in PARTS)
    assert {pair[::-1] for pair in COMPOSITION.values()} == set(COMPOSITION.values())


def test_documented_table_is_the_composition():
    rows = [line for line in shapes.__doc__.splitlines() if line.startswith("    ")]
    table = {}
    for row in rows[1:]:
        name, *parts, other = row.replace("two circles", "circle").split()
        table[name] = tuple(parts)
        assert COMPOSITION[other] == tuple(parts[::-1])
    assert table == COMPOSITION


def test_report_s_truck_and_dog():
    assert COMPOSITION["truck"] == ("rectangle", "circle")  # a body on wheels
    assert COMPOSITION["dog"] == ("circle", "triangle")  # two eyes above a nose


@pytest.mark.parametrize("labels", [[0, 10], [0, -1], [0, 1, 2]])
def test_refuses_other_labels(labels):
    with pytest.raises(HlnbError, match="labels of 2 pictures are 2 whole numbers"):
        draw(2, generator=stream(0, "a"), labels=torch.tensor(labels))


def test_refuses_no_pictures():
    with pytest.raises(HlnbError, match="n = 0: take a whole number from 1 up"):
        draw(0, generator=stream(0, "a"))
