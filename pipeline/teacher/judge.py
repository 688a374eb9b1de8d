"""The local teacher verifies: is an answer right, and if not, a hint that gives nothing away."""

from random import Random
from typing import Any

from agents.answers import normalize, same_answer
from pipeline.teacher.heard import Heard

_UNREAD = (
    "The answer can be read from up close: zoom in more.",
    "Do not give up, there are parts that were not looked at closely.",
)
_PARTIAL = (
    "That is only part of it or not quite exact: take a wider box and read it again.",
    "Some of it is missing or misread: look once more, at a slightly larger box.",
)
_OTHER = (
    "That belongs to something else: make sure to look at the very thing that is asked about.",
    "Look again at the exact thing named in the question, and closer.",
)


def judge(heard: Heard) -> dict[str, Any]:
    """Whether a given answer says the same as the right one, and a hint."""
    truth, given = heard.field("Right answer"), heard.field("Given answer")
    if same_answer(truth, given):
        return {"correct": True, "hint": "It is right."}
    rng = Random(f"{heard.seed}:{given}")
    unread = any(word in given.casefold() for word in ("cannot", "unknown", "no answer"))
    partial = normalize(given) and (normalize(given) in normalize(truth) or normalize(truth) in normalize(given))
    hints = _UNREAD if unread else _PARTIAL if partial else _OTHER
    return {"correct": False, "hint": rng.choice(hints)}
