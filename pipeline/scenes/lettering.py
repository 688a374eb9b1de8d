"""Letters and marks as masks of ink, tightly cut out."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from pipeline.scenes.truth import MarkShape

Mask = NDArray[np.uint8]

CAP_RATIO = 0.70
"""Cap height of Pillow's embedded font, as a part of its size."""
SUPERSAMPLING = 4


@lru_cache(maxsize=128)
def _font(size: float) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise RuntimeError("Pillow was built without FreeType; install a wheel of Pillow from the package index")
    return font


def text_ink(text: str, cap: float, weight: float, tracking: float, width: float = 1.0) -> Mask:
    """The ink of one line of text: uint8 (h, w), cut tight.

    `cap` is the height of its capitals in pixels, bold strokes included; `weight` thickens the strokes and
    `tracking` spaces the letters, both as a part of the cap height; `width` below 1 makes them narrower.
    """
    stroke = weight * cap
    font = _font(round((cap - 2 * stroke) / CAP_RATIO, 2))
    # Readers miss the font's own space between small letters and take a line of large ones for two lines.
    space = float(np.clip(1.2 - (cap - 40) / 200, 0.85, 1.2))
    steps = [font.getlength(letter) * (space if letter == " " else 1) + tracking * cap + 2 * stroke for letter in text]
    margin = cap
    canvas = Image.new("L", (int(sum(steps) + 2 * margin), int(3 * cap)))
    pen, x = ImageDraw.Draw(canvas), margin
    for letter, step in zip(text, steps, strict=True):
        pen.text((x, 2 * cap), letter, fill=255, font=font, anchor="ls", stroke_width=stroke)
        x += step
    if width != 1:
        canvas = canvas.resize((round(canvas.width * width), canvas.height), Image.Resampling.BICUBIC)
    return _trimmed(np.asarray(canvas))


def mark_ink(shape: MarkShape, size: int) -> Mask:
    """The ink of one mark: uint8, about (size, size), cut tight."""
    side = size * SUPERSAMPLING
    canvas = Image.new("L", (side, side))
    pen = ImageDraw.Draw(canvas)
    if shape == "dot":
        pen.ellipse((0, 0, side - 1, side - 1), fill=255)
    else:
        corners = _CORNERS[shape]
        pen.polygon([(float(x) * (side - 1), float(y) * (side - 1)) for x, y in corners], fill=255)
    return _trimmed(np.asarray(canvas.resize((size, size), Image.Resampling.BOX)))


def _star_corners() -> NDArray[np.float64]:
    angles = np.arange(10) * np.pi / 5 - np.pi / 2
    radii = np.where(np.arange(10) % 2 == 0, 0.5, 0.22)
    return np.stack([0.5 + radii * np.cos(angles), 0.52 + radii * np.sin(angles)], axis=1)


_CORNERS: dict[str, NDArray[np.float64]] = {
    "square": np.array([(0, 0), (1, 0), (1, 1), (0, 1)], dtype=np.float64),
    "triangle": np.array([(0.5, 0), (1, 0.94), (0, 0.94)], dtype=np.float64),
    "star": _star_corners(),
}


def _trimmed(ink: Mask) -> Mask:
    rows, columns = np.flatnonzero(ink.max(axis=1) >= 96), np.flatnonzero(ink.max(axis=0) >= 96)
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
