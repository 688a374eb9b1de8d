"""The local teacher summarizes: the looks that led to the answer, told as one straight chain of thought."""

import re
from random import Random
from typing import Any, NamedTuple

from agents.answers import LETTERS
from agents.boxes import Box, Size
from pipeline.teacher.heard import Heard
from pipeline.teacher.language import ColourOf, Compare, Count, GoesOn, InColours, NextTo, Query, named, read

_LOOK = re.compile(r"^(\d+)\. box \[(\d+), (\d+), (\d+), (\d+)\]", re.MULTILINE)
_SIZE = re.compile(r"photo of (\d+)x(\d+)")

_FIRST = (
    "{need} At this size the writing {where} is too small to make out, so I look at it more closely.",
    "{need} Something is written {where}, but I cannot read it in this view. I take a closer look there.",
    "{need} The whole picture does not show it clearly. {Where} there is writing that may be it; I enlarge that part.",
    "I look over the picture. {need} The likeliest place is {where}, and it has to be seen larger.",
)
_NEXT = (
    "This is the right area, yet the writing is still too small. I look closer at the part that matters.",
    "Here I can tell the texts apart, but not read the one I need. I narrow it down further.",
    "That brings it nearer. The detail I need is {where}, and one more look should settle it.",
    "Now the surroundings are clear, and I can aim at the exact spot {where}.",
)
_LAST = {
    "zoom": (
        "Now it can be read clearly. {fact}",
        "The closer look shows it. {fact}",
        "Enlarged, it is plain to see. {fact}",
    ),
    "direct": (
        "The writing is large enough to be read as it is. {fact}",
        "This can be seen without looking any closer. {fact}",
        "{need} It is clearly legible in the picture. {fact}",
    ),
}
_SO = (
    "So the answer is {answer}.",
    "The answer is {answer}.",
    "That makes it {answer}.",
    "Therefore: {answer}.",
)


class Logged(NamedTuple):
    """One look of the log."""

    number: int
    box: Box


def summarize(heard: Heard) -> dict[str, Any]:
    """The useful looks with a thought before each, and the last thought."""
    rng = Random(heard.seed)
    query = read(heard.question)
    size = _SIZE.search(heard.text)
    photo = Size(int(size.group(1)), int(size.group(2))) if size else Size(1000, 1000)
    kept = _useful([Logged(int(n), Box(*map(int, box))) for n, *box in _LOOK.findall(heard.text)])
    need = _need(query, rng)
    looks = []
    for index, look in enumerate(kept):
        where = place(look.box, photo)
        saying = rng.choice(_NEXT if index else _FIRST)
        text = saying.format(need=need, where=where, Where=where[0].upper() + where[1:])
        looks.append({"number": look.number, "thought": text})
    answer = heard.field("Answer")
    fact = _fact(query, _in_words(answer, heard.choices), rng)
    last = rng.choice(_LAST["zoom" if kept else "direct"]).format(fact=fact, need=need)
    if heard.choices:
        last += " " + rng.choice(_SO).format(answer=answer)
    return {"looks": looks, "last": last}


def _useful(looks: list[Logged]) -> list[Logged]:
    """The last look, and before it the ones that closed in on it."""
    kept: list[Logged] = []
    for look in reversed(looks):
        if not kept or (look.box.coverage(kept[-1].box) > 0.9 and look.box.area > 1.5 * kept[-1].box.area):
            kept.append(look)
    return kept[::-1]


def place(box: Box, photo: Size) -> str:
    """Where in the photo a box lies, in words."""
    x, y = box.centre
    column = ("left", "centre", "right")[min(2, int(3 * x / photo.width))]
    row = ("top", "middle", "bottom")[min(2, int(3 * y / photo.height))]
    if (row, column) == ("middle", "centre"):
        return "in the middle"
    if column == "centre":
        return f"at the {row}"
    return f"on the {column}" if row == "middle" else f"at the {row} {column}"


def _need(query: Query | None, rng: Random) -> str:
    if query is None or not named(query):
        return rng.choice(("I have to find the writing that is meant.", "I need to see that writing clearly."))
    texts = " and ".join(f'"{text}"' for text in named(query))
    return rng.choice(
        (
            f"I need to find {texts} first.",
            f"The question is about {texts}.",
            f"To answer this, I look for {texts}.",
        )
    )


def _in_words(answer: str, choices: tuple[str, ...]) -> str:
    return choices[LETTERS.index(answer)] if choices and answer in LETTERS[: len(choices)] else answer


def _fact(query: Query | None, answer: str, rng: Random) -> str:
    match query:
        case NextTo(anchor=anchor, side=side):
            way = {"below": "Below", "above": "Above", "right": "To the right of", "left": "To the left of"}[side]
            return rng.choice((f'{way} "{anchor}" it says "{answer}".', f'{way} "{anchor}" I read "{answer}".'))
        case GoesOn(anchor=anchor):
            return rng.choice(
                (f'The line that begins with "{anchor}" goes on "{answer}".', f'After "{anchor}" it says "{answer}".')
            )
        case InColours(ink=ink, ground=ground):
            return f'The {ink} letters on {ground} say "{answer}".'
        case ColourOf(anchor=anchor, part=part):
            return f'The {"background behind" if part == "ground" else "lettering of"} "{anchor}" is {answer}.'
        case Compare(first=first, second=second, axis=axis):
            way = answer if axis == "vertical" else f"to the {answer} of"
            return f'"{first}" is {way} "{second}".'
        case Count(anchor=anchor, colour=colour, shape=shape):
            plural = "" if answer == "1" else "s"
            return rng.choice(
                (
                    f'The sign "{anchor}" bears {answer} {colour} {shape}{plural}.',
                    f"I count {answer} {colour} {shape}{plural}.",
                )
            )
        case None:
            return f"It is {answer}."
