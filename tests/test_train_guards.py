"""What is refused before training starts, with the reason."""

from importlib.util import find_spec
from typing import Any

import pytest

pytest.importorskip("torch")

from pipeline.config import ConfigError, load_as
from pipeline.training.config import TrainConfig
from pipeline.training.errors import TrainingError
from pipeline.training.guards import guard


def config(**values: Any) -> TrainConfig:
    return TrainConfig.model_validate({"data": "lamps", **values})


def test_the_default_course_is_let_through() -> None:
    guard(config())


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"data": "gone"}, "There is no gone: run `make synthesize` first"),
        ({"model": {"name": "Qwen/Qwen2.5-VL-7B-Instruct"}}, "data=lamps is the tiny model's course"),
        ({"model": {"adapter": {"kind": "lora"}}}, "The tiny model starts from nothing"),
        ({"manner": {"zoom": {"max_pixels": 5121 * 28**2}}}, "5121 visual tokens is more than 5120"),
    ],
)
def test_what_would_fail_late_is_refused_early(values: dict[str, Any], reason: str) -> None:
    with pytest.raises(TrainingError, match=reason):
        guard(config(**values))


def test_a_gpu_configuration_without_a_gpu_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(TrainingError, match="needs a GPU, and torch finds none"):
        guard(config(model={"device": "cuda"}))


def test_four_bit_embeddings_cannot_learn_a_new_token(tmp_path: Any) -> None:
    model = {"name": "Qwen/Qwen2.5-VL-3B-Instruct", "adapter": {"kind": "qlora"}}
    with pytest.raises(TrainingError, match="set manner"):
        guard(config(data=str(tmp_path), model=model))


@pytest.mark.parametrize("name", ["ACCELERATE_DEEPSPEED_ZERO_STAGE", "ACCELERATE_USE_FSDP"])
def test_rl_on_a_sharded_model_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ranks that zoom unequally often would wait for each other for ever (TRL PR 6673)."""
    monkeypatch.setenv(name, "3" if "ZERO" in name else "true")
    with pytest.raises(TrainingError, match="RL needs the whole model on each GPU"):
        guard(config())
    guard(config(rl={"enabled": False}))


@pytest.mark.parametrize("package", ["torchvision", "trl"])
def test_a_missing_package_is_named(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """G8: without torchvision, Qwen2.5-VL's processor fails with an error about its video processor."""
    monkeypatch.setattr("pipeline.training.guards.find_spec", lambda name: None if name == package else find_spec(name))
    with pytest.raises(TrainingError, match=f"Training needs {package}, which is not installed"):
        guard(config())


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("rl.preset=sede", "there is no preset 'sede'"),
        ("rl.rewards={accurracy: 1}", "there is no reward 'accurracy'"),
        ("rl.batch=7", "a batch of 7 does not divide 8 x 8 rollouts"),
        ("sft.stepps=3", "There is no key 'sft.stepps'. Did you mean 'sft.steps'?"),
        ("rl.use_vllm=true", "There is no key 'rl.use_vllm'"),
        ("rl.mask_truncated_completions=true", "There is no key 'rl.mask_truncated_completions'"),
    ],
)
def test_what_is_misspelt_or_not_supported_is_refused(override: str, sentence: str) -> None:
    """G7 and G9 are not offered: generation that takes no pictures, and masks that mix up pictures."""
    with pytest.raises(ConfigError, match=sentence.replace("?", r"\?")):
        load_as(TrainConfig, None, [override])
