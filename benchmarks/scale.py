"""How memory and time grow with the number of records, from a thousand to a million, with a teacher that costs nothing.

Each size runs in a process of its own: two real stages on Ray, each with one request, its call log and its record file.
Usage: python -m benchmarks.scale [--records 1000 10000 100000 1000000]
"""

import tempfile
import time
from collections.abc import Iterator
from typing import Any

from typing_extensions import override

from agents.boxes import Size
from agents.endpoint import Endpoint, Journal
from agents.messages import Message, Photo, Reply, Request
from agents.photos import PhotoCache
from agents.sender import Sender
from benchmarks.alone import megabytes, tabulate
from pipeline.config import RunConfig, RuntimeConfig, TeacherSection
from pipeline.flow import stream
from pipeline.records import Candidate, Rejected
from pipeline.session import ray_session
from pipeline.stage import Desk, Stage

NO_PHOTO = Photo("none", "", Size(1, 1), PhotoCache())


class Parrot(Sender):
    """Answers at once, without a server."""

    @override
    async def send(self, request: Request, photo: Photo | None) -> Reply:
        return Reply(text="ok", prompt_tokens=10, completion_tokens=1)


class Say(Stage):
    """Asks one thing about a record and lets it go on."""

    name = "say"
    consumes = Candidate

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        desk.endpoint = Endpoint(self.config.teacher, sender=Parrot)

    @override
    async def process(self, record: Candidate, journal: Journal) -> tuple[list[Candidate], list[Rejected]]:
        message = Message(role="user", content=(record.path,))
        request = Request(role=self.name, model="parrot", messages=(message,))
        await self.desk.endpoint.ask(request, NO_PHOTO, journal)
        return [record], []


class SayAgain(Say):
    """The same once more: what goes from stage to stage counts too."""

    name = "again"


def main() -> None:
    """Measure and print a table."""
    columns = {"driver, MB at the start": "{before:.0f}", "at most": "{peak:.0f}"}
    tabulate(__doc__, "records", (10**3, 10**4, 10**5, 10**6), measured, columns)


def measured(records: int) -> dict[str, Any]:
    """One run in this process, from the first record's start to the last one's end."""
    with tempfile.TemporaryDirectory(dir="outputs") as folder:
        runtime = RuntimeConfig(photos=32)
        config = RunConfig(out=folder, teacher=TeacherSection(local=False), runtime=runtime)
        with ray_session(config.runtime):
            warm = list(stream(candidates(1, "warm"), (Say, SayAgain), config))
            before, began = megabytes("VmRSS"), time.monotonic()
            made = sum(1 for _ in stream(candidates(records, "photo"), (Say, SayAgain), config))
            seconds = time.monotonic() - began
    assert (len(warm), made) == (1, records)
    return {"seconds": seconds, "before": before, "peak": megabytes("VmHWM")}


def candidates(count: int, name: str) -> Iterator[Candidate]:
    """So many, made as they are asked for."""
    for number in range(count):
        path = f"{name}-{number:07d}.jpg"
        yield Candidate(id=Candidate.name_of(path), path=path)


if __name__ == "__main__":
    main()
