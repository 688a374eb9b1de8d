"""Shares with their intervals, and whether two are different."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.training.evaluate import wilson

Z = 1.96
"""Standard errors on each side of a 95 % interval."""
RESAMPLES = 10_000


class Share(NamedTuple):
    """A share, and its 95 % interval."""

    mean: float
    low: float
    high: float
    questions: int
    answers: int


def share(answers: Iterable[tuple[str, bool]]) -> Share:
    """The share of answers that is right; each comes with the question it belongs to.

    Answers to one question (its cycles, its seeds, its repetitions) go together: the interval is Wilson's where each
    has one answer, and else the normal one with errors clustered by question (Liang and Zeger 1986).
    """
    by_question: dict[str, list[bool]] = defaultdict(list)
    for question, right in answers:
        by_question[question].append(right)
    questions, count = len(by_question), sum(map(len, by_question.values()))
    correct = sum(sum(rights) for rights in by_question.values())
    if questions == count:
        return Share(correct / max(1, count), *wilson(correct, count), questions, count)
    mean = correct / count
    off = [sum(rights) - mean * len(rights) for rights in by_question.values()]
    spread = Z * math.sqrt(sum(one * one for one in off)) / count
    return Share(mean, max(0.0, mean - spread), min(1.0, mean + spread), questions, count)


class Difference(NamedTuple):
    """How much more often one is right than the other, on the same questions."""

    mean: float
    low: float
    high: float
    """95 % interval, by bootstrap over the questions."""
    questions: int
    gained: int
    """Answers that only the first has right."""
    lost: int
    """Answers that only the second has right."""
    p: float
    """McNemar's exact test, two-sided: how likely so uneven a change is where neither is better."""


def difference(pairs: Sequence[tuple[str, bool, bool]], seed: int = 0) -> Difference:
    """Of answers by question: whether the first and whether the second has it right."""
    by_question: dict[str, list[int]] = defaultdict(list)
    for question, one, other in pairs:
        by_question[question].append(int(one) - int(other))
    means = np.array([np.mean(changes) for changes in by_question.values()])
    gained, lost = (sum(change == way for changes in by_question.values() for change in changes) for way in (1, -1))
    if not len(means):
        return Difference(0.0, -1.0, 1.0, 0, 0, 0, 1.0)
    low, high = np.quantile(_resampled(means, seed), (0.025, 0.975))
    return Difference(float(means.mean()), float(low), float(high), len(means), gained, lost, mcnemar(gained, lost))


def mcnemar(gained: int, lost: int) -> float:
    """Two-sided exact p of McNemar's test (1947): that of a fair coin."""
    changed = gained + lost
    tail = sum(math.comb(changed, k) for k in range(min(gained, lost) + 1))
    return min(1.0, 2 * tail / (1 << changed))


def _resampled(means: npt.NDArray[np.float64], seed: int) -> npt.NDArray[np.float64]:
    """Means of questions drawn with replacement, again and again."""
    rng = np.random.default_rng(seed)
    drawn = [means[rng.integers(0, len(means), len(means))].mean() for _ in range(RESAMPLES)]
    return np.array(drawn)
