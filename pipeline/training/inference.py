"""Using a policy: a question about a photo, the answer, and every closer look on the way, as it happens."""

from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, NamedTuple

from PIL import Image
from typing_extensions import override

from agents.boxes import Size
from agents.photos import Source, open_photo
from agents.trace import Trace
from agents.views import View, render
from pipeline.training.encode import Encoded
from pipeline.training.environment import ZoomEnvironment
from pipeline.training.examples import Example
from pipeline.training.policy import Policy, load
from pipeline.training.rewards import answer_of
from pipeline.training.rollout import Roller, Rollout, Stop
from pipeline.training.writing import Sampling


class Said(NamedTuple):
    """Words of the policy, up to a look it asks for or to the end."""

    text: str


class Seen(NamedTuple):
    """The crop it was shown for them."""

    view: View
    """Its native box, and the size of the picture."""
    picture: Image.Image


class Told(NamedTuple):
    """What it was told instead, where its box was impossible."""

    text: str


Step = Said | Seen | Told


class Question(NamedTuple):
    """One question about one photo."""

    image: Image.Image | Source
    """The photo, or its path, address or bytes: turned upright then, as everywhere."""
    text: str
    choices: tuple[str, ...] = ()
    resolution: int | None = None
    """R: the photo is first shown at an area of R*R pixels; None is native size."""


class Looked(NamedTuple):
    """What came of a question."""

    answer: str | None
    """As the policy wrote it; None where it wrote none."""
    trace: Trace | None
    """Boxes in native pixels; None where what it wrote is no trace."""
    steps: tuple[Step, ...]
    posed: View
    """How the photo was shown first."""
    stop: Stop
    visual_tokens: int


class _Opened(NamedTuple):
    """A photo in memory."""

    image: Image.Image

    @property
    def size(self) -> Size:
        return Size(*self.image.size)

    def picture(self, view: View) -> Image.Image:
        return render(self.image, view)


class _Watched(ZoomEnvironment):
    """An environment that tells of every exchange."""

    def __init__(self, tell: Callable[[Step], None], *given: Any) -> None:
        super().__init__(*given)
        self._tell = tell

    @override
    def respond(self, text: str) -> Encoded | None:
        self._tell(Said(_words(text)))
        return super().respond(text)

    @override
    def picture(self, view: View) -> Image.Image:
        shown = super().picture(view)
        self._tell(Seen(view, shown))
        return shown

    @override
    def _told(self, fault: str) -> Encoded:
        self._tell(Told(fault))
        return super()._told(fault)


class ChainOfFocus:
    """A policy that answers questions about photos, looking closer where it must."""

    def __init__(self, policy: Policy, max_tokens: int = 512) -> None:
        self.policy, self.max_tokens = policy, max_tokens
        self._turn = Lock()
        """There is one model, and it has all of the machine: whoever asks meanwhile waits."""
        self.tokens_read = 0
        """By the model, in all: prompts, pictures and what it wrote itself. Nothing is read twice."""

    @classmethod
    def from_pretrained(cls, name: str, max_tokens: int = 512, **how: Any) -> "ChainOfFocus":
        """A policy from a folder or the Hub; `how` goes to transformers (dtype, device_map). Raises PolicyError."""
        return cls(load(name, **how), max_tokens)

    def answer(
        self,
        image: Image.Image | Source,
        question: str,
        max_zooms: int | None = None,
        choices: Sequence[str] = (),
        resolution: int | None = None,
    ) -> Looked:
        """The answer to one question, and how it was found. `max_zooms` is the policy's own where it is not given.

        Raises PhotoError for what is no sound photo.
        """
        return self.answers([Question(image, question, tuple(choices), resolution)], max_zooms)[0]

    def answers(self, questions: Sequence[Question], max_zooms: int | None = None) -> list[Looked]:
        """The same for a batch, each row looking when it wants."""
        steps: list[list[Step]] = [[] for _ in questions]
        rollouts = self._roll(questions, max_zooms, [one.append for one in steps])
        return [_looked(rollout, tuple(seen)) for rollout, seen in zip(rollouts, steps, strict=True)]

    def stream(self, question: Question, max_zooms: int | None = None) -> Iterator[Step]:
        """What is said and seen about one question, as it comes."""
        queue: SimpleQueue[Step | BaseException | None] = SimpleQueue()

        def work() -> None:
            try:
                self._roll([question], max_zooms, [queue.put])
                queue.put(None)
            except BaseException as error:
                queue.put(error)

        Thread(target=work, daemon=True).start()
        while (step := queue.get()) is not None:
            if isinstance(step, BaseException):
                raise step
            yield step

    def _roll(
        self, questions: Sequence[Question], max_zooms: int | None, tells: Sequence[Callable[[Step], None]]
    ) -> list[Rollout]:
        manner = self.policy.manner
        if max_zooms is not None:
            manner = manner.model_copy(update={"max_zooms": max_zooms})
        examples = [_example(number, question) for number, question in enumerate(questions)]

        def world(example: Example, *given: Any) -> ZoomEnvironment:
            return _Watched(tells[int(example.id)], example, *given)

        sampling = Sampling(temperature=0, max_tokens=self.max_tokens)
        roller = Roller(self.policy.model, self.policy.encoder, manner, sampling, world=world)
        with self._turn:
            rollouts = roller.roll(examples)
            self.tokens_read += roller.tokens_read
        for rollout, tell in zip(rollouts, tells, strict=True):
            if rollout.stop is Stop.LENGTH:  # Nobody was asked to respond to what has no end.
                tell(Said(_words(rollout.texts[-1])))
        return rollouts


def _example(number: int, question: Question) -> Example:
    photo = _Opened(opened(question.image))
    return Example(str(number), photo, question.resolution, question.text, "", question.choices)


def opened(image: Image.Image | Source) -> Image.Image:
    """A photo upright and RGB; raises PhotoError."""
    return image.convert("RGB") if isinstance(image, Image.Image) else open_photo(image)


def _looked(rollout: Rollout, steps: tuple[Step, ...]) -> Looked:
    posed, answer = rollout.example.posed, answer_of(rollout)
    return Looked(answer, rollout.trace, steps, posed, rollout.stop, rollout.visual_tokens)


def _words(text: str) -> str:
    return text.removesuffix("<|im_end|>")
