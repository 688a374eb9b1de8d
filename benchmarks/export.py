"""How time and memory of the export grow with the number of rows, from a thousand to a hundred thousand.

Ten rows on each photo, of which half look closer once, each at a place of its own; Ray writes the shards as in a run.
Usage: python -m benchmarks.export [--rows 1000 10000 100000]
"""

import io
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops

from agents.boxes import Box, Size
from agents.photos import file_hash
from agents.trace import Answer, Focus, Segment, Think, Trace, Zoom
from agents.trajectory import Attempt, Trajectory
from agents.views import ZoomPolicy, zoom_view
from benchmarks.alone import megabytes, tabulate
from benchmarks.images import photo
from pipeline.config import RuntimeConfig
from pipeline.export import CardFacts, ExportConfig, export
from pipeline.records import ImageRecord, Task, Traced
from pipeline.session import ray_session
from pipeline.shards import on_ray

SIZE = Size(640, 480)
ROWS_A_PHOTO = 10


def main() -> None:
    """Measure and print a table."""
    columns = {"shards": "{shards}", "MB of them": "{megabytes:.0f}", "driver, MB at most": "{peak:.0f}"}
    tabulate(__doc__, "rows", (10**3, 10**4, 10**5), measured, columns)


def measured(rows: int) -> dict[str, Any]:
    """One export, from the first trace to the dataset in place."""
    with tempfile.TemporaryDirectory(dir="outputs") as name, ray_session(RuntimeConfig()):
        images = sorted(photos(Path(name, "photos"), rows // ROWS_A_PHOTO), key=lambda image: image.id)
        began = time.monotonic()
        facts = CardFacts(teacher="none", seed=0, code_version="0")
        done = export(traces(images), ExportConfig(), Path(name, "dataset"), facts, on_ray)
        seconds = time.monotonic() - began
    assert sum(done.rows.values()) == rows
    return {"seconds": seconds, "shards": done.shards, "megabytes": done.bytes / 1e6, "peak": megabytes("VmHWM")}


def photos(folder: Path, count: int) -> Iterator[ImageRecord]:
    """So many pictures, one moved on from the other, so that no two are stored as one."""
    folder.mkdir()
    picture = Image.open(io.BytesIO(photo(SIZE)))
    for number in range(count):
        path = folder / f"{number:06d}.jpg"
        ImageChops.offset(picture, number % SIZE.width, number // SIZE.width).save(path, "JPEG", quality=90)
        sha256 = file_hash(path)
        yield ImageRecord(id=sha256[:16], path=str(path), sha256=sha256, width=SIZE.width, height=SIZE.height)


def traces(images: list[ImageRecord]) -> Iterator[Traced]:
    """The rows of all photos, one after the other."""
    for image in images:
        for number in range(ROWS_A_PHOTO):
            yield trace(image, number)


def trace(image: ImageRecord, number: int) -> Traced:
    """A question that is answered at once or, every second, after a look at a place of its own."""
    box = Box(40 * number, 30 * number, 40 * number + 96, 30 * number + 72)
    segments: list[Segment] = []
    if number % 2:
        segments += [Think(text="The sign is too small to read."), Focus(box=box)]
        segments.append(Zoom(view=zoom_view(SIZE, box, ZoomPolicy())))
    segments.append(Think(text="It is red."))
    segments.append(Answer(text="B"))
    task = Task(
        id=f"{image.id}-{number:03d}",
        image=image,
        kind="colour",
        question="What colour is the sign?",
        choices=("blue", "red"),
        answer="B",
        evidence=(box,),
        resolution=224,
    )
    trajectory = Trajectory(attempts=(Attempt(steps=()),), calls=())
    return Traced(id=task.id, task=task, trajectory=trajectory, trace=Trace(segments=tuple(segments)), calls=())


if __name__ == "__main__":
    main()
