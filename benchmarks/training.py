"""What a step of training costs, and where its time goes: SFT, RL and the rollouts in it.

Qwen2.5-VL's own shapes have random weights here: a step costs the same whatever they are, and nothing is fetched.
Usage: python -m benchmarks.training [--config configs/tiny.yaml] [--shape tiny|3b|7b] [--steps 20] [--stages sft rl]
[--peak TFLOPs] [--profile] [key=value …]. Of the tiny model's course the last leg of the base is measured.
"""

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import torch

from pipeline.config import load_as
from pipeline.training.config import RlConfig, SftConfig, TrainConfig
from pipeline.training.examples import Example, Lesson
from pipeline.training.journal import Journal
from pipeline.training.policy import Policy, with_adapter
from pipeline.training.rl import reinforce
from pipeline.training.rollout import Roller
from pipeline.training.scenes import exercises, questions
from pipeline.training.sft import fine_tune
from pipeline.training.writing import Sampling

WARM = 3
"""Steps that do not count: the first ones take memory and choose kernels."""
SHAPES: dict[str, dict[str, dict[str, Any]]] = {
    "7b": {
        "text": {"hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28, "num_attention_heads": 28,
                 "num_key_value_heads": 4, "vocab_size": 152064},
        "vision": {"out_hidden_size": 3584},
        "whole": {"tie_word_embeddings": False},
    },
    "3b": {
        "text": {"hidden_size": 2048, "intermediate_size": 11008, "num_hidden_layers": 36, "num_attention_heads": 16,
                 "num_key_value_heads": 2, "vocab_size": 151936},
        "vision": {"out_hidden_size": 2048},
        "whole": {"tie_word_embeddings": True},
    },
}  # fmt: skip
"""Where Qwen/Qwen2.5-VL-{7,3}B-Instruct's config.json differ from one another."""
VISION = {"depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "num_heads": 16, "patch_size": 14,
          "window_size": 112, "fullatt_block_indexes": [7, 15, 23, 31]}  # fmt: skip
ROPE = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]}


class Work(NamedTuple):
    """What a stage is given."""

    lessons: Sequence[Lesson]
    examples: Sequence[Example]
    sft: SftConfig
    rl: RlConfig


class Clock(Journal):
    """When each step began and the last one ended, in seconds; profiles what comes after the first `WARM`."""

    def __init__(self, name: str, folder: Path, profiler: Any = None) -> None:
        super().__init__(name, folder, _silent)
        self.ticks: list[float] = []
        self.profiler = profiler

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        self._tick()
        if self.profiler and len(self.ticks) == WARM + 1:
            self.profiler.start()

    def on_train_end(self, *_: Any, **__: Any) -> None:
        self._tick()
        if self.profiler:
            self.profiler.stop()

    def _tick(self) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.ticks.append(time.perf_counter())

    @property
    def steps(self) -> list[float]:
        """Seconds of each step that counts, sorted."""
        return sorted(after - before for before, after in pairwise(self.ticks[WARM:]))


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--config", type=Path, default=Path("configs/tiny.yaml"))
    asked.add_argument("--shape", choices=("tiny", *SHAPES), default="tiny")
    asked.add_argument("--steps", type=int, default=20)
    asked.add_argument("--stages", nargs="+", choices=("sft", "rl"), default=["sft", "rl"])
    asked.add_argument("--peak", type=float, help="TFLOP/s of the device at this precision, for MFU")
    asked.add_argument("--profile", action="store_true", help="also print the operators that take the time")
    given, overrides = asked.parse_known_args()
    config = load_as(TrainConfig, given.config, overrides)
    work = work_of(config, given.steps)
    for stage in given.stages:
        print(
            f"{stage}: " + " · ".join(measure(config, given.shape, work, stage, given.peak, given.profile)), flush=True
        )


def work_of(config: TrainConfig, steps: int) -> Work:
    """The rows and questions of so many steps, with their settings."""
    count = WARM + steps
    often = {"steps": count, "log_steps": count, "save_steps": 10 * count}
    asked = count * config.rl.questions
    if config.data == "lamps":
        leg = config.course.base[-1]
        lessons = exercises(leg.rows, 0, count * leg.batch * leg.accumulate, None, config.manner)
        return Work(
            lessons,
            questions(0, asked, config.manner),
            leg.model_copy(update=often),
            config.rl.model_copy(update=often),
        )
    from pipeline.training.shards import shards

    rows = shards(Path(config.data), "train", config.manner)
    return Work(rows, rows, config.sft.model_copy(update=often), config.rl.model_copy(update=often))


def measure(config: TrainConfig, shape: str, work: Work, stage: str, peak: float | None, profile: bool) -> list[str]:
    """Train that many steps from random weights; what is worth telling of them."""
    policy = policy_of(config, shape, work)
    profiler = torch.profiler.profile() if profile else None
    with tempfile.TemporaryDirectory() as folder:
        clock = Clock(stage, Path(folder), profiler)
        if stage == "sft":
            fine_tune(policy, work.lessons, work.sft, clock, config.seed)
        else:
            reinforce(policy, work.examples, work.rl, clock, config.seed)
    step = statistics.median(clock.steps)
    told = [f"{step:.3f} s a step ({clock.steps[0]:.3f}-{clock.steps[-1]:.3f})"]
    told += _sft(policy, work, step, peak) if stage == "sft" else _rl(policy, work, step)
    told.append(_memory())
    if profiler:
        told.append("\n" + profiler.key_averages().table(sort_by="self_cpu_time_total", row_limit=15))
    return told


def policy_of(config: TrainConfig, shape: str, work: Work) -> Policy:
    """A policy of a shape, with random weights, as the configuration wants it trained."""
    from pipeline.training import course, run

    lamps = config.data == "lamps"
    policy = course.untrained(config) if lamps else run.untrained(config, work.examples)
    if shape != "tiny":
        policy.model = whole_model(shape, policy.tokenizer, config)
    policy.checkpointing = config.model.gradient_checkpointing
    if config.model.adapter is not None:
        with_adapter(policy, config.model.adapter, config.seed)
    return policy


def whole_model(shape: str, tokenizer: Any, config: TrainConfig) -> Any:
    """Qwen2.5-VL in its own size, made where it will be used."""
    from transformers import Qwen2_5_VLForConditionalGeneration

    from pipeline.training.embedding import as_product

    how = config.model.how
    full = whole_config(shape, tokenizer)
    full._attn_implementation = how["attn_implementation"]
    torch.manual_seed(config.seed)
    torch.set_default_dtype(how["dtype"])
    try:
        with torch.device(how["device_map"][""]):
            model = Qwen2_5_VLForConditionalGeneration(full)
    finally:
        torch.set_default_dtype(torch.float32)
    as_product(model)
    return model


def whole_config(shape: str, tokenizer: Any) -> Any:
    """The configuration of a released model, with the ids of another tokenizer's special tokens."""
    from transformers import Qwen2_5_VLConfig

    from pipeline.training.tiny import tiny_config

    known = tiny_config(tokenizer).to_dict()
    ids = {name: value for name, value in known.items() if name.endswith("token_id")}
    sizes = SHAPES[shape]
    text = {**sizes["text"], "rope_parameters": ROPE, "max_position_embeddings": 128_000, **sizes["whole"]}
    return Qwen2_5_VLConfig(text_config=text, vision_config={**VISION, **sizes["vision"]}, **ids, **sizes["whole"])


def _sft(policy: Policy, work: Work, step: float, peak: float | None) -> list[str]:
    """Rows, tokens and operations a second."""
    rows = work.sft.batch * work.sft.accumulate
    encoded = [work.lessons[index % len(work.lessons)].encoded(policy.encoder, policy.manner) for index in range(rows)]
    batch = {name: value.to(policy.model.device) for name, value in policy.encoder.batch(encoded).items()}
    told = [f"{rows / step:.2f} rows/s", f"{sum(len(row.ids) for row in encoded) / step:.0f} tokens/s"]
    rate = _operations(policy, batch) / step / 1e12
    return [*told, f"{rate:.3f} TFLOP/s" + (f" (MFU {rate / peak:.1%})" if peak else "")]


def _operations(policy: Policy, batch: dict[str, Any]) -> float:
    """Floating point operations that a step needs: the forward pass once, and as much again for each gradient.

    Frozen weights want no gradient of their own; what checkpointing computes again does not count (Chowdhery 2022).
    """
    from torch.utils.flop_counter import FlopCounterMode

    inputs = {name: value for name, value in batch.items() if name != "labels"}
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        policy.model(**inputs)
    return float(counter.get_total_flops()) * (3 if policy.model.get_input_embeddings().weight.requires_grad else 2)


def _rl(policy: Policy, work: Work, step: float) -> list[str]:
    """What of a step the rollouts take, and how fast they write."""
    sampling = Sampling(temperature=work.rl.temperature, max_tokens=work.rl.max_tokens)
    roller = Roller(policy.model, policy.encoder, policy.manner, sampling)
    asked = [work.examples[index % len(work.examples)] for index in range(work.rl.questions)]
    start = time.perf_counter()
    rollouts = roller.roll(asked, work.rl.rollouts)
    seconds = time.perf_counter() - start
    written = sum(sum(rollout.said.trained) for rollout in rollouts)
    return [
        f"{len(rollouts) / step:.2f} rollouts/s",
        f"rolling out {seconds:.2f} s of it",
        f"{written / seconds:.0f} tokens written/s, {roller.tokens_read / seconds:.0f} read/s",
    ]


def _memory() -> str:
    if torch.cuda.is_available():
        return f"{torch.cuda.max_memory_allocated() / 2**30:.1f} GiB of the GPU at most"
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GiB at most"


def _silent(_: str) -> None:
    """Steps are told at the end."""


if __name__ == "__main__":
    main()
