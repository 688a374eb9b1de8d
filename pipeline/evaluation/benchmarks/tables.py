"""Rows of a published table, one at a time, as it may be larger than the memory; nobody vouches for what they hold."""

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agents.files import MAX_BYTES
from pipeline.evaluation.errors import EvaluationError

Text = Annotated[str, Field(min_length=1)]


class Published(BaseModel):
    """What somebody else wrote: columns that are not asked for are ignored, and a number may stand for a text."""

    model_config = ConfigDict(
        frozen=True, str_strip_whitespace=True, coerce_numbers_to_str=True, allow_inf_nan=False, populate_by_name=True
    )


Row = TypeVar("Row", bound=Published)


def table(path: Path, row: type[Row]) -> Iterator[tuple[str, Row]]:
    """Each row of a .jsonl, .json (one list), .tsv or .parquet file, after the words to name it by.

    Raises EvaluationError for a table that is empty or cannot be read, and for a row that is not as published.
    """
    if (read := _READERS.get(path.suffix.lower())) is None:
        raise EvaluationError(f"{path} is no table of questions: they are published as {', '.join(_READERS)}.")
    number = 0
    try:
        for number, values in enumerate(read(path), 1):
            where = f"Row {number} of {path}"
            yield where, checked(where, row, values)
    except (OSError, ValueError, RecursionError, csv.Error) as error:
        raise EvaluationError(f"{path} cannot be read after row {number} ({_short(error)}): fetch it again.") from error
    if not number:
        raise EvaluationError(f"{path} has no rows: fetch it again.")


def one(path: Path, row: type[Row]) -> Row:
    """The only object of a JSON file. Raises EvaluationError."""
    try:
        values = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise EvaluationError(f"{path} cannot be read ({_short(error)}): fetch it again.") from error
    return checked(str(path), row, values)


def checked(where: str, row: type[Row], values: Any) -> Row:
    """A row with all that is asked for. Raises EvaluationError, which names it."""
    try:
        return row.model_validate(values)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(map(str, fault["loc"])) or "all of it"
        raise EvaluationError(f"{where} is not as published ({key}: {fault['msg']}): fetch the file again.") from error


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:160]


def _lines(path: Path) -> Iterator[Any]:
    with path.open(encoding="utf-8-sig") as file:
        yield from (json.loads(line) for line in file if line.strip())


def _list(path: Path) -> Iterator[Any]:
    values = json.loads(path.read_text(encoding="utf-8-sig"))
    if not isinstance(values, list):
        raise ValueError("it is no list")
    yield from values


def _tab_separated(path: Path) -> Iterator[Any]:
    # A field may be a whole photo in base64; the module's own bound is 128 KB.
    csv.field_size_limit(MAX_BYTES // 3 * 4 + 4)
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file, delimiter="\t", restkey="more")


def _parquet(path: Path) -> Iterator[Any]:
    import pyarrow
    from pyarrow.parquet import ParquetFile

    try:
        # Pages are read whole, and their size was the writer's choice: pictures by the GB are better kept as TSV.
        with ParquetFile(path, memory_map=True) as file:
            for batch in file.iter_batches(batch_size=1):
                yield from batch.to_pylist()
    except pyarrow.ArrowException as error:
        raise ValueError(str(error)) from error


_READERS: dict[str, Callable[[Path], Iterator[Any]]] = {
    ".jsonl": _lines,
    ".json": _list,
    ".tsv": _tab_separated,
    ".parquet": _parquet,
}
