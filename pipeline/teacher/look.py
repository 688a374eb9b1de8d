"""The local teacher's eyes-only parts: answer, unique, locate, adjust."""

import re
from typing import Any

from agents.answers import likeness, same_answer
from agents.boxes import Box, Size, parse_box, union
from pipeline.serving import BadRequest
from pipeline.teacher.heard import Heard
from pipeline.teacher.language import named, read
from pipeline.teacher.reason import Finding, known_lines, solve

BLIND = "There is no picture to look at."
UNCLEAR = "The writing is too small or too blurred to make out."
FOREIGN = "I do not understand this question well enough to answer it from the picture."


def pick(answer: str | None, choices: tuple[str, ...]) -> str | None:
    """An answer as the question wants it: the letter of the option that says it, where there are options."""
    if answer is None or not choices:
        return answer
    fitting = [letter for letter, choice in zip("ABCDEFGH", choices, strict=False) if same_answer(choice, answer)]
    return fitting[0] if len(fitting) == 1 else None


def answer(heard: Heard) -> dict[str, Any]:
    """A short answer from one picture, or null."""
    query = read(heard.question)
    if not heard.pictures:
        return {"answer": None, "note": BLIND}
    if query is None:
        return {"answer": None, "note": FOREIGN}
    look = heard.picture()
    found = solve(query, [look], look.sight.size)
    return {"answer": pick(found.answer, heard.choices), "note": "" if found.answer else UNCLEAR}


def unique(heard: Heard) -> dict[str, Any]:
    """How many things in the whole photo a question fits."""
    query = read(heard.question)
    if query is None:
        return {"things": 0, "note": FOREIGN}
    places = [parse_box(place) for place in heard.listed(r"in order: (\[.*\])\.")]
    if not places:
        raise BadRequest("the places of the pictures are missing")
    photo = Size(places[0].x2, places[0].y2)
    found = solve(query, heard.looks_at(places), photo)
    if found.ambiguous:
        return {"things": 2, "note": "The same words stand in more than one place."}
    return {"things": int(found.answer is not None), "note": "" if found.answer else UNCLEAR}


def locate(heard: Heard) -> dict[str, Any]:
    """Boxes in the picture where a described thing is, or may be."""
    thing = heard.field("Find this in the picture")
    look = heard.picture()
    quoted = re.findall(r'"([^"]+)"', thing)
    query = read(thing)
    if query is not None:
        found = solve(query, [look], look.sight.size)
        return _boxes(found.evidence or found.leads, found)
    ranked = sorted(
        look.sight.lines, key=lambda line: -max((likeness(line.text, text) for text in quoted), default=0.0)
    )
    sure = [line for line in ranked if line.legible and any(same_answer(line.text, text) for text in quoted)]
    maybe = [line for line in ranked if not line.legible]
    note = "" if sure else UNCLEAR
    return {"boxes": [list(line.box) for line in (sure or maybe)[:8]], "note": note}


def _boxes(boxes: tuple[Box, ...], found: Finding) -> dict[str, Any]:
    return {"boxes": [list(box) for box in boxes[:8]], "note": "" if found.answer else UNCLEAR}


def adjust(heard: Heard) -> dict[str, Any]:
    """A better box: widened to whole lines, or tightened to the lines inside."""
    box = parse_box(heard.listed(r"The box (\[.*?\]) in the picture")) if heard.text else Box(0, 0, 1, 1)
    look = heard.picture()
    tighten = re.search(r"tight|smaller|narrow", heard.text.split("is not right.")[-1], re.IGNORECASE)
    lines = known_lines([look], look.sight.size)
    touched = [line.box for line in lines if box.coverage(line.box) > (0.8 if tighten else 0.05)]
    if not touched:
        return {"box": list(box.grow(0.4 * min(box.size), look.sight.size))}
    return {"box": list(union(touched) if tighten else union([box, *touched]))}


def describe(question: str) -> str:
    """What has to be found first to answer a question, in words for `locate`."""
    query = read(question)
    texts = named(query) if query else []
    return " and ".join(f'the words "{text}"' for text in texts) or question
