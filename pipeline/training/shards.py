"""Examples from an exported dataset: its structured traces, its pictures, and the native photos beside it."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from agents.boxes import Box, Size
from agents.photos import PhotoCache
from agents.trace import Trace
from agents.views import View, render
from pipeline.training.errors import TrainingError
from pipeline.training.examples import Example, Lazy
from pipeline.training.manner import Manner

_PHOTOS = PhotoCache()


class ShardPhoto:
    """A photo of a dataset: pictures that were exported are taken as they are, others are cut from the native file."""

    def __init__(self, path: Path | None, size: Size, pictures: dict[View, bytes]) -> None:
        self.path, self.size, self._pictures = path, size, pictures

    def picture(self, view: View) -> Image.Image:
        """Raises PhotoError where the native photo is needed and gone."""
        if view in self._pictures:
            return Image.open(io.BytesIO(self._pictures[view])).convert("RGB")
        if self.path is None:
            raise TrainingError("The dataset was exported without its photos (export.copy_photos): RL needs them.")
        return render(_PHOTOS.get(str(self.path)), view)


def shards(folder: Path, split: str, manner: Manner) -> Sequence[Example]:
    """The examples of one split of a dataset. Rows are read from the memory-mapped table when they are asked for.

    Raises TrainingError where there is no dataset, or one made in another manner.
    """
    dataset = dataset_folder(folder)
    _agrees(dataset, manner)
    table = _split(dataset, split)
    return Lazy(len(table), lambda index: _example(table[index], dataset))


def _example(row: dict[str, Any], dataset: Path) -> Example:
    trace = Trace.model_validate_json(row["trace"])
    size = Size(row["width"], row["height"])
    example = Example(
        id=row["id"],
        photo=ShardPhoto(None, size, {}),
        resolution=row["resolution"] or None,
        question=row["question"],
        answer=row["answer"],
        choices=tuple(row["choices"]),
        evidence=tuple(Box(*box) for box in row["evidence"]),
        trace=trace,
    )
    views = [example.posed, *(zoom.view for zoom in trace.zooms)]
    pictures = {view: picture["bytes"] for view, picture in zip(views, row["images"], strict=True)}
    found = sorted((dataset / "photos" / row["image_sha256"][:2]).glob(f"{row['image_sha256']}.*"))
    return example._replace(photo=ShardPhoto(found[0] if found else None, size, pictures))


def dataset_folder(folder: Path) -> Path:
    """The dataset in a run's folder, or the folder itself where it is one. Raises TrainingError."""
    for candidate in (folder / "dataset", folder):
        if (candidate / "export.json").is_file():
            return candidate
    raise TrainingError(f"There is no dataset in {folder}: run `make synthesize` first, or set data= to its folder.")


def _split(folder: Path, split: str) -> Any:
    import datasets

    shards = sorted(str(path) for path in (folder / "data").glob(f"{split}-*.parquet"))
    if not shards:
        raise TrainingError(f"The dataset in {folder} has no {split} shards.")
    table = datasets.Dataset.from_parquet(shards)
    return table.cast_column("images", datasets.List(datasets.Image(decode=False)))


def _agrees(folder: Path, manner: Manner) -> None:
    """Raises TrainingError where the crops of a dataset were cut in another way than the policy will cut them."""
    told = json.loads((folder / "export.json").read_text(encoding="utf-8"))["config"]
    for key, ours, theirs in (
        ("frame", manner.frame.value, told["frame"]),
        ("zoom", manner.zoom.model_dump(mode="json"), told["policy"]),
    ):
        if ours != theirs:
            raise TrainingError(f"The dataset in {folder} was made with {key} {theirs}, and manner.{key} is {ours}.")
