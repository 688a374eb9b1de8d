"""Strategies in which the policy decides itself where to look, and when it has seen enough."""

import math
import re

from agents.dialects import Dialect
from agents.views import PATCH, View
from pipeline.evaluation.attempt import Attempt, Grade
from pipeline.evaluation.errors import EvaluationError
from pipeline.evaluation.exchange import Exchange, Steps
from pipeline.evaluation.strategies.registry import strategy

LOOKING = ("max_zooms", "stop_at", "crop_tokens", "crop_source", "regions", "crops")
_TOKENS = re.compile(r'"visual_tokens"\s*:\s*(\d{1,6})')


@strategy("cof", *LOOKING)
def chain_of_focus(attempt: Attempt) -> Steps:
    """Chain-of-Focus: an answer where it sees enough, and else a box, its crop, and on it goes."""
    return (yield from looking(attempt, attempt.ask()))


@strategy("graded", *LOOKING, "grading", "grades")
def graded(attempt: Attempt) -> Steps:
    """The same, with crops of different resolutions: by the size of the box, or as the policy asks in its call."""
    if attempt.switches.grading == "box":
        return (yield from looking(attempt, attempt.ask(), by_size(attempt)))
    if attempt.manner.dialect is Dialect.INLINE:
        raise EvaluationError("A policy of the inline dialect cannot say how many tokens it wants: use grading=box.")
    return (yield from looking(attempt, attempt.ask_graded(), by_wish(attempt)))


@strategy("boxes-in-text", "max_zooms")
def boxes_in_text(attempt: Attempt) -> Steps:
    """Boxes are written and nothing new is seen for them (Visual-CoT, arXiv 2403.16999; GRIT, arXiv 2505.15879)."""
    words = yield attempt.ask()
    while attempt.asks(words):
        words = yield attempt.close() if attempt.spent else attempt.go_on()
    return attempt.outcome(words)


def looking(attempt: Attempt, asked: Exchange, grade: Grade | None = None) -> Steps:
    """Looks for as long as the policy wants any and may have them; then its answer."""
    words = yield asked
    while attempt.asks(words):
        if attempt.spent:
            words = yield attempt.close()
            break
        if attempt.switches.stop_at is not None:
            guess = yield attempt.close(passing=True)
            if _sure(guess.confidence) >= attempt.switches.stop_at:
                return attempt.outcome(guess)
        words = yield attempt.respond(words, grade)
    return attempt.outcome(words)


def by_size(attempt: Attempt) -> Grade:
    """As many tokens as the box has detail for, within the grades."""
    least, most = attempt.switches.grades

    def grade(view: View, _text: str) -> int:
        detail = view.box.area * attempt.manner.zoom.max_enlarge**2 / PATCH**2
        return min(max(math.ceil(detail), least), most)

    return grade


def by_wish(attempt: Attempt) -> Grade:
    """As many tokens as the policy asks for in its call, within the grades; the least where it names none."""
    least, most = attempt.switches.grades

    def grade(_view: View, text: str) -> int:
        asked = _TOKENS.findall(text)
        return min(max(int(asked[-1]), least), most) if asked else least

    return grade


def _sure(confidence: float | None) -> float:
    if confidence is None:
        raise EvaluationError("This endpoint tells no probabilities: stop_at needs a model that runs here.")
    return confidence
