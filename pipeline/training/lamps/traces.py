"""What is said about a scene of the lamp task: traces by rule, and the two exercises that come before them."""

from agents.boxes import BoxFrame, Size
from agents.dialects import BOX_END, BOX_START, Setting, settle
from agents.trace import Answer, Focus, Think, Trace
from agents.views import PATCH, ZoomPolicy, posed_view
from pipeline.training.lamps.draw import SIDE, Scene

RESOLUTIONS = (84, 168, 252)
"""Input resolutions: a native pixel is 1/8, 2/8 or 3/8 pixel of the posed view."""
LEGIBLE = 2.5
"""Dots this far apart, in pixels of the posed view, show their colour; below 2 they cannot (Nyquist)."""
POLICY = ZoomPolicy(margin=0.25, min_side=56, max_pixels=4 * PATCH**2, max_enlarge=1.0)
"""Crops are native pixels, 2x2 visual tokens: a box that is three posed pixels off still shows its lamp."""


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


def reading(scene: Scene) -> tuple[str, str]:
    """The exercise of naming the colour: question and answer about a crop of the lamp."""
    return "What colour is the lamp?", f"Now {_seen(scene)}"
