"""An evaluation: every cell of the table answered, judged, counted and shown. What `cof evaluate` does."""

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

from pipeline.evaluation.bench import Bench
from pipeline.evaluation.config import EvaluationConfig
from pipeline.evaluation.errors import EvaluationError
from pipeline.evaluation.exports import export
from pipeline.evaluation.page import write_page
from pipeline.evaluation.predictions import Cell, Ledger, Prediction
from pipeline.evaluation.progress import Progress
from pipeline.evaluation.rows import drops, row
from pipeline.evaluation.strategies import STRATEGIES
from pipeline.evaluation.table import as_table, decoding, scan_path_table
from pipeline.evaluation.workers import Job, workers

Say = Callable[[str], None]
FREE = ("out", "models", "benchmarks", "strategies", "resolutions", "seeds", "batch", "workers", "gpus")
"""What may change between two starts in one folder: cells are known by name, and these decide only which there are."""


def evaluate(config: EvaluationConfig, say: Say = print) -> list[dict[str, Any]]:
    """Answer what is missing and write the table; its rows, also in `results.json`.

    Raises ConfigError, EvaluationError, TrainingError, EndpointError or PhotoError for the operator.
    """
    _remember(config)
    ledger, bench = Ledger(config.folder), Bench(config)
    asked = {one.name: bench.questions(one.name) for one in config.benchmarks}
    cells = list(cells_of(config))
    say(f"{len(cells)} cells in {config.folder}: " + ", ".join(f"{name} {len(items)}" for name, items in asked.items()))
    jobs = list(_missing(config, cells, ledger, {name: len(items) for name, items in asked.items()}))
    if jobs:
        progress = Progress(jobs, ledger, say)
        with workers(config, bench) as crew:
            for job, predictions in crew.answers(jobs):
                ledger.add(job.cell, predictions)
                progress.add(job)
    answers = {cell: _in_order(ledger.read(cell), len(asked[cell.benchmark])) for cell in cells}
    return _told(config, answers, bench, say)


def cells_of(config: EvaluationConfig) -> Iterator[Cell]:
    """Every cell of the table, model by model."""
    for model, benchmark, way in product(config.models, config.benchmarks, config.strategies):
        if way.models and model.name not in way.models:
            continue
        sweep = config.resolutions if STRATEGIES[way.strategy].sweeps else (None,)
        for resolution, seed in product(sweep, config.seeds):
            yield Cell(model.name, benchmark.name, way, resolution, seed)


def _missing(config: EvaluationConfig, cells: Sequence[Cell], ledger: Ledger, counts: dict[str, int]) -> Iterator[Job]:
    """What was not answered yet, a batch at a time."""
    for cell in cells:
        done = {one.number for one in ledger.read(cell)}
        left = [number for number in range(counts[cell.benchmark]) if number not in done]
        for start in range(0, len(left), config.batch):
            yield Job(cell, tuple(left[start : start + config.batch]))


def _in_order(predictions: Sequence[Prediction], count: int) -> list[Prediction]:
    """The answers to the first `count` questions; an earlier start may have asked more."""
    return sorted((one for one in predictions if one.number < count), key=lambda one: one.number)


def _told(
    config: EvaluationConfig, answers: dict[Cell, list[Prediction]], bench: Bench, say: Say
) -> list[dict[str, Any]]:
    """Rows over the seeds of a cell, written in every shape."""
    by_row: dict[Cell, list[Prediction]] = {}
    for cell, predictions in answers.items():
        export(config.folder / "exports", cell, predictions)
        by_row.setdefault(cell._replace(seed=0), []).extend(predictions)
    rows = [row(cell, predictions, config) for cell, predictions in by_row.items()]
    drops(rows, list(by_row))
    folder = config.folder
    (folder / "results.json").write_text(json.dumps({"rows": rows}, indent=2) + "\n", encoding="utf-8")
    parts = [decoding(config), as_table(rows), scan_path_table(rows)]
    (folder / "results.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    write_page(config, rows, by_row, bench)
    say("\n" + as_table(rows))
    say(f"\nresults: {folder / 'results.json'} · page: {folder / 'report.html'}")
    return rows


def _remember(config: EvaluationConfig) -> None:
    """Keep the configuration with the answers; raises EvaluationError if the folder holds those of another.

    A model or benchmark that is there already must be the same one; others may join them.
    """
    path = config.folder / "evaluate.json"
    now = config.model_dump(mode="json")
    config.folder.mkdir(parents=True, exist_ok=True)
    if path.exists():
        _agree(json.loads(path.read_text(encoding="utf-8")), now, str(config.folder))
    path.write_text(json.dumps(now, indent=2) + "\n", encoding="utf-8")


def _agree(before: dict[str, Any], now: dict[str, Any], folder: str) -> None:
    """Adds to `now` what only was there `before`."""
    changed = [key for key in now if key not in FREE and before.get(key) != now[key]]
    for part in ("models", "benchmarks"):
        named = {one["name"]: one for one in now[part]}
        for one in before[part]:
            if {**named.setdefault(one["name"], one), "count": None} != {**one, "count": None}:
                changed.append(f"{part[:-1]} {one['name']!r}")
        now[part] = list(named.values())
    if changed:
        raise EvaluationError(
            f"{folder} was evaluated with another {changed[0]}. Choose another out=, or remove the folder."
        )
