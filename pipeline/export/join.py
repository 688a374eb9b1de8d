"""The formats that are one file per split, joined from the shards' parts: ShareGPT and verl."""

import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from agents.dialects import Dialect
from pipeline.export.config import Split
from pipeline.export.features import rl_schema
from pipeline.export.plan import ShardPlan
from pipeline.export.shard import parquet


def join(shards: list[ShardPlan], folder: Path) -> None:
    """Write `sharegpt/` and `rl/` of a dataset whose shards are done."""
    for name in ("sharegpt", "rl"):
        (folder / name).mkdir()
    index = {}
    for split, group in groupby(shards, key=lambda shard: shard.split):
        parts = list(group)
        _join_rl(parts, folder / "rl" / f"{split}.parquet")
        for dialect in Dialect:
            file = sharegpt_file(dialect, split)
            _join_list([part.part(dialect) for part in parts], folder / "sharegpt" / file)
            index[Path(file).stem] = _index_entry(file)
    text = json.dumps(index, indent=2, sort_keys=True) + "\n"
    (folder / "sharegpt" / "dataset_info.json").write_text(text, encoding="utf-8")


def sharegpt_file(dialect: Dialect, split: Split) -> str:
    """Name of the file of one dialect and split; the training one bears the plain name."""
    return f"cof_sft_{dialect}.json" if split == "train" else f"cof_sft_{dialect}_{split}.json"


def _index_entry(file: str) -> dict[str, Any]:
    """How LLaMA-Factory is told to read a file."""
    return {
        "file_name": file,
        "formatting": "sharegpt",
        "columns": {"messages": "messages", "images": "images"},
        "tags": {
            "role_tag": "role",
            "content_tag": "content",
            "system_tag": "system",
            "user_tag": "user",
            "assistant_tag": "assistant",
        },
    }


def _join_list(parts: list[Path], to: Path) -> None:
    """One JSON list, a row per line; no more than a row is in memory."""
    with to.open("w", encoding="utf-8") as file:
        separator = "[\n"
        for line in _lines(parts):
            file.write(separator + line)
            separator = ",\n"
        file.write("\n]\n")


def _join_rl(shards: list[ShardPlan], to: Path) -> None:
    import pyarrow

    schema = rl_schema()
    with parquet(to, schema) as writer:
        for shard in shards:
            rows = [json.loads(line) for line in _lines([shard.part("rl")])]
            writer.write_table(pyarrow.Table.from_pylist(rows, schema))


def _lines(parts: list[Path]) -> Iterator[str]:
    for part in parts:
        with part.open(encoding="utf-8") as lines:
            for line in lines:
                yield line.rstrip("\n")
