"""Bytes behind an address: a local path, a URI (`s3://…`), or a member of a tar (`<tar>::<offset>+<size>/<name>`)."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

MAX_BYTES = 256 * 2**20
"""A member of a tar or a remote file above this is never read: it is no photo, and would fill the memory."""
_MEMBER = re.compile(r"(?P<tar>.+?)::(?P<offset>\d+)\+(?P<size>\d+)/(?P<name>.+)", re.DOTALL)


class FileError(Exception):
    """A place that cannot be reached; one sentence for the operator, with the remedy."""


class Member(NamedTuple):
    """Where a file lies in a tar: offset and size of its content, in bytes."""

    tar: str
    offset: int
    size: int
    name: str

    @property
    def address(self) -> str:
        return f"{self.tar}::{self.offset}+{self.size}/{self.name}"


def member_of(address: str) -> Member | None:
    """The member an address names; None if it names a whole file."""
    found = _MEMBER.fullmatch(address)
    return Member(found["tar"], int(found["offset"]), int(found["size"]), found["name"]) if found else None


def is_remote(address: str) -> bool:
    return "://" in address


def name_of(address: str | Path) -> str:
    """The last part of an address: the photo's own name."""
    return PurePosixPath(address).name


def held(address: str | Path) -> Path | bytes:
    """The path of a local file, to be opened as it is; the bytes of anything else, read once. Raises as `read`."""
    text = str(address)
    return read(text) if member_of(text) or is_remote(text) else Path(address)


def read(address: str | Path) -> bytes:
    """All bytes of a file, and of a member those alone.

    Raises FileNotFoundError where there is none, OSError for one too large or cut short, and FileError where the
    place cannot be reached.
    """
    member = member_of(str(address))
    if member is None:
        return _whole(str(address)) if is_remote(str(address)) else Path(address).read_bytes()
    if member.size > MAX_BYTES:
        raise OSError(f"{member.size:,} bytes are more than {MAX_BYTES:,}")
    data = read_range(member.tar, member.offset, member.size)
    if len(data) != member.size:
        raise OSError(f"{name_of(member.tar)} ends within it")
    return data


def read_range(address: str, offset: int, size: int) -> bytes:
    """Up to `size` bytes from `offset` on: one read, or one ranged request. Raises as `read`."""
    if is_remote(address):
        with reached(address):
            fs, path = filesystem(address)
            return bytes(fs.cat_file(path, start=offset, end=offset + size))
    with Path(address).open("rb", buffering=0) as file:
        return os.pread(file.fileno(), size, offset)


def _whole(address: str) -> bytes:
    with reached(address):
        fs, path = filesystem(address)
        size = int(fs.info(path)["size"])
        data = bytes(fs.cat_file(path)) if 0 < size <= MAX_BYTES else b""
    if size > MAX_BYTES:
        raise OSError(f"{size:,} bytes are more than {MAX_BYTES:,}")
    return data


def filesystem(address: str) -> tuple[Any, str]:
    """fsspec's file system of a URI, configured by its own environment variables, and the path in it."""
    from fsspec.core import url_to_fs

    fs, path = url_to_fs(address)
    return fs, str(path)


@contextmanager
def reached(address: str) -> Iterator[None]:
    """Turn whatever a remote store refuses with into a sentence; a file that is not there stays just that."""
    try:
        yield
    except FileNotFoundError:
        raise
    except ImportError as error:
        raise FileError(f"{address} needs another package ({error}). For s3:// install chain-of-focus[s3].") from error
    except Exception as error:  # Each store has its own exceptions.
        why = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise FileError(f"{address} cannot be read ({why}). See to address, network and credentials.") from error
