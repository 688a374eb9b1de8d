"""The two curves: accuracy by resolution, with and without looking closer, and accuracy by what it costs."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def svg(rows: Sequence[Row]) -> str:
    """Both curves of some rows as an SVG element."""
    drawn = io.StringIO()
    # Neither a date nor random ids: the same numbers draw the same picture.
    _draw(rows, drawn, format="svg", metadata={"Date": None})
    text = drawn.getvalue()
    return text[text.index("<svg") :]


def png(rows: Sequence[Row], path: Path) -> None:
    """Both curves of some rows as a picture."""
    _draw(rows, path, format="png", dpi=120)


def _draw(rows: Sequence[Row], target: io.StringIO | Path, **how: Any) -> None:
    """A line for each model and strategy, with its intervals."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    lines = _lines(rows)
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(12, 4.6), sharey=True)
    for name, points in lines.items():
        swept = [row for row in points if row["resolution"]]
        if swept:
            left.errorbar([row["resolution"] for row in swept], *_heights(swept), label=name, **_STYLE)
        right.errorbar([row["visual_tokens"] for row in points], *_heights(points), label=name, **_STYLE)
    left.set(xlabel="input resolution R (area R²)", ylabel="accuracy", xscale="log", ylim=(0, 1.03))
    right.set(xlabel="visual tokens a question", xscale="log")
    resolutions = sorted({row["resolution"] for row in rows if row["resolution"]})
    left.set_xticks(resolutions, [str(one) for one in resolutions])
    left.minorticks_off()
    for axis in (left, right):
        axis.grid(alpha=0.25)
    right.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False)
    figure.tight_layout()
    with pyplot.rc_context({"svg.hashsalt": "curves"}):
        figure.savefig(target, **how)
    pyplot.close(figure)


_STYLE: dict[str, Any] = {"marker": "o", "markersize": 4, "linewidth": 1.4, "capsize": 2, "elinewidth": 0.8}


def _lines(rows: Sequence[Row]) -> dict[str, list[Row]]:
    lines: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row["resolution"] or float("inf")):
        lines.setdefault(f"{row['strategy']} · {row['model']}", []).append(row)
    return lines


def _heights(rows: Sequence[Row]) -> tuple[list[float], list[list[float]]]:
    """Accuracies, and how far their intervals reach below and above."""
    below = [max(0.0, row["accuracy"] - row["ci95"][0]) for row in rows]
    above = [max(0.0, row["ci95"][1] - row["accuracy"]) for row in rows]
    return [row["accuracy"] for row in rows], [below, above]
