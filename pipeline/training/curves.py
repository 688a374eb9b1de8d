"""What training runs have kept of themselves: their numbers, what they spent, and the curves of all."""

import json
from pathlib import Path

import jsonlines

FILE = "metrics.jsonl"
SPENT = "cpu_seconds.txt"
"""Beside the numbers, not among them: those are the same for the same seed."""
SHOWN = ("loss", "mean_token_accuracy", "reward", "accuracy", "zoomed", "entropy", "kl")
"""Numbers worth a place in a line, where they are there."""
DRAWN = (*SHOWN, "visual_tokens", "written_tokens")
"""And those with a curve."""


def history(folder: Path) -> list[dict[str, float]]:
    """Every number that was kept, in order."""
    path = folder / FILE
    if not path.exists():
        return []
    with jsonlines.open(path) as file:
        return list(file)


def cpu_seconds(folder: Path) -> float:
    """What the training process has spent so far, over all its restarts; processes that prepare batches aside."""
    path = folder / SPENT
    return float(path.read_text(encoding="utf-8")) if path.exists() else 0.0


def forget(folder: Path, after: int) -> None:
    """Drop what was kept beyond a step: a run that goes on from a checkpoint does those steps again."""
    kept = [row for row in history(folder) if row["step"] <= after]
    if (folder / FILE).exists():
        (folder / FILE).write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")


def draw_curves(run: Path) -> None:
    """One panel per number, one line per part of a run, as `curves.png` in its folder."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    found = sorted(path.parent for path in run.rglob(FILE))
    told = {str(folder.relative_to(run)): history(folder) for folder in found}
    panels = [key for key in DRAWN if any(key in row for rows in told.values() for row in rows)]
    if not panels:
        return
    figure, axes = pyplot.subplots(len(panels), 1, figsize=(7, 2.2 * len(panels)), squeeze=False)
    for axis, key in zip(axes[:, 0], panels, strict=True):
        for name, rows in told.items():
            points = [(row["step"], row[key]) for row in rows if key in row]
            if points:
                axis.plot(*zip(*points, strict=True), label=name, linewidth=1)
        axis.set_ylabel(key)
        axis.legend(fontsize=7)
    axes[-1, 0].set_xlabel("step")
    figure.tight_layout()
    figure.savefig(run / "curves.png", dpi=120)
    pyplot.close(figure)
