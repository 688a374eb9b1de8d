"""How lines of writing lie to each other: neighbours, repeats, what lies between."""

from collections.abc import Sequence

from agents.answers import normalize, same_answer
from agents.boxes import Box
from pipeline.teacher.language import Axis, Side
from pipeline.teacher.lines import Line
from pipeline.teacher.rows import slant_of, straightened

ROW_GAP = 1.1
"""Lines further apart than this times the height of the higher one are not one above the other."""
COLUMN_GAP = 4.0
"""Texts in a row further apart than this times their height are not side by side."""
SLACK = 0.35
"""Boxes of neighbouring lines overlap by up to this times their height: the detector draws them with room."""


def legible(lines: Sequence[Line], text: str) -> list[Line]:
    """The lines that clearly say `text`."""
    return [line for line in lines if line.legible and same_answer(line.text, text)]


def mentions(lines: Sequence[Line], text: str) -> int:
    """How many lines say `text`, alone or within more words."""
    wanted = normalize(text)
    return sum(wanted in normalize(line.text) for line in lines if line.text)


def beginning_of(text: str) -> tuple[str, str]:
    """The first word of a line, and the rest."""
    first, _, rest = text.partition(" ")
    return first, rest


def neighbour(lines: Sequence[Line], anchor: Line, side: Side) -> Line | None:
    """The one line right beside `anchor`, as the anchor slants; None if there is none, or it is not clear which."""
    level = straightened(lines, slant_of(lines, anchor))
    found = _nearest(level, level[lines.index(anchor)], side)
    return None if found is None else lines[level.index(found)]


def _nearest(lines: Sequence[Line], anchor: Line, side: Side) -> Line | None:
    near = [line for line in lines if line != anchor and _beside(anchor, line, side)]
    if not near:
        return None
    nearest = min(near, key=lambda line: _gap(anchor.box, line.box, side))
    rivals = [line for line in near if line != nearest and _level(nearest.box, line.box, side)]
    if rivals or _between(lines, anchor, nearest):
        return None
    return nearest


def _beside(anchor: Line, line: Line, side: Side) -> bool:
    gap = _gap(anchor.box, line.box, side)
    low, high = sorted((anchor.height, line.height))
    if side in {"below", "above"}:
        return -SLACK * low <= gap <= ROW_GAP * high and _shared(anchor.box, line.box, 0) > 0.5
    return -0.3 * low <= gap <= COLUMN_GAP * low and _shared(anchor.box, line.box, 1) > 0.6 and high < 2 * low


def _gap(anchor: Box, other: Box, side: Side) -> float:
    gaps = {
        "below": other.y1 - anchor.y2,
        "above": anchor.y1 - other.y2,
        "right": other.x1 - anchor.x2,
        "left": anchor.x1 - other.x2,
    }
    return gaps[side]


def _shared(one: Box, other: Box, axis: int) -> float:
    """The share of the shorter extent along an axis (0: x, 1: y) that two boxes have in common."""
    common = min(one[axis + 2], other[axis + 2]) - max(one[axis], other[axis])
    return common / max(1, min(one[axis + 2] - one[axis], other[axis + 2] - other[axis]))


def _level(one: Box, other: Box, side: Side) -> bool:
    """Whether two candidates stand at the same distance, so that neither is *the* neighbour."""
    return _shared(one, other, 1 if side in {"below", "above"} else 0) > 0.3


def _between(lines: Sequence[Line], one: Line, other: Line) -> bool:
    """Whether some other line lies in the gap between two."""
    x1, x2 = sorted((one.box.x1, one.box.x2, other.box.x1, other.box.x2))[1:3]
    y1, y2 = sorted((one.box.y1, one.box.y2, other.box.y1, other.box.y2))[1:3]
    middle = Box(x1, y1, max(x2, x1 + 1), max(y2, y1 + 1))
    return any(line not in (one, other) and line.box.coverage(middle) > 0.3 for line in lines)


def way(lines: Sequence[Line], first: Line, second: Line, axis: Axis) -> str | None:
    """Which way `first` lies from `second` along an axis; None where it is a matter of opinion.

    It has to be the same as the photo is held and as the writing slants.
    """
    one, two = straightened([first, second], slant_of(lines, second))
    upright = _side_of(first.box, second.box, axis)
    clear = _apart(one.box, two.box, axis) >= -SLACK * min(one.height, two.height)
    return upright if clear and upright == _side_of(one.box, two.box, axis) else None


def _apart(one: Box, other: Box, axis: Axis) -> float:
    """The room between two boxes along an axis; negative where they overlap."""
    if axis == "vertical":
        return max(one.y1 - other.y2, other.y1 - one.y2)
    return max(one.x1 - other.x2, other.x1 - one.x2)


def _side_of(first: Box, second: Box, axis: Axis) -> str:
    (ax, ay), (bx, by) = first.centre, second.centre
    if axis == "vertical":
        return "above" if ay < by else "below"
    return "left" if ax < bx else "right"
