"""The drawn sample set: scenes with writing at many scales, in SA-1B layout, and the truth about them."""

from pipeline.scenes.store import draw_scenes
from pipeline.scenes.truth import LineTruth, MarksTruth, SceneTruth, ThingTruth

__all__ = ["LineTruth", "MarksTruth", "SceneTruth", "ThingTruth", "draw_scenes"]
