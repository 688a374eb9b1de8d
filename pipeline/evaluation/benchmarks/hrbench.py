"""HR-Bench (Wang et al. 2024): 200 questions on photos of 4K or 8K, each asked four times with its options moved.

Published as `DreamMr/HR-Bench`: a TSV (or Parquet) of 800 rows with the photo in base64, the same in all four rows of
a question. The right option is A, B, C and D once each; a score is the mean over the four.
"""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from pipeline.evaluation.benchmarks.options import refuse_unshuffled
from pipeline.evaluation.benchmarks.places import beside, found, kept, photo
from pipeline.evaluation.benchmarks.tables import Published, Text, table
from pipeline.evaluation.errors import EvaluationError
from pipeline.evaluation.items import BenchmarkConfig, FilePhoto, Item, benchmark
from pipeline.training.examples import Example

HUB = "DreamMr/HR-Bench"
CYCLES = 4
"""Orders of the options in which each question is asked."""


class _Row(Published):
    index: Text
    question: Text
    answer: Literal["A", "B", "C", "D"]
    category: Text
    a: Text = Field(alias="A")
    b: Text = Field(alias="B")
    c: Text = Field(alias="C")
    d: Text = Field(alias="D")
    cycle: Text = Field(alias="cycle_category")
    image: Text
    """In base64; or, as tables for VLMEvalKit may have it, the index of an earlier row with the same photo."""


Group = dict[str, Item]
"""One question in its orders, by the name of the cycle."""


@benchmark("hr-bench-4k")
def hr_bench_4k(config: BenchmarkConfig) -> Sequence[Item]:
    """Its count is of questions, each in all four orders. Raises EvaluationError and StoreError."""
    return _load("hr_bench_4k", config)


@benchmark("hr-bench-8k")
def hr_bench_8k(config: BenchmarkConfig) -> Sequence[Item]:
    """The same questions on larger photos. Raises EvaluationError and StoreError."""
    return _load("hr_bench_8k", config)


def _load(stem: str, config: BenchmarkConfig) -> Sequence[Item]:
    file = found(config.data, HUB, [f"{stem}.tsv", f"{stem}.parquet"], [f"{stem}.tsv"])
    groups = _groups(file, config.name, config.count)
    for group in groups:
        if len(group) != CYCLES:
            one = next(iter(group.values()))
            raise EvaluationError(
                f"{file} asks {one.group} in {len(group)} orders of its options, not {CYCLES}: fetch it again."
            )
    items = [item for group in groups for item in group.values()]
    refuse_unshuffled(config.name, items)
    return items


def _groups(file: Path, name: str, count: int | None) -> list[Group]:
    """The first questions of a file; reading ends with the last row that is needed."""
    groups: dict[tuple[str, Path], Group] = {}
    photos: dict[str, FilePhoto] = {}
    folder = beside(file)
    for where, row in table(file, _Row):
        shown = photos[row.index] = photos.get(row.image) or _photo(where, row, folder)
        group = groups.setdefault((row.question, shown.path), {})
        if row.cycle in group:
            raise EvaluationError(f"{where} asks again what cycle {row.cycle} has asked: fetch the file again.")
        first = next(iter(group.values())).group if group else f"{name}-{row.index}"
        group[row.cycle] = _item(row, shown, name, first)
        asked = list(groups.values())[:count]
        if len(asked) == count and all(len(group) == CYCLES for group in asked):
            break
    return list(groups.values())[:count]


def _item(row: _Row, shown: FilePhoto, name: str, group: str) -> Item:
    choices = (row.a, row.b, row.c, row.d)
    return Item(Example(f"{name}-{row.index}", shown, None, row.question, row.answer, choices), row.category, group)


def _photo(where: str, row: _Row, folder: Path) -> FilePhoto:
    try:
        data = base64.b64decode(row.image, validate=True)
    except ValueError as error:
        raise EvaluationError(f"{where} holds a broken photo ({error}): fetch the file again.") from error
    return photo(where, kept(folder, data))
