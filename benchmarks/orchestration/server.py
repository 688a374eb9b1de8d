"""An OpenAI-compatible endpoint of fixed latency and fixed capacity, which counts what it is asked.

Standard library only, and next to nothing is done per request: what is measured is who asks.
Usage: python -m benchmarks.orchestration.server --latency 0.2 --capacity 64 [--refuse]; prints its base URL.
GET /counts says what was asked.
"""

import argparse
import asyncio
import json
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

from benchmarks.orchestration.job import ANSWER, NAME, TURNS

TOLD = b"tool_call_id"
"""What each observation in a conversation holds once."""
Send = Callable[[int, bytes], None]


class Endpoint:
    """Answers `capacity` requests at once, each after `latency` seconds; the others wait, or are refused."""

    def __init__(self, latency: float, capacity: int, refuse: bool) -> None:
        self.latency, self.capacity, self.refuse = latency, capacity, refuse
        self.calls: Counter[str] = Counter()
        """Requests that were answered, by photo and turn: what a provider would bill."""
        self.first, self.ended = 0.0, list[float]()
        self.refused = self.others = self.most = self.inside = 0
        self._waiting: deque[tuple[str, bytes, Send]] = deque()

    def take(self, body: bytes, send: Send) -> None:
        """Answer a request for a completion in its time."""
        name = NAME.search(body)
        if name is None:  # A health check, or a count of tokens: no part of the job.
            self.others += 1
            send(200, completion({"content": "ok"}))
            return
        turn = body.count(TOLD) + 1 if b'"zoom"' in body else 0
        self.first = self.first or time.time()
        key = f"{name[1].decode()}:{turn}"
        if self.inside < self.capacity:
            self._begin(key, answer(name[1].decode(), turn), send)
        elif self.refuse:
            self.refused += 1
            send(429, b'{"error": {"message": "too many requests at once"}}')
        else:
            self._waiting.append((key, answer(name[1].decode(), turn), send))

    def _begin(self, key: str, reply: bytes, send: Send) -> None:
        self.inside += 1
        self.most = max(self.most, self.inside)
        asyncio.get_running_loop().call_later(self.latency, self._end, key, reply, send)

    def _end(self, key: str, reply: bytes, send: Send) -> None:
        # Done and billed, whether or not somebody is still there to hear it.
        self.inside -= 1
        self.calls[key] += 1
        self.ended.append(time.time())
        if self._waiting:
            self._begin(*self._waiting.popleft())
        send(200, reply)

    def counts(self) -> dict[str, Any]:
        """What was asked since the start. Times are seconds since the epoch."""
        return {
            "calls": self.calls.total(),
            "distinct": len(self.calls),
            "inside": self.inside + len(self._waiting),
            "refused": self.refused,
            "others": self.others,
            "most": self.most,
            "first": self.first,
            "ended": self.ended,
        }


def answer(name: str, turn: int) -> bytes:
    """The reply to a turn of a photo's conversation; turn 0 is the structured question."""
    if turn == 0:
        asked = {"question": f"What is written in photo-{name}?", "answer": ANSWER, "box": [200, 150, 400, 250]}
        return completion({"content": json.dumps(asked)})
    if turn >= TURNS:
        return completion({"content": f"The writing can be read now. <answer>{ANSWER}</answer>"})
    box = [40 * turn, 30 * turn, 640 - 40 * turn, 480 - 30 * turn]
    function = {"name": "zoom", "arguments": json.dumps({"box": box})}
    call = {"id": f"call_{turn}", "type": "function", "function": function}
    return completion({"content": "The writing is small, so I look closer.", "tool_calls": [call]})


def completion(message: dict[str, Any]) -> bytes:
    reason = "tool_calls" if "tool_calls" in message else "stop"
    choice = {"index": 0, "finish_reason": reason, "message": {"role": "assistant", **message}}
    usage = {"prompt_tokens": 500, "completion_tokens": 50, "total_tokens": 550}
    whole = {"id": "1", "object": "chat.completion", "created": 0, "model": "fixed", "choices": [choice]}
    return json.dumps({**whole, "usage": usage}).encode()


class Connection(asyncio.Protocol):
    """HTTP/1.1 as the clients of today speak it: a length in the header, one request after the other."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._got = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._got += data
        while (end := self._got.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._got[:end])
            whole = end + 4 + _length(head)
            if len(self._got) < whole:
                return
            body = bytes(self._got[end + 4 : whole])
            del self._got[:whole]
            self._asked(head.split(b" ", 2)[1], body)

    def _asked(self, path: bytes, body: bytes) -> None:
        if path.endswith(b"/chat/completions"):
            self.endpoint.take(body, self._send)
        elif path == b"/counts":
            self._send(200, json.dumps(self.endpoint.counts()).encode())
        else:
            self._send(404, b"{}")

    def _send(self, status: int, body: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        pause = "Retry-After: 0.2\r\n" if status == 429 else ""
        head = f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\n{pause}Content-Length: {len(body)}\r\n\r\n"
        self._transport.write(head.encode() + body)


def _length(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"content-length:")
    return int(rest.partition(b"\r\n")[0] or 0)


async def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--latency", type=float, default=0.2)
    asked.add_argument("--capacity", type=int, default=64)
    asked.add_argument("--refuse", action="store_true", help="HTTP 429 to what is beyond the capacity")
    given = asked.parse_args()
    endpoint = Endpoint(given.latency, given.capacity, given.refuse)
    server = await asyncio.get_running_loop().create_server(lambda: Connection(endpoint), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
