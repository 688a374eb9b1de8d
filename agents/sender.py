"""One request over HTTP: through the gate, with a deadline, again where that can help, and no further."""

import asyncio
import os
from typing import TYPE_CHECKING, Any

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, stop_after_delay
from tenacity.wait import wait_base, wait_random_exponential

from agents.gate import End, Gate, Load, SpentError, Turnstile
from agents.messages import Photo, Reply, Request
from agents.spoken import in_words, understood
from agents.teachers import EndpointConfig
from agents.wire import body_of, reply_in

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI
    from tenacity import RetryCallState
    from tenacity.stop import stop_base

LONGEST_ASKED = 3600.0
"""Seconds of Retry-After that are believed."""
OF_THE_REQUEST = {400, 413, 415, 422}
"""What is said of a request that is too long, or holds what the endpoint does not take; another may do."""
TOO_MUCH = {429, 503, 529}
"""What is said of requests that would have been answered at a quieter moment."""
REFUSALS_IN_A_ROW = 8
"""So many without an answer between them are no longer the requests' fault: a server without tools or pictures."""


class EndpointError(Exception):
    """The endpoint cannot be used; the message is one sentence for the operator, with the remedy."""


class _Passing(Exception):
    """A failure that may be gone on the next try."""


class _Crowded(Exception):
    """The endpoint has too much to do; `pause` is what it asks for, `silent` how long it has answered nobody."""

    def __init__(self, what: str, pause: float | None) -> None:
        super().__init__(what)
        self.pause, self.silent = pause, 0.0


class Sender:
    """Sends requests to one endpoint; many may be under way at once."""

    def __init__(self, config: EndpointConfig, gate: Turnstile | None = None) -> None:
        self.config = config
        self._gate: Turnstile = gate or Gate(config.limits)
        self._client: AsyncOpenAI | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        """Where the client's connections live."""
        self._refusals = 0
        """Requests refused since the last answer."""

    async def send(self, request: Request, photo: Photo | None) -> Reply:
        """The reply to a request; `refused` is set in one that the endpoint will not answer.

        Raises EndpointError when the endpoint cannot be used.
        """
        config = self.config
        enough = stop_after_attempt(config.tries) & stop_after_delay(config.patience_seconds)
        try:
            async for attempt in self._retrying(_Passing, enough):
                with attempt:
                    return await self._when_quieter(request, photo)
        except _Passing as error:
            raise EndpointError(
                f"The teacher at {config.base_url} failed {attempt.retry_state.attempt_number} times in a row "
                f"({error}). Start it or check the address, then run the same command again: nothing is lost."
            ) from error
        except _Crowded as error:
            raise EndpointError(
                f"The teacher at {config.base_url} answers nobody any more ({error}). Wait until its limits allow "
                "more, then run the same command again: nothing is lost."
            ) from error
        except SpentError as error:
            raise EndpointError(
                f"The next request could take the run beyond teacher.limits.max_cost ({error} spent). Raise it and run "
                "the same command again to go on: nothing is lost."
            ) from error
        raise AssertionError("tenacity either returns or raises")

    async def close(self) -> None:
        """Let go of the connections; the next request opens new ones."""
        if self._client is not None:
            client, self._client = self._client, None
            await client.close()

    async def _when_quieter(self, request: Request, photo: Photo | None) -> Reply:
        """A refusal for want of room is no failure: it is sent again for as long as anyone is answered."""

        def nobody_is_answered(state: "RetryCallState") -> bool:
            error = state.outcome.exception() if state.outcome else None
            if not isinstance(error, _Crowded) or state.attempt_number < self.config.tries:
                return False
            return error.silent >= self.config.patience_seconds + (error.pause or 0)

        async for attempt in self._retrying(_Crowded, nobody_is_answered):
            with attempt:
                return await self._through_the_gate(request, photo)
        raise AssertionError("tenacity either returns or raises")

    def _retrying(self, kind: type[Exception], stop: "stop_base | Any") -> AsyncRetrying:
        wait = _Patience(self.config.max_wait_seconds)
        return AsyncRetrying(retry=retry_if_exception_type(kind), stop=stop, wait=wait, reraise=True)

    async def _through_the_gate(self, request: Request, photo: Photo | None) -> Reply:
        place = await self._gate.enter(self.config.at_most(request))
        try:
            reply = await self._exchange(request, photo)
        except _Crowded as error:
            error.silent = await self._gate.leave(place, End.REFUSED, Load(), error.pause or 0.0)
            raise
        except BaseException:
            await self._gate.leave(place, End.FAILED, Load())
            raise
        load = self.config.came_to(request, reply)
        await self._gate.leave(place, End.ANSWERED, load)
        return reply.model_copy(update={"cost": load.cost})

    async def _exchange(self, request: Request, photo: Photo | None) -> Reply:
        import openai

        config = self.config
        able = config.able(request.model)
        try:
            async with asyncio.timeout(config.timeout_seconds):
                body = body_of(in_words(request, able), photo)
                # Plain JSON both ways: the typed `create` looks at every part of every message, for twice the time.
                completion = await self._openai().post("/chat/completions", body=body, cast_to=object)
        except TimeoutError as error:
            raise _Passing(f"no answer within {config.timeout_seconds:g} s") from error
        except openai.APIConnectionError as error:
            raise _Passing("no connection") from error
        except openai.APIStatusError as error:
            return self._status(request, error)
        except ValueError as error:
            raise _Passing("the response is not valid JSON") from error
        try:
            reply = reply_in(completion)
        except (LookupError, AttributeError, TypeError, ValueError) as error:
            raise _Passing("the response is no chat completion") from error
        self._refusals = 0
        return understood(reply, request, able)

    def _status(self, request: Request, error: "APIStatusError") -> Reply:
        """What an HTTP status other than 200 stands for."""
        config, status = self.config, error.status_code
        if status in TOO_MUCH:
            raise _Crowded(f"HTTP {status}", _retry_after(error)) from error
        if status >= 500 or status in {408, 409}:
            raise _Passing(f"HTTP {status}") from error
        if status in {401, 403}:
            raise EndpointError(
                f"The teacher at {config.base_url} refused the key in ${config.key_env} (HTTP {status}). "
                "Set the right one and run again."
            ) from error
        return self._refusal(request, error)

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
        return Reply(refused=why)

    def _openai(self) -> "AsyncOpenAI":
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            from openai import AsyncOpenAI, DefaultAioHttpClient

            self._loop = loop
            # Retries and deadlines are ours: the journal and the limits have to see every try. Over aiohttp a request
            # takes half of the CPU time it takes over the client's own transport.
            self._client = AsyncOpenAI(
                base_url=self.config.base_url,
                api_key=self._key,
                max_retries=0,
                timeout=None,
                http_client=DefaultAioHttpClient(),
            )
        return self._client

    @property
    def _key(self) -> str:
        return os.environ.get(self.config.key_env) or "none"


class _Patience(wait_base):
    """Exponential pauses with jitter, or what the endpoint asks for."""

    def __init__(self, longest: float) -> None:
        self._backoff = wait_random_exponential(multiplier=0.5, max=longest)

    def __call__(self, retry_state: "RetryCallState") -> float:
        error = retry_state.outcome.exception() if retry_state.outcome else None
        asked = error.pause if isinstance(error, _Crowded) else None
        return asked if asked is not None else self._backoff(retry_state)


def _retry_after(error: Any) -> float | None:
    value = error.response.headers.get("retry-after", "")
    try:
        seconds = float(value)
    except ValueError:
        return None
    return seconds if 0 <= seconds <= LONGEST_ASKED else None
