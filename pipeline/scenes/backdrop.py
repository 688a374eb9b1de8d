"""Backgrounds: a street, a square, a hall or a shop, as textured bands across the picture."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.scenes import textures
from pipeline.scenes.chance import between, happens, pick
from pipeline.scenes.relief import ROUGH, Picture, noise
from pipeline.scenes.textures import Texture

Outline = NDArray[np.int32]
"""Corners of a polygon in native pixels, (n, 2) xy."""


@dataclass(frozen=True)
class Band:
    """A strip across the whole picture; `share` is its part of the height."""

    texture: Texture
    share: float
    ragged: bool = False
    """True where its upper edge is uneven, as of a hedge."""


@dataclass(frozen=True)
class Place:
    """The bands of a place from top to bottom; the last is the ground."""

    bands: tuple[Band, ...]
    wall_from: int = 0
    """Which band is the first of the wall."""
    shelved: bool = False


@dataclass(frozen=True)
class Backdrop:
    """A painted background and what the other painters need to know of it."""

    canvas: Picture
    regions: tuple[Outline, ...]
    """In painting order: a later region covers the earlier ones."""
    wall: tuple[int, int]
    """From which to which row things may hang."""
    shelves: tuple[int, ...]
    """Rows on which clutter stands, inside the wall."""
    ground: tuple[int, int]
    """From which to which row clutter stands on the ground."""


def paint_backdrop(rng: np.random.Generator, width: int, height: int) -> Backdrop:
    """A background of this size; it is painted at half size, which softens it as if it were out of focus."""
    place = pick(rng, PLACES)(rng)
    half_width, half_height = (width + 1) // 2, (height + 1) // 2
    edges = np.round(np.cumsum([0, *(band.share for band in place.bands)]) * half_height).astype(int)
    canvas = np.zeros((half_height, half_width, 3), dtype=np.uint8)
    regions: list[Outline] = []
    for band, top, bottom in zip(place.bands, edges[:-1], edges[1:], strict=True):
        regions.append(_paint_band(rng, canvas, band, int(top), int(bottom)))
    wall_top, ground_top = int(edges[place.wall_from]), int(edges[-2])
    shelves = _shelf_rows(rng, wall_top, ground_top) if place.shelved else ()
    for row in shelves:
        regions.append(_paint_shelf(rng, canvas, row))
    full = np.asarray(cv2.resize(canvas, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
    return Backdrop(
        canvas=full,
        regions=tuple(region * 2 for region in regions),
        wall=(2 * wall_top, 2 * ground_top),
        shelves=tuple(2 * row for row in shelves),
        ground=(ground_top * 2, height),
    )


def _street(rng: np.random.Generator) -> Place:
    above, foot = between(rng, 0.05, 0.10), between(rng, 0.11, 0.17)
    wall = Band(pick(rng, textures.WALLS), 1 - above - foot)
    return Place((Band(textures.sky, above), wall, Band(pick(rng, textures.GROUNDS), foot)), wall_from=1)


def _square(rng: np.random.Generator) -> Place:
    above, leaves, foot = between(rng, 0.07, 0.11), between(rng, 0.04, 0.08), between(rng, 0.11, 0.17)
    wall = Band(pick(rng, textures.WALLS), 1 - above - leaves - foot)
    beyond = (Band(textures.sky, above), Band(textures.foliage, leaves, ragged=True))
    return Place((*beyond, wall, Band(pick(rng, textures.GROUNDS), foot)), wall_from=2)


def _hall(rng: np.random.Generator) -> Place:
    dado, foot = between(rng, 0.18, 0.30), between(rng, 0.10, 0.14)
    lower = pick(rng, (textures.planks, textures.tiles, textures.bricks))
    return Place((Band(textures.plaster, 1 - dado - foot), Band(lower, dado), Band(textures.boards, foot)))


def _shop(rng: np.random.Generator) -> Place:
    back, foot = pick(rng, (textures.planks, textures.plaster, textures.tiles)), between(rng, 0.05, 0.08)
    return Place((Band(back, 1 - foot), Band(textures.boards, foot)), shelved=True)


PLACES = (_street, _square, _hall, _shop)


def _paint_band(rng: np.random.Generator, canvas: Picture, band: Band, top: int, bottom: int) -> Outline:
    width = canvas.shape[1]
    rise = min(top, (bottom - top) // 2) if band.ragged else 0
    patch = band.texture(rng, bottom - top + rise, width)
    columns = np.arange(0, width + 8, 8).clip(max=width)
    edge = np.full(len(columns), top, dtype=np.int32)
    if band.ragged:
        bumps = noise(rng, 2, len(columns), ROUGH)[0]
        edge = np.clip(top - rise * (0.5 + 0.5 * bumps), top - rise, top).astype(np.int32)
    crest = np.stack([columns, edge], axis=1)
    outline = np.concatenate([crest, [(width, bottom), (0, bottom)]]).astype(np.int32)
    cover = np.zeros((bottom - top + rise, width), dtype=np.uint8)
    cv2.fillPoly(cover, [outline - (0, top - rise)], 255)
    target = canvas[top - rise : bottom]
    target[cover > 0] = patch[cover > 0]
    if top and not band.ragged:
        _paint_edge(rng, canvas, top)
    return outline


def _paint_edge(rng: np.random.Generator, canvas: Picture, row: int) -> None:
    """A ledge where two bands meet, and its shade."""
    if happens(rng, 0.6):
        thickness = int(rng.integers(4, 10))
        canvas[row - thickness : row] = textures.plaster(rng, thickness, canvas.shape[1])
    _shade_below(canvas, row, 26, 0.45)


def _shade_below(canvas: Picture, row: int, reach: int, darkness: float) -> None:
    below = canvas[row : row + reach]
    fade = 1 - darkness * np.linspace(1, 0, len(below), dtype=np.float32) ** 2
    below[:] = (below * fade[:, None, None]).astype(np.uint8)


def _shelf_rows(rng: np.random.Generator, top: int, bottom: int) -> tuple[int, ...]:
    count = int(rng.integers(3, 6))
    rows = np.linspace(top, bottom, count + 2)[1:-1] + rng.uniform(-12, 12, count)
    return tuple(int(row) for row in rows)


def _paint_shelf(rng: np.random.Generator, canvas: Picture, row: int) -> Outline:
    """A board whose upper edge is at this row."""
    width, thickness = canvas.shape[1], int(rng.integers(9, 14))
    board = textures.boards(rng, thickness * 6, width)[:thickness]
    board[:2] = (board[:2] * 0.4 + 140).astype(np.uint8)
    canvas[row : row + thickness] = board
    _shade_below(canvas, row + thickness, 34, 0.6)
    return np.array([(0, row), (width, row), (width, row + thickness), (0, row + thickness)], dtype=np.int32)
