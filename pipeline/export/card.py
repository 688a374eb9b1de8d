"""The dataset card, and the same facts for machines: written from the template `card.md`."""

import json
import re
from collections import Counter
from functools import reduce
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from agents.dialects import ZOOM_TOKEN
from pipeline.export.config import CardFacts, ExportConfig, FunnelStage
from pipeline.export.front import front
from pipeline.export.plan import Plan
from pipeline.export.shard import ShardDone
from pipeline.journal import Usage

PROCESSOR_PIXELS = 12_845_056
"""Qwen2.5-VL's processor shrinks larger pictures unless told otherwise, and boxes would miss."""
WORDS = 4096
"""Room for the text of a row, in tokens, beside its pictures: for trainers that cut rows."""
_ABSOLUTE = re.compile(r"^(/|~|[A-Za-z]:[\\/])")


def write_card(
    folder: Path, plan: Plan, done: list[ShardDone], pictures: int, config: ExportConfig, facts: CardFacts
) -> None:
    """Write `README.md` and `export.json`; both hold no time, no machine and no absolute path."""
    template = resources.files(__package__).joinpath("card.md").read_text(encoding="utf-8")
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    settings, dropped = config.model_dump(mode="json"), Counter(one.reason for one in plan.rejected)
    text = environment.from_string(template).render(
        front=as_yaml(front(folder, plan, done, config)),
        config=config,
        facts=facts,
        statistics=plan.statistics,
        splits=plan.splits,
        funnel=(*facts.funnel, _exported(plan, dropped)),
        asked=_total(facts.usage),
        pictures=pictures,
        processor_pixels=PROCESSOR_PIXELS,
        words=WORDS,
        zoom_token=ZOOM_TOKEN,
        settings=as_yaml(settings),
        configuration=as_yaml(portable(facts.configuration)),
    )
    (folder / "README.md").write_text(text.rstrip() + "\n", encoding="utf-8")
    told = {
        "config": settings,
        "facts": portable(facts.model_dump(mode="json")),
        "rows": dict(plan.statistics.rows),
        "dropped": dict(dropped),
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


def _exported(plan: Plan, dropped: Counter[str]) -> FunnelStage:
    """The export, as the last stage of the funnel."""
    rows = plan.statistics.total
    return FunnelStage(stage="export", taken=rows + dropped.total(), accepted=rows, rejected=dict(dropped))


def _total(usage: dict[str, Usage]) -> Usage:
    return reduce(Usage.plus, usage.values(), Usage())


def as_yaml(value: Any) -> str:
    """A value as the head of a card or a block of it, keys in their order."""
    import yaml

    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)).strip()
