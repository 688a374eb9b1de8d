"""The YAML head of the card, by which the Hub and `datasets` know the dataset without reading a shard."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pipeline.export.config import ExportConfig, Split
from pipeline.export.features import rl_schema, sft_schema
from pipeline.export.plan import Plan
from pipeline.export.shard import ShardDone

if TYPE_CHECKING:
    import pyarrow
    from datasets import DatasetInfo

SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
ROWS_READ = 1_000
"""RL rows in memory at a time; some 3 kB each."""


class Part(NamedTuple):
    """One split of one configuration."""

    split: Split
    rows: int
    in_memory: int
    on_disk: int
    """Both in bytes."""


def front(folder: Path, plan: Plan, done: list[ShardDone], config: ExportConfig) -> dict[str, Any]:
    """The head of a dataset; `folder` holds its RL rows, and the shards have told of themselves."""
    return {
        "pretty_name": config.title,
        "license": config.licence,
        "language": ["en"],
        "annotations_creators": ["machine-generated"],
        "task_categories": ["visual-question-answering", "image-text-to-text"],
        "tags": ["chain-of-focus", "visual-search", "visual-reasoning", "tool-use", "synthetic"],
        "size_categories": [_size(plan.statistics.total)],
        "configs": [
            {
                "config_name": "default",
                "default": True,
                "data_files": [{"split": split, "path": f"data/{split}-*.parquet"} for split in plan.splits],
            },
            {
                "config_name": "rl",
                "data_files": [{"split": split, "path": f"rl/{split}.parquet"} for split in plan.splits],
            },
        ],
        "dataset_info": _described(
            {"default": (sft_schema(), _sft(plan, done)), "rl": (rl_schema(), _rl(folder, plan))}
        ),
    }


def _sft(plan: Plan, done: list[ShardDone]) -> list[Part]:
    """By what the writers of the shards told."""
    parts = []
    for split in plan.splits:
        own = [one for one in done if one.name.startswith(split)]
        in_memory, on_disk = sum(one.arrow_bytes for one in own), sum(one.bytes for one in own)
        parts.append(Part(split, plan.statistics.rows[split], in_memory, on_disk))
    return parts


def _rl(folder: Path, plan: Plan) -> list[Part]:
    """By the files themselves: they hold text alone."""
    from pyarrow.parquet import ParquetFile

    parts = []
    for split in plan.splits:
        path = folder / "rl" / f"{split}.parquet"
        with ParquetFile(path) as file:
            in_memory = sum(batch.nbytes for batch in file.iter_batches(ROWS_READ))
            parts.append(Part(split, file.metadata.num_rows, in_memory, path.stat().st_size))
    return parts


def _described(configs: "dict[str, tuple[pyarrow.Schema, list[Part]]]") -> Any:
    """Features and sizes of each configuration, as `datasets` itself writes them."""
    from datasets.info import DatasetInfosDict
    from huggingface_hub import DatasetCardData

    data = DatasetCardData()
    infos = {name: _info(schema, parts) for name, (schema, parts) in configs.items()}
    DatasetInfosDict(infos).to_dataset_card_data(data)
    return data["dataset_info"]


def _info(schema: "pyarrow.Schema", parts: list[Part]) -> "DatasetInfo":
    from datasets import DatasetInfo, Features, SplitInfo
    from datasets.splits import SplitDict

    return DatasetInfo(
        features=Features.from_arrow_schema(schema),
        splits=SplitDict({part.split: SplitInfo(part.split, part.in_memory, part.rows) for part in parts}),
        download_size=sum(part.on_disk for part in parts),
        dataset_size=sum(part.in_memory for part in parts),
    )


def _size(rows: int) -> str:
    return next((name for limit, name in SIZES if rows < limit), "1M<n<10M")
