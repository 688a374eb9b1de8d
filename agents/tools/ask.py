"""ask: put a question about a box to the model, which sees nothing else."""

from pydantic import BaseModel

from agents.boxes import BoxField
from agents.case import Case
from agents.tools.tool import Observation, tool
from agents.views import zoom_view


class Answered(BaseModel):
    """A short answer, or none where the picture does not show it."""

    answer: str | None
    note: str = ""
    """What stands in the way, when there is no answer."""


@tool
async def ask(case: Case, question: str, box: BoxField) -> Observation:
    """Ask a question about a box of the photo; who answers sees that box only."""
    view = zoom_view(case.photo.size, box, case.setting.policy, case.setting.posed)
    found = await case.fill("answer", Answered, [view], question=question)
    return Observation(found.answer or f"It cannot be told. {found.note}".strip())
