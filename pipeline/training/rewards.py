"""Rewards: plain functions of a rollout or of a group of rollouts, weighted in the YAML. Weight 0 is a metric.

A group holds the rollouts of one question. A reward that raises stops training: a wrong number would go unseen.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from agents.boxes import union, whole
from pipeline.training.rollout import Rollout, Stop

Group = Sequence[Rollout]
GroupReward = Callable[[Group], list[float]]
_ANSWER = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
REWARDS: dict[str, GroupReward] = {}
"""Every reward by its name, as the YAML weighs it."""


def group_reward(function: GroupReward) -> GroupReward:
    """Register a reward that looks at all rollouts of a question together."""
    REWARDS[function.__name__] = function
    return function


def reward(function: Callable[[Rollout], float]) -> Callable[[Rollout], float]:
    """Register a reward that looks at one rollout alone."""
    REWARDS[function.__name__] = lambda group: [function(rollout) for rollout in group]
    return function


def answer_of(rollout: Rollout) -> str | None:
    """The last answer written, in a sound format or not; None without one."""
    return last_answer(rollout.texts[-1]) if rollout.texts else None


def last_answer(text: str) -> str | None:
    """The last answer in a text; None without one."""
    found = _ANSWER.findall(text)
    return found[-1].strip() if found else None


@reward
def accuracy(rollout: Rollout) -> float:
    """1 where the answer is right, by the same rule as everywhere."""
    return float(rollout.stop is Stop.ANSWERED and rollout.example.truth.accepts(answer_of(rollout)))


@reward
def format(rollout: Rollout) -> float:
    """1 where what was written is a trace."""
    return float(rollout.trace is not None)


@reward
def signed_format(rollout: Rollout) -> float:
    """1 for a trace, -0.5 for anything else, as the seed document has it."""
    return 1.0 if rollout.trace is not None else -0.5


@reward
def valid_zooms(rollout: Rollout) -> float:
    """The share of the asked looks that were possible, whatever the answer; 1 without any (FaithEyes, 2607.28225)."""
    asked = len(rollout.views) + len(rollout.faults)
    return len(rollout.views) / asked if asked else 1.0


@reward
def faithful_zooms(rollout: Rollout) -> float:
    """The share of the crops that hold all the evidence; 1 without a crop or without known evidence."""
    evidence = rollout.example.evidence
    if not evidence or not rollout.views:
        return 1.0
    wanted = union(list(evidence))
    return sum(view.box.holds(wanted) for view in rollout.views) / len(rollout.views)


@group_reward
def agar_paper(group: Group) -> list[float]:
    """AGAR as the paper writes it: r = c (d + z (1 - 0.2 g)) + (1 - c) 0.1 f.

    c correct, d direct, z zoomed, f well formed, g some rollout of the group is correct and direct.
    """
    easy = any(accuracy(one) and not _zoomed(one) for one in group)
    return [(0.8 if easy and _zoomed(one) else 1.0) if accuracy(one) else 0.1 * format(one) for one in group]


@group_reward
def agar_code(group: Group) -> list[float]:
    """AGAR as the released code has it: as in the paper, but a wrong rollout that zoomed gets 0.5."""
    return [
        0.5 if _zoomed(one) and not accuracy(one) else score
        for one, score in zip(group, agar_paper(group), strict=True)
    ]


@reward
def zooms(rollout: Rollout) -> float:
    """Closer looks taken."""
    return float(len(rollout.views))


@reward
def zoomed(rollout: Rollout) -> float:
    return float(_zoomed(rollout))


@reward
def box_area(rollout: Rollout) -> float:
    """Mean share of the photo that the crops show; 0 without a crop."""
    photo = rollout.example.photo.size
    return sum(view.box.area for view in rollout.views) / photo.area / max(1, len(rollout.views))


@reward
def whole_image_zooms(rollout: Rollout) -> float:
    """Crops that show nearly all of the photo, and so nothing closer."""
    everything = whole(rollout.example.photo.size)
    return float(sum(view.box.iou(everything) > 0.9 for view in rollout.views))


@reward
def repeated_zooms(rollout: Rollout) -> float:
    """Crops of nearly the same place as the one before."""
    return float(sum(one.box.iou(other.box) > 0.9 for one, other in pairwise(rollout.views)))


@reward
def visual_tokens(rollout: Rollout) -> float:
    """Of all it was shown, the first view included."""
    return float(rollout.visual_tokens)


@reward
def written_tokens(rollout: Rollout) -> float:
    """What it wrote itself."""
    return float(sum(rollout.said.trained))


@reward
def over_turn(rollout: Rollout) -> float:
    return float(rollout.stop is Stop.OVER_TURN)


@reward
def truncated(rollout: Rollout) -> float:
    return float(rollout.stop is Stop.LENGTH)


def _zoomed(rollout: Rollout) -> bool:
    return bool(rollout.views)


PRESETS: dict[str, dict[str, float]] = {
    "seed": {"accuracy": 1.0, "signed_format": 0.3},
    "released": {"accuracy": 0.9, "format": 0.1},
    "agar-paper": {"agar_paper": 1.0},
    "agar-code": {"agar_code": 1.0},
    "faithful": {"accuracy": 1.0, "valid_zooms": 0.2},
}
"""Weights by name: the seed document's, the released training script's, AGAR's two tables, and FaithEyes'."""
WATCHED = (
    "accuracy", "format", "zoomed", "zooms", "box_area", "whole_image_zooms", "repeated_zooms", "faithful_zooms",
    "over_turn", "truncated", "visual_tokens", "written_tokens",
)  # fmt: skip
"""Logged whatever the weights."""


class Rubric:
    """Rewards with their weights."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        unknown = [name for name in weights if name not in REWARDS]
        if unknown:
            raise ValueError(f"there is no reward {unknown[0]!r}; choose from {sorted(REWARDS)}")
        self.weights = dict(weights)

    @property
    def full_marks(self) -> float:
        """What a perfect rollout earns."""
        return sum(self.weights.values())

    def scores(self, group: Group) -> list[float]:
        """The weighted sum for each rollout of a group."""
        columns = [[weight * one for one in REWARDS[name](group)] for name, weight in self.weights.items() if weight]
        return [sum(row) for row in zip(*columns, strict=True)]

    def watched(self, group: Group) -> dict[str, list[float]]:
        """Every metric for each rollout of a group: those always watched, and those of weight 0."""
        names = dict.fromkeys((*WATCHED, *(name for name, weight in self.weights.items() if not weight)))
        return {name: REWARDS[name](group) for name in names}
