"""A worker's side of the gate of a run: a Turnstile at the other end of a connection."""

import asyncio
import itertools
import json
from typing import Any

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_fixed

from agents.gate import End, Load, SpentError
from agents.sender import EndpointError
from pipeline.gatekeeper import Door, notice_loss
from pipeline.session import unwrapped

PATIENCE = 120.0
"""Seconds that a worker tries to reach the gate: it may have to be started again on another node."""


class RemoteGate:
    """A Turnstile for the requests of one worker. When its connection ends, the gate takes it for dead."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor
        self._reaching: asyncio.Task[_Line] | None = None

    async def enter(self, load: Load) -> int:
        """Wait for a place; its number. Raises SpentError, and EndpointError where the gate cannot be reached."""
        while True:
            line = await self._line()
            try:
                told = await line.ask("enter", *load)
            except ConnectionError:  # Lost with its node, and started again on another.
                continue
            if isinstance(told, str):
                raise SpentError(told)
            return int(told)

    async def leave(self, place: int, end: End, load: Load, pause: float = 0.0) -> float:
        """Give the place back; only who was refused waits to hear how long the endpoint has been silent."""
        line = await self._line()
        asking = line.ask("leave", place, end, *load, pause)
        if end is not End.REFUSED:
            asking.add_done_callback(lambda done: done.cancelled() or done.exception())
            return 0.0
        try:
            return float(await asking)
        except ConnectionError:
            return 0.0

    async def _line(self) -> "_Line":
        """The connection, made anew where it broke."""
        if self._reaching is None or (self._reaching.done() and _is_lost(self._reaching)):
            self._reaching = asyncio.ensure_future(self._reach())
        return await asyncio.shield(self._reaching)

    async def _reach(self) -> "_Line":
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(OSError), wait=wait_fixed(0.5), stop=stop_after_delay(PATIENCE), reraise=True
        )
        try:
            async for attempt in retrying:
                with attempt, unwrapped():
                    door: Door = await self._actor.door.remote()
                    return _Line(*await asyncio.open_connection(door.host, door.port), door.word)
        except OSError as error:
            raise EndpointError(
                f"The run's gate cannot be reached ({error}). Let the nodes reach each other's ports, as Ray needs as "
                "well, and run the same command again: nothing is lost."
            ) from error
        raise AssertionError("tenacity either returns or raises")


class _Line:
    """One connection to the gate: a line of JSON for each message, and one for each answer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, word: str) -> None:
        self._writer = writer
        self._tickets = itertools.count()
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        notice_loss(writer)
        writer.write(f"{word}\n".encode())
        self._listening = asyncio.ensure_future(self._listen(reader))

    @property
    def lost(self) -> bool:
        return self._listening.done()

    def ask(self, what: str, *told: Any) -> "asyncio.Future[Any]":
        """What the gate answers, later; raises ConnectionError where it is lost before."""
        ticket, answer = next(self._tickets), asyncio.get_running_loop().create_future()
        if self.lost:
            answer.set_exception(ConnectionResetError("the gate is gone"))
        else:
            self._waiting[ticket] = answer
            self._writer.write(json.dumps([what, ticket, *told]).encode() + b"\n")
        return answer

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        try:
            async for text in reader:
                ticket, told = json.loads(text)
                answer = self._waiting.pop(ticket)
                if not answer.done():
                    answer.set_result(told)
        except OSError:
            pass
        finally:
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(ConnectionResetError("the gate is gone"))
            self._writer.close()


def _is_lost(reaching: "asyncio.Task[_Line]") -> bool:
    return reaching.cancelled() or reaching.exception() is not None or reaching.result().lost
