"""Attempts with a policy behind an OpenAI-compatible endpoint: many at once, each sending its conversation again."""

import asyncio
import time
from collections.abc import Sequence

from typing_extensions import override

from agents.boxes import Size
from agents.dialects import Turn
from agents.endpoint import RefusedError
from agents.messages import Message, Photo, Picture
from agents.photos import PhotoCache, data_url
from agents.sender import Sender
from agents.teachers import EndpointConfig
from pipeline.evaluation.exchange import Cost, Exchange, Finished, Outcome, Shown, Steps, Written
from pipeline.training.served import asked, text_of


class Remote:
    """Runs attempts as `Local` does. The endpoint tells no probabilities, and takes no words put into its mouth."""

    def __init__(self, config: EndpointConfig, seed: int = 0) -> None:
        self.config, self.seed = config, seed

    def run(self, attempts: Sequence[Steps]) -> list[Finished]:
        """What came of each, in order. Raises EndpointError; a question it refuses has no answer."""

        async def all_of_them() -> list[Finished]:
            sender = Sender(self.config)
            try:
                return await asyncio.gather(*(self._one(steps, sender) for steps in attempts))
            finally:
                await sender.close()

        return asyncio.run(all_of_them())

    async def _one(self, steps: Steps, sender: Sender) -> Finished:
        began, talk = time.perf_counter(), _Talk(sender, self.seed)
        outcome = await _through(steps, talk)
        talk.cost.seconds = time.perf_counter() - began
        return Finished(outcome, talk.cost, tuple(talk.texts))


async def _through(steps: Steps, talk: "_Talk") -> Outcome:
    """An attempt from its first exchange to its end. What the endpoint will not read has no answer."""
    exchange = next(steps)
    while True:
        try:
            text = await talk.say(exchange)
        except RefusedError as error:
            talk.texts.append(f"(refused: {error})")
            return Outcome(None)
        try:
            exchange = steps.send(Written(text, None, True))
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome


class _Talk:
    """The conversation of one attempt."""

    def __init__(self, sender: Sender, seed: int) -> None:
        self._sender, self._seed = sender, seed
        self._messages: list[Message] = []
        self._album = _Album()
        self.cost = Cost()
        self.texts: list[str] = []

    async def say(self, exchange: Exchange) -> str:
        """What the policy writes next."""
        before = [] if exchange.fresh else self._messages
        messages = [*before, *self._written(exchange)]
        text = await self._ask(messages)
        self.texts.append(text)
        if not exchange.passing:
            self._messages = [*messages, Message(role="assistant", content=(text,))]
        return text

    def _written(self, exchange: Exchange) -> list[Message]:
        pictures = iter(exchange.pictures)
        self.cost.pictures += len(exchange.pictures)
        self.cost.visual_tokens += sum(shown.view.visual_tokens for shown in exchange.pictures)

        def message(turn: Turn) -> Message:
            parts = tuple(self._album.add(next(pictures)) if part is None else part for part in turn.content)
            return Message(role=turn.role, content=parts)

        return [message(turn) for turn in exchange.turns]

    async def _ask(self, messages: list[Message]) -> str:
        reply = await asked(self._sender, messages, self._album, self._seed)
        self.cost.prefilled_tokens += reply.prompt_tokens
        self.cost.generated_tokens += reply.completion_tokens
        return text_of(reply)


class _Album(Photo):
    """The pictures of one attempt, which need not be what their views say: crops may have been exchanged."""

    def __init__(self) -> None:
        super().__init__("", "", Size(1, 1), PhotoCache())
        self._pages: list[str] = []

    def add(self, shown: Shown) -> Picture:
        """A picture as a message refers to it: by its page, since two of the same view may differ."""
        self._pages.append(data_url(shown.image))
        return Picture(photo=str(len(self._pages) - 1), view=shown.view)

    @override
    def url(self, picture: Picture) -> str:
        return self._pages[int(picture.photo)]
