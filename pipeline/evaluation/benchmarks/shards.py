"""The validation split of an exported dataset: questions that the training on it never saw, on photos of its own."""

import json
from collections.abc import Sequence
from pathlib import Path

from pipeline.evaluation.benchmarks.options import refuse_unshuffled
from pipeline.evaluation.errors import EvaluationError
from pipeline.evaluation.items import BenchmarkConfig, FilePhoto, Item, benchmark
from pipeline.training.examples import Example
from pipeline.training.manner import Manner
from pipeline.training.shards import ShardPhoto, dataset_folder
from pipeline.training.shards import shards as examples_of


@benchmark("shards")
def shards(config: BenchmarkConfig) -> Sequence[Item]:
    """The questions of `data`, a run's folder or a dataset's, for a policy of any manner: its traces are left out.

    Raises TrainingError where there is no dataset or no validation split, and EvaluationError where the dataset was
    exported without its photos.
    """
    if config.data is None:
        raise EvaluationError("shards needs data: set it to the folder of a run or of its dataset.")
    dataset = dataset_folder(Path(config.data).expanduser())
    items = [_item(example, dataset) for example in examples_of(dataset, "validation", _own(dataset))[: config.count]]
    refuse_unshuffled(config.name, items)
    return items


def _own(dataset: Path) -> Manner:
    """The manner in which the dataset itself was made: its rows are read in no other."""
    told = json.loads((dataset / "export.json").read_text(encoding="utf-8"))["config"]
    return Manner(frame=told["frame"], zoom=told["policy"])


def _item(example: Example, dataset: Path) -> Item:
    """Pictures are cut from the native photo, never taken from the rows: they show what one policy looked at."""
    shown = example.photo
    assert isinstance(shown, ShardPhoto)
    if shown.path is None:
        raise EvaluationError(
            f"The dataset in {dataset} was exported without the photo of {example.id}, and a benchmark looks where it "
            "will: export it again with export.copy_photos=true."
        )
    return Item(example._replace(photo=FilePhoto(shown.path, shown.size), resolution=None, trace=None))
