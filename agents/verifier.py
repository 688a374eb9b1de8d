"""The verifier: compares an answer with the ground truth, and hints without ever giving the truth away."""

import re

from pydantic import BaseModel

from agents.answers import letter_of, normalize, same_answer
from agents.case import Case
from agents.trajectory import Verdict

PLAIN_HINT = "That is not right. Look again, closer, at the very thing the question asks about."


NUMBERS = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)


class Judged(BaseModel):
    """The teacher's judgement of an answer."""

    correct: bool
    hint: str


class Truth(BaseModel):
    """What the verifier knows and the agent does not."""

    question: str
    choices: tuple[str, ...]
    answer: str
    """The letter of the right option when there are choices."""

    def accepts(self, answer: str | None) -> bool:
        """Whether an answer is right by rule."""
        if answer is None:
            return False
        if self.choices:
            return letter_of(answer, self.choices) == self.answer
        return same_answer(answer, self.answer)

    @property
    def told(self) -> str:
        """The answer as a judge is told it, with the text of the right option."""
        return f"({self.answer}) {self.choices[ord(self.answer) - ord('A')]}" if self.choices else self.answer

    @property
    def secrets(self) -> list[str]:
        """What no hint may contain: the answer, as letter and as text."""
        if not self.choices:
            return [self.answer, *NUMBERS[int(self.answer) :][:1]] if self.answer.isdecimal() else [self.answer]
        return [self.choices[ord(self.answer) - ord("A")], f"({self.answer})", f"option {self.answer}"]


async def verify(case: Case, truth: Truth, answer: str | None, seed: int) -> Verdict:
    """A verdict on an answer. A right answer costs no request; a wrong one gets a hint.

    Raises EndpointError, and ReplyError if the teacher's judgement cannot be read.
    """
    if truth.accepts(answer):
        return Verdict(correct=True)
    judged = await case.fill(
        "verify",
        Judged,
        [],
        seed,
        question=truth.question,
        truth=truth.told,
        answer=answer or "(no answer)",
    )
    # With options only the letter counts; in words the teacher may see that two answers say the same.
    if judged.correct and not truth.choices and answer:
        return Verdict(correct=True)
    return Verdict(correct=False, hint=PLAIN_HINT if leaks(judged.hint, truth) else judged.hint)


def leaks(text: str, truth: Truth) -> bool:
    """Whether a text for the agent would give the answer away."""
    said = normalize(text)
    for secret in truth.secrets:
        if len(normalize(secret)) > 3 and normalize(secret) in said:
            return True
        if re.search(rf"(?<!\w){re.escape(secret.strip())}(?!\w)", text, re.IGNORECASE):
            return True
    # A bare letter counts only as a capital: "a closer look" names no option.
    if truth.choices and re.search(rf"(?<!\w){truth.answer}(?!\w)", text):
        return True
    return not text.strip()
