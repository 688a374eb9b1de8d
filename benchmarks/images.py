"""What the pictures of one trace cost: open the photo, pose it at R, cut two closer looks, encode all three.

Beside it the floor: libjpeg decoding at the largest scale that any of them needs, and encoding, with nothing between.
Usage: python -m benchmarks.images [--rounds 20]
"""

import argparse
import io
import statistics
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from agents.boxes import Box, Size
from agents.photos import encode_jpeg, open_photo
from agents.views import View, ZoomPolicy, posed_view, render, zoom_view

SIZES = (Size(1500, 2250), Size(4000, 6000))
"""SA-1B's, and a camera's of 24 megapixels."""
RESOLUTIONS = (224, 1024)
QUALITY = 90


class Case(NamedTuple):
    """One trace: a photo as a file, and the views of it that are shown."""

    file: bytes
    views: tuple[View, ...]


def main() -> None:
    """Measure and print a table."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rounds", type=int, default=20)
    rounds = asked.parse_args().rounds
    print("| photo | R | looks | ms a trace | spread | floor, ms | ratio |\n|---|---:|---:|---:|---:|---:|---:|")
    for size in SIZES:
        file = photo(size)
        for resolution in RESOLUTIONS:
            for looks in (0, 2):
                case = Case(file, views(size, resolution, looks))
                ours, floor = side_by_side(case, rounds)
                spread = f"{ours[0]:.0f}-{ours[-1]:.0f}"
                one, other = statistics.median(ours), statistics.median(floor)
                name = f"{size.width}x{size.height}"
                print(f"| {name} | {resolution} | {looks} | {one:.1f} | {spread} | {other:.1f} | {one / other:.2f} |")


def photo(size: Size) -> bytes:
    """A photo-like JPEG: smooth shapes with grain, which compresses as photographs do."""
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 255, (size.height // 40, size.width // 40, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize(size, Image.Resampling.BICUBIC), np.int16)
    grain = rng.normal(0, 6, (size.height, size.width, 1))
    return encode_jpeg(Image.fromarray(np.clip(smooth + grain, 0, 255).astype(np.uint8)), QUALITY)


def views(size: Size, resolution: int, looks: int) -> tuple[View, ...]:
    """The whole photo at R, and closer looks at boxes of a tenth of its sides."""
    width, height = size.width // 10, size.height // 10
    boxes = [Box(width * n, height * n, width * (n + 1), height * (n + 1)) for n in range(2, 2 + looks)]
    return (posed_view(size, resolution), *(zoom_view(size, box, ZoomPolicy()) for box in boxes))


def side_by_side(case: Case, rounds: int) -> tuple[list[float], list[float]]:
    """Milliseconds of both, sorted, taken in turn."""
    kept: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for way, times in zip((made, least), kept, strict=True):
            times.append(timed(way, case))
    return sorted(kept[0]), sorted(kept[1])


def made(case: Case) -> Sequence[bytes]:
    """The pictures as the pipeline makes them."""
    opened = open_photo(case.file)
    return [encode_jpeg(render(opened, view)) for view in case.views]


def least(case: Case) -> Sequence[bytes]:
    """What no pipeline can do without: decoding at the scale that is needed, and encoding as many pixels."""
    with Image.open(io.BytesIO(case.file)) as image:
        if (scale := max(view.scale for view in case.views)) < 1:
            image.draft("RGB", (round(image.width * scale), round(image.height * scale)))
        image.load()
        return [encode_jpeg(image.crop((0, 0, view.width, view.height))) for view in case.views]


def timed(way: Callable[[Case], Sequence[bytes]], case: Case) -> float:
    began = time.perf_counter()
    way(case)
    return 1000 * (time.perf_counter() - began)


if __name__ == "__main__":
    main()
