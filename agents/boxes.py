"""Boxes and the frames they speak in; the only module that converts between frames.

A box is `(x1, y1, x2, y2)`: integers, half-open (`x2` and `y2` lie just outside), with the
origin at the top left of the *upright* image. Unless a name says otherwise, its frame is native.
"""

import math
from enum import StrEnum
from typing import Annotated, NamedTuple, Self

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

RELATIVE_SIZE = 1000
"""Qwen3-VL's normalized frame runs from 0 to 1000 on both sides."""
LARGEST = 2**31
"""No edge of a box is further out than this."""


class Size(NamedTuple):
    """Width and height in pixels."""

    width: int
    height: int

    @property
    def area(self) -> int:
        return self.width * self.height

    def fit(self, area: float) -> "Size":
        """The size of the same shape whose area is about `area` pixels; never less than 1x1."""
        scale = math.sqrt(area / self.area)
        return Size(max(1, round(self.width * scale)), max(1, round(self.height * scale)))


class Box(NamedTuple):
    """A half-open integer rectangle in some frame; `(x1, y1)` inside, `(x2, y2)` outside."""

    x1: int
    y1: int
    x2: int
    y2: int

    @property
    def size(self) -> Size:
        return Size(self.x2 - self.x1, self.y2 - self.y1)

    @property
    def area(self) -> int:
        """Pixels inside; 0 for an empty or reversed box."""
        return max(0, self.x2 - self.x1) * max(0, self.y2 - self.y1)

    @property
    def centre(self) -> tuple[float, float]:
        return (self.x1 + self.x2) / 2, (self.y1 + self.y2) / 2

    def clip(self, size: Size) -> Self:
        """The part of the box inside an image of `size`; may be empty."""
        return self._replace(
            x1=min(max(self.x1, 0), size.width),
            y1=min(max(self.y1, 0), size.height),
            x2=min(max(self.x2, 0), size.width),
            y2=min(max(self.y2, 0), size.height),
        )

    def grow(self, pixels: float, size: Size) -> "Box":
        """The box with `pixels` added on every side, kept inside an image of `size`."""
        return outward(self.x1 - pixels, self.y1 - pixels, self.x2 + pixels, self.y2 + pixels).clip(size)

    def shift(self, dx: int, dy: int) -> "Box":
        return Box(self.x1 + dx, self.y1 + dy, self.x2 + dx, self.y2 + dy)

    def intersect(self, other: "Box") -> "Box":
        """The common part; its `area` is 0 when there is none."""
        return Box(max(self.x1, other.x1), max(self.y1, other.y1), min(self.x2, other.x2), min(self.y2, other.y2))

    def holds(self, other: "Box") -> bool:
        """Whether all of `other` lies inside this box."""
        return self.x1 <= other.x1 and self.y1 <= other.y1 and other.x2 <= self.x2 and other.y2 <= self.y2

    def coverage(self, other: "Box") -> float:
        """The share of `other` that lies inside this box, 0 to 1."""
        return self.intersect(other).area / other.area if other.area else 0.0

    def iou(self, other: "Box") -> float:
        common = self.intersect(other).area
        union = self.area + other.area - common
        return common / union if union else 0.0

    def overlaps(self, other: "Box") -> bool:
        return self.intersect(other).area > 0


def outward(x1: float, y1: float, x2: float, y2: float) -> Box:
    """The smallest integer box around real-valued edges."""
    return Box(math.floor(x1), math.floor(y1), math.ceil(x2), math.ceil(y2))


def union(boxes: list[Box]) -> Box:
    """The smallest box around all of `boxes`; raises ValueError if there are none."""
    if not boxes:
        raise ValueError("no boxes to unite")
    return Box(
        min(box.x1 for box in boxes),
        min(box.y1 for box in boxes),
        max(box.x2 for box in boxes),
        max(box.y2 for box in boxes),
    )


def whole(size: Size) -> Box:
    """The box of a whole image."""
    return Box(0, 0, size.width, size.height)


def rescale(box: Box, source: Size, target: Size) -> Box:
    """A box of a frame of `source` size in a frame of `target` size, each edge to the nearest pixel.

    Rounding to nearest makes coarse -> fine -> coarse the identity. A box never rounds away: it
    keeps at least one pixel, if it lay inside at all.
    """
    x1, x2 = _edges(box.x1, box.x2, source.width, target.width)
    y1, y2 = _edges(box.y1, box.y2, source.height, target.height)
    return Box(x1, y1, x2, y2)


def _edges(low: int, high: int, source: int, target: int) -> tuple[int, int]:
    low, high = max(low, 0), min(high, source)
    if high <= low:
        return min(low, target), min(low, target)
    start, end = round(low * target / source), round(high * target / source)
    if end <= start:
        start = min(int(low * target / source), target - 1)
        end = start + 1
    return start, end


class BoxFrame(StrEnum):
    """Which pixels a box speaks of when a model writes or reads it."""

    NATIVE = "native"
    """Pixels of the upright photo."""
    MODEL = "model"
    """Pixels of the first image as it was sent, after smart-resize (Qwen2.5-VL)."""
    RELATIVE = "relative"
    """0 to 1000 on both sides (Qwen3-VL)."""

    def size(self, native: Size, model: Size) -> Size:
        """The size of this frame for a photo of `native` size that was sent as `model` size."""
        sizes = {
            BoxFrame.NATIVE: native,
            BoxFrame.MODEL: model,
            BoxFrame.RELATIVE: Size(RELATIVE_SIZE, RELATIVE_SIZE),
        }
        return sizes[self]

    def to_native(self, box: Box, native: Size, model: Size) -> Box:
        """A box written in this frame, in native pixels."""
        return rescale(box, self.size(native, model), native)

    def from_native(self, box: Box, native: Size, model: Size) -> Box:
        """A native box as this frame writes it, each edge to the nearest step."""
        return rescale(box, native, self.size(native, model))


def parse_box(value: object) -> Box:
    """A box from four untrusted numbers; raises ValueError with a sentence for whoever wrote them."""
    if not isinstance(value, list | tuple) or len(value) != 4:
        raise ValueError(f"A box is four numbers [x1, y1, x2, y2], not {str(value)[:80]!r}.")
    numbers = []
    for number in value:
        # Written so that NaN fails it too; whole numbers of any length must not become floats.
        if isinstance(number, bool) or not isinstance(number, int | float) or not abs(number) <= LARGEST:
            raise ValueError(f"A box holds finite numbers, not {str(number)[:40]!r}.")
        numbers.append(round(number))
    box = Box(*numbers)
    if box.x2 <= box.x1 or box.y2 <= box.y1:
        raise ValueError(f"The box {numbers} is empty or reversed: x1 < x2 and y1 < y2 must hold.")
    return box


_SCHEMA = {"type": "array", "items": {"type": "integer"}, "minItems": 4, "maxItems": 4}
BoxField = Annotated[
    Box, PlainValidator(parse_box), PlainSerializer(list, return_type=list[int]), WithJsonSchema(_SCHEMA)
]
"""A `Box` as a pydantic field: four numbers in JSON, validated by `parse_box`."""


def checked(box: Box, size: Size) -> Box:
    """The part of a written box inside an image of `size`; raises ValueError if nothing is."""
    inside = box.clip(size)
    if not inside.area:
        raise ValueError(f"The box {list(box)} lies outside the image, which is {size.width}x{size.height}.")
    return inside
