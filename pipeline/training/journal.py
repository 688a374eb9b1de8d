"""What a training run says while it goes on: a line now and then, every number to a file, and curves at the end."""

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonlines
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from pipeline.training.errors import TrainingError

FILE = "metrics.jsonl"
SPENT = "cpu_seconds.txt"
"""Beside the numbers, not among them: those are the same for the same seed."""
EVERY_SECONDS = 15.0
SHOWN = ("loss", "mean_token_accuracy", "reward", "accuracy", "zoomed", "entropy", "kl")
"""Numbers worth a place in a line, where they are there."""
DRAWN = (*SHOWN, "visual_tokens", "written_tokens")
"""And those with a curve."""


class Journal(TrainerCallback):  # type: ignore[misc]
    """Follows one trainer."""

    def __init__(self, name: str, folder: Path, say: Callable[[str], None] = print) -> None:
        self.name, self.folder, self.say = name, folder, say
        self._said = 0.0
        self._spent = 0.0

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """Count on from what was spent before a restart."""
        self._spent = cpu_seconds(self.folder) - time.process_time()

    def on_log(
        self,
        _args: TrainingArguments,
        state: TrainerState,
        _control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """Keep the numbers; raises TrainingError where the loss is no number any more."""
        if not logs or not state.is_world_process_zero or "train_runtime" in logs:
            return
        numbers = {name: float(value) for name, value in logs.items()}
        if not math.isfinite(numbers.get("loss", 0.0)):
            raise TrainingError(
                f"The loss of {self.name} became {numbers['loss']} at step {state.global_step}. Lower the learning "
                f"rate and run again: the last checkpoint in {self.folder} is whole."
            )
        with jsonlines.open(self.folder / FILE, "a", flush=True) as file:
            file.write({"step": state.global_step, **numbers})
        draft = self.folder / f".{SPENT}"
        draft.write_text(f"{self._spent + time.process_time():.1f}\n", encoding="utf-8")
        draft.replace(self.folder / SPENT)  # Whole, whenever the run is killed.
        self._line(state, numbers)

    def _line(self, state: TrainerState, numbers: dict[str, float]) -> None:
        last = state.global_step >= state.max_steps
        if time.monotonic() - self._said < EVERY_SECONDS and not last:
            return
        self._said = time.monotonic()
        shown = [f"{name} {numbers[name]:.3f}" for name in SHOWN if name in numbers]
        self.say(" · ".join([f"{self.name:<12} step {state.global_step}/{state.max_steps}", *shown]))


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
