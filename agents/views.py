"""Views: every picture a model ever sees is a box of the photo at a size; `zoom` is the one that looks closer.

The agent, SFT, RL, evaluation and inference all crop through this module.
"""

import math
from typing import Literal

from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

from agents.boxes import Box, BoxField, Size, outward, rescale, whole

PATCH = 28
"""Side of one visual token of Qwen2.5-VL in pixels: 14-pixel patches merged 2x2."""
MAX_ASPECT = 200
"""Qwen's processors refuse pictures longer than this times their width."""


class View(BaseModel):
    """A picture to be made of one photo: which part of it, and how large."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    box: BoxField
    """The part of the photo, in native pixels."""
    width: int
    height: int
    """Size of the picture that is sent, in pixels."""
    via: tuple[int, int] | None = None
    """Size the whole photo is shrunk to before the box is cut out; None cuts native pixels."""

    @property
    def size(self) -> Size:
        return Size(self.width, self.height)

    @property
    def scale(self) -> float:
        """Picture pixels per native pixel (below 1 when the view is shrunk)."""
        return math.sqrt(self.size.area / self.box.area)

    @property
    def visual_tokens(self) -> int:
        return max(1, self.size.area // PATCH**2)

    def to_photo(self, box: Box) -> Box:
        """A box in this picture's pixels, in native pixels of the photo."""
        inner = rescale(box, self.size, self.box.size)
        return inner.shift(self.box.x1, self.box.y1)

    def from_photo(self, box: Box) -> Box:
        """A native box in this picture's pixels, clipped to the picture; may be empty."""
        inner = box.shift(-self.box.x1, -self.box.y1)
        return rescale(inner, self.box.size, self.size)


class ZoomPolicy(BaseModel):
    """How a box becomes a crop: the same numbers for data, training, evaluation and inference."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    margin: float = Field(0.25, ge=0)
    """Room added on every side, as a share of the geometric mean of the box's sides: a box that is a little
    off still shows its thing, and a long low line of writing gets room above and below it too."""
    min_side: int = 56
    """A crop is never cut smaller than this, in native pixels: a glyph alone says little."""
    max_pixels: int = Field(144 * PATCH**2, ge=PATCH**2)
    """Area of the picture given back: 144 visual tokens, what a 336x336 view costs."""
    max_enlarge: float = 3.0
    """Crops are never enlarged further than this; more would add tokens and no detail."""
    crop_source: Literal["native", "resized"] = "native"
    """`native` looks at new pixels; `resized` cuts the view that was sent, as the released code does."""


def smart_size(size: Size, max_pixels: float) -> Size:
    """The size in whole patches nearest to `size` whose area stays near `max_pixels` at most.

    The rule is Qwen's smart-resize (multiples of 28, aspect kept as far as that allows), so that a
    processor given this picture resizes nothing and the model's pixels are the picture's pixels.
    """
    target = size if size.area <= max_pixels else size.fit(max_pixels)
    return Size(*(max(1, round(side / PATCH)) * PATCH for side in target))


def posed_view(size: Size, resolution: int | None) -> View:
    """The whole photo at input resolution R, that is an area of R*R pixels; None is native size."""
    limit = size.area if resolution is None else min(size.area, resolution**2)
    width, height = smart_size(size, limit)
    return View(box=whole(size), width=width, height=height)


def zoom_view(photo: Size, box: Box, policy: ZoomPolicy, posed: Size | None = None) -> View:
    """The closer look at a native box of a photo of size `photo`; `posed` is what the model was sent."""
    region = _region(photo, box, policy)
    enlarged = min(policy.max_pixels, region.area * policy.max_enlarge**2)
    width, height = smart_size(region.size.fit(enlarged), policy.max_pixels)
    via = posed if policy.crop_source == "resized" and posed else None
    return View(box=region, width=width, height=height, via=via)


def crop_view(photo: Size, box: Box, policy: ZoomPolicy) -> View:
    """A native box as it is, neither widened nor enlarged, only shrunk to the pixel budget."""
    # Only a line too thin for any processor is widened.
    inside = _region(photo, box.clip(photo), policy.model_copy(update={"margin": 0.0, "min_side": 1}))
    width, height = smart_size(inside.size, policy.max_pixels)
    return View(box=inside, width=width, height=height)


def _region(photo: Size, box: Box, policy: ZoomPolicy) -> Box:
    """The box with its margin, at least `min_side` on each side where the photo allows."""
    width, height = box.size
    room = policy.margin * math.sqrt(width * height)
    dx = max(room, (policy.min_side - width) / 2)
    dy = max(room, (policy.min_side - height) / 2)
    # A long thin line would otherwise become a picture that no processor takes.
    dy = max(dy, (width / (MAX_ASPECT / 4) - height) / 2)
    dx = max(dx, (height / (MAX_ASPECT / 4) - width) / 2)
    return outward(box.x1 - dx, box.y1 - dy, box.x2 + dx, box.y2 + dy).clip(photo)


def render(photo: Image.Image, view: View) -> Image.Image:
    """The picture of a view; the same photo and view always give the same pixels."""
    box: tuple[float, float, float, float] = view.box
    if view.via:
        native = Size(*photo.size)
        photo = photo.resize(view.via, Image.Resampling.LANCZOS, reducing_gap=3.0)
        sx, sy = photo.width / native.width, photo.height / native.height
        box = (box[0] * sx, box[1] * sy, box[2] * sx, box[3] * sy)
    return photo.resize(view.size, Image.Resampling.LANCZOS, box=box, reducing_gap=3.0)


def zoom(photo: Image.Image, box: Box, policy: ZoomPolicy, posed: Size | None = None) -> tuple[View, Image.Image]:
    """Look closer at a native box: the view that was taken and its picture."""
    view = zoom_view(Size(*photo.size), box, policy, posed)
    return view, render(photo, view)
