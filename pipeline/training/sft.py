"""Supervised fine-tuning: TRL's SFTTrainer over rows of our encoder; only the policy's own words are learned."""

import errno
import json
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.training.config import OptimizerConfig, SftConfig
from pipeline.training.curves import forget
from pipeline.training.encode import Encoder
from pipeline.training.errors import TrainingError
from pipeline.training.examples import Lesson
from pipeline.training.journal import Journal
from pipeline.training.manner import Manner
from pipeline.training.policy import Policy
from pipeline.training.together import is_first


class Collator:
    """Makes a batch of rows by their numbers; pictures are decoded here, and nowhere before."""

    def __init__(self, lessons: Sequence[Lesson], encoder: Encoder, manner: Manner) -> None:
        self.lessons, self.encoder, self.manner = lessons, encoder, manner

    def __call__(self, rows: list[dict[str, int]]) -> dict[str, Any]:
        encoded = [self.lessons[row["number"]].encoded(self.encoder, self.manner) for row in rows]
        return self.encoder.batch([self.encoder.checked(one) for one in encoded])


def fine_tune(policy: Policy, lessons: Sequence[Lesson], config: SftConfig, journal: Journal, seed: int) -> None:
    """Train a policy on lessons, going on from the last checkpoint in the journal's folder if there is one.

    Raises TrainingError for the operator: nothing to learn from, a loss that is no number.
    """
    from datasets import Dataset
    from trl import SFTTrainer

    if not len(lessons):
        raise TrainingError("There is nothing to train on: every row was dropped or the dataset is empty.")
    journal.folder.mkdir(parents=True, exist_ok=True)
    quiet()
    trainer = SFTTrainer(
        model=policy.model,
        args=_arguments(config, policy, journal.folder, seed),
        data_collator=Collator(lessons, policy.encoder, policy.manner),
        train_dataset=Dataset.from_dict({"number": list(range(len(lessons)))}),
        processing_class=policy.tokenizer,
        callbacks=[journal],
    )
    train(trainer, journal.folder)


def train(trainer: Any, folder: Path) -> None:
    """Train, from the last whole checkpoint if there is one; a full disk is told plainly, and costs no checkpoint."""
    from safetensors import SafetensorError
    from transformers.trainer_callback import PrinterCallback

    trainer.remove_callback(PrinterCallback)
    checkpoint = last_checkpoint(folder)
    if checkpoint is not None:
        if is_first():
            forget(folder, _step(checkpoint))
        _restore(trainer, str(checkpoint))
    try:
        trainer.train(resume_from_checkpoint=checkpoint and str(checkpoint))
    except (OSError, SafetensorError, RuntimeError) as error:
        if not _is_full(error):
            raise
        raise TrainingError(
            f"No space is left for {folder}. Free some and run again: the last whole checkpoint is kept."
        ) from error


def last_checkpoint(folder: Path) -> Path | None:
    """The last checkpoint that was written to its end; torn ones are removed."""
    whole = None
    for path in sorted(folder.glob("checkpoint-*"), key=_step):
        try:
            # The trainer writes its state last.
            json.loads((path / "trainer_state.json").read_text(encoding="utf-8"))
            whole = path
        except (OSError, ValueError):
            if is_first():
                shutil.rmtree(path)
    return whole


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])


def _is_full(error: Exception) -> bool:
    """Whether the disk is full: torch and safetensors say so in words of their own."""
    full = isinstance(error, OSError) and error.errno == errno.ENOSPC
    return full or any(
        word in str(error) for word in ("No space left", "os error 28", "inline_container", "iostream error")
    )


def _restore(trainer: Any, checkpoint: str) -> None:
    """Load a checkpoint's weights into the model.

    transformers 5.24 saves Qwen2.5-VL under the names of the released files and, on resuming, looks for the names
    in memory: it finds next to none, says so in a warning, and goes on from the untrained weights.
    """
    from peft import PeftModel

    if isinstance(trainer.model, PeftModel) or trainer.is_deepspeed_enabled or trainer.is_fsdp_enabled:
        return  # These are saved and found under their own names.
    saved = type(trainer.model).from_pretrained(checkpoint, dtype=trainer.model.dtype)
    trainer.model.load_state_dict(saved.state_dict())


def _arguments(config: SftConfig, policy: Policy, folder: Path, seed: int) -> Any:
    from trl import SFTConfig as Arguments

    return Arguments(
        output_dir=str(folder),
        per_device_train_batch_size=config.batch,
        gradient_accumulation_steps=config.accumulate,
        num_train_epochs=config.epochs,
        max_steps=config.steps or -1,
        save_steps=config.save_steps,
        logging_steps=config.log_steps,
        dataloader_num_workers=config.workers,
        # Rows are made by our collator: nothing is to be tokenized, cut or packed.
        dataset_kwargs={"skip_prepare_dataset": True},
        max_length=None,
        **shared_arguments(config.optimizer, policy, seed, config.steps),
    )


def shared_arguments(config: OptimizerConfig, policy: Policy, seed: int, steps: int | None) -> dict[str, Any]:
    """What SFT and RL tell their trainers alike."""
    schedule: dict[str, Any] = {"lr_scheduler_type": config.schedule}
    if config.schedule == "constant_then_cosine":
        decay = round(0.4 * (steps or 1))
        schedule = {
            "lr_scheduler_type": "warmup_stable_decay",
            "lr_scheduler_kwargs": {"num_decay_steps": decay, "decay_type": "cosine"},
        }
    elif config.schedule == "constant" and config.warmup:
        schedule = {"lr_scheduler_type": "constant_with_warmup"}
    device, dtype = policy.model.device.type, policy.model.dtype
    return schedule | {
        "learning_rate": config.lr,
        "warmup_steps": config.warmup,
        "weight_decay": config.weight_decay,
        "adam_beta2": config.beta2,
        "max_grad_norm": config.max_grad_norm,
        "seed": seed,
        "bf16": str(dtype) == "torch.bfloat16",
        "use_cpu": device == "cpu",
        # What is trained is part of every batch; to look for what is not costs a walk through the graph a step.
        "ddp_find_unused_parameters": False,
        "activation_checkpointing": policy.checkpointing,
        "save_total_limit": 2,
        "save_strategy": "steps",
        "logging_nan_inf_filter": False,
        "disable_tqdm": True,
        "remove_unused_columns": False,
        "report_to": list(policy.report_to),
    }


def quiet() -> None:
    """The journal says how training goes; bars and warnings of the libraries would bury it."""
    import datasets
    import transformers

    datasets.disable_progress_bars()
    transformers.utils.logging.disable_progress_bar()
    for name in ("transformers", "trl", "accelerate", "peft"):
        logging.getLogger(name).setLevel(logging.ERROR)
