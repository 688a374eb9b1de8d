"""Folders and files that are there whole or not at all."""

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

WORK = ".work"
"""Inside a dataset being written: what is still needed for writing, gone when it is published."""


@contextmanager
def published(folder: Path) -> Iterator[Path]:
    """A fresh folder next to `folder` that takes its place when the block ends well.

    A kill at any moment leaves the old dataset whole: in place, or, between the two renames, set aside,
    from where the next call brings it back. An error clears the fresh folder: a full disk is not left full.
    """
    fresh, old = (folder.with_name(f".{folder.name}.{suffix}") for suffix in ("new", "old"))
    if old.exists() and not folder.exists():
        old.rename(folder)
    for leftover in (fresh, old):
        shutil.rmtree(leftover, ignore_errors=True)
    (fresh / WORK).mkdir(parents=True)
    try:
        yield fresh
        shutil.rmtree(fresh / WORK)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    if folder.exists():
        folder.rename(old)
    fresh.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


class Store:
    """Files named by their content inside a dataset folder; many writers may put the same one."""

    def __init__(self, folder: Path, writer: str) -> None:
        self._folder = folder
        self._part = folder / WORK / f"{writer}.part"

    def put(self, data: bytes, kind: str, suffix: str) -> str:
        """Keep some bytes; returns their path relative to the dataset folder."""
        path = content_path(kind, hashlib.sha256(data).hexdigest(), suffix)
        if not (self._folder / path).exists():
            self._part.write_bytes(data)
            self._move(path)
        return path

    def copy(self, source: Path, sha256: str, kind: str) -> str:
        """Keep a file whose hash is known; returns its path relative to the dataset folder."""
        path = content_path(kind, sha256, source.suffix.lower())
        if not (self._folder / path).exists():
            shutil.copyfile(source, self._part)
            self._move(path)
        return path

    def _move(self, path: str) -> None:
        target = self._folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        self._part.replace(target)


def content_path(kind: str, sha256: str, suffix: str) -> str:
    """`kind/ab/abcd....suffix`: 256 folders, since the Hub takes no more than 10,000 files in one."""
    return str(PurePosixPath(kind, sha256[:2], f"{sha256}{suffix}"))
