"""The rows of the table: what a cell's predictions say of accuracy, cost, and whether looking matters."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from agents.boxes import union
from pipeline.evaluation.config import EvaluationConfig
from pipeline.evaluation.predictions import Cell, Prediction
from pipeline.evaluation.scanpath import scan_paths
from pipeline.evaluation.statistics import Share, share
from pipeline.training.evaluate import NATIVE, mean


def row(cell: Cell, predictions: Sequence[Prediction], config: EvaluationConfig) -> dict[str, Any]:
    """One row, over all seeds of its cell."""
    right = accuracy(predictions)
    return {
        "model": cell.model,
        "benchmark": cell.benchmark,
        "strategy": cell.way.label,
        "resolution": cell.resolution or NATIVE,
        "n": right.questions,
        "answers": right.answers,
        "accuracy": right.mean,
        "ci95": [right.low, right.high],
        "seeds": list(config.seeds),
        "decoding": {"temperature": config.temperature, "max_tokens": config.max_tokens},
        "unanswered": mean(one.reply is None for one in predictions),
        "zooms": mean(len(one.views) for one in predictions),
        "zoom_rate": mean(bool(one.views) for one in predictions),
        "faults": mean(one.faults for one in predictions),
        "visual_tokens": mean(one.visual_tokens for one in predictions),
        "prefilled_tokens": mean(one.prefilled_tokens for one in predictions),
        "generated_tokens": mean(one.generated_tokens for one in predictions),
        "seconds": mean(one.seconds for one in predictions),
        **_looking(predictions),
        "by_category": _split(predictions, lambda one: one.category),
        "by_position": _split([one for one in predictions if one.choices], lambda one: one.answer),
        "by_rule": _counts(predictions),
        "judged": _second_opinion(predictions),
        "scan_paths": scan_paths(predictions),
    }


def accuracy(predictions: Sequence[Prediction]) -> Share:
    """Over questions: the cycles of one, and its seeds, count together."""
    return share((one.group, one.right) for one in predictions)


def drops(rows: Sequence[dict[str, Any]], cells: Sequence[Cell]) -> None:
    """Say in the rows with other crops how much accuracy they lose against the policy's own."""
    own = {_apart(cell): row["accuracy"] for cell, row in zip(cells, rows, strict=True) if cell.way.crops == "own"}
    for cell, one in zip(cells, rows, strict=True):
        before = own.get(_apart(cell)) if cell.way.crops != "own" else None
        one["crop_drop"] = None if before is None else before - one["accuracy"]


def _apart(cell: Cell) -> tuple[Any, ...]:
    """A cell apart from what it shows for a look."""
    return (cell.model, cell.benchmark, cell.way.model_copy(update={"crops": "own"}), cell.resolution)


def _looking(predictions: Sequence[Prediction]) -> dict[str, Any]:
    """How well the looks hit what there is to see, where that is known; null elsewhere."""
    known = [(one.views, union(list(one.evidence))) for one in predictions if one.views and one.evidence]
    return {
        # All the evidence, in at least one of the crops: what the answer could be read from.
        "faithful": mean(any(view.box.holds(evidence) for view in views) for views, evidence in known),
        "coverage": mean(max(view.box.coverage(evidence) for view in views) for views, evidence in known),
        "iou": mean(max(view.box.iou(evidence) for view in views) for views, evidence in known),
    }


def _split(predictions: Sequence[Prediction], key: Callable[[Prediction], str]) -> dict[str, dict[str, float]]:
    parts: dict[str, list[Prediction]] = defaultdict(list)
    for one in predictions:
        parts[key(one)].append(one)
    found = {name: accuracy(parts[name]) for name in sorted(parts) if name}
    return {
        name: {"accuracy": part.mean, "n": part.answers, "low": part.low, "high": part.high}
        for name, part in found.items()
    }


def _counts(predictions: Sequence[Prediction]) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    for one in predictions:
        counts[one.rule] += 1
    return dict(sorted(counts.items()))


def _second_opinion(predictions: Sequence[Prediction]) -> dict[str, float | None] | None:
    """What the other judge says, and how often it agrees with the rule; None where nobody was asked."""
    both = [one for one in predictions if one.judged is not None]
    if not both:
        return None
    return {
        "n": len(both),
        "accuracy": mean(bool(one.judged) for one in both),
        "agrees": mean(one.judged == one.right for one in both),
    }
