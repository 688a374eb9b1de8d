"""The photos in a tar and where their bytes lie, read from its headers alone; nothing is ever unpacked."""

import tarfile
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO, NamedTuple, cast

from agents.files import read_range

ENDINGS = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".mpo"}
"""Of files that may be photos."""
_WINDOW = 4096
"""Bytes read at a time: a header, with what extended headers come before it."""
_LONGEST = 2**20
"""An extended header that claims more is no header: it would be read into memory."""

Span = tuple[int, int]
"""Offset and size of a member's content, in bytes."""


class Row(NamedTuple):
    """A photo in a tar, and its annotation if it has one."""

    name: str
    photo: Span
    masks: Span | None


class Reading:
    """One way through a tar of known size; afterwards it tells what was not taken."""

    def __init__(self, address: str, size: int) -> None:
        self._file = _Headers(address, size)
        self._size = size
        self.cut = False
        """Whether the tar ends before its end: what is whole up to there is taken."""
        self.refused = 0
        """Members that are no plain files, whose names lead out of their folder, or that are there twice."""

    def rows(self) -> Iterator[Row]:
        """Each photo when it and its annotation have been met, the ones without an annotation at the end."""
        photos: dict[str, tuple[str, Span]] = {}
        masks: dict[str, Span] = {}
        seen: set[str] = set()
        for name, span in self._members():
            stem, ending = str(PurePosixPath(name).with_suffix("")), PurePosixPath(name).suffix.lower()
            if name in seen or (ending != ".json" and ending not in ENDINGS):
                self.refused += name in seen
                continue
            seen.add(name)
            if ending == ".json":
                masks[stem] = span
            elif stem in photos:
                yield Row(name, span, None)
                continue
            else:
                photos[stem] = (name, span)
            if stem in photos and stem in masks:
                photo, where = photos.pop(stem)
                yield Row(photo, where, masks.pop(stem))
        yield from (Row(name, span, None) for name, span in photos.values())

    def _members(self) -> Iterator[tuple[str, Span]]:
        """Name and place of every plain file that is whole."""
        try:
            tar = tarfile.TarFile(fileobj=cast(IO[bytes], self._file), mode="r")
            before = -1
            while (info := tar.next()) is not None:
                tar.members.clear()  # type: ignore[attr-defined]
                if info.size < 0 or tar.offset <= before or info.offset_data + info.size > self._size:
                    self.cut = True
                    return
                before = tar.offset
                name = _name(info)
                if name:
                    yield name, (info.offset_data, info.size)
                self.refused += name is None
            self._file.seek(tar.offset)
            self.cut = self._file.read(tarfile.BLOCKSIZE).strip(b"\0") != b"" or tar.offset >= self._size
        except (tarfile.TarError, ValueError, OverflowError):
            self.cut = True


def _name(info: tarfile.TarInfo) -> str | None:
    """The name of a plain file within its folder; empty for a folder, None for what is refused."""
    if info.isdir():
        return ""
    name = PurePosixPath(info.name)
    if not info.isreg() or info.issparse() or name.is_absolute() or ".." in name.parts or not info.name.isprintable():
        return None
    return str(name)


class _Headers:
    """What `tarfile` needs of a file, in small ranged reads; refuses to read what no header can be."""

    def __init__(self, address: str, size: int) -> None:
        self._address, self._size = address, size
        self._at = self._from = 0
        self._window = b""

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int) -> int:
        if offset < 0:
            raise tarfile.ReadError("a negative offset")
        self._at = offset
        return offset

    def read(self, size: int) -> bytes:
        if size > _LONGEST:
            raise tarfile.ReadError("an extended header that is too long")
        size = max(0, min(size, self._size - self._at))
        if size and not self._from <= self._at <= self._at + size <= self._from + len(self._window):
            self._from = self._at
            self._window = read_range(self._address, self._at, min(max(size, _WINDOW), self._size - self._at))
        start = self._at - self._from
        data = self._window[start : start + size] if size else b""
        self._at += len(data)
        return data
