"""The local teacher searches: from all it has seen so far, the next tool call or the answer."""

import json
from collections.abc import Sequence
from random import Random
from typing import Any, NamedTuple

from agents.answers import same_answer
from agents.boxes import Box, Size, outward, union
from pipeline.teacher.heard import Heard, Part
from pipeline.teacher.language import read
from pipeline.teacher.look import describe, pick
from pipeline.teacher.reason import Finding, Look, solve
from pipeline.teacher.wording import say

COARSE = 0.45
"""Share of each side of the photo that a first, coarse look takes in."""
MANY = 3
"""Leads from which on a coarse look comes first."""
SHARED = 0.2
"""Share of its side by which a part of the photo reaches into the next one."""
PATIENCE = 3
"""Leads followed in vain before another part of the photo is looked at."""
FINE = 9.0
"""A look whose box is at most this many times a lead's area has shown that lead as well as can be."""


class Move(NamedTuple):
    """What to do next: words, and a tool call or an answer."""

    thought: str
    tool: str | None = None
    arguments: dict[str, Any] | None = None
    answer: str | None = None


class Past(NamedTuple):
    """What happened so far in a search."""

    tools: tuple[str, ...]
    results: tuple[str, ...]
    """What each tool said, in order."""
    refused: tuple[str, ...]
    """Answers that were not accepted."""
    hint: str
    zoomed: tuple[Box, ...]


def search(heard: Heard) -> Move:
    """The next move. The same conversation gives the same move."""
    past = _past(heard.parts)
    rng = Random(f"{heard.seed}:{len(heard.parts)}")
    query = read(heard.question)
    if query is None:
        return Move(say("foreign", rng), answer="unknown")
    found = solve(query, heard.looks, heard.photo)
    answer = pick(found.answer, heard.choices)
    if answer and not any(same_answer(answer, refused) for refused in past.refused):
        return _conclude(heard, found, answer, past, rng)
    return _look_closer(heard, found, past, rng)


def _conclude(heard: Heard, found: Finding, answer: str, past: Past, rng: Random) -> Move:
    """Answer; but if the evidence was pieced together from several looks, see it in one first."""
    evidence = union(list(found.evidence))
    last = heard.looks[-1]
    if len(heard.looks) > 1 and not last.view.box.holds(evidence) and not _zoomed(evidence, past):
        return Move(say("together", rng), "zoom", {"box": list(evidence)})
    if len(heard.looks) > 1 and "ask" not in past.tools and rng.random() < 0.15:
        question = heard.question
        return Move(say("make_sure", rng), "ask", {"question": question, "box": list(evidence)})
    return Move(say("conclude", rng, answer=found.answer or answer), answer=answer)


def _look_closer(heard: Heard, found: Finding, past: Past, rng: Random) -> Move:
    photo = heard.photo
    leads = [box.clip(photo) for box in (*found.leads, *(found.evidence if past.refused else ()))]
    fresh = [box for box in leads if box.area and not _exhausted(box, heard.looks)]
    thing = describe(heard.question)
    if not past.tools and rng.random() < 0.45:
        return Move(say("begin", rng, thing=thing), "locate", {"thing": thing})
    if past.tools and past.tools[-1] == "zoom" and _cut_off(fresh, heard.looks[-1]) and "adjust" not in past.tools[-3:]:
        instruction = "Widen it so that every line of writing it touches is wholly inside."
        return Move(say("cut", rng), "adjust", {"box": list(past.zoomed[-1]), "instruction": instruction})
    if past.tools and past.tools[-1] in {"adjust", "segment"}:
        better = _told_box(past.results[-1])
        if better and not _zoomed(better, past) and better.area < 0.5 * photo.area:
            return Move(say("better", rng), "zoom", {"box": list(better)})
    unseen, looked = _unseen(photo, heard.looks), len(heard.looks) > 1
    if fresh and not (unseen and _chased(past, photo) >= PATIENCE):
        return _follow(fresh, photo, past, rng, thing, looked)
    return _explore(unseen, fresh, looked, rng)


def _follow(fresh: list[Box], photo: Size, past: Past, rng: Random, thing: str, looked: bool) -> Move:
    """Look at the best lead; as long as many could be meant, first at the part of the photo that holds most."""
    lead = fresh[0]
    if not looked and len(fresh) >= MANY and rng.random() < 0.7:
        window = _window(lead, fresh, photo)
        if sum(window.holds(other) for other in fresh) >= MANY:
            return Move(say("coarse", rng, thing=thing), rng.choice(("zoom", "zoom", "crop")), {"box": list(window)})
    if not looked and "segment" not in past.tools and rng.random() < 0.2:
        return Move(say("outline", rng), "segment", {"box": list(lead)})
    return Move(say("closer", rng, thing=thing), "zoom", {"box": list(lead)})


def _window(lead: Box, leads: Sequence[Box], photo: Size) -> Box:
    """The part of the photo, `COARSE` of each side, that holds the best lead and the most others."""
    width = max(round(photo.width * COARSE), lead.size.width)
    height = max(round(photo.height * COARSE), lead.size.height)
    lefts = {min(box.x1, lead.x1) for box in leads if max(box.x2, lead.x2) - min(box.x1, lead.x1) <= width}
    tops = {min(box.y1, lead.y1) for box in leads if max(box.y2, lead.y2) - min(box.y1, lead.y1) <= height}
    windows = [Box(x, y, x + width, y + height).clip(photo) for x in lefts for y in tops]
    return max(windows, key=lambda window: (sum(window.holds(box) for box in leads), -window.x1, -window.y1))


def _explore(unseen: list[Box], leads: Sequence[Box], looked: bool, rng: Random) -> Move:
    """Look at a part of the photo that was not seen closely, first where there is something unread."""
    if not unseen:
        return Move(say("give_up", rng), answer="I cannot read it")
    words = "explore" if looked else "explore_first"
    most = max(sum(cell.overlaps(lead) for lead in leads) for cell in unseen)
    fullest = [cell for cell in unseen if sum(cell.overlaps(lead) for lead in leads) == most]
    return Move(say(words, rng), "zoom", {"box": list(rng.choice(fullest))})


def _cells(photo: Size) -> list[Box]:
    """The photo in six parts that share a strip with their neighbours, so that what one cuts another holds."""
    columns, rows = (3, 2) if photo.width > photo.height else (2, 3)
    width, height = photo.width / columns, photo.height / rows
    return [
        outward(
            (column - SHARED) * width,
            (row - SHARED) * height,
            (column + 1 + SHARED) * width,
            (row + 1 + SHARED) * height,
        ).clip(photo)
        for row in range(rows)
        for column in range(columns)
    ]


def _unseen(photo: Size, looks: Sequence[Look]) -> list[Box]:
    """The parts of the photo that no look has shown closely."""
    return [cell for cell in _cells(photo) if not any(look.view.box.coverage(cell) > 0.8 for look in looks[1:])]


def _chased(past: Past, photo: Size) -> int:
    """Leads followed in vain since a part of the photo was looked at."""
    cells = _cells(photo)
    return next((n for n, box in enumerate(reversed(past.zoomed)) if box in cells), len(past.zoomed))


def _exhausted(lead: Box, looks: Sequence[Look]) -> bool:
    """Whether some look has already shown this lead as well as a zoom can."""
    return any(
        look.view.box.coverage(lead) > 0.9 and look.view.box.area <= max(FINE * lead.area, 40_000) for look in looks[1:]
    )


def _zoomed(box: Box, past: Past) -> bool:
    return any(done.iou(box) > 0.7 for done in past.zoomed)


def _cut_off(fresh: list[Box], last: Look) -> bool:
    """Whether the best lead runs out of the last picture."""
    box = last.view.box
    return bool(fresh) and box.overlaps(fresh[0]) and not box.holds(fresh[0])


def _told_box(result: str) -> Box | None:
    """The first box in what a tool said."""
    start, end = result.find("["), result.find("]")
    if start < 0 or end < start:
        return None
    numbers = json.loads(result[start : end + 1])
    return Box(*numbers)


def _past(parts: Sequence[Part]) -> Past:
    calls = [call["function"] for part in parts for call in part.calls]
    boxes = []
    for call in calls:
        arguments = json.loads(call["arguments"])
        if call["name"] in {"zoom", "crop"} and arguments.get("box"):
            boxes.append(Box(*arguments["box"]))
    hints = [part.text for part in parts if part.role == "user" and part.text.startswith("Your answer was not")]
    answers = [
        part.text.split("<answer>")[1].split("</answer>")[0].strip()
        for part in parts
        if part.role == "assistant" and "<answer>" in part.text
    ]
    return Past(
        tools=tuple(call["name"] for call in calls),
        results=tuple(part.text for part in parts if part.role == "tool"),
        refused=tuple(answers),
        hint=hints[-1] if hints else "",
        zoomed=tuple(boxes),
    )
