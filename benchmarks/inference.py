"""Looking closer in one reading, against the obvious way: stop at each look, crop, and begin again with everything.

Both ways run in one process, on the same model, photos and boxes, and write the same words; what differs is what is
read again. Usage: python -m benchmarks.inference [--model FOLDER] [--questions 16] [--resolution 224]
"""

import argparse
import statistics
from collections.abc import Sequence
from typing import NamedTuple

from agents.boxes import Box, Size
from agents.dialects import IMAGE, Turn
from agents.views import View, posed_view, render, zoom_view
from pipeline.evaluation.exchange import Exchange, Finished, Outcome, Shown, Steps
from pipeline.evaluation.local import Local
from pipeline.training.lamps import POLICY, SIDE, draw, scene
from pipeline.training.policy import Policy, load
from pipeline.training.writing import Sampling

WRITTEN = 24
"""Tokens between two looks: about what a thought and a box take."""
ROUNDS = 5
"""Times each way is run, in turn; what is told is the median."""
LOOKS = (0, 1, 2, 3, 4)


class Measured(NamedTuple):
    """One way with so many looks, per question."""

    seconds: float
    spread: float
    """Largest less smallest of the rounds."""
    prefilled: float
    pictures: float


def main() -> None:
    """Measure and print a table."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--model", help="folder of a trained model; random weights of the tiny size otherwise")
    asked.add_argument("--questions", type=int, default=16)
    asked.add_argument("--resolution", type=int, default=224)
    given = asked.parse_args()
    policy = load(given.model) if given.model else random_policy()
    print(
        "| looks | way | s a question | spread | prefilled tokens | pictures encoded |\n|---|---|---:|---:|---:|---:|"
    )
    for looks in LOOKS:
        on, again = measure(policy, looks, given.questions, given.resolution, ROUNDS)
        for name, way in (("one reading", on), ("begin again", again)):
            counts = f"{way.prefilled:.0f} | {way.pictures:.0f}"
            print(f"| {looks} | {name} | {way.seconds:.4f} | {way.spread:.4f} | {counts} |")
        print(f"| {looks} | ratio | {again.seconds / on.seconds:.2f} | | {again.prefilled / on.prefilled:.2f} | |")


def measure(policy: Policy, looks: int, questions: int, resolution: int, rounds: int) -> tuple[Measured, Measured]:
    """Both ways with so many looks, one after the other in every round."""
    runs: tuple[list[list[Finished]], list[list[Finished]]] = ([], [])
    for _ in range(rounds):
        for way, kept in zip((one_reading, begin_again), runs, strict=True):
            local = Local(policy, Sampling(temperature=0, max_tokens=WRITTEN), batch=questions)
            kept.append(local.run([way(pictures(number, looks, resolution)) for number in range(questions)]))
    return _summed(runs[0]), _summed(runs[1])


def one_reading(shown: Sequence[Shown]) -> Steps:
    """Every crop enters behind what is there."""
    words = yield _opening(shown[0])
    for crop in shown[1:]:
        words = yield Exchange(begun=(IMAGE,), pictures=(crop,))
    return Outcome(words.text)


def begin_again(shown: Sequence[Shown]) -> Steps:
    """At every crop the whole conversation is read from its beginning."""
    words = yield _opening(shown[0])
    said: list[str | None] = [words.text]
    for number in range(1, len(shown)):
        said += [IMAGE]
        words = yield _opening(*shown[: number + 1])._replace(begun=tuple(said))
        # What was written comes with the words it was begun with.
        said.append(words.text.removeprefix("".join(part or "" for part in said)))
    return Outcome(words.text)


def _opening(*shown: Shown) -> Exchange:
    turn = Turn("user", (IMAGE, "What colour is the lamp on the white sign?"))
    return Exchange(turns=(turn,), pictures=shown, fresh=True)


def pictures(number: int, looks: int, resolution: int) -> list[Shown]:
    """A drawn scene posed at a resolution, and crops of it, each within the one before."""
    picture, size = draw(scene(number)), Size(SIDE, SIDE)
    boxes = [Box(20 * n, 20 * n, SIDE - 60 * n, SIDE - 60 * n) for n in range(1, looks + 1)]
    views: list[View] = [posed_view(size, resolution), *(zoom_view(size, box, POLICY) for box in boxes)]
    return [Shown(view, render(picture, view)) for view in views]


def random_policy() -> Policy:
    """The tiny model of `make train` with random weights: what is read does not depend on them."""
    from pipeline.config import load_as
    from pipeline.training.config import TrainConfig
    from pipeline.training.course import corpus
    from pipeline.training.manner import Manner
    from pipeline.training.tiny import build_model, build_tokenizer

    config = load_as(TrainConfig, None, ["data=lamps"])
    tokenizer = build_tokenizer(corpus(config), SIDE)
    return Policy(build_model(tokenizer, 0), tokenizer, Manner(brief=True))


def _summed(runs: Sequence[Sequence[Finished]]) -> Measured:
    seconds = [sum(one.cost.seconds for one in run) / len(run) for run in runs]
    (last, count) = (runs[-1], len(runs[-1]))
    return Measured(
        seconds=statistics.median(seconds),
        spread=max(seconds) - min(seconds),
        prefilled=sum(one.cost.prefilled_tokens for one in last) / count,
        pictures=sum(one.cost.pictures for one in last) / count,
    )


if __name__ == "__main__":
    main()
