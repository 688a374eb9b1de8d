"""How LLaMA-Factory 0.9.5 and ms-swift 4.6.0 find conversations and pictures, as their sources were read.

Both packages' own readers took an export as it is; neither can be installed beside what is needed here.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

KEYS = {"file_name", "formatting", "columns", "tags"}
"""Of an entry of `dataset_info.json`, those that are used: others would be passed over without a word."""
COLUMNS = {"messages", "images"}
TAGS = {"role_tag", "content_tag", "user_tag", "assistant_tag", "system_tag"}


class Read(NamedTuple):
    """A row as a trainer has it."""

    roles: list[str]
    text: str
    pictures: list[Path]


def llama_factory(settings: dict[str, Any], dataset: str) -> Iterator[Read]:
    """The rows of a dataset named in the YAML; raises AssertionError for what would be skipped or misread."""
    folder = Path(settings["dataset_dir"])
    entry = json.loads((folder / "dataset_info.json").read_text(encoding="utf-8"))[dataset]
    columns, tags = entry["columns"], entry["tags"]
    assert (set(entry), set(columns), set(tags)) == (KEYS, COLUMNS, TAGS)
    assert entry["formatting"] == "sharegpt"
    for row in _rows(folder / entry["file_name"]):
        turns = [(turn[tags["role_tag"]], turn[tags["content_tag"]]) for turn in row[columns["messages"]]]
        if turns[0][0] == tags["system_tag"]:
            turns = turns[1:]
        roles = [role for role, _ in turns]
        assert roles == [tags["user_tag"], tags["assistant_tag"]] * (len(roles) // 2)
        # `media_dir` is `dataset_dir` unless it is set.
        yield Read(roles, "".join(text for _, text in turns), [folder / path for path in row[columns["images"]]])


def ms_swift(dataset: str, root: str) -> Iterator[Read]:
    """The rows of a file given as `--dataset`; `root` is ROOT_IMAGE_DIR."""
    for row in _rows(Path(dataset)):
        roles = [turn["role"] for turn in row["messages"]]
        assert set(roles) <= {"system", "user", "assistant"}
        pictures = [Path(path) if Path(path).exists() else Path(root, path) for path in row["images"]]
        yield Read(roles, "".join(turn["content"] for turn in row["messages"]), pictures)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    import datasets

    yield from datasets.load_dataset(
        "json", data_files=str(path), split="train", cache_dir=str(Path("cache").resolve())
    )
