"""A training run: SFT, then RL, then the table. What `make train` does."""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pipeline.training.config import TrainConfig, fixed
from pipeline.training.curves import draw_curves
from pipeline.training.encode import Encoder
from pipeline.training.errors import TrainingError
from pipeline.training.evaluate import Evaluator, as_table
from pipeline.training.examples import Example
from pipeline.training.manner import Manner
from pipeline.training.policy import Policy, load, with_adapter
from pipeline.training.together import is_first

Say = Callable[[str], None]


def train(config: TrainConfig, say: Say = print) -> list[dict[str, Any]]:
    """Train what is missing of a run and evaluate it; the rows of the table, also in `results.json`.

    Raises ConfigError, TrainingError, EncodingError or PolicyError for the operator.
    """
    # The trainers would report each run to their makers; a run needs no network.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from pipeline.training.guards import guard

    guard(config)
    _remember(config)
    say(f"training in {config.folder}")
    if config.data == "lamps":
        from pipeline.training.course import run_course

        rows = run_course(config)
    else:
        rows = _on_shards(config, say)
    if not is_first():
        return rows
    (config.folder / "results.json").write_text(json.dumps({"rows": rows}, indent=2) + "\n", encoding="utf-8")
    draw_curves(config.folder)
    say("\n" + as_table(rows))
    say(f"\nresults: {config.folder / 'results.json'} · curves: {config.folder / 'curves.png'}")
    return rows


def _on_shards(config: TrainConfig, say: Say) -> list[dict[str, Any]]:
    """SFT on the traces of a dataset, RL on its questions, and the table of its validation split."""
    from pipeline.training.journal import Journal
    from pipeline.training.rl import reinforce
    from pipeline.training.sft import fine_tune, quiet
    from pipeline.training.shards import shards

    quiet()

    folder, data = config.folder, Path(config.data)
    train_rows, held_out_rows = (shards(data, split, config.manner) for split in ("train", "validation"))
    policy = _policy(config, train_rows)
    lessons = fitting(train_rows, policy.encoder, config.manner, config.sft.max_tokens, say)
    held_out = fitting(held_out_rows, policy.encoder, config.manner, config.sft.max_tokens, say)
    fine_tune(policy, lessons, config.sft, Journal("sft", folder / "sft", say), config.seed)
    policy.save(folder / "sft" / "model")
    rows = _rows(config, policy, "sft", held_out)
    if config.rl.enabled:
        reinforce(policy, lessons, config.rl, Journal("rl", folder / "rl", say), config.seed)
        policy.save(folder / "rl" / "model")
        rows += _rows(config, policy, "sft+rl", held_out)
    return rows


def fitting(rows: Sequence[Example], encoder: Encoder, manner: Manner, most: int, say: Say = print) -> list[Example]:
    """The examples whose conversation is no longer than `most` tokens; the others are dropped whole, never cut."""
    kept = [row for row in rows if row.length(encoder, manner) <= most]
    if len(kept) < len(rows):
        say(f"{len(rows) - len(kept)} of {len(rows)} rows are longer than {most} tokens and are dropped")
    return kept


def _policy(config: TrainConfig, lessons: Sequence[Example]) -> Policy:
    model = config.model
    policy = (
        untrained(config, lessons)
        if model.name == "tiny"
        else load(model.name, config.manner, model.adapter, **model.how)
    )
    policy.checkpointing, policy.report_to = model.gradient_checkpointing, config.report_to
    if model.adapter is not None:
        with_adapter(policy, model.adapter, config.seed)
    return policy


def untrained(config: TrainConfig, lessons: Sequence[Example]) -> Policy:
    """The tiny model with random weights, and a tokenizer made from the dataset."""
    from pipeline.training.tiny import build_model, build_tokenizer

    said = [part for lesson in lessons for turn in lesson.turns(config.manner) for part in turn.content if part]
    largest = max(max(lesson.posed.size) for lesson in lessons)
    tokenizer = build_tokenizer(said, largest)
    return Policy(build_model(tokenizer, config.seed), tokenizer, config.manner)


def _rows(config: TrainConfig, policy: Policy, name: str, examples: Sequence[Example]) -> list[dict[str, Any]]:
    """A row for each resolution that the examples are posed at."""
    evaluator = Evaluator(config.evaluate, config.seed)
    by_resolution: dict[int | None, list[Example]] = {}
    for example in examples:
        by_resolution.setdefault(example.resolution, []).append(example)
    ordered = sorted(by_resolution, key=lambda resolution: resolution or 1 << 30)
    return [evaluator.row(policy, name, by_resolution[resolution][: config.evaluate.count]) for resolution in ordered]


def _remember(config: TrainConfig) -> None:
    """Keep the configuration with the run; raises TrainingError if the folder was made with another."""
    path = config.folder / "train.json"
    now = fixed(config)
    if not path.exists():
        if is_first():
            config.folder.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(now, indent=2) + "\n", encoding="utf-8")
        return
    known = json.loads(path.read_text(encoding="utf-8"))
    changed = [key for key in now if known.get(key) != now[key]]
    if changed:
        raise TrainingError(
            f"{config.folder} was trained with another {changed[0]}. Choose another out=, or remove the folder."
        )
