"""What is asked of SAM about a photo and what it answers, as the call log keeps them."""

import operator

from pydantic import BaseModel, ConfigDict, Field

from agents.boxes import Box, BoxField
from agents.masks import Region
from agents.messages import Asked

SEGMENT = "segment"
"""The role of whoever is asked for regions."""


class Grid(BaseModel):
    """The points at which regions are looked for all over a photo, and which of them are kept."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    points_per_side: int
    pred_iou_thresh: float
    stability_score_thresh: float


class Prompt(Asked):
    """One thing asked of SAM: what is at a point, in a box, or at a whole grid of points."""

    role: str = SEGMENT
    photo: str
    """SHA-256 of the photo's file."""
    weights: str
    """SHA-256 of the checkpoint."""
    point: tuple[int, int] | None = None
    """x and y, a native pixel."""
    box: BoxField | None = None
    """Native."""
    grid: Grid | None = None

    @property
    def place(self) -> Box:
        """Where it is asked, native: the box, or the one pixel of the point."""
        x, y = self.point or (0, 0)
        return self.box or Box(x, y, x + 1, y + 1)


class Answer(BaseModel):
    """The regions found, best first, or why there can be none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    regions: tuple[Region, ...] = ()
    fault: str = Field(default="", exclude_if=operator.not_)
    """A short countable reason, a colon, and the particulars."""
