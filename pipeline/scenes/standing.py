"""Placing clutter in what space the things have left."""

from dataclasses import dataclass

import numpy as np

from pipeline.scenes.backdrop import Backdrop, Outline
from pipeline.scenes.chance import happens, pick
from pipeline.scenes.clutter import ON_SHELVES, ON_THE_GROUND, Maker, Piece, window
from pipeline.scenes.layout import FreeSpace

BORDER = 14


@dataclass(frozen=True)
class Placed:
    """A piece of clutter and where it stands."""

    piece: Piece
    corner: tuple[int, int]

    @property
    def outline(self) -> Outline:
        """Its outline in native pixels."""
        return (self.piece.outline + self.corner).astype(np.int32)


@dataclass(frozen=True)
class Ledge:
    """A row of the picture on which objects of these heights stand; the fuller, the larger `crowd`."""

    row: int
    makers: tuple[Maker, ...]
    heights: tuple[int, int]
    crowd: float


def place_clutter(rng: np.random.Generator, backdrop: Backdrop, space: FreeSpace) -> list[Placed]:
    """Objects on shelves and ground, and windows in bare walls, wherever there is room."""
    placed = [] if backdrop.shelves else _place_windows(rng, backdrop, space)
    for row in backdrop.shelves:
        placed += _line_up(rng, backdrop, space, Ledge(row, ON_SHELVES, (70, 230), crowd=0.8))
    top, bottom = backdrop.ground
    for depth in (0.12, 0.5, 0.9):
        row = round(top + depth * (bottom - top))
        tallest = round(180 + 200 * depth)
        placed += _line_up(rng, backdrop, space, Ledge(row, ON_THE_GROUND, (90, tallest), crowd=0.45))
    return placed


def _place_windows(rng: np.random.Generator, backdrop: Backdrop, space: FreeSpace) -> list[Placed]:
    area = (BORDER, backdrop.wall[0] + BORDER, backdrop.canvas.shape[1] - BORDER, backdrop.wall[1] - 60)
    placed = []
    for _ in range(int(rng.integers(4, 9))):
        piece = window(rng, int(rng.integers(200, 560)))
        corner = space.find(rng, piece.size, area, 16)
        if corner is not None:
            space.take(corner, piece.size, 10)
            placed.append(Placed(piece, corner))
    return placed


def _line_up(rng: np.random.Generator, backdrop: Backdrop, space: FreeSpace, ledge: Ledge) -> list[Placed]:
    """Objects side by side on a ledge, where there is room."""
    end = int(backdrop.canvas.shape[1]) - BORDER
    placed, x = [], BORDER
    while x < end:
        piece = pick(rng, ledge.makers)(rng, int(rng.integers(*ledge.heights)))
        corner = (x, ledge.row - piece.size[1])
        fits = x + piece.size[0] < end and corner[1] > 0 and space.is_free(corner, piece.size, 6)
        if fits and happens(rng, ledge.crowd):
            space.take(corner, piece.size, 2)
            placed.append(Placed(piece, corner))
            x += piece.size[0]
        x += int(rng.integers(10, 90))
    return placed
