"""Lines along their own axis: slanted neighbours, joined fragments, what is surely a line of its own."""

import math

import pytest

from agents.boxes import Box, outward
from pipeline.teacher.language import Side
from pipeline.teacher.layout import neighbour, way
from pipeline.teacher.lines import Corners, Line
from pipeline.teacher.rows import alone, joined, slant_of, straightened


def line(text: str, x: int, y: int, width: int = 120, height: int = 30, degrees: float = 0.0) -> Line:
    """A line that would start at (x, y) if the photo were turned back by so many degrees."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    level = ((x, y), (x + width, y), (x + width, y + height), (x, y + height))
    corners: Corners = tuple((a * cos - b * sin, a * sin + b * cos) for a, b in level)
    box = outward(*map(min, zip(*corners, strict=True)), *map(max, zip(*corners, strict=True)))
    return Line(box, text, True, "white", "blue", quad=corners)


@pytest.mark.parametrize("degrees", [0, 12, -12, 24])
@pytest.mark.parametrize(("side", "text"), [("below", "MARKET"), ("above", "OLD"), ("right", "HALL")])
def test_a_neighbour_is_found_however_the_writing_slants(degrees: int, side: Side, text: str) -> None:
    lines = [line(*one, degrees=degrees) for one in _SIGN]
    found = neighbour(lines, lines[0], side)
    assert found is not None
    assert found.text == text


_SIGN = [("OPEN", 300, 300), ("MARKET", 300, 336), ("OLD", 300, 264), ("HALL", 480, 300)]


@pytest.mark.parametrize("degrees", [0, 15, -15])
def test_what_lies_below_does_so_however_the_writing_slants(degrees: int) -> None:
    one, two = line("OPEN", 300, 300, degrees=degrees), line("MARKET", 300, 336, degrees=degrees)
    assert way([one, two], two, one, "vertical") == "below"


def test_what_lies_apart_one_way_as_the_photo_is_held_and_another_as_it_is_written_is_nowhere() -> None:
    one, two = line("OPEN", 300, 300, degrees=20), line("HALL", 700, 270, degrees=20)
    assert way([one, two], two, one, "vertical") is None


def test_a_turned_line_is_set_straight() -> None:
    turned = line("OPEN", 300, 300, degrees=20)
    (level,) = straightened([turned], turned.slant)
    assert level.box.iou(Box(300, 300, 420, 330)) > 0.9


def test_a_line_knows_its_size_whichever_way_it_slants() -> None:
    turned = line("OPEN", 300, 300, width=200, height=30, degrees=30)
    assert (round(turned.length), round(turned.height)) == (200, 30)


def test_a_short_line_slants_like_the_longer_one_beside_it() -> None:
    short, long = line("I", 300, 300, width=30), line("LIKE IT", 300, 336, degrees=8)
    assert slant_of([short, long], short) == long.slant


@pytest.mark.parametrize("degrees", [0, 15, -15])
def test_fragments_of_one_row_are_joined(degrees: int) -> None:
    parts = [line("Jan 18", 435, 300, degrees=degrees), line("6722", 300, 300, degrees=degrees)]
    assert [one.text for one in joined(parts)] == ["6722 Jan 18"]


@pytest.mark.parametrize("other", [line("HALL", 480, 300), line("HALL", 430, 330), line("HALL", 430, 290, height=60)])
def test_what_is_far_or_lower_or_larger_is_another_line(other: Line) -> None:
    assert len(joined([line("OPEN", 300, 300), other])) == 2


def test_fragments_on_different_colours_are_not_joined() -> None:
    other = line("HALL", 430, 300)._replace(ground="red")
    assert len(joined([line("OPEN", 300, 300), other])) == 2


def test_a_joined_line_is_legible_only_if_all_of_it_is() -> None:
    blurred = line("HALL", 430, 300)._replace(legible=False)
    assert [one.legible for one in joined([line("OPEN", 300, 300), blurred])] == [False]


@pytest.mark.parametrize(("x", "surely"), [(450, False), (480, True)])
def test_a_line_is_its_own_only_with_room_around_it(x: int, surely: bool) -> None:
    one, other = line("OPEN", 300, 300), line("HALL", x, 300)
    assert alone([one, other], one) is surely
