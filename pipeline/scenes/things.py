"""Designs of the things with writing: what they say, in which colours and sizes."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pipeline.scenes.chance import between, happens, pick
from pipeline.scenes.lettering import Mask, mark_ink, text_ink
from pipeline.scenes.palette import COLOUR_NAMES, PALETTE, ColourName, contrast, readable_on
from pipeline.scenes.truth import MarkShape, ThingKind
from pipeline.scenes.words import Wording

SHAPES: tuple[MarkShape, ...] = ("dot", "square", "star", "triangle")
MARKED_SHARE = 0.45
"""More than a third: a marked thing is larger and finds a place less often."""
SMALLEST_MARK = 15


@dataclass(frozen=True)
class Line:
    """One line of writing; `cap` is its cap height in native pixels, `ink` is in sheet pixels."""

    text: str
    colour: ColourName
    cap: float
    ink: Mask


@dataclass(frozen=True)
class Face:
    """The look of the letters of one thing, all relative to the cap height."""

    weight: float
    tracking: float
    width: float

    @classmethod
    def draw(cls, rng: np.random.Generator, cap: float) -> "Face":
        """A face for this cap height; small letters are neither narrow nor heavy, which would fill them."""
        if cap < 20:
            return cls(weight=between(rng, 0.0, 0.025), tracking=0.06, width=1.0)
        narrow = between(rng, 0.8, 0.95) if happens(rng, 0.4) else 1.0
        return cls(
            weight=between(rng, 0.0, 0.045),
            tracking=between(rng, 0.0, 0.05 if cap < 40 else 0.02),
            width=narrow,
        )

    def line(self, text: str, colour: ColourName, cap: float, scale: int) -> Line:
        """One line of writing in this face."""
        return Line(text, colour, cap, text_ink(text, cap * scale, self.weight, self.tracking, self.width))


@dataclass(frozen=True)
class MarkRow:
    """Equal marks in a row, one colour each; `gap` is the space between them in sheet pixels."""

    shape: MarkShape
    colours: tuple[ColourName, ...]
    ink: Mask
    gap: int

    @property
    def width(self) -> int:
        """From the first mark to the last, in sheet pixels."""
        return len(self.colours) * int(self.ink.shape[1]) + (len(self.colours) - 1) * self.gap


@dataclass(frozen=True)
class Design:
    """A thing as a flat sheet; all lengths are in sheet pixels, of which `scale` make one native pixel."""

    kind: ThingKind
    colour: ColourName
    lines: tuple[Line, ...]
    marks: MarkRow | None
    scale: int
    pad: int
    line_gap: int
    centred: bool

    @property
    def cap(self) -> float:
        """Cap height of the smallest line, in native pixels."""
        return min(line.cap for line in self.lines)

    @cached_property
    def size(self) -> tuple[int, int]:
        """Width and height of the sheet."""
        widths = [line.ink.shape[1] for line in self.lines]
        heights = [line.ink.shape[0] for line in self.lines]
        if self.marks:
            widths.append(self.marks.width)
            heights.append(self.marks.ink.shape[0])
        height = sum(heights) + (len(heights) - 1) * self.line_gap
        multiple = self.scale
        return (
            -(-(max(widths) + 2 * self.pad) // multiple) * multiple,
            -(-(height + 2 * self.pad) // multiple) * multiple,
        )

    def left(self, width: int) -> int:
        """Where a row of this width begins."""
        return (self.size[0] - width) // 2 if self.centred else self.pad


def design_thing(rng: np.random.Generator, wording: Wording, cap: float, scale: int) -> Design:
    """A thing with this wording whose smallest line has capitals `cap` native pixels high."""
    colour = pick(rng, COLOUR_NAMES)
    title_cap = cap * between(rng, 1.35, 2.1) if wording.details else cap
    lines = _lines(rng, wording, colour, title_cap, cap, scale)
    return Design(
        kind=pick(rng, wording.kinds),
        colour=colour,
        lines=lines,
        marks=_marks(rng, colour, cap, scale) if happens(rng, MARKED_SHARE) else None,
        scale=scale,
        pad=round((between(rng, 0.45, 0.7) * title_cap + 0.4 * cap + 4) * scale),
        line_gap=round((between(rng, 0.75, 1.0) * cap + 2) * scale),
        centred=happens(rng, 0.75),
    )


def _lines(
    rng: np.random.Generator, wording: Wording, colour: ColourName, title_cap: float, cap: float, scale: int
) -> tuple[Line, ...]:
    inks = readable_on(colour, at_least=6.0 if cap < 20 else 4.5) or readable_on(colour)
    title_colour = pick(rng, inks[:3])
    detail_colour = pick(rng, inks[:2]) if happens(rng, 0.4) else title_colour
    face = Face.draw(rng, cap)
    title = face.line(wording.title, title_colour, title_cap, scale)
    return (title, *(face.line(text, detail_colour, cap, scale) for text in wording.details))


def _marks(rng: np.random.Generator, background: ColourName, cap: float, scale: int) -> MarkRow:
    size = round(max(SMALLEST_MARK, between(rng, 0.6, 1.0) * cap)) * scale
    first, second = _mark_colours(rng, background)
    count = int(rng.integers(2, 8))
    two_coloured = count >= 3 and happens(rng, 0.4)
    seconds = int(rng.integers(1, count)) if two_coloured else 0
    colours = [second] * seconds + [first] * (count - seconds)
    shape = pick(rng, SHAPES)
    mixed = tuple(colours[i] for i in rng.permutation(count))
    return MarkRow(shape, mixed, mark_ink(shape, size), gap=round(size * between(rng, 1.0, 1.5)))


def _mark_colours(rng: np.random.Generator, background: ColourName) -> tuple[ColourName, ColourName]:
    """Two colours that stand out from the background and from each other."""
    ground = PALETTE[background]
    visible = [name for name in COLOUR_NAMES if contrast(PALETTE[name], ground) >= 2.2]
    first = pick(rng, visible)
    distinct = [name for name in visible if _distance(name, first) >= 130]
    return first, pick(rng, distinct or [first])


def _distance(one: ColourName, other: ColourName) -> float:
    return float(np.linalg.norm(np.subtract(PALETTE[one], PALETTE[other])))
