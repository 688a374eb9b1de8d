"""The bundled benchmark: drawn scenes that nobody trained on, of any number, the same for the same seed."""

from collections.abc import Sequence
from functools import partial

from pipeline.evaluation.errors import EvaluationError
from pipeline.evaluation.items import BenchmarkConfig, Item, benchmark
from pipeline.training.examples import Lazy
from pipeline.training.lamps import SIDE
from pipeline.training.manner import Manner
from pipeline.training.scenes import FOR_RL, HELD_OUT, NUMBERS_PER_SEED, Exercise, example, lesson

COUNT = 1000
"""Scenes where no count is given."""


@benchmark("lamps")
def lamps(config: BenchmarkConfig) -> Sequence[Item]:
    """Scenes of 336x336, drawn when they are asked for; answers are colours. Raises EvaluationError."""
    if config.data is not None:
        raise EvaluationError("lamps are drawn, not read: leave the benchmark's data out.")
    first, count = HELD_OUT + config.seed * NUMBERS_PER_SEED, config.count or COUNT
    if not HELD_OUT <= first < first + count <= FOR_RL:
        raise EvaluationError(
            f"lamps of seed {config.seed} would ask about {count:,} scenes from number {first:,} on, and only those "
            f"from {HELD_OUT:,} to {FOR_RL:,} are never trained on: take another seed or count."
        )
    return Lazy(count, partial(_item, first))


def _item(first: int, index: int) -> Item:
    number, manner = first + index, Manner()
    asked = example(number, SIDE, manner, "direct")._replace(id=f"lamp-{number}", resolution=None, trace=None)
    finding = lesson("grounding", number, SIDE, manner)
    assert isinstance(finding, Exercise)
    return Item(asked, where=finding.question)
