"""The export stage: traces become a dataset that `datasets`, TRL, LLaMA-Factory and verl open as it is.

The same traces and configuration give the same bytes, in whatever order the shards are written.
"""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from pipeline.export import remote
from pipeline.export.card import write_card
from pipeline.export.config import (
    Audit,
    CardFacts,
    ExportConfig,
    ExportError,
    ExportResult,
    ExportSection,
    FunnelStage,
)
from pipeline.export.folder import published
from pipeline.export.join import join
from pipeline.export.plan import ShardPlan, make_plan
from pipeline.export.shard import ShardDone, write_shard
from pipeline.place import files_below, is_here
from pipeline.records import Traced

__all__ = [
    "Audit",
    "CardFacts",
    "ExportConfig",
    "ExportError",
    "ExportResult",
    "ExportSection",
    "FunnelStage",
    "Mapper",
    "ShardDone",
    "ShardPlan",
    "export",
]

Mapper = Callable[[Callable[[ShardPlan], ShardDone], list[ShardPlan]], Iterable[ShardDone]]
"""How the shard-writing jobs are run; the order does not matter."""


def one_by_one(job: Callable[[ShardPlan], ShardDone], plans: list[ShardPlan]) -> Iterable[ShardDone]:
    """The mapper without a cluster: one job after the other, here."""
    return map(job, plans)


def export(
    traced: Iterable[Traced],
    config: ExportConfig,
    folder: Path,
    facts: CardFacts,
    map: Mapper = one_by_one,
) -> ExportResult:
    """Write traces, which come sorted by id and are read once, as the dataset `folder`.

    `folder` is replaced as a whole when everything is written. Raises ExportError if there is no row to
    write or a photo has gone, and OSError, such as a full disk; the old dataset is then untouched. Behind a URI,
    where nothing can be renamed, the old one goes first, and the card comes last.
    """
    with published(folder) if is_here(folder) else remote.published(folder) as fresh:
        plan = make_plan(traced, config, facts, fresh)
        if not plan.shards:
            raise ExportError(
                f"Nothing to export: no trace came this far ({len(plan.rejected)} left out by the export)."
            )
        done = _written(plan.shards, fresh, folder, map)
        join(plan.shards, fresh)
        pictures = sum(1 for _ in files_below((fresh if is_here(folder) else folder) / "images", ".jpg"))
        write_card(fresh, plan, done, pictures, config, facts)
    return ExportResult(
        rows={split: plan.statistics.rows[split] for split in plan.splits},
        shards=len(done),
        pictures=pictures,
        photos=plan.statistics.photos,
        bytes=sum(one.bytes for one in done),
        dropped=tuple(plan.rejected),
    )


def _written(plans: list[ShardPlan], fresh: Path, folder: Path, map: Mapper) -> list[ShardDone]:
    """Have every shard written, and what they leave to be joined brought to the folder `fresh`."""
    if is_here(folder):
        done = list(map(write_shard, plans))
    else:
        remote.send_items(plans, fresh, folder)
        done = list(map(partial(remote.write_there, write_shard, folder), plans))
        remote.fetch_texts(plans, folder)
    if sorted(one.name for one in done) != sorted(plan.name for plan in plans):
        raise RuntimeError("the mapper has to run every job once and give back what each returned")
    return done
