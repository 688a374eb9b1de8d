"""The table as Markdown, for a terminal and for the docs."""

from collections.abc import Callable, Sequence
from typing import Any

from pipeline.evaluation.config import EvaluationConfig

Column = tuple[str, Callable[[dict[str, Any]], str]]


def as_table(rows: Sequence[dict[str, Any]]) -> str:
    """A line for each row; what was not measured, or means nothing there, is left empty."""
    return _markdown(COLUMNS, rows)


def decoding(config: EvaluationConfig) -> str:
    """How all rows were decoded, in a sentence."""
    seeds = ", ".join(map(str, config.seeds))
    how = "the likeliest token" if config.temperature == 0 else f"temperature {config.temperature}"
    return f"Decoding: {how}, at most {config.max_tokens} tokens at a time, seeds {seeds}."


def scan_path_table(rows: Sequence[dict[str, Any]]) -> str:
    """How looks move over the photo, of the rows that look at all."""
    return _markdown(SCAN_PATHS, [row for row in rows if row["scan_paths"]["paths"]])


def _markdown(columns: Sequence[Column], rows: Sequence[dict[str, Any]]) -> str:
    head = "| " + " | ".join(name for name, _ in columns) + " |"
    lines = ["| " + " | ".join(cell(row) for _, cell in columns) + " |" for row in rows]
    return "\n".join([head, "|" + "---|" * len(columns), *lines])


def _number(key: str, digits: int) -> Column:
    return key.replace("_", " "), lambda row: _shown(row[key], digits)


def _shown(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _path(key: str) -> Column:
    return key.replace("_", " "), lambda row: _shown(row["scan_paths"][key], 3)


WHO: tuple[Column, ...] = (
    ("model", lambda row: row["model"]),
    ("benchmark", lambda row: row["benchmark"]),
    ("strategy", lambda row: row["strategy"]),
    ("R", lambda row: str(row["resolution"] or "native")),
)
COLUMNS: tuple[Column, ...] = (
    *WHO,
    ("n", lambda row: str(row["n"])),
    _number("accuracy", 3),
    ("95 %", lambda row: "{:.3f}-{:.3f}".format(*row["ci95"])),
    _number("zooms", 2),
    _number("visual_tokens", 0),
    _number("prefilled_tokens", 0),
    _number("generated_tokens", 0),
    _number("seconds", 3),
    _number("faithful", 3),
    _number("coverage", 3),
    _number("iou", 3),
    _number("crop_drop", 3),
)
SCAN_PATHS: tuple[Column, ...] = (
    *WHO,
    ("paths", lambda row: str(row["scan_paths"]["paths"])),
    *(
        _path(key)
        for key in (
            "looks",
            "first_fixation",
            "last_fixation",
            "saccade",
            "inwards",
            "outwards",
            "rightwards",
            "downwards",
            "revisits",
        )
    ),
)
