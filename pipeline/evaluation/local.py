"""Attempts with a policy that runs here: side by side in one batch, each reading on in its own KV cache."""

import math
import time
from collections.abc import Sequence

from pipeline.evaluation.exchange import Cost, Exchange, Finished, Outcome, Steps, Written
from pipeline.training.context import Context
from pipeline.training.encode import Encoded, Encoder
from pipeline.training.pixels import Pixels, patches
from pipeline.training.policy import Policy
from pipeline.training.writing import Piece, Sampling, Writer, seeded


class Local:
    """Runs attempts. They are generators: told what was written, they say what is to be read next."""

    def __init__(self, policy: Policy, sampling: Sampling, batch: int = 1, seed: int = 0) -> None:
        self.policy, self.sampling, self.batch, self.seed = policy, sampling, batch, seed

    def run(self, attempts: Sequence[Steps]) -> list[Finished]:
        """What came of each, in order. What an attempt raises goes through."""
        import torch

        began = time.perf_counter()
        encoder, model = self.policy.encoder, self.policy.model
        writer = Writer(encoder, self.policy.manner.dialect, self.sampling, seeded(model, self.seed))
        rows = [_Row(steps, encoder) for steps in attempts]
        model.eval()
        with torch.no_grad():
            waiting = list(rows)
            while waiting:
                batch, waiting = waiting[: self.batch], waiting[self.batch :]
                waiting += self._converse(batch, Context(model, encoder), writer)
        return [row.finished((time.perf_counter() - began) / len(rows)) for row in rows]

    def _converse(self, rows: list["_Row"], context: Context, writer: Writer) -> list["_Row"]:
        """Go through one conversation of each row; those that want to begin another."""
        fresh: list[_Row] = []
        while rows:
            passing = [number for number, row in enumerate(rows) if row.exchange.passing]
            mark = context.mark() if passing else None
            logits = context.feed([row.block() for row in rows])
            pieces = writer.write(context, logits, [self.sampling.max_tokens] * len(rows))
            if mark:
                context.forget(passing, mark)
            for row, piece in zip(rows, pieces, strict=True):
                row.take(piece)
            fresh += [row for row in rows if row.outcome is None and row.exchange.fresh]
            alive = [number for number, row in enumerate(rows) if row.outcome is None and not row.exchange.fresh]
            rows = [rows[number] for number in alive]
            if rows:
                context.keep(alive)
        return fresh


class _Row:
    """An attempt under way."""

    def __init__(self, steps: Steps, encoder: Encoder) -> None:
        self.steps, self.encoder = steps, encoder
        self.exchange: Exchange = next(steps)
        self.outcome: Outcome | None = None
        self.cost = Cost()
        self.texts: list[str] = []
        self._unread: int | None = None
        """The last token written, which has been drawn and not yet read."""

    def block(self) -> Encoded:
        """What is to be read next, with the last token written before it."""
        exchange, encoder = self.exchange, self.encoder
        pictures = [patches(shown.image) for shown in exchange.pictures]
        inside = sum(part is None for turn in exchange.turns for part in turn.content)
        block = Encoded()
        if not exchange.fresh and not exchange.instead and self._unread is not None:
            block = Encoded((self._unread,), (True,))
        if exchange.turns:
            block = block if exchange.fresh else block.then(encoder.text("\n"))
            block = block.then(encoder.awaiting(exchange.turns, pictures[:inside]))
        block = block.then(_begun(exchange.begun, pictures[inside:], encoder))
        self.cost.pictures += len(pictures)
        self.cost.visual_tokens += sum(picture.tokens for picture in pictures)
        # The token that was written counts as generated.
        self.cost.prefilled_tokens += sum(not own for own in block.trained)
        return block

    def take(self, piece: Piece) -> None:
        """Hear what the policy wrote, and what comes next."""
        text = self.encoder.decode(piece.tokens)
        self.texts.append(text)
        self.cost.generated_tokens += len(piece.tokens)
        if not self.exchange.passing:
            self._unread = piece.tokens[-1]
        begun = "".join(part or "" for part in self.exchange.begun)
        confidence = math.exp(sum(piece.logprobs) / len(piece.logprobs))
        try:
            self.exchange = self.steps.send(Written(begun + text, confidence, piece.ended))
        except StopIteration as end:
            self.outcome = end.value

    def finished(self, seconds: float) -> Finished:
        assert self.outcome is not None
        self.cost.seconds = seconds
        return Finished(self.outcome, self.cost, tuple(self.texts))


def _begun(parts: Sequence[str | None], pictures: Sequence[Pixels], encoder: Encoder) -> Encoded:
    waiting, begun = iter(pictures), Encoded()
    for part in parts:
        begun = begun.then(encoder.picture(next(waiting)) if part is None else encoder.text(part))
    return begun
