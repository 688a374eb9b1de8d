"""What a training run says while it goes on: a line now and then, and every number to a file."""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonlines
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from pipeline.training.curves import FILE, SHOWN, SPENT, cpu_seconds
from pipeline.training.errors import TrainingError

EVERY_SECONDS = 15.0


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
