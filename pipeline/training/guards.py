"""What is refused before training starts, with the reason: combinations that would fail late, or train wrongly."""

import os
from importlib.util import find_spec
from pathlib import Path

from agents.dialects import Dialect
from agents.views import PATCH
from pipeline.training.config import TrainConfig
from pipeline.training.errors import TrainingError

EXTRA = ("torch", "torchvision", "transformers", "trl", "peft", "accelerate", "matplotlib")


def guard(config: TrainConfig) -> None:
    """Raises TrainingError with the remedy."""
    missing = [name for name in EXTRA if find_spec(name) is None]
    if missing:
        raise TrainingError(f"Training needs {missing[0]}, which is not installed: pip install -e '.[train]'.")
    _data(config)
    _device(config)
    _model(config)


def _data(config: TrainConfig) -> None:
    if config.data == "lamps" and config.model.name != "tiny":
        raise TrainingError("data=lamps is the tiny model's course: a pretrained model learns from a dataset.")
    if config.data != "lamps" and not Path(config.data).exists():
        raise TrainingError(f"There is no {config.data}: run `make synthesize` first, or set data= to a dataset.")


def _device(config: TrainConfig) -> None:
    if config.model.device == "cuda" and not _has_gpu():
        raise TrainingError(
            "This configuration needs a GPU, and torch finds none. `make train` without CONFIG runs on a CPU."
        )
    sharded = (
        os.environ.get("ACCELERATE_DEEPSPEED_ZERO_STAGE") == "3" or os.environ.get("ACCELERATE_USE_FSDP") == "true"
    )
    if sharded and config.rl.enabled:
        raise TrainingError(
            "RL needs the whole model on each GPU, as rollouts take different numbers of steps: use DDP or ZeRO-2 "
            "(or rl.enabled=false to run SFT sharded)."
        )


def _has_gpu() -> bool:
    import torch

    found: bool = torch.cuda.is_available()
    return found


def _model(config: TrainConfig) -> None:
    model, adapter = config.model, config.model.adapter
    if adapter is not None and model.name == "tiny":
        raise TrainingError("The tiny model starts from nothing: all of it is trained, without an adapter.")
    if adapter is not None and adapter.kind == "qlora" and config.manner.dialect is Dialect.INLINE:
        raise TrainingError(
            "QLoRA keeps the embeddings in four bits, and the inline dialect's new token has to be learned there: "
            "set manner.dialect=tool_call."
        )
    if config.manner.zoom.max_pixels > 5120 * PATCH**2:
        raise TrainingError(f"A crop of {config.manner.zoom.max_pixels // PATCH**2} visual tokens is more than 5120.")
