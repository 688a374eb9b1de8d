"""What was really drawn in a scene: for the audit only, no stage may read it."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from pipeline.scenes.palette import ColourName

DRAWING_VERSION = 1
"""Raise it with every change that alters a drawn byte: scenes of another version are drawn again."""

Box = tuple[int, int, int, int]
"""Integers xyxy, half-open, in native pixels."""

ThingKind = Literal["sign", "plate", "label", "poster", "board"]
MarkShape = Literal["dot", "square", "star", "triangle"]


class _Drawn(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LineTruth(_Drawn):
    """One line of writing."""

    text: str
    box: Box
    """Tight around the ink."""
    colour: ColourName
    """Of the letters."""
    height: int
    """Height of its capital letters in native pixels, within 2 %."""


class MarksTruth(_Drawn):
    """The marks of one colour on a thing; all marks of a thing have the same shape."""

    shape: MarkShape
    colour: ColourName
    boxes: tuple[Box, ...]


class ThingTruth(_Drawn):
    """One thing with writing on it; its first line is the title."""

    id: int
    kind: ThingKind
    box: Box
    colour: ColourName
    """Of its background."""
    lines: tuple[LineTruth, ...]
    marks: tuple[MarksTruth, ...]


class SceneTruth(_Drawn):
    """Everything with writing in one scene, and what the scene was drawn from."""

    image: str
    """File name of the scene's picture."""
    width: int
    height: int
    seed: int
    version: int
    things: tuple[ThingTruth, ...]
