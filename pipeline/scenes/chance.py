"""Typed helpers for drawing lots from a NumPy generator."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


def pick(rng: np.random.Generator, options: Sequence[T]) -> T:
    """One of the options, all equally likely."""
    return options[int(rng.integers(len(options)))]


def happens(rng: np.random.Generator, probability: float) -> bool:
    """True with this probability."""
    return float(rng.random()) < probability


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """A number drawn uniformly from low to high."""
    return float(rng.uniform(low, high))
