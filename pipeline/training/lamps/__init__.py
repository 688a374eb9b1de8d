"""The lamp task: a scene with one sign, and on it a lamp too small for a small model to read from afar."""

from pipeline.training.lamps.drawing import ANSWERS, BOARDS, SIDE, Scene, draw, scene
from pipeline.training.lamps.traces import (
    LEGIBLE,
    POLICY,
    RESOLUTIONS,
    direct_trace,
    grounding,
    legible,
    reading,
    setting,
    trace,
    zoom_trace,
)

__all__ = [
    "ANSWERS",
    "BOARDS",
    "LEGIBLE",
    "POLICY",
    "RESOLUTIONS",
    "SIDE",
    "Scene",
    "direct_trace",
    "draw",
    "grounding",
    "legible",
    "reading",
    "scene",
    "setting",
    "trace",
    "zoom_trace",
]
