"""How a policy's looks move over the photo: saccades, fixations, order, revisits."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from agents.boxes import Box, Size
from pipeline.evaluation.predictions import Prediction
from pipeline.training.evaluate import mean

SAME_PLACE = 0.5
"""IoU from which two looks are at one place."""


def scan_paths(predictions: Sequence[Prediction]) -> dict[str, Any]:
    """Means over all looks of a cell; lengths are shares of the photo's diagonal, sizes those of its side."""
    paths = [([view.box for view in one.views], Size(*one.size)) for one in predictions if one.views]
    steps = [(before, after, size) for boxes, size in paths for before, after in pairwise(boxes)]
    return {
        "paths": len(paths),
        "looks": mean(len(boxes) for boxes, _ in paths),
        "first_fixation": mean(_extent(boxes[0], size) for boxes, size in paths),
        "last_fixation": mean(_extent(boxes[-1], size) for boxes, size in paths),
        "saccade": mean(saccade(before, after, size) for before, after, size in steps),
        "inwards": _share(steps, lambda before, after: before.coverage(after) > 1 - 1e-9 and before.area > after.area),
        "outwards": _share(steps, lambda before, after: after.coverage(before) > 1 - 1e-9 and after.area > before.area),
        "rightwards": _share(steps, lambda before, after: before.centre[0] < after.centre[0]),
        "downwards": _share(steps, lambda before, after: before.centre[1] < after.centre[1]),
        "revisits": mean(revisits(boxes) / (len(boxes) - 1) for boxes, _ in paths if len(boxes) > 1),
    }


def saccade(before: Box, after: Box, photo: Size) -> float:
    """The way from the middle of one look to that of the next, as a share of the photo's diagonal."""
    return math.dist(before.centre, after.centre) / math.hypot(*photo)


def revisits(boxes: Sequence[Box]) -> int:
    """Looks at a place that was looked at before."""
    return sum(any(box.iou(earlier) >= SAME_PLACE for earlier in boxes[:number]) for number, box in enumerate(boxes))


def _extent(box: Box, photo: Size) -> float:
    return math.sqrt(box.area / photo.area)


def _share(steps: Sequence[tuple[Box, Box, Size]], holds: Callable[[Box, Box], bool]) -> float | None:
    return mean(float(holds(before, after)) for before, after, _ in steps)
