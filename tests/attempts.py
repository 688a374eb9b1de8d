"""Attempts to drive by hand: what a policy would write is said by the test, and what it would read is returned."""

from typing import Any

from agents.boxes import Box
from agents.dialects import BOX_END, BOX_START, ZOOM_TOKEN, Dialect
from pipeline.evaluation.attempt import Attempt
from pipeline.evaluation.config import Way
from pipeline.evaluation.exchange import Exchange, Outcome, Steps, Written
from pipeline.evaluation.items import Item
from pipeline.evaluation.strategies import STRATEGIES
from tests.policies import NoisyPhoto, example, manner

OTHER = NoisyPhoto(99)
ANSWER = "<think> I see it. </think>\n<answer> EXIT </answer><|im_end|>"
TALL, WIDE = Box(10, 10, 60, 70), Box(40, 30, 110, 60)
"""In pixels of the posed view."""


def look(*boxes: Box, dialect: Dialect = Dialect.INLINE) -> str:
    """What a policy writes to ask for looks at boxes of the posed view."""
    if dialect is Dialect.INLINE:
        return "<think> " + " ".join(f"{BOX_START}{list(box)}{BOX_END}" for box in boxes) + f" {ZOOM_TOKEN}"
    called = "\n".join(
        f'<tool_call>{{"name": "image_zoom_in_tool", "arguments": {{"bbox_2d": {list(box)}}}}}</tool_call>'
        for box in boxes
    )
    return f"<think> Closer. </think>\n{called}<|im_end|>"


def attempt(way: Way, dialect: Dialect = Dialect.INLINE, where: str | None = None, **values: Any) -> Attempt:
    """An attempt at the example of these tests: a photo of 403 x 301 posed at R = 112."""
    return Attempt(Item(example(), where=where), manner(dialect, **values), way, OTHER)


class Driven:
    """An attempt that hears what the test says, and keeps all that it would have the policy read."""

    def __init__(self, one: Attempt, way: Way, *said: str | Written) -> None:
        self.attempt, self.read = one, list[Exchange]()
        self.outcome = self._drive(STRATEGIES[way.strategy].run(one), list(said))

    def _drive(self, steps: Steps, said: list[str | Written]) -> Outcome:
        exchange = next(steps)
        while True:
            self.read.append(exchange)
            words = said.pop(0)
            try:
                exchange = steps.send(Written(words, 0.9, True) if isinstance(words, str) else words)
            except StopIteration as end:
                assert not said, f"not asked any more, though this was still to be said: {said}"
                outcome: Outcome = end.value
                return outcome


def driven(strategy: str, *said: str | Written, dialect: Dialect = Dialect.INLINE, **switches: Any) -> Driven:
    """A strategy with some switches, hearing what is said."""
    way = Way(strategy=strategy, **switches)
    return Driven(attempt(way, dialect, brief=dialect is Dialect.INLINE), way, *said)
