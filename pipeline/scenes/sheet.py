"""Painting a design: a flat sheet of pixels with its outline, and where its ink lies."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.scenes.chance import between, happens
from pipeline.scenes.lettering import Mask
from pipeline.scenes.palette import PALETTE, RGB, ColourName, jittered
from pipeline.scenes.pose import Points
from pipeline.scenes.relief import CLOUDY, ROUGH, Picture, noise, shading
from pipeline.scenes.things import Design


@dataclass(frozen=True)
class Spot:
    """Some ink and the corner of the sheet where it lies."""

    ink: Mask
    x: int
    y: int

    @property
    def outline(self) -> Points:
        """The convex outline of the ink, in sheet pixels."""
        inked = self.ink >= 96
        rows = np.flatnonzero(inked.any(axis=1))
        lefts = inked[rows].argmax(axis=1)
        rights = inked.shape[1] - inked[rows, ::-1].argmax(axis=1)
        ends = np.concatenate([np.stack([x, rows + i], axis=1) for x in (lefts, rights) for i in (0, 1)])
        hull = cv2.convexHull(ends.astype(np.int32))
        return np.asarray(hull, dtype=np.float64)[:, 0] + (self.x, self.y)


@dataclass(frozen=True)
class Sheet:
    """A painted design, before it is hung in the scene."""

    pixels: Picture
    alpha: Mask
    lines: tuple[Spot, ...]
    marks: tuple[Spot, ...]


def paint(rng: np.random.Generator, design: Design) -> Sheet:
    """The design as pixels; lines and marks are in the design's order."""
    width, height = design.size
    ground = np.array(jittered(design.colour, rng), dtype=np.float32)
    grain = 0.020 * noise(rng, height, width, ROUGH) + 0.020 * noise(rng, height, width, CLOUDY)
    pixels = ground * (shading(rng, height, width, 0.05) + grain)[..., None]
    alpha = np.full((height, width), 255, dtype=np.uint8)
    _decorate(rng, design, pixels, alpha)
    lines, marks = _spots(design)
    for line, spot in zip(design.lines, lines, strict=True):
        _apply(pixels, spot, jittered(line.colour, rng))
    for colour, spot in zip(design.marks.colours if design.marks else (), marks, strict=True):
        _apply(pixels, spot, PALETTE[colour])
    return Sheet(np.clip(pixels, 0, 255).astype(np.uint8), alpha, lines, marks)


def _spots(design: Design) -> tuple[tuple[Spot, ...], tuple[Spot, ...]]:
    y, lines = design.pad, []
    for line in design.lines:
        lines.append(Spot(line.ink, design.left(line.ink.shape[1]), y))
        y += line.ink.shape[0] + design.line_gap
    if design.marks is None:
        return tuple(lines), ()
    row = design.marks
    left, step = design.left(row.width), row.ink.shape[1] + row.gap
    return tuple(lines), tuple(Spot(row.ink, left + i * step, y) for i in range(len(row.colours)))


def _apply(pixels: NDArray[np.float32], spot: Spot, colour: RGB) -> None:
    height, width = spot.ink.shape
    patch = pixels[spot.y : spot.y + height, spot.x : spot.x + width]
    cover = (spot.ink.astype(np.float32) / 255)[..., None]
    patch += cover * (np.array(colour, dtype=np.float32) - patch)


def _decorate(rng: np.random.Generator, design: Design, pixels: NDArray[np.float32], alpha: Mask) -> None:
    """What each kind of thing has besides its writing; nothing reaches farther in than half the padding."""
    trim = PALETTE[design.lines[0].colour]
    unit = design.pad / 10
    if design.kind == "sign":
        _round_corners(alpha, round(unit * between(rng, 1, 4)))
        if happens(rng, 0.7):
            _frame(pixels, round(unit * 1.5), round(unit * between(rng, 0.8, 1.6)), trim)
    elif design.kind == "plate":
        _round_corners(alpha, round(unit * 1.5))
        _sheen(rng, pixels)
        _screws(pixels, round(unit * 2.8), round(unit * 1.2))
    elif design.kind == "label":
        _frame(pixels, 0, round(unit * between(rng, 1.2, 2.4)), PALETTE[_label_edge(design.colour)])
    elif design.kind == "poster":
        if happens(rng, 0.6):
            _frame(pixels, round(unit * 2), max(1, round(unit * 0.5)), trim)
        _tape(pixels, round(unit * 3.5))
    else:
        _frame(pixels, 0, round(unit * between(rng, 2.5, 3.5)), (112, 78, 48))
        _frame(pixels, round(unit * 3.5), max(1, round(unit * 0.4)), (52, 36, 24))
    _bevel(pixels, design.scale)


def _label_edge(colour: ColourName) -> ColourName:
    return "gray" if colour in ("white", "black") else "white"


def _round_corners(alpha: Mask, radius: int) -> None:
    height, width = alpha.shape
    if radius < 2:
        return
    alpha[:] = 0
    alpha[radius : height - radius] = 255
    alpha[:, radius : width - radius] = 255
    for x in (radius, width - 1 - radius):
        for y in (radius, height - 1 - radius):
            cv2.circle(alpha, (x, y), radius, 255, -1, cv2.LINE_AA)


def _frame(pixels: NDArray[np.float32], inset: int, thickness: int, colour: RGB) -> None:
    """Blend a frame in, so that the shading of the sheet stays visible on it."""
    height, width = pixels.shape[:2]
    for rows, columns in (
        (slice(inset, inset + thickness), slice(inset, width - inset)),
        (slice(height - inset - thickness, height - inset), slice(inset, width - inset)),
        (slice(inset, height - inset), slice(inset, inset + thickness)),
        (slice(inset, height - inset), slice(width - inset - thickness, width - inset)),
    ):
        pixels[rows, columns] = np.array(colour, dtype=np.float32)


def _sheen(rng: np.random.Generator, pixels: NDArray[np.float32]) -> None:
    """The slanting reflection on polished metal."""
    height, width = pixels.shape[:2]
    slant = np.arange(width, dtype=np.float32)[None] + np.arange(height, dtype=np.float32)[:, None]
    middle, reach = between(rng, 0.2, 0.8) * (width + height), 0.12 * (width + height)
    pixels *= (1 + 0.10 * np.exp(-(((slant - middle) / reach) ** 2)))[..., None]


def _screws(pixels: NDArray[np.float32], inset: int, radius: int) -> None:
    height, width = pixels.shape[:2]
    radius = max(2, radius)
    for x in (inset, width - 1 - inset):
        for y in (inset, height - 1 - inset):
            cv2.circle(pixels, (x, y), radius, (96, 96, 94), -1, cv2.LINE_AA)
            cv2.circle(pixels, (x - radius // 3, y - radius // 3), max(1, radius // 2), (200, 200, 196), -1)


def _tape(pixels: NDArray[np.float32], side: int) -> None:
    """Strips of adhesive tape over the four corners."""
    height, width = pixels.shape[:2]
    strip = np.zeros((height, width), dtype=np.uint8)
    for x, towards_x in ((0, 1), (width - 1, -1)):
        for y, towards_y in ((0, 1), (height - 1, -1)):
            corner = [(x, y), (x + towards_x * side, y), (x, y + towards_y * side)]
            cv2.fillPoly(strip, [np.array(corner, dtype=np.int32)], 255)
    taped = strip > 0
    pixels[taped] = 0.45 * pixels[taped] + 0.55 * np.array((222, 214, 188), dtype=np.float32)


def _bevel(pixels: NDArray[np.float32], thickness: int) -> None:
    pixels[:thickness] *= 1.15
    pixels[:, :thickness] *= 1.10
    pixels[-thickness:] *= 0.72
    pixels[:, -thickness:] *= 0.80
