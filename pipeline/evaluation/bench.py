"""One worker of an evaluation: it holds a model and the questions, and answers those it is handed."""

from collections.abc import Sequence
from typing import Protocol

from pipeline.evaluation.attempt import Attempt
from pipeline.evaluation.benchmarks import BENCHMARKS
from pipeline.evaluation.config import Contestant, EvaluationConfig
from pipeline.evaluation.exchange import Finished, Steps
from pipeline.evaluation.items import Item
from pipeline.evaluation.judge import judge
from pipeline.evaluation.predictions import Cell, Prediction, prediction
from pipeline.evaluation.strategies import STRATEGIES
from pipeline.training.manner import Manner


class Runner(Protocol):
    """Whoever runs attempts."""

    def run(self, attempts: Sequence[Steps]) -> list[Finished]:
        """What came of each, in order."""


class Bench:
    """Holds one model at a time, and every benchmark it was asked about."""

    def __init__(self, config: EvaluationConfig, number: int = 0) -> None:
        """`number` is this worker's among all."""
        self.config, self.number = config, number
        self._items: dict[str, Sequence[Item]] = {}
        self._seated: tuple[str, Runner, Manner] | None = None

    def questions(self, benchmark: str) -> Sequence[Item]:
        """All of a benchmark. Raises EvaluationError where its files are missing or not as published."""
        if benchmark not in self._items:
            (asked,) = (one for one in self.config.benchmarks if one.name == benchmark)
            self._items[benchmark] = BENCHMARKS[asked.name](asked)
        return self._items[benchmark]

    def answer(self, cell: Cell, numbers: Sequence[int]) -> list[Prediction]:
        """The answers to some questions of a cell, judged. Raises TrainingError, EndpointError and PhotoError."""
        items = self.questions(cell.benchmark)
        posed = [_posed(items[number], cell.resolution) for number in numbers]
        runner, manner = self._runner(cell)
        others = [items[(number + 1) % len(items)].example.photo for number in numbers]
        attempts = [Attempt(item, manner, cell.way, other) for item, other in zip(posed, others, strict=True)]
        finished = runner.run([STRATEGIES[cell.way.strategy].run(attempt) for attempt in attempts])
        verdicts = self._second_opinions(posed, finished)
        return [
            prediction(number, item, one, judge(one.outcome.reply, item.example.truth), verdict)
            for number, item, one, verdict in zip(numbers, posed, finished, verdicts, strict=True)
        ]

    def _second_opinions(self, items: Sequence[Item], finished: Sequence[Finished]) -> Sequence[bool | None]:
        if self.config.judge is None:
            return [None] * len(items)
        from pipeline.evaluation.llm_judge import LlmJudge

        replies = [(one.outcome.reply, item.example.truth) for item, one in zip(items, finished, strict=True)]
        return LlmJudge(self.config.judge).judge(replies)

    def _runner(self, cell: Cell) -> tuple[Runner, Manner]:
        """Who answers for a cell's model; it is loaded when its first cell comes."""
        if self._seated is None or self._seated[0] != f"{cell.model} {cell.seed}":
            (model,) = (one for one in self.config.models if one.name == cell.model)
            self._seated = None  # Two large models need not fit beside one another.
            self._seated = (f"{cell.model} {cell.seed}", *self._loaded(model, cell.seed))
        return self._seated[1:]

    def _loaded(self, model: Contestant, seed: int) -> tuple[Runner, Manner]:
        if model.endpoints:
            from pipeline.evaluation.remote import Remote

            endpoint = model.endpoints[self.number % len(model.endpoints)]
            how = {"temperature": self.config.temperature, "max_tokens": self.config.max_tokens}
            return Remote(endpoint.model_copy(update=how), seed), model.manner
        from pipeline.evaluation.local import Local
        from pipeline.training.policy import load as load_policy
        from pipeline.training.sft import quiet
        from pipeline.training.writing import Sampling

        quiet()
        assert model.path is not None  # as its validator has it
        policy = load_policy(model.path, **model.how)
        sampling = Sampling(temperature=self.config.temperature, max_tokens=self.config.max_tokens)
        return Local(policy, sampling, self.config.batch, seed), policy.manner


def _posed(item: Item, resolution: int | None) -> Item:
    return item._replace(example=item.example._replace(resolution=resolution))
