"""The pictures of a report: the photo, and each view exactly as it was sent to the model."""

import hashlib
from collections.abc import Iterator, Sequence

from agents.boxes import Size, whole
from agents.photos import PhotoError, encode_jpeg, file_hash, open_photo, taken
from agents.views import View, render
from pipeline.records import ImageRecord, Task
from pipeline.report.annex import Annex
from pipeline.story import Story

PHOTO_SIDE = 1024
"""Longest side of the photo as it is shown whole, in pixels."""


def photo_view(image: ImageRecord) -> View:
    """The whole photo as a person looks at it."""
    scale = min(1.0, PHOTO_SIDE / max(image.size))
    size = Size(*(max(1, round(side * scale)) for side in image.size))
    return View(box=whole(image.size), width=size.width, height=size.height)


def posed_view(task: Task) -> View:
    """What the model was sent first; where that is larger than a person needs, the photo as a person sees it."""
    return min(task.posed, photo_view(task.image), key=lambda view: view.size.area)


def picture_name(image: ImageRecord, view: View) -> str:
    """The file of a picture: photo and view make its pixels, so that they also make its name."""
    told = f"{image.sha256} {view.model_dump_json()}"
    return f"{image.id[:2]}/{hashlib.sha256(told.encode()).hexdigest()[:24]}.jpg"


def make_pictures(stories: Sequence[Story], annex: Annex) -> str:
    """Make the pictures of one photo's stories that are still missing; says why if they cannot be made."""
    wanted = {picture_name(task.image, view): (task.image, view) for task, view in _views(stories)}
    due = {name: view for name, (_, view) in wanted.items() if annex.claim(name)}
    if not due:
        return ""
    image = next(image for image, _ in wanted.values())
    try:
        source = taken(image.path)
        photo = open_photo(source)
    except PhotoError as error:
        return str(error)
    if file_hash(source) != image.sha256:
        return "the file is another one now"
    for name, view in due.items():
        annex.keep(name, encode_jpeg(render(photo, view)))
    return ""


def _views(stories: Sequence[Story]) -> Iterator[tuple[Task, View]]:
    for story in stories:
        if story.task:
            looks = [step.view for step in story.trajectory.looks if step.view] if story.trajectory else []
            zooms = [zoom.view for zoom in story.trace.zooms] if story.trace else []
            for view in (photo_view(story.task.image), posed_view(story.task), *looks, *zooms):
                yield story.task, view
