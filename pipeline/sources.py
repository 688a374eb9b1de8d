"""Finding photos: folders, globs, SA-1B folders and tars, here or at a URI; a sample by seed."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from agents.files import filesystem, is_remote, reached
from agents.photos import file_hash
from pipeline.config import ConfigError, SampleConfig
from pipeline.index import Tar, indexed, sampled
from pipeline.records import Candidate
from pipeline.tars import ENDINGS


class _Found(NamedTuple):
    photos: list[Candidate]
    tars: list[Tar]


def candidates(
    config: SampleConfig,
    images: str | Sequence[str],
    seed: int,
    index: Path = Path("outputs/index"),
    say: Callable[[str], None] = print,
) -> Sequence[Candidate]:
    """The photos of a run in a fixed order, by seed; raises ConfigError if there are none.

    Photos are only listed here: they are opened by the sample stage. Tars are indexed in the folder `index` first;
    a photo in one becomes a Candidate when it is asked for.
    """
    found = [_found(one) for one in ([images] if isinstance(images, str) else images)]
    photos = list({photo.path: photo for one in found for photo in one.photos}.values())
    tars = [tar for one in found for tar in one.tars]
    if tars:
        made = sampled(photos, indexed(tars, index, say), seed, config.count)
        if not made:
            raise ConfigError(f"There is no whole photo in the {len(tars)} tars of {images}.")
        return made
    Random(seed).shuffle(photos)
    return photos if config.count is None else photos[: config.count]


def _found(images: str) -> _Found:
    if is_remote(images):
        return _remote(images)
    root, paths = _paths(images)
    tars = [path for path in paths if path.suffix == ".tar"]
    photos = _without_copies([path for path in paths if path.suffix != ".tar"])
    return _Found([_candidate(path, root) for path in photos], [_tar(path) for path in tars])


def _remote(images: str) -> _Found:
    """What is below a URI, or what a glob at one names."""
    try:
        with reached(images):
            fs, path = filesystem(images)
            listed: dict[str, Any] = fs.glob(path, detail=True) if "*" in path else fs.find(path, detail=True)
    except FileNotFoundError as error:
        raise ConfigError(f"There is nothing at {images}: {error}.") from error
    infos = {fs.unstrip_protocol(name): info for name, info in sorted(listed.items()) if info["type"] == "file"}
    photos = [
        Candidate(
            id=Candidate.name_of(address.removeprefix(images.rstrip("/") + "/")),
            path=address,
            masks=masks if (masks := f"{address.rpartition('.')[0]}.json") in infos else None,
        )
        for address in infos
        if Path(address).suffix.lower() in ENDINGS
    ]
    tars = [Tar(address, int(i["size"]), _written(i)) for address, i in infos.items() if address.endswith(".tar")]
    if not photos and not tars:
        raise ConfigError(f"There is no image and no tar at {images}.")
    return _Found(photos, tars)


def _written(info: dict[str, Any]) -> str:
    """What a store says of a file that changes when it is written anew; each store has its own word."""
    return next((str(info[key]) for key in ("ETag", "etag", "mtime", "created") if key in info), "")


def _tar(path: Path) -> Tar:
    facts = path.stat()
    return Tar(str(path.resolve()), facts.st_size, str(facts.st_mtime_ns))


def _paths(images: str) -> tuple[Path, list[Path]]:
    folder = Path(images).expanduser()
    if folder.is_dir():
        wanted = {*ENDINGS, ".tar"}
        paths = [path for path in folder.rglob("*") if path.suffix.lower() in wanted and _usable(path)]
        if not paths:
            raise ConfigError(f"There is no image in {images} (looked for {', '.join(sorted(ENDINGS))}).")
        return folder, sorted(paths)
    paths = sorted(path for path in _matches(images) if _usable(path))
    if not paths:
        raise ConfigError(
            f"There is no folder or file {images!r}. Give a folder of photos or a glob, as IMAGES=photos/."
        )
    return Path(), paths


def _matches(pattern: str) -> list[Path]:
    """The files a glob names, `**` included, wherever it starts."""
    path = Path(pattern).expanduser()
    anchor = Path(path.anchor)
    return list(anchor.glob(str(path.relative_to(anchor))))


def _usable(path: Path) -> bool:
    """Whether a path is a file whose name records can hold: JSON has no way to write a name that is no text."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return path.is_file()


def _without_copies(paths: list[Path]) -> list[Path]:
    """The first of each set of equal files. Equal files have equal sizes, so only those are read."""
    by_size: dict[int, list[Path]] = defaultdict(list)
    for path in paths:
        by_size[path.stat().st_size].append(path)
    copies: set[Path] = set()
    for alike in by_size.values():
        seen: set[str] = set()
        for path in alike if len(alike) > 1 else []:
            digest = file_hash(path)
            if digest in seen:
                copies.add(path)
            seen.add(digest)
    return [path for path in paths if path not in copies]


def _candidate(path: Path, root: Path) -> Candidate:
    relative = path.relative_to(root) if root != Path() else path
    annotation = path.with_suffix(".json")
    return Candidate(
        id=Candidate.name_of(str(relative)),
        path=str(path.resolve()),
        masks=str(annotation.resolve()) if annotation.is_file() else None,
    )
