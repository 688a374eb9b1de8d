"""Strategies that look once: at the whole photo, small or large, or at all of its parts."""

import math
from collections.abc import Generator, Iterator

from agents.boxes import Box, Size
from agents.views import View, smart_size
from pipeline.evaluation.attempt import Attempt
from pipeline.evaluation.exchange import Exchange, Steps, Written
from pipeline.evaluation.strategies.registry import strategy


def settled(attempt: Attempt, asked: Exchange) -> Generator[Exchange, Written, Written]:
    """What is written on what was asked, with no look on the way: where the policy asks for one, it must answer."""
    words = yield asked
    if attempt.asks(words):
        words = yield attempt.close()
    return words


def answered(attempt: Attempt, asked: Exchange) -> Steps:
    """The answer in that."""
    return attempt.outcome((yield from settled(attempt, asked)))


@strategy("uniform-high", sweeps=False)
@strategy("direct")
def direct(attempt: Attempt) -> Steps:
    """The photo at one resolution, and the answer. `uniform-high` is the same at native resolution."""
    return (yield from answered(attempt, attempt.ask_plainly([attempt.posed])))


@strategy("grid", "slices")
def grid(attempt: Attempt) -> Steps:
    """The photo small, and cut into parts, each posed at the same resolution (LLaVA-UHD, arXiv 2403.11703)."""
    parts = list(slices(attempt.example.photo.size, attempt.posed.size.area, attempt.switches.slices))
    return (yield from answered(attempt, attempt.ask_plainly([attempt.posed, *parts], "evaluate_grid")))


def slices(photo: Size, area: int, most: int) -> Iterator[View]:
    """The parts of a photo, row by row, each a picture of about `area` pixels at most."""
    rows, columns = partition(photo, area, most)
    for row in range(rows):
        for column in range(columns):
            box = Box(
                photo.width * column // columns,
                photo.height * row // rows,
                photo.width * (column + 1) // columns,
                photo.height * (row + 1) // rows,
            )
            width, height = smart_size(box.size, area)
            yield View(box=box, width=width, height=height)


def partition(photo: Size, area: int, most: int) -> tuple[int, int]:
    """Rows and columns: about as many parts as the photo has areas, of a shape nearest to that of the pictures.

    LLaVA-UHD, equations 1 to 3, for pictures that keep their aspect: the best are parts as square as can be.
    """
    ideal = min(most, max(1, math.ceil(photo.area / area)))
    if ideal == 1:
        return 1, 1
    counts = {max(2, ideal - 1), ideal, min(most, ideal + 1)}
    shapes = [(rows, count // rows) for count in counts for rows in range(1, count + 1) if count % rows == 0]

    def stretched(shape: tuple[int, int]) -> tuple[float, int]:
        rows, columns = shape
        return abs(math.log(photo.width * rows / (photo.height * columns))), abs(rows * columns - ideal)

    return min(shapes, key=stretched)
