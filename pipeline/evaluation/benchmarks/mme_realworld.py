"""MME-RealWorld-Lite (Zhang et al. 2024): 1,919 questions on photos, charts, street scenes and aerial views.

Published as `yifanzhang114/MME-RealWorld-Lite`: a `data.zip` with `data/MME-RealWorld-Lite.json` and the photos in
`data/imgs`. Of its rows 137 repeat another; they stay, as every published number counts them.
"""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from pydantic import Field

from pipeline.evaluation.benchmarks.options import options, refuse_unshuffled
from pipeline.evaluation.benchmarks.places import found, inside, photo, unpacked
from pipeline.evaluation.benchmarks.tables import Published, Text, table
from pipeline.evaluation.items import BenchmarkConfig, Item, benchmark
from pipeline.training.examples import Example

HUB = "yifanzhang114/MME-RealWorld-Lite"
ARCHIVE = "data.zip"
QUESTIONS = ("MME-RealWorld-Lite.json", "data/MME-RealWorld-Lite.json")
PHOTOS = "imgs"


class _Row(Published):
    question_id: Text = Field(alias="Question_id")
    image: Text = Field(alias="Image")
    text: Text = Field(alias="Text")
    choices: list[Text] = Field(alias="Answer choices")
    truth: Text = Field(alias="Ground truth")
    task: Text = Field(alias="Task")
    """Perception or Reasoning."""
    subtask: Text = Field(alias="Subtask")
    """The domain, as Remote Sensing."""


@benchmark("mme-realworld-lite")
def mme_realworld_lite(config: BenchmarkConfig) -> Sequence[Item]:
    """The questions by task and domain, as the authors' table has them. Raises EvaluationError and StoreError."""
    file = found(config.data, HUB, [*QUESTIONS, ARCHIVE], [ARCHIVE])
    if file.suffix == ".zip":
        file = found(str(unpacked(file)), HUB, QUESTIONS, [])
    rows = islice(table(file, _Row), config.count)
    items = [_item(number, where, row, file.parent / PHOTOS) for number, (where, row) in enumerate(rows)]
    refuse_unshuffled(config.name, items)
    return items


def _item(number: int, where: str, row: _Row, folder: Path) -> Item:
    """Published ids repeat: the number of the row tells them apart."""
    shown = photo(where, inside(where, folder, row.image))
    choices, answer = options(where, row.choices, row.truth)
    example = Example(f"{number:04}-{row.question_id}", shown, None, row.text, answer, choices)
    return Item(example, f"{row.task}/{row.subtask}")
