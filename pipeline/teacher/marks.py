"""Finding the sign around a line of writing, and the marks drawn on it: dots, squares, triangles, stars."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from agents.boxes import Box, Size
from pipeline.teacher.colours import name_colour
from pipeline.teacher.lines import Line
from pipeline.teacher.sight import Array, Sight

MIN_SIDE = 7
"""Marks smaller than this, in pixels of the picture sent, have no shape one can name."""
MOST = 9
"""More marks than this are not counted: a teacher that miscounts is worse than one that does not ask."""
TOLERANCE = 38.0
"""Distance in RGB within which a pixel belongs to the ground of a sign."""


class Mark(NamedTuple):
    box: Box
    shape: str
    colour: str


class Sign(NamedTuple):
    """The evenly coloured area around a line, in pixels of the picture."""

    box: Box
    marks: tuple[Mark, ...]


def find_sign(sight: Sight, line: Line) -> Sign | None:
    """The sign that bears a line; None if there is no clear one or the picture cuts it."""
    import cv2

    pixels = sight.pixels
    off = pixels - _ground_colour(pixels, line.box)
    near = np.einsum("yxc,yxc->yx", off, off) < TOLERANCE**2
    count, labels, stats, _ = cv2.connectedComponentsWithStats(near.astype(np.uint8), connectivity=4)
    inside = labels[line.box.y1 : line.box.y2, line.box.x1 : line.box.x2]
    found = np.bincount(inside.ravel(), minlength=count)[1:]
    if not found.size or not found.any():
        return None
    label = int(found.argmax()) + 1
    x, y, width, height, area = (int(number) for number in stats[label])
    box = Box(x, y, x + width, y + height)
    if _cut(box, sight.size) or area < 0.45 * box.area or not box.grow(3, sight.size).holds(line.box):
        return None
    return Sign(box, tuple(_marks(sight, pixels, box, labels == label)))


def _ground_colour(pixels: Array, box: Box) -> npt.NDArray[np.float32]:
    """The median colour just above and below a line, RGB."""
    pad = max(2, box.size.height // 8)
    rows = [*range(max(0, box.y1 - pad), box.y1 + 1), *range(box.y2 - 1, min(len(pixels), box.y2 + pad))]
    return np.asarray(np.median(pixels[rows, box.x1 : box.x2].reshape(-1, 3), axis=0), np.float32)


def _cut(box: Box, size: Size) -> bool:
    """Whether the sign runs out of the picture on some side."""
    return box.x1 <= 0 or box.y1 <= 0 or box.x2 >= size.width or box.y2 >= size.height


def _marks(sight: Sight, pixels: Array, sign: Box, ground: npt.NDArray[np.bool_]) -> list[Mark]:
    """Solid single-coloured shapes on the sign that are no writing."""
    import cv2

    holes = (~ground[sign.y1 : sign.y2, sign.x1 : sign.x2]).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(holes, connectivity=8)
    marks = []
    for label in range(1, count):
        x, y, width, height, area = (int(number) for number in stats[label])
        box = Box(x, y, x + width, y + height)
        at_rim = _cut(box, sign.size)
        if at_rim or min(width, height) < MIN_SIDE or not 0.75 < width / height < 1.33:
            continue
        mark = _mark(pixels, labels == label, box, sign, area)
        if mark and not any(line.legible and line.box.coverage(mark.box) > 0.3 for line in sight.lines):
            marks.append(mark)
    return _of_one_size(marks)


def _mark(pixels: Array, shape: npt.NDArray[np.bool_], box: Box, sign: Box, area: int) -> Mark | None:
    import cv2

    patch = shape[box.y1 : box.y2, box.x1 : box.x2]
    native = box.shift(sign.x1, sign.y1)
    core = cv2.erode(patch.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    inner = pixels[native.y1 : native.y2, native.x1 : native.x2][core if core.any() else patch]
    colour = name_colour(inner)
    name = _shape(patch, area)
    return Mark(native, name, colour) if name and colour else None


def _shape(patch: npt.NDArray[np.bool_], area: int) -> str | None:
    """The shape of a filled mask, from how much of its box and of its hull it fills."""
    import cv2

    contours, _ = cv2.findContours(patch.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    contour = max(contours, key=cv2.contourArea)
    hull = float(cv2.contourArea(cv2.convexHull(contour)))
    if hull <= 0:
        return None
    outline = float(cv2.contourArea(contour))
    extent, solidity = area / patch.size, outline / hull
    if solidity < 0.8:
        return "star" if 0.3 < extent < 0.6 else None
    if extent > 0.9:
        return "square"
    if 0.7 < extent < 0.86:
        # pi / 4 = 0.785: a disc; an octagon or a worn square fills more.
        return "dot"
    return "triangle" if 0.42 < extent < 0.62 else None


def _of_one_size(marks: list[Mark]) -> list[Mark]:
    """The marks about as large as the median one; a stray letter or a stain is not one of them."""
    if not marks:
        return []
    side = float(np.median([mark.box.size.height for mark in marks]))
    alike = [mark for mark in marks if 0.7 * side <= mark.box.size.height <= 1.4 * side]
    return alike if len(alike) == len(marks) and len(alike) <= MOST else []
