"""One scene from its seed and index: the picture, its SA-1B annotation, and the truth about it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.scenes.annotation import annotate
from pipeline.scenes.backdrop import Outline, paint_backdrop
from pipeline.scenes.canvas import add_grain, add_light, cast_shadow, stamp
from pipeline.scenes.chance import pick
from pipeline.scenes.hanging import Hung, hang_things
from pipeline.scenes.layout import FreeSpace
from pipeline.scenes.pose import Points, warp
from pipeline.scenes.relief import Picture
from pipeline.scenes.sheet import Sheet, paint
from pipeline.scenes.standing import place_clutter
from pipeline.scenes.truth import DRAWING_VERSION, Box, LineTruth, MarksTruth, SceneTruth, ThingTruth

SIZES = ((1500, 2250), (2250, 1500), (1500, 2000), (1487, 2243), (2000, 1500), (2249, 1493), (1500, 2250))


@dataclass(frozen=True)
class Scene:
    """A drawn scene; `picture` is uint8 RGB (h, w, 3)."""

    picture: Picture
    annotation: dict[str, Any]
    truth: SceneTruth


def draw_scene(seed: int, index: int) -> Scene:
    """The scene with this index of the sample set with this seed; nothing else has any influence on it."""
    rng = np.random.default_rng([seed, index])
    width, height = pick(rng, SIZES)
    backdrop = paint_backdrop(rng, width, height)
    space = FreeSpace()
    hung = hang_things(rng, backdrop, space)
    clutter = place_clutter(rng, backdrop, space)
    canvas = backdrop.canvas
    for placed in clutter:
        _put(canvas, placed.piece.pixels, placed.piece.alpha, placed.corner, depth=8)
    sheets = [_put_thing(rng, canvas, thing) for thing in hung]
    truth = SceneTruth(
        image=f"sa_{index + 1}.jpg",
        width=width,
        height=height,
        seed=seed,
        version=DRAWING_VERSION,
        things=tuple(_truth_of(i, *pair) for i, pair in enumerate(zip(hung, sheets, strict=True))),
    )
    objects = [thing.outline for thing in hung] + [placed.outline for placed in clutter]
    annotation = annotate(rng, index + 1, (width, height), backdrop.regions, objects, _details(truth))
    return Scene(add_grain(rng, add_light(rng, canvas)), annotation, truth)


def _put_thing(rng: np.random.Generator, canvas: Picture, thing: Hung) -> Sheet:
    sheet = paint(rng, thing.design)
    pixels = warp(sheet.pixels, thing.pose, thing.design.scale, fill_edges=True)
    alpha = warp(sheet.alpha, thing.pose, thing.design.scale, fill_edges=False)
    _put(canvas, pixels, alpha, thing.corner, depth=round(5 + 0.12 * thing.design.cap))
    return sheet


def _put(canvas: Picture, pixels: Picture, alpha: Picture, corner: tuple[int, int], depth: int) -> None:
    cast_shadow(canvas, alpha, *corner, depth)
    stamp(canvas, pixels, alpha, *corner)


def _truth_of(number: int, thing: Hung, sheet: Sheet) -> ThingTruth:
    design = thing.design
    marks = []
    if design.marks:
        boxes = [_box(thing.carry(spot.outline)) for spot in sheet.marks]
        for colour in dict.fromkeys(design.marks.colours):
            same = tuple(box for box, other in zip(boxes, design.marks.colours, strict=True) if other == colour)
            marks.append(MarksTruth(shape=design.marks.shape, colour=colour, boxes=same))
    lines = tuple(
        LineTruth(text=line.text, box=_box(thing.carry(spot.outline)), colour=line.colour, height=round(line.cap))
        for line, spot in zip(design.lines, sheet.lines, strict=True)
    )
    box = _box(thing.outline.astype(np.float64))
    return ThingTruth(id=number, kind=design.kind, box=box, colour=design.colour, lines=lines, marks=tuple(marks))


def _box(points: Points) -> Box:
    # Rounded before floor and ceil, so that 12.0000001 does not add a pixel.
    left, top = np.floor(np.round(points.min(axis=0), 3)).astype(int)
    right, bottom = np.ceil(np.round(points.max(axis=0), 3)).astype(int)
    return int(left), int(top), int(right), int(bottom)


def _details(truth: SceneTruth) -> list[Outline]:
    """The outlines of all lines of writing and marks."""
    boxes = [line.box for thing in truth.things for line in thing.lines]
    boxes += [box for thing in truth.things for marks in thing.marks for box in marks.boxes]
    return [np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], dtype=np.int32) for x0, y0, x1, y1 in boxes]
