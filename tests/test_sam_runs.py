"""SAM's actors: a photo is always the same one's, one that dies comes back, and whole runs replay without SAM."""

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agents.boxes import Box, Size
from agents.photos import file_hash
from pipeline.config import ConfigError, RuntimeConfig, SegmenterConfig
from pipeline.sam.pool import Pool, running_sam
from pipeline.sam.prompt import Prompt
from pipeline.session import ray_session
from tests.runs import Oracle, asking, cof, files, photos, summary_of
from tests.scripted import Body, Response, Script, calls, form_of, listening, texts_of
from tests.small_sam import paint, save_sam

pytest.importorskip("segment_anything")
pytestmark = [pytest.mark.ray, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_sam(tmp_path_factory.mktemp("sam") / "small.pth")


@pytest.fixture(scope="module")
def two(weights: Path) -> Iterator[SegmenterConfig]:
    """Two actors in a Ray session."""
    config = SegmenterConfig(checkpoint=str(weights), model="auto", actors=2, device="cpu", threads=1)
    with ray_session(RuntimeConfig(cpus=2)), running_sam(config):
        yield config


def on_actor(number: int, see: Any) -> Any:
    """What a function of the worker gives, inside its actor."""
    import ray

    return ray.get(ray.get_actor(f"sam-{number}").__ray_call__.remote(see))


def kept(number: int) -> set[str]:
    """The photos an actor has embedded."""
    return on_actor(number, lambda worker: set(worker.predictor._kept))  # type: ignore[no-any-return]


def test_all_that_is_asked_about_a_photo_goes_to_one_actor(two: SegmenterConfig, tmp_path: Path) -> None:
    pool = Pool(two.actors)
    painted = [paint(tmp_path / f"{n}.jpg", Size(200 + n, 150), Box(20, 20, 120, 120)) for n in range(6)]
    hashes = {file_hash(photo): photo for photo in painted}

    async def ask_all() -> None:
        prompts = [(sha, x) for x in (30, 60, 90) for sha in hashes]
        await asyncio.gather(
            *(pool.answer(str(hashes[sha]), Prompt(photo=sha, weights="", point=(x, x))) for sha, x in prompts)
        )

    asyncio.run(ask_all())
    assert kept(0) | kept(1) == set(hashes)
    assert kept(0) & kept(1) == set()
    assert kept(0) and kept(1)
    assert all(sha in kept(pool.number(sha)) for sha in hashes)


def test_an_actor_that_dies_comes_back_and_answers(two: SegmenterConfig, photo: Path) -> None:
    pool, sha = Pool(two.actors), file_hash(photo)
    prompt = Prompt(photo=sha, weights="", point=(320, 240))
    first = asyncio.run(pool.answer(str(photo), prompt))
    pid = on_actor(pool.number(sha), lambda _: os.getpid())
    os.kill(pid, signal.SIGKILL)
    assert asyncio.run(pool.answer(str(photo), prompt)) == first
    assert on_actor(pool.number(sha), lambda _: os.getpid()) != pid


class Mortal:
    """Dies of every prompt, and, if it is told to, for good."""

    def ready(self) -> str:
        return "cpu"

    def answer(self, *_: Any) -> None:
        os._exit(1)


SEVENTH = Prompt(photo=f"{7:016x}", weights="", point=(1, 1))


@pytest.fixture
def seventh(two: SegmenterConfig) -> Iterator[Any]:
    """Starts a mortal as the actor that the prompt goes to."""
    import ray

    assert two.actors < 7, "its name is free"
    started: list[Any] = []

    def start(restarts: int, retries: int) -> None:
        mortal: Any = ray.remote(Mortal)
        lives = {"max_restarts": restarts, "max_task_retries": retries}
        started.append(mortal.options(name="sam-7", num_cpus=0.1, **lives).remote())

    yield start
    for one in started:
        ray.kill(one)


def test_a_prompt_that_sam_dies_of_twice_is_a_reason(seventh: Any) -> None:
    seventh(restarts=-1, retries=1)
    assert asyncio.run(Pool(1000).answer("any.jpg", SEVENTH)).fault.startswith("SAM died of it: twice")


def test_an_actor_that_is_gone_for_good_is_one_sentence(seventh: Any) -> None:
    seventh(restarts=0, retries=0)
    with pytest.raises(ConfigError, match=r"^SAM's worker died and cannot be started again\. .* nothing is lost\.$"):
        asyncio.run(Pool(1000).answer("any.jpg", SEVENTH))


def test_a_gpu_that_is_not_there_is_one_sentence(two: SegmenterConfig) -> None:
    import ray

    if ray.cluster_resources().get("GPU"):  # type: ignore[no-untyped-call]
        pytest.skip("there is one")
    with (
        pytest.raises(ConfigError, match=r"^segmenter\.device=cuda, but Ray finds no GPU\. Set segmenter\.device=cpu"),
        running_sam(two.model_copy(update={"device": "cuda"})),
    ):
        pass


class Segmenting(Oracle):
    """Has the thing in the middle segmented before it looks closer."""

    def _say(self, body: Body) -> Response:
        fresh = not any(message["role"] == "assistant" for message in body["messages"])
        if not form_of(body) and fresh and "lamps" in "\n".join(texts_of(body)):
            return calls("segment", {"point": [320, 240]}, "I want its exact extent first.")
        return super()._say(body)


@pytest.mark.e2e
def test_a_run_with_sam_replays_byte_for_byte_without_it(weights: Path, tmp_path: Path) -> None:
    run, again = tmp_path / "run", tmp_path / "again"
    sam = [f"segmenter.checkpoint={weights}", "segmenter.model=auto", "segmenter.device=cpu", "segmenter.threads=1"]
    with listening(Script(Segmenting())) as script:
        made = cof(*asking(script.url, run, photos(tmp_path / "photos", 2), *sam, "segmenter.points_per_side=2"))
    assert made.code == 0, made
    assert "segment: SAM auto of small.pth, workers: 1" in made.out
    asked = [json.loads(line) for path in (run / "calls").rglob("*.jsonl") for line in path.read_text().splitlines()]
    told = [line["request"] for line in asked if line["role"] == "segment"]
    assert {(one["point"] is not None, one["grid"] is not None) for one in told} == {(True, False), (False, True)}
    assert summary_of(run)["teacher_calls"] == len(asked) - len(told)
    assert str(weights.parent) not in (run / "run.json").read_text()
    weights.rename(tmp_path / "gone.pth")
    try:
        replayed = cof("replay", run, again)
    finally:
        (tmp_path / "gone.pth").rename(weights)
    assert replayed.code == 0, replayed
    assert "segment: SAM's answers of the run that is replayed" in replayed.out
    assert files(again, "dataset", "records", "rejected") == files(run, "dataset", "records", "rejected")


@pytest.mark.e2e
def test_a_checkpoint_that_is_no_sam_ends_the_run_before_it_begins(tmp_path: Path) -> None:
    (tmp_path / "sam.pth").write_text("no weights")
    run = tmp_path / "run"
    images = photos(tmp_path / "photos", 1)
    ended = cof("synthesize", f"out={run}", f"sample.images={images}", f"segmenter.checkpoint={tmp_path}/sam.pth")
    assert ended.code == 2
    assert ended.err.startswith("error: The SAM checkpoint ")
    assert ended.err.count("\n") == 1
    assert not run.exists()
