"""Pictures as Qwen2.5-VL takes them: rows of 14-pixel patches, and the grid they lie in."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from agents.boxes import Size

if TYPE_CHECKING:
    from torch import Tensor

PATCH, MERGE, FRAMES = 14, 2, 2
"""Side of a patch in pixels; patches merged per side of a visual token; a still image counts as two frames."""
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
"""Of the channels, as CLIP has them (Radford 2021) and Qwen's image processor after it."""
_LEVELS = np.arange(256, dtype=np.float32)[:, None] * np.float32(1 / 255)
SHADES = ((_LEVELS - np.array(MEAN, np.float32)) / np.array(STD, np.float32)).T
"""What each of the 256 values of a channel becomes; shape (3, 256)."""


class Pixels(NamedTuple):
    """One picture: patches, float32 of shape (h * w, 3 * 2 * 14 * 14), and how many there are in a column and a row."""

    values: "Tensor"
    height: int
    width: int

    @property
    def tokens(self) -> int:
        """Visual tokens the picture becomes."""
        return self.height * self.width // MERGE**2

    @property
    def grid(self) -> tuple[int, int, int]:
        """Frames, rows and columns of patches: a row of the model's `image_grid_thw`."""
        return 1, self.height, self.width


def patches(picture: Image.Image) -> Pixels:
    """The patches of an RGB picture whose sides are multiples of 28, as all views are.

    The same numbers as transformers' `Qwen2VLImageProcessor` gives, which would not resize such a picture.
    Raises ValueError for any other size.
    """
    import torch

    side = PATCH * MERGE
    if picture.width % side or picture.height % side or not picture.width * picture.height:
        raise ValueError(f"a picture of {picture.width}x{picture.height} is not made of whole visual tokens")
    shown = np.asarray(picture.convert("RGB"))
    rows, columns = picture.height // PATCH, picture.width // PATCH
    cut = shown.reshape(rows // MERGE, MERGE, PATCH, columns // MERGE, MERGE, PATCH, 3)
    # Patches of one visual token lie together; channels come first, and the frame is there twice.
    ordered = cut.transpose(0, 3, 1, 4, 6, 2, 5).reshape(rows * columns, 3, PATCH, PATCH)
    values = np.empty((rows * columns, 3, FRAMES, PATCH, PATCH), np.float32)
    for channel, shades in enumerate(SHADES):
        values[:, channel] = shades[ordered[:, channel]][:, None]
    return Pixels(torch.from_numpy(values.reshape(rows * columns, -1)), rows, columns)


def blank(size: Size) -> Pixels:
    """A picture of a size without its pixels: enough to count tokens."""
    import torch

    return Pixels(torch.empty(0), size.height // PATCH, size.width // PATCH)
