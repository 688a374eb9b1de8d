"""The local teacher tries its own questions: only those that closer looks answer alike are worth asking."""

import io
import math
from collections.abc import Iterable
from functools import cached_property

from PIL import Image

from agents.answers import same_answer
from agents.boxes import Box, Size, union, whole
from agents.photos import encode_jpeg
from agents.views import View, ZoomPolicy, render, zoom_view
from pipeline.teacher.language import Query
from pipeline.teacher.reason import Look, solve
from pipeline.teacher.sight import MIN_HEIGHT, Eyes, Sight

PIXELS = 144 * 28**2
"""Area of a close look, in pixels: 144 visual tokens."""
ENLARGE = 2.0
MARGIN = 0.5
"""Room around the evidence in a close look, as a share of its size: the more, the harder to read."""
EASY = 1.4
"""Evidence has to be this much higher than the lowest legible line when a close look holds all of it."""


class Rehearsal:
    """Close looks at parts of one picture, to see whether a question is answered there as from afar."""

    def __init__(self, sight: Sight, eyes: Eyes) -> None:
        self.sight, self.eyes = sight, eyes

    @cached_property
    def _image(self) -> Image.Image:
        return Image.open(io.BytesIO(self.sight.data)).convert("RGB")

    def certain(self, query: Query, answer: str, evidence: Iterable[Box]) -> bool:
        """Whether a close look at the evidence gives the same answer."""
        policy = ZoomPolicy(margin=MARGIN, max_pixels=PIXELS, max_enlarge=ENLARGE)
        view = zoom_view(self.sight.size, union(list(evidence)), policy)
        sight = self.eyes.look(encode_jpeg(render(self._image, view)))
        alone = View(box=whole(sight.size), width=sight.size.width, height=sight.size.height)
        return same_answer(solve(query, [Look(alone, sight)], sight.size).answer, answer)


def fits(evidence: Iterable[Box], height: float) -> bool:
    """Whether a line of this height is still easily read in one close look at all of the evidence."""
    size = union(list(evidence)).size
    room = MARGIN * math.sqrt(size.area)
    area = Size(round(size.width + 2 * room), round(size.height + 2 * room)).area
    return height * math.sqrt(PIXELS / area) >= EASY * MIN_HEIGHT
