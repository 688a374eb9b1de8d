"""What each shard holds, decided before a pixel is touched: boxes settled, images split, shards cut."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

from pydantic import BaseModel, ConfigDict

from pipeline.export.config import SPLITS, CardFacts, ExportConfig, Split
from pipeline.export.folder import WORK
from pipeline.export.rows import Item, settled
from pipeline.export.split import held_out
from pipeline.export.statistics import Statistics
from pipeline.records import Rejected, Traced

BYTES_PER_PIXEL = 0.5
"""Of a JPEG, on the safe side: photos at quality 90 take 0.2 to 0.3."""
BYTES_PER_ROW = 8192
"""Of text."""


class ShardPlan(BaseModel):
    """One shard to be written, by any process that sees the dataset folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    split: Split
    index: int
    count: int
    """How many shards the split has."""
    first: int
    """How many rows of the split come before this shard."""
    folder: str
    """The dataset folder being written."""
    config: ExportConfig
    facts: CardFacts

    @property
    def name(self) -> str:
        return f"{self.split}-{self.index:05d}-of-{self.count:05d}"

    def part(self, kind: str) -> Path:
        """A working file of this shard: its items, or its rows of one format."""
        return _part(Path(self.folder), self.split, self.index, kind)

    def items(self) -> Iterator[Item]:
        """The rows-to-be, in order."""
        return read_items(self.part("items"))


class Plan(NamedTuple):
    """All that is decided."""

    shards: list[ShardPlan]
    rejected: list[Rejected]
    statistics: Statistics

    @property
    def splits(self) -> list[Split]:
        """Those that have rows."""
        return [split for split in SPLITS if self.statistics.rows[split]]


class _Cutter:
    """Deals the rows-to-be of one split out to shards; one file is open at a time."""

    def __init__(self, split: Split, folder: Path, limit: int) -> None:
        self.firsts: list[int] = []
        """How many rows come before each shard."""
        self._split, self._folder, self._limit = split, folder, limit
        self._rows = self._bytes = 0
        self._file: IO[str] | None = None

    def add(self, item: Item) -> None:
        size = estimate(item)
        if self._file is None or self._bytes + size > self._limit:
            self._file = self._next()
        self._file.write(item.model_dump_json() + "\n")
        self._bytes += size
        self._rows += 1

    def _next(self) -> IO[str]:
        self.close()
        self._bytes = 0
        self.firsts.append(self._rows)
        return _part(self._folder, self._split, len(self.firsts) - 1, "items").open("w", encoding="utf-8")

    def close(self) -> None:
        if self._file:
            self._file.close()


def make_plan(traced: Iterable[Traced], config: ExportConfig, facts: CardFacts, folder: Path) -> Plan:
    """The shards of a dataset in `folder`; raises ValueError unless traces come sorted by id, each once."""
    everything = folder / WORK / "items.jsonl"
    images, rejected = _settle(traced, config, everything)
    statistics = Statistics()
    cutters = {split: _Cutter(split, folder, config.shard_bytes) for split in SPLITS}
    validation = held_out(images, config.validation_share)
    for item in read_items(everything):
        split: Split = "validation" if item.task.image.id in validation else "train"
        cutters[split].add(item)
        statistics.add(item, split)
    for cutter in cutters.values():
        cutter.close()
    everything.unlink()
    shards = [shard for split in SPLITS for shard in _shards(split, cutters[split].firsts, config, facts, folder)]
    return Plan(shards, rejected, statistics)


def estimate(item: Item) -> int:
    """The size of a row in a shard, in bytes, before its pictures are made."""
    return round(item.pixels * BYTES_PER_PIXEL) + BYTES_PER_ROW


def read_items(path: Path) -> Iterator[Item]:
    """The rows-to-be in a working file, in order."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield Item.model_validate_json(line)


def _settle(traced: Iterable[Traced], config: ExportConfig, to: Path) -> tuple[set[str], list[Rejected]]:
    """Write down every row-to-be; returns the ids of their images, and what is left out."""
    images, rejected, last = set(), [], ""
    with to.open("w", encoding="utf-8") as lines:
        for one in traced:
            if one.id <= last:
                raise ValueError(f"traces come sorted by id, each once: {one.id!r} came after {last!r}")
            last = one.id
            item = settled(one, config)
            if isinstance(item, Rejected):
                rejected.append(item)
            else:
                images.add(item.task.image.id)
                lines.write(item.model_dump_json() + "\n")
    return images, rejected


def _shards(
    split: Split, firsts: list[int], config: ExportConfig, facts: CardFacts, folder: Path
) -> Iterator[ShardPlan]:
    # A shard needs the facts for provenance only; the rest would travel with every job for nothing.
    slim = facts.model_copy(update={"configuration": {}, "funnel": (), "usage": {}})
    for index, first in enumerate(firsts):
        yield ShardPlan(
            split=split,
            index=index,
            count=len(firsts),
            first=first,
            folder=str(folder),
            config=config,
            facts=slim,
        )


def _part(folder: Path, split: Split, index: int, kind: str) -> Path:
    return folder / WORK / f"{split}-{index:05d}.{kind}.jsonl"
