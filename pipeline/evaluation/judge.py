"""The judge of an evaluation: whether what a policy finally said is the right answer, by rule.

It is stricter than a reader and never guesses: what leaves the answer open, takes it back or is only near it is wrong.
Everything that `Truth.accepts`, the stricter rule of rewards, takes as right is right here too.
"""

import re
from typing import NamedTuple

from agents.answers import normalize, same_answer
from agents.verifier import Truth
from pipeline.evaluation.naming import named
from pipeline.evaluation.quantities import Quantity, counted, quantity
from pipeline.evaluation.replies import CUE, announced, cued, denies, mark, plain, settled


class Judgement(NamedTuple):
    """What a reply was read as, and whether that is right."""

    right: bool
    rule: str
    """Which rule decided: "letter", "option text", "same text", "yes or no", "number", "set"; "none" if none could."""
    said: str | None
    """What was read: a letter, a number, or a text without what does not matter; None where nothing could be."""


_NOTHING = Judgement(False, "none", None)
_YES_NO = {"no": 0, "nope": 0, "yes": 1, "yeah": 1, "yep": 1}
_YES_NO_SAID = re.compile(
    rf"(?i)(^|[\n.,;:!?…{CUE}]\s*|\b(?:is|say|think|be|answer)\s+)({'|'.join(_YES_NO)})"
    r"(?=\s*(?:$|[^\w\s]|(?:it|there|he|she|they|this|that|i|you)\b))"
)
_WRITING = re.compile(r"(?i)\b(?:says?|reads?|written|writing|texts?|words?|spell\w*)\b")
_WHY = re.compile(
    r"(?i)[\s,]*(?:\b(?:because|since)\b|,\s*as\b|,\s*i\s(?:think|believe|guess)\b).*|\s*\([^()]*\)\s*\.?$", re.DOTALL
)
_FRAME = re.compile(
    r"""(?ix)
    ^ (?: (?:i\ (?:think|believe|guess)|i'd\ say|i\ would\ say) \s+ (?:that\s+)? )?
    (?: i\ (?:can\ )?(?:see|read) | (?P<subject> it | that | this | these | they | there | the (?:\s\w+){1,6}? )
        (?: 's | 're | \s+(?:is|are|says?|reads?|shows?|(?:appears?|seems?)\ to\ be) ) ) \s*:?
    \s+ (?: (?:that|written|probably|likely|definitely|clearly) \s+ )* (?P<said> .+ ) $
    """,
    re.DOTALL,
)
_QUOTED = re.compile(r'^"([^"]+)"(?:[\s.,]|$)[^"]*$', re.DOTALL)
_BETWEEN = re.compile(r"(?i)\s*(?:[,;&\n]|\band\b)\s*")
_BEFORE = re.compile(r"(?im)^\s*(?:\d+[.)]|both)\s+")


def judge(reply: str | None, truth: Truth) -> Judgement:
    """Whether a reply is right: the inside of an answer tag, or the whole of what was written. Raises nothing."""
    reply = reply or ""
    if truth.choices:
        return _option(reply, truth)
    text, answer = plain(reply), plain(truth.answer)
    if same_answer(reply, truth.answer) or same_answer(text, answer):
        return Judgement(True, "same text", normalize(text) or normalize(reply))
    if normalize(answer) in _YES_NO:
        return _yes_or_no(text, normalize(answer))
    # What stands written is the same word by word: "24 HOURS" is no number then, and "PARIS, TEXAS" no set.
    written = bool(_WRITING.search(truth.question))
    if (wanted := quantity(answer)) and not (written and wanted.unit):
        return _number(text, wanted)
    if len(items := _items(answer)) > 1 and not written:
        return _set(text, items)
    return _text(text, answer)


def _option(reply: str, truth: Truth) -> Judgement:
    found = named(reply, truth.choices)
    if found is None:
        return _NOTHING
    letter, by_letter = found
    return Judgement(letter == truth.answer, "letter" if by_letter else "option text", letter)


def _yes_or_no(text: str, wanted: str) -> Judgement:
    sign = settled(cued(_YES_NO_SAID.sub(lambda found: f"{found[1]}{mark(_YES_NO[found[2].lower()])}", text)))
    if sign is None:
        return _NOTHING
    said = "yes" if sign == mark(1) else "no"
    return Judgement(_YES_NO[said] == _YES_NO[wanted], "yes or no", said)


def _number(text: str, wanted: Quantity) -> Judgement:
    marked, meaning = counted(text)
    sign = settled(cued(marked), spare=2)
    if sign is None:
        return _NOTHING
    value, units = meaning[sign]
    return Judgement(wanted.is_met_by(value, units), "number", f"{value:f}")


def _set(text: str, wanted: set[str]) -> Judgement:
    said = _items(_stated(text))
    return Judgement(said == wanted, "set", ", ".join(sorted(said))) if said else _NOTHING


def _text(text: str, answer: str) -> Judgement:
    said = _stated(text)
    if not normalize(said):
        return _NOTHING
    return Judgement(same_answer(said, _bare(answer)), "same text", normalize(said))


def _items(text: str) -> set[str]:
    parts = (normalize(_bare(part)) for part in _BETWEEN.split(_BEFORE.sub("", text)))
    return {part for part in parts if part}


def _stated(text: str) -> str:
    """The answer within a reply: without what announces it, why it is so, and a sentence or quotes around it."""
    said = _WHY.sub("", announced(text)) or text
    frame = _FRAME.match(said)
    if frame and not denies(frame["subject"] or ""):
        said = frame["said"]
    quoted = _QUOTED.match(said)
    if quoted and not denies(said):
        said = quoted[1]
    return _bare(said)


def _bare(text: str) -> str:
    """A text without the article before it and the mark after it."""
    return re.sub(r"(?i)^(?:the|an|a)\s+(?=\S)", "", text.strip().rstrip("?!"))
