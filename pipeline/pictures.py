"""The pictures of a story, as the models saw them, and the photo with all that was looked at drawn on it."""

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from agents.boxes import Box, Size, rescale
from agents.photos import encode_jpeg, open_photo
from agents.views import View, render
from pipeline.records import Task
from pipeline.story import Story

OVERVIEW_SIDE = 1600
"""Longest side of the photo with the boxes, in pixels."""
EVIDENCE, LOOK = (240, 0, 220), (255, 120, 0)
POSED, OVERVIEW = "posed.jpg", "photo.jpg"


def look_name(number: int) -> str:
    """File of the picture that the agent's look `number` (from 1) brought."""
    return f"look-{number:02d}.jpg"


def zoom_name(number: int) -> str:
    """File of the picture of the trace's zoom `number` (from 1)."""
    return f"zoom-{number:02d}.jpg"


def write_pictures(story: Story, folder: Path) -> list[Path]:
    """Write every picture of a story, JPEG bytes as they are sent; returns the files in order.

    What an earlier call left in the folder is removed. Raises PhotoError if the photo cannot be opened.
    """
    if story.task is None:
        return []
    photo = open_photo(story.task.image.path)
    pictures = {name: render(photo, view) for name, view in _views(story, story.task).items()}
    pictures[OVERVIEW] = _overview(photo, story, story.task)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.jpg"):
        old.unlink()
    for name, picture in pictures.items():
        (folder / name).write_bytes(encode_jpeg(picture))
    return [folder / name for name in pictures]


def _views(story: Story, task: Task) -> dict[str, View]:
    """Each picture's file and what it shows."""
    views = {POSED: task.posed}
    for number, step in enumerate(story.trajectory.looks if story.trajectory else [], 1):
        if step.view:
            views[look_name(number)] = step.view
    for number, zoom in enumerate(story.trace.zooms if story.trace else [], 1):
        views[zoom_name(number)] = zoom.view
    return views


def _overview(photo: Image.Image, story: Story, task: Task) -> Image.Image:
    """The photo, shrunk, with the evidence and the numbered crops of the trace, or else the agent's looks."""
    native = Size(*photo.size)
    scale = min(1.0, OVERVIEW_SIDE / max(native))
    size = Size(max(1, round(native.width * scale)), max(1, round(native.height * scale)))
    picture = photo.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    draw = ImageDraw.Draw(picture)
    for box in task.evidence:
        mark(draw, rescale(box.clip(native), native, size), EVIDENCE, "")
    for number, box in enumerate(_seen(story), 1):
        mark(draw, rescale(box.clip(native), native, size), LOOK, str(number))
    return picture


def _seen(story: Story) -> list[Box]:
    if story.trace:
        return [zoom.view.box for zoom in story.trace.zooms]
    return [step.view.box for step in (story.trajectory.looks if story.trajectory else []) if step.view]


def mark(draw: ImageDraw.ImageDraw, box: Box, colour: tuple[int, int, int], label: str) -> None:
    """A box's outline in the picture's pixels, and its label in the corner."""
    if not box.area:
        return
    draw.rectangle((box.x1, box.y1, box.x2 - 1, box.y2 - 1), outline=colour, width=3)
    if label:
        write(draw, (box.x1 + 8, box.y1 + 4), colour, label)


def write(draw: ImageDraw.ImageDraw, at: tuple[int, int], colour: tuple[int, int, int], label: str) -> None:
    """A label that can be read on any ground; `at` is its upper left corner."""
    font = ImageFont.load_default(28)
    draw.rectangle(draw.textbbox(at, label, font=font), fill=(0, 0, 0))
    draw.text(at, label, fill=colour, font=font)
