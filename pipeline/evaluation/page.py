"""The page of an evaluation: curves, tables, and the failures to look at. One file, no script, no network."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from typing import Any, NamedTuple

from jinja2 import Environment, StrictUndefined
from PIL import ImageDraw

from agents.answers import LETTERS
from agents.boxes import Size, whole
from agents.photos import encode_jpeg
from agents.views import View
from pipeline.evaluation.bench import Bench
from pipeline.evaluation.charts import png, svg
from pipeline.evaluation.config import EvaluationConfig
from pipeline.evaluation.items import Item
from pipeline.evaluation.predictions import Cell, Prediction
from pipeline.evaluation.table import COLUMNS, SCAN_PATHS, Column
from pipeline.pictures import EVIDENCE, mark
from pipeline.training.ask import overview
from pipeline.training.inference import Seen

FAILURES = 6
"""Shown of each cell that looks closer with crops of its own."""
PHOTO = 2_000_000
"""Pixels that a photo is shrunk to before it is drawn on."""


class Failure(NamedTuple):
    """One wrong answer, with its picture."""

    cell: Cell
    prediction: Prediction
    picture: str
    """As a data URL."""


def write_page(
    config: EvaluationConfig, rows: Sequence[dict[str, Any]], answers: Mapping[Cell, Sequence[Prediction]], bench: Bench
) -> None:
    """Write `report.html` in the folder of an evaluation, and its first curves as `curves.png`."""
    environment = Environment(undefined=StrictUndefined, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = resources.files(__package__).joinpath("page.html").read_text(encoding="utf-8")
    looking = [row for row in rows if row["scan_paths"]["paths"]]
    text = environment.from_string(template).render(
        title=config.folder.name,
        config=config,
        letters=LETTERS,
        curves=[(title, svg(some)) for title, some in groups(rows) if some],
        table=_table(COLUMNS, rows),
        paths=_table(SCAN_PATHS, looking),
        positions=[row for row in rows if row["by_position"]],
        categories=[row for row in rows if row["by_category"]],
        failures=list(failures(answers, bench)),
    )
    (config.folder / "report.html").write_text(text, encoding="utf-8")
    png(next(some for _, some in groups(rows)), config.folder / "curves.png")


def groups(rows: Sequence[dict[str, Any]]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Rows that belong in one picture: the strategies side by side, and the policy's own looking with each switch."""
    for benchmark in dict.fromkeys(row["benchmark"] for row in rows):
        there = [row for row in rows if row["benchmark"] == benchmark]
        switched = [row for row in there if row["strategy"].startswith("cof ")]
        yield f"{benchmark}: strategies", [row for row in there if row not in switched]
        plain = [row for row in there if row["strategy"] == "cof"]
        yield f"{benchmark}: what switches change", [*plain, *switched] if switched else []


def failures(answers: Mapping[Cell, Sequence[Prediction]], bench: Bench) -> Iterator[Failure]:
    """The first wrong answers of each cell that looks closer. Raises PhotoError where a photo is gone."""
    for cell, predictions in answers.items():
        if cell.way.strategy != "cof" or cell.way.changed:
            continue
        items = bench.questions(cell.benchmark)
        for one in [one for one in predictions if not one.right][:FAILURES]:
            yield Failure(cell, one, _picture(items[one.number], one))


def _picture(item: Item, one: Prediction) -> str:
    """The photo with the evidence and the numbered looks, and below it each crop as the policy saw it."""
    photo = item.example.photo
    shown = _small(photo.size)
    drawn = photo.picture(shown)
    draw = ImageDraw.Draw(drawn)
    for box in one.evidence:
        mark(draw, shown.from_photo(box), EVIDENCE, "")
    seen = [Seen(_within(view, shown), photo.picture(view)) for view in one.views]
    return f"data:image/jpeg;base64,{base64.b64encode(encode_jpeg(overview(drawn, seen), 80)).decode()}"


def _small(size: Size) -> View:
    width, height = size if size.area <= PHOTO else size.fit(PHOTO)
    return View(box=whole(size), width=width, height=height)


def _within(view: View, shown: View) -> View:
    """A view with its box in the pixels of the photo as it is shown."""
    return View(box=shown.from_photo(view.box), width=view.width, height=view.height)


def _table(columns: Sequence[Column], rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {"head": [name for name, _ in columns], "rows": [[cell(row) for _, cell in columns] for row in rows]}
