"""Runs on a cluster whose nodes share nothing but an S3 store: what they lose on the way makes no difference."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from pipeline.place import contents, place_of, upload
from pipeline.store import Store
from pipeline.verify import verify_run
from tests.nodes import Nodes, running_nodes
from tests.runs import (
    REQUESTS,
    Ended,
    Oracle,
    Run,
    alive,
    asking,
    cof,
    keys_of,
    oracle,
    photos,
    screening,
    searching,
    summarizing,
    until,
)
from tests.s3 import Bucket, bucket

pytestmark = [pytest.mark.ray, pytest.mark.e2e, pytest.mark.timeout(1800)]


class Place(NamedTuple):
    """A bucket with photos in it, a cluster, and a teacher that all its nodes reach."""

    bucket: Bucket
    nodes: Nodes
    teacher: Oracle
    url: str
    cwd: Path
    """Where the driver works: none of the nodes does."""

    def command(self, name: str) -> list[str]:
        """Arguments of a run whose folder has this name in the bucket; no worker takes all photos for itself.

        A request may be kept waiting, and then refused, at every stop of the teacher.
        """
        more = ("runtime.workers=3", "runtime.photos=1", "teacher.tries=9")
        return asking(self.url, self.bucket.address(name), self.bucket.address("photos"), *more)

    def run(self, name: str) -> Run:
        return Run(self.command(name), cwd=self.cwd, **self.nodes.environment)

    def at_rest(self, name: str, paid: int) -> None:
        """Wait until the teacher is silent, and all that it said, since it had said `paid`, is in the call log."""
        until(self.teacher.silent.is_set, "the request to stop at")
        until(lambda: len(self.keys(name)) == len(self.teacher.answered) - paid, "the last answers in the call log")

    def keys(self, name: str) -> list[str]:
        """Of every request in the call log of a run."""
        return keys_of(Store(place_of(self.bucket.address(name))))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    root = tmp_path_factory.mktemp("cluster")
    here, there = root / "driver", root / "nodes"
    here.mkdir()
    there.mkdir()
    with bucket() as store, oracle() as (teacher, script), running_nodes(3, there) as nodes:
        images = photos(root / "photos")
        upload(images, place_of(store.address("photos")), sorted(images.iterdir()))
        yield Place(store, nodes, teacher, script.url, here)


@pytest.fixture(scope="module")
def undisturbed(place: Place) -> Ended:
    """A run that nothing happened to."""
    with place.run("undisturbed") as run:
        return run.end()


class Robbed(NamedTuple):
    """What was seen of a run that lost things on its way."""

    ended: Ended
    paid: int
    """Requests that the teacher answered."""
    spread: int
    """Nodes that had workers of it."""
    gates: int
    """Gates that died."""


def killed(pids: set[int]) -> int:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    until(lambda: not alive(pids), "the end of the processes")
    return len(pids)


@pytest.fixture(scope="module")
def robbed(place: Place, undisturbed: Ended) -> Robbed:
    """Robbed of its workers on one node in screen, of its gate in search, and of a whole node in summarize."""
    assert undisturbed.code == 0, undisturbed
    teacher, before = place.teacher, len(place.teacher.answered)
    teacher.stop(screening, after=2)
    with place.run("robbed") as run:
        until(lambda: all(place.nodes.processes("ray::MapWorker")), "a worker on every node")
        place.at_rest("robbed", before)
        workers = place.nodes.processes("ray::MapWorker")
        killed(next(filter(None, workers)))

        teacher.go_on()
        teacher.stop(searching, after=1)
        place.at_rest("robbed", before)
        gates = killed(set().union(*place.nodes.processes("ray::Gatekeeper")))

        teacher.go_on()
        teacher.stop(summarizing, after=1)
        place.at_rest("robbed", before)
        place.nodes.lose()
        teacher.go_on()
        ended = run.end()
    place.nodes.add()
    return Robbed(ended, len(teacher.answered) - before, sum(map(bool, workers)), gates)


def test_a_run_on_s3_ends_well(undisturbed: Ended) -> None:
    assert (undisturbed.code, undisturbed.err) == (0, ""), undisturbed


def test_it_makes_what_a_run_on_a_disk_makes(place: Place, undisturbed: Ended, tmp_path: Path) -> None:
    assert undisturbed.code == 0
    command = asking(place.url, tmp_path / "run", place.bucket.address("photos"))
    assert cof(*command, **place.nodes.environment).code == 0
    assert kept(str(tmp_path / "run")) == kept(place.bucket.address("undisturbed"))


def kept(address: str) -> dict[str, bytes]:
    """Records, rejects and the dataset of a run, by name."""
    folder = place_of(address)
    found = [path for part in ("records", "rejected", "dataset") for path in (folder / part).rglob("*.*")]
    return {str(path).removeprefix(str(folder)): data for path, data in contents(found)}


def test_a_run_on_s3_is_verified_like_any_other(place: Place, undisturbed: Ended) -> None:
    assert undisturbed.code == 0
    report = verify_run(place_of(place.bucket.address("undisturbed")))
    assert report.faults == []
    assert (report.checked["traces"], report.checked["rows"]) == (9, 9)


def test_all_nodes_take_part(robbed: Robbed) -> None:
    assert robbed.spread == 3


def test_a_run_that_lost_workers_a_gate_and_a_node_ends_well(robbed: Robbed) -> None:
    assert (robbed.ended.code, robbed.ended.err, robbed.gates) == (0, "", 1), robbed.ended


def test_what_was_lost_makes_no_difference(place: Place, robbed: Robbed) -> None:
    assert robbed.ended.code == 0
    assert kept(place.bucket.address("robbed")) == kept(place.bucket.address("undisturbed"))


def test_no_answer_is_paid_for_twice_after_a_loss(place: Place, robbed: Robbed) -> None:
    keys = place.keys("robbed")
    assert (robbed.paid, len(keys), len(set(keys))) == (REQUESTS, REQUESTS, REQUESTS)


def test_a_bucket_that_is_not_there_is_one_sentence(place: Place, tmp_path: Path) -> None:
    command = asking(place.url, "s3://nowhere/run", photos(tmp_path / "photos", 1))
    ended = cof(*command, **place.nodes.environment)
    assert ended.code == 2
    assert ended.err == "error: There is no bucket for s3://nowhere/run/.lock. Make it, or mend the address.\n"


class Killed(NamedTuple):
    """What was seen of a run whose driver was killed."""

    refused: Ended
    """Of a second one on the same address, meanwhile."""
    ended: Ended
    """Of the same command, started again."""
    paid: int


@pytest.fixture(scope="module")
def killed_driver(place: Place, undisturbed: Ended) -> Killed:
    assert undisturbed.code == 0
    before = len(place.teacher.answered)
    place.teacher.stop(searching, after=1)
    with place.run("killed") as run:
        place.at_rest("killed", before)
        with place.run("killed") as second:
            refused = second.end()
        run.kill()
        # Workers outlive their driver for a moment: what they asked in it would be paid for and never kept.
        until(lambda: not any(place.nodes.processes("ray::MapWorker")), "the end of the workers")
    place.teacher.go_on()
    with place.run("killed") as run:
        return Killed(refused, run.end(), len(place.teacher.answered) - before)


def test_a_second_run_at_the_same_address_is_refused(place: Place, killed_driver: Killed) -> None:
    sentence = f"Another run is using {place.bucket.address('killed')}. Wait for it, or choose another out="
    assert (killed_driver.refused.code, sentence in killed_driver.refused.err) == (2, True), killed_driver.refused


def test_a_driver_that_was_killed_goes_on_where_it_was(place: Place, killed_driver: Killed) -> None:
    assert killed_driver.ended.code == 0, killed_driver.ended
    assert kept(place.bucket.address("killed")) == kept(place.bucket.address("undisturbed"))
    assert killed_driver.paid == REQUESTS


def test_a_store_that_fails_now_and_then_costs_nothing(place: Place, undisturbed: Ended) -> None:
    assert undisturbed.code == 0
    failed = place.bucket.fail(every=15)
    with place.run("flaky") as run:
        ended = run.end()
    assert place.bucket.fail(every=0) - failed > 15
    assert (ended.code, ended.err) == (0, ""), ended
    assert kept(place.bucket.address("flaky")) == kept(place.bucket.address("undisturbed"))
