"""Asking a policy in a terminal: its words and looks as they come, and one picture of all that it looked at."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from PIL import Image, ImageDraw

from agents.boxes import Size, rescale
from agents.photos import encode_jpeg
from pipeline.pictures import LOOK, mark, write
from pipeline.show import tame
from pipeline.training.inference import ChainOfFocus, Question, Said, Seen, Step, Told, opened

WIDTH, STRIP, GAP = 1200, 280, 8
"""Of the picture: its width, the height of the crops below the photo, and the room between them, in pixels."""


class Answerer(Protocol):
    """Whoever answers questions about photos step by step."""

    def stream(self, question: Question, max_zooms: int | None = None) -> Iterator[Step]:
        """What is said and seen about one question, as it comes."""


def answerer(model: str, url: str | None) -> Answerer:
    """A model of this machine or the Hub, or one that is served elsewhere. Raises PolicyError."""
    if url:
        from agents.teachers import EndpointConfig
        from pipeline.training.served import Served

        return Served(EndpointConfig(base_url=url, model=model))
    from pipeline.training.sft import quiet

    quiet()
    return ChainOfFocus.from_pretrained(model)


def ask(model: Answerer, question: Question, picture: Path, max_zooms: int | None, say: Callable[[str], None]) -> None:
    """Put a question, tell of every step as it happens, and write the picture. Raises PhotoError."""
    photo, seen = opened(question.image), list[Seen]()
    for step in model.stream(question._replace(image=photo), max_zooms):
        if isinstance(step, Seen):
            seen.append(step)
        say(line(step, len(seen)))
    picture.write_bytes(encode_jpeg(overview(photo, seen)))
    say(f"picture: {picture}")


def line(step: Step, number: int) -> str:
    """A step as a terminal shows it; what a model writes is never a command to the terminal."""
    match step:
        case Said(text=text):
            return tame(text.strip())
        case Seen(view=view):
            return f"  [{number}] looks at {list(view.box)} of the photo, as a picture of {view.width}x{view.height}"
        case Told(text=text):
            return f"  told: {tame(text)}"


def overview(photo: Image.Image, seen: list[Seen]) -> Image.Image:
    """The photo with numbered boxes where it was looked at, and below it each crop as the policy saw it."""
    native = Size(*photo.size)
    scale = WIDTH / native.width
    shown = Size(WIDTH, max(1, round(native.height * scale)))
    rows = _rows(seen)
    whole = Image.new("RGB", (WIDTH, shown.height + len(rows) * (STRIP + GAP)), "white")
    whole.paste(photo.resize(shown, Image.Resampling.LANCZOS))
    draw = ImageDraw.Draw(whole)
    for number, step in enumerate(seen, 1):
        mark(draw, rescale(step.view.box, native, shown), LOOK, str(number))
    for below, row in enumerate(rows):
        left, top = 0, shown.height + GAP + below * (STRIP + GAP)
        for number, crop in row:
            whole.paste(crop, (left, top))
            write(draw, (left + 8, top + 4), LOOK, str(number))
            left += crop.width + GAP
    return whole


def _rows(seen: list[Seen]) -> list[list[tuple[int, Image.Image]]]:
    """The crops, scaled to one height, as many side by side as there is room for."""
    rows: list[list[tuple[int, Image.Image]]] = []
    room = 0
    for number, step in enumerate(seen, 1):
        size = Size(*step.picture.size)
        width = min(WIDTH, max(1, round(size.width * STRIP / size.height)))
        height = max(1, min(STRIP, round(size.height * width / size.width)))
        if width > room:
            rows.append([])
            room = WIDTH
        rows[-1].append((number, step.picture.resize((width, height), Image.Resampling.LANCZOS)))
        room -= width + GAP
    return rows
