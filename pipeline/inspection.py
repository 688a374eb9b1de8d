"""Reading a run back: its configuration, its records, and forgetting rejects so that they are tried again."""

from pathlib import Path
from typing import Any

from pipeline.config import ConfigError, RunConfig
from pipeline.place import remove
from pipeline.records import Searched, Task, Traced
from pipeline.stages import STAGES
from pipeline.store import Store


def run_config(folder: Path) -> RunConfig:
    """The configuration a run was made with; raises ConfigError if the folder is no run."""
    known = Store(folder).read_json("run.json")
    if known is None:
        raise ConfigError(f"{folder} is not a run folder: it has no run.json.")
    nested: dict[str, Any] = {"out": str(folder)}
    for key, value in known["config"].items():
        *sections, name = key.split(".")
        place = nested
        for section in sections:
            place = place.setdefault(section, {})
        place[name] = value
    return RunConfig.model_validate(nested)


def traces(folder: Path) -> list[Traced]:
    """Every trace of a run, in order of id."""
    outcomes = Store(folder).outcomes("summarize")
    return [Traced.model_validate(record) for _, content in outcomes for record in content["records"]]


def find(folder: Path, identity: str) -> Traced | Searched | Task | None:
    """What a run knows of a task: its trace, else its trajectory, else the task alone."""
    kinds: tuple[tuple[str, type[Traced | Searched | Task]], ...] = (
        ("summarize", Traced), ("search", Searched), ("screen", Task)
    )  # fmt: skip
    store = Store(folder)
    for stage, kind in kinds:
        for record in store.finished(stage, identity) or ():
            return kind.model_validate_json(record)
    return None


def forget_rejects(folder: Path, reasons: list[str]) -> int:
    """Forget the records that were wholly rejected for one of these reasons (or `all`), with their calls."""
    store = Store(folder)
    count = 0
    with store.lock():
        for stage in STAGES:
            for reject in list(store.rejected(stage.name)):
                if reject.reason in reasons or "all" in reasons:
                    store.forget(stage.name, _owner(store, stage.name, reject.id))
                    count += 1
        if count:
            remove(folder / "summary.json")
    return count


def _owner(store: Store, stage: str, identity: str) -> str:
    """The record a reject belongs to: itself, or the image of a rejected suggestion."""
    return identity if store.finished(stage, identity) is not None else identity.partition("-")[0]
