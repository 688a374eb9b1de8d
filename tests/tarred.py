"""SA-1B tars for tests: small photos and their annotations, and members that nobody should want."""

import io
import json
import tarfile
from collections.abc import Iterable
from pathlib import Path

from tests.drawn import draw


def pair(folder: Path, number: int, width: int = 320, height: int = 400, orientation: int = 1) -> list[Path]:
    """A photo `sa_<number>.jpg` with its annotation, of the upright size."""
    folder.mkdir(parents=True, exist_ok=True)
    photo = draw(folder / f"sa_{number}.jpg", width, height, orientation, seed=7 * number)
    upright = (height, width) if orientation > 4 else (width, height)
    content = {"image": {"width": upright[0], "height": upright[1]}, "annotations": []}
    photo.with_suffix(".json").write_text(json.dumps(content))
    return [photo, photo.with_suffix(".json")]


def tar(path: Path, files: Iterable[Path], **more: bytes) -> Path:
    """A tar as SA-1B's are, `./` before each name; `more` are members by name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for file in files:
            archive.add(file, f"./{file.name}")
        for name, content in more.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def sa1b(root: Path, tars: int = 2, photos: int = 3) -> Path:
    """A folder of tars; the photos themselves lie in `loose` beside it."""
    for number in range(tars):
        files = [file for n in range(photos) for file in pair(root / "loose", photos * number + n)]
        tar(root / "tars" / f"sa_{number:06d}.tar", files)
    return root / "tars"
