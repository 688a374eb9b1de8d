"""Hanging things in a scene: large ones first, smaller where there is no room."""

from dataclasses import dataclass

import numpy as np

from pipeline.scenes.backdrop import Backdrop, Outline
from pipeline.scenes.layout import SMALLEST_CAP, FreeSpace, draw_caps
from pipeline.scenes.pose import Points, Pose, draw_lean, pose_of
from pipeline.scenes.things import Design, design_thing
from pipeline.scenes.truth import Box
from pipeline.scenes.words import invent

BORDER = 14
"""Pixels at the edge of the picture that things keep free."""
BUDGET, LARGEST_PART, SMALL_PART = 0.42, 0.45, 0.02
"""The part of the picture for all things, the part of what is left of that for the next thing, and the part
of the picture that any thing may take."""
TRIALS, SHRINKAGE = 30, 0.94


@dataclass(frozen=True)
class Hung:
    """A design and where it hangs: `corner` is the upper left corner of its patch in native pixels."""

    design: Design
    pose: Pose
    corner: tuple[int, int]

    def carry(self, points: Points) -> Points:
        """Points of the sheet in native pixels of the picture."""
        return self.pose.carry(points) + self.corner

    @property
    def outline(self) -> Outline:
        """The four corners of the thing in native pixels."""
        width, height = self.design.size
        return np.round(self.carry(np.array([(0, 0), (width, 0), (width, height), (0, height)]))).astype(np.int32)


def hang_things(rng: np.random.Generator, backdrop: Backdrop, space: FreeSpace) -> list[Hung]:
    """Seven to eleven things at many scales, none of whose lines is on another."""
    height, width = backdrop.canvas.shape[:2]
    left = BUDGET * height * width
    small = SMALL_PART * height * width
    hung: list[Hung] = []
    written: set[str] = set()
    for cap in draw_caps(rng, int(rng.integers(7, 12))):
        thing = _hang_thing(rng, backdrop, space, cap, frozenset(written), max(small, LARGEST_PART * left))
        if thing is not None:
            hung.append(thing)
            written |= {line.text for line in thing.design.lines}
            left -= thing.pose.size[0] * thing.pose.size[1]
    return hung


def _hang_thing(
    rng: np.random.Generator,
    backdrop: Backdrop,
    space: FreeSpace,
    cap: float,
    written: frozenset[str],
    largest: float,
) -> Hung | None:
    """A thing of this scale in a free place; it gets smaller where there is no room for it."""
    area = _area(backdrop)
    gap = round(6 + 0.3 * cap)
    for _ in range(TRIALS):
        design, pose = _draw_thing(rng, cap, written)
        excess = pose.size[0] * pose.size[1] / largest
        corner = space.find(rng, pose.size, area, gap) if excess <= 1 else None
        if corner is not None:
            space.take(corner, pose.size, gap)
            return Hung(design, pose, corner)
        cap = max(SMALLEST_CAP, cap * min(SHRINKAGE, excess**-0.4))
    return None


def _draw_thing(rng: np.random.Generator, cap: float, written: frozenset[str]) -> tuple[Design, Pose]:
    most = 1 if cap > 45 else 2
    least = 0 if cap > 90 else 1
    wording = invent(rng, int(rng.integers(least, most + 1)), written)
    lean = draw_lean(rng)
    # A small leaning thing is painted at double size, so that warping does not blur its letters.
    scale = 1 if lean.straight or cap > 40 else 2
    design = design_thing(rng, wording, cap, scale)
    return design, pose_of(design.size, scale, lean)


def _area(backdrop: Backdrop) -> Box:
    """Things hang on the wall; a few stand on the ground before it."""
    height, width = backdrop.canvas.shape[:2]
    foot = (backdrop.ground[0] + backdrop.ground[1]) // 2
    return BORDER, backdrop.wall[0] + BORDER, width - BORDER, min(height - BORDER, foot)
