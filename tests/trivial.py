"""Stages without a teacher for the tests of the flow, and a driver that sends many records through them.

`python -m tests.trivial COUNT FOLDER` prints as JSON what it took.
"""

import json
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typing_extensions import override

from agents.endpoint import Journal
from agents.sender import EndpointError
from pipeline.config import RunConfig, RuntimeConfig
from pipeline.flow import stream
from pipeline.records import Candidate, Rejected
from pipeline.session import ray_session
from pipeline.stage import Reject, Stage


class Once(Stage):
    """Lets a record through."""

    name = "once"
    consumes = Candidate

    @override
    async def process(self, record: Candidate, journal: Journal) -> tuple[list[Any], list[Rejected]]:
        return [record], []


class Again(Once):
    """Lets it through once more."""

    name = "again"


class Picky(Once):
    """Does with a record what its path says."""

    name = "picky"

    @override
    async def process(self, record: Candidate, journal: Journal) -> tuple[list[Any], list[Rejected]]:
        match record.path:
            case "bug":
                raise ZeroDivisionError("a bug of ours")
            case "bad":
                raise Reject("not wanted")
            case "operator":
                raise EndpointError("The teacher is gone.")
            case "two":
                return [record, record.model_copy(update={"id": f"{record.id}-b"})], []
        return [record], []


def config(folder: Path) -> RunConfig:
    return RunConfig(out=str(folder), runtime=RuntimeConfig(cpus=2, photos=16))


def candidates(count: int) -> Iterator[Candidate]:
    for number in range(count):
        yield Candidate(id=Candidate.name_of(str(number)), path=f"/photos/sa_{number}.jpg")


def resident() -> float:
    """Megabytes this process has in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def main() -> None:
    """Measure from the first record on, when all that Ray loads is in memory."""
    count, folder = int(sys.argv[1]), Path(sys.argv[2])
    with ray_session(config(folder).runtime):
        out, first, least, most = 0, 0.0, 0.0, 0.0
        for _ in stream(candidates(count), (Once,), config(folder)):
            out += 1
            most = max(most, resident())
            if out == 1:
                first, least = time.monotonic(), most
        seconds = time.monotonic() - first
    print(json.dumps({"out": out, "seconds": seconds, "megabytes": most, "growth": most - least}))


if __name__ == "__main__":
    main()
