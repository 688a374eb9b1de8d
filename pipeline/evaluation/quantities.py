"""Numbers as they are written: in digits or words, with thousands set apart, with a unit."""

import re
from decimal import Decimal
from typing import NamedTuple

from agents.verifier import NUMBERS
from pipeline.evaluation.replies import mark

TOLERANCE = Decimal("0.0005")
"""Of a right value that is no whole number: the most that rounding to four figures changes. Counts are exact."""

_TIMES = {"dozen": 12, "hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9}
_SIGNS = {"percent": "%", "dollar": "$", "euro": "€"}
"""Units in words, and the sign that stands for them."""
_TEENS = ("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_VALUES = {word: value for value, word in enumerate((*NUMBERS, *_TEENS))}
_VALUES |= {word: 10 * value for value, word in enumerate(_TENS, 2)}
_WORDS = re.compile(
    rf"(?i)(?<![\w-])(?:(?:{'|'.join(_TENS)})[ -](?:{'|'.join(NUMBERS[1:10])})"
    rf"|{'|'.join(word for word in _VALUES if word != 'one')})(?![\w-])"
    # "one" alone is a number only where nothing else can be meant: not in "the red one" or "one of them".
    r"|(?:^|(?<=[.:,;]\s)|(?<=\bis\s)|(?<=\bare\s|\bsee\s)|(?<=\bonly\s|\bjust\s))one(?![\w-])(?!\sof\b)"
)
_THOUSANDS = re.compile(r"(?<![\w.,])\d{1,3}([, '])\d{3}(?:\1\d{3})*(?![\d,']| \d)")
_NUMBER = re.compile(
    r"""(?ix)
    (?<! [\w.,:/+-] ) (?P<before> [$€£¥] \s? )? (?P<value> -? \d+ (?:[.,]\d+)? )
    (?P<joined> (?: km(?:/h)? | cm | mm | m | kg | mg | ml | cl | mph | kph | kw | hz ) \b )?
    (?! \w | [.,:/-]\d | \+ )
    (?= \s* (?P<after> % | °[cf]? | [€$£¥] | [^\W\d_]+ (?:/[^\W\d_]+)? )? )
    """
)
_BOUND = re.compile(r"(?i)(?:\b(?:at least|at most|up to|over|under|above|below)\s|[<>\u2264\u2265]=?)\s*(?=\d)")


class Quantity(NamedTuple):
    """A number, and the unit or thing that was said with it, if any."""

    value: Decimal
    unit: str = ""

    def is_met_by(self, value: Decimal, units: set[str]) -> bool:
        """Whether a number said with some units is this one.

        One without a unit is taken to be in this one's. Beside a count anything may be named, but 0.5 is not 50 %.
        """
        whole = self.value == self.value.to_integral_value()
        if abs(value - self.value) > (0 if whole else abs(self.value) * TOLERANCE):
            return False
        return units <= {"", self.unit} if self.unit else "%" not in units


def in_digits(text: str) -> str:
    """A text with small numbers in digits and thousands not set apart."""
    written = _WORDS.sub(lambda found: str(sum(_VALUES[word] for word in re.split("[ -]", found[0].lower()))), text)
    return _THOUSANDS.sub(lambda found: re.sub(r"\D", "", found[0]), written)


def quantity(text: str) -> Quantity | None:
    """The number that a text is; None for one that is no number, or a code such as 007."""
    written = in_digits(text.strip(" ."))
    found = _NUMBER.match(written)
    if not found or re.match(r"0\d", found["value"]):
        return None
    rest = written[found.end() :].strip()
    return _read(found) if rest.casefold() in ("", (found["after"] or "").casefold()) else None


def counted(text: str) -> tuple[str, dict[str, tuple[Decimal, set[str]]]]:
    """A text with its numbers marked, and for each mark its value and all units that were said with it."""
    known: dict[Decimal, tuple[str, set[str]]] = {}

    def marked(found: re.Match[str]) -> str:
        value, unit = _read(found)
        sign, units = known.setdefault(value, (mark(len(known)), set()))
        units.add(unit)
        return sign

    text = _NUMBER.sub(marked, _BOUND.sub("not ", in_digits(text)))
    return text, {sign: (value, units) for value, (sign, units) in known.items()}


def _read(found: re.Match[str]) -> Quantity:
    value = Decimal(found["value"].replace(",", "."))
    unit = (found["before"] or found["joined"] or found["after"] or "").strip().casefold()
    if unit in _TIMES:
        return Quantity(value * _TIMES[unit])
    singular = unit.removesuffix("s")
    return Quantity(value, _SIGNS.get(singular, singular))
