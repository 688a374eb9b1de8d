"""A run folder as its own memory: calls, finished records and rejects, on disk before they count."""

import errno
import fcntl
import json
import os
import platform
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import jsonlines
from pydantic import BaseModel

from agents.messages import Asked, Reply
from pipeline.records import Rejected
from pipeline.sam.prompt import SEGMENT


class StoreError(Exception):
    """The run folder cannot be used; one sentence for the operator, with the remedy."""


class Outcome(NamedTuple):
    """What a stage made of one record: what goes on, and what was set aside."""

    records: list[str]
    """JSON of each record for the next stage."""
    rejects: list[Rejected]


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


class Store:
    """Files of one run. Every file is written whole under another name and then renamed."""

    def __init__(self, folder: Path, replay: Path | None = None) -> None:
        self.folder = folder
        self.replay = replay
        """Run folder whose call log is read instead; nothing is asked then."""

    def _file(self, kind: str, stage: str, identity: str, suffix: str = ".json") -> Path:
        # Two hexadecimal digits of spread keep folders small at a million records.
        return self.folder / kind / stage / identity[:2] / f"{identity}{suffix}"

    def finished(self, stage: str, identity: str) -> list[str] | None:
        """The records a stage made of one before; None if it has not finished it."""
        try:
            content = json.loads(self._file("records", stage, identity).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return [json.dumps(record, ensure_ascii=False) for record in content["records"]]

    def finish(self, stage: str, identity: str, outcome: Outcome) -> None:
        """Keep what a stage made; the record's file comes last, so that it stands for all of it."""
        for reject in outcome.rejects:
            self._write(self._file("rejected", stage, reject.id), reject.model_dump(mode="json"))
        names = [reject.id for reject in outcome.rejects]
        content = {"records": [json.loads(record) for record in outcome.records], "rejected": names}
        self._write(self._file("records", stage, identity), content)
        self._file("failed", stage, identity).unlink(missing_ok=True)

    def fail(self, stage: str, identity: str, traceback: str) -> None:
        """Set a record aside that met a bug of ours; it is tried again on the next start."""
        self._write(self._file("failed", stage, identity), {"id": identity, "traceback": traceback})

    def journal(self, stage: str, identity: str) -> "FileJournal":
        source = Store(self.replay) if self.replay else self
        return FileJournal(source._file("calls", stage, identity, ".jsonl"), self._own("usage", stage))

    def forget(self, stage: str, identity: str) -> None:
        """Remove a record's outcome, rejects and calls, so that the next start does it anew."""
        path = self._file("records", stage, identity)
        for name in json.loads(path.read_text(encoding="utf-8"))["rejected"] if path.exists() else []:
            self._file("rejected", stage, name).unlink(missing_ok=True)
        self._file("calls", stage, identity, ".jsonl").unlink(missing_ok=True)
        path.unlink(missing_ok=True)

    def outcomes(self, stage: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every finished record of a stage with its content, in order of id; one in memory at a time."""
        yield from self._all("records", stage)

    def rejected(self, stage: str) -> Iterator[Rejected]:
        for _, content in self._all("rejected", stage):
            yield Rejected.model_validate(content)

    def failed(self, stage: str) -> Iterator[tuple[str, dict[str, Any]]]:
        yield from self._all("failed", stage)

    def calls(self, stage: str) -> Iterator[dict[str, Any]]:
        """Every request to the teacher in a stage's call log; in a replay, of the one that is replayed."""
        return _asked(((self.replay or self.folder) / "calls" / stage).glob("*/*.jsonl"))

    def made_of(self, stage: str, image: str) -> list[Any]:
        """What a stage made of a photo and of all that came from it: ids of children begin with their parent's."""
        found = sorted((self.folder / "records" / stage / image[:2]).glob(f"{image}*.json"))
        return [record for path in found for record in json.loads(path.read_text(encoding="utf-8"))["records"]]

    def replies_about(self, stage: str, image: str) -> Iterator[dict[str, Any]]:
        """Every reply of the teacher about a photo and all that came from it, at one stage."""
        logs = (self.folder / "calls" / stage / image[:2]).glob(f"{image}*.jsonl")
        return (line["reply"] for line in _asked(logs))

    def _all(self, kind: str, stage: str) -> Iterator[tuple[str, dict[str, Any]]]:
        root = self.folder / kind / stage
        for shelf in sorted(root.iterdir()) if root.is_dir() else []:
            for path in sorted(shelf.glob("*.json")):
                yield path.stem, json.loads(path.read_text(encoding="utf-8"))

    def time(self, stage: str, seconds: float) -> None:
        """Note the seconds a record took; for the summary only, so it need not survive a power cut."""
        with said_plainly(self.folder):
            _append_line(self._own("timings", stage), f"{seconds:.4f}")

    def seconds(self) -> dict[str, float]:
        """Seconds spent on the records of each stage, summed over all workers and starts, waiting included."""
        totals: dict[str, float] = {}
        for stage, lines in self._notes("timings"):
            totals[stage] = totals.get(stage, 0.0) + sum(map(float, lines))
        return totals

    def usage(self) -> dict[str, Usage]:
        """What each stage asked of the teacher, over all workers and starts."""
        totals: dict[str, Usage] = {}
        for stage, lines in self._notes("usage"):
            for line in lines:
                prompt, completion, cost = line.split()
                one = Usage(1, int(prompt), int(completion), float(cost))
                totals[stage] = totals.get(stage, Usage()).plus(one)
        return totals

    def _own(self, kind: str, stage: str) -> Path:
        """This process's own file for notes of a kind: nobody else writes to it."""
        return self.folder / kind / f"{stage}-{platform.node()}-{os.getpid()}.txt"

    def _notes(self, kind: str) -> Iterator[tuple[str, list[str]]]:
        for path in sorted((self.folder / kind).glob("*.txt")):
            yield path.name.partition("-")[0], path.read_text().splitlines()

    def write_json(self, name: str, content: Any) -> None:
        self._write(self.folder / name, content, indent=2)

    def read_json(self, name: str) -> Any | None:
        path = self.folder / name
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    def _write(self, path: Path, content: Any, indent: int | None = None) -> None:
        with said_plainly(self.folder):
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_name(f".{path.name}.{os.getpid()}")
            with draft.open("w", encoding="utf-8") as file:
                file.write(json.dumps(content, ensure_ascii=False, indent=indent) + "\n")
                file.flush()
                # A file renamed before its content is on disk may be empty after a power cut.
                os.fsync(file.fileno())
            draft.replace(path)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep the folder to this process; raises StoreError if another run has it."""
        with said_plainly(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            file = (self.folder / ".lock").open("w")
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise StoreError(f"Another run is using {self.folder}. Wait for it, or choose another out=.") from error
            yield


@contextmanager
def said_plainly(folder: Path) -> Iterator[None]:
    """Turn the operating system's refusals into a sentence for the operator."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise StoreError(f"No space is left for {folder}. Free some and run again: nothing is lost.") from error
        if error.errno in {errno.EACCES, errno.EROFS, errno.ENOTDIR, errno.EEXIST}:
            raise StoreError(f"{folder} cannot be written: {error.strerror}.") from error
        raise


def _asked(logs: Iterable[Path]) -> Iterator[dict[str, Any]]:
    """The requests to the teacher in some call logs, in order of their names; SAM's are no requests to it."""
    for path in sorted(logs):
        yield from (line for line in FileJournal(path).lines() if line.get("role") != SEGMENT)


def _append_line(path: Path, line: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(f"{line}\n")


class FileJournal:
    """The call log of one record at one stage: a line per answered request, flushed to disk before use."""

    def __init__(self, path: Path, ledger: Path | None = None) -> None:
        self.path, self.ledger = path, ledger
        self.usage = Usage()
        """What was asked through this journal and not found in it."""
        self._replies: dict[str, dict[str, Any]] | None = None

    def lines(self) -> Iterator[dict[str, Any]]:
        """The whole lines; one torn by a kill is what was in flight, and is asked again."""
        try:
            text = self.path.read_bytes()
        except FileNotFoundError:
            return
        whole = [line for line in text.splitlines(keepends=True) if line.endswith(b"\n")]
        yield from jsonlines.Reader(whole).iter(type=dict, skip_invalid=True)

    def get(self, key: str) -> dict[str, Any] | None:
        if self._replies is None:
            self._replies = {line["key"]: line["reply"] for line in self.lines()}
        return self._replies.get(key)

    def put(self, request: Asked, reply: BaseModel, seconds: float) -> None:
        line: dict[str, Any] = {
            "key": request.key,
            "role": request.role,
            "seconds": round(seconds, 4),
            "request": request.model_dump(mode="json"),
            "reply": reply.model_dump(mode="json"),
        }
        data = json.dumps(line, ensure_ascii=False).encode() + b"\n"
        with said_plainly(self.path.parent):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._append(data)
            if isinstance(reply, Reply):
                self._count(reply)
        self._replies = {**(self._replies or {}), request.key: line["reply"]}

    def _count(self, reply: Reply) -> None:
        """Note what a teacher's reply came to; other answers cost nothing."""
        self.usage = self.usage.plus(Usage(1, reply.prompt_tokens, reply.completion_tokens, reply.cost))
        if self.ledger:
            _append_line(self.ledger, f"{reply.prompt_tokens} {reply.completion_tokens} {reply.cost:.8f}")

    def _append(self, data: bytes) -> None:
        with self.path.open("ab") as file:
            if file.tell() and not self._ends_whole():
                # A torn line of a killed run: begin on a fresh one.
                data = b"\n" + data
            file.write(data)
            file.flush()
            if self.path.is_file():
                os.fsync(file.fileno())

    def _ends_whole(self) -> bool:
        with self.path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"
