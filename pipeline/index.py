"""The index of photos in tars: one Parquet file a tar, built once from its headers, sampled without being loaded."""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, overload

from typing_extensions import override

from agents.files import Member, is_remote, name_of
from pipeline.records import Candidate
from pipeline.tars import Reading, Row

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow

_GROUP = 10_000
"""Rows written at a time."""
_REMOTE_THREADS = 32
"""Remote tars read side by side: a header is a request, and all that is done is waiting for it."""


class Tar(NamedTuple):
    """A tar where it lies; its size in bytes, and a stamp that changes when it is written anew."""

    address: str
    size: int
    stamp: str


class Indexed(NamedTuple):
    """The index of one tar."""

    tar: Tar
    path: Path
    rows: int
    refused: int
    cut: bool


def indexed(tars: Sequence[Tar], folder: Path, say: Callable[[str], None]) -> list[Indexed]:
    """The indexes of all tars, in an order that does not depend on how they were listed; missing ones are made.

    Raises FileError for a tar that cannot be read, OSError for a folder that cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tars = sorted(set(tars), key=lambda tar: (name_of(tar.address), tar.address))
    missing = [tar for tar in tars if _known(tar, folder) is None]
    if missing:
        say(f"indexing {len(missing)} of {len(tars)} tars in {folder}")
        pool = ThreadPoolExecutor(_REMOTE_THREADS if any(is_remote(tar.address) for tar in missing) else 2)
        try:
            for _ in pool.map(lambda tar: _build(tar, folder), missing):
                pass
        finally:
            pool.shutdown(cancel_futures=True)
    found = [one for tar in tars if (one := _known(tar, folder)) is not None]
    for one in found:
        _tell(one, say)
    return found


def _tell(one: Indexed, say: Callable[[str], None]) -> None:
    """What the operator has to know of a tar, every time it is used."""
    name = name_of(one.tar.address)
    if one.cut:
        say(f"{name} is cut short: the {one.rows} photos that are whole are used. Fetch it again.")
    if one.refused:
        say(f"{name}: {one.refused} members are refused (no plain file, a name that leads out, or there twice).")


def _file(tar: Tar, folder: Path) -> Path:
    digest = hashlib.sha256(tar.address.encode()).hexdigest()[:12]
    return folder / f"{Path(name_of(tar.address)).stem}-{digest}.parquet"


def _known(tar: Tar, folder: Path) -> Indexed | None:
    """The index of a tar, if there is one and the tar is still the same."""
    from pyarrow import ArrowInvalid
    from pyarrow.parquet import read_metadata

    path = _file(tar, folder)
    try:
        facts = read_metadata(path)
    except (FileNotFoundError, ArrowInvalid):
        return None
    told = facts.metadata or {}
    if told.get(b"stamp") != _stamp(tar):
        return None
    return Indexed(tar, path, facts.num_rows, int(told[b"refused"]), told[b"cut"] == b"True")


def _stamp(tar: Tar) -> bytes:
    return f"1 {tar.size} {tar.stamp}".encode()


def _build(tar: Tar, folder: Path) -> None:
    reading = Reading(tar.address, tar.size)
    write_index(tar, reading.rows(), folder, lambda: {"refused": str(reading.refused), "cut": str(reading.cut)})


def write_index(tar: Tar, rows: Iterator[Row], folder: Path, told: Callable[[], dict[str, str]]) -> Path:
    """Write the index of a tar as its rows come; it counts only when it is whole. `told` is asked at the end."""
    from pyarrow.parquet import ParquetWriter

    path = _file(tar, folder)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    encoding = {"name": "DELTA_BYTE_ARRAY", **dict.fromkeys(_NUMBERS, "DELTA_BINARY_PACKED")}
    with ParquetWriter(draft, _schema(), use_dictionary=False, column_encoding=encoding, compression="zstd") as writer:
        group: list[Row] = []
        for row in rows:
            group.append(row)
            if len(group) == _GROUP:
                writer.write_table(_table(group))
                group = []
        writer.write_table(_table(group))
        writer.add_key_value_metadata({"stamp": _stamp(tar).decode(), **told()})
    draft.replace(path)
    return path


_NUMBERS = ("offset", "size", "masks_offset", "masks_size")


def _schema() -> "pyarrow.Schema":
    import pyarrow

    return pyarrow.schema([("name", pyarrow.string()), *((name, pyarrow.int64()) for name in _NUMBERS)])


def _table(rows: list[Row]) -> "pyarrow.Table":
    import pyarrow

    columns: list[list[Any]] = [
        [row.name for row in rows],
        [row.photo[0] for row in rows],
        [row.photo[1] for row in rows],
        [row.masks[0] if row.masks else None for row in rows],
        [row.masks[1] if row.masks else None for row in rows],
    ]
    return pyarrow.Table.from_arrays(
        [pyarrow.array(column, field.type) for column, field in zip(columns, _schema(), strict=True)], schema=_schema()
    )


class Photos(Sequence[Candidate]):
    """Photos of a run in its order: loose ones and rows of indexes. A Candidate is made when it is asked for."""

    def __init__(self, loose: list[Candidate], tars: list[str], table: "pyarrow.Table", order: "npt.NDArray[np.int64]"):
        self._loose, self._tars, self._table, self._order = loose, tars, table, order

    @override
    def __len__(self) -> int:
        return len(self._order)

    @overload
    def __getitem__(self, index: int) -> Candidate: ...
    @overload
    def __getitem__(self, index: slice) -> "Photos": ...
    @override
    def __getitem__(self, index: int | slice) -> "Candidate | Photos":
        if isinstance(index, slice):
            return Photos(self._loose, self._tars, self._table, self._order[index])
        place = int(self._order[index])
        return self._loose[place] if place < len(self._loose) else self._member(place - len(self._loose))

    def _member(self, row: int) -> Candidate:
        tar, name, *numbers = (column[row].as_py() for column in self._table.itercolumns())
        address = self._tars[tar]
        photo = Member(address, numbers[0], numbers[1], name)
        masks = Member(address, numbers[2], numbers[3], str(Path(name).with_suffix(".json"))) if numbers[3] else None
        return Candidate(
            id=Candidate.name_of(f"{name_of(address)}/{name}"),
            path=photo.address,
            masks=masks.address if masks else None,
        )


def sampled(loose: list[Candidate], indexes: Sequence[Indexed], seed: int, count: int | None) -> Photos:
    """Photos by seed, over loose ones and all tars; of the indexes only the rows needed are kept."""
    import numpy as np
    import pyarrow
    from pyarrow.parquet import read_table

    starts = len(loose) + np.concatenate([[0], np.cumsum([one.rows for one in indexes])]).astype(np.int64)
    # RandomState: its streams are frozen, so that a seed means the same sample in every version of numpy.
    order = np.random.RandomState(seed).permutation(int(starts[-1]))[:count]
    tables, kept = [], len(loose)
    wanted = np.sort(order[order >= len(loose)])
    places = np.empty(0, np.int64)
    for number, one in enumerate(indexes):
        here = wanted[np.searchsorted(wanted, starts[number]) : np.searchsorted(wanted, starts[number + 1])]
        if len(here):
            rows = read_table(one.path).take(here - starts[number])
            tables.append(rows.add_column(0, "tar", pyarrow.array(np.full(len(here), number, np.int32))))
    # Where each wanted photo lies among the rows kept: the rows are in the order of `wanted`.
    places = np.where(order < kept, order, kept + np.searchsorted(wanted, order))
    table = pyarrow.concat_tables(tables).combine_chunks() if tables else pyarrow.table({})
    return Photos(loose, [one.tar.address for one in indexes], table, places)
