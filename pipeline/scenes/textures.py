"""Surfaces of the background: plaster, bricks, planks, tiles, metal, paving, lawn, sky and leaves."""

from collections.abc import Callable

import numpy as np

from pipeline.scenes.chance import between, pick
from pipeline.scenes.relief import CLOUDY, FINE, ROUGH, Picture, muted, noise, tinted

Texture = Callable[[np.random.Generator, int, int], Picture]
"""Paints a picture of this height and width."""


def plaster(rng: np.random.Generator, height: int, width: int) -> Picture:
    """A rendered wall with stains."""
    colours = (
        (196, 180, 152),
        (170, 176, 172),
        (186, 158, 138),
        (150, 164, 176),
        (176, 170, 146),
        (208, 200, 186),
    )
    stains = 0.09 * noise(rng, height, width, CLOUDY)
    streaks = 0.04 * noise(rng, height, width, ROUGH, stretch=(8, 1))
    return tinted(muted(rng, colours), stains + streaks + 0.05 * noise(rng, height, width, FINE))


def bricks(rng: np.random.Generator, height: int, width: int) -> Picture:
    """A brick wall in running bond."""
    colours = ((146, 84, 66), (128, 78, 64), (164, 122, 92), (152, 142, 130), (186, 178, 166), (112, 84, 78))
    brick_height = int(rng.integers(15, 25))
    brick_width = round(brick_height * between(rng, 2.3, 3.0))
    rows, in_row = np.divmod(np.arange(height), brick_height)
    shifts = (rows % 2) * (brick_width // 2)
    columns, in_column = np.divmod(np.arange(width)[None] + shifts[:, None], brick_width)
    tones = rng.normal(0, 0.10, (rows[-1] + 1, columns.max() + 1)).astype(np.float32)
    relief = tones[rows[:, None], columns] + 0.12 * noise(rng, height, width, ROUGH)
    joint = max(2, brick_height // 8)
    mortar = (in_row[:, None] < joint) | (in_column < joint)
    relief[(in_row[:, None] == joint) & ~mortar] += 0.10
    relief[mortar] = pick(rng, (-0.30, 0.22)) + 0.3 * relief[mortar]
    return tinted(muted(rng, colours), relief)


def planks(rng: np.random.Generator, height: int, width: int) -> Picture:
    """Upright boards with grain and dark joints."""
    colours = ((132, 98, 66), (118, 104, 90), (92, 72, 56), (148, 132, 112), (96, 112, 116), (124, 134, 118))
    board_width = int(rng.integers(38, 80))
    columns, in_column = np.divmod(np.arange(width), board_width)
    tones = rng.normal(0, 0.09, columns[-1] + 1).astype(np.float32)[columns]
    grain = noise(rng, height, width, ROUGH, stretch=(14, 1))
    relief = 0.13 * grain + tones[None] + 0.04 * noise(rng, height, width, FINE)
    relief[:, in_column < 2] = -0.5
    relief[:, in_column == 2] += 0.12
    return tinted(muted(rng, colours), relief)


def tiles(rng: np.random.Generator, height: int, width: int) -> Picture:
    """Glazed square tiles."""
    colours = ((182, 196, 192), (202, 196, 180), (150, 172, 186), (172, 186, 158), (190, 174, 168))
    side = int(rng.integers(34, 64))
    rows, in_row = np.divmod(np.arange(height), side)
    columns, in_column = np.divmod(np.arange(width), side)
    tones = rng.normal(0, 0.035, (rows[-1] + 1, columns[-1] + 1)).astype(np.float32)
    glaze = 0.05 - 0.10 * (in_row[:, None] + in_column[None]) / (2 * side)
    relief = tones[rows[:, None], columns[None]] + glaze.astype(np.float32) + 0.05 * noise(rng, height, width, CLOUDY)
    relief[in_row < 2, :] = -0.22
    relief[:, in_column < 2] = -0.22
    return tinted(muted(rng, colours), relief)


def corrugated(rng: np.random.Generator, height: int, width: int) -> Picture:
    """Sheet metal with waves."""
    colours = ((136, 146, 150), (112, 128, 122), (150, 140, 126), (104, 112, 128))
    period = between(rng, 14, 26)
    waves = np.sin(np.arange(width) * 2 * np.pi / period).astype(np.float32)
    rust = noise(rng, height, width, CLOUDY, stretch=(3, 1))
    return tinted(muted(rng, colours), 0.12 * waves[None] + 0.10 * rust + 0.04 * noise(rng, height, width, FINE))


def paving(rng: np.random.Generator, height: int, width: int) -> Picture:
    """Slabs on the ground, seen from standing height: they grow towards the lower edge."""
    colours = ((142, 138, 132), (128, 122, 116), (150, 142, 128), (120, 124, 128))
    depth = 1 / (np.arange(height, dtype=np.float32) + 0.35 * height + 8) * height
    across = (np.arange(width, dtype=np.float32)[None] - width * between(rng, 0.3, 0.7)) * depth[:, None] / height
    row, in_row = np.divmod(depth * between(rng, 5, 8), 1)
    column, in_column = np.divmod(across * between(rng, 2.2, 3.5) + 0.5 * (row[:, None] % 2), 1)
    tones = rng.normal(0, 0.06, (64, 64)).astype(np.float32)
    relief = tones[row.astype(int)[:, None] % 64, column.astype(int) % 64]
    relief += 0.11 * noise(rng, height, width, ROUGH)
    relief[(in_row[:, None] < 0.05) | (in_column < 0.03)] -= 0.25
    return tinted(muted(rng, colours), relief)


def asphalt(rng: np.random.Generator, height: int, width: int) -> Picture:
    """Speckled dark ground with patches."""
    patches = noise(rng, height, width, CLOUDY, stretch=(0.5, 1.5))
    relief = 0.16 * noise(rng, height, width, FINE) + 0.10 * patches
    return tinted(muted(rng, ((92, 92, 94), (110, 106, 102), (78, 82, 86))), relief)


def boards(rng: np.random.Generator, height: int, width: int) -> Picture:
    """A wooden floor or table top."""
    turned = planks(rng, width, height)
    return np.ascontiguousarray(turned.transpose(1, 0, 2))


def grass(rng: np.random.Generator, height: int, width: int) -> Picture:
    """A lawn."""
    blades = 0.26 * noise(rng, height, width, FINE, stretch=(2.5, 1))
    return tinted(
        muted(rng, ((92, 118, 58), (104, 122, 70), (80, 104, 52))),
        blades + 0.14 * noise(rng, height, width, CLOUDY),
    )


def sky(rng: np.random.Generator, height: int, width: int) -> Picture:
    """Blue above, paler below, with clouds."""
    above, below = (
        np.array(pick(rng, ((86, 138, 198), (120, 156, 190), (150, 170, 188)))),
        np.array((206, 218, 226)),
    )
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    clear = above * (1 - down) + below * down
    cover = np.clip(noise(rng, height, width, CLOUDY, stretch=(0.6, 1.6)) * 1.4, 0, 1)[..., None] * 0.75
    return np.asarray(clear * (1 - cover) + 240 * cover, dtype=np.uint8)


def foliage(rng: np.random.Generator, height: int, width: int) -> Picture:
    """A hedge or a crown of leaves."""
    light = noise(rng, height, width, ROUGH) + 0.7 * noise(rng, height, width, CLOUDY)
    tone = np.clip(0.45 + 0.42 * light, 0, 1)[..., None]
    dark, bright = (
        np.array((22, 40, 20)),
        np.array(pick(rng, ((138, 168, 74), (120, 160, 92), (164, 170, 80)))),
    )
    return np.asarray(dark * (1 - tone) + bright * tone, dtype=np.uint8)


WALLS: tuple[Texture, ...] = (plaster, bricks, bricks, planks, tiles, corrugated)
GROUNDS: tuple[Texture, ...] = (paving, paving, asphalt, boards, grass)
