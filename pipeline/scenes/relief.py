"""Noise, light and tint: what makes flat colours look like surfaces."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.scenes.chance import happens, pick
from pipeline.scenes.palette import RGB

Picture = NDArray[np.uint8]
"""Pixels as (h, w, 3) RGB."""
Relief = NDArray[np.float32]
"""One value per pixel, (h, w), around 0 and mostly within -1..1."""

NOISE_SIDE = 1536


@dataclass(frozen=True)
class Grain:
    """Which scales a noise has: `cells` across the map at the coarsest; the finer ones fade."""

    cells: int
    persistence: float


CLOUDY, ROUGH, FINE = Grain(3, 0.62), Grain(32, 0.84), Grain(192, 0.92)


@lru_cache
def _noise_map(grain: Grain) -> Relief:
    """Noise of many scales; it depends on nothing but its argument, so every process has the same."""
    rng = np.random.default_rng(20250521)
    total = np.zeros((NOISE_SIDE, NOISE_SIDE), dtype=np.float32)
    cells, strength = grain.cells, 1.0
    while cells <= NOISE_SIDE:
        cell_values = rng.standard_normal((cells, cells), dtype=np.float32)
        total += strength * cv2.resize(cell_values, (NOISE_SIDE, NOISE_SIDE), interpolation=cv2.INTER_CUBIC)
        cells, strength = cells * 2, strength * grain.persistence
    return np.asarray(total / (2 * total.std()), dtype=np.float32)


def noise(
    rng: np.random.Generator, height: int, width: int, grain: Grain, stretch: tuple[float, float] = (1, 1)
) -> Relief:
    """Noise relief of this size; `stretch` draws it out (down, across)."""
    whole = _noise_map(grain)
    rows = min(NOISE_SIDE, max(2, round(height / stretch[0])))
    columns = min(NOISE_SIDE, max(2, round(width / stretch[1])))
    top, left = rng.integers(NOISE_SIDE - rows + 1), rng.integers(NOISE_SIDE - columns + 1)
    cut = whole[top : top + rows, left : left + columns]
    fitting = cut if cut.shape == (height, width) else cv2.resize(cut, (width, height))
    return np.asarray(fitting, dtype=np.float32)


def tinted(colour: RGB, relief: Relief) -> Picture:
    """The colour, lighter where the relief is high: relief 0.1 is 10 % more light."""
    base = np.array(colour, dtype=np.float32)
    return np.asarray(np.clip(base * (1 + relief)[..., None], 0, 255), dtype=np.uint8)


def muted(rng: np.random.Generator, colours: tuple[RGB, ...], spread: int = 10) -> RGB:
    """One of the colours, a little changed."""
    red, green, blue = np.clip(np.array(pick(rng, colours)) + rng.integers(-spread, spread + 1, 3), 0, 255)
    return int(red), int(green), int(blue)


def shading(rng: np.random.Generator, height: int, width: int, strength: float) -> Relief:
    """Soft light that falls in from one side: gains around 1, (h, w)."""
    corners = (1 + rng.uniform(-strength, strength, (2, 2))).astype(np.float32)
    if happens(rng, 0.5):
        corners[0] += strength / 2
    rows = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    columns = np.linspace(0, 1, width, dtype=np.float32)[None]
    top = corners[0, 0] * (1 - columns) + corners[0, 1] * columns
    bottom = corners[1, 0] * (1 - columns) + corners[1, 1] * columns
    return np.asarray(top * (1 - rows) + bottom * rows, dtype=np.float32)
