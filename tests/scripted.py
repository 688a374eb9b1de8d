"""A real chat-completions endpoint on loopback that says what a test tells it to, faults included."""

import json
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from pydantic import BaseModel

Body = dict[str, Any]


class Response(NamedTuple):
    """One HTTP answer."""

    status: int
    body: bytes
    headers: dict[str, str]


CUT = Response(0, b"", {})
"""The connection is closed without a word."""
LATE = Response(-1, b"", {})
"""Nothing comes as long as the endpoint is there."""
Line = Response | Callable[[Body], Response]
"""An answer, or what makes one from the request's body."""


class Script:
    """What the endpoint says, line by line (or by one function for all), and what it was asked."""

    def __init__(self, lines: Iterable[Line] | Callable[[Body], Response]) -> None:
        self.url = ""
        self.asked: list[Body] = []
        self.keys: list[str] = []
        """The Authorization header of each request."""
        self._always = lines if callable(lines) else None
        self._lines = iter(()) if callable(lines) else iter(lines)
        self._lock = threading.Lock()
        self.over = threading.Event()
        """Set when the endpoint goes."""

    def answer(self, body: Body, key: str) -> Response:
        with self._lock:
            self.asked.append(body)
            self.keys.append(key)
            line: Line = self._always or next(self._lines, fault(418, "the script is at its end"))
        return line if isinstance(line, Response) else line(body)


def reply(message: Any, usage: tuple[int, int] = (7, 3)) -> Response:
    """A chat completion with one message."""
    content = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 0,
        "model": "scripted",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)},
    }
    return raw(json.dumps(content))


def says(text: str) -> Response:
    return reply({"role": "assistant", "content": text})


def fills(form: BaseModel | Body) -> Response:
    """A reply that is JSON, as a form wants it."""
    return says(json.dumps(form.model_dump(mode="json") if isinstance(form, BaseModel) else form))


def calls(name: str, arguments: Any, thought: str = "I look closer.") -> Response:
    """A reply that calls one tool; `arguments` is JSON text, or what is to be written as such."""
    return calls_all([(name, arguments)], thought)


def calls_all(wanted: list[tuple[str, Any]], thought: str = "I look closer.") -> Response:
    made = [
        {
            "id": f"call_{number}",
            "type": "function",
            "function": {
                "name": name,
                "arguments": written if isinstance(written, str) else json.dumps(written),
            },
        }
        for number, (name, written) in enumerate(wanted)
    ]
    return reply({"role": "assistant", "content": thought, "tool_calls": made})


def fault(status: int, message: str = "no", **headers: str) -> Response:
    """An error as OpenAI words them; `retry_after="1"` becomes the header Retry-After."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return raw(json.dumps({"error": {"message": message}}), status, **named)


def raw(text: str, status: int = 200, kind: str = "application/json", **headers: str) -> Response:
    return Response(status, text.encode(), {"Content-Type": kind, **headers})


def form_of(body: Body) -> str:
    """The name of the form a request asks for; empty for a step of a search."""
    return str(body.get("response_format", {}).get("json_schema", {}).get("name", ""))


def texts_of(body: Body) -> list[str]:
    """The words of each message of a request."""
    found = []
    for message in body["messages"]:
        content = message["content"]
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        found.append("\n".join(part["text"] for part in parts if part["type"] == "text"))
    return found


def pictures_of(body: Body) -> list[str]:
    """The data URLs of all pictures of a request."""
    parts = [
        part for message in body["messages"] if isinstance(message["content"], list) for part in message["content"]
    ]
    return [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]


@contextmanager
def listening(script: Script) -> Iterator[Script]:
    """Serve a script on a free port of loopback while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = script.answer(body, self.headers.get("Authorization", ""))
            if answer is LATE:
                script.over.wait()
            if answer in (CUT, LATE):
                self.close_connection = True
                return
            with suppress(OSError):  # a client that gave up is not our concern
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing: the test says what it found."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A broken connection is part of the script."""

    server = Server(("127.0.0.1", 0), Handler)
    script.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield script
    finally:
        script.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def closed_port() -> str:
    """A base URL that nothing listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/v1"
