"""Where a run's files lie, here or behind a URI: whole files, in order, and one run at a time."""

import platform
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline import lock
from pipeline.lock import locked
from pipeline.place import (
    StoreError,
    append,
    contents,
    files_below,
    is_here,
    place_of,
    read,
    remove,
    remove_all,
    upload,
    write,
)


@pytest.fixture(params=["here", "memory"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A folder of each kind."""
    if request.param == "here":
        yield tmp_path / "run"
        return
    there = place_of("memory://places/run")
    yield there
    remove_all(there)


@pytest.fixture
def there() -> Iterator[Path]:
    folder = place_of("memory://places/locked")
    yield folder
    remove_all(folder)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hearts that beat fast."""
    monkeypatch.setattr(lock, "PULSE", 0.05)
    monkeypatch.setattr(lock, "SILENCE", 1.0)


def test_an_address_without_a_scheme_is_a_path_here(tmp_path: Path) -> None:
    assert is_here(place_of(str(tmp_path)))


def test_a_uri_keeps_its_scheme_and_gains_no_slash() -> None:
    assert str(place_of("memory://places/run/") / "run.json") == "memory://places/run/run.json"


def test_what_was_written_is_read(folder: Path) -> None:
    write(folder / "records" / "one.json", b"1")
    write(folder / "records" / "one.json", b"2")
    assert read(folder / "records" / "one.json") == b"2"


def test_what_is_not_there_is_none(folder: Path) -> None:
    assert read(folder / "records" / "one.json") is None


def test_what_is_added_comes_behind_what_was_there(folder: Path) -> None:
    for line in (b"one\n", b"two\n"):
        append(folder / "notes" / "a.txt", line)
    assert read(folder / "notes" / "a.txt") == b"one\ntwo\n"


def test_threads_that_add_to_one_file_lose_no_line(folder: Path) -> None:
    lines = [f"{number}\n".encode() for number in range(40)]
    threads = [threading.Thread(target=append, args=(folder / "notes.txt", line)) for line in lines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted((read(folder / "notes.txt") or b"").splitlines(keepends=True)) == sorted(lines)


def test_removing_what_is_not_there_does_nothing(folder: Path) -> None:
    remove(folder / "records" / "one.json")
    assert read(folder / "records" / "one.json") is None


def test_files_come_in_the_order_of_their_names_and_of_the_asked_kind_alone(folder: Path) -> None:
    for name in ("cd/cd1.json", "ab/ab2.json", "ab/ab1.json", "ab/ab1.txt", "ab/.ab3.json"):
        write(folder / name, name.encode())
    found = [(path.stem, data.decode()) for path, data in contents(files_below(folder, ".json"))]
    assert found == [("ab1", "ab/ab1.json"), ("ab2", "ab/ab2.json"), ("cd1", "cd/cd1.json")]


def test_a_folder_that_is_not_there_holds_nothing(folder: Path) -> None:
    assert list(files_below(folder)) == []


def test_files_are_uploaded_under_their_own_names(there: Path, tmp_path: Path) -> None:
    write(tmp_path / "data" / "one.bin", b"1")
    upload(tmp_path, there, [tmp_path / "data" / "one.bin"])
    assert read(there / "data" / "one.bin") == b"1"


def test_a_scheme_nobody_knows_is_one_sentence() -> None:
    with pytest.raises(StoreError, match=r"^nowhere://x/y cannot be reached \(.*\)\. See to address"):
        write(place_of("nowhere://x/y"), b"")


def test_a_place_held_by_a_living_run_is_refused(there: Path) -> None:
    refused = pytest.raises(StoreError, match=r"Another run is using memory://places/locked\.")
    with locked(there), refused, locked(there, lambda _: None):
        pass


def test_a_place_is_free_after_a_run(there: Path) -> None:
    for _ in range(2):
        with locked(there, lambda _: pytest.fail("somebody holds it")):
            assert read(there / lock.FILE)
    assert read(there / lock.FILE) is None


def test_a_place_whose_holder_fell_silent_is_taken_and_it_is_said(there: Path) -> None:
    write(there / lock.FILE, b'{"holder": "other-machine 17 abc", "beat": 3}')
    said: list[str] = []
    with locked(there, said.append):
        pass
    assert said == [
        f"{there} is held by process 17 on other-machine; waiting 1 s to see whether that run is still alive"
    ]


def test_a_place_whose_holder_was_killed_here_is_taken_at_once(there: Path) -> None:
    gone = 2**22 + 1  # no process of Linux has such a number
    write(there / lock.FILE, f'{{"holder": "{platform.node()} {gone} abc", "beat": 3}}'.encode())
    with locked(there, lambda _: pytest.fail("it need not be waited for")):
        pass
