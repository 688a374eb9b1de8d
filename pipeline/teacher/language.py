"""The questions the local teacher can ask and understand: a query, many wordings of it, and back.

`read(write(query)) == query` for every wording: what it cannot phrase it does not ask, and what it
cannot parse it says it does not understand.
"""

import re
from functools import cache
from random import Random
from typing import Literal, NamedTuple

Side = Literal["below", "above", "right", "left"]
Axis = Literal["vertical", "horizontal"]
NOUNS = {"dot": "dots", "square": "squares", "triangle": "triangles", "star": "stars"}


class NextTo(NamedTuple):
    """What is written next to a text?"""

    anchor: str
    side: Side

    @property
    def kind(self) -> str:
        return "text"


class GoesOn(NamedTuple):
    """How does the line that begins with a word go on?"""

    anchor: str

    @property
    def kind(self) -> str:
        return "text"


class InColours(NamedTuple):
    """What is written in letters of one colour on a ground of another?"""

    ink: str
    ground: str

    @property
    def kind(self) -> str:
        return "text"


class ColourOf(NamedTuple):
    """What colour are the letters of a text, or what is behind them?"""

    anchor: str
    part: Literal["ground", "ink"]

    @property
    def kind(self) -> str:
        return "colour"


class Compare(NamedTuple):
    """Which way does one text lie from another?"""

    first: str
    second: str
    axis: Axis

    @property
    def kind(self) -> str:
        return "relation"


class Count(NamedTuple):
    """How many marks of one shape and colour does the sign with a text bear?"""

    anchor: str
    colour: str
    shape: str

    @property
    def kind(self) -> str:
        return "count"


Query = NextTo | GoesOn | InColours | ColourOf | Compare | Count

_WORDINGS: dict[type, dict[str, tuple[str, ...]]] = {
    NextTo: {
        "below": (
            'What is written directly below the words "{anchor}"?',
            'What does the line right under "{anchor}" say?',
            'Read the text immediately beneath "{anchor}": what is it?',
            'Which text stands just under the words "{anchor}"?',
        ),
        "above": (
            'What is written directly above the words "{anchor}"?',
            'What does the line right above "{anchor}" say?',
            'Which text stands just over the words "{anchor}"?',
        ),
        "right": (
            'What is written directly to the right of the words "{anchor}"?',
            'What does the text right next to "{anchor}", on its right side, say?',
        ),
        "left": (
            'What is written directly to the left of the words "{anchor}"?',
            'What does the text right next to "{anchor}", on its left side, say?',
        ),
    },
    GoesOn: {
        "": (
            'How does the line that begins with "{anchor}" go on?',
            'What follows "{anchor}" on the same line?',
            'Which writing comes after "{anchor}" on its line?',
        )
    },
    InColours: {
        "": (
            "What do the {ink} letters on the {ground} background say?",
            "What is written in {ink} on the {ground} background?",
            "Read the {ink} writing on the {ground} background: what does it say?",
        )
    },
    ColourOf: {
        "ground": (
            'What colour is the background behind the words "{anchor}"?',
            'The words "{anchor}" are written on which background colour?',
            'On what colour of background does "{anchor}" stand?',
        ),
        "ink": (
            'What colour are the letters of "{anchor}"?',
            'In which colour is "{anchor}" written?',
            'What is the colour of the lettering that says "{anchor}"?',
        ),
    },
    Compare: {
        "vertical": (
            'Is the text "{first}" above or below the text "{second}"?',
            'Seen from the words "{second}", are the words "{first}" above or below?',
        ),
        "horizontal": (
            'Is the text "{first}" to the left or to the right of the text "{second}"?',
            'Seen from the words "{second}", are the words "{first}" on the left or on the right?',
        ),
    },
    Count: {
        "": (
            'How many {colour} {shape} are there on the sign that says "{anchor}"?',
            'Count the {colour} {shape} on the sign with the words "{anchor}".',
            'The sign that says "{anchor}" bears how many {colour} {shape}?',
        )
    },
}
_SUBKEY = {NextTo: "side", ColourOf: "part", Compare: "axis"}


def write(query: Query, rng: Random) -> str:
    """One of the wordings of a query."""
    fields = query._asdict()
    key = fields.get(_SUBKEY.get(type(query), ""), "")
    if "shape" in fields:
        fields["shape"] = NOUNS[fields["shape"]]
    return rng.choice(_WORDINGS[type(query)][key]).format(**fields)


def read(question: str) -> Query | None:
    """The query a question asks; None if it is not understood."""
    for kind, key, pattern in _patterns():
        found = pattern.fullmatch(question.strip())
        if found:
            fields = found.groupdict()
            if kind in _SUBKEY:
                fields[_SUBKEY[kind]] = key
            if "shape" in fields:
                fields["shape"] = next(one for one, many in NOUNS.items() if many == fields["shape"])
            query: Query = kind(**fields)
            return query
    return None


@cache
def _patterns() -> list[tuple[type, str, re.Pattern[str]]]:
    return [
        (kind, key, _pattern(wording))
        for kind, by_key in _WORDINGS.items()
        for key, wordings in by_key.items()
        for wording in wordings
    ]


def _pattern(wording: str) -> re.Pattern[str]:
    """A wording as a regular expression that finds its fields."""
    text = re.escape(wording).replace(r"\{", "{").replace(r"\}", "}")
    text = re.sub(r"\{(anchor|first|second)\}", r'(?P<\1>[^"]+)', text)
    text = text.replace("{shape}", f"(?P<shape>{'|'.join(NOUNS.values())})")
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>\\w+)", text))


def named(query: Query) -> list[str]:
    """The texts a query names, which have to be found before it can be answered."""
    match query:
        case Compare(first=first, second=second):
            return [first, second]
        case InColours():
            return []
        case NextTo(anchor=anchor) | GoesOn(anchor=anchor) | ColourOf(anchor=anchor) | Count(anchor=anchor):
            return [anchor]
