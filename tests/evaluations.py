"""A small evaluation that is over in seconds: a random policy, and questions about noisy photos."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.config import load_as
from pipeline.evaluation.config import EvaluationConfig
from pipeline.evaluation.items import BENCHMARKS, BenchmarkConfig, Item
from tests.policies import example, policy

CHOICES = ("EXIT", "OPEN", "STOP", "HALT")


@cache
def model_folder() -> Path:
    """A tiny policy with random weights, saved once."""
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="cof-random-"))
    policy().save(folder)
    return folder


def signs(config: BenchmarkConfig) -> Sequence[Item]:
    """A benchmark of noisy photos: the first questions have options, in four orders each."""
    count = config.count or 4
    return [_item(number) for number in range(count)]


def _item(number: int) -> Item:
    turn = number % 4
    choices = CHOICES[turn:] + CHOICES[:turn]
    letter = "ABCD"[choices.index("EXIT")]
    one = example(number)._replace(resolution=None, trace=None, choices=choices, answer=letter)
    return Item(one, category="sign", group=f"q{number // 4}")


BENCHMARKS["signs"] = signs
"""Registered as any other: what a user does for a benchmark of his own."""


def config(out: Path, *overrides: str, **values: Any) -> EvaluationConfig:
    """An evaluation of the random policy."""
    given = [f"out={out}", f"models=[{{name: random, path: {model_folder()}}}]", "benchmarks=[{name: signs, count: 8}]"]
    usual = ["resolutions=[56, 112]", "max_tokens=8", "batch=3"]
    return load_as(EvaluationConfig, None, [*given, *usual, *overrides, *(f"{k}={v}" for k, v in values.items())])
