"""The stages on Ray Data: what goes in comes out, faults find their addressee, and memory does not grow."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.sender import EndpointError
from pipeline.flow import stream
from pipeline.records import Candidate
from pipeline.session import ray_session
from pipeline.store import Store
from tests.runs import ROOT
from tests.trivial import Again, Once, Picky, candidates, config

pytestmark = pytest.mark.ray

MEGABYTES = 20
"""What five thousand records may add to the driver's memory over a hundred."""


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for runs, in a Ray session that is not the first of its process."""
    folder = tmp_path_factory.mktemp("flow")
    runtime = config(folder).runtime
    with ray_session(runtime):
        pass
    with ray_session(runtime):
        yield folder


def paths(texts: Iterator[str]) -> list[str]:
    return sorted(Candidate.model_validate_json(text).path for text in texts)


def told(*orders: str) -> list[Candidate]:
    """Records that tell the picky stage what to do with them."""
    return [Candidate(id=Candidate.name_of(f"{number}{order}"), path=order) for number, order in enumerate(orders)]


def test_every_record_goes_through_every_stage(session: Path) -> None:
    run = config(session / "all")
    records = list(candidates(30))
    assert paths(stream(records, (Once, Again), run)) == sorted(record.path for record in records)
    for stage in ("once", "again"):
        assert [identity for identity, _ in Store(run.folder).outcomes(stage)] == sorted(r.id for r in records)


def test_a_reject_and_a_bug_cost_their_own_record_only(session: Path) -> None:
    run = config(session / "faults")
    records = told("good", "bad", "bug", "two")
    assert paths(stream(records, (Picky, Again), run)) == ["good", "two", "two"]
    store = Store(run.folder)
    assert [reject.reason for reject in store.rejected("picky")] == ["not wanted"]
    assert ["ZeroDivisionError" in content["traceback"] for _, content in store.failed("picky")] == [True]


def test_what_is_the_operators_ends_the_stream_as_itself(session: Path) -> None:
    with pytest.raises(EndpointError, match=r"^The teacher is gone\.$"):
        list(stream(told("good", "operator", "good"), (Picky,), config(session / "operator")))


def test_nothing_comes_of_nothing(session: Path) -> None:
    assert list(stream([], (Once,), config(session / "none"))) == []


def test_no_record_is_left_when_all_are_set_aside(session: Path) -> None:
    assert list(stream(told("bad", "bad"), (Picky, Again), config(session / "bad"))) == []


def test_records_handed_to_ray_in_portions_all_come_through_and_leave_no_thread(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.flow.ROWS_AT_ONCE", 4)
    run = config(session / "portions")
    assert len(list(stream(candidates(1), (Once,), run))) == 1
    before = set(threading.enumerate())
    assert len(list(stream(candidates(10), (Once,), run))) == 10
    left = set(threading.enumerate()) - before
    for thread in left:
        thread.join(timeout=30)
    assert [thread.name for thread in left if thread.is_alive()] == []


def measured(count: int, folder: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.trivial", str(count), str(folder)]
    output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(output.stdout)
    return found


@pytest.mark.timeout(900)
def test_the_driver_needs_no_more_memory_for_more_records(tmp_path: Path) -> None:
    few, many = (measured(count, tmp_path / str(count)) for count in (100, 5_000))
    assert (few["out"], many["out"]) == (100, 5_000)
    assert many["megabytes"] - few["megabytes"] < MEGABYTES, (few, many)
