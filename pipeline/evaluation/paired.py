"""Two ways, models or runs on the same questions: how much better one is, and whether that could be chance."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pipeline.evaluation.errors import EvaluationError
from pipeline.evaluation.predictions import Ledger, Prediction, file_part
from pipeline.evaluation.statistics import Difference, difference

NATIVE = "native"


class Side(NamedTuple):
    """What is compared: the folder of an evaluation, and a model and strategy as its table calls them."""

    folder: Path
    model: str
    strategy: str

    @classmethod
    def of(cls, text: str) -> "Side":
        """From `folder:model:strategy`. Raises EvaluationError."""
        folder, *named = text.rsplit(":", 2)
        if len(named) != 2:
            raise EvaluationError(f"{text!r} is not folder:model:strategy, as outputs/demo/evaluate:sft:cof.")
        return cls(Path(folder), *named)


class Pair(NamedTuple):
    """Two cells with the same questions."""

    benchmark: str
    resolutions: tuple[str, str]
    difference: Difference


def compare(first: Side, second: Side) -> list[Pair]:
    """Every cell of one side with that of the other, by benchmark and resolution.

    What runs at native resolution alone is compared with every resolution. Raises EvaluationError.
    """
    ours, theirs = _answers(first), _answers(second)
    pairs = [
        Pair(benchmark, (one, other), _difference(ours[benchmark, one], theirs[benchmark, other]))
        for benchmark, one in sorted(ours, key=_by_size)
        for of, other in sorted(theirs, key=_by_size)
        if of == benchmark and (one == other or NATIVE in (one, other))
    ]
    if not pairs:
        raise EvaluationError(
            f"There is nothing to compare: {first.folder} has {len(ours)} cells of {first.model} {first.strategy}, "
            f"{second.folder} has {len(theirs)} of {second.model} {second.strategy}, and none on the same questions."
        )
    return pairs


def as_table(pairs: Sequence[Pair]) -> str:
    """A line for each pair, as Markdown."""
    lines = ["| benchmark | R | against R | n | difference | 95 % | only first | only second | p |", "|" + "---|" * 9]
    for benchmark, (one, other), found in pairs:
        interval = f"{found.low:+.3f} to {found.high:+.3f}"
        counts = f"{found.gained} | {found.lost} | {found.p:.2g}"
        lines.append(
            f"| {benchmark} | {one} | {other} | {found.questions} | {found.mean:+.3f} | {interval} | {counts} |"
        )
    return "\n".join(lines)


def _answers(side: Side) -> dict[tuple[str, str], dict[tuple[str, int], Prediction]]:
    """By benchmark and resolution: the answers, by seed and question."""
    found: dict[tuple[str, str], dict[tuple[str, int], Prediction]] = defaultdict(dict)
    for (model, benchmark, strategy, resolution, seed), predictions in Ledger(side.folder).everything():
        if (model, strategy) == (file_part(side.model), file_part(side.strategy)):
            found[benchmark, resolution].update({(seed, one.number): one for one in predictions})
    return found


def _difference(ours: dict[tuple[str, int], Prediction], theirs: dict[tuple[str, int], Prediction]) -> Difference:
    both = [(ours[key], theirs[key]) for key in ours if key in theirs]
    return difference([(one.group, one.right, other.right) for one, other in both])


def _by_size(cell: tuple[str, str]) -> tuple[str, float]:
    benchmark, resolution = cell
    return benchmark, float("inf") if resolution == NATIVE else float(resolution)
