"""What is shown for a look: the crop itself, or something else in its place, to see whether looking matters."""

from collections.abc import Callable
from random import Random
from typing import Literal

from PIL import Image

from agents.boxes import Box, rescale, union
from agents.dialects import Setting
from agents.views import View
from pipeline.evaluation.errors import EvaluationError
from pipeline.evaluation.items import Item
from pipeline.training.examples import Photo

Crops = Literal["own", "random", "right", "other", "noise"]
Maker = Callable[[View, Item, Setting, Photo], Image.Image]
"""Makes the picture for a view that was asked for; the last is the photo of another question."""


def _own(view: View, item: Item, _setting: Setting, _other: Photo) -> Image.Image:
    return item.example.photo.picture(view)


def _random(view: View, item: Item, _setting: Setting, _other: Photo) -> Image.Image:
    """A box of the same size anywhere in the photo."""
    rng, photo, size = _draws(view, item), item.example.photo.size, view.box.size
    x, y = (rng.randint(0, whole - part) for whole, part in zip(photo, size, strict=True))
    return item.example.photo.picture(_at(view, Box(x, y, x + size.width, y + size.height)))


def _right(_view: View, item: Item, setting: Setting, _other: Photo) -> Image.Image:
    """The evidence, as a look at it would have shown it."""
    if not item.example.evidence:
        raise EvaluationError(f"This benchmark does not say where the evidence for {item.example.id} is.")
    return item.example.photo.picture(setting.zoom(union(list(item.example.evidence))).view)


def _elsewhere(view: View, item: Item, _setting: Setting, other: Photo) -> Image.Image:
    """The same place of another photo."""
    return other.picture(_at(view, rescale(view.box, item.example.photo.size, other.size)))


def _noise(view: View, item: Item, _setting: Setting, _other: Photo) -> Image.Image:
    return Image.frombytes("RGB", view.size, _draws(view, item).randbytes(3 * view.size.area))


CROPS: dict[Crops, Maker] = {"own": _own, "random": _random, "right": _right, "other": _elsewhere, "noise": _noise}


def _at(view: View, box: Box) -> View:
    return View(box=box, width=view.width, height=view.height, via=view.via)


def _draws(view: View, item: Item) -> Random:
    """The same for one look each time."""
    return Random(f"{item.example.id}:{list(view.box)}")
