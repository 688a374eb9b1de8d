"""Predictions in the shapes that other evaluators read, to judge them again with their own rules."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsonlines

from agents.answers import LETTERS
from pipeline.evaluation.predictions import Cell, Prediction


def export(folder: Path, cell: Cell, predictions: Sequence[Prediction]) -> None:
    """Write the predictions of a cell as lmms-eval and VLMEvalKit have them."""
    (folder / "lmms-eval").mkdir(parents=True, exist_ok=True)
    with jsonlines.open(folder / "lmms-eval" / f"{cell.name}.jsonl", "w") as file:
        file.write_all(_sample(one) for one in predictions)
    (folder / "vlmevalkit").mkdir(parents=True, exist_ok=True)
    _write_table(folder / "vlmevalkit" / f"{cell.name}.tsv", [_record(one) for one in predictions])


def _sample(one: Prediction) -> dict[str, Any]:
    """A line of lmms-eval's `samples_<task>.jsonl`."""
    reply = one.reply or ""
    return {
        "doc_id": one.number,
        "doc": {"question_id": one.id, "question": one.question, "choices": one.choices, "category": one.category},
        "target": one.answer,
        "resps": [["".join(one.texts)]],
        "filtered_resps": [reply],
        "accuracy": float(one.right),
    }


def _record(one: Prediction) -> dict[str, Any]:
    """A row of VLMEvalKit's `<model>_<dataset>.tsv`."""
    options = dict(zip(LETTERS, one.choices, strict=False))
    return {
        "index": one.number,
        "id": one.id,
        "question": one.question,
        **options,
        "answer": one.answer,
        "category": one.category,
        "prediction": one.reply or "",
    }


def _write_table(path: Path, rows: list[dict[str, Any]]) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, delimiter="\t", lineterminator="\n", restval="")
        writer.writeheader()
        writer.writerows(rows)
