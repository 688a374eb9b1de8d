"""What a policy learns from and is tested on: a question about one photo, and perhaps the trace that answers it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, TypeVar, overload

from PIL import Image

from agents.answers import pose
from agents.boxes import Box, Size
from agents.dialects import Setting, Turn, opening, render
from agents.trace import Trace
from agents.verifier import Truth
from agents.views import View, posed_view
from pipeline.training.encode import Encoded, Encoder
from pipeline.training.manner import Manner
from pipeline.training.pixels import blank, patches


class Photo(Protocol):
    """Where the pictures of one photo come from."""

    @property
    def size(self) -> Size:
        """Of the upright photo, in native pixels."""

    def picture(self, view: View) -> Image.Image:
        """The picture of a view; raises PhotoError where the photo is gone or damaged."""


class Example(NamedTuple):
    """One task for a policy. Boxes are native."""

    id: str
    photo: Photo
    resolution: int | None
    """R: the photo is first shown at an area of R*R pixels; None is native size."""
    question: str
    answer: str
    choices: tuple[str, ...] = ()
    evidence: tuple[Box, ...] = ()
    trace: Trace | None = None

    @property
    def posed(self) -> View:
        """The view the policy is shown first."""
        return posed_view(self.photo.size, self.resolution)

    @property
    def truth(self) -> Truth:
        return Truth(question=self.question, choices=self.choices, answer=self.answer)

    @property
    def asked(self) -> str:
        """The question with its options, as it is put to a policy."""
        return pose(self.question, self.choices)

    def setting(self, manner: Manner) -> Setting:
        return Setting(self.photo.size, self.posed.size, manner.zoom, manner.frame)

    def turns(self, manner: Manner) -> list[Turn]:
        """The whole conversation of an example with a trace."""
        assert self.trace is not None
        return render(self.trace, self.asked, self.setting(manner), manner.dialect, manner.brief)

    def encoded(self, encoder: Encoder, manner: Manner) -> Encoded:
        """The whole conversation as ids, its pictures cut from the photo. Raises PhotoError and EncodingError."""
        assert self.trace is not None
        views = [self.posed, *(zoom.view for zoom in self.trace.zooms)]
        return encoder.conversation(self.turns(manner), [patches(self.photo.picture(view)) for view in views])

    def length(self, encoder: Encoder, manner: Manner) -> int:
        """Tokens of the whole conversation, pictures included; no photo is opened for it."""
        assert self.trace is not None
        views = [self.posed, *(zoom.view for zoom in self.trace.zooms)]
        return len(encoder.conversation(self.turns(manner), [blank(view.size) for view in views]).ids)

    def prompt(self, encoder: Encoder, manner: Manner) -> Encoded:
        """The conversation up to the policy's first word."""
        turns = opening(self.asked, manner.dialect, manner.brief)
        return encoder.awaiting(turns, [patches(self.photo.picture(self.posed))])


class Lesson(Protocol):
    """Something to learn from: an example with a trace, or an exercise."""

    def encoded(self, encoder: Encoder, manner: Manner, /) -> Encoded:
        """The whole conversation as ids and pictures."""


T = TypeVar("T")


class Lazy(Sequence[T]):
    """A sequence whose items are made when they are asked for, and not kept."""

    def __init__(self, count: int, make: Callable[[int], T]) -> None:
        self._count, self._make = count, make

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        if isinstance(index, slice):
            return [self._make(number) for number in range(*index.indices(self._count))]
        if not 0 <= index < self._count:
            raise IndexError(index)
        return self._make(index)
