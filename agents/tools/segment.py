"""segment: get the exact extent of the thing at a box or a point."""

from typing import Annotated

from pydantic import Field

from agents.boxes import BoxField
from agents.case import Case
from agents.masks import Region
from agents.tools.tool import Observation, ToolError, tool

MOST = 3
"""Regions given back; the segmenter's first guesses are its best."""


@tool
async def segment(
    case: Case,
    box: BoxField | None = None,
    point: Annotated[list[int], Field(min_length=2, max_length=2)] | None = None,
) -> Observation:
    """Segment the thing at a point [x, y] or in a box, and get the tight boxes of what is found."""
    if (box is None) == (point is None):
        raise ToolError("segment: give either a box or a point.")
    regions = await (case.segmenter.at_box(box) if box else _at_point(case, point or []))
    if not regions:
        return Observation("There is no segment there.")
    boxes = tuple(region.box for region in regions[:MOST])
    written = ", ".join(str(case.written(one)) for one in boxes)
    return Observation(f"Segments, best first: {written}.", boxes=boxes)


async def _at_point(case: Case, point: list[int]) -> list[Region]:
    limit = case.setting.frame.size(case.setting.photo, case.setting.posed)
    x, y = point
    if not (0 <= x < limit.width and 0 <= y < limit.height):
        raise ToolError(f"The point {point} lies outside the photo, which is {limit.width}x{limit.height}.")
    photo = case.photo.size
    return await case.segmenter.at_point(x * photo.width // limit.width, y * photo.height // limit.height)
