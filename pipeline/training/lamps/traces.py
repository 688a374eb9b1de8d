"""What is said about a scene of the lamp task: traces by rule, and the two exercises that come before them."""

import math

import numpy as np

from agents.boxes import Box, BoxFrame, Size
from agents.dialects import BOX_END, BOX_START, Setting, settle
from agents.trace import Answer, Focus, Think, Trace
from agents.views import PATCH, View, ZoomPolicy, posed_view
from pipeline.scenes.chance import between
from pipeline.training.lamps.drawing import SIDE, Scene

RESOLUTIONS = (56, 84, 168)
"""Input resolutions: a native pixel is 1/6, 1/4 or 1/2 pixel of the posed view."""
LEGIBLE = 5.0
"""A disc this wide, in pixels of the posed view, is read at first sight."""
POLICY = ZoomPolicy(margin=0.25, min_side=42, max_pixels=9 * PATCH**2, max_enlarge=2.0)
"""Crops are 42 native pixels wide and 3x3 visual tokens: a box some 19 pixels off still shows its lamp."""
READING_SCALES = (0.5, 8.0)
"""Of the reading exercise's views, in picture pixels per native pixel: from the largest posed view's, where a lamp
is a speck, to one where it fills a crop. All sizes in between lead from what is learned at once to what is not."""


def setting(resolution: int, policy: ZoomPolicy = POLICY) -> Setting:
    """The setting in which every scene is posed at this resolution; boxes in pixels of the posed view."""
    native = Size(SIDE, SIDE)
    return Setting(native, posed_view(native, resolution).size, policy, BoxFrame.MODEL)


def legible(scene: Scene, resolution: int) -> bool:
    """Whether the lamp's colour can be seen in the posed view."""
    return scene.lamp.detail * posed_view(Size(SIDE, SIDE), resolution).scale >= LEGIBLE


def trace(scene: Scene, resolution: int, setting: Setting) -> Trace:
    """The trace to learn from: a closer look only where the posed view does not show the colour."""
    return direct_trace(scene) if legible(scene, resolution) else zoom_trace(scene, setting)


def direct_trace(scene: Scene) -> Trace:
    """The answer at first sight."""
    return Trace(segments=(Think(text=f"It is {scene.answer}."), Answer(text=scene.answer)))


def zoom_trace(scene: Scene, setting: Setting) -> Trace:
    """The answer after one closer look at the lamp."""
    said = (
        Think(text="Too small."),
        Focus(box=scene.evidence),
        setting.zoom(scene.evidence),
        Think(text=f"Now it is {scene.answer}."),
        Answer(text=scene.answer),
    )
    return settle(Trace(segments=said), setting)


def grounding(scene: Scene, setting: Setting) -> tuple[str, str]:
    """The exercise of finding the lamp: question and answer about the posed view."""
    box = list(setting.written(scene.evidence))
    return f"Where is the lamp on the {scene.board} sign?", f"{BOX_START}{box}{BOX_END}"


def reading(scene: Scene, side: int, rng: np.random.Generator) -> View:
    """The exercise of naming the colour: a view of side x side pixels with the lamp anywhere in it.

    Its question is the scene's and its answer the direct trace, so that whole views are read in the same words.
    """
    low, high = np.log(READING_SCALES)
    across = min(round(side / math.exp(between(rng, low, high))), SIDE)
    # Where the lamp is wider than the view, some of it is in any case.
    room = abs(across - max(scene.evidence.size)) / 2
    corner = (round(centre - across / 2 + between(rng, -room, room)) for centre in scene.evidence.centre)
    left, top = (min(max(edge, 0), SIDE - across) for edge in corner)
    return View(box=Box(left, top, left + across, top + across), width=side, height=side)
