"""crop: see a box exactly as it is in the photo."""

from agents.boxes import BoxField
from agents.case import Case
from agents.tools.tool import Observation, tool
from agents.views import crop_view


@tool
async def crop(case: Case, box: BoxField) -> Observation:
    """Cut a box out of the photo, exactly, without enlarging it."""
    return Observation("Here is the region as it is.", crop_view(case.photo.size, box, case.setting.policy))
