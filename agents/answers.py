"""When two answers are the same: the one rule that screening, verifying, rewards and evaluation share."""

import re
import unicodedata
from difflib import SequenceMatcher

LETTERS = "ABCDEFGH"
"""The letters of options, in order."""


def normalize(text: str) -> str:
    """An answer without what does not matter: case, space, and the quotes or full stop around it."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    folded = folded.replace("\u2019", "'").replace("\u2018", "'").replace("\u2013", "-")
    return re.sub(r"\s+", "", folded).strip("\"'.,;:()[]")


def same_answer(one: str | None, other: str | None) -> bool:
    """Whether two answers say the same; nothing is the same as no answer."""
    return one is not None and other is not None and bool(normalize(one)) and normalize(one) == normalize(other)


def likeness(one: str, other: str) -> float:
    """How much two readings resemble each other, 0 to 1 (Ratcliff/Obershelp)."""
    return SequenceMatcher(None, normalize(one), normalize(other)).ratio()


def with_options(question: str, choices: tuple[str, ...]) -> str:
    """A question and its lettered options, a line each."""
    return "\n".join([question, *(f"({letter}) {choice}" for letter, choice in zip(LETTERS, choices, strict=False))])


def pose(question: str, choices: tuple[str, ...]) -> str:
    """A question with its options, as it is put to a model."""
    if not choices:
        return question
    return f"{with_options(question, choices)}\nAnswer with the option's letter from the given choices directly."


def letter_of(answer: str, choices: tuple[str, ...]) -> str | None:
    """The letter of the option that an answer names, by letter or by its text; None if it names none."""
    stripped = answer.strip().strip("().").upper()
    if stripped in LETTERS[: len(choices)] and len(stripped) == 1:
        return stripped
    named = [letter for letter, choice in zip(LETTERS, choices, strict=False) if same_answer(answer, choice)]
    return named[0] if len(named) == 1 else None
