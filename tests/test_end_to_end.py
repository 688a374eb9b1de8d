"""From drawn scenes to a dataset with the local teacher, as `make synthesize` does it, and what comes after."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.runs import Ended, Run, alive, called, cof, count_of, descendants, files, summary_of, until

pytestmark = [pytest.mark.ray, pytest.mark.e2e, pytest.mark.timeout(1800)]

KEYS = {"images", "tasks", "traces", "rejects", "zooms", "audit", "teacher_calls", "seconds"}
SMALL = ["sample.count=2", "propose.tasks_per_image=3", "screen.evidence_margins=[0.3]"]
"""Two scenes and as few requests as will do."""
SPREAD = ["propose.resolutions={'336': 1, 'native': 1}"]
"""So that some questions need a closer look and others do not."""


class Made(NamedTuple):
    folder: Path
    ended: Ended

    @property
    def command(self) -> list[str]:
        return ["synthesize", f"out={self.folder}", *SMALL, *SPREAD]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A finished run."""
    folder = tmp_path_factory.mktemp("drawn") / "run"
    return Made(folder, cof(*Made(folder, None).command))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def rows(made: Made) -> list[dict[str, Any]]:
    """The dataset, opened as its users will."""
    import datasets

    with pytest.MonkeyPatch.context() as environment:
        environment.setattr(datasets.config, "HF_HUB_OFFLINE", True)
        opened = datasets.load_dataset(str(made.folder / "dataset"), cache_dir=str(made.folder.parent / "cache"))
    return [row for split in opened.values() for row in split]


def test_it_ends_well(made: Made) -> None:
    assert made.ended.code == 0, made.ended


def test_it_says_nothing_but_what_it_does(made: Made) -> None:
    """No line of Ray, of the OCR or of any library reaches the terminal."""
    ours = ("drawing 2 sample scenes", "2 photos, run folder", "export")
    progress, _, summary = made.ended.out.partition("\nimages 2 · ")
    assert all(line.startswith(ours) or " · sample " in line for line in progress.splitlines() if line), made.ended
    assert summary.endswith(f"dataset: {made.folder}/dataset\n")
    assert made.ended.err == ""


def test_the_summary_has_the_numbers_that_were_promised(made: Made) -> None:
    summary = summary_of(made.folder)
    assert summary.keys() >= KEYS
    assert (summary["images"], summary["failed"]) == (2, {})
    assert 2 <= summary["traces"] <= summary["tasks"] <= 6
    assert summary["teacher_calls"] == count_of(made.folder)
    assert summary["seconds"].keys() == {"sample", "propose", "screen", "search", "summarize"}


def test_what_was_made_agrees_with_what_was_drawn(made: Made) -> None:
    audit = summary_of(made.folder)["audit"]
    assert audit["n"] == summary_of(made.folder)["traces"]
    assert audit["answers_right"] >= 0.75
    assert audit["evidence_in_last_crop"] >= 0.75


def test_some_traces_look_closer_and_some_do_not(made: Made) -> None:
    zooms = summary_of(made.folder)["zooms"]
    assert zooms.get("0", 0) > 0
    assert sum(zooms.values()) > zooms["0"]


def test_the_dataset_opens_offline(made: Made, rows: list[dict[str, Any]]) -> None:
    assert len(rows) == summary_of(made.folder)["traces"]


def test_the_questions_about_one_image_differ(made: Made) -> None:
    asked: Counter[tuple[str, str]] = Counter()
    for path in (made.folder / "records" / "propose").rglob("*.json"):
        for task in json.loads(path.read_text())["records"]:
            asked[task["image"]["id"], task["question"]] += 1
    assert len(asked) >= 4
    assert max(asked.values()) == 1


def state(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of the last change of everything in a folder but its lock."""
    paths = [path for path in folder.rglob("*") if path.name != ".lock"]
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in paths}


def test_running_a_finished_run_again_does_nothing(made: Made) -> None:
    before = files(made.folder), state(made.folder)
    again = cof(*made.command)
    assert again.code == 0, again
    assert (files(made.folder), state(made.folder)) == before
    assert again.seconds < 20
    assert again.out == made.ended.out[made.ended.out.index("\nimages 2") :]


def test_a_replay_makes_the_same_dataset_with_no_teacher(
    made: Made, tmp_path: Path, on_cluster: dict[str, str]
) -> None:
    replay = cof("replay", made.folder, tmp_path / "again", **on_cluster)
    assert (replay.code, replay.err) == (0, ""), replay
    assert files(tmp_path / "again", "dataset") == files(made.folder, "dataset")
    assert not (tmp_path / "again" / "calls").exists()
    assert summary_of(tmp_path / "again")["teacher_calls"] == count_of(made.folder)


def test_a_folder_made_with_other_numbers_is_refused(made: Made) -> None:
    refused = cof(*made.command, "zoom.margin=0.5")
    assert (refused.code, refused.out) == (2, "")
    assert "was made with another config: zoom.margin was 0.25, is now 0.5." in refused.err
    assert refused.err.count("\n") == 1


@pytest.fixture
def started(made: Made, tmp_path: Path) -> Iterator[tuple[Run, set[int]]]:
    """A run on the same scenes, stopped in its tracks by the test, and the processes that belong to it."""
    scenes = made.folder.parent / "drawn-0-2"
    command = ["synthesize", f"out={tmp_path / 'run'}", f"sample.images={scenes}", *SMALL]
    with Run(command) as run:
        until((tmp_path / "run" / "calls").exists, "the first answer")
        family = descendants(run.pid)
        assert teachers(family)
        yield run, family


def teachers(family: set[int]) -> list[int]:
    return [pid for pid in family if b"\0teacher\0" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def test_the_local_teacher_ends_with_a_killed_run(started: tuple[Run, set[int]]) -> None:
    run, family = started
    watched = {*teachers(family), *called(family, "ray::MapWorker")}
    run.kill()
    until(lambda: not alive(watched), "the end of the teacher and the workers")


def test_ctrl_c_ends_run_and_local_teacher_with_one_sentence(started: tuple[Run, set[int]]) -> None:
    run, family = started
    run.interrupt()
    ended = run.end()
    assert (ended.code, ended.err) == (130, "Stopped. Run the same command again to go on where it was.\n"), ended
    until(lambda: not alive(family), "the end of all processes")
