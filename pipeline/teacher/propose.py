"""The local teacher proposes: questions about the writing in one part of a photo, none it is not sure of."""

import math
import re
from collections.abc import Iterator
from random import Random
from typing import Any

from agents.answers import normalize
from agents.boxes import Box, Size, union
from pipeline.teacher.heard import Heard
from pipeline.teacher.language import Axis, ColourOf, Compare, Count, GoesOn, InColours, NextTo, Query, Side, write
from pipeline.teacher.layout import beginning_of, mentions, neighbour, way
from pipeline.teacher.lines import Line
from pipeline.teacher.marks import find_sign
from pipeline.teacher.options import wrong_options
from pipeline.teacher.reason import Look
from pipeline.teacher.rehearse import Rehearsal, fits
from pipeline.teacher.rows import alone

WORDS = re.compile(r"[A-Za-z0-9À-ÿ][A-Za-z0-9À-ÿ &'.,:+/\-]*")
"""Writing that can be quoted in a question and compared without doubt."""
SIDES: tuple[Side, ...] = ("below", "above", "right", "left")
AXES: tuple[Axis, ...] = ("vertical", "horizontal")
MOST_LETTERS = 48
DOUBTFUL = {"gray"}
"""Colours not asked for: gray is as often white in the shade, or black out of focus."""
STEEP = math.radians(30)
"""What lies above or below steeper writing is a matter of opinion."""
TRIES = 3
"""Questions rehearsed for each one wanted, at most."""

Task = tuple[Query, str, tuple[Box, ...]]


def propose(heard: Heard) -> dict[str, Any]:
    """Questions with answer, wrong options and evidence, in pixels of the picture."""
    rng = Random(heard.seed)
    look = heard.picture()
    most = int((re.search(r"up to (\d+) questions", heard.text) or ["", "4"])[1])
    rehearsal = Rehearsal(look.sight, heard.eyes)
    whole_lines = [line for line in look.sight.lines if _whole(line, look.sight.size)]
    tasks = list(_candidates(look, whole_lines, rng))
    texts = [line.text for line in whole_lines if _quotable(line)]
    return {"tasks": [_written(task, texts, rng) for task in _varied(tasks, most, rehearsal, rng)]}


def _whole(line: Line, size: Size) -> bool:
    """Whether a line keeps clear of the picture's edges: at one it may be cut, by the tile or by the photo."""
    slack = max(4, round(line.height / 3))
    return Box(slack, slack, size.width - slack, size.height - slack).holds(line.box)


def _quotable(line: Line) -> bool:
    text = line.text
    letters = len(normalize(text))
    return bool(line.legible and line.spaced and WORDS.fullmatch(text) and letters >= 2 and len(text) <= MOST_LETTERS)


def _candidates(look: Look, lines: list[Line], rng: Random) -> Iterator[Task]:
    """Every question that can be asked with certainty."""
    everything = list(look.sight.lines)
    clear = [line for line in lines if _quotable(line) and alone(everything, line)]
    anchors = [line for line in clear if len(normalize(line.text)) >= 3 and mentions(everything, line.text) == 1]
    for anchor in anchors:
        yield from _neighbours(everything, clear, anchor)
        yield from _colours(anchor)
        yield from _counts(look, anchor)
    yield from _beginnings(everything, clear)
    yield from _relations(everything, anchors, rng)
    yield from _by_colour(everything, clear)


def _neighbours(everything: list[Line], clear: list[Line], anchor: Line) -> Iterator[Task]:
    for side in SIDES:
        target = neighbour(everything, anchor, side)
        if (
            target in clear
            and target
            and normalize(target.text) != normalize(anchor.text)
            and _together(anchor, target)
        ):
            yield NextTo(anchor.text, side), target.text, (anchor.box, target.box)


def _together(one: Line, other: Line) -> bool:
    """Whether two lines can be compared in one close look: neither steep nor far apart."""
    level = max(abs(one.slant), abs(other.slant)) < STEEP
    return level and fits((one.box, other.box), min(one.height, other.height))


def _beginnings(everything: list[Line], clear: list[Line]) -> Iterator[Task]:
    """Lines of several words, asked for by their first one."""
    for line in clear:
        first, rest = beginning_of(line.text)
        plain = first.isalnum() and len(first) >= 3 and len(normalize(rest)) >= 3
        if plain and mentions(everything, first) == 1:
            yield GoesOn(first), rest, (line.box,)


def _colours(anchor: Line) -> Iterator[Task]:
    if anchor.ink == anchor.ground:
        return
    if anchor.ground and anchor.ground not in DOUBTFUL:
        yield ColourOf(anchor.text, "ground"), anchor.ground, (anchor.box,)
    if anchor.ink and anchor.ink not in DOUBTFUL:
        yield ColourOf(anchor.text, "ink"), anchor.ink, (anchor.box,)


def _counts(look: Look, anchor: Line) -> Iterator[Task]:
    sign = find_sign(look.sight, anchor)
    kinds = {(mark.shape, mark.colour) for mark in sign.marks} if sign else set()
    for shape, colour in sorted(kinds):
        number = sum((mark.shape, mark.colour) == (shape, colour) for mark in (sign.marks if sign else ()))
        if sign and number >= 2:
            yield Count(anchor.text, colour, shape), str(number), (union([sign.box, anchor.box]),)


def _relations(everything: list[Line], anchors: list[Line], rng: Random) -> Iterator[Task]:
    for first in anchors:
        for second in anchors:
            if first is second or rng.random() < 0.5 or not _together(first, second):
                continue
            axis = rng.choice(AXES)
            answer = way(everything, first, second, axis)
            if answer and _plain(first.box, second.box, axis):
                yield Compare(first.text, second.text, axis), answer, (first.box, second.box)


def _plain(first: Box, second: Box, axis: str) -> bool:
    """Whether the asked way is the main way the two lie apart: nobody asks left or right of things stacked."""
    (ax, ay), (bx, by) = first.centre, second.centre
    along, across = (abs(ay - by), abs(ax - bx)) if axis == "vertical" else (abs(ax - bx), abs(ay - by))
    return along >= across


def _by_colour(everything: list[Line], clear: list[Line]) -> Iterator[Task]:
    for line in clear:
        if not line.ink or not line.ground or line.ink == line.ground:
            continue
        alike = [other for other in everything if other.ground in {line.ground, None} and other.ink in {line.ink, None}]
        if alike == [line]:
            yield InColours(line.ink, line.ground), line.text, (line.box,)


def _varied(tasks: list[Task], most: int, rehearsal: Rehearsal, rng: Random) -> list[Task]:
    """A few certain tasks: kinds in turn, and as many different things as possible."""
    rng.shuffle(tasks)
    tries = TRIES * most
    highest = max((_height(task) for task in tasks), default=1)
    chosen: list[Task] = []
    while tasks and len(chosen) < most and tries:
        counts = {
            kind: sum(task[0].kind == kind for task in chosen) for kind in ("text", "colour", "relation", "count")
        }

        def wanted(task: Task, counts: dict[str, int] = counts) -> float:
            seen = sum(task[2][0] == other[2][0] for other in chosen)
            repeats = counts[task[0].kind] * {"text": 0.5, "count": 0.4}.get(task[0].kind, 1.0)
            return repeats + seen + _height(task) / highest

        best = min(tasks, key=wanted)
        tasks.remove(best)
        tries -= 1
        if rehearsal.certain(*best):
            chosen.append(best)
    return chosen


def _height(task: Task) -> int:
    """Height of the smallest thing a task asks about: small details are what looking closer is for."""
    return min(box.size.height for box in task[2])


def _written(task: Task, texts: list[str], rng: Random) -> dict[str, Any]:
    query, answer, evidence = task
    return {
        "kind": query.kind,
        "question": write(query, rng),
        "answer": answer,
        "wrong": wrong_options(query, answer, texts, rng),
        "evidence": [list(box) for box in evidence],
    }
