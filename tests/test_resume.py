"""A run that is stopped, killed, robbed of its workers, or met by a bug, and then started again."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.runs import (
    REQUESTS,
    Ended,
    Oracle,
    Run,
    alive,
    asking,
    called,
    calls_of,
    cof,
    count_of,
    descendants,
    files,
    oracle,
    photos,
    rejects_of,
    screening,
    searching,
    summarizing,
    summary_of,
    until,
)
from tests.scripted import Body, Script, form_of

pytestmark = [pytest.mark.ray, pytest.mark.e2e, pytest.mark.timeout(1800)]


class Battered(NamedTuple):
    """What was seen while one run was stopped in five ways."""

    folder: Path
    teacher: Oracle
    refused: Ended
    """Of a second run on the same folder, meanwhile."""
    stopped: Ended
    """Of the one that got a Ctrl-C."""
    family: set[int]
    """Processes of the runs that were ended from outside."""
    last: Ended


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return photos(tmp_path_factory.mktemp("resume") / "photos")


@pytest.fixture(scope="module")
def undisturbed(images: Path, on_cluster: dict[str, str]) -> Iterator[Path]:
    """A run that nothing happened to."""
    with oracle() as (_, script):
        folder = images.parent / "undisturbed"
        ended = cof(*asking(script.url, folder, images), **on_cluster)
        assert ended.code == 0, ended
        yield folder


def proposing(body: Body) -> bool:
    return form_of(body) == "Proposed"


def at_rest(teacher: Oracle, folder: Path) -> None:
    """Wait until the teacher is silent and all that it said is in the call log."""
    until(teacher.silent.is_set, "the request to stop at")
    until(lambda: count_of(folder) == len(teacher.answered), "the last answers in the call log")


def workers_of(family: set[int]) -> set[int]:
    return set(called(family, "ray::MapWorker"))


@pytest.fixture(scope="module")
def battered(images: Path) -> Iterator[Battered]:
    """One folder: killed in propose, stopped in screen, killed in search, robbed of its workers, killed in export."""
    with oracle() as (teacher, script):
        folder = images.parent / "battered"
        command = asking(script.url, folder, images)
        family: set[int] = set()

        def kill(run: Run) -> None:
            killed = run.kill()
            workers = workers_of(killed)
            until(lambda: not alive(workers), "the end of the workers")
            family.update(killed)

        teacher.stop(proposing, after=1)
        with Run(command) as run:
            at_rest(teacher, folder)
            refused = cof(*command)
            kill(run)
        teacher.go_on()

        teacher.stop(screening, after=2)
        with Run(command) as run:
            at_rest(teacher, folder)
            family |= descendants(run.pid)
            run.interrupt()
            stopped = run.end()
        teacher.go_on()

        teacher.stop(searching, after=1)
        with Run(command) as run:
            at_rest(teacher, folder)
            kill(run)
        teacher.go_on()

        teacher.stop(summarizing, after=1)
        with Run(command) as run:
            at_rest(teacher, folder)
            workers = workers_of(descendants(run.pid))
            for pid in workers:
                os.kill(pid, signal.SIGKILL)
            until(lambda: workers and not alive(workers), "the end of the workers")
            teacher.go_on()
            until((folder / ".dataset.new").exists, "the export")
            kill(run)

        yield Battered(folder, teacher, refused, stopped, family, cof(*command))


def test_it_ends_well_in_the_end(battered: Battered) -> None:
    assert (battered.last.code, battered.last.err) == (0, ""), battered.last


def test_ctrl_c_ends_it_with_a_sentence(battered: Battered) -> None:
    assert battered.stopped.code == 130
    assert battered.stopped.err == "Stopped. Run the same command again to go on where it was.\n"


def test_a_second_run_on_the_same_folder_is_refused(battered: Battered) -> None:
    sentence = f"error: Another run is using {battered.folder}. Wait for it, or choose another out=.\n"
    assert (battered.refused.code, battered.refused.out, battered.refused.err) == (2, "", sentence)


def test_no_process_outlives_a_killed_run(battered: Battered) -> None:
    # Ray's agents look for their server for a minute before they give up.
    until(lambda: not alive(battered.family), "the end of all processes")


@pytest.mark.parametrize("part", ["records", "rejected", "dataset"])
def test_it_makes_what_an_undisturbed_run_makes(part: str, battered: Battered, undisturbed: Path) -> None:
    assert files(battered.folder, part) == files(undisturbed, part)
    assert files(undisturbed, "records")


def test_it_keeps_the_answers_that_an_undisturbed_run_keeps(battered: Battered, undisturbed: Path) -> None:
    ours, theirs = calls_of(battered.folder), calls_of(undisturbed)
    assert ours == theirs
    assert sum(map(len, ours.values())) == REQUESTS


def test_no_answer_is_paid_for_twice(battered: Battered) -> None:
    assert len(battered.teacher.answered) == len(set(battered.teacher.answered)) == REQUESTS


def test_nothing_half_written_is_left(battered: Battered) -> None:
    hidden = [path.name for path in battered.folder.rglob(".*")]
    assert hidden == [".lock"]


class Mended(NamedTuple):
    """A run that met a bug and a photo that was set aside, and what it was after both were mended."""

    folder: Path
    script: Script
    photo: str
    """Name of the photo that met the bug."""
    first: Ended
    failures: dict[str, str]
    asked: int
    """Requests of the first start."""
    forgot: Ended
    last: Ended


@pytest.fixture(scope="module")
def mended(images: Path, on_cluster: dict[str, str]) -> Iterator[Mended]:
    """The first start meets a bug in one record, and a teacher that has nothing to ask about one photo."""
    folder = images.parent / "mended"
    with oracle() as (teacher, script):
        command = asking(script.url, folder, images)
        teacher.dumb_about(1)
        first = cof(*command, module="tests.broken", BROKEN_PHOTO="2.jpg")
        failures = {path.stem: path.read_text() for path in (folder / "failed").rglob("*.json")}
        asked = len(script.asked)
        teacher.dumb_about(None)
        forgot = cof("retry-rejects", "nothing can be asked", "--run", folder)
        yield Mended(folder, script, "2.jpg", first, failures, asked, forgot, cof(*command, **on_cluster))


def test_a_bug_costs_its_own_records_and_the_exit_code(mended: Mended) -> None:
    assert mended.first.code == 1, mended.first
    assert "images 3 · tasks 6 · traces 3" in mended.first.out
    assert "FAILED (bugs; see failed/ in the run folder): {'search': 3}" in mended.first.out


def test_a_bug_leaves_its_traceback(mended: Mended) -> None:
    assert len(mended.failures) == 3
    assert all("ZeroDivisionError: a bug of ours" in text for text in mended.failures.values())


def test_what_met_a_bug_is_tried_again(mended: Mended) -> None:
    assert mended.last.code == 0, mended.last
    assert summary_of(mended.folder)["failed"] == {}
    assert not list((mended.folder / "failed").rglob("*.json"))


def test_a_forgotten_reject_is_asked_again_and_nothing_else_is(mended: Mended) -> None:
    assert mended.forgot.out == "1 records will be tried again by the next synthesize.\n"
    assert rejects_of(mended.folder, "propose") == {}
    # The photo with nothing to ask about had cost 1 request; the bug struck before a search began.
    assert mended.asked == REQUESTS - 29 + 1 - 10
    assert len(mended.script.asked) == REQUESTS + 1


def test_when_all_is_mended_it_is_as_if_nothing_had_been(mended: Mended, undisturbed: Path) -> None:
    parts = ("records", "rejected", "dataset")
    assert files(mended.folder, *parts) == files(undisturbed, *parts)


def test_a_target_is_met_exactly_with_no_more_photos_than_it_takes(tmp_path: Path, on_cluster: dict[str, str]) -> None:
    with oracle() as (_, script):
        ended = cof(*asking(script.url, tmp_path / "run", photos(tmp_path / "photos", 6), "target=3"), **on_cluster)
    assert ended.code == 0, ended
    summary = summary_of(tmp_path / "run")
    assert (summary["images"], summary["traces"]) == (4, 3)
    assert "target of 3 traces reached after 4 photos" in ended.out


if sys.platform != "linux":
    pytest.skip("processes are found through /proc", allow_module_level=True)
