"""The one way to ask the teacher: an OpenAI-compatible endpoint, with every answer in a journal first."""

import asyncio
import base64
import os
import time
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_base, wait_random_exponential

from agents.messages import Call, Message, Photo, Picture, Reply, Request

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from tenacity import RetryCallState

Form = TypeVar("Form", bound=BaseModel)


LONGEST_ASKED = 3600.0
"""Seconds of Retry-After that are believed."""


class EndpointError(Exception):
    """The endpoint cannot be used; the message is one sentence for the operator, with the remedy."""


class ReplyError(Exception):
    """The model wrote something unusable, twice; for the curator of the data."""


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

    def put(self, request: Request, reply: Reply, seconds: float) -> None: ...


class Endpoint:
    """Asks one endpoint. Holds no state of any record, so that many searches may share it."""

    def __init__(self, config: EndpointConfig, offline: bool = False) -> None:
        self.config = config
        self.offline = offline
        """Answer from the journal alone; a request it does not hold is an error."""
        self._client: AsyncOpenAI | None = None

    async def ask(self, request: Request, photo: Photo, journal: Journal) -> Reply:
        """The reply to a request about a photo, from the journal if it was asked before.

        Raises EndpointError when the endpoint cannot be used.
        """
        known = journal.get(request.key)
        if known is not None:
            return Reply(**known, key=request.key)
        if self.offline:
            raise EndpointError(f"Replay is offline and the call log lacks a {request.role} request ({request.key}).")
        started = time.monotonic()
        reply = await self._send(request, photo)
        journal.put(request, reply, time.monotonic() - started)
        return reply

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
                completion = await self._openai().chat.completions.create(**_body(request, photo))
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
            raise EndpointError(
                f"The teacher at {config.base_url} refused a {request.role} request "
                f"(HTTP {error.status_code}: {str(error.message)[:200]})."
            ) from error
        except ValueError as error:
            raise _Passing("the response is not valid JSON") from error
        try:
            return _reply(completion, request.key)
        except (AttributeError, TypeError, ValueError) as error:
            raise _Passing("the response is no chat completion") from error

    def _openai(self) -> "AsyncOpenAI":
        if self._client is None:
            from openai import AsyncOpenAI

            # Retries are ours: the journal and the limits have to see every try.
            key = os.environ.get(self.config.key_env) or "none"
            self._client = AsyncOpenAI(base_url=self.config.base_url, api_key=key, max_retries=0, timeout=None)
        return self._client


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


def _body(request: Request, photo: Photo) -> dict[str, Any]:
    """A request as the chat-completions protocol has it."""
    body: dict[str, Any] = {
        "model": request.model,
        "messages": [_message(message, photo) for message in request.messages],
        "temperature": request.temperature,
        "max_tokens": request.max_tokens,
        "seed": request.seed,
    }
    if request.tools:
        body["tools"] = list(request.tools)
    if request.form:
        name, schema = request.form
        body["response_format"] = {"type": "json_schema", "json_schema": {"name": name, "schema": schema}}
    return body


def _message(message: Message, photo: Photo) -> dict[str, Any]:
    parts = [_part(part, photo) for part in message.content]
    only_text = all(isinstance(part, str) for part in message.content)
    sent: dict[str, Any] = {"role": message.role}
    sent["content"] = "\n".join(str(part) for part in message.content) if only_text else parts
    if message.calls:
        sent["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.calls
        ]
    if message.call_id:
        sent["tool_call_id"] = message.call_id
    return sent


def _part(part: str | Picture, photo: Photo) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    data = base64.b64encode(photo.jpeg(part.view)).decode()
    return {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{data}"}}


def _sound(text: str) -> str:
    """Text that UTF-8 can hold: a model cut off within an emoji leaves half a character."""
    return text.encode(errors="replace").decode()


def _reply(completion: Any, key: str) -> Reply:
    choices = getattr(completion, "choices", None)
    message = getattr(choices[0], "message", None) if choices else None
    if message is None:
        # An HTML page or an error body with status 200: not this protocol, or not yet.
        raise _Passing("the response is no chat completion")
    calls = tuple(
        Call(
            id=call.id or f"call_{index}",
            name=_sound(call.function.name or ""),
            arguments=_sound(call.function.arguments or ""),
        )
        for index, call in enumerate(message.tool_calls or ())
        if getattr(call, "function", None)
    )
    usage = completion.usage
    return Reply(
        text=_sound(message.content or ""),
        calls=calls,
        prompt_tokens=getattr(usage, "prompt_tokens", 0) or 0,
        completion_tokens=getattr(usage, "completion_tokens", 0) or 0,
        key=key,
    )
