"""How good a policy is at each input resolution: accuracy, what it costs, and whether its looking matters."""

import math
from collections.abc import Iterable, Iterator, Sequence
from random import Random
from typing import Any, NamedTuple

from typing_extensions import override

from agents.boxes import Box, Size, union
from agents.trace import Zoom
from agents.views import View
from pipeline.training.config import EvaluateConfig
from pipeline.training.encode import Encoded
from pipeline.training.environment import ZoomEnvironment
from pipeline.training.examples import Example
from pipeline.training.policy import Policy
from pipeline.training.rewards import accuracy, faithful_zooms
from pipeline.training.rollout import Roller, Rollout
from pipeline.training.writing import Sampling

NATIVE = 0
"""Stands for the native resolution in a table of numbers."""


class RandomCrops(ZoomEnvironment):
    """Shows a crop of the size asked for, from a random place: what is left is what the policy knew without looking."""

    @override
    def zoom(self, look: Zoom) -> Encoded:
        photo = self.example.photo.size
        return super().zoom(Zoom(view=elsewhere(look.view, photo, f"{self.example.id}:{len(self.views)}")))


class RightCrops(ZoomEnvironment):
    """Shows the evidence whatever box is asked for: what is left to lose is lost in reading, not in finding."""

    @override
    def zoom(self, look: Zoom) -> Encoded:
        return super().zoom(self.setting.zoom(union(list(self.example.evidence))))


class Way(NamedTuple):
    """How questions are put to a policy."""

    temperature: float = 0.0
    world: type[ZoomEnvironment] = ZoomEnvironment


GREEDY, SAMPLED = Way(), Way(temperature=1.0)
CONTROLS = {"random_crop_accuracy": Way(world=RandomCrops), "right_crop_accuracy": Way(world=RightCrops)}
"""By the number of a row they make."""


def elsewhere(view: View, photo: Size, draw: str) -> View:
    """A view as large as another, of a box of that size anywhere in the photo; the same for the same `draw`."""
    rng, size = Random(draw), view.box.size
    x, y = (rng.randint(0, whole - part) for whole, part in zip(photo, size, strict=True))
    return view.model_copy(update={"box": Box(x, y, x + size.width, y + size.height)})


def wilson(right: int, count: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927)."""
    if not count:
        return 0.0, 1.0
    z, share = 1.96, right / count
    centre = share + z * z / (2 * count)
    spread = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    low, high = ((centre + sign * spread) / (1 + z * z / count) for sign in (-1, 1))
    return max(0.0, low), min(1.0, high)


class Evaluator:
    """Puts the same questions to policies."""

    def __init__(self, config: EvaluateConfig, seed: int = 0) -> None:
        self.config, self.seed = config, seed

    def rollouts(self, policy: Policy, examples: Sequence[Example], *ways: Way) -> list[list[Rollout]]:
        """For each way, a rollout of each example. A batch is read once and goes all ways from there."""
        rollers = [self._roller(policy, way) for way in ways]
        made: list[list[Rollout]] = [[] for _ in ways]
        for batch in _batches(examples, self.config.batch):
            prompted = rollers[0].read(batch)
            for rollouts, roller in zip(made, rollers, strict=True):
                rollouts += roller.roll_on(prompted.fork())
        return made

    def _roller(self, policy: Policy, way: Way) -> Roller:
        sampling = Sampling(temperature=way.temperature, max_tokens=self.config.max_tokens)
        return Roller(policy.model, policy.encoder, policy.manner, sampling, self.seed, way.world)

    def row(self, policy: Policy, name: str, examples: Sequence[Example]) -> dict[str, Any]:
        """One row of the table, on examples posed at one resolution."""
        examples = list(examples)
        greedy, sampled = self.rollouts(policy, examples, GREEDY, SAMPLED)
        right, low, high = share(greedy)
        row: dict[str, Any] = {
            "model": name,
            "resolution": examples[0].resolution or NATIVE,
            "n": len(greedy),
            "accuracy": right,
            "accuracy_t1": share(sampled)[0],
            "ci95": [low, high],
            "zooms": mean(len(rollout.views) for rollout in greedy),
            "zoom_rate": mean(bool(rollout.views) for rollout in greedy),
            "visual_tokens": mean(rollout.visual_tokens for rollout in greedy),
            "faithful_zooms": mean(faithful_zooms(rollout) for rollout in greedy if rollout.views),
            # Measured where they mean something, null elsewhere.
            **dict.fromkeys(CONTROLS),
        }
        if not row["zooms"]:
            return row
        again = examples[: self.config.controls]
        row["controls"] = len(again)
        ways = dict(CONTROLS)
        if not all(example.evidence for example in again):
            del ways["right_crop_accuracy"]
        for name, rollouts in zip(ways, self.rollouts(policy, again, *ways.values()), strict=True):
            row[name] = share(rollouts)[0]
        return row


def share(rollouts: Sequence[Rollout]) -> tuple[float, float, float]:
    """The share that is right, and its 95 % interval."""
    right = sum(accuracy(rollout) == 1.0 for rollout in rollouts)
    low, high = wilson(right, len(rollouts))
    return right / max(1, len(rollouts)), low, high


def mean(values: Iterable[float]) -> float | None:
    """None where there is nothing to take the mean of."""
    kept = [float(value) for value in values]
    return sum(kept) / len(kept) if kept else None


def _batches(examples: Sequence[Example], size: int) -> Iterator[Sequence[Example]]:
    for start in range(0, len(examples), size):
        yield [examples[number] for number in range(start, min(start + size, len(examples)))]


def as_table(rows: Sequence[dict[str, Any]]) -> str:
    """Rows for a terminal or a Markdown file."""
    head = (
        "| model | R | n | accuracy | 95 % | T=1 | zooms | visual tokens | random crop | right crop | always zooming |"
    )
    lines = [head, "|" + "---|" * 11]
    for row in rows:
        low, high = row["ci95"]
        cells = [
            row["model"],
            row["resolution"] or "native",
            row["n"],
            f"{row['accuracy']:.3f}",
            f"{low:.3f}-{high:.3f}",
            f"{row['accuracy_t1']:.3f}",
            f"{row['zooms']:.2f}",
            f"{row['visual_tokens']:.0f}",
            *(_number(row.get(key)) for key in ("random_crop_accuracy", "right_crop_accuracy", "always_zoom_accuracy")),
        ]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
