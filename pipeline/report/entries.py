"""A story as the page reads it: a line of the index to filter by, and the whole of it. JSON, boxes in native pixels."""

import json
import re
from typing import Any

from agents.answers import LETTERS
from agents.trace import Answer, Focus, Segment, Think, Zoom
from agents.trajectory import Attempt, Step
from agents.views import View
from pipeline.records import ImageRecord, Screening, Task
from pipeline.report.pictures import photo_view, picture_name, posed_view
from pipeline.story import Story

Entry = dict[str, Any]
_FOLDERS = re.compile(r"(?<![\w./])(?:[A-Za-z]:)?[/\\](?:[^/\\\s\"':]+[/\\])+")
"""The folders of an absolute path: they tell of the machine, and mean nothing elsewhere."""


def index_line(story: Story) -> Entry:
    """What is filtered and searched by; all are texts, and empty where there is none."""
    task, told = story.task, story.reject.evidence if story.reject else {}
    return {
        "id": story.id,
        "state": _state(story),
        "reason": f"{story.reject.stage}: {story.reject.reason}" if story.reject else "",
        "question": task.question if task else str(told.get("question", "")),
        "answer": task.answer_text if task else str(told.get("answer", "")),
        "kind": task.kind if task else "",
        "resolution": _resolution(task) if task else "",
        "zooms": str(len(story.trace.zooms)) if story.trace else "",
    }


def entry(story: Story, missing: str) -> Entry:
    """Everything that is shown of a story; `missing` says why there are no pictures, if there are none."""
    return {
        "id": story.id,
        "status": story.status,
        "task": _task(story.task, missing) if story.task else None,
        "attempts": [_attempt(story, attempt) for attempt in story.trajectory.attempts] if story.trajectory else [],
        "trace": [_segment(story.task, one) for one in story.trace.segments] if story.trace and story.task else [],
        "evidence": _evidence(story),
        "bug": _FOLDERS.sub("", story.bug[1]) if story.bug else "",
    }


def _state(story: Story) -> str:
    if story.reject:
        return "set aside"
    if story.bug:
        return "met a bug"
    return "trace" if story.trace else "not finished"


def _resolution(task: Task) -> str:
    return str(task.resolution) if task.resolution else "native"


def _task(task: Task, missing: str) -> Entry:
    image = task.image
    return {
        "photo": {
            "name": image.name,
            "width": image.width,
            "height": image.height,
            "missing": missing,
            **_picture(image, photo_view(image)),
        },
        "kind": task.kind,
        "question": task.question,
        "choices": [f"({letter}) {choice}" for letter, choice in zip(LETTERS, task.choices, strict=False)],
        "answer": f"({task.answer}) {task.answer_text}" if task.choices else task.answer,
        "evidence": task.evidence,
        "resolution": _resolution(task),
        "posed": {"size": list(task.posed.size), **_picture(image, posed_view(task))},
        "screening": _screening(task.screening) if task.screening else [],
    }


def _screening(screening: Screening) -> list[list[str]]:
    """What the teacher answered when the task was tried out, by what it was shown."""
    need = "no zoom is needed" if screening.direct else "it has to look closer"
    return [
        ["without the photo", _answers(screening.blind)],
        ["on the evidence alone", _answers(screening.evidence)],
        ["on the photo as posed", f"{_answers((screening.posed,))}: {need}"],
    ]


def _answers(answers: tuple[str | None, ...]) -> str:
    return ", ".join("no answer" if answer is None else answer for answer in answers) or "not asked"


def _attempt(story: Story, attempt: Attempt) -> Entry:
    verdict = attempt.verdict
    return {
        "steps": [_step(story, step) for step in attempt.steps],
        "thought": attempt.thought,
        "answer": attempt.answer,
        "correct": verdict.correct if verdict else None,
        "hint": verdict.hint if verdict else "",
    }


def _step(story: Story, step: Step) -> Entry:
    return {
        "thought": step.thought,
        "tool": step.tool,
        "arguments": _text(step.arguments),
        "observation": step.observation,
        "failed": step.failed,
        "astray": story.led_astray(step),
        "box": step.box,
        "boxes": step.boxes,
        "view": _view(story.task, step.view) if story.task and step.view else None,
    }


def _segment(task: Task, segment: Segment) -> Entry:
    match segment:
        case Think(text=text) | Answer(text=text):
            return {"kind": segment.kind, "text": text}
        case Focus(box=box):
            return {"kind": segment.kind, "box": box}
        case Zoom(view=view):
            return {"kind": segment.kind, "view": _view(task, view)}


def _view(task: Task, view: View) -> Entry:
    return {"box": view.box, "size": list(view.size), **_picture(task.image, view)}


def _picture(image: ImageRecord, view: View) -> Entry:
    return {"picture": picture_name(image, view)}


def _evidence(story: Story) -> list[list[str]]:
    """The particulars of a reject, but those that are shown anyhow."""
    told = story.reject.evidence if story.reject else {}
    shown = {"trajectory", "question", "answer", *(["photo"] if story.task else [])}
    return [[name, _text(value)] for name, value in told.items() if name not in shown]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
