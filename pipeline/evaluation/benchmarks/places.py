"""Where the files of a benchmark lie: on this machine, or on the Hub where its authors put them."""

import hashlib
import os
import re
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from agents.files import MAX_BYTES
from agents.photos import PhotoError
from pipeline.evaluation.errors import EvaluationError
from pipeline.evaluation.items import FilePhoto
from pipeline.place import StoreError, said_plainly, write
from pipeline.tars import ENDINGS

_HUB_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*")


def found(data: str | None, published: str, names: Sequence[str], wanted: Sequence[str]) -> Path:
    """The file with the questions: `data` itself, or the first of `names` that its folder holds.

    `data` is a file or folder here, else a dataset of the Hub, and null the dataset `published`; of the Hub's files,
    those that match a pattern `wanted` are fetched. Raises EvaluationError and StoreError.
    """
    place = _place(data, published, wanted)
    if place.is_file():
        return place
    for name in names:
        if (place / name).is_file():
            return place / name
    raise EvaluationError(
        f"There is no {' or '.join(names)} in {place}: correct the benchmark's data; {published} on the Hub has it."
    )


def _place(data: str | None, published: str, wanted: Sequence[str]) -> Path:
    if data is None:
        return _fetched(published, wanted)
    if (here := Path(data).expanduser()).exists():
        return here
    if not _HUB_ID.fullmatch(data):
        raise EvaluationError(f"There is no {data}: correct the benchmark's data; null fetches {published}.")
    return _fetched(data, wanted)


def _fetched(repository: str, wanted: Sequence[str]) -> Path:
    """A dataset of the Hub, of which nothing is fetched twice. No message holds more than the error's name: a token
    may be in its text."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError

    try:
        with said_plainly("the Hub's cache"):
            return Path(snapshot_download(repository, repo_type="dataset", allow_patterns=list(wanted)))
    except StoreError:
        raise
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise EvaluationError(
            f"There is neither a folder {repository} here nor a dataset of that name on the Hub that you may read: "
            "correct the benchmark's data, or log in with `hf auth login`."
        ) from error
    except Exception as error:  # The network and the Hub have exceptions of many libraries.
        raise EvaluationError(
            f"{repository} cannot be fetched from the Hub ({type(error).__name__}): see to the network, or fetch it "
            "elsewhere and set the benchmark's data to its folder."
        ) from error


def inside(where: str, folder: Path, name: str) -> Path:
    """The file of this name in a folder, which it must not leave. Raises EvaluationError."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or not name.isprintable():
        raise EvaluationError(f"{where} is refused: {name!r} is not inside the benchmark's folder.")
    return folder / path


def photo(where: str, path: Path) -> FilePhoto:
    """A photo that is there. Raises EvaluationError: a benchmark with fewer questions compares with no other."""
    try:
        return FilePhoto.of(path)
    except (PhotoError, OSError) as error:
        raise EvaluationError(
            f"{where} asks about {path}, which cannot be used ({error}). No question is left out, as numbers would "
            "not compare: fetch the file again."
        ) from error


def beside(file: Path) -> Path:
    """The folder for photos taken out of a file: next to it, or in the user's cache where one may not write there."""
    name = f"{file.name}.photos"
    if os.access(file.parent, os.W_OK):
        return file.with_name(name)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "chain-of-focus" / f"{hashlib.sha256(bytes(file.resolve())).hexdigest()[:16]}-{name}"


def kept(folder: Path, data: bytes) -> Path:
    """A file with these bytes, named by their SHA-256: the same photo is written once. Raises StoreError."""
    name = hashlib.sha256(data).hexdigest()
    path = folder / name[:2] / name
    if not path.is_file():
        write(path, data)
    return path


def unpacked(archive: Path) -> Path:
    """The folder with a zip's photos and questions; what lies there already is not unpacked again.

    Raises EvaluationError and StoreError.
    """
    folder = beside(archive)
    try:
        with said_plainly(folder), zipfile.ZipFile(archive) as content:
            for member in content.infolist():
                if PurePosixPath(member.filename).suffix.lower() in {*ENDINGS, ".json"}:
                    _unpack(content, member, folder)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError) as error:
        raise EvaluationError(f"{archive} is damaged ({error}): fetch it again.") from error
    return folder


def _unpack(content: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path) -> None:
    if member.file_size > MAX_BYTES:
        raise zipfile.BadZipFile(f"{member.filename} is {member.file_size:,} bytes, more than {MAX_BYTES:,}")
    there = inside(str(content.filename), folder, member.filename)
    # What a kill cut short has another size.
    if not there.is_file() or there.stat().st_size != member.file_size:
        content.extract(member, folder)
