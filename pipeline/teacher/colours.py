"""Naming the colours of pixels, cautiously: a name only where most pixels agree on it."""

import colorsys
from collections import Counter
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
"""RGB pixels, shape (n, 3)."""

COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white", "gray")
UNCERTAIN = "uncertain"
AGREEMENT = 0.75
"""Share of the pixels that have to carry the winning name."""

VIVID = 0.45
"""Saturation from which a tint is a colour: below, it may be white or gray in coloured light."""
WARM = 0.62
"""The same for orange, yellow and brown, which lamps and aged paper look like."""
BRIGHT = 0.35
"""Brightness below which hues are hard to tell from each other and from black."""
NEUTRAL = 0.05
"""Difference of the channels up to which something dark is black, and not navy or dark brown."""
BETWEEN = 4.0
"""Degrees around the border of two hues that have no certain name."""
MOSTLY = 0.58
"""Share of a patch, and of its rim, that has to be ground."""
DARK = 110
"""Brightness (largest of R, G, B) that the brightest tenth of a patch must reach for its colours to have names."""
CORE = 0.2
"""Share of the letters' pixels that is surely letter: the edges of thin strokes are blends with the ground."""

_HUES = (
    (14, "red"),
    (40, "orange"),
    (64, "yellow"),
    (85, UNCERTAIN),
    (160, "green"),
    (190, UNCERTAIN),
    (244, "blue"),
    (266, UNCERTAIN),
    (295, "purple"),
    (340, "pink"),
    (361, "red"),
)
"""Upper end of each hue in degrees; between green and blue, as in teal, people do not agree on a name."""


@lru_cache(maxsize=1 << 16)
def name_pixel(red: int, green: int, blue: int) -> str:
    """The everyday name of one RGB colour; `UNCERTAIN` where people would not agree on one."""
    hue, saturation, value = colorsys.rgb_to_hsv(red / 255, green / 255, blue / 255)
    if value < 0.27 and value * saturation < NEUTRAL:
        return "black"
    if saturation < 0.13:
        return "white" if value > 0.76 else "gray" if 0.3 < value < 0.6 else UNCERTAIN
    degrees = hue * 360
    if value < BRIGHT or any(abs(degrees - end) < BETWEEN for end, _ in _HUES[:-1]):
        return UNCERTAIN
    return _tint(next(name for end, name in _HUES if degrees < end), degrees, saturation, value)


def _tint(name: str, degrees: float, saturation: float, value: float) -> str:
    """The name of a colour of a certain hue."""
    if name in {"red", "pink"} and value > 0.8 and 0.3 < saturation < 0.55:
        return "pink"
    if name == "pink" and value < 0.7:
        return UNCERTAIN
    if saturation < (WARM if name in {"orange", "yellow"} else VIVID):
        return UNCERTAIN
    if name in {"red", "orange"} and value < 0.62 and 8 <= degrees < 40:
        return "brown" if saturation >= WARM else UNCERTAIN
    return name


def name_colour(pixels: Pixels, agreement: float = AGREEMENT) -> str | None:
    """The name that at least a share of `agreement` of the pixels carry; None if there is no such name."""
    if not len(pixels):
        return None
    sample = pixels[:: max(1, len(pixels) // 300)]
    names = Counter(name_pixel(*pixel) for pixel in sample.tolist())
    name, count = names.most_common(1)[0]
    return name if name != UNCERTAIN and count >= agreement * len(sample) else None


def text_colours(patch: npt.NDArray[np.uint8]) -> tuple[str | None, str | None]:
    """Names of the colours of the letters and of what is behind them, each None where it is not certain.

    `patch` is a tight patch of one line of writing, RGB, shape (h, w, 3). The two classes are told apart by
    Otsu's threshold (Otsu 1979) on the channel with the most contrast. The ground is what most of the
    patch and of its rim are made of; where these differ, in outlined letters or bands of colour, nothing is certain.
    """
    channel = patch[..., int(np.argmax(patch.reshape(-1, 3).std(axis=0)))].astype(np.int32)
    bright = channel > otsu(channel)
    rim = float(np.concatenate([bright[0], bright[-1], bright[:, 0], bright[:, -1]]).mean())
    share = float(bright.mean())
    is_bright, is_dark = min(rim, share) > MOSTLY, max(rim, share) < 1 - MOSTLY
    if not (is_bright or is_dark) or np.quantile(patch.max(axis=2), 0.9) < DARK:
        return None, None
    ground = bright if is_bright else ~bright
    behind = name_colour(patch[ground])
    if behind is None or ground.all():
        return None, behind
    inked = np.sort(channel[~ground])
    if is_bright:
        core, half = inked[int(CORE * (len(inked) - 1))], inked[len(inked) // 2]
        return _agreed(patch[~ground & (channel <= core)], patch[~ground & (channel <= half)]), behind
    core, half = inked[int((1 - CORE) * (len(inked) - 1))], inked[len(inked) // 2]
    return _agreed(patch[~ground & (channel >= core)], patch[~ground & (channel >= half)]), behind


def _agreed(core: Pixels, wider: Pixels) -> str | None:
    """The name of the surest pixels, if most of the wider circle carry it too."""
    name = name_colour(core)
    return name if name is not None and name == name_colour(wider, 0.5) else None


def otsu(channel: npt.NDArray[np.int32]) -> int:
    """The threshold, 0 to 255, that tells two classes of brightness apart best (Otsu 1979)."""
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
