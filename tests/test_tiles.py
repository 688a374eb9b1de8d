"""Tiles: the whole photo first, then native parts that together show all of it."""

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.boxes import Box, Size, whole
from pipeline.config import ProposeConfig
from pipeline.tiles import open_edges, tile_boxes, views_of

SIZES = st.builds(Size, st.integers(30, 6000), st.integers(30, 6000))


def views(photo: Size, seed: int = 0, **config: int) -> list[Box]:
    return [view.box for view in views_of(photo, ProposeConfig(**config), Random(seed))]


@st.composite
def cuttings(draw: st.DrawFn) -> tuple[Size, int, int]:
    side = draw(st.integers(200, 1600))
    return draw(SIZES), side, draw(st.integers(0, side // 2))


@given(cuttings())
def test_tiles_lie_in_the_photo_and_are_no_larger_than_asked(given_: tuple[Size, int, int]) -> None:
    photo, side, overlap = given_
    for box in tile_boxes(photo, side, overlap):
        assert whole(photo).holds(box)
        assert max(box.size) <= side
        assert box.area


@given(cuttings(), st.data())
def test_every_pixel_is_in_some_tile(given_: tuple[Size, int, int], data: st.DataObject) -> None:
    photo, side, overlap = given_
    x, y = data.draw(st.integers(0, photo.width - 1)), data.draw(st.integers(0, photo.height - 1))
    assert any(box.holds(Box(x, y, x + 1, y + 1)) for box in tile_boxes(photo, side, overlap))


@given(cuttings())
def test_neighbouring_tiles_share_the_overlap(given_: tuple[Size, int, int]) -> None:
    photo, side, overlap = given_
    spans = sorted({(box.x1, box.x2) for box in tile_boxes(photo, side, overlap)})
    for (_, end), (start, _) in pairwise(spans):
        assert end - start >= overlap


def test_a_small_photo_is_its_own_only_tile() -> None:
    assert views(Size(640, 480), tile=1280) == [Box(0, 0, 640, 480)]


def test_a_small_photo_is_shown_in_native_pixels() -> None:
    view = views_of(Size(644, 476), ProposeConfig(tile=1280), Random(0))[0]
    assert view.size == Size(644, 476)


def test_the_whole_photo_comes_first() -> None:
    assert views(Size(2250, 1500))[0] == Box(0, 0, 2250, 1500)


def test_the_whole_photo_is_shrunk_to_its_area() -> None:
    view = views_of(Size(2250, 1500), ProposeConfig(whole=768), Random(0))[0]
    assert view.size.area == pytest.approx(768**2, rel=0.1)


def test_tiles_come_in_reading_order() -> None:
    tiles = views(Size(2250, 1500))[1:]
    assert tiles == sorted(tiles, key=lambda box: (box.y1, box.x1))


def test_no_more_tiles_are_looked_at_than_allowed() -> None:
    assert len(views(Size(6000, 6000), max_tiles=5)) == 6


def test_which_tiles_are_left_out_is_set_by_the_seed() -> None:
    photo = Size(6000, 6000)
    assert views(photo, 1, max_tiles=5) == views(photo, 1, max_tiles=5) != views(photo, 2, max_tiles=5)


@pytest.mark.parametrize(
    ("box", "edges"),
    [
        (Box(0, 0, 100, 80), ""),
        (Box(10, 0, 100, 80), "left"),
        (Box(0, 10, 100, 80), "top"),
        (Box(0, 0, 90, 80), "right"),
        (Box(0, 0, 100, 70), "bottom"),
        (Box(10, 10, 90, 70), "left, top, right, bottom"),
    ],
)
def test_the_edges_at_which_the_photo_goes_on_are_named(box: Box, edges: str) -> None:
    assert open_edges(box, Size(100, 80)) == edges
