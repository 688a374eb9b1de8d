"""SFT through TRL's trainer: what is learned, what is dropped, and going on after a stop."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from agents.boxes import Size  # noqa: E402
from pipeline.training.config import OptimizerConfig, SftConfig  # noqa: E402
from pipeline.training.curves import history  # noqa: E402
from pipeline.training.errors import TrainingError  # noqa: E402
from pipeline.training.journal import Journal  # noqa: E402
from pipeline.training.run import fitting  # noqa: E402
from pipeline.training.sft import Collator, fine_tune, last_checkpoint  # noqa: E402
from tests.disk import disk, enlarge  # noqa: E402
from tests.policies import example, manner, policy  # noqa: E402

LESSONS = [example(number, looks=number % 3) for number in range(8)]
HOW = SftConfig(
    steps=6, batch=4, accumulate=1, log_steps=1, save_steps=3, optimizer=OptimizerConfig(lr=3e-3, schedule="constant")
)


def losses(folder: Path) -> list[float]:
    return [row["loss"] for row in history(folder)]


def test_a_batch_of_direct_and_zooming_rows_learns_and_gets_better(tmp_path: Path) -> None:
    fine_tune(policy(), LESSONS, HOW.model_copy(update={"steps": 25}), Journal("test", tmp_path), 0)
    found = losses(tmp_path)
    assert len(found) == 25
    assert found[-1] < 0.6 * found[0]


def test_going_on_after_a_stop_gives_the_same_losses(tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    fine_tune(policy(), LESSONS, HOW, Journal("test", whole), 0)
    with pytest.raises(Stopped):
        fine_tune(policy(), Stopping(LESSONS, 18), HOW, Journal("test", parts), 0)
    assert len(losses(parts)) == 4
    fine_tune(policy(), LESSONS, HOW, Journal("test", parts), 0)
    assert losses(parts) == losses(whole)


class Stopped(Exception):
    """A training run that was stopped."""


class Stopping(list[Any]):
    """Lessons that break off after so many were taken."""

    def __init__(self, lessons: list[Any], after: int) -> None:
        super().__init__(lessons)
        self.left = after

    def __getitem__(self, index: Any) -> Any:
        self.left -= 1
        if self.left < 0:
            raise Stopped
        return super().__getitem__(index)


def test_the_same_seed_gives_the_same_losses(tmp_path: Path) -> None:
    short = HOW.model_copy(update={"steps": 2})
    for name in ("one", "two"):
        fine_tune(policy(), LESSONS, short, Journal("test", tmp_path / name), 7)
    assert losses(tmp_path / "one") == losses(tmp_path / "two")


def test_rows_that_are_too_long_are_dropped_whole() -> None:
    """TRL would cut the final answer off in silence, or stop in the middle of a picture."""
    encoder, how = policy().encoder, manner()
    lengths = sorted(lesson.length(encoder, how) for lesson in LESSONS)
    kept = fitting(LESSONS, encoder, how, lengths[4])
    assert [lesson.length(encoder, how) <= lengths[4] for lesson in LESSONS].count(True) == len(kept) < len(LESSONS)


def test_nothing_to_learn_is_said(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="nothing to train on"):
        fine_tune(policy(), [], HOW, Journal("test", tmp_path), 0)


def test_a_loss_that_is_no_number_stops_with_a_sentence(tmp_path: Path) -> None:
    broken = policy()
    with torch.no_grad():
        broken.model.get_output_embeddings().weight[0] = torch.nan
    with pytest.raises(TrainingError, match="The loss of test became nan at step 1"):
        fine_tune(broken, LESSONS, HOW, Journal("test", tmp_path), 0)


def test_a_torn_checkpoint_is_passed_over(tmp_path: Path) -> None:
    fine_tune(policy(), LESSONS, HOW, Journal("test", tmp_path), 0)
    state = tmp_path / "checkpoint-6" / "trainer_state.json"
    state.write_text(state.read_text()[:100])
    assert last_checkpoint(tmp_path) == tmp_path / "checkpoint-3"
    assert not state.parent.exists()


def test_a_full_disk_ends_with_a_sentence_and_the_last_checkpoint_is_whole(small_disk: Path) -> None:
    whole = HOW.model_copy(update={"save_steps": 1})
    with pytest.raises(TrainingError, match=r"No space is left for .* the last whole checkpoint is kept"):
        fine_tune(policy(), LESSONS, whole, Journal("test", small_disk / "run"), 0)
    checkpoint = last_checkpoint(small_disk / "run")
    assert checkpoint is not None
    enlarge(small_disk, "200m")
    fine_tune(policy(), LESSONS, whole, Journal("test", small_disk / "run"), 0)
    assert len(losses(small_disk / "run")) == HOW.steps


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk with room for one checkpoint and a half."""
    with disk(tmp_path / "disk", "27m") as mounted:
        yield mounted


def test_a_picture_that_is_gone_stops_with_its_name() -> None:
    from agents.photos import PhotoError

    class Gone:
        size = Size(403, 301)

        def picture(self, _view: Any) -> Any:
            raise PhotoError("the file is gone")

    lost = LESSONS[0]._replace(photo=Gone())
    with pytest.raises(PhotoError, match="gone"):
        Collator([lost], policy().encoder, manner())([{"number": 0}])
