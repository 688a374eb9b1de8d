"""Seeing: the lines of writing in a picture, what they say, and whether they can be read at all."""

import hashlib
import io
import math
import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from agents.boxes import Size, outward
from pipeline.teacher.colours import otsu, text_colours
from pipeline.teacher.lines import Line
from pipeline.teacher.rows import joined

if TYPE_CHECKING:
    from rapidocr import RapidOCR

Array = npt.NDArray[np.uint8]
Quad = npt.NDArray[np.float32]
"""Four corners from the top left, clockwise, shape (4, 2): x and y in pixels."""

SURE = 0.9
"""Recognition confidence below which a line counts as unread."""
CERTAIN = 0.985
"""Confidence above which a line is not looked at a second time."""
MIN_HEIGHT = 12.0
"""Lines lower than this, in pixels of the picture sent, are blobs: a reader guesses them at best.

The detector's box is about 1.5 times as high as the capitals, so these are 8 pixels high.
"""
THICK = 28.0
"""Lower lines, in pixels of the picture sent, have strokes too thin for their colour to be certain."""
SMALL_PICTURE = 100_000
"""Pictures of fewer pixels are doubled before writing is looked for: the detector misses tiny lines."""
DETECT_PIXELS = 350_000
"""Writing is looked for at this area at most, and then read at full size: finding needs less detail than reading."""

RIM = 24
"""Pixels put around a picture before writing is looked for."""


@dataclass(frozen=True)
class Sight:
    """What was seen in one picture."""

    size: Size
    lines: tuple[Line, ...]
    data: bytes
    """The encoded picture, for whoever wants to look at more than its writing."""

    @cached_property
    def pixels(self) -> Array:
        """RGB, shape (h, w, 3)."""
        return _decoded(self.data)


class Eyes:
    """Reads pictures; remembers what was written in them by the hash of their bytes. Safe for many threads."""

    def __init__(self, capacity: int = 20_000) -> None:
        self.capacity = capacity
        """Pictures remembered: a few kilobytes each, for their pixels are not kept."""
        self._seen: OrderedDict[str, tuple[Size, tuple[Line, ...]]] = OrderedDict()
        self._locks: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()
        self._engines = threading.local()

    def look(self, data: bytes) -> Sight:
        """What is in an encoded picture. The same bytes are read once, even when asked at the same time."""
        key = hashlib.sha256(data).hexdigest()
        with self._guard:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            known = self._seen.get(key)
            if known is None:
                known = self._read(_decoded(data))
                with self._guard:
                    self._remember(key, known)
        return Sight(*known, data)

    def _remember(self, key: str, known: tuple[Size, tuple[Line, ...]]) -> None:
        self._seen[key] = known
        while len(self._seen) > self.capacity:
            old, _ = self._seen.popitem(last=False)
            self._locks.pop(old, None)

    def _read(self, pixels: Array) -> tuple[Size, tuple[Line, ...]]:
        height, width = pixels.shape[:2]
        return Size(width, height), tuple(joined([self._line(pixels, quad) for quad in self._quads(pixels)]))

    def _quads(self, pixels: Array) -> list[Quad]:
        """The quadrilateral around each line of writing, in pixels of the picture."""
        scale = _detection_scale(pixels)
        work = _with_rim(_resized(pixels, scale))
        found = self._engine()(_bgr(work), use_det=True, use_cls=False, use_rec=False)
        boxes = getattr(found, "boxes", None)
        return [] if boxes is None else [(np.asarray(box, np.float32) - RIM) / scale for box in boxes]

    def _line(self, pixels: Array, quad: Quad) -> Line:
        size = Size(pixels.shape[1], pixels.shape[0])
        box = outward(*quad.min(axis=0), *quad.max(axis=0)).clip(size)
        height = float(min(np.linalg.norm(quad[0] - quad[3]), np.linalg.norm(quad[1] - quad[2])))
        upright = box.size.height <= 1.4 * box.size.width
        if height < MIN_HEIGHT / 2 or not upright or not box.area:
            return Line(box, "", False, None, None)
        text, sure = self._recognize(_patch(pixels, quad, 0.0))
        large = height >= MIN_HEIGHT
        legible = large and (sure >= CERTAIN or (sure >= SURE and self._again(pixels, quad, text)))
        patch = _patch(pixels, quad, 0.04)
        ink, ground = text_colours(patch)
        corners = tuple((float(x), float(y)) for x, y in quad)
        return Line(box, text, legible, ink if height >= THICK else None, ground, _well_spaced(patch, text), corners)

    def _again(self, pixels: Array, quad: Quad, text: str) -> bool:
        """Whether a second look, cut a little differently, gives the same text."""
        second, sure = self._recognize(_patch(pixels, quad, 0.08))
        return sure >= SURE and second == text

    def _recognize(self, patch: Array) -> tuple[str, float]:
        found: Any = self._engine()(_bgr(patch), use_det=False, use_cls=False, use_rec=True)
        if not found.txts:
            return "", 0.0
        return " ".join(found.txts[0].split()), float(found.scores[0])

    def _engine(self) -> "RapidOCR":
        if not hasattr(self._engines, "engine"):
            self._engines.engine = _new_engine()
        engine: RapidOCR = self._engines.engine
        return engine


def _decoded(data: bytes) -> Array:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def _new_engine() -> "RapidOCR":
    from rapidocr import RapidOCR

    # One thread each: requests are what runs in parallel. No forced upscaling: we choose the scale.
    params: dict[str, Any] = {
        "Global.log_level": "error",
        "Global.max_side_len": 10_000,
        "Det.limit_type": "min",
        "Det.limit_side_len": 32,
        # Short words are not padded to the width of long ones: half the time for the same reading.
        "Rec.rec_img_shape": [3, 48, 96],
        "EngineConfig.onnxruntime.intra_op_num_threads": 1,
        "EngineConfig.onnxruntime.inter_op_num_threads": 1,
    }
    return RapidOCR(params=params)


def _detection_scale(pixels: Array) -> float:
    area = pixels.shape[0] * pixels.shape[1]
    return 2.0 if area < SMALL_PICTURE else min(1.0, math.sqrt(DETECT_PIXELS / area))


def _resized(pixels: Array, scale: float) -> Array:
    if scale == 1.0:
        return pixels
    height, width = pixels.shape[:2]
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))


def _with_rim(work: Array) -> Array:
    """The picture with its edge pixels repeated outwards: writing that fills a crop is missed without room."""
    return np.pad(work, ((RIM, RIM), (RIM, RIM), (0, 0)), mode="edge")


def _patch(work: Array, quad: Quad, margin: float) -> Array:
    """The quadrilateral of a line, set straight, with `margin` of its height added around."""
    import cv2

    width = max(np.linalg.norm(quad[0] - quad[1]), np.linalg.norm(quad[3] - quad[2]))
    height = max(np.linalg.norm(quad[0] - quad[3]), np.linalg.norm(quad[1] - quad[2]))
    pad = margin * height
    out_w, out_h = max(4, round(width + 2 * pad)), max(4, round(height + 2 * pad))
    target = np.array([[pad, pad], [out_w - pad, pad], [out_w - pad, out_h - pad], [pad, out_h - pad]], np.float32)
    warp = cv2.getPerspectiveTransform(quad.astype(np.float32), target)
    patch = cv2.warpPerspective(work, warp, (out_w, out_h), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(patch, np.uint8)


def _well_spaced(patch: Array, text: str) -> bool:
    """Whether a reading has a space wherever the writing has a gap as wide as between words.

    Recognition drops spaces now and then, and the answer would then not be what stands there.
    """
    grey = patch.mean(axis=2).astype(np.int32)
    bright = grey > otsu(grey)
    ink = bright if bright.mean() < 0.5 else ~bright
    empty = (ink[len(ink) // 8 : -(len(ink) // 8) or None].mean(axis=0) < 0.02).tolist()
    gaps = [len(list(run)) for is_empty, run in groupby(empty) if is_empty]
    inner = gaps[1:-1] if len(gaps) > 2 else []
    between_letters = float(np.median(inner)) if inner else 0.0
    wide = [gap for gap in inner if gap > max(0.2 * len(patch), 2.2 * between_letters)]
    return len(wide) <= text.count(" ")


def _bgr(pixels: Array) -> Array:
    return np.ascontiguousarray(pixels[..., ::-1])
