"""locate: find a thing by its description."""

from pydantic import BaseModel, Field

from agents.boxes import BoxField, checked
from agents.case import Case
from agents.tools.tool import Observation, tool
from agents.views import zoom_view


class Located(BaseModel):
    """Where a described thing is, or may be."""

    boxes: list[BoxField] = Field(max_length=20)
    """Best first, in the picture's units; empty if there is no sign of it."""
    note: str = ""


@tool
async def locate(case: Case, thing: str, within: BoxField | None = None) -> Observation:
    """Find a thing by its description, in the whole photo or within a box, and get the boxes it may be in."""
    view = zoom_view(case.photo.size, within, case.setting.policy) if within else case.posed
    found = await case.fill("locate", Located, [view], thing=thing, units=case.units(view))
    limit = case.setting.frame.size(view.size, view.size)
    boxes = [case.setting.from_picture(checked(box, limit), view) for box in found.boxes if box.clip(limit).area]
    if not boxes:
        return Observation(f"Not found. {found.note}".strip())
    written = ", ".join(str(case.written(box)) for box in boxes)
    return Observation(f"{found.note} Boxes, best first: {written}.".strip(), boxes=tuple(boxes))
