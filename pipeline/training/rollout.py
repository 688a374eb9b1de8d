"""A policy at work: it writes, its crops enter where it asks for them, and every token is kept as it was sampled."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from agents.dialects import Dialect, DialectError, Setting, Turn, parse
from agents.trace import Trace
from agents.views import View
from pipeline.training.context import Context
from pipeline.training.encode import Encoded, Encoder
from pipeline.training.environment import ZoomEnvironment
from pipeline.training.examples import Example
from pipeline.training.manner import Manner

if TYPE_CHECKING:
    from torch import Generator, Tensor


World = Callable[[Example, Encoder, Manner], ZoomEnvironment]
"""Makes the environment of one rollout."""


class Sampling(BaseModel):
    """How tokens are drawn."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: float = Field(1.0, ge=0)
    """0 takes the likeliest token."""
    max_tokens: int = Field(512, ge=1)
    """Tokens a policy may write on one question; pictures and observations do not count."""


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

    def __init__(self, environment: ZoomEnvironment, prompt: Encoded) -> None:
        self.environment, self.prompt = environment, prompt
        self.said = Encoded()
        self.logprobs: list[float] = []
        self.texts: list[str] = []
        """What was written, piece by piece."""
        self.piece: list[int] = []
        """Tokens written since the last observation."""
        self.written = 0
        self.stop: Stop | None = None

    def write(self, token: int, logprob: float) -> None:
        self.piece.append(token)
        self.logprobs.append(logprob)
        self.written += 1

    def respond(self, encoder: Encoder) -> Encoded | None:
        """Close the piece that was written. What is to be read next: its last token, and what comes back for it.

        None at the end of the rollout.
        """
        piece, self.piece = self.piece, []
        self.said = self.said.then(Encoded(tuple(piece), (True,) * len(piece)))
        text = encoder.decode(piece)
        self.texts.append(text)
        if self.stop:
            return None
        observation = self.environment.respond(self.texts[-1])
        if observation is None:
            self.stop = Stop.OVER_TURN if self.environment.over else Stop.ANSWERED
            return None
        self.said = self.said.then(observation)
        self.logprobs += [0.0] * len(observation.ids)
        return Encoded((piece[-1],), (True,)).then(observation)

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
        import torch

        self.model, self.encoder, self.manner, self.sampling, self.world = model, encoder, manner, sampling, world
        self.generator: Generator = torch.Generator(model.device).manual_seed(seed)
        self.ends = {encoder.end}
        """Tokens after which the policy waits for what comes back."""
        if manner.dialect is Dialect.INLINE and encoder.zoom is not None:
            self.ends.add(encoder.zoom)
        self.tokens_read = 0
        """Tokens the model has read in all: what a rollout costs, whatever machine it runs on."""

    def roll(self, examples: Sequence[Example], copies: int = 1) -> list[Rollout]:
        """`copies` rollouts of each example, those of one example next to each other."""
        import torch

        training = self.model.training
        self.model.eval()
        try:
            with torch.no_grad():
                return self._roll(examples, copies)
        finally:
            self.model.train(training)

    def _roll(self, examples: Sequence[Example], copies: int) -> list[Rollout]:
        context = Context(self.model, self.encoder)
        prompts = [self.world(example, self.encoder, self.manner).reset() for example in examples]
        logits = context.feed(prompts)
        context.repeat(copies)
        logits = logits.repeat_interleave(copies, dim=0)
        rows = [
            _Row(self.world(example, self.encoder, self.manner), prompt)
            for example, prompt in zip(examples, prompts, strict=True)
            for _ in range(copies)
        ]
        going = list(rows)
        while going:
            self._write(context, going, logits)
            blocks = [row.respond(self.encoder) for row in going]
            alive = [number for number, block in enumerate(blocks) if block is not None]
            going = [going[number] for number in alive]
            if going:
                context.keep(alive)
                logits = context.feed([blocks[number] for number in alive])
        self.tokens_read += context.read
        return [row.done(self.encoder) for row in rows]

    def _write(self, context: Context, rows: list[_Row], logits: "Tensor") -> None:
        """Let every row write until it stops, for an observation or for good."""
        import torch

        going = [True] * len(rows)
        while True:
            tokens, logprobs = self._draw(logits)
            drawn = zip(rows, tokens.tolist(), logprobs.tolist(), strict=True)
            going = [on and self._write_one(*one) for on, one in zip(going, drawn, strict=True)]
            if not any(going):
                return
            logits = context.step(tokens, torch.tensor(going, device=logits.device))

    def _write_one(self, row: _Row, token: int, logprob: float) -> bool:
        """Write a token; whether the row goes on after it."""
        row.write(token, logprob)
        if token in self.ends:
            return False
        if row.written >= self.sampling.max_tokens:
            row.stop = Stop.LENGTH
        return row.stop is None

    def _draw(self, logits: "Tensor") -> "tuple[Tensor, Tensor]":
        """A token for each row and its log-probability, over the whole vocabulary as training computes it."""
        import torch

        scaled = logits / (self.sampling.temperature or 1.0)
        logprobs = torch.log_softmax(scaled, dim=-1)
        allowed = scaled.clone()
        allowed[:, self.encoder.forbidden] = -torch.inf
        allowed[:, len(self.encoder.tokenizer) :] = -torch.inf
        if self.sampling.temperature == 0:
            tokens = allowed.argmax(dim=-1)
        else:
            tokens = torch.multinomial(torch.softmax(allowed, dim=-1), 1, generator=self.generator)[:, 0]
        return tokens, logprobs.gather(1, tokens.unsqueeze(1))[:, 0]
