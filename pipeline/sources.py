"""Finding photos: a folder, a glob, an SA-1B folder; no file twice, a sample by seed."""

from collections import defaultdict
from pathlib import Path
from random import Random

from agents.photos import file_hash
from pipeline.config import ConfigError, SampleConfig
from pipeline.records import Candidate

ENDINGS = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".mpo"}


def candidates(config: SampleConfig, images: str, seed: int) -> list[Candidate]:
    """The photos of a run in a fixed order, by seed; raises ConfigError if there are none.

    Photos are only listed here: they are opened by the sample stage.
    """
    root, paths = _paths(images)
    found = [_candidate(path, root) for path in _without_copies(paths)]
    Random(seed).shuffle(found)
    return found if config.count is None else found[: config.count]


def _paths(images: str) -> tuple[Path, list[Path]]:
    folder = Path(images)
    if folder.is_dir():
        paths = [path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS and _usable(path)]
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
    path = Path(pattern)
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
