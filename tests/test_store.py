"""A run folder as its own memory: on disk before it counts, whole or not at all, and one run at a time."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agents.messages import Message, Reply, Request
from pipeline.journal import FileJournal
from pipeline.place import StoreError
from pipeline.records import Rejected
from pipeline.store import Outcome, Store

REJECT = Rejected(id="ab12-x00", stage="screen", reason="not one thing", image="ab12")


def request(seed: int = 0) -> Request:
    return Request(role="answer", model="m", messages=(Message(role="user", content=("How many?",)),), seed=seed)


@pytest.fixture
def journal(tmp_path: Path) -> FileJournal:
    return FileJournal(tmp_path / "calls" / "one.jsonl")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "run")


def test_a_reply_that_was_put_is_got(journal: FileJournal) -> None:
    journal.put(request(), Reply(text="three"), 0.5)
    known = journal.get(request().key)
    assert known is not None
    assert Reply(**known).text == "three"


def test_what_was_put_is_there_for_the_next_start(journal: FileJournal) -> None:
    journal.put(request(), Reply(text="drei ½ 漢字"), 0.5)
    known = FileJournal(journal.path).get(request().key)
    assert known is not None
    assert known["text"] == "drei ½ 漢字"


def test_what_was_never_put_is_not_known(journal: FileJournal) -> None:
    assert journal.get(request().key) is None


def test_a_line_holds_the_request_and_the_time_it_took(journal: FileJournal) -> None:
    journal.put(request(7), Reply(text="three"), 0.51239)
    line = json.loads(journal.path.read_text())
    assert (line["role"], line["seconds"], line["request"]["seed"]) == ("answer", 0.5124, 7)


def tear(journal: FileJournal) -> None:
    """As a kill leaves it: one whole line, and half of the next."""
    journal.put(request(0), Reply(text="whole"), 0)
    whole = journal.path.read_bytes()
    journal.put(request(1), Reply(text="torn"), 0)
    journal.path.write_bytes(journal.path.read_bytes()[: len(whole) + 40])


def test_a_torn_line_is_not_known_and_the_one_before_it_is(journal: FileJournal) -> None:
    tear(journal)
    again = FileJournal(journal.path)
    assert again.get(request(1).key) is None
    assert again.get(request(0).key) is not None


def test_a_line_that_lacks_only_its_end_counts_as_torn(journal: FileJournal) -> None:
    journal.put(request(), Reply(text="three"), 0)
    journal.path.write_bytes(journal.path.read_bytes()[:-1])
    assert FileJournal(journal.path).get(request().key) is None


def test_after_a_torn_line_the_next_is_whole(journal: FileJournal) -> None:
    tear(journal)
    FileJournal(journal.path).put(request(1), Reply(text="asked again"), 0)
    assert [line["reply"]["text"] for line in FileJournal(journal.path).lines()] == ["whole", "asked again"]


def test_a_line_that_is_no_json_is_passed_over(journal: FileJournal) -> None:
    tear(journal)
    with journal.path.open("ab") as file:
        file.write(b"\n")
    assert [line["reply"]["text"] for line in FileJournal(journal.path).lines()] == ["whole"]


def filled(journal: FileJournal) -> FileJournal:
    """As it is asked first, and then finds the disk full."""
    assert journal.get(request().key) is None
    journal.path.parent.mkdir()
    journal.path.symlink_to("/dev/full")
    return journal


def test_a_full_disk_is_one_sentence_for_the_operator(journal: FileJournal) -> None:
    with pytest.raises(StoreError, match=r"No space is left for .*\. Free some and run again: nothing is lost\."):
        filled(journal).put(request(), Reply(text="three"), 0)


def test_an_answer_that_could_not_be_written_is_not_known(journal: FileJournal) -> None:
    with pytest.raises(StoreError):
        filled(journal).put(request(), Reply(text="three"), 0)
    assert journal.get(request().key) is None


def test_a_folder_that_is_a_file_is_one_sentence_for_the_operator(tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    with pytest.raises(StoreError, match="cannot be used"):
        Store(tmp_path / "run").finish("screen", "ab12", Outcome([], []))


def test_a_record_that_was_not_finished_is_unknown(store: Store) -> None:
    assert store.finished("screen", "ab12") is None


def test_a_finished_record_is_remembered(store: Store) -> None:
    store.finish("screen", "ab12", Outcome(['{"id": "ab12-00", "text": "é"}'], []))
    assert Store(store.folder).finished("screen", "ab12") == ['{"id": "ab12-00", "text": "é"}']


def test_a_record_of_which_nothing_came_is_finished_too(store: Store) -> None:
    store.finish("screen", "ab12", Outcome([], [REJECT]))
    assert store.finished("screen", "ab12") == []


def test_a_record_is_finished_at_its_own_stage_only(store: Store) -> None:
    store.finish("screen", "ab12", Outcome([], []))
    assert store.finished("search", "ab12") is None


def test_rejects_are_kept_with_their_reason(store: Store) -> None:
    store.finish("screen", "ab12", Outcome([], [REJECT]))
    assert list(store.rejected("screen")) == [REJECT]


def test_the_same_outcome_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        Store(tmp_path / name).finish("screen", "ab12", Outcome(['{"id": "x"}'], [REJECT]))
    one, two = ([path.read_bytes() for path in sorted((tmp_path / name).rglob("*.json"))] for name in ("one", "two"))
    assert one == two


def test_no_draft_is_left_behind(store: Store) -> None:
    store.finish("screen", "ab12", Outcome(['{"id": "x"}'], [REJECT]))
    assert [path.name for path in store.folder.rglob(".*")] == []


def test_a_draft_that_a_kill_left_is_no_record(store: Store) -> None:
    store.finish("screen", "ab12", Outcome(['{"id": "x"}'], []))
    (store.folder / "records" / "screen" / "ab" / ".ab99.json.123").write_text('{"rec')
    assert [identity for identity, _ in store.outcomes("screen")] == ["ab12"]


def test_a_sweep_leaves_the_records_and_nothing_that_a_kill_left(store: Store) -> None:
    store.finish("screen", "ab12", Outcome(['{"id": "x"}'], []))
    (store.folder / "records" / "screen" / "ab" / ".ab99.json.123").write_text('{"rec')
    store.sweep()
    assert [path.name for path in store.folder.rglob("*") if path.is_file()] == ["ab12.json"]


def test_outcomes_come_in_order_of_id(store: Store) -> None:
    for identity in ("cd34", "ab12", "ab01"):
        store.finish("screen", identity, Outcome([], []))
    assert [identity for identity, _ in store.outcomes("screen")] == ["ab01", "ab12", "cd34"]


def test_a_failure_is_kept_apart_and_tried_again(store: Store) -> None:
    store.fail("screen", "ab12", "Traceback: our bug")
    assert [content["traceback"] for _, content in store.failed("screen")] == ["Traceback: our bug"]
    assert store.finished("screen", "ab12") is None


def test_a_failure_that_was_mended_is_gone(store: Store) -> None:
    store.fail("screen", "ab12", "Traceback: our bug")
    store.finish("screen", "ab12", Outcome([], []))
    assert list(store.failed("screen")) == []


def test_what_is_forgotten_is_done_anew(store: Store) -> None:
    store.journal("screen", "ab12").put(request(), Reply(text="three"), 0)
    store.finish("screen", "ab12", Outcome(['{"id": "x"}'], [REJECT]))
    store.forget("screen", "ab12")
    assert store.finished("screen", "ab12") is None
    assert list(store.rejected("screen")) == []
    assert list(store.calls("screen")) == []


def test_forgetting_one_record_leaves_the_others(store: Store) -> None:
    for identity in ("ab12", "ab13"):
        store.journal("screen", identity).put(request(), Reply(text="three"), 0)
        store.finish("screen", identity, Outcome([], [REJECT.model_copy(update={"id": f"{identity}-x"})]))
    store.forget("screen", "ab12")
    assert store.finished("screen", "ab13") == []
    assert [reject.id for reject in store.rejected("screen")] == ["ab13-x"]
    assert len(list(store.calls("screen"))) == 1


def test_forgetting_what_was_never_done_does_nothing(store: Store) -> None:
    store.forget("screen", "ab12")
    assert store.finished("screen", "ab12") is None


def test_a_replay_reads_the_calls_of_the_other_run(store: Store, tmp_path: Path) -> None:
    store.journal("screen", "ab12").put(request(), Reply(text="three"), 0)
    again = Store(tmp_path / "again", replay=store.folder)
    assert again.journal("screen", "ab12").get(request().key) is not None


def test_two_runs_cannot_share_a_folder(store: Store) -> None:
    with (
        store.lock(),
        pytest.raises(StoreError, match=r"Another run is using .*run\. Wait for it"),
        Store(store.folder).lock(),
    ):
        pass


def test_a_folder_is_free_after_a_run(store: Store) -> None:
    with store.lock():
        pass
    with Store(store.folder).lock():
        pass


def test_a_folder_is_free_after_a_run_that_was_killed(store: Store) -> None:
    hold = (
        "import sys; from pathlib import Path; from pipeline.store import Store\n"
        f"with Store(Path({str(store.folder)!r})).lock():\n    print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(StoreError), store.lock():
            pass
        other.kill()
        other.wait()
    with store.lock():
        pass


def test_seconds_are_summed_by_stage(store: Store) -> None:
    for seconds in (0.5, 1.25):
        store.time("screen", seconds)
    store.time("search", 2.0)
    assert store.seconds() == {"screen": 1.75, "search": 2.0}


def test_a_file_that_was_never_written_reads_as_nothing(store: Store) -> None:
    assert store.read_json("summary.json") is None
