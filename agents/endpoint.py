"""The one way to ask the teacher: an OpenAI-compatible endpoint, with every answer in a journal first."""

import asyncio
import time
from functools import cache
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel, ValidationError

from agents.gate import Turnstile
from agents.messages import Asked, Message, Photo, Reply, Request
from agents.sender import EndpointError, Sender
from agents.teachers import EndpointConfig

Form = TypeVar("Form", bound=BaseModel)


class ReplyError(Exception):
    """The model wrote something unusable, twice; for the curator of the data."""


class RefusedError(Exception):
    """The endpoint will not answer this one request, such as one that is too long; for the curator of the data."""


class Journal(Protocol):
    """What was answered before; `put` returns only when the answer is durable."""

    def get(self, key: str) -> dict[str, Any] | None: ...

    def put(self, request: Asked, reply: BaseModel, seconds: float) -> None: ...


class Endpoint:
    """Asks one endpoint. Holds no state of any record, so that many searches may share it."""

    def __init__(
        self,
        config: EndpointConfig,
        offline: bool = False,
        gate: Turnstile | None = None,
        sender: type[Sender] = Sender,
    ) -> None:
        self.config = config
        self.offline = offline
        """Answer from the journal alone; a request it does not hold is an error."""
        self._sender = sender(config, gate)

    async def ask(self, request: Request, photo: Photo, journal: Journal) -> Reply:
        """The reply to a request about a photo, from the journal if it was asked before.

        Raises EndpointError when the endpoint cannot be used, RefusedError when it refuses just this request.
        """
        key = request.key
        known = await asyncio.to_thread(journal.get, key)
        if known is not None:
            return _accepted(Reply(**known, key=key))
        if self.offline:
            raise EndpointError(f"Replay is offline and the call log lacks a {request.role} request ({key}).")
        started = time.monotonic()
        reply = await self._sender.send(request, photo)
        # A refusal is kept too: a replay has to meet it at the same place.
        await asyncio.to_thread(journal.put, request, reply, time.monotonic() - started)
        return _accepted(reply.model_copy(update={"key": key}))

    async def fill(self, request: Request, form: type[Form], photo: Photo, journal: Journal) -> tuple[Form, Reply]:
        """A reply that follows a form; one repair turn quotes what was wrong with the first.

        Raises ReplyError when the second is wrong too.
        """
        request = request.model_copy(update={"form": (form.__name__, _schema(form))})
        reply = await self.ask(request, photo, journal)
        try:
            return form.model_validate_json(reply.text), reply
        except ValidationError as error:
            wrong = _first_line(error)
        again = (
            *request.messages,
            Message(role="assistant", content=(reply.text[:4000],)),
            Message(
                role="user",
                content=(f"That does not follow the schema: {wrong} Answer again, with the JSON only.",),
            ),
        )
        reply = await self.ask(request.model_copy(update={"messages": again}), photo, journal)
        try:
            return form.model_validate_json(reply.text), reply
        except ValidationError as error:
            raise ReplyError(f"no valid {form.__name__}: {_first_line(error)}") from error

    async def close(self) -> None:
        """Let go of the connections; the next request opens new ones."""
        await self._sender.close()


@cache
def _schema(form: type[BaseModel]) -> dict[str, Any]:
    return form.model_json_schema()


def _accepted(reply: Reply) -> Reply:
    if reply.refused:
        raise RefusedError(reply.refused)
    return reply


def _first_line(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where + ': ' if where else ''}{first['msg']}."[:300]
