"""The card of a trained model, with the table of its evaluation: written from the template `model_card.md`."""

import json
import re
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from pipeline.export.card import as_yaml, portable
from pipeline.training.evaluate import as_table
from pipeline.training.manner import Manner
from pipeline.training.policy import base_of

FORM = "[More Information Needed]"
"""What PEFT's own card, written whenever an adapter is saved, says of everything."""


def is_form(card: Path) -> bool:
    """Whether a card is one that was left to be filled in."""
    return FORM in card.read_text(encoding="utf-8", errors="replace")


def card_of(folder: Path, manner: Manner, repo: str) -> str:
    """The card of the model in a folder; the same for the same files, with no time, machine or absolute path."""
    template = resources.files(__package__).joinpath("model_card.md").read_text(encoding="utf-8")
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    run = _run_of(folder)
    told, rows = _read(run / "train.json"), _read(run / "results.json").get("rows", [])
    adapter = base_of(folder)
    base = published(adapter or told.get("model", {}).get("name", ""))
    text = environment.from_string(template).render(
        front=as_yaml(_front(adapter is not None, base)),
        name=repo.rpartition("/")[2],
        repo=repo,
        adapter=adapter is not None,
        base=base,
        manner=manner,
        table=as_table(rows) if rows else "",
        row=_row_of(folder, [row["model"] for row in rows]),
        training=as_yaml(portable(told)) if told else "",
    )
    return text.rstrip() + "\n"


def published(base: str) -> str:
    """The name of a base model that others can get from the Hub; empty for a folder of this machine."""
    return base if re.fullmatch(r"[\w.-]+/[\w.-]+", base) and not Path(base).exists() else ""


def _front(adapter: bool, base: str) -> dict[str, Any]:
    """The YAML head by which the Hub knows the model."""
    return {
        "license": "other",
        "language": ["en"],
        "library_name": "peft" if adapter else "transformers",
        "pipeline_tag": "image-text-to-text",
        **({"base_model": base} if base else {}),
        "tags": ["chain-of-focus", "visual-search", "visual-reasoning", *(["lora"] if adapter else [])],
    }


def _run_of(folder: Path) -> Path:
    """The training run that a model lies in, one or two levels up; its own folder where there is none."""
    return next((run for run in folder.resolve().parents[:2] if (run / "train.json").is_file()), folder)


def _row_of(folder: Path, names: Sequence[str]) -> str:
    """The row of the table that speaks of a model: `rl/model` is the model `sft+rl`; empty where none does."""
    leg = folder.resolve().parent.name
    return next((name for name in names if f"+{name}".endswith(f"+{leg}")), "")


def _read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}
