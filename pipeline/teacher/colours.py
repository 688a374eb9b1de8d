"""Naming the colours of pixels, cautiously: a name only where most pixels agree on it."""

import colorsys
from collections import Counter

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
"""RGB pixels, shape (n, 3)."""

COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white", "gray")
AGREEMENT = 0.75
"""Share of the pixels that have to carry the winning name."""

CORE = 0.2
"""Share of the letters' pixels that is surely letter: the edges of thin strokes are blends with the ground."""

_HUES = (
    (14, "red"),
    (40, "orange"),
    (68, "yellow"),
    (165, "green"),
    (258, "blue"),
    (295, "purple"),
    (340, "pink"),
    (361, "red"),
)
"""Upper end of each hue in degrees."""


def name_pixel(red: int, green: int, blue: int) -> str:
    """The everyday name of one RGB colour."""
    hue, saturation, value = colorsys.rgb_to_hsv(red / 255, green / 255, blue / 255)
    if value < 0.2 or (value < 0.3 and saturation < 0.35):
        return "black"
    if saturation < 0.16:
        return "white" if value > 0.72 else "gray"
    name = next(name for end, name in _HUES if hue * 360 < end)
    if name in {"red", "orange"} and value < 0.62 and 8 <= hue * 360 < 40:
        return "brown"
    if name == "red" and saturation < 0.5 and value > 0.75:
        return "pink"
    return name


def name_colour(pixels: Pixels) -> str | None:
    """The name most of the pixels carry; None where they do not agree."""
    if not len(pixels):
        return None
    sample = pixels[:: max(1, len(pixels) // 300)]
    names = Counter(name_pixel(*map(int, pixel)) for pixel in sample)
    name, count = names.most_common(1)[0]
    return name if count >= AGREEMENT * len(sample) else None


def ink_and_ground(patch: npt.NDArray[np.uint8]) -> tuple[Pixels, Pixels]:
    """The pixels of the letters and of what is behind them, in a patch around one line of text.

    `patch` is RGB, shape (h, w, 3), with some ground around the letters. The two are told apart by
    Otsu's threshold (Otsu 1979) on the channel with the most contrast; the ground is whichever the rim of
    the patch is made of. Pixels near the threshold, blends of both, are left out.
    """
    channel = patch[..., int(np.argmax(patch.reshape(-1, 3).std(axis=0)))].astype(np.int32)
    threshold = _otsu(channel)
    bright = channel > threshold
    rim = np.concatenate([bright[0], bright[-1], bright[:, 0], bright[:, -1]])
    ground_is_bright = rim.mean() > 0.5
    low, high = channel[~bright], channel[bright]
    if not len(low) or not len(high):
        return patch.reshape(-1, 3)[:0], patch.reshape(-1, 3)
    if ground_is_bright:
        return patch[channel <= np.quantile(low, CORE)], patch[channel >= np.median(high)]
    return patch[channel >= np.quantile(high, 1 - CORE)], patch[channel <= np.median(low)]


def _otsu(channel: npt.NDArray[np.int32]) -> int:
    counts = np.bincount(channel.ravel(), minlength=256).astype(float)
    levels = np.arange(256)
    below = counts.cumsum()
    above = below[-1] - below
    sum_below = (counts * levels).cumsum()
    with np.errstate(divide="ignore", invalid="ignore"):
        mean_below = sum_below / below
        mean_above = (sum_below[-1] - sum_below) / above
        between = below * above * (mean_below - mean_above) ** 2
    return int(np.nanargmax(between)) if np.isfinite(between).any() else 127
