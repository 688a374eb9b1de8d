"""What was answered to every question of a cell of the table: kept as it comes, so that nothing is asked twice."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import jsonlines
from pydantic import BaseModel, ConfigDict, ValidationError

from agents.boxes import BoxField
from agents.views import View
from pipeline.evaluation.config import Way
from pipeline.evaluation.exchange import Finished
from pipeline.evaluation.items import Item
from pipeline.evaluation.judge import Judgement

_APART = "--"
"""Between the parts of a file's name; inside of one it does not come."""


def file_part(text: str) -> str:
    """A name as a part of a file's name."""
    return re.sub("-{2,}", "-", re.sub(r"[^\w.=-]+", "_", text))


class Cell(NamedTuple):
    """One row of the table: who answers which questions, how, and how large the photos are posed."""

    model: str
    benchmark: str
    way: Way
    resolution: int | None
    """R; None is native."""
    seed: int

    @property
    def title(self) -> str:
        """For a person."""
        return f"{self.model} · {self.benchmark} · {self.way.label} · R = {self.resolution or 'native'}"

    @property
    def name(self) -> str:
        """Of its file."""
        told = (self.model, self.benchmark, self.way.label, self.resolution or "native", self.seed)
        return _APART.join(file_part(str(part)) for part in told)


class Prediction(BaseModel):
    """One answer to one question. Boxes are native."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    """Of the question in its benchmark, from 0. Ids may come twice: MME-RealWorld-Lite repeats questions."""
    id: str
    group: str
    """Of questions that are one; the id where it is alone."""
    category: str
    question: str
    choices: tuple[str, ...]
    answer: str
    """The right one."""
    reply: str | None
    right: bool
    rule: str
    """Which rule judged it."""
    judged: bool | None = None
    """What the other judge says; None where none was asked, or it said nothing."""
    size: tuple[int, int]
    """Of the upright photo."""
    evidence: tuple[BoxField, ...]
    views: tuple[View, ...]
    faults: int
    texts: tuple[str, ...]
    pictures: int
    visual_tokens: int
    prefilled_tokens: int
    generated_tokens: int
    seconds: float


def prediction(number: int, item: Item, finished: Finished, judgement: Judgement, judged: bool | None) -> Prediction:
    """What is kept of an attempt."""
    example, (outcome, cost, texts) = item.example, finished
    return Prediction(
        number=number,
        id=example.id,
        group=item.group or example.id,
        category=item.category,
        question=example.question,
        choices=example.choices,
        answer=example.answer,
        reply=outcome.reply,
        right=judgement.right,
        rule=judgement.rule,
        judged=judged,
        size=tuple(example.photo.size),
        evidence=example.evidence,
        views=outcome.views,
        faults=outcome.faults,
        texts=texts,
        pictures=cost.pictures,
        visual_tokens=cost.visual_tokens,
        prefilled_tokens=cost.prefilled_tokens,
        generated_tokens=cost.generated_tokens,
        seconds=round(cost.seconds, 6),
    )


class Ledger:
    """The predictions of an evaluation, a file for each cell."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "predictions"

    def read(self, cell: Cell) -> list[Prediction]:
        """What is there, in the order of arrival. A line that a kill cut short is taken out of the file."""
        path = self._path(cell)
        return _read(path) if path.exists() else []

    def everything(self) -> Iterator[tuple[list[str], list[Prediction]]]:
        """All cells that are there, by the parts of their files' names."""
        for path in sorted(self.folder.glob("*.jsonl")):
            yield path.stem.split(_APART), _read(path)

    def add(self, cell: Cell, predictions: Iterable[Prediction]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with jsonlines.open(self._path(cell), "a", flush=True) as file:
            file.write_all(one.model_dump(mode="json") for one in predictions)

    def _path(self, cell: Cell) -> Path:
        return self.folder / f"{cell.name}.jsonl"


def _read(path: Path) -> list[Prediction]:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    if lines and not _whole(lines[-1]):
        path.write_text("".join(lines[:-1]), encoding="utf-8")
        lines.pop()
    return [Prediction.model_validate_json(line) for line in lines]


def _whole(line: str) -> bool:
    try:
        Prediction.model_validate_json(line)
    except ValidationError:
        return False
    return line.endswith("\n")
