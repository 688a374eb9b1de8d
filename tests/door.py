"""A door before an application on loopback: it notes every request, and some fare as they do on a bad day."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from starlette.responses import JSONResponse

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Fault(NamedTuple):
    """What happens to some requests instead of an answer."""

    where: str
    """Part of a request's line, as `POST /api/repos/create`."""
    times: int
    after: int
    """Such requests that are answered first."""
    kind: Literal["status", "cut", "lost", "silence"]
    status: int = 0
    says: str = ""
    headers: Mapping[str, str] = MappingProxyType({})


class Door:
    """An ASGI application before another one."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self._faults: list[Fault] = []
        self.asked: list[str] = []
        """Method and path of each request."""
        self.silent = threading.Event()
        """Set once a request is kept waiting."""

    def fail(
        self, where: str, status: int, says: str = "not now", times: int = 1, after: int = 0, **headers: str
    ) -> None:
        """Answer some requests with an error; `retry_after="1"` becomes the header Retry-After."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._faults.append(Fault(where, times, after, "status", status, says, named))

    def cut(self, where: str) -> None:
        """Cut the connection of such a request when the first of its bytes have come."""
        self._faults.append(Fault(where, 1, 0, "cut"))

    def lose(self, where: str) -> None:
        """Do what such a request asks for, and cut the connection before the answer."""
        self._faults.append(Fault(where, 1, 0, "lost"))

    def fall_silent(self, where: str, after: int) -> None:
        """Answer no such request any more, once some have been answered."""
        self._faults.append(Fault(where, 1 << 30, after, "silence"))

    def heal(self) -> None:
        """No more faults."""
        self._faults.clear()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        fault = self._due(scope) if scope["type"] == "http" else None
        if fault is None:
            await self._application(scope, receive, send)
        elif fault.kind == "status":
            await JSONResponse({"error": fault.says}, fault.status, fault.headers)(scope, receive, send)
        else:
            await (self._application(scope, receive, _swallow) if fault.kind == "lost" else receive())
            if fault.kind == "silence":
                self.silent.set()
            else:
                _connection(send).abort()
            while (await receive())["type"] != "http.disconnect":
                await asyncio.sleep(0)

    def _due(self, scope: Message) -> Fault | None:
        """Note a request; what is to happen to it."""
        line = f"{scope['method']} {scope['path']}"
        self.asked.append(line)
        for place, fault in enumerate(self._faults):
            if fault.where in line and fault.after:
                self._faults[place] = fault._replace(after=fault.after - 1)
            elif fault.where in line:
                self._faults[place : place + 1] = [fault._replace(times=fault.times - 1)] if fault.times > 1 else []
                return fault
        return None


async def _swallow(_: Message) -> None:
    """An answer that nobody gets."""


def _connection(send: Send) -> Any:
    """What uvicorn writes to; ASGI itself cannot end a connection without an answer."""
    return getattr(send, "__self__").transport  # noqa: B009
