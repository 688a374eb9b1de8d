"""A policy behind an OpenAI-compatible endpoint: it writes, and the zoom loop is ours."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence

from PIL import Image
from typing_extensions import override

from agents.answers import pose
from agents.boxes import Size
from agents.dialects import Dialect, Setting, Turn, opening, shown, wanted
from agents.endpoint import RefusedError
from agents.messages import Message, Photo, Picture, Reply, Request
from agents.photos import PhotoCache
from agents.sender import Sender
from agents.spoken import written
from agents.teachers import EndpointConfig
from agents.trace import Trace
from agents.views import View, posed_view
from pipeline.training.errors import PolicyError
from pipeline.training.inference import Looked, Question, Said, Seen, Step, Told, opened
from pipeline.training.manner import Manner
from pipeline.training.rewards import last_answer
from pipeline.training.rollout import Stop, written_trace


class Served:
    """Answers questions as `ChainOfFocus` does, with a model that somebody else serves, as vLLM the released ones."""

    def __init__(self, config: EndpointConfig, manner: Manner | None = None) -> None:
        """Raises PolicyError for the inline dialect: no chat endpoint takes a picture in the middle of a turn."""
        self.config = config
        self.manner = manner or Manner(dialect=Dialect.TOOL_CALL)
        if self.manner.dialect is not Dialect.TOOL_CALL:
            raise PolicyError("A served model looks closer by tool calls; one of the inline dialect runs here alone.")
        self.prompt_tokens = 0
        """Read by the endpoint, in all, by its own count: every look sends the whole conversation again."""

    def answers(self, questions: Sequence[Question], max_zooms: int | None = None) -> list[Looked]:
        """The answers to some questions, asked side by side. Raises EndpointError, RefusedError and PhotoError."""

        async def all_of_them() -> list[Looked]:
            sender = Sender(self.config)
            try:
                return await asyncio.gather(*(self._answer(sender, one, max_zooms) for one in questions))
            finally:
                await sender.close()

        return asyncio.run(all_of_them())

    def stream(self, question: Question, max_zooms: int | None = None) -> Iterator[Step]:
        """What is said and seen about one question, as it comes. Raises as `answers`."""
        loop, sender = asyncio.new_event_loop(), Sender(self.config)
        steps = _Search(self, sender, question, max_zooms).steps()
        try:
            while (step := loop.run_until_complete(anext(steps, None))) is not None:
                yield step
        finally:
            loop.run_until_complete(sender.close())
            loop.close()

    async def _answer(self, sender: Sender, question: Question, max_zooms: int | None) -> Looked:
        search = _Search(self, sender, question, max_zooms)
        steps = tuple([step async for step in search.steps()])
        return search.looked(steps)


class _Search:
    """One question on its way."""

    def __init__(self, served: Served, sender: Sender, question: Question, max_zooms: int | None) -> None:
        self._served, self._sender, self._question = served, sender, question
        self._manner = served.manner
        self._looks = self._manner.max_zooms if max_zooms is None else max_zooms
        self._photo = _Held(opened(question.image))
        self._posed = posed_view(self._photo.size, question.resolution)
        self._setting = Setting(self._photo.size, self._posed.size, self._manner.zoom, self._manner.frame)
        self._stop = Stop.ANSWERED
        self._texts: list[str] = []
        self._views: list[View] = [self._posed]
        self._faults = 0

    async def steps(self) -> AsyncIterator[Step]:
        asked = pose(self._question.text, self._question.choices)
        messages = [self._message(turn, self._posed) for turn in opening(asked, Dialect.TOOL_CALL, self._manner.brief)]
        while True:
            text = await self._write(messages)
            self._texts.append(text)
            yield Said(text)
            step = self._respond(text)
            if step is None:
                return
            yield step
            messages += [Message(role="assistant", content=(text,)), *self._shown(step)]

    async def _write(self, messages: list[Message]) -> str:
        reply = await asked(self._sender, messages, self._photo)
        self._served.prompt_tokens += reply.prompt_tokens
        return text_of(reply)

    def _respond(self, text: str) -> Seen | Told | None:
        """What comes back for a text; None if it asks for nothing more, or may not."""
        step: Seen | Told
        try:
            look = wanted(text, self._setting, Dialect.TOOL_CALL)
            if look is None:
                return None
            step = Seen(look.view, self._photo.render(look.view))
        except ValueError as error:
            step = Told(str(error))
        if len(self._texts) > self._looks:
            self._stop = Stop.OVER_TURN
            return None
        if isinstance(step, Seen):
            self._views.append(step.view)
        else:
            self._faults += 1
        return step

    def _shown(self, step: Seen | Told) -> list[Message]:
        if isinstance(step, Told):
            return [Message(role="user", content=(step.text,))]
        return [self._message(turn, step.view) for turn in shown(Dialect.TOOL_CALL, self._manner.brief)]

    def _message(self, turn: Turn, view: View) -> Message:
        """A turn with the picture of a view where it leaves room for one."""
        parts: list[str | Picture] = [self._photo.picture(view) if part is None else part for part in turn.content]
        return Message(role=turn.role, content=tuple(parts))

    def looked(self, steps: tuple[Step, ...]) -> Looked:
        tokens = sum(view.visual_tokens for view in self._views)
        return Looked(last_answer(self._texts[-1]), self._trace(), steps, self._posed, self._stop, tokens)

    def _trace(self) -> Trace | None:
        if self._faults or self._stop is not Stop.ANSWERED:
            return None
        return written_trace(self._texts, self._setting, Dialect.TOOL_CALL)


class _Held(Photo):
    """A photo in memory."""

    def __init__(self, image: Image.Image) -> None:
        super().__init__("", "", Size(*image.size), PhotoCache())
        self._image = image

    @property
    @override
    def image(self) -> Image.Image:
        return self._image


async def asked(sender: Sender, messages: Sequence[Message], photo: Photo, seed: int = 0) -> Reply:
    """What a served policy writes next. Raises EndpointError and RefusedError."""
    config = sender.config
    request = Request(
        role="policy",
        model=config.model,
        messages=tuple(messages),
        temperature=config.temperature,
        max_tokens=config.max_tokens,
        seed=seed,
    )
    reply = await sender.send(request, photo)
    if reply.refused:
        raise RefusedError(reply.refused)
    return reply


def text_of(reply: Reply) -> str:
    """What was written; a server that takes tool calls out of the text has them put back."""
    return "\n".join([*([reply.text] if reply.text else []), *(written(call) for call in reply.calls)])
