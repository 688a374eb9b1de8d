"""Every number and path of a training run: one YAML, `key=value` on top, unknown keys refused."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipeline.training.manner import Manner
from pipeline.training.policy import AdapterConfig
from pipeline.training.rewards import PRESETS, REWARDS


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Loading(_Section):
    """How a model is loaded."""

    dtype: Literal["float32", "bfloat16"] = "float32"
    attention: Literal["sdpa", "flash_attention_2", "eager"] = "sdpa"
    device: Literal["cpu", "cuda", "auto"] = "auto"

    @property
    def how(self) -> dict[str, Any]:
        """What transformers is told of it."""
        import torch

        device = "cuda" if torch.cuda.is_available() and self.device != "cpu" else "cpu"
        return {"dtype": getattr(torch, self.dtype), "attn_implementation": self.attention, "device_map": {"": device}}


class ModelConfig(Loading):
    """What is trained."""

    name: str = "tiny"
    """A folder or Hub id of a Qwen2.5-VL; `tiny` builds the real architecture at a size for a CPU, from nothing."""
    adapter: AdapterConfig | None = None
    """None trains every weight."""
    gradient_checkpointing: bool = False


class OptimizerConfig(_Section):
    """AdamW and its schedule."""

    lr: float = Field(1e-5, gt=0)
    schedule: Literal["constant", "cosine", "constant_then_cosine"] = "cosine"
    """`constant_then_cosine` falls over the last two fifths."""
    warmup: float = Field(0.1, ge=0, lt=1)
    """Share of the steps."""
    weight_decay: float = Field(0.0, ge=0)
    beta2: float = Field(0.999, gt=0, lt=1)
    max_grad_norm: float = 1.0


class SftConfig(_Section):
    """Supervised fine-tuning on traces."""

    steps: int | None = Field(None, ge=1)
    """Optimizer steps; null goes by epochs."""
    epochs: float = 3.0
    batch: int = Field(2, ge=1)
    """Rows a device takes at once."""
    accumulate: int = Field(2, ge=1)
    max_tokens: int = Field(32_768, ge=64)
    """Rows longer than this, pictures included, are dropped and counted; never cut."""
    optimizer: OptimizerConfig = OptimizerConfig()
    save_steps: int = Field(100, ge=1)
    """Steps between checkpoints to resume from."""
    workers: int = Field(0, ge=0)
    """Processes that make batches ahead."""
    log_steps: int = Field(10, ge=1)


class RlConfig(_Section):
    """Reinforcement learning on answers, with the zoom inside the rollout."""

    enabled: bool = True
    steps: int = Field(100, ge=1)
    questions: int = Field(8, ge=1)
    """Per step and device."""
    rollouts: int = Field(8, ge=2)
    """Per question: the group."""
    batch: int = Field(8, ge=1)
    """Rollouts a device takes through the gradient at once; divides questions x rollouts."""
    algorithm: Literal["grpo", "rloo", "reinforce"] = "grpo"
    loss: Literal["grpo", "bnpo", "dr_grpo", "dapo"] = "dapo"
    """How token losses are averaged, by TRL's names."""
    kl: float = Field(0.0, ge=0)
    clip: float = Field(0.2, gt=0)
    clip_high: float | None = None
    temperature: float = Field(1.0, gt=0)
    max_tokens: int = Field(512, ge=1)
    """Tokens a policy may write in one rollout; crops do not count."""
    preset: str | None = "seed"
    """Reward weights by name; null takes `rewards` alone."""
    rewards: dict[str, float] = {}
    """Weights by reward, over the preset's; 0 is a metric."""
    least_zoom_rate: float = Field(0.0, ge=0, le=1)
    """Training stops where the share of rollouts that zoom stays below this: the policy has given up looking."""
    patience: int = Field(20, ge=1)
    """Steps it may stay there."""
    optimizer: OptimizerConfig = OptimizerConfig(lr=1e-6, schedule="constant", warmup=0.0)
    save_steps: int = Field(50, ge=1)
    log_steps: int = Field(1, ge=1)

    @model_validator(mode="after")
    def _sound(self) -> "RlConfig":
        if self.preset is not None and self.preset not in PRESETS:
            raise ValueError(f"there is no preset {self.preset!r}; choose from {sorted(PRESETS)}")
        if unknown := [name for name in self.rewards if name not in REWARDS]:
            raise ValueError(f"there is no reward {unknown[0]!r}; choose from {sorted(REWARDS)}")
        if self.questions * self.rollouts % self.batch:
            raise ValueError(f"a batch of {self.batch} does not divide {self.questions} x {self.rollouts} rollouts")
        return self

    @property
    def weights(self) -> dict[str, float]:
        return {**(PRESETS[self.preset] if self.preset else {}), **self.rewards}


class EvaluateConfig(_Section):
    """The table at the end."""

    count: int = Field(1000, ge=1)
    """Questions per resolution; fewer where there are no more."""
    controls: int = Field(300, ge=1)
    """Of them, those asked again with other crops than the policy's own."""
    batch: int = Field(64, ge=1)
    max_tokens: int = Field(512, ge=1)


class Row(_Section):
    """One kind of exercise in a course, and how often it comes."""

    kind: Literal["grounding", "reading", "direct", "zoom", "trace"]
    resolution: int | None = None
    """R; null draws one for each."""
    weight: float = Field(1.0, gt=0)


class Lesson(SftConfig):
    """One leg of a course: exercises of some kinds, made as they are needed."""

    rows: tuple[Row, ...] = (Row(kind="trace"),)
    few: int | None = None
    """Only this many different scenes, again and again; null never shows one twice."""


class CourseConfig(_Section):
    """What the tiny model goes through on drawn scenes, as nothing was trained into it before."""

    base: tuple[Lesson, ...] = (Lesson(),)
    """Finding and reading, one leg after the other: what a pretrained model brings along."""
    direct: Lesson = Lesson()
    sft: Lesson = Lesson()
    always: Lesson = Lesson()
    """`sft`, but zooming at every resolution."""
    few: Lesson = Lesson()
    more: Lesson = Lesson()
    """The control of RL: the same compute spent on more of `few`."""
    workers: int = Field(2, ge=1)
    """Processes of one core each: they share the batches of the base, then each trains an arm at a time."""

    @model_validator(mode="after")
    def _shared(self) -> "CourseConfig":
        for leg in self.base:
            if leg.batch % self.workers:
                raise ValueError(f"{self.workers} workers cannot share a batch of {leg.batch} rows of the base evenly")
        return self


class TrainConfig(_Section):
    """One training run."""

    out: str = "outputs/demo/train"
    seed: int = 0
    data: str = "outputs/demo"
    """The folder of a run or of its dataset; `lamps` draws scenes with traces by rule."""
    manner: Manner = Manner()
    model: ModelConfig = ModelConfig()
    sft: SftConfig = SftConfig()
    rl: RlConfig = RlConfig()
    evaluate: EvaluateConfig = EvaluateConfig()
    course: CourseConfig = CourseConfig()
    report_to: tuple[str, ...] = ()
    """Trackers by the trainer's own names, as `tensorboard` or `wandb`."""

    @property
    def folder(self) -> Path:
        return Path(self.out)


def fixed(config: TrainConfig) -> dict[str, Any]:
    """What decides the outcome of a run, for its folder to remember."""
    return config.model_dump(mode="json", exclude={"out", "report_to"})
