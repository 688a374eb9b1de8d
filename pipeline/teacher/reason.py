"""Answering a query from what was seen: the answer with its evidence, or where to look closer."""

from collections.abc import Sequence
from typing import NamedTuple

from agents.answers import likeness, same_answer
from agents.boxes import Box, Size, union
from agents.views import View
from pipeline.teacher.language import ColourOf, Compare, Count, GoesOn, InColours, NextTo, Query, Side, named
from pipeline.teacher.layout import beginning_of, legible, mentions, neighbour, way
from pipeline.teacher.lines import Line
from pipeline.teacher.marks import find_sign
from pipeline.teacher.sight import Sight

CLEAR = 6
"""Native pixels that two views of one line may differ by and still be the same line."""


class Look(NamedTuple):
    """One picture of the photo that was seen: where it lies and what is in it."""

    view: View
    sight: Sight

    def native(self, line: Line) -> Line:
        (x, y, *_), (across, down) = self.view.box, self.stretch
        corners = tuple((x + a * across, y + b * down) for a, b in line.corners)
        return line._replace(box=self.view.to_photo(line.box), quad=corners)

    @property
    def stretch(self) -> tuple[float, float]:
        """Native pixels per pixel of the picture, across and down."""
        return self.view.box.size.width / self.view.width, self.view.box.size.height / self.view.height


class Finding(NamedTuple):
    """What is known about a query: an answer with evidence, or where it may be found."""

    answer: str | None
    evidence: tuple[Box, ...] = ()
    """Native boxes the answer was read from."""
    leads: tuple[Box, ...] = ()
    """Native boxes worth a closer look, best first."""
    ambiguous: bool = False
    """More than one thing fits the question."""


def known_lines(looks: Sequence[Look], photo: Size) -> list[Line]:
    """All lines seen, in native pixels; where pictures overlap, whole lines count first, then sharper ones."""
    seen = [
        (_cut(look, line, photo), -look.view.scale, look.native(line)) for look in looks for line in look.sight.lines
    ]
    lines: list[Line] = []
    for cut, _, line in sorted(seen, key=lambda one: one[:2]):
        if not any(_same_place(known.box, line.box) for known in lines):
            lines.append(line._replace(legible=False) if cut else line)
    return lines


def _same_place(one: Box, other: Box) -> bool:
    return one.coverage(other) > 0.5 or other.coverage(one) > 0.5


def _cut(look: Look, line: Line, photo: Size) -> bool:
    """Whether the picture's edge may have cut the line, so that there is more of it in the photo."""
    edge, box = look.view.box, look.native(line).box
    slack = max(CLEAR, 0.25 * box.size.height)
    return (
        (edge.x1 > 0 and box.x1 - edge.x1 < slack)
        or (edge.y1 > 0 and box.y1 - edge.y1 < slack)
        or (edge.x2 < photo.width and edge.x2 - box.x2 < slack)
        or (edge.y2 < photo.height and edge.y2 - box.y2 < slack)
    )


def solve(query: Query, looks: Sequence[Look], photo: Size) -> Finding:
    """What the pictures say about a query."""
    lines = known_lines(looks, photo)
    if isinstance(query, GoesOn):
        return _read_on(lines, query.anchor)
    anchors = [legible(lines, text) for text in named(query)]
    if any(mentions(lines, text) > 1 for text in named(query)):
        return Finding(None, ambiguous=True)
    if not all(anchors):
        missing = [text for text, found in zip(named(query), anchors, strict=True) if not found]
        return Finding(None, leads=_leads(missing, [line for found in anchors for line in found], lines))
    found = [anchor[0] for anchor in anchors]
    match query:
        case NextTo(side=side):
            return _read_neighbour(lines, found[0], side)
        case InColours(ink=ink, ground=ground):
            return _read_colours(lines, ink, ground)
        case ColourOf(part=part):
            colour = found[0].ground if part == "ground" else found[0].ink
            return Finding(colour, (found[0].box,), () if colour else (found[0].box,))
        case Compare(axis=axis):
            return Finding(way(lines, found[0], found[1], axis), (found[0].box, found[1].box))
        case Count():
            return _count(query, looks, found[0])


def _leads(missing: list[str], found: list[Line], lines: list[Line]) -> tuple[Box, ...]:
    """Unread lines that could say the missing text: first those that look like it, then the likeliest in size."""
    unread = [line for line in lines if not line.legible]

    def promise(line: Line) -> float:
        width = len(missing[0]) * 0.55 * line.height
        shape = min(width, line.box.size.width) / max(width, line.box.size.width, 1)
        return max(likeness(line.text, text) for text in missing) * 2 + shape

    ranked = sorted(unread, key=promise, reverse=True)
    # With one of two texts found, both must end up in one picture.
    return tuple(union([line.box, *(known.box for known in found)]) for line in ranked)


def _read_neighbour(lines: list[Line], anchor: Line, side: Side) -> Finding:
    target = neighbour(lines, anchor, side)
    if target is None:
        return Finding(None, leads=(_beyond(anchor.box, side),))
    boxes = (anchor.box, target.box)
    if not target.legible:
        return Finding(None, leads=(union(list(boxes)),))
    return Finding(target.text, boxes)


def _read_on(lines: list[Line], beginning: str) -> Finding:
    """The rest of the one line that begins with a word."""
    if mentions(lines, beginning) > 1:
        return Finding(None, ambiguous=True)
    for line in lines:
        first, rest = beginning_of(line.text)
        if line.legible and rest and same_answer(first, beginning):
            return Finding(rest, (line.box,))
    unread = [line for line in lines if not line.legible]
    ranked = sorted(unread, key=lambda line: -likeness(beginning_of(line.text)[0], beginning))
    return Finding(None, leads=tuple(line.box for line in ranked))


def _beyond(box: Box, side: Side) -> Box:
    """A box and the room beside it where its neighbour should be."""
    width, height = box.size
    reach = {
        "below": (0, 0, 0, 2 * height),
        "above": (0, -2 * height, 0, 0),
        "right": (0, 0, width, 0),
        "left": (-width, 0, 0, 0),
    }[side]
    return Box(*(edge + more for edge, more in zip(box, reach, strict=True)))


def _read_colours(lines: list[Line], ink: str, ground: str) -> Finding:
    fitting = [line for line in lines if line.ink == ink and line.ground == ground]
    if len(fitting) > 1:
        return Finding(None, ambiguous=True)
    if not fitting:
        unsure = [line.box for line in lines if not line.legible and line.ground in {ground, None}]
        return Finding(None, leads=tuple(unsure))
    if not fitting[0].legible:
        return Finding(None, leads=(fitting[0].box,))
    return Finding(fitting[0].text, (fitting[0].box,))


def _count(query: Count, looks: Sequence[Look], anchor: Line) -> Finding:
    """Count marks in the sharpest picture that shows the whole sign."""
    for look in sorted(looks, key=lambda look: -look.view.scale):
        for line in look.sight.lines:
            if line.legible and same_answer(line.text, query.anchor):
                sign = find_sign(look.sight, line)
                if sign is None:
                    continue
                fitting = [m for m in sign.marks if (m.shape, m.colour) == (query.shape, query.colour)]
                if fitting:
                    evidence = look.view.to_photo(union([sign.box, line.box]))
                    return Finding(str(len(fitting)), (evidence,))
    room = anchor.box
    height = room.size.height
    return Finding(None, leads=(Box(room.x1 - height, room.y1 - height, room.x2 + height, room.y2 + 5 * height),))
