"""V* Bench (Wu and Xie 2023): 115 questions on attributes and 76 on positions of small things in photos of SA-1B.

Published as `craigwu/vstar_bench`: `test_questions.jsonl`, and for each photo a JSON with the boxes of what is asked
about. That JSON has options too, the right one always first: it is never read for them.
"""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from agents.boxes import Box, Size, outward
from pipeline.evaluation.benchmarks.options import options, refuse_unshuffled
from pipeline.evaluation.benchmarks.places import found, inside, photo
from pipeline.evaluation.benchmarks.tables import Published, Text, one, table
from pipeline.evaluation.errors import EvaluationError
from pipeline.evaluation.items import BenchmarkConfig, Item, benchmark
from pipeline.training.examples import Example

HUB = "craigwu/vstar_bench"
QUESTIONS = "test_questions.jsonl"
_INSTRUCTION = "Answer with the option's letter from the given choices directly."
"""Closes every text; the strategies have words of their own."""


class _Row(Published):
    image: Text
    text: Text
    category: Text
    label: Text
    question_id: Text


class _Annotation(Published):
    bbox: list[tuple[float, float, float, float]]
    """One box [x, y, width, height] per thing, in pixels of the photo."""


@benchmark("vstar")
def vstar(config: BenchmarkConfig) -> Sequence[Item]:
    """The questions, with the boxes of their things as evidence. Raises EvaluationError."""
    file = found(config.data, HUB, [QUESTIONS], [QUESTIONS, "direct_attributes/*", "relative_position/*"])
    rows = islice(table(file, _Row), config.count)
    items = [_item(where, row, file.parent) for where, row in rows]
    refuse_unshuffled(config.name, items)
    return items


def _item(where: str, row: _Row, folder: Path) -> Item:
    shown = photo(where, inside(where, folder, row.image))
    question, written = _split(where, row.text)
    choices, answer = options(where, written, row.label)
    evidence = _evidence(shown.path.with_suffix(".json"), shown.size)
    return Item(Example(f"vstar-{row.question_id}", shown, None, question, answer, choices, evidence), row.category)


def _split(where: str, text: str) -> tuple[str, list[str]]:
    """The question and the lines of its options."""
    question, mark, rest = text.removesuffix(_INSTRUCTION).strip().partition("\n(A)")
    if not question or not mark:
        raise EvaluationError(f"{where} is not as published: its text is no question with options from (A) on.")
    return question.strip(), f"(A){rest}".split("\n")


def _evidence(annotation: Path, size: Size) -> tuple[Box, ...]:
    """Boxes in native pixels, what lies outside the photo cut off; none where the JSON is not there."""
    if not annotation.is_file():
        return ()
    boxes = [outward(x, y, x + width, y + height) for x, y, width, height in one(annotation, _Annotation).bbox]
    return tuple(box for box in (box.clip(size) for box in boxes) if box.area)
