"""The experiment on drawn scenes: what zooming, adaptivity and RL bring a model that starts from nothing.

Arms build on one another and share a base that can find and read: `direct` never learns to zoom, `sft` learns
from all traces, `sft-few` from few; from there RL needs answers only, and its control spends the same on more SFT.
`always` learns to zoom whatever it sees: what it reaches stands beside `sft`, which zooms where it must.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.training import lamps
from pipeline.training.config import Lesson, TrainConfig
from pipeline.training.curves import cpu_seconds
from pipeline.training.evaluate import GREEDY, Evaluator, share
from pipeline.training.policy import Policy, load
from pipeline.training.scenes import FOR_RL, HELD_OUT, NUMBERS_PER_SEED, example, exercises, questions, scenes
from pipeline.training.together import how_many, pool_of, together


class Arm(NamedTuple):
    """One model of the experiment: what it starts from, and how it is trained."""

    name: str
    start: str | None
    train: Callable[[TrainConfig, Policy, Path], None]
    evaluate: Callable[[TrainConfig, Policy, str, int], dict[str, Any]] | None = None
    """Makes the row of one resolution."""


def _lessons(name: str, pick: Callable[[TrainConfig], Sequence[Lesson]]) -> Callable[[TrainConfig, Policy, Path], None]:
    """Training on one lesson after the other, each about scenes of its own unless it says `few`."""

    def run(config: TrainConfig, policy: Policy, folder: Path) -> None:
        from pipeline.training.journal import Journal
        from pipeline.training.sft import fine_tune

        first = config.seed * NUMBERS_PER_SEED
        for leg, lesson in enumerate(pick(config), 1):
            count = (lesson.steps or 1) * lesson.batch * lesson.accumulate
            rows = exercises(lesson.rows, first, count, lesson.few, config.manner)
            mine = lesson.model_copy(update={"batch": lesson.batch // how_many()})
            fine_tune(policy, rows, mine, Journal(f"{name} {leg}", folder / f"leg{leg}"), config.seed)
            first += count

    return run


def _rl(config: TrainConfig, policy: Policy, folder: Path) -> None:
    from pipeline.training.journal import Journal
    from pipeline.training.rl import reinforce

    count = config.rl.steps * config.rl.questions
    asked = questions(FOR_RL + config.seed * NUMBERS_PER_SEED, count, config.manner)
    reinforce(policy, asked, config.rl, Journal("sft-few+rl", folder / "leg1"), config.seed)


def _row(config: TrainConfig, policy: Policy, name: str, resolution: int) -> dict[str, Any]:
    examples = scenes(HELD_OUT, config.evaluate.count, resolution, config.manner)
    return Evaluator(config.evaluate, config.seed).row(policy, name, examples)


def _accuracy(config: TrainConfig, policy: Policy, name: str, resolution: int) -> dict[str, Any]:
    """As much of a row as is looked at where a model only stands beside another."""
    examples = scenes(HELD_OUT, config.evaluate.count, resolution, config.manner)
    (greedy,) = Evaluator(config.evaluate, config.seed).rollouts(policy, examples, GREEDY)
    right, _, _ = share(greedy)
    return {"model": name, "resolution": resolution, "accuracy": right}


ARMS = (
    Arm("base", None, _lessons("base", lambda config: config.course.base)),
    Arm("direct", "base", _lessons("direct", lambda config: [config.course.direct]), _row),
    Arm("sft", "base", _lessons("sft", lambda config: [config.course.sft]), _row),
    Arm("sft-few", "base", _lessons("sft-few", lambda config: [config.course.few]), _row),
    Arm("sft-few+rl", "sft-few", _rl, _row),
    Arm("sft-few+sft", "sft-few", _lessons("sft-few+sft", lambda config: [config.course.more]), _row),
    Arm("always", "base", _lessons("always", lambda config: [config.course.always]), _accuracy),
)
"""In the order of the table."""


MODEL, ROWS = "model", "rows.json"
"""In the folder of a finished arm."""
FIRST = ("base", "sft-few", "direct", "sft-few+rl", "sft", "sft-few+sft", "always")
"""In the order of their start: RL takes longest, so what it waits for comes first."""


def run_course(config: TrainConfig) -> list[dict[str, Any]]:
    """Train and evaluate every arm; the rows of the table. Arms that are finished are not done again."""
    made = {arm.name: rows for arm in ARMS if (rows := _rows_of(config, arm.name)) is not None}
    if len(made) == len(ARMS):
        return _table(made)  # No process need start for what is done.
    if "base" not in made:
        together(config.course.workers, _train, config, "base")
    with pool_of(config.course.workers) as pool:
        running: dict[str, Future[list[dict[str, Any]]]] = {}
        for name in FIRST:
            if (start := _arm(name).start) is not None:
                running[start].result()
            running[name] = pool.submit(run_arm, config, name)
        made = {arm.name: running[arm.name].result() for arm in ARMS}
    return _table(made)


def _table(made: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """All rows but those of `always`, whose accuracy stands in the rows of `sft`."""
    always = {row["resolution"]: row["accuracy"] for row in made.pop("always")}
    for row in made["sft"]:
        row["always_zoom_accuracy"] = always[row["resolution"]]
    return [row for rows in made.values() for row in rows]


def _arm(name: str) -> Arm:
    return next(arm for arm in ARMS if arm.name == name)


def run_arm(config: TrainConfig, name: str) -> list[dict[str, Any]]:
    """Train one arm and evaluate it; its rows. Goes on where an earlier start was stopped."""
    if (finished := _rows_of(config, name)) is not None:
        return finished
    _train(config, name)
    arm, folder = _arm(name), config.folder / name
    policy = load(str(folder / MODEL), config.manner)
    spent = sum(cpu_seconds(leg) for leg in folder.glob("leg*"))
    rows = [
        arm.evaluate(config, policy, name, resolution) | {"train_cpu_seconds": spent}
        for resolution in lamps.RESOLUTIONS
        if arm.evaluate
    ]
    (folder / ROWS).write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return rows


def _rows_of(config: TrainConfig, name: str) -> list[dict[str, Any]] | None:
    """The rows of an arm that is finished; None where it is not."""
    path = config.folder / name / ROWS
    if not path.exists():
        return None
    rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return rows


def _train(config: TrainConfig, name: str) -> None:
    """Train an arm, unless its model is there already."""
    arm, folder = _arm(name), config.folder / name
    if (folder / MODEL / "chain_of_focus.json").exists():
        return
    policy = untrained(config) if arm.start is None else load(str(config.folder / arm.start / MODEL), config.manner)
    arm.train(config, policy, folder)
    policy.save(folder / MODEL)


def untrained(config: TrainConfig) -> Policy:
    """The tiny model with random weights, and a tokenizer made from what will be said about the scenes."""
    from pipeline.training.tiny import build_model, build_tokenizer

    tokenizer = build_tokenizer(corpus(config), max(lamps.RESOLUTIONS) + 28)
    return Policy(build_model(tokenizer, config.seed), tokenizer, config.manner)


def corpus(config: TrainConfig, count: int = 100) -> Iterator[str]:
    """Questions, replies and traces about some scenes, as text."""
    for number in range(count):
        scene = lamps.scene(number)
        for resolution in lamps.RESOLUTIONS:
            setting = example(number, resolution, config.manner).setting(config.manner)
            for kind in ("direct", "zoom"):
                for turn in example(number, resolution, config.manner, kind).turns(config.manner):
                    yield f"{turn.role}\n"
                    yield from (part for part in turn.content if part)
            yield from lamps.grounding(scene, setting)
