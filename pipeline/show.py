"""Showing one task in a terminal: what was asked, every step of the search, and the trace that came of it."""

import json
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from agents.answers import LETTERS, pose
from agents.dialects import Dialect, render
from agents.photos import PhotoError
from agents.trace import Trace
from agents.trajectory import Attempt, Step
from pipeline.pictures import OVERVIEW, POSED, look_name, write_pictures, zoom_name
from pipeline.place import is_here
from pipeline.records import Rejected, Screening, Task
from pipeline.story import Story, story_of

_UNSAFE = {"Cc", "Cf", "Cs"}
"""Unicode categories that can command a terminal, turn the direction of writing, or not be written at all."""
_WIDTH = 12


def show(run: Path, identity: str) -> None:
    """Print one task as far as it came and write its pictures into `<run>/shown/<id>/`.

    `identity` may be the beginning of an id. Raises ConfigError if no id fits, or several do.
    """
    story = story_of(run, identity)
    page = Page(Console(highlight=False))
    page.head(story.id, story.status, "bold green" if story.trace and not story.reject else "bold red")
    if story.task:
        _task(page, story.task)
    if story.reject:
        _reject(page, story.reject, told={"photo", "question", "answer"} if story.task else set())
    if story.bug:
        page.block(story.bug[1], "red")
    numbers = iter(range(1, 1 + len(story.trajectory.looks if story.trajectory else ())))
    for count, attempt in enumerate(story.trajectory.attempts if story.trajectory else (), 1):
        page.head(f"attempt {count}")
        for step in attempt.steps:
            _step(page, step, next(numbers) if step.view else 0, story)
        _outcome(page, attempt)
    if story.task and story.trace:
        _trace(page, story, story.task, story.trace)
    _pictures(page, story, (run if is_here(run) else Path("outputs", run.name)) / "shown" / story.id)


class Page:
    """Lines of a terminal. What it is given is never markup and never a command to the terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def head(self, title: str, rest: str = "", style: str = "bold") -> None:
        self._console.print()
        self._console.print(Text.assemble((tame(title), "bold"), "  ", (tame(rest), style)), soft_wrap=True)

    def item(self, name: str, said: object, style: str = "") -> None:
        """A named line; what is said may go on below."""
        grid = Table.grid(padding=(0, 1))
        grid.add_column(style="dim", min_width=_WIDTH, max_width=_WIDTH)
        grid.add_row(Text(tame(name)), Text(tame(str(said)), style))
        self._console.print(Padding(grid, (0, 0, 0, 2), expand=False))

    def block(self, said: str, style: str = "") -> None:
        """Text with its own line breaks."""
        self._console.print(Padding(Text(tame(said), style), (0, 0, 0, 4), expand=False))

    def line(self, said: object) -> None:
        """One line that is never broken, for paths."""
        self._console.print(Text(f"  {tame(str(said))}"), soft_wrap=True)


def tame(text: str) -> str:
    """Text that a terminal only prints: whatever could command it is written as its escape."""
    return "".join(
        repr(char)[1:-1] if char != "\n" and unicodedata.category(char) in _UNSAFE else char for char in text
    )


def _task(page: Page, task: Task) -> None:
    image, posed = task.image, task.posed
    resolution = f"{task.resolution}x{task.resolution}" if task.resolution else "native"
    page.item("photo", f"{image.name}, {image.width}x{image.height}")
    page.item("kind", task.kind)
    page.item("question", task.question, "bold")
    for letter, choice in zip(LETTERS, task.choices, strict=False):
        page.item("", f"({letter}) {choice}")
    page.item("answer", f"({task.answer}) {task.answer_text}" if task.choices else task.answer, "bold green")
    page.item("evidence", _listed(list(box) for box in task.evidence))
    page.item("posed at", f"{resolution} pixels in area, a picture of {posed.width}x{posed.height}")
    if task.screening:
        _screening(page, task.screening)


def _screening(page: Page, screening: Screening) -> None:
    page.item("blind", _answers(screening.blind))
    page.item("on evidence", _answers(screening.evidence))
    page.item("fits", f"{screening.things} thing{'' if screening.things == 1 else 's'} in the photo")
    need = "so no zoom is needed" if screening.direct else "so it has to look closer"
    page.item("when posed", f"{_answers([screening.posed])}, {need}")


def _answers(answers: Iterable[str | None]) -> str:
    return _listed("no answer" if answer is None else json.dumps(answer, ensure_ascii=False) for answer in answers)


def _listed(things: Iterable[object]) -> str:
    return ", ".join(map(str, things)) or "none"


def _reject(page: Page, reject: Rejected, told: set[str]) -> None:
    """The particulars of a reject but those told already; its trajectory is shown step by step instead."""
    page.head("what showed it")
    for name, value in reject.evidence.items():
        if name not in {"trajectory", *told}:
            page.item(name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), "red")


def _step(page: Page, step: Step, look: int, story: Story) -> None:
    """One call; `look` is the number of its picture, 0 if it brought none."""
    astray = story.led_astray(step)
    style = "red" if step.failed else "yellow" if astray else "cyan"
    page.item(step.tool, json.dumps(step.arguments, ensure_ascii=False), style)
    page.item("  thought", step.thought or "(nothing said)", "italic")
    page.item("  refused" if step.failed else "  observed", step.observation, "red" if step.failed else "")
    if step.box:
        page.item("  native box", list(step.box))
    if step.boxes:
        page.item("  found", _listed(list(box) for box in step.boxes))
    if step.view:
        view, turn = step.view, "; a wrong turn, not in the trace" if astray else ""
        page.item("  saw", f"{look_name(look)}: {list(view.box)} at {view.width}x{view.height}{turn}", style)


def _outcome(page: Page, attempt: Attempt) -> None:
    page.item("thought", attempt.thought or "(nothing said)", "italic")
    page.item("answered", "nothing, no step was left" if attempt.answer is None else attempt.answer, "bold")
    if attempt.verdict and attempt.verdict.correct:
        page.item("verdict", "right", "green")
    elif attempt.verdict:
        page.item("verdict", "wrong", "red")
        page.item("hint", attempt.verdict.hint, "yellow")


def _trace(page: Page, story: Story, task: Task, trace: Trace) -> None:
    """The trace as it is exported, in every dialect. The system prompt is the same in all and left out."""
    config = story.config
    setting = task.setting(config.zoom, config.export.frame)
    for dialect in (Dialect.TOOL_CALL, Dialect.INLINE):
        page.head(f"trace, {dialect}", f"boxes in the {config.export.frame} frame", "dim")
        names = iter([POSED, *(zoom_name(number) for number in range(1, 1 + len(trace.zooms)))])
        for turn in render(trace, pose(task.question, task.choices), setting, dialect):
            if turn.role != "system":
                said = "".join(f"<{next(names)}>" if part is None else part for part in turn.content)
                page.item(turn.role, "")
                page.block(said, "dim" if turn.role == "user" else "")


def _pictures(page: Page, story: Story, folder: Path) -> None:
    try:
        paths = write_pictures(story, folder)
    except PhotoError as error:
        page.head("pictures", f"none: {error}", "red")
        return
    if paths:
        legend = f"in {OVERVIEW} the evidence is magenta, what was looked at orange and numbered"
        page.head("pictures", legend, "dim")
        for path in paths:
            page.line(path)
