"""The SAM actors of a run: started once, found by name, and each photo is always the same one's."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pipeline.config import ConfigError, SegmenterConfig
from pipeline.sam.prompt import Answer, Prompt
from pipeline.sam.worker import SamWorker
from pipeline.session import end_with_parent, unwrapped

_ACTOR_CPUS = 0.1
"""Ray only has to know that it is there: were a CPU kept for it, a small machine would have none for the stages."""


class Pool:
    """The actors as stage workers see them; they are looked up when they are first needed."""

    def __init__(self, actors: int) -> None:
        self.actors = actors

    def number(self, photo: str) -> int:
        """Which actor a photo's prompts go to, by its SHA-256."""
        return int(photo[:16], 16) % self.actors

    async def answer(self, path: str, prompt: Prompt) -> Answer:
        """What the photo's actor answers; raises ConfigError if it is gone for good."""
        import ray
        from ray.exceptions import OutOfMemoryError, RayActorError

        worker = ray.get_actor(_name(self.number(prompt.photo)))
        try:
            with unwrapped():
                return Answer.model_validate(await worker.answer.remote(path, prompt))
        except (RayActorError, OutOfMemoryError):
            await _risen(worker)
        return Answer(fault="SAM died of it: twice, as when memory is out")


async def _risen(worker: Any) -> None:
    """Wait until an actor that died is there again; raises ConfigError if it cannot come back."""
    from ray.exceptions import RayActorError

    try:
        with unwrapped():
            await worker.ready.remote()
    except RayActorError as error:
        raise ConfigError(
            "SAM's worker died and cannot be started again. Free memory or use a smaller SAM, then run the same "
            "command again: nothing is lost."
        ) from error


class _Bound(SamWorker):
    """A worker that dies with the process that started it."""

    def __init__(self, config: SegmenterConfig, device: str) -> None:
        end_with_parent()
        super().__init__(config, device)


@contextmanager
def running_sam(config: SegmenterConfig) -> Iterator[None]:
    """The actors of a run, loaded and ready, while the block runs; raises ConfigError."""
    import ray

    gpus = _gpus(config)
    # One that dies is started again and asked once more: another photo may have been what killed it.
    again: Any = {"max_restarts": -1, "max_task_retries": 1}
    actor: Any = ray.remote(num_cpus=_ACTOR_CPUS, num_gpus=gpus, **again)(_Bound)
    device = "cuda" if gpus else "cpu"
    workers = [actor.options(name=_name(number)).remote(config, device) for number in range(config.actors)]
    try:
        with unwrapped():
            ray.get([worker.ready.remote() for worker in workers])
        yield
    finally:
        for worker in workers:
            ray.kill(worker)


def _name(number: int) -> str:
    return f"sam-{number}"


def _gpus(config: SegmenterConfig) -> int:
    """GPUs of each actor, 1 or 0; raises ConfigError if there are not enough of them."""
    import ray

    resources = ray.cluster_resources()  # type: ignore[no-untyped-call]
    there = int(resources.get("GPU", 0))
    if config.device == "cpu" or (config.device == "auto" and not there):
        return 0
    if not there:
        raise ConfigError("segmenter.device=cuda, but Ray finds no GPU. Set segmenter.device=cpu, or auto.")
    if there < config.actors:
        raise ConfigError(
            f"segmenter.actors={config.actors} need a GPU each, and Ray finds {there}. Set segmenter.actors={there}."
        )
    return 1
