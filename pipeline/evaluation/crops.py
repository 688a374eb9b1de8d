"""What is shown for a look: the crop itself, or something else in its place, to see whether looking matters."""

from collections.abc import Callable
from random import Random
from typing import Literal

from PIL import Image

from agents.boxes import rescale, union
from agents.dialects import Setting
from agents.views import View
from pipeline.evaluation.errors import EvaluationError
from pipeline.evaluation.items import Item
from pipeline.training.evaluate import elsewhere
from pipeline.training.examples import Photo

Crops = Literal["own", "random", "right", "other", "noise"]
Maker = Callable[[View, Item, Setting, Photo], Image.Image]
"""Makes the picture for a view that was asked for; the last is the photo of another question."""


def _own(view: View, item: Item, _setting: Setting, _other: Photo) -> Image.Image:
    return item.example.photo.picture(view)


def _random(view: View, item: Item, _setting: Setting, _other: Photo) -> Image.Image:
    """A box of the same size anywhere in the photo."""
    photo = item.example.photo
    return photo.picture(elsewhere(view, photo.size, _draw(view, item)))


def _right(_view: View, item: Item, setting: Setting, _other: Photo) -> Image.Image:
    """The evidence, as a look at it would have shown it."""
    if not item.example.evidence:
        raise EvaluationError(f"This benchmark does not say where the evidence for {item.example.id} is.")
    return item.example.photo.picture(setting.zoom(union(list(item.example.evidence))).view)


def _of_another(view: View, item: Item, _setting: Setting, other: Photo) -> Image.Image:
    """The same place of another photo."""
    box = rescale(view.box, item.example.photo.size, other.size)
    return other.picture(view.model_copy(update={"box": box}))


def _noise(view: View, item: Item, _setting: Setting, _other: Photo) -> Image.Image:
    return Image.frombytes("RGB", view.size, Random(_draw(view, item)).randbytes(3 * view.size.area))


CROPS: dict[Crops, Maker] = {"own": _own, "random": _random, "right": _right, "other": _of_another, "noise": _noise}


def _draw(view: View, item: Item) -> str:
    """What chance goes by: the same for one look each time."""
    return f"{item.example.id}:{list(view.box)}"
