"""The local teacher's wrong options: of the same sort as the answer, and none that the question names."""

from collections.abc import Sequence
from random import Random

from agents.answers import normalize
from pipeline.teacher.colours import COLOURS
from pipeline.teacher.language import ColourOf, Compare, Count, Query, named

OPPOSITE = {"above": "below", "below": "above", "left": "right", "right": "left"}


def wrong_options(query: Query, answer: str, texts: Sequence[str], rng: Random) -> list[str]:
    """At most three wrong options; `texts` is what else is written there."""
    if isinstance(query, Compare):
        return [OPPOSITE[answer]]
    if isinstance(query, ColourOf):
        return rng.sample([colour for colour in COLOURS if colour != answer], 3)
    if isinstance(query, Count):
        near = [str(number) for number in range(max(1, int(answer) - 2), int(answer) + 3) if str(number) != answer]
        return rng.sample(near, 3)
    known = {normalize(text) for text in (answer, *named(query))}
    digits = _has_digits(answer)
    apart = [text for text in texts if not any(one in normalize(text) or normalize(text) in one for one in known)]
    alike = [text for text in apart if _has_digits(text) == digits]
    options = [_misread(answer, rng) for _ in range(3)] if digits else []
    options += rng.sample(alike, min(3, len(alike)))
    different = {normalize(option): option for option in options if normalize(option) not in known}
    return list(different.values())[:3]


def _has_digits(text: str) -> bool:
    return any(letter.isdigit() for letter in text)


def _misread(text: str, rng: Random) -> str:
    """The text with one digit changed: an option that only looking closely can tell apart."""
    places = [index for index, letter in enumerate(text) if letter.isdigit()]
    place = rng.choice(places)
    digit = rng.choice([digit for digit in "0123456789" if digit != text[place]])
    return text[:place] + digit + text[place + 1 :]
