"""Lines along their own axis: setting slanted writing straight, and joining what the detector split."""

import math
from collections.abc import Sequence

from agents.boxes import Box, outward, union
from pipeline.teacher.lines import Corners, Line

JOIN = 0.7
"""Fragments of one row closer than this times their height are one line, however the detector split them."""
APART = 1.5
"""Only what keeps this times its height from the next fragment of its row is surely a line of its own."""
ALIKE = 1.5
"""Fragments whose heights differ by more than this factor are not of one line."""
TURN = math.radians(12)
"""Fragments of one line do not slant more differently than this."""
SHORT = 2.0
"""Lines shorter than this times their height are too short for their slant to be measured well."""


def straightened(lines: Sequence[Line], slant: float) -> list[Line]:
    """The lines as they lie once the photo is turned so that writing of this slant is level."""
    if abs(slant) < math.radians(1):
        return list(lines)
    return [line._replace(box=_bounds(_turned(line.corners, -slant)), quad=()) for line in lines]


def slant_of(lines: Sequence[Line], line: Line) -> float:
    """How much a line slants, in radians; a short one slants like the nearest longer one of its size."""
    if line.length >= SHORT * line.height:
        return line.slant
    longer = [
        other
        for other in lines
        if other.length >= SHORT * other.height and _alike(line, other) and _distance(line, other) < 4 * line.height
    ]
    return min(longer, key=lambda other: _distance(line, other)).slant if longer else line.slant


def joined(lines: Sequence[Line]) -> list[Line]:
    """The lines with the fragments of one row put together, from left to right."""
    rest = sorted(lines, key=lambda line: line.box.x1)
    whole: list[Line] = []
    while rest:
        line = rest.pop(0)
        while (following := _next(line, rest)) is not None:
            rest.remove(following)
            line = _together(line, following)
        whole.append(line)
    return whole


def alone(lines: Sequence[Line], line: Line) -> bool:
    """Whether no other fragment on the line's row is so near that it could belong to the line."""
    beside = [other for other in lines if other != line and _in_row(line, other)]
    return all(_gap(line, other) >= APART * line.height for other in beside)


def _next(line: Line, rest: Sequence[Line]) -> Line | None:
    """The fragment that goes on where a line ends."""
    near = [
        other
        for other in rest
        if _in_row(line, other)
        and _alike(line, other)
        and -0.5 * line.height < _gap(line, other) < JOIN * min(line.height, other.height)
        and not (line.ground and other.ground and line.ground != other.ground)
    ]
    return min(near, key=lambda other: other.box.x1, default=None)


def _together(one: Line, other: Line) -> Line:
    """Two fragments as one line, certain only of what both are certain of."""
    (a, _, _, d), (_, b, c, _) = one.corners, other.corners
    return one._replace(
        box=union([one.box, other.box]),
        quad=(a, b, c, d),
        text=f"{one.text} {other.text}".strip(),
        legible=one.legible and other.legible,
        ink=one.ink if one.ink == other.ink else None,
        ground=one.ground if one.ground == other.ground else None,
        spaced=one.spaced and other.spaced,
    )


def _in_row(line: Line, other: Line) -> bool:
    """Whether two lines stand on one row, as the longer one slants."""
    if not line.text or not other.text:
        return False
    one, two = straightened([line, other], max(line, other, key=lambda each: each.length).slant)
    common = min(one.box.y2, two.box.y2) - max(one.box.y1, two.box.y1)
    return common > 0.55 * min(one.box.size.height, two.box.size.height)


def _gap(line: Line, other: Line) -> float:
    """The room between two lines of one row; negative where they overlap."""
    one, two = straightened([line, other], max(line, other, key=lambda each: each.length).slant)
    return max(two.box.x1 - one.box.x2, one.box.x1 - two.box.x2)


def _alike(line: Line, other: Line) -> bool:
    low, high = sorted((line.height, other.height))
    long = line.length >= SHORT * line.height and other.length >= SHORT * other.height
    return high <= ALIKE * low and not (long and abs(line.slant - other.slant) > TURN)


def _distance(line: Line, other: Line) -> float:
    """The room between two boxes, whichever way they lie apart."""
    one, two = line.box, other.box
    return max(two.x1 - one.x2, one.x1 - two.x2, two.y1 - one.y2, one.y1 - two.y2, 0)


def _turned(corners: Corners, angle: float) -> Corners:
    cos, sin = math.cos(angle), math.sin(angle)
    return tuple((x * cos - y * sin, x * sin + y * cos) for x, y in corners)


def _bounds(corners: Corners) -> Box:
    across, down = [x for x, _ in corners], [y for _, y in corners]
    return outward(min(across), min(down), max(across), max(down))
