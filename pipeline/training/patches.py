"""Pixels as Qwen2.5-VL's vision tower takes them, for whole batches of equal pictures."""

import numpy as np
import numpy.typing as npt
import torch

MEAN = (0.48145466, 0.4578275, 0.40821073)
DEVIATION = (0.26862954, 0.26130258, 0.27577711)
SIDE, MERGE, FRAMES = 14, 2, 2
"""Side of a patch in pixels, patches merged per side, and how often a still picture is repeated in time."""


def patchify(pictures: npt.NDArray[np.uint8]) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures (n, height, width, 3), sides multiples of 28, as (pixel_values, image_grid_thw).

    The same numbers as the HF image processor makes, one row per patch, in its order: merged
    groups of 2x2 patches row by row, in a row channel, time, y, x.
    """
    count, height, width, _ = pictures.shape
    rows, columns = height // SIDE, width // SIDE
    scaled = torch.from_numpy(pictures).float() * (1 / 255)
    scaled = (scaled - torch.tensor(MEAN)) / torch.tensor(DEVIATION)
    blocks = scaled.view(count, rows // MERGE, MERGE, SIDE, columns // MERGE, MERGE, SIDE, 3)
    patches = blocks.permute(0, 1, 4, 2, 5, 7, 3, 6).reshape(count * rows * columns, 3, 1, SIDE, SIDE)
    values = patches.expand(-1, -1, FRAMES, -1, -1).reshape(count * rows * columns, -1)
    return values, torch.tensor([[1, rows, columns]]).repeat(count, 1)
