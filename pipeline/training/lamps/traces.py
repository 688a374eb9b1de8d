"""What is said about a scene of the lamp task: traces by rule, and the two exercises that come before them."""

import math

import numpy as np

from agents.boxes import Box, BoxFrame, Size
from agents.dialects import BOX_END, BOX_START, Setting, settle
from agents.trace import Answer, Focus, Think, Trace
from agents.views import PATCH, View, ZoomPolicy, posed_view
from pipeline.scenes.chance import between
from pipeline.training.lamps.drawing import SIDE, Scene

RESOLUTIONS = (56, 168, 280)
"""Input resolutions: a native pixel is 1/10, 3/10 or 5/10 pixel of the posed view."""
LEGIBLE = 4.5
"""A disc this wide, in pixels of the posed view, is read at first sight."""
POLICY = ZoomPolicy(margin=0.25, min_side=60, max_pixels=9 * PATCH**2, max_enlarge=1.5)
"""Crops are 60 native pixels wide and 3x3 visual tokens: a box some 25 pixels off still shows its lamp."""
READING_SIDE = 3 * PATCH
"""Side of the reading exercise's pictures, in pixels."""
READING_SCALES = (0.5, 2.0)
"""Of the reading exercise's views, in picture pixels per native pixel: from the largest posed view's up."""


def setting(resolution: int, policy: ZoomPolicy = POLICY) -> Setting:
    """The setting in which every scene is posed at this resolution; boxes in pixels of the posed view."""
    native = Size(SIDE, SIDE)
    return Setting(native, posed_view(native, resolution).size, policy, BoxFrame.MODEL)


def legible(scene: Scene, resolution: int) -> bool:
    """Whether the lamp's colour can be seen in the posed view."""
    return scene.detail * posed_view(Size(*scene.image.size), resolution).scale >= LEGIBLE


def trace(scene: Scene, resolution: int, setting: Setting) -> Trace:
    """The trace to learn from: a closer look only where the posed view does not show the colour."""
    return direct_trace(scene) if legible(scene, resolution) else zoom_trace(scene, setting)


def direct_trace(scene: Scene) -> Trace:
    """The answer at first sight."""
    return Trace(segments=(Think(text=f"I can see it: {_seen(scene)}"), Answer(text=scene.answer)))


def zoom_trace(scene: Scene, setting: Setting) -> Trace:
    """The answer after one closer look at the lamp."""
    said = (
        Think(text="It is too small here."),
        Focus(box=scene.evidence),
        setting.zoom(scene.evidence),
        Think(text=f"Now {_seen(scene)}"),
        Answer(text=scene.answer),
    )
    return settle(Trace(segments=said), setting)


def _seen(scene: Scene) -> str:
    return f"the lamp is {scene.answer}."


def grounding(scene: Scene, setting: Setting) -> tuple[str, str]:
    """The exercise of finding the lamp: question and answer about the posed view."""
    box = list(setting.written(scene.evidence))
    return f"Where is the lamp on the {scene.board} sign?", f"{BOX_START}{box}{BOX_END}"


def reading(scene: Scene, rng: np.random.Generator) -> View:
    """The exercise of naming the colour: a closer view with the lamp anywhere in it, answered at first sight.

    Its question is the scene's and its text the direct trace, so that whole views are read in the same words.
    """
    low, high = np.log(READING_SCALES)
    side = round(READING_SIDE / math.exp(between(rng, low, high)))
    room = (side - max(scene.evidence.size)) / 2
    corner = (round(centre - side / 2 + between(rng, -room, room)) for centre in scene.evidence.centre)
    left, top = (min(max(edge, 0), SIDE - side) for edge in corner)
    return View(box=Box(left, top, left + side, top + side), width=READING_SIDE, height=READING_SIDE)
