"""Writing one shard: pictures made, rows of every format written. May run anywhere that sees the folder."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from agents.dialects import Dialect
from agents.photos import PhotoCache, PhotoError, encode_jpeg, file_hash, taken
from agents.views import View, render
from pipeline.export.config import ExportError
from pipeline.export.features import sft_schema
from pipeline.export.folder import Store
from pipeline.export.plan import ShardPlan
from pipeline.export.rows import Item, Picture, rl_row, sft_row, sharegpt_row
from pipeline.records import ImageRecord

if TYPE_CHECKING:
    import pyarrow
    from pyarrow.parquet import ParquetWriter

GROUP_BYTES = 32 * 2**20
GROUP_ROWS = 100
"""A row group is closed at either: the Hub's viewer reads whole groups, and refuses those above 100 MB."""


class ShardDone(BaseModel):
    """A shard that was written."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    rows: int
    bytes: int
    """Of its file."""
    arrow_bytes: int
    """Of its rows in memory."""


def write_shard(plan: ShardPlan) -> ShardDone:
    """Write one shard and its part of every other format; the same plan gives the same bytes.

    Raises ExportError for a photo that is no longer what it was, and OSError.
    """
    path = Path(plan.folder, "data", f"{plan.name}.parquet")
    path.parent.mkdir(exist_ok=True)
    rows = arrow_bytes = 0
    with parquet(path, sft_schema()) as writer:
        for table in _tables(plan):
            writer.write_table(table)
            rows, arrow_bytes = rows + table.num_rows, arrow_bytes + table.nbytes
    return ShardDone(name=plan.name, rows=rows, bytes=path.stat().st_size, arrow_bytes=arrow_bytes)


@contextmanager
def parquet(path: Path, schema: "pyarrow.Schema") -> Iterator["ParquetWriter"]:
    """A parquet file as the Hub likes it: page index, and chunks that survive edits elsewhere in the file."""
    from pyarrow.parquet import ParquetWriter

    with ParquetWriter(path, schema, write_page_index=True, use_content_defined_chunking=True) as writer:
        yield writer


def _tables(plan: ShardPlan) -> Iterator["pyarrow.Table"]:
    """The rows of a shard, a row group at a time; the text formats are written on the way."""
    import pyarrow

    schema = sft_schema()
    group: list[dict[str, Any]] = []
    size = 0
    for row in _rows(plan):
        group.append(row)
        size += sum(len(image["bytes"]) for image in row["images"])
        if size >= GROUP_BYTES or len(group) == GROUP_ROWS:
            yield pyarrow.Table.from_pylist(group, schema)
            group, size = [], 0
    if group:
        yield pyarrow.Table.from_pylist(group, schema)


def _rows(plan: ShardPlan) -> Iterator[dict[str, Any]]:
    desk, config = _Desk(plan), plan.config
    with ExitStack() as stack:
        parts = {kind: stack.enter_context(_open(plan, kind)) for kind in (*Dialect, "rl")}
        for index, item in enumerate(plan.items(), plan.first):
            photo = desk.photo(item.task.image)
            pictures = [desk.picture(item, view) for view in item.views]
            for dialect in Dialect:
                _write(parts[dialect], sharegpt_row(item, pictures, config, dialect))
            _write(parts["rl"], rl_row(item, pictures[0].path, photo, config, plan.split, index))
            yield sft_row(item, pictures, config, plan.facts)


class _Desk:
    """The photo being worked on: checked, copied and decoded once, each view of it encoded once."""

    def __init__(self, plan: ShardPlan) -> None:
        self._config = plan.config
        self._store = Store(Path(plan.folder), plan.name)
        self._cache = PhotoCache(max_pixels=0)
        self._sha256 = self._path = ""
        self._pictures: dict[View, Picture] = {}

    def photo(self, image: ImageRecord) -> str:
        """Take up a photo; returns its path in the dataset, or its mere name where photos are not copied."""
        if image.sha256 != self._sha256:
            self._pictures.clear()
            self._path = self._take(image)
            self._sha256 = image.sha256
        return self._path

    def picture(self, item: Item, view: View) -> Picture:
        """A picture of the photo taken up, encoded and stored."""
        if view not in self._pictures:
            try:
                photo = self._cache.get(item.task.image.path)
            except PhotoError as error:
                raise _gone(item.task.image, str(error)) from error
            jpeg = encode_jpeg(render(photo, view), self._config.jpeg_quality)
            self._pictures[view] = Picture(self._store.put(jpeg, "images", ".jpg"), jpeg)
        return self._pictures[view]

    def _take(self, image: ImageRecord) -> str:
        try:
            held = taken(image.path)
        except PhotoError as error:
            raise _gone(image, str(error)) from error
        if isinstance(held, Path) and not held.is_file():
            raise _gone(image, "the file is gone")
        if file_hash(held) != image.sha256:
            raise _gone(image, "the file has changed")
        if not self._config.copy_photos:
            return image.name
        if isinstance(held, bytes):
            return self._store.put(held, "photos", Path(image.name).suffix.lower())
        return self._store.copy(held, image.sha256, "photos")


def _gone(image: ImageRecord, why: str) -> ExportError:
    return ExportError(f"The photo {image.path} cannot be exported: {why}. Put it back and run again.")


def _open(plan: ShardPlan, kind: str) -> IO[str]:
    return plan.part(kind).open("w", encoding="utf-8")


def _write(file: IO[str], row: dict[str, Any]) -> None:
    file.write(json.dumps(row, ensure_ascii=False) + "\n")
