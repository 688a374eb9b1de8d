"""What measures a step of training: the released models' shapes, and numbers for each stage."""

from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch

from benchmarks.training import SHAPES, measure, whole_config, work_of
from pipeline.config import load_as
from pipeline.training.config import TrainConfig
from pipeline.training.course import corpus
from pipeline.training.tiny import build_tokenizer

TINY = load_as(TrainConfig, Path("configs/tiny.yaml"), ["rl.questions=2", "rl.rollouts=2", "rl.batch=4"])


@pytest.mark.parametrize(("shape", "weights"), [("7b", 8_292_166_656), ("3b", 3_754_622_976)])
def test_a_shape_has_as_many_weights_as_the_released_model(shape: str, weights: int) -> None:
    from transformers import Qwen2_5_VLForConditionalGeneration

    assert shape in SHAPES
    with torch.device("meta"):
        model = Qwen2_5_VLForConditionalGeneration(whole_config(shape, build_tokenizer(corpus(TINY, 2), 64)))
    assert sum(weight.numel() for weight in model.parameters()) == weights


@pytest.mark.parametrize(("stage", "told"), [("sft", "tokens/s"), ("rl", "tokens written/s")])
def test_a_stage_is_told_in_numbers(stage: str, told: str) -> None:
    said = " · ".join(measure(TINY, "tiny", work_of(TINY, 1), stage, None, profile=False))
    assert "s a step" in said
    assert told in said
