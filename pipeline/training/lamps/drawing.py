"""A scene of the lamp task: what it shows, from its seed, and its drawing.

A lamp is a disc of its colour in a wider, paler ring of about the opposite colour, so that averages say less of
it. At the smallest input resolution a disc is two or three pixels wide: a small model does not read it
there, but the colour is not gone from the pixels; who knows where the lamp is still finds it.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from agents.boxes import Box, outward
from pipeline.scenes.chance import between, pick

SIDE = 336
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
DIAMETERS = (13.5, 19.5)
"""Of the discs, in native pixels."""
BOARD_SIDES = (78, 114)
DECOYS = 2
THINGS = 8
CELLS = SIDE // 7
"""Along a side of the ground."""

Picture = npt.NDArray[np.uint8]


class Lamp(NamedTuple):
    """A disc in a ring, in native pixels."""

    x: float
    y: float
    """Its centre."""
    detail: float
    """Diameter of the disc."""
    colour: str
    tint: tuple[float, float, float]
    """How far the ring's colour strays, per channel."""

    @property
    def box(self) -> Box:
        """Around the ring."""
        reach = self.detail * RING / 2
        return outward(self.x - reach, self.y - reach, self.x + reach, self.y + reach)


class Thing(NamedTuple):
    """A box or pole somewhere on the ground, in native pixels."""

    x: int
    y: int
    width: int
    height: int
    shade: tuple[int, int, int]
    """How it differs from the ground at its corner, per channel."""


@dataclass(frozen=True)
class Scene:
    """What a scene shows and the one question about it, known before it is drawn; boxes in native pixels."""

    seed: int
    board: str
    """Colour of the sign."""
    sign: Box
    lamp: Lamp
    """The asked one."""
    decoys: tuple[Lamp, ...]
    clutter: tuple[Thing, ...]

    @property
    def question(self) -> str:
        return f"What colour is the lamp on the {self.board} sign?"

    @property
    def answer(self) -> str:
        return self.lamp.colour

    @property
    def evidence(self) -> Box:
        """Around the asked lamp."""
        return self.lamp.box


def scene(seed: int) -> Scene:
    """The scene of this seed; nothing else has any influence on it."""
    rng = np.random.default_rng(seed)
    _mottle(rng)  # Comes first; `draw` takes it from the seed again.
    clutter = tuple(_thing(rng) for _ in range(THINGS))
    sign, board = _sign(rng), pick(rng, tuple(BOARDS))
    decoys = tuple(_lamp(rng, x, y) for x, y in _apart(rng, sign))
    x, y = (middle + between(rng, -0.06, 0.06) * sign.size.width for middle in sign.centre)
    return Scene(seed, board, sign, _lamp(rng, x, y), decoys, clutter)


def draw(scene: Scene) -> Image.Image:
    """The picture of a scene, always the same: RGB, SIDE x SIDE."""
    image = _ground(_mottle(np.random.default_rng(scene.seed)))
    pen = ImageDraw.Draw(image)
    for thing in scene.clutter:
        _put(pen, image, thing)
    pen.rectangle(_inner(scene.sign), fill=BOARDS[scene.board], outline=(70, 70, 70), width=2)
    picture = np.array(image)
    for lamp in *scene.decoys, scene.lamp:
        _paint(picture, lamp)
    return Image.fromarray(picture)


def _mottle(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """How the ground strays from its light. First of what a seed decides, as it is too large to keep in a scene."""
    return rng.normal(0, 7, (CELLS, CELLS, 3))


def _thing(rng: np.random.Generator) -> Thing:
    """Stands out little from the ground."""
    x, y = (int(v) for v in rng.integers(0, SIDE, 2))
    width, height = (int(v) for v in rng.integers(6, 48, 2))
    red, green, blue = (int(v) for v in rng.integers(-24, 25, 3))
    return Thing(x, y, width, height, (red, green, blue))


def _lamp(rng: np.random.Generator, x: float, y: float) -> Lamp:
    detail, colour = between(rng, *DIAMETERS), pick(rng, ANSWERS)
    red, green, blue = rng.normal(0, TINT, 3).tolist()
    return Lamp(x, y, detail, colour, (red, green, blue))


def _ground(mottle: npt.NDArray[np.float64]) -> Image.Image:
    """Mottled ground in slanting light: redder to the right, bluer to the bottom, as a hold for position."""
    ramp = np.linspace(0, 100, CELLS)
    light = np.stack(np.broadcast_arrays(70 + ramp[None], np.full((CELLS, 1), 120.0), 70 + ramp[:, None]), axis=-1)
    small = Image.fromarray(np.clip(light + mottle, 0, 255).astype(np.uint8))
    return small.resize((SIDE, SIDE), Image.Resampling.BICUBIC)


def _put(pen: ImageDraw.ImageDraw, image: Image.Image, thing: Thing) -> None:
    under = image.getpixel((thing.x, thing.y))
    assert isinstance(under, tuple)  # an RGB picture
    shade = tuple(int(v) + step for v, step in zip(under, thing.shade, strict=True))
    pen.rectangle((thing.x, thing.y, thing.x + thing.width, thing.y + thing.height), fill=shade)


def _sign(rng: np.random.Generator) -> Box:
    side = int(rng.integers(*BOARD_SIDES))
    x, y = (int(v) for v in rng.integers(6, SIDE - side - 6, 2))
    return Box(x, y, x + side, y + side)


def _inner(box: Box) -> tuple[int, int, int, int]:
    """The box as PIL draws it: corners inside."""
    return box.x1, box.y1, box.x2 - 1, box.y2 - 1


def _apart(rng: np.random.Generator, sign: Box) -> list[tuple[float, float]]:
    """Centres for the other lamps, in full view and away from the sign."""
    edge, near = _reach(DIAMETERS[1]) + 1, 27
    centres: list[tuple[float, float]] = []
    while len(centres) < DECOYS:
        x, y = between(rng, edge, SIDE - edge), between(rng, edge, SIDE - edge)
        if not (sign.x1 - near < x < sign.x2 + near and sign.y1 - near < y < sign.y2 + near):
            centres.append((x, y))
    return centres


def _reach(diameter: float) -> int:
    """Pixels that are painted on each side of a lamp's centre."""
    return math.ceil(diameter * RING / 2) + 2


def _paint(picture: Picture, lamp: Lamp) -> None:
    """Paint a lamp; its edges are smooth over one pixel."""
    x, y, diameter, colour, tint = lamp
    reach = _reach(diameter)
    left, top = round(x) - reach, round(y) - reach
    rows, columns = np.ogrid[top : top + 2 * reach, left : left + 2 * reach]
    away = np.hypot(columns + 0.5 - x, rows + 0.5 - y)[..., None]
    patch = picture[top : top + 2 * reach, left : left + 2 * reach]
    shown = patch.astype(float)
    light = np.array(LIGHTS[colour])
    ring = GREY - OPPOSITE * (light - GREY) / (RING**2 - 1) + np.array(tint)
    for width, paint in (diameter * RING, ring), (diameter, light):
        shown += np.clip(width / 2 - away + 0.5, 0, 1) * (paint - shown)
    patch[:] = np.clip(shown + 0.5, 0, 255).astype(np.uint8)
