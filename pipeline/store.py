"""A run folder as its own memory: calls, finished records and rejects, on disk before they count."""

import json
import os
import platform
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

from pipeline import place
from pipeline.journal import FileJournal, Usage, lines_of
from pipeline.lock import locked
from pipeline.records import Rejected
from pipeline.sam.prompt import SEGMENT

NOTES_A_FILE = 300
"""What is noted is added to a file, and behind a URI that means to write it again."""


class Outcome(NamedTuple):
    """What a stage made of one record: what goes on, and what was set aside."""

    records: list[str]
    """JSON of each record for the next stage."""
    rejects: list[Rejected]


class Store:
    """Files of one run, here or behind a URI; each is there whole or not at all."""

    def __init__(self, folder: Path, replay: Path | None = None) -> None:
        self.folder = folder
        self._opened = 0
        self.replay = replay
        """Run folder whose call log is read instead; nothing is asked then."""

    def _file(self, kind: str, stage: str, identity: str, suffix: str = ".json") -> Path:
        # Two hexadecimal digits of spread keep folders small at a million records.
        return self.folder / kind / stage / identity[:2] / f"{identity}{suffix}"

    def finished(self, stage: str, identity: str) -> list[str] | None:
        """The records a stage made of one before; None if it has not finished it."""
        data = place.read(self._file("records", stage, identity))
        if data is None:
            return None
        return [json.dumps(record, ensure_ascii=False) for record in json.loads(data)["records"]]

    def finish(self, stage: str, identity: str, outcome: Outcome) -> None:
        """Keep what a stage made; the record's file comes last, so that it stands for all of it."""
        for reject in outcome.rejects:
            self._write(self._file("rejected", stage, reject.id), reject.model_dump(mode="json"))
        names = [reject.id for reject in outcome.rejects]
        content = {"records": [json.loads(record) for record in outcome.records], "rejected": names}
        self._write(self._file("records", stage, identity), content)
        place.remove(self._file("failed", stage, identity))

    def fail(self, stage: str, identity: str, traceback: str) -> None:
        """Set a record aside that met a bug of ours; it is tried again on the next start."""
        self._write(self._file("failed", stage, identity), {"id": identity, "traceback": traceback})

    def journal(self, stage: str, identity: str) -> FileJournal:
        source = Store(self.replay) if self.replay else self
        return FileJournal(source._file("calls", stage, identity, ".jsonl"), self._own("usage", stage))

    def forget(self, stage: str, identity: str) -> None:
        """Remove a record's outcome, rejects and calls, so that the next start does it anew."""
        path = self._file("records", stage, identity)
        for name in json.loads(place.read(path) or b'{"rejected": []}')["rejected"]:
            place.remove(self._file("rejected", stage, name))
        place.remove(self._file("calls", stage, identity, ".jsonl"))
        place.remove(path)

    def outcomes(self, stage: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every finished record of a stage with its content, in order of id; a few in memory at a time."""
        yield from self._all("records", stage)

    def rejected(self, stage: str) -> Iterator[Rejected]:
        for _, content in self._all("rejected", stage):
            yield Rejected.model_validate(content)

    def failed(self, stage: str) -> Iterator[tuple[str, dict[str, Any]]]:
        yield from self._all("failed", stage)

    def ids(self, kind: str, stage: str) -> Iterator[str]:
        """Of all that is kept of a kind (`records`, `rejected`, `failed`) at a stage, in order."""
        return (path.stem for path in place.files_below(self.folder / kind / stage, ".json"))

    def calls(self, stage: str) -> Iterator[dict[str, Any]]:
        """Every request to the teacher in a stage's call log; in a replay, of the one that is replayed."""
        return _asked(place.files_below((self.replay or self.folder) / "calls" / stage, ".jsonl"))

    def made_of(self, stage: str, image: str) -> list[Any]:
        """What a stage made of a photo and of all that came from it: ids of children begin with their parent's."""
        found = sorted((self.folder / "records" / stage / image[:2]).glob(f"{image}*.json"))
        return [record for _, data in place.contents(found) for record in json.loads(data)["records"]]

    def replies_about(self, stage: str, image: str) -> Iterator[dict[str, Any]]:
        """Every reply of the teacher about a photo and all that came from it, at one stage."""
        logs = (self.folder / "calls" / stage / image[:2]).glob(f"{image}*.jsonl")
        return (line["reply"] for line in _asked(sorted(logs)))

    def _all(self, kind: str, stage: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for path, data in place.contents(place.files_below(self.folder / kind / stage, ".json")):
            yield path.stem, json.loads(data)

    def time(self, stage: str, seconds: float) -> None:
        """Note the seconds a record took; for the summary only, so it need not survive a power cut."""
        place.append(self._own("timings", stage), f"{seconds:.4f}\n".encode(), sure=False)

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
                totals[stage] = totals.get(stage, Usage()).plus(Usage.of_line(line))
        return totals

    def _own(self, kind: str, stage: str) -> Path:
        """This process's own file for notes of a kind: nobody else writes to it, and it never grows large."""
        self._opened += 1
        part = self._opened // NOTES_A_FILE
        return self.folder / kind / f"{stage}-{platform.node()}-{os.getpid()}-{part}.txt"

    def _notes(self, kind: str) -> Iterator[tuple[str, list[str]]]:
        for path, data in place.contents(sorted((self.folder / kind).glob("*.txt"))):
            yield path.name.partition("-")[0], data.decode().splitlines()

    def write_json(self, name: str, content: Any) -> None:
        self._write(self.folder / name, content, indent=2)

    def read_json(self, name: str) -> Any | None:
        data = place.read(self.folder / name)
        return None if data is None else json.loads(data)

    def _write(self, path: Path, content: Any, indent: int | None = None) -> None:
        place.write(path, json.dumps(content, ensure_ascii=False, indent=indent).encode() + b"\n")

    def sweep(self) -> None:
        """Remove what killed processes were writing; only who has the lock may, and nobody else writes."""
        for kind in ("records", "rejected", "failed"):
            place.remove_drafts(self.folder / kind)

    def lock(self, say: Callable[[str], None] = print) -> AbstractContextManager[None]:
        """Keep the folder to this process; raises StoreError if another run has it."""
        return locked(self.folder, say)


def _asked(logs: Iterable[Path]) -> Iterator[dict[str, Any]]:
    """The requests to the teacher in some call logs, in the order given; SAM's are no requests to it."""
    for _, data in place.contents(logs):
        yield from (line for line in lines_of(data) if line.get("role") != SEGMENT)
