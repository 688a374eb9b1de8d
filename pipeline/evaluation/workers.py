"""Who does the work of an evaluation: this process alone, or several over Ray."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

from pipeline.config import RuntimeConfig
from pipeline.evaluation.bench import Bench
from pipeline.evaluation.config import EvaluationConfig
from pipeline.evaluation.predictions import Cell, Prediction


class Job(NamedTuple):
    """Some questions of one cell, by their numbers in the benchmark."""

    cell: Cell
    numbers: tuple[int, ...]


class Workers(Protocol):
    """Answers jobs."""

    def answers(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, list[Prediction]]]:
        """The answers to each job as they come, in any order."""


@contextmanager
def workers(config: EvaluationConfig, bench: Bench) -> Iterator[Workers]:
    """Those that a configuration asks for, `bench` where it is one; they end with the block.

    Raises ConfigError where Ray cannot be joined.
    """
    if config.workers == 1:
        yield _Alone(bench)
        return
    from pipeline.session import ray_session

    with ray_session(RuntimeConfig()):
        yield _Many(config)


class _Alone:
    """All work done here."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def answers(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, list[Prediction]]]:
        for job in jobs:
            yield job, self._bench.answer(job.cell, job.numbers)


class _Many:
    """Ray actors, each with a model of its own; whoever is done takes the next job."""

    def __init__(self, config: EvaluationConfig) -> None:
        import ray

        actor = ray.remote(_Seat).options(num_gpus=config.gpus, num_cpus=1)
        self._actors = [actor.remote(config, number) for number in range(config.workers)]

    def answers(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, list[Prediction]]]:
        from ray.util import ActorPool

        from pipeline.session import unwrapped

        def hand_over(actor: Any, job: Job) -> Any:
            return actor.answer.remote(job)

        with unwrapped():
            yield from ActorPool(self._actors).map_unordered(hand_over, list(jobs))


class _Seat:
    """A bench in a process of its own."""

    def __init__(self, config: EvaluationConfig, number: int) -> None:
        from pipeline.session import end_with_parent

        end_with_parent()
        self._bench = Bench(config, number)

    def answer(self, job: Job) -> tuple[Job, list[Prediction]]:
        import torch

        if not torch.cuda.is_available():
            torch.set_num_threads(1)  # Workers share the machine.
        return job, self._bench.answer(job.cell, job.numbers)
