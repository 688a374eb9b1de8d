"""What the pipeline costs beside the teacher: CPU time per trace, and where it goes, with and without Ray.

Usage: python -m benchmarks.overhead outputs/demo
"""

import asyncio
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from typing_extensions import override

from agents.endpoint import Endpoint
from agents.messages import Photo, Reply, Request
from agents.sender import Sender
from benchmarks.cpu import Rule, Spent, Tree
from benchmarks.gate import Gate, close, open_for_all
from pipeline import sources
from pipeline.config import RunConfig
from pipeline.flow import stream
from pipeline.inspection import run_config
from pipeline.records import Candidate
from pipeline.runner import drawn_folders, index_folder
from pipeline.session import ray_session
from pipeline.stage import Stage, Worker
from pipeline.stages import STAGES
from pipeline.store import Store

ROUNDS = 3
"""Times that everything without Ray is made; what is told is the mean."""
GATED: tuple[type[Stage], ...] = (Gate, *STAGES)


def _of(file: str, *functions: str) -> Rule:
    return lambda path, function: path.endswith(file) and function in functions


def _within(*parts: str) -> Rule:
    return lambda path, _function: any(part in path for part in parts)


PLACES: dict[str, Rule] = {
    "JPEG decode": _of("agents/photos.py", "open_photo", "upright_size"),
    "crop and resize": _of("agents/views.py", "render"),
    "JPEG encode": _of("agents/photos.py", "encode_jpeg"),
    "hashes of pixels and files": _of("agents/photos.py", "pixel_hash", "file_hash"),
    "asking: base64, openai client, HTTP": _within(
        "/openai/", "/httpx", "/aiohttp/", "endpoint.py", "sender.py", "wire.py"
    ),
    "masks": _within("agents/masks.py"),
    "pydantic and JSON": _within("/pydantic", "/json/", "agents/messages.py"),
    "disk: records and call log": _within("pipeline/store.py"),
}
REST = "stages, prompts, asyncio"


class Work(NamedTuple):
    """A finished run that is made once more."""

    run: Path
    config: RunConfig
    photos: list[Candidate]

    @property
    def traces(self) -> int:
        return self.traces_of(self.photos)

    def traces_of(self, photos: list[Candidate]) -> int:
        """How many traces came of some photos."""
        store = Store(self.run)
        images = {json.loads(record)["id"] for photo in photos for record in store.finished("sample", photo.id) or ()}
        made = [record["id"] for _, content in store.outcomes(STAGES[-1].name) for record in content["records"]]
        return sum(identity.partition("-")[0] in images for identity in made)

    def again(self, out: str, replayed: bool) -> RunConfig:
        """The run's configuration for another folder."""
        runtime = self.config.runtime.model_copy(update={"replay": str(self.run) if replayed else None})
        return self.config.model_copy(update={"out": out, "runtime": runtime})


class Instant(Sender):
    """Asks over real HTTP a server that answers at once, and then gives the answer that was logged."""

    replies: ClassVar[dict[str, dict[str, Any]]] = {}

    @override
    async def send(self, request: Request, photo: Photo | None) -> Reply:
        await super().send(request, photo)
        return Reply(**self.replies[request.key])


def main(run: Path) -> None:
    """Measure and print; takes about a minute for a run of ten photos."""
    work = _work(run)
    alone = asyncio.run(_alone(work))
    plain = asyncio.run(_replayed(work))
    with_ray, start = _with_ray(work)
    rows = {**alone, "Ray": with_ray - plain}
    total = sum(rows.values())
    print(f"\n{_facts(work)}\n\n| where | CPU ms per trace | share |\n|---|---:|---:|")
    for place, seconds in rows.items():
        print(f"| {place} | {1000 * seconds:.1f} | {seconds / total:.0%} |")
    print(f"| **all** | **{1000 * total:.1f}** | |")
    print(
        f"\nReplayed, the stages take {1000 * plain:.1f} ms a trace without Ray and {1000 * with_ray:.1f} ms with it."
    )
    print(f"Until its first photo is through, Ray takes {start:.1f} s of CPU, once per run.")


def _work(run: Path) -> Work:
    config, store = run_config(run), Store(run)
    images = str(drawn_folders(config)[0]) if config.sample.images == "drawn" else config.sample.images
    found = sources.candidates(config.sample, images, config.seed, index_folder(config))
    work = Work(run, config, [photo for photo in found if store.finished("sample", photo.id)])
    # The first photo is the one that all is started with, so some trace has to come of it.
    return work._replace(photos=sorted(work.photos, key=lambda photo: not work.traces_of([photo])))


def _facts(work: Work) -> str:
    lines = [line for stage in STAGES for line in Store(work.run).calls(stage.name)]
    waited = sum(line["seconds"] for line in lines) / work.traces
    return (
        f"{len(work.photos)} photos, {len(lines)} requests, {work.traces} traces; {os.cpu_count()} CPUs, Python "
        f"{sys.version.split()[0]}. In the run itself the requests of a trace, which overlap with others, took "
        f"{waited:.1f} s."
    )


async def _alone(work: Work) -> dict[str, float]:
    """CPU seconds per trace of the stages without Ray, by place, each request going over HTTP and into a log."""
    Instant.replies = {line["key"]: line["reply"] for stage in STAGES for line in Store(work.run).calls(stage.name)}
    spent = Spent(PLACES, REST)
    with _instant_server() as url, tempfile.TemporaryDirectory(dir=work.run.parent) as folder:
        instant = Endpoint(work.config.teacher.model_copy(update={"base_url": url}), sender=Instant)
        # The first photo once before: imports, schemas and the client are not what a trace costs.
        await _through_stages(work.again(f"{folder}/warm", False), work.photos[:1], instant)
        for number in range(ROUNDS):
            with spent.counting():
                await _through_stages(work.again(f"{folder}/{number}", False), work.photos, instant)
        await instant.close()
    return {place: seconds / ROUNDS / work.traces for place, seconds in spent.seconds.items()}


async def _replayed(work: Work) -> float:
    """CPU seconds per trace of a replay without Ray, gate included."""
    seconds = 0.0
    with tempfile.TemporaryDirectory(dir=work.run.parent) as folder:
        for number in range(ROUNDS):
            config = work.again(f"{folder}/{number}", True)
            close(config.folder, but_for=work.photos[0])
            await _through_stages(config, work.photos[:1], stages=GATED)
            open_for_all(config.folder)
            before = time.process_time()
            await _through_stages(config, work.photos[1:], stages=GATED)
            seconds += time.process_time() - before
    return seconds / ROUNDS / work.traces_of(work.photos[1:])


async def _through_stages(
    config: RunConfig, photos: list[Candidate], endpoint: Endpoint | None = None, stages: Sequence[type[Stage]] = STAGES
) -> None:
    """The real worker, one photo after the other."""
    worker = Worker(stages, config)
    if endpoint is not None:
        worker.desk.endpoint = endpoint
    for photo in photos:
        await worker.work(photo.model_dump_json())


def _with_ray(work: Work) -> tuple[float, float]:
    """CPU seconds per trace of a replay on Ray once all is started, and CPU seconds until then.

    The other photos wait at a gate for the traces of the first one: by then every process is up.
    """
    tree = Tree()
    before = tree.seconds()
    with (
        tempfile.TemporaryDirectory(dir=work.run.parent) as folder,
        tree.watched(),
        ray_session(work.config.runtime),
    ):
        config = work.again(f"{folder}/run", True)
        close(config.folder, but_for=work.photos[0])
        first, start = work.traces_of(work.photos[:1]), before
        for number, _ in enumerate(stream(work.photos, GATED, config), 1):
            if number == first:
                start = tree.seconds()
                open_for_all(config.folder)
            if number == work.traces:
                return (tree.seconds() - start) / (work.traces - first), start - before
    raise RuntimeError(f"the replay gave fewer than {work.traces} traces")


@contextmanager
def _instant_server() -> Iterator[str]:
    """An endpoint in another process that says "ok" to everything at once; gives its base URL."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there,), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{here.recv()}/v1"
    finally:
        process.terminate()
        process.join()


def _serve(parent: Connection) -> None:
    message = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "ok"}}
    answer = {"id": "1", "object": "chat.completion", "created": 0, "model": "instant", "choices": [message]}
    body = json.dumps(answer).encode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    parent.send(server.server_address[1])
    server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "outputs/demo"))
