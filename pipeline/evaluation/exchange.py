"""What a strategy and a policy say to one another, whoever runs the policy; and what it costs."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import NamedTuple

from PIL import Image

from agents.dialects import Turn
from agents.views import View


class Shown(NamedTuple):
    """A picture as the policy is given it."""

    view: View
    """What it is said to be: a native box of the photo, and the size of the picture."""
    image: Image.Image


class Exchange(NamedTuple):
    """What the policy reads before it writes again."""

    turns: tuple[Turn, ...] = ()
    """Whole turns, with room for pictures."""
    begun: tuple[str | None, ...] = ()
    """The beginning of its own turn, as if it had written that. Chat endpoints take no such words and go without."""
    pictures: tuple[Shown, ...] = ()
    """In the order of the places for them, those in `turns` first."""
    fresh: bool = False
    """Whether this begins a conversation, in which nothing has been said."""
    instead: bool = False
    """Whether it stands in place of the last token written, which asked for a look."""
    passing: bool = False
    """Whether all of it is forgotten again: a question on the way, which changes nothing."""


class Written(NamedTuple):
    """What the policy wrote, with the words it was begun with."""

    text: str
    confidence: float | None
    """Geometric mean of the probabilities of its tokens; None where they are not told."""
    ended: bool
    """Whether it came to an end by itself."""

    @property
    def said(self) -> str:
        """The text without the token that ends a turn."""
        return self.text.removesuffix("<|im_end|>")


class Outcome(NamedTuple):
    """What came of an attempt."""

    reply: str | None
    """The answer as it was written; None where there is none."""
    views: tuple[View, ...] = ()
    """Closer looks, in order."""
    faults: int = 0
    """Looks it asked for and could not have."""


Steps = Generator[Exchange, Written, Outcome]
"""An attempt under way: it says what is to be read next, and is sent what was written then."""


@dataclass
class Cost:
    """What one attempt took."""

    pictures: int = 0
    visual_tokens: int = 0
    """Of the pictures, each counted when it is first shown."""
    prefilled_tokens: int = 0
    """Read and not written by the policy, pictures and what is read again included."""
    generated_tokens: int = 0
    seconds: float = 0.0
    """Of the batch it was in, divided by the attempts of that batch."""


class Finished(NamedTuple):
    """An attempt that has come to its end."""

    outcome: Outcome
    cost: Cost
    texts: tuple[str, ...]
    """All that the policy wrote, piece by piece."""
