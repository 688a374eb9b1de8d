"""One system does the job once: the endpoint, the photos, and what was measured."""

import io
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from agents.boxes import Size
from benchmarks.images import photo
from benchmarks.orchestration.job import CALLS
from benchmarks.orchestration.peers import System
from benchmarks.orchestration.watch import Watch, kill

MIDDLE = (0.1, 0.9)
"""Steady state: from the first to the second of these shares of all answers."""
LONGEST = 900
"""Seconds after which a system counts as hanging."""


class Counts(NamedTuple):
    """What the endpoint says of itself, see `server.Endpoint.counts`."""

    calls: int
    distinct: int
    inside: int
    refused: int
    others: int
    most: int
    first: float
    ended: list[float]


class Measured(NamedTuple):
    """One run of one system."""

    start_up: float
    """Seconds until the first call of the job."""
    work: float
    """Seconds from there to the last answer, over the endpoint's bound."""
    steady: float
    """The same for the middle of the run alone."""
    total: float
    """Seconds from start to exit."""
    cpu_ms: float
    """CPU milliseconds per call between the first call and the last answer."""
    start_cpu: float
    """CPU seconds before the first call."""
    megabytes: float
    again: int
    """Calls that were answered more than once."""
    refused: float
    """Requests refused, as a share of all."""


class Terms(NamedTuple):
    """What the endpoint does with requests, see `server.Endpoint`."""

    latency: float
    capacity: int
    refuse: bool = False


class Endpoint(NamedTuple):
    """The running server."""

    url: str
    terms: Terms

    def counts(self) -> Counts:
        with urllib.request.urlopen(self.url.removesuffix("v1") + "counts") as answer:
            return Counts(**json.load(answer))

    def bound(self, calls: float) -> float:
        """Seconds that so many calls take at least."""
        return calls * self.terms.latency / self.terms.capacity


@contextmanager
def endpoint(terms: Terms) -> Iterator[Endpoint]:
    """A server in a process of its own, for the length of the block."""
    options = ["--latency", str(terms.latency), "--capacity", str(terms.capacity), *["--refuse"] * terms.refuse]
    command = [sys.executable, "-m", "benchmarks.orchestration.server", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield Endpoint(process.stdout.readline().strip(), terms)
        finally:
            process.kill()


def draw(folder: Path, count: int) -> Path:
    """So many photos of 640x480 in a folder; their files differ in a comment alone."""
    folder.mkdir(parents=True, exist_ok=True)
    picture = Image.open(io.BytesIO(photo(Size(640, 480))))
    for number in range(count):
        path = folder / f"photo-{number:06d}.jpg"
        if not path.exists():
            picture.save(path, "JPEG", quality=90, comment=path.stem)
    return folder


def measure(system: System, photos: Path, out: Path, terms: Terms) -> Measured:
    """Let a system do the job from its start to its end; raises RuntimeError if it fails or hangs."""
    expected = CALLS * sum(1 for _ in photos.glob("*.jpg"))
    with endpoint(terms) as server:
        process = system.start(server.url, photos, out)
        watch = Watch(process.pid)
        with watch.watching():
            code = awaited(process, LONGEST)
        counts = server.counts()
    if code != 0 or counts.distinct != expected:
        raise RuntimeError(
            f"{system.name} ended with {code} after {counts.distinct} of {expected} calls: see {out}.log"
        )
    return _measured(server, counts, watch)


def awaited(process: "subprocess.Popen[bytes]", patience: float) -> int | None:
    """How a system ended; None where it did not, and is ended here: it would disturb those that come after it."""
    try:
        return process.wait(patience)
    except subprocess.TimeoutExpired:
        kill(process.pid)
        return None


def _measured(server: Endpoint, counts: Counts, watch: Watch) -> Measured:
    ended, calls = counts.ended, counts.calls
    begin, end = (ended[int(share * (calls - 1))] for share in MIDDLE)
    tried = calls + counts.refused
    return Measured(
        start_up=counts.first - watch.began,
        work=(ended[-1] - counts.first) / server.bound(calls),
        steady=(end - begin) / server.bound((MIDDLE[1] - MIDDLE[0]) * calls),
        total=watch.ended - watch.began,
        cpu_ms=1000 * watch.cpu(counts.first, ended[-1]) / calls,
        start_cpu=watch.cpu(watch.began, counts.first),
        megabytes=watch.megabytes,
        again=calls - counts.distinct,
        refused=counts.refused / tried,
    )


def failure(out: Path) -> str:
    """The last line a system said."""
    lines = Path(f"{out}.log").read_text(errors="replace").strip().splitlines()
    return lines[-1][:200] if lines else "nothing"


def as_json(measured: Measured) -> dict[str, Any]:
    return {name: round(value, 4) for name, value in measured._asdict().items()}
