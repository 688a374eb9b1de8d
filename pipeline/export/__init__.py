"""The export stage: traces become a dataset that `datasets`, TRL, LLaMA-Factory and verl open as it is.

The same traces and configuration give the same bytes, in whatever order the shards are written.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

from pipeline.export.card import write_card
from pipeline.export.config import CardFacts, ExportConfig, ExportError, ExportResult, ExportSection, FunnelStage
from pipeline.export.folder import published
from pipeline.export.join import join
from pipeline.export.plan import ShardPlan, make_plan
from pipeline.export.shard import ShardDone, write_shard
from pipeline.records import Traced

__all__ = [
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
    write or a photo has gone, and OSError, such as a full disk; the old dataset is then untouched.
    """
    with published(folder) as fresh:
        plan = make_plan(traced, config, facts, fresh)
        if not plan.shards:
            raise ExportError(
                f"Nothing to export: no trace came this far ({len(plan.rejected)} left out by the export)."
            )
        done = list(map(write_shard, plan.shards))
        if sorted(one.name for one in done) != sorted(shard.name for shard in plan.shards):
            raise RuntimeError("the mapper has to run every job once and give back what each returned")
        join(plan.shards, fresh)
        pictures = sum(1 for _ in (fresh / "images").glob("*/*"))
        write_card(fresh, plan, done, pictures, config, facts)
    return ExportResult(
        rows={split: plan.statistics.rows[split] for split in plan.splits},
        shards=len(done),
        pictures=pictures,
        photos=sum(len(images) for images in plan.statistics.images.values()),
        bytes=sum(one.bytes for one in done),
        dropped=tuple(plan.rejected),
    )
