"""A line of writing: where it is, how it slants, what it says."""

import math
from typing import NamedTuple

from agents.boxes import Box

Corners = tuple[tuple[float, float], ...]
"""The corners of a quadrilateral, in the same order."""


class Line(NamedTuple):
    """One line of writing. Boxes are in pixels of the picture, or native once `Look` has moved them."""

    box: Box
    text: str
    """Best reading, even of a line that counts as unread."""
    legible: bool
    ink: str | None
    ground: str | None
    """Colour names of the letters and of what is behind them; None if unclear."""
    spaced: bool = True
    """Whether the reading has as many spaces as the writing has gaps between words."""
    quad: Corners = ()
    """Its corners, where it slants; none for a line that fills its box."""

    @property
    def corners(self) -> Corners:
        x1, y1, x2, y2 = self.box
        return self.quad or ((x1, y1), (x2, y1), (x2, y2), (x1, y2))

    @property
    def length(self) -> float:
        """Its extent along the writing."""
        a, b, c, d = self.corners
        return (math.dist(a, b) + math.dist(d, c)) / 2

    @property
    def height(self) -> float:
        """Its extent across the writing, however it slants."""
        a, b, c, d = self.corners
        return min(math.dist(a, d), math.dist(b, c))

    @property
    def slant(self) -> float:
        """How much it falls towards its end, in radians."""
        a, b, c, d = self.corners
        return math.atan2((b[1] - a[1] + c[1] - d[1]) / 2, (b[0] - a[0] + c[0] - d[0]) / 2)
