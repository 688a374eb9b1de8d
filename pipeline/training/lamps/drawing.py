"""Drawing a scene of the lamp task from its seed.

A lamp is a disc of its colour in a wider, paler ring of about the opposite colour, so that averages say less of
it. At the smallest input resolution a disc is some two pixels wide: a small model does not read it
there, but the colour is not gone from the pixels; who knows where the lamp is still finds it.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from agents.boxes import Box, outward
from pipeline.scenes.chance import between, pick

SIDE = 448
"""Scenes are squares of this side, in native pixels."""
LIGHTS: dict[str, tuple[int, int, int]] = {
    "red": (232, 24, 24),
    "yellow": (232, 232, 24),
    "green": (24, 232, 24),
    "cyan": (24, 232, 232),
    "blue": (24, 24, 232),
    "pink": (232, 24, 232),
}
ANSWERS = tuple(LIGHTS)
BOARDS: dict[str, tuple[int, int, int]] = {"white": (232, 232, 232), "black": (24, 24, 24)}
GREY = 128
"""What rings are on average, in each channel."""
RING = math.sqrt(3)
"""Diameter of the ring over that of the disc: the ring's area is twice the disc's."""
OPPOSITE = 0.5
"""How far the ring takes the disc back: at 1 the two together would be grey on average."""
TINT = 16.0
"""How far the ring's colour strays besides, per channel (standard deviation)."""
DIAMETERS = (12.0, 18.0)
"""Of the discs, in native pixels."""
BOARD_SIDES = (104, 152)
DECOYS = 2

Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Scene:
    """A drawn scene and the one question about it; boxes and lengths in native pixels."""

    image: Image.Image
    question: str
    answer: str
    evidence: Box
    """Around the asked lamp."""
    detail: float
    """Diameter of the asked lamp's disc."""
    board: str
    """Colour of the sign."""
    sign: Box


def draw(seed: int) -> Scene:
    """The scene of this seed; nothing else has any influence on it."""
    rng = np.random.default_rng(seed)
    image = _ground(rng)
    _clutter(rng, image)
    sign, board = _sign(rng), pick(rng, tuple(BOARDS))
    ImageDraw.Draw(image).rectangle(_inner(sign), fill=BOARDS[board], outline=(70, 70, 70), width=3)
    picture = np.array(image)
    for x, y in _apart(rng, sign):
        _lamp(rng, picture, x, y, between(rng, *DIAMETERS), pick(rng, ANSWERS))
    x, y = (middle + between(rng, -0.06, 0.06) * sign.size.width for middle in sign.centre)
    detail, answer = between(rng, *DIAMETERS), pick(rng, ANSWERS)
    _lamp(rng, picture, x, y, detail, answer)
    reach = detail * RING / 2
    evidence = outward(x - reach, y - reach, x + reach, y + reach)
    question = f"What colour is the lamp on the {board} sign?"
    return Scene(Image.fromarray(picture), question, answer, evidence, detail, board, sign)


def _ground(rng: np.random.Generator) -> Image.Image:
    """Mottled ground in slanting light: redder to the right, bluer to the bottom, as a hold for position."""
    cells = SIDE // 7
    ramp = np.linspace(0, 100, cells)
    light = np.stack(np.broadcast_arrays(70 + ramp[None], np.full((cells, 1), 120.0), 70 + ramp[:, None]), axis=-1)
    mottle = rng.normal(0, 7, light.shape)
    small = Image.fromarray(np.clip(light + mottle, 0, 255).astype(np.uint8))
    return small.resize((SIDE, SIDE), Image.Resampling.BICUBIC)


def _clutter(rng: np.random.Generator, image: Image.Image) -> None:
    """Boxes and poles that stand out little from the ground."""
    pen = ImageDraw.Draw(image)
    for _ in range(8):
        x, y = (int(v) for v in rng.integers(0, SIDE, 2))
        width, height = (int(v) for v in rng.integers(8, 64, 2))
        under = image.getpixel((x, y))
        assert isinstance(under, tuple)  # an RGB picture
        shade = tuple(int(v) + int(step) for v, step in zip(under, rng.integers(-24, 25, 3), strict=True))
        pen.rectangle((x, y, x + width, y + height), fill=shade)


def _sign(rng: np.random.Generator) -> Box:
    side = int(rng.integers(*BOARD_SIDES))
    x, y = (int(v) for v in rng.integers(8, SIDE - side - 8, 2))
    return Box(x, y, x + side, y + side)


def _inner(box: Box) -> tuple[int, int, int, int]:
    """The box as PIL draws it: corners inside."""
    return box.x1, box.y1, box.x2 - 1, box.y2 - 1


def _apart(rng: np.random.Generator, sign: Box) -> list[tuple[float, float]]:
    """Centres for the other lamps, in full view and away from the sign."""
    edge, near = 24, 36
    centres: list[tuple[float, float]] = []
    while len(centres) < DECOYS:
        x, y = between(rng, edge, SIDE - edge), between(rng, edge, SIDE - edge)
        if not (sign.x1 - near < x < sign.x2 + near and sign.y1 - near < y < sign.y2 + near):
            centres.append((x, y))
    return centres


def _lamp(rng: np.random.Generator, picture: Picture, x: float, y: float, diameter: float, colour: str) -> None:
    """Paint a lamp centred at (x, y); its edges are smooth over one pixel."""
    reach = math.ceil(diameter * RING / 2) + 2
    left, top = round(x) - reach, round(y) - reach
    rows, columns = np.ogrid[top : top + 2 * reach, left : left + 2 * reach]
    away = np.hypot(columns + 0.5 - x, rows + 0.5 - y)[..., None]
    patch = picture[top : top + 2 * reach, left : left + 2 * reach]
    shown = patch.astype(float)
    light = np.array(LIGHTS[colour])
    ring = GREY - OPPOSITE * (light - GREY) / (RING**2 - 1) + rng.normal(0, TINT, 3)
    for width, paint in (diameter * RING, ring), (diameter, light):
        shown += np.clip(width / 2 - away + 0.5, 0, 1) * (paint - shown)
    patch[:] = np.clip(shown + 0.5, 0, 255).astype(np.uint8)
