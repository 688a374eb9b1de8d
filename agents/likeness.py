"""How alike two photos look: a perceptual hash of 64 bits that outlives resizing and recompression."""

from itertools import pairwise
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_SIDE = 32
"""The photo is shrunk to a square of this; of its cosine transform the 8 x 8 lowest frequencies are kept."""


def likeness(image: Image.Image) -> int:
    """The hash of an upright photo: for each low frequency, whether it is above their median."""
    import numpy as np

    grey = image.convert("L").resize((_SIDE, _SIDE), Image.Resampling.LANCZOS, reducing_gap=3.0)
    waves = _waves()
    low = waves @ np.asarray(grey, np.float64) @ waves.T
    # The mean brightness is left out of the median: it is far above everything else.
    bits = low.ravel() > np.median(low.ravel()[1:])
    return int(np.packbits(bits).view(">u8")[0])


def _waves() -> "npt.NDArray[np.float64]":
    """The first 8 rows of the discrete cosine transform, shape (8, 32)."""
    import numpy as np

    frequency, at = np.arange(8)[:, None], np.arange(_SIDE)[None, :]
    return np.cos(np.pi * frequency * (2 * at + 1) / (2 * _SIDE))


class Seen:
    """Hashes met so far, and the first one within some bits of another.

    The 64 bits are cut into one band more than may differ: two hashes that near have a band in common.
    """

    def __init__(self, bits: int) -> None:
        self._bits = bits
        edges = [64 * number // (bits + 1) for number in range(bits + 2)]
        self._bands = [(low, (1 << (high - low)) - 1) for low, high in pairwise(edges)]
        self._shelves: list[dict[int, list[tuple[int, str]]]] = [{} for _ in self._bands]

    def add(self, value: int, name: str) -> None:
        for shelf, (shift, mask) in zip(self._shelves, self._bands, strict=True):
            shelf.setdefault(value >> shift & mask, []).append((value, name))

    def near(self, value: int) -> str | None:
        """The name of a hash within the bits, the least different one; None if there is none."""
        found = [
            ((value ^ other).bit_count(), name)
            for shelf, (shift, mask) in zip(self._shelves, self._bands, strict=True)
            for other, name in shelf.get(value >> shift & mask, ())
        ]
        return min((one for one in found if one[0] <= self._bits), default=(0, None))[1]
