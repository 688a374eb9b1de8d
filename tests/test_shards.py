"""Training examples from an exported dataset."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from agents.boxes import BoxFrame
from agents.dialects import Dialect
from agents.views import ZoomPolicy
from pipeline.export import export
from pipeline.training.errors import TrainingError
from pipeline.training.manner import Manner
from pipeline.training.shards import shards
from tests.finished import FACTS, Finished

HOW = Manner()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return Finished(tmp_path_factory.mktemp("run"))


def exported(run: Finished, folder: Path, **values: Any) -> Path:
    config = run.config.exporting.model_copy(update=values)
    export(sorted((run.zooming, run.direct), key=lambda one: one.id), config, folder, FACTS)
    return folder


def test_a_run_and_its_dataset_are_both_taken(run: Finished) -> None:
    assert [one.id for one in shards(run.folder, "train", HOW)] == [one.id for one in shards(run.dataset, "train", HOW)]


def test_an_example_has_the_trace_that_was_made(run: Finished, tmp_path: Path) -> None:
    whole = {one.id: one for one in shards(exported(run, tmp_path / "d", validation_share=0.0), "train", HOW)}
    zooming = whole[run.zooming.id]
    assert zooming.trace is not None
    assert zooming.trace.answer == "MARKET"
    assert len(zooming.trace.zooms) == 1
    assert zooming.evidence == run.zooming.task.evidence


def test_exported_pictures_are_taken_and_others_are_cut_from_the_photo(run: Finished, tmp_path: Path) -> None:
    whole = shards(exported(run, tmp_path / "d", validation_share=0.0), "train", HOW)
    (zooming,) = [one for one in whole if one.trace and one.trace.zooms]
    assert zooming.trace is not None
    for view in (zooming.posed, zooming.trace.zooms[0].view):
        assert zooming.photo.picture(view).size == view.size
    other = zooming.setting(HOW).zoom(zooming.evidence[0]).view
    assert zooming.photo.picture(other).size == other.size


@pytest.mark.parametrize("dialect", list(Dialect))
def test_either_dialect_is_made_from_the_same_shards(dialect: Dialect, run: Finished, tmp_path: Path) -> None:
    folder = exported(run, tmp_path / "d", validation_share=0.0)
    assert all(one.turns(Manner(dialect=dialect)) for one in shards(folder, "train", Manner(dialect=dialect)))


def test_a_dataset_without_photos_says_so_when_they_are_needed(run: Finished, tmp_path: Path) -> None:
    whole = shards(exported(run, tmp_path / "d", validation_share=0.0, copy_photos=False), "train", HOW)
    setting = whole[0].setting(HOW)
    with pytest.raises(TrainingError, match="without its photos"):
        whole[0].photo.picture(setting.zoom(whole[0].evidence[0].shift(3, 3)).view)


@pytest.mark.parametrize(
    ("how", "key"),
    [(Manner(frame=BoxFrame.RELATIVE), "frame"), (Manner(zoom=ZoomPolicy(margin=0.9)), "zoom")],
)
def test_a_dataset_made_in_another_manner_is_refused(how: Manner, key: str, run: Finished) -> None:
    with pytest.raises(TrainingError, match=f"was made with {key} "):
        shards(run.folder, "train", how)


def test_a_folder_without_a_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="There is no dataset in"):
        shards(tmp_path, "train", HOW)


def test_missing_shards_are_named(run: Finished, tmp_path: Path) -> None:
    folder = exported(run, tmp_path / "d", validation_share=0.0)
    with pytest.raises(TrainingError, match="has no validation shards"):
        shards(folder, "validation", HOW)


def test_the_tiny_model_trains_on_shards_by_the_same_command(run: Finished, tmp_path: Path) -> None:
    """SFT, RL and the table, on a dataset of two rows."""
    from pipeline.config import load_as
    from pipeline.training.config import TrainConfig
    from pipeline.training.run import train

    folder = exported(run, tmp_path / "d", validation_share=0.5)
    short = [
        "sft={steps: 2, batch: 1, accumulate: 1, max_tokens: 4000, log_steps: 1}",
        "rl={steps: 1, questions: 1, rollouts: 2, batch: 2, max_tokens: 12}",
        "evaluate={max_tokens: 12}",
        "model.device=cpu",
    ]
    config = load_as(TrainConfig, None, [f"data={folder}", f"out={tmp_path / 'out'}", *short])
    said: list[str] = []
    rows = train(config, said.append)
    assert [row["model"] for row in rows] == ["sft", "sft+rl"]
    assert (tmp_path / "out" / "results.json").is_file()
    assert any(line.startswith("sft ") and "step 2/2" in line for line in said)
