"""Every strategy by its name, with the switches it reads."""

from collections.abc import Callable
from typing import NamedTuple

from pipeline.evaluation.attempt import Attempt
from pipeline.evaluation.exchange import Steps

Run = Callable[[Attempt], Steps]


class Strategy(NamedTuple):
    """How a policy goes about a question."""

    run: Run
    reads: frozenset[str]
    """The switches that change what it does."""
    sweeps: bool
    """Whether the input resolution does; else it is run once."""


STRATEGIES: dict[str, Strategy] = {}


def strategy(name: str, *reads: str, sweeps: bool = True) -> Callable[[Run], Run]:
    """Register a strategy."""

    def register(run: Run) -> Run:
        STRATEGIES[name] = Strategy(run, frozenset(reads), sweeps)
        return run

    return register
