"""Finding free places for things and clutter, so that nothing overlaps."""

import numpy as np
from numpy.typing import NDArray

from pipeline.scenes.truth import Box

TRIALS = 240
SMALLEST_CAP, LARGEST_CAP = 11.2, 150.0
"""Cap heights of smallest lines: legible only in native pixels, and in the whole image shrunk fourfold."""


def draw_caps(rng: np.random.Generator, count: int) -> tuple[float, ...]:
    """Cap heights spread evenly over the logarithmic scale, the largest first."""
    places = (np.arange(count) + rng.random(count)) / count
    caps = SMALLEST_CAP * (LARGEST_CAP / SMALLEST_CAP) ** places
    caps[0] = min(caps[0], rng.uniform(SMALLEST_CAP, 13.0))
    caps[-1] = max(caps[-1], 100.0)
    return tuple(float(cap) for cap in caps[::-1])


class FreeSpace:
    """Remembers which parts of a picture are taken."""

    def __init__(self) -> None:
        self._taken: list[Box] = []

    def find(self, rng: np.random.Generator, size: tuple[int, int], area: Box, gap: int) -> tuple[int, int] | None:
        """A free corner for this (width, height) in the area, `gap` from all else; None if not found."""
        right, bottom = area[2] - size[0], area[3] - size[1]
        if right <= area[0] or bottom <= area[1]:
            return None
        corners = rng.integers((area[0], area[1]), (right, bottom), (TRIALS, 2))
        free = corners[self._are_free(corners, size, gap)]
        return (int(free[0][0]), int(free[0][1])) if len(free) else None

    def is_free(self, corner: tuple[int, int], size: tuple[int, int], gap: int) -> bool:
        """True if nothing is closer than `gap` to the place at this corner."""
        return bool(self._are_free(np.array([corner]), size, gap)[0])

    def take(self, corner: tuple[int, int], size: tuple[int, int], gap: int) -> None:
        """Keep a place, and a border of `gap` around it, from others."""
        x, y = corner
        self._taken.append((x - gap, y - gap, x + size[0] + gap, y + size[1] + gap))

    def _are_free(self, corners: NDArray[np.int64], size: tuple[int, int], gap: int) -> NDArray[np.bool_]:
        if not self._taken:
            return np.ones(len(corners), dtype=np.bool_)
        taken = np.array(self._taken)[None]
        low, high = (corners - gap)[:, None], (corners + size + gap)[:, None]
        overlaps = np.all((low < taken[..., 2:]) & (high > taken[..., :2]), axis=2)
        return np.asarray(~np.any(overlaps, axis=1), dtype=np.bool_)
