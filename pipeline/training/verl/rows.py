"""The RL rows of a dataset as verl opens them on every node: the same rows with absolute paths."""

from pathlib import Path
from typing import Any

from agents.dialects import ZOOM_TOOL
from pipeline.training.errors import TrainingError
from pipeline.training.shards import dataset_folder


def write_rows(run: Path, target: Path) -> dict[str, Path]:
    """Write each split of a run's RL rows below `target`; the file of each split.

    Raises TrainingError where the dataset has no such rows or no photos to cut crops from.
    """
    import datasets

    dataset = dataset_folder(run).resolve()
    files = sorted((dataset / "rl").glob("*.parquet"))
    if not files or not (dataset / "photos").is_dir():
        raise TrainingError(f"The dataset in {dataset} has no RL rows with photos: export it with export.copy_photos.")
    target.mkdir(parents=True, exist_ok=True)
    for file in files:
        table = datasets.Dataset.from_parquet(str(file)).map(lambda row: absolute(row, dataset))
        table.to_parquet(str(target / file.name))
    return {file.stem: target / file.name for file in files}


def absolute(row: dict[str, Any], dataset: Path) -> dict[str, Any]:
    """A row whose paths mean the same wherever it is read."""
    create = row["extra_info"]["tools_kwargs"][ZOOM_TOOL]["create_kwargs"]
    create["image_path"] = row["extra_info"]["image_path"] = str(dataset / create["image_path"])
    create["photo_width"], create["photo_height"] = row["extra_info"]["width"], row["extra_info"]["height"]
    row["images"] = [{"image": str(dataset / image["image"])} for image in row["images"]]
    return row
