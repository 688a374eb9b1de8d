"""Regions of a photo: the segmenter's interface, and the one that answers from SA-1B's own masks."""

import json
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from agents import files
from agents.boxes import Box, Size, outward


class MaskError(Exception):
    """Regions that cannot be had, such as those of a broken annotation file; the message says why."""


class Region(NamedTuple):
    """A segmented thing: the tight box around its mask, the mask's area in pixels, and how sure it is."""

    box: Box
    area: int
    score: float


class Segmenter(Protocol):
    """Answers prompts with regions of one photo, best first. Boxes and points are native pixels.

    All of them raise MaskError where a photo cannot be segmented.
    """

    async def regions(self) -> list[Region]: ...

    async def at_point(self, x: int, y: int) -> list[Region]: ...

    async def at_box(self, box: Box) -> list[Region]: ...


class MaskFile:
    """The masks that SA-1B ships beside a photo (`sa_<n>.json`, COCO run-length encoding)."""

    def __init__(self, path: Path | str | None, size: Size) -> None:
        self.path, self.size = path, size

    @cached_property
    def _annotations(self) -> list[dict[str, Any]]:
        return read_annotations(self.path, self.size) if self.path else []

    @cached_property
    def _regions(self) -> list[Region]:
        return [_region(annotation) for annotation in self._annotations]

    async def regions(self) -> list[Region]:
        """Every region, largest first."""
        return sorted(self._regions, key=lambda region: -region.area)

    async def at_point(self, x: int, y: int) -> list[Region]:
        """The regions whose mask covers a point, smallest first: the thing before what it stands on."""
        hits = [
            region
            for region, annotation in zip(self._regions, self._annotations, strict=True)
            if region.box.holds(Box(x, y, x + 1, y + 1)) and _mask(annotation)[y, x]
        ]
        return sorted(hits, key=lambda region: region.area)

    async def at_box(self, box: Box) -> list[Region]:
        """The regions that overlap a box most (intersection over union), best first."""
        hits = [region for region in self._regions if region.box.overlaps(box)]
        return sorted(hits, key=lambda region: -region.box.iou(box))


def read_annotations(path: Path | str, size: Size) -> list[dict[str, Any]]:
    """The annotations of an SA-1B file for a photo of `size`; raises MaskError if they do not fit it."""
    try:
        content = json.loads(files.read(path).decode())
        written = Size(int(content["image"]["width"]), int(content["image"]["height"]))
        annotations = [dict(annotation) for annotation in content["annotations"]]
        for annotation in annotations:
            _region(annotation)
            annotation["segmentation"]["counts"]  # read only when a point is asked about
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise MaskError(f"broken annotation: {files.name_of(path)} {type(error).__name__} {str(error)[:80]}") from error
    if written != size:
        raise MaskError(
            f"annotation of another photo: {files.name_of(path)} is for {written.width}x{written.height}, "
            f"the photo is {size.width}x{size.height}"
        )
    return annotations


def _region(annotation: dict[str, Any]) -> Region:
    x, y, width, height = annotation["bbox"]
    return Region(outward(x, y, x + width, y + height), int(annotation["area"]), float(annotation["predicted_iou"]))


def _mask(annotation: dict[str, Any]) -> npt.NDArray[np.uint8]:
    """One mask, shape (h, w), 1 inside."""
    from pycocotools import mask

    return np.asarray(mask.decode(annotation["segmentation"]), np.uint8)
