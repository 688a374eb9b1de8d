"""Objects without writing: crates, balls, bottles, jars, potted plants, cones and windows."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.scenes.backdrop import Outline
from pipeline.scenes.chance import between, happens, pick
from pipeline.scenes.lettering import Mask
from pipeline.scenes.palette import COLOUR_NAMES, PALETTE, jittered
from pipeline.scenes.relief import ROUGH, Picture, Relief, muted, noise, tinted
from pipeline.scenes.textures import foliage, planks, sky


@dataclass(frozen=True)
class Piece:
    """One object as a patch of pixels and its outline in the patch."""

    pixels: Picture
    outline: Outline

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the patch."""
        return self.pixels.shape[1], self.pixels.shape[0]

    @property
    def alpha(self) -> Mask:
        """Where the patch covers what is behind it."""
        cover = np.zeros(self.pixels.shape[:2], dtype=np.uint8)
        cv2.fillPoly(cover, [self.outline], 255, cv2.LINE_AA)
        return cover


Maker = Callable[[np.random.Generator, int], Piece]
"""Makes an object of about this height, in native pixels."""


def crate(rng: np.random.Generator, size: int) -> Piece:
    """A wooden box or a carton seen from the front."""
    height, width = size, round(size * between(rng, 0.7, 1.6))
    if happens(rng, 0.5):
        pixels = planks(rng, width, height).transpose(1, 0, 2).copy()
    else:
        paper = muted(rng, ((176, 138, 94), (160, 124, 84), *(PALETTE[name] for name in ("red", "blue", "green"))))
        pixels = tinted(paper, 0.05 * noise(rng, height, width, ROUGH) + _falloff(height, width))
        tape = round(width * 0.42), round(width * 0.58)
        pixels[:, tape[0] : tape[1]] = (pixels[:, tape[0] : tape[1]] * 0.7 + 55).astype(np.uint8)
    lid = max(2, height // 9)
    pixels[:lid] = np.minimum(pixels[:lid] * 1.2, 255).astype(np.uint8)
    pixels[lid : lid + 2] = (pixels[lid : lid + 2] * 0.6).astype(np.uint8)
    return Piece(pixels, _polygon((0, 0), (width - 1, 0), (width - 1, height - 1), (0, height - 1)))


def ball(rng: np.random.Generator, size: int) -> Piece:
    """A ball lit from the upper left."""
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / max(1, size - 1) * 2 - 1
    depth = np.sqrt(np.clip(1 - x * x - y * y, 0, 1))
    light = np.clip(-0.5 * x - 0.6 * y + 0.62 * depth, -0.2, 1)
    relief = (0.95 * light - 0.42).astype(np.float32)
    pixels = tinted(jittered(pick(rng, COLOUR_NAMES), rng), relief)
    gleam = np.clip((light - 0.93) / 0.07, 0, 1)[..., None]
    return Piece((pixels + (255 - pixels) * 0.7 * gleam).astype(np.uint8), _ellipse(size, size))


def bottle(rng: np.random.Generator, size: int) -> Piece:
    """A glass bottle with a cap."""
    width = max(12, round(size * between(rng, 0.26, 0.34)))
    glass = muted(rng, ((34, 84, 52), (96, 56, 28), (58, 92, 112), (150, 44, 40), (176, 156, 80)))
    pixels = tinted(glass, _round_body(size, width))
    neck, shoulder = round(width * between(rng, 0.28, 0.36)), round(size * between(rng, 0.34, 0.42))
    cap = round(size * 0.09)
    pixels[:cap] = tinted(jittered(pick(rng, COLOUR_NAMES), rng), _round_body(cap, width))
    left, right, lip = neck, width - 1 - neck, round(size * 0.22)
    outline = _polygon(
        (left, 0), (right, 0), (right, lip), (width - 1, shoulder), (width - 1, size - 1),
        (0, size - 1), (0, shoulder), (left, lip),
    )  # fmt: skip
    return Piece(pixels, outline)


def jar(rng: np.random.Generator, size: int) -> Piece:
    """A jar or tin with a lid."""
    width = round(size * between(rng, 0.6, 0.85))
    pixels = tinted(jittered(pick(rng, COLOUR_NAMES), rng, 16), _round_body(size, width))
    lid = max(2, round(size * 0.16))
    pixels[:lid] = tinted(muted(rng, ((196, 190, 176), (150, 150, 152), (170, 140, 70))), _round_body(lid, width))
    pixels[lid : lid + 2] = (pixels[lid : lid + 2] * 0.5).astype(np.uint8)
    inset = max(1, width // 16)
    outline = _polygon(
        (inset, 0), (width - 1 - inset, 0), (width - 1 - inset, lid), (width - 1, lid + inset),
        (width - 1, size - 1), (0, size - 1), (0, lid + inset), (inset, lid),
    )  # fmt: skip
    return Piece(pixels, outline)


def plant(rng: np.random.Generator, size: int) -> Piece:
    """A bush in a clay pot."""
    width, rim = round(size * between(rng, 0.6, 0.8)), round(size * 0.62)
    pixels = foliage(rng, size, width)
    clay = muted(rng, ((168, 92, 62), (150, 104, 84), (112, 116, 118)))
    pixels[rim:] = tinted(clay, _round_body(size - rim, width))
    pixels[rim : rim + max(2, size // 40)] //= 2
    angles = np.linspace(np.pi * 0.96, 2.04 * np.pi, 26)
    bumps = 1 - 0.16 * rng.random(len(angles))
    crown = np.stack([np.cos(angles) * bumps * width / 2 + width / 2, rim + np.sin(angles) * bumps * rim], axis=1)
    pot = [(width * 0.84, rim), (width * 0.74, size - 1), (width * 0.26, size - 1), (width * 0.16, rim)]
    return Piece(pixels, np.concatenate([crown, pot]).clip(0, (width - 1, size - 1)).astype(np.int32))


def cone(rng: np.random.Generator, size: int) -> Piece:
    """A traffic cone with pale stripes."""
    width = round(size * between(rng, 0.55, 0.7))
    pixels = tinted(jittered(pick(rng, ("orange", "red", "yellow")), rng), _round_body(size, width))
    for top, bottom in ((0.30, 0.44), (0.58, 0.74)):
        stripe = slice(round(size * top), round(size * bottom))
        pixels[stripe] = tinted((232, 230, 224), _round_body(stripe.stop - stripe.start, width))
    foot = round(size * 0.93)
    outline = _polygon(
        (round(width * 0.45), 0), (round(width * 0.55), 0), (round(width * 0.84), foot), (width - 1, foot),
        (width - 1, size - 1), (0, size - 1), (0, foot), (round(width * 0.16), foot),
    )  # fmt: skip
    return Piece(pixels, outline)


def window(rng: np.random.Generator, size: int) -> Piece:
    """A window that mirrors the sky."""
    width = round(size * between(rng, 0.6, 1.1))
    wood = muted(rng, ((222, 218, 208), (92, 66, 46), (74, 92, 84), (60, 62, 66)))
    pixels = tinted(wood, 0.05 * noise(rng, size, width, ROUGH))
    bar, middle, sill = max(4, size // 26), width // 2, size - max(6, size // 14)
    gloom = between(rng, 0.35, 0.75)
    for left, right in ((bar * 2, middle - bar // 2), (middle + bar // 2, width - bar * 2)):
        pane = (sky(rng, sill - 3 * bar, right - left) * gloom).astype(np.uint8)
        pixels[2 * bar : sill - bar, left:right] = pane
        pixels[2 * bar : 2 * bar + 3, left:right] //= 2
        pixels[2 * bar : sill - bar, left : left + 3] //= 2
    pixels[sill : sill + 3] = np.minimum(pixels[sill : sill + 3] * 1.15, 255).astype(np.uint8)
    pixels[sill - 3 : sill] //= 2
    inset = bar // 2
    outline = _polygon(
        (inset, 0), (width - 1 - inset, 0), (width - 1 - inset, sill), (width - 1, sill),
        (width - 1, size - 1), (0, size - 1), (0, sill), (inset, sill),
    )  # fmt: skip
    return Piece(pixels, outline)


ON_SHELVES: tuple[Maker, ...] = (bottle, bottle, jar, jar, crate, ball)
ON_THE_GROUND: tuple[Maker, ...] = (crate, crate, ball, plant, plant, cone, bottle)


def _polygon(*corners: tuple[int, int]) -> Outline:
    return np.array(corners, dtype=np.int32)


def _ellipse(width: int, height: int) -> Outline:
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    middle = np.array((width - 1, height - 1)) / 2
    return np.asarray(middle + np.stack([np.cos(angles), np.sin(angles)], axis=1) * middle, dtype=np.int32)


def _round_body(height: int, width: int) -> Relief:
    """The shading of an upright cylinder with a narrow reflection."""
    across = np.linspace(-1, 1, width, dtype=np.float32)
    light = 0.42 * np.cos((across + 0.25) * 1.35) - 0.28 + 0.55 * np.exp(-(((across + 0.45) / 0.12) ** 2))
    return np.asarray(np.repeat(light[None], height, axis=0), dtype=np.float32)


def _falloff(height: int, width: int) -> Relief:
    down = np.linspace(0.10, -0.16, height, dtype=np.float32)[:, None]
    return np.asarray(np.repeat(down, width, axis=1), dtype=np.float32)
