"""The worker that runs a stage: finished records are remembered, and every fault finds its addressee."""

import asyncio
import json
from pathlib import Path
from typing import Any, ClassVar

import pytest
from typing_extensions import override

from agents.endpoint import Journal, RefusedError, ReplyError
from agents.masks import MaskError
from agents.messages import Message, Request
from agents.photos import PhotoError
from agents.sender import EndpointError
from pipeline.place import StoreError
from pipeline.records import ImageRecord, Rejected
from pipeline.stage import Reject, Stage, Worker, seed_of
from tests.conftest import Scripted
from tests.drawn import config_at, record_of
from tests.scripted import closed_port, fault, says


class Echo(Stage):
    """Lets a record through."""

    name = "echo"
    consumes = ImageRecord
    seen: ClassVar[list[str]] = []

    @override
    async def process(self, record: ImageRecord, journal: Journal) -> tuple[list[Any], list[Rejected]]:
        self.seen.append(record.id)
        return [record], []


class Asking(Echo):
    """Asks the teacher one thing about the photo."""

    @override
    async def process(self, record: ImageRecord, journal: Journal) -> tuple[list[Any], list[Rejected]]:
        request = Request(role="answer", model="m", messages=(Message(role="user", content=("What?",)),))
        reply = await self.desk.endpoint.ask(request, self.desk.photo(record), journal)
        return [record.model_copy(update={"id": f"{record.id}-{reply.text}"})], []


class Raising(Echo):
    """Raises what it is told to."""

    error: ClassVar[Exception] = RuntimeError()

    @override
    async def process(self, record: ImageRecord, journal: Journal) -> tuple[list[Any], list[Rejected]]:
        raise self.error


class Decoding(Echo):
    """Opens the photo."""

    @override
    async def process(self, record: ImageRecord, journal: Journal) -> tuple[list[Any], list[Rejected]]:
        assert self.desk.photo(record).image.size == record.size
        return [record], []


@pytest.fixture
def record(photo: Path) -> ImageRecord:
    return record_of(photo)


def worker(stage: type[Stage], tmp_path: Path, url: str = "", **sections: Any) -> Worker:
    return Worker((stage,), config_at(url or closed_port(), tmp_path / "run", **sections))


def work(one: Worker, record: ImageRecord) -> list[str]:
    return asyncio.run(one.work(record.model_dump_json()))


def rejected(tmp_path: Path, record: ImageRecord, error: Exception) -> Rejected:
    stage = type("Fails", (Raising,), {"error": error})
    one = worker(stage, tmp_path)
    assert work(one, record) == []
    return next(iter(one.store.rejected("echo")))


def test_what_a_stage_makes_goes_on(tmp_path: Path, record: ImageRecord) -> None:
    made = work(worker(Echo, tmp_path), record)
    assert [ImageRecord.model_validate_json(text) for text in made] == [record]


def test_what_goes_on_is_on_disk(tmp_path: Path, record: ImageRecord) -> None:
    one = worker(Echo, tmp_path)
    made = work(one, record)
    assert [json.loads(text) for text in made] == [
        json.loads(text) for text in one.store.finished("echo", record.id) or []
    ]


def test_a_finished_record_is_not_worked_on_again(tmp_path: Path, record: ImageRecord) -> None:
    class Counts(Echo):
        seen: ClassVar[list[str]] = []

    first = work(worker(Counts, tmp_path), record)
    again = work(worker(Counts, tmp_path), record)
    assert [json.loads(text) for text in first] == [json.loads(text) for text in again]
    assert Counts.seen == [record.id]


def test_a_finished_record_is_not_asked_about_again(scripted: Scripted, tmp_path: Path, record: ImageRecord) -> None:
    script = scripted([says("x"), says("y")])
    for _ in range(2):
        assert f'"{record.id}-x"' in work(worker(Asking, tmp_path, script.url), record)[0]
    assert len(script.asked) == 1


def test_answers_of_a_record_that_was_cut_off_are_not_asked_for_again(
    scripted: Scripted, tmp_path: Path, record: ImageRecord
) -> None:
    script = scripted([says("x"), says("y")])
    first = worker(Asking, tmp_path, script.url)
    work(first, record)
    (tmp_path / "run" / "records" / "echo" / record.id[:2] / f"{record.id}.json").unlink()
    assert f'"{record.id}-x"' in work(worker(Asking, tmp_path, script.url), record)[0]
    assert len(script.asked) == 1


def test_an_endpoint_that_fails_stops_the_run_and_finishes_nothing(
    scripted: Scripted, tmp_path: Path, record: ImageRecord
) -> None:
    one = worker(Asking, tmp_path, scripted(lambda _: fault(500)).url)
    with pytest.raises(EndpointError):
        work(one, record)
    assert one.store.finished("echo", record.id) is None
    assert list(one.store.failed("echo")) == []


def test_a_full_disk_stops_the_run(tmp_path: Path, record: ImageRecord) -> None:
    stage = type("Full", (Raising,), {"error": StoreError("No space is left.")})
    with pytest.raises(StoreError):
        work(worker(stage, tmp_path), record)


def test_a_bug_sets_its_record_aside_with_the_traceback(tmp_path: Path, record: ImageRecord) -> None:
    stage = type("Buggy", (Raising,), {"error": ZeroDivisionError("our bug")})
    one = worker(stage, tmp_path)
    assert work(one, record) == []
    ((identity, content),) = one.store.failed("echo")
    assert identity == record.id
    assert "ZeroDivisionError: our bug" in content["traceback"]


def test_a_record_that_met_a_bug_is_tried_again(tmp_path: Path, record: ImageRecord) -> None:
    work(worker(type("Buggy", (Raising,), {"error": KeyError("our bug")}), tmp_path), record)
    mended = worker(Echo, tmp_path)
    assert len(work(mended, record)) == 1
    assert list(mended.store.failed("echo")) == []


def test_a_reject_is_kept_with_its_evidence(tmp_path: Path, record: ImageRecord) -> None:
    found = rejected(tmp_path, record, Reject("not one thing", things=2))
    assert (found.reason, found.evidence["things"], found.image) == ("not one thing", 2, record.id)


def test_a_reject_names_the_photo(tmp_path: Path, record: ImageRecord) -> None:
    assert rejected(tmp_path, record, Reject("too small")).evidence["photo"] == "photo.jpg"


def test_a_rejected_record_is_finished(tmp_path: Path, record: ImageRecord) -> None:
    rejected(tmp_path, record, Reject("too small"))
    assert worker(Echo, tmp_path).store.finished("echo", record.id) == []


@pytest.mark.parametrize(
    ("error", "reason", "detail"),
    [
        (PhotoError("not an image"), "not an image", ""),
        (PhotoError("damaged image: truncated"), "damaged image", "truncated"),
        (MaskError("broken annotation: KeyError"), "broken annotation", "KeyError"),
        (ReplyError("no valid Form"), "unusable reply", "no valid Form"),
        (RefusedError("HTTP 400: too long"), "refused by the teacher", "HTTP 400: too long"),
    ],
)
def test_what_is_the_curators_becomes_a_reject(
    error: Exception, reason: str, detail: str, tmp_path: Path, record: ImageRecord
) -> None:
    found = rejected(tmp_path, record, error)
    assert (found.reason, found.evidence["detail"]) == (reason, detail)


def test_a_photo_that_is_damaged_inside_is_rejected(tmp_path: Path, photo: Path) -> None:
    record = record_of(photo)
    photo.write_bytes(photo.read_bytes()[:6000])
    one = worker(Decoding, tmp_path)
    assert work(one, record) == []
    assert [reject.reason for reject in one.store.rejected("echo")] == ["damaged image"]


def test_a_photo_that_disappeared_is_rejected(tmp_path: Path, photo: Path) -> None:
    record = record_of(photo)
    photo.unlink()
    one = worker(Decoding, tmp_path)
    work(one, record)
    assert [reject.reason for reject in one.store.rejected("echo")] == ["the file is gone"]


def test_a_photo_is_opened_once_for_all_stages(tmp_path: Path, photo: Path) -> None:
    class Removing(Decoding):
        @override
        async def process(self, record: ImageRecord, journal: Journal) -> tuple[list[Any], list[Rejected]]:
            made = await super().process(record, journal)
            photo.unlink()
            return made

    class Next(Decoding):
        name = "next"

    one = Worker((Removing, Next), config_at(closed_port(), tmp_path / "run"))
    assert len(work(one, record_of(photo))) == 1


def test_each_record_goes_on_as_soon_as_it_is_made(tmp_path: Path, record: ImageRecord) -> None:
    arrived: list[str] = []

    class Splitting(Echo):
        @override
        async def process(self, record: ImageRecord, journal: Journal) -> tuple[list[Any], list[Rejected]]:
            return [record.model_copy(update={"id": f"{record.id}{end}"}) for end in "ab"], []

    class Slow(Echo):
        """Lets the first of two through when the second is behind it."""

        name = "slow"

        @override
        async def process(self, record: ImageRecord, journal: Journal) -> tuple[list[Any], list[Rejected]]:
            while record.id.endswith("a") and not arrived:
                await asyncio.sleep(0)
            return [record], []

    class Last(Echo):
        name = "last"

        @override
        async def process(self, record: ImageRecord, journal: Journal) -> tuple[list[Any], list[Rejected]]:
            arrived.append(record.id)
            return [record], []

    one = Worker((Splitting, Slow, Last), config_at(closed_port(), tmp_path / "run"))
    assert [ImageRecord.model_validate_json(text).id[-1] for text in work(one, record)] == ["a", "b"]
    assert [identity[-1] for identity in arrived] == ["b", "a"]


def test_no_more_photos_are_in_flight_than_are_allowed(tmp_path: Path, record: ImageRecord) -> None:
    inside: list[int] = [0, 0]
    three = asyncio.Barrier(3)

    class Counting(Echo):
        @override
        async def process(self, record: ImageRecord, journal: Journal) -> tuple[list[Any], list[Rejected]]:
            inside[0] += 1
            inside[1] = max(inside)
            await three.wait()  # None leaves before three have come.
            inside[0] -= 1
            return [record], []

    one = Worker((Counting,), config_at(closed_port(), tmp_path / "run", runtime={"photos": 3}))
    texts = [record.model_copy(update={"id": f"ff{number}"}).model_dump_json() for number in range(12)]
    assert len(asyncio.run(one({"record": texts}))["record"]) == 12
    assert inside[1] == 3


def test_a_batch_is_worked_on_side_by_side(tmp_path: Path, record: ImageRecord) -> None:
    other = record.model_copy(update={"id": "ffff"})
    batch = {"record": [record.model_dump_json(), other.model_dump_json()]}
    made = asyncio.run(worker(Echo, tmp_path)(batch))
    assert [ImageRecord.model_validate_json(text).id for text in made["record"]] == [record.id, "ffff"]


def test_one_record_that_meets_a_bug_costs_no_other(tmp_path: Path, record: ImageRecord) -> None:
    class Picky(Echo):
        @override
        async def process(self, record: ImageRecord, journal: Journal) -> tuple[list[Any], list[Rejected]]:
            if record.id == "ffff":
                raise ValueError("our bug")
            return [record], []

    batch = {"record": [record.model_copy(update={"id": "ffff"}).model_dump_json(), record.model_dump_json()]}
    made = asyncio.run(worker(Picky, tmp_path)(batch))
    assert len(made["record"]) == 1


def test_a_replay_asks_nothing(scripted: Scripted, tmp_path: Path, record: ImageRecord) -> None:
    first = work(worker(Asking, tmp_path, scripted([says("x")]).url), record)
    again = Worker((Asking,), config_at(closed_port(), tmp_path / "again", runtime={"replay": str(tmp_path / "run")}))
    assert [json.loads(text) for text in work(again, record)] == [json.loads(text) for text in first]


def test_a_replay_meets_a_refusal_where_the_run_met_it(scripted: Scripted, tmp_path: Path, record: ImageRecord) -> None:
    first = worker(Asking, tmp_path, scripted([fault(400, "too long")]).url)
    work(first, record)
    again = Worker((Asking,), config_at(closed_port(), tmp_path / "again", runtime={"replay": str(tmp_path / "run")}))
    work(again, record)
    assert list(again.store.rejected("echo")) == list(first.store.rejected("echo"))
    assert [reject.reason for reject in again.store.rejected("echo")] == ["refused by the teacher"]


def test_a_seed_depends_on_all_of_its_parts() -> None:
    seeds = {
        seed_of(0, "a", "search"),
        seed_of(1, "a", "search"),
        seed_of(0, "b", "search"),
        seed_of(0, "a", "screen"),
    }
    assert len(seeds) == 4
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert seed_of(0, "a", "search") == seed_of(0, "a", "search")
