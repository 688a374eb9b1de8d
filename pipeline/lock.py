"""One run at a time in a folder: by the operating system's lock here, by an object with a pulse behind a URI."""

import fcntl
import json
import os
import platform
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline import place
from pipeline.place import StoreError

FILE = ".lock"
PULSE = 10.0
"""Seconds between two beats of a run that holds a folder behind a URI."""
SILENCE = 35.0
"""Seconds without a beat after which that run must have died: three beats may be late."""


@contextmanager
def locked(folder: Path, say: Callable[[str], None] = print) -> Iterator[None]:
    """Keep a folder to this process; raises StoreError if another run has it."""
    with _locked_here(folder) if place.is_here(folder) else _locked_there(folder, say):
        yield


@contextmanager
def _locked_here(folder: Path) -> Iterator[None]:
    with place.said_plainly(folder):
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / FILE).open("w")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise _taken(folder) from error
        yield


@contextmanager
def _locked_there(folder: Path, say: Callable[[str], None]) -> Iterator[None]:
    """No clock is compared with another machine's: only whether the holder's beats go on is watched."""
    path, mine = folder / FILE, f"{platform.node()} {os.getpid()} {secrets.token_hex(8)}"
    _wait_until_silent(path, folder, say)
    _beat(path, mine, 0)
    if _holder(path) != mine:
        raise _taken(folder)
    done = threading.Event()
    heart = threading.Thread(target=_beats, args=(path, mine, done), daemon=True)
    heart.start()
    try:
        yield
    finally:
        done.set()
        heart.join()
        if _holder(path) == mine:
            place.remove(path)


def _wait_until_silent(path: Path, folder: Path, say: Callable[[str], None]) -> None:
    """Wait for the beats of a run that may have been killed to stay out; raises StoreError if one comes."""
    last, since = place.read(path), time.monotonic()
    if last is not None and _was_killed(last):
        return
    if last is not None:
        say(f"{folder} is held by {_name(last)}; waiting {SILENCE:.0f} s to see whether that run is still alive")
    while last is not None and time.monotonic() - since < SILENCE:
        time.sleep(PULSE / 5)
        now = place.read(path)
        if now is not None and now != last:
            raise _taken(folder)
        last = now


def _beats(path: Path, mine: str, done: threading.Event) -> None:
    count = 0
    while not done.wait(PULSE):
        count += 1
        try:
            _beat(path, mine, count)
        except StoreError:
            continue  # A beat may be late; what else is written says the same to the operator.


def _beat(path: Path, mine: str, count: int) -> None:
    place.write(path, json.dumps({"holder": mine, "beat": count}).encode())


def _holder(path: Path) -> str | None:
    data = place.read(path)
    return None if data is None else str(json.loads(data)["holder"])


def _name(data: bytes) -> str:
    machine, process = _machine_and_process(data)
    return f"process {process} on {machine}"


def _was_killed(data: bytes) -> bool:
    """Whether the holder was a process of this machine, and is no more."""
    machine, process = _machine_and_process(data)
    if machine != platform.node():
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # Somebody else's, and alive.
    return False


def _machine_and_process(data: bytes) -> tuple[str, int]:
    machine, process, _ = str(json.loads(data)["holder"]).rsplit(" ", 2)
    return machine, int(process)


def _taken(folder: Path) -> StoreError:
    return StoreError(f"Another run is using {folder}. Wait for it, or choose another out=.")
