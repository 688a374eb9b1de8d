"""The one way to ask the teacher: an OpenAI-compatible endpoint, with every answer in a journal first."""

import asyncio
import os
import time
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_base, wait_random_exponential

from agents.messages import Asked, Message, Photo, Reply, Request
from agents.wire import body_of, reply_in

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI
    from tenacity import RetryCallState

Form = TypeVar("Form", bound=BaseModel)


LONGEST_ASKED = 3600.0
"""Seconds of Retry-After that are believed."""
OF_THE_REQUEST = {400, 413, 415, 422}
"""What is said of a request that is too long, or holds what the endpoint does not take; another may do."""
REFUSALS_IN_A_ROW = 8
"""So many without an answer between them are no longer the requests' fault: a server without tools or pictures."""


class EndpointError(Exception):
    """The endpoint cannot be used; the message is one sentence for the operator, with the remedy."""


class ReplyError(Exception):
    """The model wrote something unusable, twice; for the curator of the data."""


class RefusedError(Exception):
    """The endpoint will not answer this one request, such as one that is too long; for the curator of the data."""


class _Passing(Exception):
    """A failure that may be gone on the next try."""

    def __init__(self, what: str, retry_after: float | None = None) -> None:
        super().__init__(what)
        self.retry_after = retry_after


class EndpointConfig(BaseModel):
    """Where the teacher is and how patiently it is asked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_url: str = "http://127.0.0.1:8000/v1"
    model: str = "local-teacher"
    key_env: str = "OPENAI_API_KEY"
    """Name of the environment variable that holds the key; the key itself is never stored."""
    timeout_seconds: float = Field(120.0, gt=0)
    """Deadline of one try."""
    tries: int = Field(6, ge=1)
    """Tries of one request before the endpoint counts as gone."""
    max_wait_seconds: float = 30.0
    """Longest pause between two tries, unless the endpoint asks for more with Retry-After."""
    temperature: float = 0.0
    max_tokens: int = 1024


class Journal(Protocol):
    """What was answered before; `put` returns only when the answer is durable."""

    def get(self, key: str) -> dict[str, Any] | None: ...

    def put(self, request: Asked, reply: BaseModel, seconds: float) -> None: ...


class Endpoint:
    """Asks one endpoint. Holds no state of any record, so that many searches may share it."""

    def __init__(self, config: EndpointConfig, offline: bool = False) -> None:
        self.config = config
        self.offline = offline
        """Answer from the journal alone; a request it does not hold is an error."""
        self._client: AsyncOpenAI | None = None
        self._refusals = 0
        """Requests refused since the last answer."""

    async def ask(self, request: Request, photo: Photo, journal: Journal) -> Reply:
        """The reply to a request about a photo, from the journal if it was asked before.

        Raises EndpointError when the endpoint cannot be used, RefusedError when it refuses just this request.
        """
        known = journal.get(request.key)
        if known is not None:
            return _accepted(Reply(**known, key=request.key))
        if self.offline:
            raise EndpointError(f"Replay is offline and the call log lacks a {request.role} request ({request.key}).")
        started = time.monotonic()
        reply = await self._send(request, photo)
        # A refusal is kept too: a replay has to meet it at the same place.
        journal.put(request, reply, time.monotonic() - started)
        return _accepted(reply)

    async def fill(self, request: Request, form: type[Form], photo: Photo, journal: Journal) -> tuple[Form, Reply]:
        """A reply that follows a form; one repair turn quotes what was wrong with the first.

        Raises ReplyError when the second is wrong too.
        """
        request = request.model_copy(update={"form": (form.__name__, form.model_json_schema())})
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
        if self._client is not None:
            client, self._client = self._client, None
            await client.close()

    async def _send(self, request: Request, photo: Photo) -> Reply:
        config = self.config
        try:
            async for attempt in AsyncRetrying(
                retry=retry_if_exception_type(_Passing),
                stop=stop_after_attempt(config.tries),
                wait=_Patience(config.max_wait_seconds),
                reraise=True,
            ):
                with attempt:
                    return await self._once(request, photo)
        except _Passing as error:
            raise EndpointError(
                f"The teacher at {config.base_url} failed {config.tries} times in a row ({error}). "
                "Start it or check the address, then run the same command again: nothing is lost."
            ) from error
        raise AssertionError("tenacity either returns or raises")

    async def _once(self, request: Request, photo: Photo) -> Reply:
        import openai

        config = self.config
        try:
            async with asyncio.timeout(config.timeout_seconds):
                completion = await self._openai().chat.completions.create(**body_of(request, photo))
        except (TimeoutError, openai.APITimeoutError) as error:
            raise _Passing(f"no answer within {config.timeout_seconds:g} s") from error
        except (openai.RateLimitError, openai.InternalServerError) as error:
            raise _Passing(f"HTTP {error.status_code}", _retry_after(error)) from error
        except openai.APIConnectionError as error:
            raise _Passing("no connection") from error
        except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
            raise EndpointError(
                f"The teacher at {config.base_url} refused the key in ${config.key_env} (HTTP {error.status_code}). "
                "Set the right one and run again."
            ) from error
        except openai.APIStatusError as error:
            return self._refusal(request, error)
        except ValueError as error:
            raise _Passing("the response is not valid JSON") from error
        try:
            reply = reply_in(completion, request.key)
        except (AttributeError, TypeError, ValueError) as error:
            raise _Passing("the response is no chat completion") from error
        self._refusals = 0
        return reply

    def _refusal(self, request: Request, error: "APIStatusError") -> Reply:
        """What an endpoint's no stands for; raises EndpointError where every other request would get it too."""
        # Some servers quote what they were sent, and a key is never written anywhere.
        said = str(error.message).replace(self._key, "[key]")
        why = f"HTTP {error.status_code}: {said[:200]}"
        if error.status_code not in OF_THE_REQUEST:
            raise EndpointError(f"The teacher at {self.config.base_url} refused a {request.role} request ({why}).")
        self._refusals += 1
        if self._refusals >= REFUSALS_IN_A_ROW:
            raise EndpointError(
                f"The teacher at {self.config.base_url} refused {self._refusals} requests in a row, the last one a "
                f"{request.role} request ({why}). Mend that, try those that were set aside again with "
                "`cof retry-rejects`, and run the same command again."
            )
        return Reply(refused=why, key=request.key)

    def _openai(self) -> "AsyncOpenAI":
        if self._client is None:
            from openai import AsyncOpenAI

            # Retries are ours: the journal and the limits have to see every try.
            self._client = AsyncOpenAI(base_url=self.config.base_url, api_key=self._key, max_retries=0, timeout=None)
        return self._client

    @property
    def _key(self) -> str:
        return os.environ.get(self.config.key_env) or "none"


def _accepted(reply: Reply) -> Reply:
    if reply.refused:
        raise RefusedError(reply.refused)
    return reply


class _Patience(wait_base):
    """Exponential pauses with jitter, or what the endpoint asks for."""

    def __init__(self, longest: float) -> None:
        self._backoff = wait_random_exponential(multiplier=0.5, max=longest)

    def __call__(self, retry_state: "RetryCallState") -> float:
        error = retry_state.outcome.exception() if retry_state.outcome else None
        asked = error.retry_after if isinstance(error, _Passing) else None
        return asked if asked is not None else self._backoff(retry_state)


def _retry_after(error: Any) -> float | None:
    value = error.response.headers.get("retry-after", "")
    try:
        seconds = float(value)
    except ValueError:
        return None
    return seconds if 0 <= seconds <= LONGEST_ASKED else None


def _first_line(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where + ': ' if where else ''}{first['msg']}."[:300]
