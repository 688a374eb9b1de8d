"""Drawn scenes as examples and exercises: made from their number when they are needed, never stored."""

from collections.abc import Sequence
from functools import lru_cache, partial
from random import Random
from typing import NamedTuple

import numpy as np
from PIL import Image

from agents.boxes import Size
from agents.dialects import IMAGE, Turn
from agents.views import View, render
from pipeline.training import lamps
from pipeline.training.config import Row
from pipeline.training.encode import Encoded, Encoder
from pipeline.training.examples import Example, Lazy, Lesson, Photo
from pipeline.training.manner import Manner
from pipeline.training.pixels import patches

HELD_OUT = 10_000_000
"""Numbers of scenes from here on are for evaluation alone."""
FOR_RL = 20_000_000
NUMBERS_PER_SEED = 100_000
"""Room for the scenes of one seed of training, so that seeds share none."""


_scene = lru_cache(maxsize=4096)(lamps.scene)
"""What a scene shows is asked for again and again; it is small."""


@lru_cache(maxsize=128)
def _drawn(number: int) -> Image.Image:
    """Kept, 0.8 MB each, as long as a batch of rollouts lasts: each is looked at twice or more."""
    return lamps.draw(_scene(number))


@lru_cache(maxsize=1500)
def _picture(number: int, view: View) -> Image.Image:
    """Kept, as an evaluation asks about the same scenes several times: pictures are small, drawn scenes are not."""
    return render(_drawn(number), view)


class DrawnPhoto(NamedTuple):
    """A scene by its number."""

    number: int

    @property
    def size(self) -> Size:
        return Size(lamps.SIDE, lamps.SIDE)

    def picture(self, view: View) -> Image.Image:
        return _picture(self.number, view)


class Exercise(NamedTuple):
    """One question about one picture, answered in a sentence: finding or reading, before both come together."""

    photo: Photo
    view: View
    question: str
    reply: str

    def encoded(self, encoder: Encoder, _manner: Manner, /) -> Encoded:
        turns = [Turn("user", (IMAGE, self.question)), Turn("assistant", (self.reply,))]
        return encoder.conversation(turns, [patches(self.photo.picture(self.view))])


def scenes(first: int, count: int, resolution: int, manner: Manner) -> Sequence[Example]:
    """Consecutive scenes, all posed at one resolution, with the trace by rule."""
    return Lazy(count, partial(_posed_at, first, resolution, manner))


def _posed_at(first: int, resolution: int, manner: Manner, index: int) -> Example:
    return example(first + index, resolution, manner)


def questions(first: int, count: int, manner: Manner) -> Sequence[Example]:
    """Consecutive scenes for RL, each posed at a resolution of its own."""
    return Lazy(count, partial(_posed_anyhow, first, manner))


def _posed_anyhow(first: int, manner: Manner, index: int) -> Example:
    number = first + index
    return example(number, Random(number).choices(lamps.RESOLUTIONS)[0], manner)


def exercises(rows: Sequence[Row], first: int, count: int, few: int | None, manner: Manner) -> Sequence[Lesson]:
    """Exercises and traces of the kinds asked for, each about a scene of its own, or about `few` again and again."""
    return Lazy(count, partial(_exercise, tuple(rows), first, few or count, manner))


def _exercise(rows: tuple[Row, ...], first: int, different: int, manner: Manner, index: int) -> Lesson:
    number = first + index % different
    rng = Random(number)
    row = rng.choices(rows, [row.weight for row in rows])[0]
    return lesson(row.kind, number, row.resolution or rng.choice(lamps.RESOLUTIONS), manner)


def example(number: int, resolution: int, manner: Manner, kind: str = "trace") -> Example:
    """A scene with the trace its kind asks for: by rule, direct, or zooming."""
    scene = _scene(number)
    bare = Example(
        id=f"lamp-{number}-{resolution}",
        photo=DrawnPhoto(number),
        resolution=resolution,
        question=scene.question,
        answer=scene.answer,
        evidence=(scene.evidence,),
    )
    setting = bare.setting(manner)
    trace = {
        "trace": lambda: lamps.trace(scene, resolution, setting),
        "direct": lambda: lamps.direct_trace(scene),
        "zoom": lambda: lamps.zoom_trace(scene, setting),
    }[kind]()
    return bare._replace(trace=trace)


def lesson(kind: str, number: int, resolution: int, manner: Manner) -> Lesson:
    if kind not in {"grounding", "reading"}:
        return example(number, resolution, manner, kind)
    scene, direct = _scene(number), example(number, resolution, manner, "direct")
    if kind == "grounding":
        return Exercise(direct.photo, direct.posed, *lamps.grounding(scene, direct.setting(manner)))
    said = direct.turns(manner)[-1].content[0]
    view = lamps.reading(scene, resolution, np.random.default_rng(number))
    return Exercise(direct.photo, view, scene.question, str(said))
