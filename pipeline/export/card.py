"""The dataset card, and the same facts for machines: written from the template `card.md`."""

import json
import re
from collections import Counter
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from agents.dialects import ZOOM_TOKEN
from pipeline.export.config import CardFacts, ExportConfig
from pipeline.export.plan import Plan
from pipeline.export.shard import ShardDone

PROCESSOR_PIXELS = 12_845_056
"""Qwen2.5-VL's processor shrinks larger pictures unless told otherwise, and boxes would miss."""
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_ABSOLUTE = re.compile(r"^(/|~|[A-Za-z]:[\\/])")


def write_card(
    folder: Path, plan: Plan, done: list[ShardDone], pictures: int, config: ExportConfig, facts: CardFacts
) -> None:
    """Write `README.md` and `export.json`; both hold no time, no machine and no absolute path."""
    template = resources.files(__package__).joinpath("card.md").read_text(encoding="utf-8")
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    settings = config.model_dump(mode="json")
    text = environment.from_string(template).render(
        front=_yaml(_front(plan, done, config)),
        config=config,
        facts=facts,
        statistics=plan.statistics,
        splits=plan.splits,
        dropped=sorted(Counter(one.reason for one in plan.rejected).items()),
        pictures=pictures,
        processor_pixels=PROCESSOR_PIXELS,
        zoom_token=ZOOM_TOKEN,
        settings=_yaml(settings),
        configuration=_yaml(portable(facts.configuration)),
    )
    (folder / "README.md").write_text(text.rstrip() + "\n", encoding="utf-8")
    told = {
        "config": settings,
        "facts": portable(facts.model_dump(mode="json")),
        "rows": dict(plan.statistics.rows),
        "dropped": dict(Counter(one.reason for one in plan.rejected)),
    }
    (folder / "export.json").write_text(json.dumps(told, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def portable(value: Any) -> Any:
    """A configuration with absolute paths cut to their last name: they mean nothing elsewhere."""
    match value:
        case dict():
            return {key: portable(inner) for key, inner in value.items()}
        case list() | tuple():
            return [portable(inner) for inner in value]
        case str() if _ABSOLUTE.match(value):
            return re.split(r"[\\/]", value.rstrip("\\/"))[-1]
        case _:
            return value


def _front(plan: Plan, done: list[ShardDone], config: ExportConfig) -> dict[str, Any]:
    """The YAML head by which the Hub and `datasets` know the dataset."""
    splits = plan.splits
    return {
        "pretty_name": config.title,
        "license": config.licence,
        "language": ["en"],
        "task_categories": ["visual-question-answering", "image-text-to-text"],
        "tags": ["chain-of-focus", "visual-search", "visual-reasoning", "tool-use", "synthetic"],
        "size_categories": [_size(plan.statistics.total)],
        "configs": [
            {
                "config_name": "default",
                "default": True,
                "data_files": [{"split": split, "path": f"data/{split}-*.parquet"} for split in splits],
            },
            {
                "config_name": "rl",
                "data_files": [{"split": split, "path": f"rl/{split}.parquet"} for split in splits],
            },
        ],
        "dataset_info": {
            "config_name": "default",
            "splits": [
                {
                    "name": split,
                    "num_bytes": sum(one.arrow_bytes for one in done if one.name.startswith(split)),
                    "num_examples": plan.statistics.rows[split],
                }
                for split in splits
            ],
            "download_size": sum(one.bytes for one in done),
            "dataset_size": sum(one.arrow_bytes for one in done),
        },
    }


def _size(rows: int) -> str:
    return next((name for limit, name in SIZES if rows < limit), "1M<n<10M")


def _yaml(value: Any) -> str:
    import yaml

    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)).strip()
