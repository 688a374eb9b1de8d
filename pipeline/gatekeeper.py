"""The one gate of a run, in a Ray actor that all workers ask: limits hold for the run, not for each worker.

Each worker has a connection to it, with a line of JSON for a message and one for its answer. A call of the actor would
cost milliseconds of CPU on either side, and every request goes through the gate twice.
"""

import asyncio
import itertools
import json
import secrets
import socket
import time
from pathlib import Path
from typing import Any, NamedTuple

from agents.gate import End, Gate, Limits, Load, SpentError
from agents.teachers import EndpointConfig
from pipeline.store import Store

LEASE_SLACK = 30.0
"""Seconds beyond a request's deadline after which whoever sent it must have given its place up."""
SILENCE = 20
"""Seconds after which a node that says nothing at all is taken for lost."""


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
        notice_loss(writer)
        try:
            if (await reader.readline()).strip() != self._word.encode():
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


def start_gate(config: EndpointConfig, folder: Path) -> Any:
    """The actor of a run; it is started again where its node is lost."""
    import ray

    actor = ray.remote(Gatekeeper).options(num_cpus=0, max_restarts=-1, max_task_retries=-1)
    return actor.remote(config.limits, config.timeout_seconds + LEASE_SLACK, folder)


def _say(writer: asyncio.StreamWriter, ticket: int, told: float | str) -> None:
    writer.write(json.dumps([ticket, told]).encode() + b"\n")


def notice_loss(writer: asyncio.StreamWriter) -> None:
    """Have a connection end when the other node is lost; left to itself it would stay for a quarter of an hour."""
    peer: socket.socket = writer.get_extra_info("socket")
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", SILENCE // 2), ("TCP_KEEPINTVL", SILENCE // 4), ("TCP_KEEPCNT", 2),
        ("TCP_USER_TIMEOUT", 1000 * SILENCE),
    ):  # fmt: skip
        if hasattr(socket, name):
            peer.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
