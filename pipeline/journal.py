"""The call log of one record at one stage: a line per answered request, kept before it is used."""

import json
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import jsonlines
from pydantic import BaseModel

from agents.messages import Asked, Reply
from pipeline import place


class Usage(NamedTuple):
    """What a stage asked of the teacher and what that cost, over all starts; nothing that came from a call log."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0

    def plus(self, other: "Usage") -> "Usage":
        return Usage(
            self.calls + other.calls,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cost + other.cost,
        )

    @property
    def line(self) -> str:
        """As one call is noted."""
        return f"{self.prompt_tokens} {self.completion_tokens} {self.cost:.8f}"

    @classmethod
    def of_line(cls, line: str) -> "Usage":
        prompt, completion, cost = line.split()
        return cls(1, int(prompt), int(completion), float(cost))


class FileJournal:
    """A journal in a file, which one process writes to at a time, with as many threads as it likes."""

    def __init__(self, path: Path, ledger: Path | None = None) -> None:
        self.path, self.ledger = path, ledger
        self.usage = Usage()
        """What was asked through this journal and not found in it."""
        self._replies: dict[str, dict[str, Any]] | None = None
        self._lock = Lock()

    def lines(self) -> Iterator[dict[str, Any]]:
        """The whole lines; one torn by a kill is what was in flight, and is asked again."""
        return lines_of(place.read(self.path) or b"")

    def get(self, key: str) -> dict[str, Any] | None:
        """The reply to a request, by its key; None if it was not answered. Raises StoreError."""
        with self._lock:
            return self._known().get(key)

    def put(self, request: Asked, reply: BaseModel, seconds: float) -> None:
        """Keep a reply and what it cost; raises StoreError, and then it counts as never given."""
        key = request.key
        line: dict[str, Any] = {
            "key": key,
            "role": request.role,
            "seconds": round(seconds, 4),
            "request": request.model_dump(mode="json"),
            "reply": reply.model_dump(mode="json"),
        }
        with self._lock:
            known = self._known()
            place.append(self.path, json.dumps(line, ensure_ascii=False).encode() + b"\n")
            if isinstance(reply, Reply):
                self._count(reply)
            known[key] = line["reply"]

    def _known(self) -> dict[str, dict[str, Any]]:
        if self._replies is None:
            self._replies = {line["key"]: line["reply"] for line in self.lines()}
        return self._replies

    def _count(self, reply: Reply) -> None:
        """Note what a teacher's reply came to; other answers cost nothing."""
        one = Usage(1, reply.prompt_tokens, reply.completion_tokens, reply.cost)
        self.usage = self.usage.plus(one)
        if self.ledger:
            place.append(self.ledger, f"{one.line}\n".encode(), sure=False)


def lines_of(data: bytes) -> Iterator[dict[str, Any]]:
    """The lines of a call log that are whole."""
    whole = [line for line in data.splitlines(keepends=True) if line.endswith(b"\n")]
    yield from jsonlines.Reader(whole).iter(type=dict, skip_invalid=True)
