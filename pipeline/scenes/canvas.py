"""Putting patches, shadows, light and grain on the picture of a scene."""

from functools import lru_cache

import cv2
import numpy as np

from pipeline.scenes.chance import between
from pipeline.scenes.lettering import Mask
from pipeline.scenes.relief import Picture

GRAIN_SIDE = 512


def stamp(canvas: Picture, pixels: Picture, alpha: Mask, x: int, y: int) -> None:
    """Put a patch on the canvas with its corner at (x, y); what lies outside the canvas is cut off."""
    top, left = max(0, y), max(0, x)
    bottom, right = min(canvas.shape[0], y + pixels.shape[0]), min(canvas.shape[1], x + pixels.shape[1])
    if top >= bottom or left >= right:
        return
    rows, columns = slice(top - y, bottom - y), slice(left - x, right - x)
    under = canvas[top:bottom, left:right].astype(np.float32)
    cover = alpha[rows, columns].astype(np.float32)[..., None] / 255
    canvas[top:bottom, left:right] = np.asarray(under + cover * (pixels[rows, columns] - under) + 0.5, dtype=np.uint8)


def cast_shadow(canvas: Picture, alpha: Mask, x: int, y: int, depth: int, darkness: float = 0.55) -> None:
    """Darken what lies behind a patch that stands off by `depth` pixels, with light from the upper left."""
    margin, step = 2 * depth + 4, max(1, depth // 3)
    wide = cv2.copyMakeBorder(alpha, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=0)
    small = cv2.resize(
        wide, (max(1, wide.shape[1] // step), max(1, wide.shape[0] // step)), interpolation=cv2.INTER_AREA
    )
    soft = cv2.GaussianBlur(small, (0, 0), max(0.8, 0.5 * depth / step))
    shade = cv2.resize(soft, (wide.shape[1], wide.shape[0]), interpolation=cv2.INTER_LINEAR)
    dark = np.zeros((*shade.shape, 3), dtype=np.uint8)
    cover = np.asarray(shade * np.float32(darkness), dtype=np.uint8)
    stamp(canvas, dark, cover, x - margin + depth // 2, y - margin + depth)


def add_light(rng: np.random.Generator, canvas: Picture) -> Picture:
    """The canvas under a soft, slightly coloured gradient of light, a little darker towards the corners."""
    rows, columns = np.linspace(-1, 1, 48)[:, None], np.linspace(-1, 1, 48)[None]
    slope = between(rng, -0.05, 0.05) * columns + between(rng, -0.05, 0.05) * rows
    vignette = between(rng, 0.04, 0.08) * (rows**2 + columns**2)
    warmth = between(rng, -0.015, 0.015) * np.array((1, 0, -1))
    gains = np.clip((1 + slope - vignette)[..., None] + warmth, 0.84, 1.1)
    height, width = canvas.shape[:2]
    light = cv2.resize((gains * 200).astype(np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.multiply(canvas, light, scale=1 / 200), dtype=np.uint8)


def add_grain(rng: np.random.Generator, canvas: Picture) -> Picture:
    """The canvas with the noise of a camera sensor."""
    height, width = canvas.shape[:2]
    top, left = (int(shift) for shift in rng.integers(0, GRAIN_SIDE, 2))
    repeats = (-(-(height + top) // GRAIN_SIDE), -(-(width + left) // GRAIN_SIDE), 1)
    grain = np.tile(_grain_tile(), repeats)[top : top + height, left : left + width]
    amount = between(rng, 0.6, 1.1)
    return np.asarray(cv2.addWeighted(canvas, 1.0, grain, amount, -128 * amount), dtype=np.uint8)


@lru_cache(maxsize=1)
def _grain_tile() -> Picture:
    rng = np.random.default_rng(25055)
    brightness = rng.normal(0, 4.0, (GRAIN_SIDE, GRAIN_SIDE, 1))
    colour = rng.normal(0, 1.6, (GRAIN_SIDE, GRAIN_SIDE, 3))
    soft = cv2.GaussianBlur(brightness + colour, (0, 0), 0.55)
    return np.clip(soft + 128, 0, 255).astype(np.uint8)
