"""The structured trace, the record of truth: think, focus, zoom, ..., answer. Text is made from it by a dialect."""

import re
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from agents.boxes import Box, BoxField
from agents.views import View

_MARKUP = re.compile(
    r"<\|.*?\|>|</?(think|answer|tool_call|tool_response|image|video)\b[^>]*>|\[\s*-?\d+(\s*,\s*-?\d+){3}\s*\]",
    re.I,
)


def _plain(text: str) -> str:
    """Words of a trace hold no markup of any dialect, and no box: those are segments of their own."""
    found = _MARKUP.search(text)
    if found:
        raise ValueError(f"prose holds markup: {found.group(0)[:40]!r}")
    if not text or text != text.strip():
        raise ValueError("prose is not empty and has no space around it")
    return text


Words = Annotated[str, AfterValidator(_plain)]


class _Segment(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Think(_Segment):
    """Prose: words without boxes, which are segments of their own."""

    kind: Literal["think"] = "think"
    text: Words


class Focus(_Segment):
    """A box named in the prose, in native pixels."""

    kind: Literal["focus"] = "focus"
    box: BoxField


class Zoom(_Segment):
    """A closer look at the box in focus just before it: the crop's pixels enter the context here."""

    kind: Literal["zoom"] = "zoom"
    view: View


class Answer(_Segment):
    """The final answer; always the last segment."""

    kind: Literal["answer"] = "answer"
    text: Words


Segment = Annotated[Think | Focus | Zoom | Answer, Field(discriminator="kind")]


class Trace(BaseModel):
    """A chain of focus. Well formed: prose first, every zoom right after its focus, one answer at the end."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    segments: tuple[Segment, ...]

    @model_validator(mode="after")
    def _well_formed(self) -> "Trace":
        kinds = [segment.kind for segment in self.segments]
        if kinds.count("answer") != 1 or kinds[-1] != "answer":
            raise ValueError("a trace ends with its one answer")
        if kinds[0] != "think":
            raise ValueError("a trace begins with a thought")
        if kinds[-2] == "zoom":
            raise ValueError("a trace says what it saw after its last zoom")
        for before, kind in pairwise(kinds):
            if kind == "zoom" and before != "focus":
                raise ValueError("a zoom follows the focus it looks at")
            if kind == before == "think":
                raise ValueError("neighbouring thoughts are one thought")
        return self

    @property
    def answer(self) -> str:
        return self.segments[-1].text if isinstance(self.segments[-1], Answer) else ""

    @property
    def zooms(self) -> list[Zoom]:
        return [segment for segment in self.segments if isinstance(segment, Zoom)]

    @property
    def boxes(self) -> list[Box]:
        """Every box in focus, in order, in native pixels."""
        return [segment.box for segment in self.segments if isinstance(segment, Focus)]

    @property
    def prose(self) -> str:
        return " ".join(segment.text for segment in self.segments if isinstance(segment, Think))
