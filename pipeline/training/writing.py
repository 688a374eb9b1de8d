"""Letting a policy write: tokens drawn row by row, each kept with its log-probability, until every row has stopped."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from agents.dialects import Dialect
from pipeline.training.context import Context
from pipeline.training.encode import Encoder

if TYPE_CHECKING:
    from torch import Generator, Tensor


class Sampling(BaseModel):
    """How tokens are drawn."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: float = Field(1.0, ge=0)
    """0 takes the likeliest token."""
    max_tokens: int = Field(512, ge=1)
    """Tokens a policy may write on one question; pictures and observations do not count."""


class Piece:
    """What one row writes between two observations."""

    def __init__(self, allowance: int) -> None:
        self.allowance = allowance
        """Tokens it may still write."""
        self.tokens: list[int] = []
        self.logprobs: list[float] = []
        """Of each token, over the whole vocabulary."""
        self.ended = False
        """Whether the row stopped by itself; else its allowance was used up."""

    @property
    def going(self) -> bool:
        return not self.ended and len(self.tokens) < self.allowance


class Drawn(NamedTuple):
    """A token for each row and its log-probability, both of shape (b,)."""

    tokens: "Tensor"
    logprobs: "Tensor"


class Writer:
    """Draws tokens from a policy until it waits for what comes back, or may write no more."""

    def __init__(self, encoder: Encoder, dialect: Dialect, sampling: Sampling, generator: "Generator") -> None:
        self.encoder, self.sampling, self.generator = encoder, sampling, generator
        self.ends = {encoder.end}
        """Tokens after which the policy waits for what comes back."""
        if dialect is Dialect.INLINE and encoder.zoom is not None:
            self.ends.add(encoder.zoom)

    def write(self, context: Context, logits: "Tensor", allowances: Sequence[int]) -> list[Piece]:
        """Let every row of a context write from these logits, shape (b, vocabulary), until all have stopped.

        The last token of a piece has been drawn and not yet read.
        """
        import torch

        pieces = [Piece(allowance) for allowance in allowances]
        writing = list(pieces)
        while True:
            drawn = self._draw(logits)
            rows = zip(writing, drawn.tokens.tolist(), drawn.logprobs.tolist(), strict=True)
            going = torch.tensor([piece.going and self._add(piece, token, logprob) for piece, token, logprob in rows])
            if not going.any():
                context.rejoin()
                return pieces
            tokens = drawn.tokens
            if 2 * going.sum() <= len(going):  # Those that have stopped would be computed along with the others.
                context.set_aside((~going).nonzero()[:, 0].tolist())
                writing = [piece for piece in writing if piece.going]
                tokens, going = tokens[going.to(tokens.device)], going[going]
            logits = context.step(tokens, going.to(tokens.device))

    def _add(self, piece: Piece, token: int, logprob: float) -> bool:
        """Write a token; whether the row goes on after it."""
        piece.tokens.append(token)
        piece.logprobs.append(logprob)
        piece.ended = token in self.ends
        return piece.going

    def _draw(self, logits: "Tensor") -> Drawn:
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
        return Drawn(tokens, logprobs.gather(1, tokens.unsqueeze(1))[:, 0])


def seeded(model: Any, seed: int) -> "Generator":
    """Where a model's draws come from."""
    import torch

    generator: Generator = torch.Generator(model.device).manual_seed(seed)
    return generator
