"""What a trace must satisfy before it is data: checked by code, whoever wrote it."""

import re

from agents.answers import normalize
from agents.trace import Think, Trace, Zoom
from pipeline.records import Searched

_QUOTED = re.compile(r"[\"“].*?[\"”]")
_MACHINERY = re.compile(
    r"\b(locate|segment|crop|zoom|ask|adjust|tools?|hints?|verifier|verif(?:y|ied)|ground[- ]truth"
    r"|tiles?|accepted|rejected|function|step \d+|look \d+)\b",
    re.IGNORECASE,
)
"""Words of the agent's workshop: names of tools, the verifier and its hints, the truth it knows."""


class Fault(Exception):
    """Why a trace is not data; short, so that rejects can be counted by it."""


def check_trace(trace: Trace, record: Searched) -> None:
    """Raises Fault for the first thing that is wrong with a trace of a solved task."""
    task = record.task
    direct = bool(task.screening and task.screening.direct)
    if direct and trace.zooms:
        raise Fault("looked closer without need")
    if not direct and not trace.zooms:
        raise Fault("answered without the closer look it needs")
    if trace.zooms and not trace.zooms[-1].view.box.holds(task.evidence_box):
        raise Fault("the evidence is not in the last crop")
    visited = {step.box or (step.view and step.view.box) for step in record.trajectory.looks}
    if any(box not in visited for box in trace.boxes):
        raise Fault("a box that was not visited")
    if len(set(trace.boxes)) < len(trace.boxes):
        raise Fault("the same box twice")
    if trace.answer != task.answer:
        raise Fault("another answer than the accepted one")
    if _MACHINERY.search(_QUOTED.sub("", trace.prose)):
        raise Fault("the prose speaks of the machinery")
    if _told_early(trace, task.answer_text, task.question):
        raise Fault("the answer is told before it is seen")


def _told_early(trace: Trace, answer: str, question: str) -> bool:
    """Whether a thought before the last look already says the answer."""
    said: list[str] = []
    before: list[str] = []
    for segment in trace.segments:
        if isinstance(segment, Think):
            said.append(segment.text)
        elif isinstance(segment, Zoom):
            before = list(said)
    wanted = normalize(answer)
    known = wanted in normalize(question)
    return len(wanted) > 3 and not known and any(wanted in normalize(text) for text in before)
