"""Lettered options: reading them, and refusing a benchmark whose right one never moves."""

import re
from collections.abc import Sequence

from agents.answers import LETTERS
from pipeline.evaluation.errors import EvaluationError
from pipeline.evaluation.items import Item

_OPTION = re.compile(r"\((?P<letter>[A-Z])\)\s*(?P<text>\S.*)", re.DOTALL)
FEWEST = 8
"""Questions that tell: fewer may well have the right option in one place by chance."""


def options(where: str, written: Sequence[str], label: str) -> tuple[tuple[str, ...], str]:
    """The options of `(A) …` lines, and the letter of the right one as they will be posed.

    That is the place of the option that bears the label, as published letters may repeat: MME-RealWorld-Lite has
    questions with options A, B, C, D, D and E. Raises EvaluationError.
    """
    found = [_OPTION.fullmatch(line.strip()) for line in written]
    choices = tuple(option["text"] for option in found if option)
    letters = [option["letter"] for option in found if option]
    if not 2 <= len(choices) == len(found) <= len(LETTERS):
        raise EvaluationError(f"{where} is not as published: its options are not 2 to {len(LETTERS)} lines `(A) …`.")
    if letters.count(label) != 1:
        raise EvaluationError(f"{where} is not as published: {letters.count(label)} of its options are {label[:20]!r}.")
    return choices, LETTERS[letters.index(label)]


def refuse_unshuffled(name: str, items: Sequence[Item]) -> None:
    """Raises EvaluationError where the right option always has the same letter.

    V*'s JSON files, one per photo, name the right option first: asked in that order, a model that likes the letter A
    scores five points more (DeepEyes, pull request 66).
    """
    answers = [item.example.answer for item in items if item.example.choices]
    if len(answers) >= FEWEST and len(set(answers)) == 1:
        raise EvaluationError(
            f"{name} is refused: the right option of all {len(answers)} questions is {answers[0]}, so that liking "
            f"this letter would count as skill. Take the file its authors shuffled (V*: test_questions.jsonl)."
        )
