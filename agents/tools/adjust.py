"""adjust: have a box moved, widened or tightened as an instruction says."""

from pydantic import BaseModel

from agents.boxes import BoxField, checked
from agents.case import Case
from agents.tools.tool import Observation, ToolError, tool
from agents.views import View, smart_size


class Adjusted(BaseModel):
    """The better box, in the picture's units."""

    box: BoxField


@tool
async def adjust(case: Case, box: BoxField, instruction: str) -> Observation:
    """Have a box moved, widened or tightened as the instruction says, and get the better box."""
    room = max(box.size) * 0.75
    around = box.grow(room, case.photo.size)
    width, height = smart_size(around.size, case.setting.policy.max_pixels)
    view = View(box=around, width=width, height=height)
    found = await case.fill(
        "adjust",
        Adjusted,
        [view],
        box=list(case.setting.in_picture(box, view)),
        instruction=instruction,
        units=case.units(view),
    )
    try:
        better = case.setting.from_picture(checked(found.box, case.setting.frame.size(view.size, view.size)), view)
    except ValueError as error:
        raise ToolError(f"The box could not be adjusted: {error}") from error
    return Observation(f"The adjusted box is {case.written(better)}.", boxes=(better,))
