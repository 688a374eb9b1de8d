"""Many workers before an endpoint that takes few requests at once: all are answered, and it is kept busy."""

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from agents.endpoint import Endpoint
from agents.gate import Limits
from agents.messages import Message, Request
from agents.teachers import EndpointConfig, Price
from pipeline.config import RuntimeConfig
from pipeline.gatekeeper import start_gate
from pipeline.journal import FileJournal
from pipeline.remote_gate import RemoteGate
from pipeline.session import ray_session
from tests.conftest import Scripted
from tests.drawn import photo_of
from tests.scripted import Body, Response, fault, says

pytestmark = pytest.mark.e2e

# So slow that what the client adds to a request, also on a machine that others use, is little beside it.
ALLOWED, LATENCY, WORKERS, EACH = 8, 1.6, 4, 100


class Asker:
    """A worker with many requests at once."""

    def __init__(self, config: EndpointConfig, gate: Any, photo: str) -> None:
        self.endpoint, self.photo = Endpoint(config, gate=RemoteGate(gate)), Path(photo)

    async def ask(self, first: int, count: int) -> int:
        message = Message(role="user", content=("How many?",))
        asked = [
            Request(role="answer", model="m", messages=(message,), seed=first + number, max_tokens=100)
            for number in range(count)
        ]
        photo, journal = photo_of(self.photo), FileJournal(self.photo.with_name(f"{first}.jsonl"))
        told = await asyncio.gather(*(self.endpoint.ask(one, photo, journal) for one in asked))
        return sum(reply.text == "three" for reply in told)


class Door:
    """An endpoint that answers ALLOWED requests at once."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.inside = self.refused = 0
        self.first = 0.0
        self.seconds = 0.0

    def __call__(self, _: Body) -> Response:
        with self.lock:
            self.first = self.first or time.monotonic()
            if self.inside >= ALLOWED:
                self.refused += 1
                return fault(429, retry_after="0.2")
            self.inside += 1
        time.sleep(LATENCY)  # what the endpoint's work takes
        with self.lock:
            self.inside -= 1
        self.seconds = time.monotonic() - self.first
        return says("three")


def test_a_crowded_endpoint_is_kept_busy_by_all_workers_together(
    scripted: Scripted, photo: Path, tmp_path: Path
) -> None:
    import ray

    door = Door()
    script = scripted(door)
    config = EndpointConfig(base_url=script.url, model="m", limits=Limits(concurrency=64))
    with ray_session(RuntimeConfig(cpus=2)):
        gate = start_gate(config, tmp_path)
        worker = ray.remote(Asker).options(num_cpus=0, max_concurrency=4)
        workers: list[Any] = [worker.remote(config, gate, str(photo)) for _ in range(WORKERS)]
        ray.get([one.ask.remote(0, 0) for one in workers])
        answered = sum(ray.get([one.ask.remote(n * EACH, EACH) for n, one in enumerate(workers)]))
    assert answered == WORKERS * EACH
    assert door.refused < 0.05 * len(script.asked)
    assert door.seconds < 1.3 * WORKERS * EACH * LATENCY / ALLOWED


def test_the_money_holds_for_all_workers_together(scripted: Scripted, photo: Path, tmp_path: Path) -> None:
    import ray
    from ray.exceptions import RayTaskError

    script = scripted(lambda _: says("three"))
    # Each reply is 7 tokens in and 3 out.
    price, limits = {"m": Price(input=1e6, output=1e6)}, Limits(max_cost=3000.0)
    config = EndpointConfig(base_url=script.url, model="m", limits=limits, prices=price)
    with ray_session(RuntimeConfig(cpus=2)):
        gate = start_gate(config, tmp_path)
        workers: list[Any] = [ray.remote(Asker).options(num_cpus=0).remote(config, gate, str(photo)) for _ in range(2)]
        for told in [one.ask.remote(n * 400, 400) for n, one in enumerate(workers)]:
            with pytest.raises(RayTaskError, match=r"beyond teacher\.limits\.max_cost"):
                ray.get(told)
    assert 0.9 * 3000 < 10 * len(script.asked) <= 3000
