"""Lists of photos to keep out: the images of benchmarks, by name or by hash."""

import json
import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from agents.files import FileError, name_of, read

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


class Exclusion(NamedTuple):
    """What is kept out: names without their endings, and SHA-256 of files."""

    names: frozenset[str]
    hashes: frozenset[str]

    def has_name(self, address: str) -> bool:
        return _stem(name_of(address)) in self.names


def exclusion(lists: Sequence[str]) -> Exclusion:
    """Read lists, one name or hash a line, `#` for remarks, JSON lines with an `image` too; raises FileError."""
    entries = {entry for address in lists for line in _lines(address) if (entry := _entry(line, address))}
    hashes = frozenset(entry.lower() for entry in entries if _SHA256.fullmatch(entry))
    return Exclusion(frozenset(_stem(name_of(entry)) for entry in entries if not _SHA256.fullmatch(entry)), hashes)


def _lines(address: str) -> list[str]:
    try:
        return read(address).decode().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"The list {address} in sample.exclude cannot be read: {error}.") from error


def _entry(line: str, address: str) -> str:
    line = line.partition("#")[0].strip()
    if not line.startswith("{"):
        return line
    try:
        return str(json.loads(line)["image"])
    except (ValueError, KeyError) as error:
        raise FileError(f"A line of {address} in sample.exclude is no JSON with an `image`: {line[:60]}") from error


def _stem(name: str) -> str:
    path = PurePosixPath(name)
    return path.stem if path.suffix.lower() in {".jpg", ".jpeg", ".png", ".json", ".webp"} else name
