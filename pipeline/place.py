"""Where a run's files lie: a folder here, or a URI (`s3://…`) that all nodes of a cluster reach; whole files only."""

import errno
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO, cast

from agents.files import is_remote

_AT_ONCE = 64
"""Remote files that are read at a time: each is waited for, none is large."""
_OBJECTS = {"s3", "s3a", "gs", "gcs", "az", "abfs", "oss", "memory"}
"""Stores whose objects are there whole or not at all; elsewhere a file is written under another name first."""
_APPENDING = tuple(Lock() for _ in range(64))
"""One for each file that this process adds to, more or less: threads take turns."""


class StoreError(Exception):
    """The run folder cannot be used; one sentence for the operator, with the remedy."""


def place_of(address: str | Path) -> Path:
    """The folder at an address. A URI's is a `UPath`, which has the methods of a Path that are used here."""
    if not is_remote(str(address)):
        return Path(address)
    if not isinstance(address, str):
        return address
    from upath import UPath

    # What other processes write has to be seen at once: no listing is kept.
    with _reached(address):
        return cast(Path, UPath(address.rstrip("/"), use_listings_cache=False))


def is_here(place: Path) -> bool:
    """Whether it is a path of this machine's own file system."""
    return isinstance(place, Path)


def read(path: Path) -> bytes | None:
    """All bytes of a file; None if there is none. Raises StoreError."""
    with _reached(path):
        try:
            return path.read_bytes() if is_here(path) else _get(path)
        except FileNotFoundError:
            return None


def write(path: Path, data: bytes) -> None:
    """Write a file that is there whole or not at all, whenever the machine stops. Raises StoreError."""
    with _reached(path):
        if not is_here(path):
            _put(path, data)
            return
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        with _opened(draft, "wb") as file:
            file.write(data)
            file.flush()
            # A file renamed before its content is on disk may be empty after a power cut.
            os.fsync(file.fileno())
        draft.replace(path)


def append(path: Path, lines: bytes, sure: bool = True) -> None:
    """Add whole lines to a file that nobody else writes to; `sure` has them on disk before it returns.

    What a kill tore here stays a line of its own. Raises StoreError.
    """
    with _reached(path), _APPENDING[hash(str(path)) % len(_APPENDING)]:
        if not is_here(path):
            # An object is never added to, but replaced.
            _put(path, (read(path) or b"") + lines)
            return
        with _opened(path, "ab+") as file:
            if file.tell() and not _ends_whole(file):
                lines = b"\n" + lines
            file.write(lines)
            file.flush()
            if sure:
                os.fsync(file.fileno())


def remove(path: Path) -> None:
    """Remove a file, if it is there."""
    with _reached(path):
        path.unlink(missing_ok=True)


def remove_drafts(folder: Path) -> None:
    """Remove what was never renamed, in all that is below a folder here; a store of objects has no such thing."""
    if is_here(folder):
        for draft in folder.rglob(".*"):
            remove(draft)


def files_below(folder: Path, ending: str = "") -> Iterator[Path]:
    """The files on the shelves (folders) of a folder, in order of their names; none where there is no folder."""
    with _reached(folder):
        for shelf in _shelves(folder):
            yield from sorted(path for path in shelf if path.name.endswith(ending) and not path.name.startswith("."))


def _shelves(folder: Path) -> Iterator[Iterable[Path]]:
    """Here one after the other, as the whole of a large run would fill the memory; elsewhere by a single request."""
    if is_here(folder):
        yield from (shelf.iterdir() for shelf in (sorted(folder.iterdir()) if folder.is_dir() else []))
    else:
        yield folder.glob("*/*")


def contents(paths: Iterable[Path]) -> Iterator[tuple[Path, bytes]]:
    """Each file and what it holds, in the order given; a few are in memory at a time. Raises StoreError."""
    rest = iter(paths)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        while some := list(islice(rest, _AT_ONCE)):
            # Here a file is read sooner than a thread could be told.
            found = map(read, some) if is_here(some[0]) else pool.map(read, some)
            yield from ((path, data) for path, data in zip(some, found, strict=True) if data is not None)


@contextmanager
def said_plainly(place: object) -> Iterator[None]:
    """Turn the operating system's refusals into a sentence for the operator."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise StoreError(f"No space is left for {place}. Free some and run again: nothing is lost.") from error
        if error.errno in {errno.EACCES, errno.EROFS, errno.ENOTDIR, errno.EEXIST}:
            raise StoreError(f"{place} cannot be used: {error.strerror}.") from error
        raise


@contextmanager
def _reached(place: object) -> Iterator[None]:
    """Turn whatever a place refuses with into a sentence; a file that is not there stays just that."""
    if not is_remote(str(place)):
        with said_plainly(place):
            yield
        return
    try:
        yield
    except (FileNotFoundError, StoreError):
        raise
    except ImportError as error:
        raise StoreError(f"{place} needs another package ({error}). For s3:// install chain-of-focus[s3].") from error
    except Exception as error:  # Each store has its own exceptions.
        why = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise StoreError(
            f"{place} cannot be reached ({why}). See to address, network and credentials; nothing is lost."
        ) from error


def upload(here: Path, there: Path, files: Sequence[Path]) -> None:
    """Copy some files below a folder of this machine to the same names below a remote one."""
    with _reached(there):
        targets = [str(there.joinpath(*path.relative_to(here).parts)) for path in files]
        _fs(there).put([str(path) for path in files], targets)


def remove_all(folder: Path) -> None:
    """Remove a remote folder with all that is in it, if it is there."""
    with _reached(folder), suppress(FileNotFoundError):
        _fs(folder).rm(str(folder), recursive=True)


def _fs(place: Any) -> Any:
    return place.fs


def _get(path: Any) -> bytes:
    return bytes(path.fs.cat_file(path.path))


def _put(path: Any, data: bytes) -> None:
    fs, name = path.fs, path.path
    protocols = {fs.protocol} if isinstance(fs.protocol, str) else set(fs.protocol)
    if protocols & _OBJECTS:
        try:
            fs.pipe_file(name, data)
        except FileNotFoundError as error:
            raise StoreError(f"There is no bucket for {path}. Make it, or mend the address.") from error
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}").path
    fs.makedirs(path.parent.path, exist_ok=True)
    fs.pipe_file(draft, data)
    fs.mv(draft, name)


def _opened(path: Path, mode: str) -> BinaryIO:
    """An open file; the folder is made where there is none, which is seldom."""
    try:
        return cast(BinaryIO, path.open(mode))
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return cast(BinaryIO, path.open(mode))


def _ends_whole(file: BinaryIO) -> bool:
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"
