"""The SA-1B annotation of a scene: one mask per object, as compressed COCO run lengths."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco

from pipeline.scenes.backdrop import Outline

SMALLEST_REGION = 400
"""Background regions of fewer pixels get no mask."""


def annotate(
    rng: np.random.Generator,
    image_id: int,
    size: tuple[int, int],
    regions: Sequence[Outline],
    objects: Sequence[Outline],
    details: Sequence[Outline],
) -> dict[str, Any]:
    """The annotation file of `sa_<image_id>.jpg`.

    `size` is (width, height). `objects` hide the background `regions` (later regions hide earlier ones);
    `details`, such as lines of writing, lie on objects. All are polygons in native pixels.
    """
    width, height = size
    encoded = [_encode_outline(outline, width, height) for outline in (*objects, *details)]
    encoded += _encode_regions(regions, objects, width, height)
    first = image_id * 1000
    return {
        "image": {"image_id": image_id, "width": width, "height": height, "file_name": f"sa_{image_id}.jpg"},
        "annotations": [
            _annotation(rng, first + i, run_lengths, point, width, height)
            for i, (run_lengths, point) in enumerate(encoded)
        ],
    }


RunLengths = dict[str, Any]
"""A mask in pycocotools' own form."""
Point = tuple[float, float]
Encoded = tuple[RunLengths, Point]
"""A mask and one point of it, as if that had prompted it."""


def _encode_outline(outline: Outline, width: int, height: int) -> Encoded:
    run_lengths = coco.frPyObjects([outline.astype(float).ravel().tolist()], height, width)[0]
    x, y = outline.mean(axis=0)
    return run_lengths, (float(x), float(y))


def _encode_regions(regions: Sequence[Outline], objects: Sequence[Outline], width: int, height: int) -> list[Encoded]:
    # Drawn with x and y exchanged: its transpose is then in Fortran order, as pycocotools wants it.
    labels = np.zeros((width, height), dtype=np.uint8)
    for label, outline in enumerate(regions, start=1):
        cv2.fillPoly(labels, [outline[:, ::-1].astype(np.int32)], label)
    for outline in objects:
        cv2.fillPoly(labels, [outline[:, ::-1].astype(np.int32)], 0)
    masks = ((labels == label).view(np.uint8).T for label in range(1, len(regions) + 1))
    return [(coco.encode(mask), _middle_pixel(mask)) for mask in masks if mask.sum() >= SMALLEST_REGION]


def _middle_pixel(mask: NDArray[np.uint8]) -> Point:
    """The pixel of the mask halfway through its reading order by columns."""
    places = np.flatnonzero(mask.T)
    x, y = divmod(int(places[len(places) // 2]), mask.shape[0])
    return float(x), float(y)


def _annotation(
    rng: np.random.Generator, number: int, run_lengths: RunLengths, point: Point, width: int, height: int
) -> dict[str, Any]:
    return {
        "id": number,
        "segmentation": {"size": [height, width], "counts": run_lengths["counts"].decode("ascii")},
        "bbox": [float(edge) for edge in coco.toBbox(run_lengths)],
        "area": int(coco.area(run_lengths)),
        "predicted_iou": round(float(rng.uniform(0.88, 1.0)), 4),
        "point_coords": [[point[0], point[1]]],
        "stability_score": round(float(rng.uniform(0.95, 1.0)), 4),
        "crop_box": [0.0, 0.0, float(width), float(height)],
    }
