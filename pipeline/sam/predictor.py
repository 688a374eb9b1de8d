"""SAM over whole photos: each is embedded once, the last ones are kept, and answers are regions in native pixels."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image
from segment_anything import SamAutomaticMaskGenerator, SamPredictor
from typing_extensions import override

from agents.boxes import Box, Size, rescale
from agents.masks import Region
from agents.photos import PhotoError
from pipeline.sam.prompt import Grid, Prompt

LONGEST = 2048
"""Masks are drawn over a photo shrunk to this side at most: SAM's own are 256 pixels a side, and memory is bounded."""
MASK_PIXELS = 2**28
"""Pixels of all masks that are looked at together for a grid: 1 GB of them."""
POINTS_AT_ONCE = 64


class Embedded(NamedTuple):
    """A photo as SAM has seen it."""

    features: Any
    """Tensor on the model's device, shape (1, channels, grid, grid)."""
    seen: tuple[int, int]
    """Height and width at which SAM saw it, before it was padded to a square."""
    frame: Size
    """The size masks are drawn at."""
    native: Size


class PhotoPredictor(SamPredictor):  # type: ignore[misc]
    """A `SamPredictor` that keeps the embeddings of the photos it was last asked about."""

    def __init__(self, model: Any, most: int) -> None:
        super().__init__(model)
        self.most = most
        """Photos whose embedding is kept."""
        self._kept: OrderedDict[str, Embedded] = OrderedDict()

    def answer(self, prompt: Prompt, opened: Callable[[], Image.Image]) -> list[Region]:
        """The regions a prompt means, best first, in native pixels.

        `opened` gives the decoded photo if it has to be embedded. Raises PhotoError, and whatever torch raises
        when memory is out.
        """
        embedded = self._embedding(prompt.photo, opened)
        self.features, self.input_size = embedded.features, embedded.seen
        self.original_size = (embedded.frame.height, embedded.frame.width)
        self.is_image_set = True
        return self._everywhere(prompt.grid, embedded) if prompt.grid else self._prompted(prompt, embedded)

    def forget(self) -> None:
        """Let go of every embedding."""
        self._kept.clear()
        self.reset_image()

    def _embedding(self, sha256: str, opened: Callable[[], Image.Image]) -> Embedded:
        if sha256 not in self._kept:
            self._kept[sha256] = self._embed(opened())
            while len(self._kept) > self.most:
                self._kept.popitem(last=False)
        self._kept.move_to_end(sha256)
        return self._kept[sha256]

    def _embed(self, photo: Image.Image) -> Embedded:
        native = Size(*photo.size)
        if 2 * min(native) * self.transform.target_length < max(native):
            raise PhotoError(f"too narrow to segment: {native.width}x{native.height}")
        frame = _frame(native)
        shown = photo if frame == native else photo.resize(frame, Image.Resampling.LANCZOS)
        super().set_image(np.asarray(shown))
        return Embedded(self.features, self.input_size, frame, native)

    @override
    def set_image(self, image: npt.NDArray[np.uint8], image_format: str = "RGB") -> None:
        """The mask generator's first step, which is done already: the photo it means has been embedded."""

    def _prompted(self, prompt: Prompt, at: Embedded) -> list[Region]:
        place = np.array(rescale(prompt.place, at.native, at.frame))
        if prompt.box:
            masks, scores, _ = self.predict(box=place)
        else:
            masks, scores, _ = self.predict(point_coords=place[None, :2], point_labels=np.array([1]))
        best_first = np.argsort(-scores, kind="stable")
        found = (_extent(masks[number]) for number in best_first)
        return [
            _region(box, int(masks[number].sum()), scores[number], at)
            for number, box in zip(best_first, found, strict=True)
            if box is not None
        ]

    def _everywhere(self, grid: Grid, at: Embedded) -> list[Region]:
        together = MASK_PIXELS // (self.model.mask_decoder.num_multimask_outputs * at.frame.area)
        generator = SamAutomaticMaskGenerator(
            self.model,
            points_per_batch=max(1, min(POINTS_AT_ONCE, together)),
            output_mode="uncompressed_rle",
            **grid.model_dump(),
        )
        generator.predictor = self
        # It wants a picture only for its size: what it shows has been embedded.
        blank = np.broadcast_to(np.uint8(0), (at.frame.height, at.frame.width, 3))
        made = generator.generate(blank)
        best_first = sorted((one for one in made if one["area"]), key=lambda one: -one["predicted_iou"])
        return [_region(_box(one["bbox"]), one["area"], one["predicted_iou"], at) for one in best_first]


def _frame(native: Size) -> Size:
    """The size masks are drawn at."""
    scale = min(1.0, LONGEST / max(native))
    return Size(max(1, round(native.width * scale)), max(1, round(native.height * scale)))


def _extent(mask: npt.NDArray[np.bool_]) -> Box | None:
    """The tight box around a mask, shape (h, w); None if nothing is in it."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return None
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def _box(written: list[int]) -> Box:
    """The generator's x, y, width and height, which leave out the last row and column."""
    x, y, width, height = written
    return Box(x, y, x + width + 1, y + height + 1)


def _region(box: Box, area: int, score: float, at: Embedded) -> Region:
    """A region in native pixels of one in those that masks are drawn at."""
    return Region(
        rescale(box, at.frame, at.native), round(area * at.native.area / at.frame.area), round(float(score), 4)
    )
