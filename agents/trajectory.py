"""Everything the agent did on one task, wrong turns included."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from agents.boxes import BoxField
from agents.views import View


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Step(_Frozen):
    """One tool call and what came of it."""

    thought: str
    tool: str
    arguments: dict[str, Any]
    """As the model wrote them, boxes in its frame."""
    observation: str
    failed: bool = False
    """The call was refused; the observation says why."""
    box: BoxField | None = None
    """The native box that was asked for."""
    boxes: tuple[BoxField, ...] = ()
    """Native boxes that the tool found."""
    view: View | None = None
    """The picture that was given back."""
    pixels: str | None = None
    """SHA-256 of that picture, so that it can be made again and compared."""


class Verdict(_Frozen):
    """What the verifier said of an answer."""

    correct: bool
    hint: str = ""
    """For the next attempt; never holds the answer."""


class Attempt(_Frozen):
    """The steps up to one answer, and the verdict on it."""

    steps: tuple[Step, ...]
    thought: str = ""
    """What was said with the answer."""
    answer: str | None = None
    stop: Literal["answered", "step limit"] = "answered"
    verdict: Verdict | None = None


class Trajectory(_Frozen):
    attempts: tuple[Attempt, ...]
    calls: tuple[str, ...]
    """Ids in the call log of every request made, in order."""

    @property
    def correct(self) -> bool:
        verdict = self.attempts[-1].verdict
        return bool(verdict and verdict.correct)

    @property
    def answer(self) -> str | None:
        return self.attempts[-1].answer

    @property
    def steps(self) -> list[Step]:
        return [step for attempt in self.attempts for step in attempt.steps]

    @property
    def looks(self) -> list[Step]:
        """The steps that brought a picture."""
        return [step for step in self.steps if step.view is not None]
