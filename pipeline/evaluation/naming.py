"""Which option a reply names: by its letter, by its text, or by both where they agree."""

import re
from functools import partial

from agents.answers import LETTERS, letter_of, normalize, same_answer
from pipeline.evaluation.quantities import in_digits
from pipeline.evaluation.replies import CUE, MARK, MARKS, cued, mark, plain, settled

_LETTER = "[A-HJ-Za-hj-z]"
"""I is a pronoun, and never an option's."""
_ENDS = (
    rf"\s*(?:$|\.(?!\w)|[^\w\s'+#&.{MARKS}-]|[&/]|\s[&+-]\s"
    r"|\s(?i:is|was|are|would|can|can't|cannot|isn't|because|since|as|given|if|or|and|nor|but|not|than|instead|rather"
    r"|seems|looks)\b)"
)
"""What may follow a letter that is neither the article A nor part of a name."""
_LEADS = (
    rf"(?:^|[\n.,;:!?…()\"\u3001/<>=|{CUE}]\s*|\s[&+-]\s|\b(?i:is|be|was|it's|with|choose|chose|pick|picked|select"
    r"|selected|guess|say|think|definitely|certainly|clearly|probably|likely|maybe|perhaps|therefore|thus|hence|so|or|and"
    r"|nor|not|but|than|either|neither|both|between)\s+)"
)
"""What may come before one that is written as a bare capital."""
_STARTS = f"(?:^|[\n{CUE}])"
_LETTERED = [
    (re.compile(pattern), after)
    for pattern, after in (
        (rf"({_STARTS}\s*)[(\[{{\"']\s*({_LETTER})\s*[)\]}}\"'](?!{_ENDS})", ". "),
        (rf"()(?<!\w)[(\[{{\"']\s*({_LETTER})\s*[)\]}}\"']", " "),
        (rf"()\b(?i:option|choice|letter|alternative|answer)s?\s+({_LETTER})(?={_ENDS})", " "),
        (rf"((?:{_STARTS}|[.,;:!?…]\s)[ \"']*)({_LETTER})\s*[.):](?=\s|$|{MARK})", ". "),
        (rf"((?:^|{CUE})[\s\"']*)({_LETTER})(?=\s*(?:$|[,;\n]|\s-|\s(?i:because|since|as)\b))", " "),
        (rf"({_LEADS})(A(?={_ENDS})|[B-HJ-Z](?={_ENDS}|\s*{MARK}))", " "),
    )
]
"""Ways to write a letter that means an option, and what then sets it apart from the words that follow."""


def named(reply: str, choices: tuple[str, ...]) -> tuple[str, bool] | None:
    """The letter of the option that a reply settles on, and whether it names it by letter; None where it is open.

    The letter may be one that no option has.
    """
    text = plain(reply)
    if letter := letter_of(reply, choices) or letter_of(text, choices):
        return letter, normalize(text) == letter.lower()
    if letter := _as_posed(text, choices):
        return letter, True
    texts = cued(_texts_marked(in_digits(text), choices))
    both = _letters_marked(texts)
    sign = settled(both)
    return (chr(ord(sign) - ord(mark(0)) + ord("A")), both.count(sign) > texts.count(sign)) if sign else None


def _as_posed(text: str, choices: tuple[str, ...]) -> str | None:
    """The letter of an option that is repeated as it was posed, letter and text; the text may be a letter too."""
    for letter, choice in zip(LETTERS, choices, strict=False):
        if any(same_answer(text, f"{letter}{stop} {choice}") for stop in ".):"):
            return letter
    return None


def _texts_marked(text: str, choices: tuple[str, ...]) -> str:
    """A reply with the texts of options marked; of those that contain one another, the longest."""
    keys = [_key(choice) for choice in choices[: len(LETTERS)]]
    letters = {*LETTERS[: len(keys)].lower()}
    # A text that two options share names none, and one that is itself an option's letter is read as the letter.
    marks = {key: mark(at) for at, key in enumerate(keys) if key and keys.count(key) == 1 and key not in letters}
    if not marks:
        return text
    texts = "|".join(re.escape(key).replace(r"\ ", r"\s+") for key in sorted(marks, key=len, reverse=True))
    found = re.compile(rf"(?i)(?<![\w-])(?<!\d[.,:])(?:{texts})(?![\w-]|[.,:]\d)")
    return found.sub(lambda one: marks.get(_key(one[0]), one[0]), text)


def _letters_marked(text: str) -> str:
    """A cued reply with all letters marked that are meant as options."""
    for pattern, after in _LETTERED:
        text = pattern.sub(partial(_marked, after), text)
    return text


def _marked(after: str, found: re.Match[str]) -> str:
    return f"{found[1]} {mark(ord(found[2].upper()) - ord('A'))}{after}"


def _key(text: str) -> str:
    """An option's text as it is looked for in a sentence."""
    words = " ".join(in_digits(plain(text)).casefold().split())
    return re.sub(r"^(?:the|an|a) (?=.)", "", words.strip("\"'.,;:()[] "))
