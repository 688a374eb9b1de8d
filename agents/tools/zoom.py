"""zoom: look closer at a box, with some margin, enlarged."""

from agents.boxes import BoxField
from agents.case import Case
from agents.tools.tool import Observation, tool
from agents.views import zoom_view


@tool
async def zoom(case: Case, box: BoxField) -> Observation:
    """Look closer at a box of the photo: it is cut out with some margin and enlarged."""
    view = zoom_view(case.photo.size, box, case.setting.policy, case.setting.posed)
    return Observation("Here is the closer look.", view)
