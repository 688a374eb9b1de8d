"""What the first view of a report tells: where the run comes from, its numbers, and what was trained on it."""

import base64
import json
from pathlib import Path
from typing import Any

from pipeline.config import RunConfig
from pipeline.export.card import portable
from pipeline.inspection import run_config
from pipeline.place import read
from pipeline.store import Store

RESULTS, CURVES = "results.json", "curves.png"
"""What a training or an evaluation leaves in its folder below the run's."""
TITLES = {"train": "Training", "evaluate": "Evaluation"}


def overview(run: Path) -> dict[str, Any]:
    """The first view of a run, without the counts over its traces. Raises ConfigError if the folder is no run."""
    return {
        "run": run.name,
        "facts": _facts(run_config(run)),
        "summary": _summary(Store(run)),
        "results": [_results(folder) for folder in _with_results(run)],
    }


def _facts(config: RunConfig) -> list[list[str]]:
    zoom = config.zoom
    return [
        ["teacher", "the local teacher" if config.teacher.local else portable(config.teacher.model)],
        ["seed", str(config.seed)],
        ["boxes of the export", f"{config.export.frame} frame"],
        ["a closer look", f"margin {zoom.margin:.0%}, at most {zoom.max_pixels:,} pixels, {zoom.crop_source} crops"],
    ]


def _summary(store: Store) -> dict[str, Any] | None:
    """The numbers of a finished run, as they were counted; the path of the dataset means nothing elsewhere."""
    known: dict[str, Any] | None = store.read_json("summary.json")
    return known and {name: value for name, value in known.items() if name != "dataset"}


def _with_results(run: Path) -> list[Path]:
    return sorted({path.parent for name in (RESULTS, CURVES) for path in run.glob(f"*/{name}")})


def _results(folder: Path) -> dict[str, Any]:
    """A table of accuracies, by the columns its first row has, and the curves beside it."""
    rows = json.loads(read(folder / RESULTS) or b"{}").get("rows", [])
    curves = read(folder / CURVES)
    # A row of an evaluation also holds tables of its own, which its own page shows.
    columns = [name for name in rows[0] if not any(isinstance(row.get(name), dict) for row in rows)] if rows else []
    return {
        "title": TITLES.get(folder.name, folder.name),
        "columns": [column.replace("_", " ") for column in columns],
        "rows": [[_cell(row.get(column)) for column in columns] for row in rows],
        "curves": f"data:image/png;base64,{base64.b64encode(curves).decode()}" if curves else "",
    }


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case float():
            return f"{value:.3f}"
        case [float() | int() as low, float() | int() as high]:
            return f"{low:.3f} to {high:.3f}"
        case _:
            return str(value)
