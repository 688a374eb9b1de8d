"""The one gate of a run, in a Ray actor that all workers ask: limits hold for the run, not for each worker.

Workers reach it over a connection of their own. A call of an actor costs several milliseconds of CPU on either side,
and every request goes through the gate twice.
"""

import asyncio
import itertools
import json
import secrets
import socket
import time
from pathlib import Path
from typing import Any, NamedTuple

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_fixed

from agents.gate import End, Gate, Limits, Load, SpentError
from agents.sender import EndpointError
from agents.teachers import EndpointConfig
from pipeline.session import unwrapped
from pipeline.store import Store

LEASE_SLACK = 30.0
"""Seconds beyond a request's deadline after which whoever sent it must have given its place up."""
SILENCE = 20
"""Seconds after which a node that says nothing at all is taken for lost."""
PATIENCE = 120.0
"""Seconds that a worker tries to reach the gate: it may have to be started again on another node."""


class Door(NamedTuple):
    """Where the gate is reached, and the word that lets a connection in."""

    host: str
    port: int
    word: str


class Gatekeeper(Gate):
    """A gate that knows from the run's folder what was spent before, also when it is started anew."""

    def __init__(self, limits: Limits, lease_seconds: float, folder: Path) -> None:
        super().__init__(limits, lease_seconds, sum(usage.cost for usage in Store(folder).usage().values()))
        # A place that an earlier gate gave is none of this one's.
        self._places = itertools.count(time.time_ns())
        self._holders = itertools.count()
        self._word = secrets.token_hex(16)
        self._opening: asyncio.Task[Door] | None = None

    async def door(self) -> Door:
        """Where workers find it; open from the first asking on."""
        self._opening = self._opening or asyncio.ensure_future(self._open())
        return await self._opening

    async def _open(self) -> Door:
        import ray

        host: str = ray.util.get_node_ip_address()  # type: ignore[no-untyped-call]
        server = await asyncio.start_server(self._serve, host, 0)
        return Door(host, server.sockets[0].getsockname()[1], self._word)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """All messages of one worker. When its connection ends, so do its stays: it may have died."""
        holder, entering = str(next(self._holders)), set[asyncio.Task[None]]()
        _notice_loss(writer)
        try:
            if (await reader.readline()).decode().strip() != self._word:
                return
            async for text in reader:
                what, ticket, *told = json.loads(text)
                if what == "leave":
                    place, end, tokens, cost, pause = told
                    _say(writer, ticket, await self.leave(place, End(end), Load(tokens, cost), pause))
                else:
                    task = asyncio.ensure_future(self._bring_in(writer, ticket, Load(*told), holder))
                    entering.add(task)
                    task.add_done_callback(entering.discard)
        except OSError:
            pass
        finally:
            for task in entering:
                task.cancel()
            await self.forget(holder)
            writer.close()

    async def _bring_in(self, writer: asyncio.StreamWriter, ticket: int, load: Load, holder: str) -> None:
        try:
            _say(writer, ticket, await self.enter(load, holder))
        except SpentError as error:
            _say(writer, ticket, str(error))


class RemoteGate:
    """The worker's side of it: a Turnstile."""

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
                f"The run's gate cannot be reached at {door.host}:{door.port} ({error}). Let the nodes reach each "
                "other's ports, as Ray needs as well, and run the same command again: nothing is lost."
            ) from error
        raise AssertionError("tenacity either returns or raises")


class _Line:
    """One connection to the gate: a line of JSON for each message, and one for each answer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, word: str) -> None:
        self._writer = writer
        self._tickets = itertools.count()
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        _notice_loss(writer)
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


def start_gate(config: EndpointConfig, folder: Path) -> Any:
    """The actor of a run; it is started again where its node is lost."""
    import ray

    actor = ray.remote(Gatekeeper).options(num_cpus=0, max_restarts=-1, max_task_retries=-1)
    return actor.remote(config.limits, config.timeout_seconds + LEASE_SLACK, folder)


def _say(writer: asyncio.StreamWriter, ticket: int, told: float | str) -> None:
    writer.write(json.dumps([ticket, told]).encode() + b"\n")


def _is_lost(reaching: "asyncio.Task[_Line]") -> bool:
    return reaching.cancelled() or reaching.exception() is not None or reaching.result().lost


def _notice_loss(writer: asyncio.StreamWriter) -> None:
    """Have a connection end when the other node is lost; left to itself it would stay for a quarter of an hour."""
    peer: socket.socket = writer.get_extra_info("socket")
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", SILENCE // 2), ("TCP_KEEPINTVL", SILENCE // 4), ("TCP_KEEPCNT", 2),
        ("TCP_USER_TIMEOUT", 1000 * SILENCE),
    ):  # fmt: skip
        if hasattr(socket, name):
            peer.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
