"""Serving an application on loopback, in this process, until it is told to stop."""

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.applications import Starlette


class BadRequest(Exception):
    """A request that no endpoint could answer; told to the client with HTTP 400."""


def serve(application: "Starlette", port: int, tell: Callable[[str], None]) -> None:
    """Tell the base URL as soon as requests are taken, then serve; port 0 takes a free one. Raises OSError."""
    import uvicorn

    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    tell(f"http://127.0.0.1:{listener.getsockname()[1]}/v1")
    uvicorn.Server(uvicorn.Config(application, log_level="warning", access_log=False)).run(sockets=[listener])
