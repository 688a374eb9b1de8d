"""Cutting a photo into the parts the teacher looks at: the whole, shrunk, and tiles of native pixels."""

import math
from random import Random

from agents.boxes import Box, Size
from agents.views import View, smart_size
from pipeline.config import ProposeConfig


def views_of(photo: Size, config: ProposeConfig, rng: Random) -> list[View]:
    """The whole photo first, then its tiles in reading order, at most `max_tiles` of them."""
    width, height = smart_size(photo, config.whole**2)
    whole = View(box=Box(0, 0, *photo), width=width, height=height)
    tiles = [_native(box) for box in tile_boxes(photo, config.tile, config.overlap)]
    if len(tiles) == 1:
        # A small photo: its one tile is the whole, in native pixels.
        return tiles
    if len(tiles) > config.max_tiles:
        kept = sorted(rng.sample(range(len(tiles)), config.max_tiles))
        tiles = [tiles[index] for index in kept]
    return [whole, *tiles]


def tile_boxes(photo: Size, side: int, overlap: int) -> list[Box]:
    """Boxes of at most `side` pixels a side that cover the photo and share `overlap` pixels."""
    return [
        Box(left, top, right, bottom)
        for top, bottom in _spans(photo.height, side, overlap)
        for left, right in _spans(photo.width, side, overlap)
    ]


def _spans(length: int, side: int, overlap: int) -> list[tuple[int, int]]:
    """Equal spans of at most `side` over `length`, neighbours sharing at least `overlap`."""
    if length <= side:
        return [(0, length)]
    count = math.ceil((length - overlap) / (side - overlap))
    # Spans as short as they can be: less is read twice.
    span = math.ceil((length + (count - 1) * overlap) / count)
    step = (length - span) / (count - 1)
    return [(round(index * step), min(length, round(index * step) + span)) for index in range(count)]


def _native(box: Box) -> View:
    """A box at its own size, in whole patches."""
    width, height = smart_size(box.size, box.area)
    return View(box=box, width=width, height=height)


def open_edges(box: Box, photo: Size) -> str:
    """The edges of a part at which the photo goes on, as words; empty for the whole photo."""
    edges = {
        "left": box.x1 > 0,
        "top": box.y1 > 0,
        "right": box.x2 < photo.width,
        "bottom": box.y2 < photo.height,
    }
    return ", ".join(edge for edge, is_open in edges.items() if is_open)
