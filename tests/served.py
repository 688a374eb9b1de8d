"""An application on a free port of loopback, in a thread of this process, for as long as a test needs it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn


class Listening(uvicorn.Server):
    """A server that says when it listens, so that nobody has to wait and see."""

    def __init__(self, settings: uvicorn.Config) -> None:
        super().__init__(settings)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


@contextmanager
def serving(application: Any) -> Iterator[str]:
    """The base URL of an application while the block runs."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = Listening(uvicorn.Config(application, log_level="critical", access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            assert server.ready.wait(30)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        finally:
            server.should_exit = True
            thread.join()
