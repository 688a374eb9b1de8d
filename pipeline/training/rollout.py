"""A policy at work: it writes, its crops enter where it asks for them, and every token is kept as it was sampled."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from agents.dialects import Dialect, DialectError, Setting, Turn, parse
from agents.trace import Trace
from agents.views import View
from pipeline.training.context import Context
from pipeline.training.encode import Encoded, Encoder
from pipeline.training.environment import ZoomEnvironment
from pipeline.training.examples import Example
from pipeline.training.manner import Manner
from pipeline.training.writing import Piece, Sampling, Writer, seeded

if TYPE_CHECKING:
    from torch import Tensor

World = Callable[[Example, Encoder, Manner], ZoomEnvironment]
"""Makes the environment of one rollout."""


class Stop(StrEnum):
    """Why a rollout ended."""

    ANSWERED = "answered"
    OVER_TURN = "too many looks"
    LENGTH = "too long"


class Rollout(NamedTuple):
    """One policy's way through one question. What was sampled is what is trained: ids, never text again."""

    example: Example
    manner: Manner
    prompt: Encoded
    said: Encoded
    """Everything after the prompt; `trained` marks what the policy wrote itself."""
    logprobs: tuple[float, ...]
    """Of each token of `said` under the policy that sampled it; 0 where it did not."""
    texts: tuple[str, ...]
    """What the policy wrote, piece by piece between the observations."""
    views: tuple[View, ...]
    faults: tuple[str, ...]
    """What it was told where it asked for the impossible."""
    stop: Stop

    @property
    def trace(self) -> Trace | None:
        """The trace that was written; None if it is not one."""
        if self.faults or self.stop is not Stop.ANSWERED:
            return None
        return written_trace(self.texts, self.example.setting(self.manner), self.manner.dialect)

    @property
    def visual_tokens(self) -> int:
        return sum(pixels.tokens for pixels in (*self.prompt.pictures, *self.said.pictures))


def written_trace(texts: Sequence[str], setting: Setting, dialect: Dialect) -> Trace | None:
    """The trace that a policy wrote, piece by piece between the observations; None if it is not one."""
    turns = ["".join(texts)] if dialect is Dialect.INLINE else texts
    try:
        return parse([Turn("assistant", (text.removesuffix("<|im_end|>"),)) for text in turns], setting, dialect)
    except DialectError:
        return None


class _Row:
    """A rollout under way."""

    def __init__(self, environment: ZoomEnvironment, prompt: Encoded, max_tokens: int) -> None:
        self.environment, self.prompt = environment, prompt
        self.allowance = max_tokens
        self.said = Encoded()
        self.logprobs: list[float] = []
        self.texts: list[str] = []
        """What was written, piece by piece."""
        self.stop: Stop | None = None

    def respond(self, piece: Piece, encoder: Encoder) -> Encoded | None:
        """Take the piece that was written. What is to be read next: its last token, and what comes back for it.

        None at the end of the rollout.
        """
        self.said = self.said.then(Encoded(tuple(piece.tokens), (True,) * len(piece.tokens)))
        self.logprobs += piece.logprobs
        self.texts.append(encoder.decode(piece.tokens))
        self.allowance -= len(piece.tokens)
        if not piece.ended:
            self.stop = Stop.LENGTH
            return None
        observation = self.environment.respond(self.texts[-1])
        if observation is None:
            self.stop = Stop.OVER_TURN if self.environment.over else Stop.ANSWERED
            return None
        self.said = self.said.then(observation)
        self.logprobs += [0.0] * len(observation.ids)
        return Encoded((piece.tokens[-1],), (True,)).then(observation)

    def done(self, encoder: Encoder) -> Rollout:
        assert self.stop is not None
        there = self.environment
        encoder.checked(self.said)
        return Rollout(
            example=there.example,
            manner=there.manner,
            prompt=self.prompt,
            said=self.said,
            logprobs=tuple(self.logprobs),
            texts=tuple(self.texts),
            views=tuple(there.views),
            faults=tuple(there.faults),
            stop=self.stop,
        )


class Prompted(NamedTuple):
    """Examples whose prompts a policy has read, and where that has left it."""

    examples: Sequence[Example]
    prompts: Sequence[Encoded]
    context: Context
    logits: "Tensor"

    def fork(self) -> "Prompted":
        """The same once more: a picture is looked at once, however often it is asked about."""
        return self._replace(context=self.context.fork())


class Roller:
    """Lets a policy answer questions, a batch at a time."""

    def __init__(
        self,
        model: Any,
        encoder: Encoder,
        manner: Manner,
        sampling: Sampling,
        seed: int = 0,
        world: World = ZoomEnvironment,
    ) -> None:
        self.model, self.encoder, self.manner, self.sampling, self.world = model, encoder, manner, sampling, world
        self.writer = Writer(encoder, manner.dialect, sampling, seeded(model, seed))
        self.tokens_read = 0
        """Tokens the model has read in all: what a rollout costs, whatever machine it runs on."""

    def roll(self, examples: Sequence[Example], copies: int = 1) -> list[Rollout]:
        """`copies` rollouts of each example, those of one example next to each other."""
        return self.roll_on(self.read(examples), copies)

    def read(self, examples: Sequence[Example]) -> Prompted:
        """Let the policy read what examples begin with."""
        with self._inference():
            context = Context(self.model, self.encoder)
            prompts = [self.world(example, self.encoder, self.manner).reset() for example in examples]
            logits = context.feed(prompts)
        self.tokens_read += context.read
        return Prompted(examples, prompts, context, logits)

    def roll_on(self, prompted: Prompted, copies: int = 1) -> list[Rollout]:
        """The same from prompts that have been read, which uses them up: fork them to roll from them again."""
        with self._inference():
            return self._roll(prompted, copies)

    def _roll(self, prompted: Prompted, copies: int) -> list[Rollout]:
        context, before = prompted.context, prompted.context.read
        context.repeat(copies)
        logits = prompted.logits.repeat_interleave(copies, dim=0)
        rows = [
            _Row(self.world(example, self.encoder, self.manner), prompt, self.sampling.max_tokens)
            for example, prompt in zip(prompted.examples, prompted.prompts, strict=True)
            for _ in range(copies)
        ]
        going = list(rows)
        while going:
            pieces = self.writer.write(context, logits, [row.allowance for row in going])
            blocks = [row.respond(piece, self.encoder) for row, piece in zip(going, pieces, strict=True)]
            alive = [number for number, block in enumerate(blocks) if block is not None]
            going = [going[number] for number in alive]
            if going:
                context.keep(alive)
                logits = context.feed([blocks[number] for number in alive])
        self.tokens_read += context.read - before
        return [row.done(self.encoder) for row in rows]

    @contextmanager
    def _inference(self) -> Iterator[None]:
        import torch

        training = self.model.training
        self.model.eval()
        try:
            with torch.no_grad():
                yield
        finally:
            self.model.train(training)
