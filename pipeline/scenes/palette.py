"""The named colours of the drawn scenes, and which lettering is readable on which of them."""

from typing import Literal, get_args

import numpy as np

RGB = tuple[int, int, int]
ColourName = Literal["red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white", "gray"]

COLOUR_NAMES: tuple[ColourName, ...] = get_args(ColourName)

PALETTE: dict[ColourName, RGB] = {
    "red": (196, 26, 34),
    "orange": (240, 128, 14),
    "yellow": (247, 209, 28),
    "green": (22, 120, 56),
    "blue": (24, 72, 176),
    "purple": (106, 36, 140),
    "pink": (244, 148, 186),
    "brown": (102, 60, 30),
    "black": (26, 26, 28),
    "white": (242, 242, 240),
    "gray": (138, 140, 142),
}

LETTERING: tuple[ColourName, ...] = ("white", "black", "yellow", "red", "blue", "green")
"""Colours that stay nameable when they are only a few pixels wide."""


def luminance(rgb: RGB) -> float:
    """Relative luminance of an sRGB colour, from 0 (black) to 1 (white)."""
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in rgb)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: RGB, other: RGB) -> float:
    """Luminance contrast of two colours, from 1 (none) to 21 (black on white)."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def readable_on(background: ColourName, at_least: float = 4.5) -> tuple[ColourName, ...]:
    """Lettering colours that stand out from the background, the strongest contrast first."""
    contrasts = {name: contrast(PALETTE[name], PALETTE[background]) for name in LETTERING}
    enough = [name for name in LETTERING if contrasts[name] >= at_least]
    return tuple(sorted(enough, key=lambda name: -contrasts[name]))


def jittered(name: ColourName, rng: np.random.Generator, spread: int = 7) -> RGB:
    """The named colour moved a little, too little to change its name; black, white and gray stay neutral."""
    neutral = name in ("black", "white", "gray")
    moves = np.full(3, rng.integers(-spread, spread + 1)) if neutral else rng.integers(-spread, spread + 1, 3)
    red, green, blue = np.clip(np.array(PALETTE[name]) + moves, 0, 255)
    return int(red), int(green), int(blue)
