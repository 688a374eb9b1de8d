"""What people really give a run: odd, broken and hostile photos, teachers that fail, a disk that is full."""

import json
import struct
import zlib
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image, ImageDraw

from agents.boxes import Box
from agents.photos import ORIENTATION_TAG
from tests.disk import disk, enlarge
from tests.drawn import draw
from tests.runs import (
    SIZE,
    TINT,
    Ended,
    asking,
    cof,
    count_of,
    files,
    oracle,
    photos,
    rejects_of,
    summary_of,
)
from tests.scripted import Response, Script, fault, listening

pytestmark = [pytest.mark.ray, pytest.mark.e2e, pytest.mark.timeout(1800)]

BLANK = 5
"""Number of the photo about which there is nothing to ask."""
MARK = Box(40, 500, 140, 600)
"""Where something magenta is in the photo that lies on its side, once it is upright."""


def on_its_side(path: Path) -> None:
    """A photo as a camera held sideways saves it: 640x480 in the file, 480x640 upright."""
    upright = Image.new("RGB", (480, 640), (90, 120, 90))
    ImageDraw.Draw(upright).rectangle((MARK.x1, MARK.y1, MARK.x2 - 1, MARK.y2 - 1), fill=(255, 0, 255))
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = 6
    upright.transpose(Image.Transpose.ROTATE_90).save(path, quality=95, exif=exif)


def header_only(width: int, height: int) -> bytes:
    """A PNG that says it is huge, in a hundred bytes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def mixed(folder: Path) -> Path:
    """Good photos in every guise, and all that is not a photo."""
    folder.mkdir()
    with Image.open(draw(folder / "good.jpg", *SIZE)) as image:
        image.convert("L").save(folder / "grey.png")
        image.convert("RGBA").save(folder / "clear.png")
        image.convert("CMYK").save(folder / "print.jpg")
        Image.fromarray(np.asarray(image.convert("L"), np.uint16) * 257).save(folder / "deep.png")
    on_its_side(folder / "sideways.jpg")
    draw(folder / "blank.jpg", *SIZE, seed=BLANK * TINT)
    draw(folder / "small.jpg", 100, 80)
    whole = draw(folder / "cut.jpg", *SIZE, seed=TINT).read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "text.jpg").write_text("this is not a photo")
    (folder / "bomb.png").write_bytes(header_only(30000, 30000))
    (folder / "notes.txt").write_text("neither is this, and it does not say so")
    for number, name, annotation in (
        (2, "torn", '{"image": {"width": 640, "hei'),
        (3, "other", json.dumps({"image": {"width": 64, "height": 48}, "annotations": []})),
    ):
        draw(folder / f"{name}.jpg", *SIZE, seed=number * TINT)
        (folder / f"{name}.json").write_text(annotation)
    return folder


class Mixed(NamedTuple):
    folder: Path
    ended: Ended
    rejects: dict[str, dict[str, Any]]

    def tasks(self, photo: str) -> list[dict[str, Any]]:
        records = [json.loads(path.read_text()) for path in (self.folder / "records" / "propose").rglob("*.json")]
        made = [task for record in records for task in record["records"]]
        return [task for task in made if Path(task["image"]["path"]).name == photo]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, on_cluster: dict[str, str]) -> Iterator[Mixed]:
    """One run over the whole mixture."""
    root = tmp_path_factory.mktemp("mixed")
    with oracle() as (teacher, script):
        teacher.dumb_about(BLANK)
        ended = cof(*asking(script.url, root / "run", mixed(root / "photos")), **on_cluster)
    rejects = {**rejects_of(root / "run", "sample"), **rejects_of(root / "run", "propose")}
    yield Mixed(root / "run", ended, rejects)


def test_a_mixture_ends_well(run: Mixed) -> None:
    assert (run.ended.code, run.ended.err) == (0, ""), run.ended


@pytest.mark.parametrize(
    ("photo", "reason"),
    [
        ("text.jpg", "not an image"),
        ("empty.jpg", "the file is empty (0 bytes)"),
        ("cut.jpg", "damaged image"),
        ("bomb.png", "too large"),
        ("small.jpg", "too small"),
        ("torn.jpg", "broken annotation"),
        ("other.jpg", "annotation of another photo"),
        ("blank.jpg", "nothing can be asked"),
    ],
)
def test_what_cannot_be_used_is_set_aside_with_a_reason(photo: str, reason: str, run: Mixed) -> None:
    assert run.rejects[photo]["reason"] == reason
    assert run.rejects[photo]["evidence"]["photo"] == photo


def test_only_what_cannot_be_used_is_set_aside(run: Mixed) -> None:
    assert len(run.rejects) == 9  # and one suggestion about the photo on its side
    assert summary_of(run.folder)["rejects"]["propose"]["evidence outside the picture"] == 1


@pytest.mark.parametrize("photo", ["good.jpg", "grey.png", "clear.png", "deep.png", "print.jpg"])
def test_a_good_photo_in_any_guise_yields_tasks(photo: str, run: Mixed) -> None:
    assert len(run.tasks(photo)) == 3


def test_every_task_becomes_a_trace(run: Mixed) -> None:
    summary = summary_of(run.folder)
    assert (summary["images"], summary["tasks"], summary["traces"]) == (8, 17, 17)


def test_boxes_speak_of_the_upright_photo(run: Mixed) -> None:
    found = [task for task in run.tasks("sideways.jpg") if task["kind"] == "colour"]
    (image,) = [task["image"] for task in found]
    (box,) = [Box(*box) for task in found for box in task["evidence"]]
    assert (image["width"], image["height"]) == (480, 640)
    assert box.iou(MARK) > 0.9


def refusal(tmp_path: Path, images: Path | str) -> str:
    """What is said about a folder in which there is nothing to do."""
    ended = cof("synthesize", f"out={tmp_path / 'run'}", f"sample.images={images}")
    assert (ended.code, ended.out) == (2, ""), ended
    assert ended.err.count("\n") == 1
    return ended.err


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, tmp_path).startswith(f"error: There is no image in {tmp_path} (looked for .bmp,")


def test_a_folder_without_photos_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no photo")
    assert refusal(tmp_path, tmp_path).startswith(f"error: There is no image in {tmp_path}")


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, tmp_path / "gone").startswith(f"error: There is no folder or file '{tmp_path}/gone'.")


def test_a_key_that_does_not_exist_is_refused_with_the_nearest(tmp_path: Path) -> None:
    ended = cof("synthesize", f"out={tmp_path / 'run'}", "sample.cuont=3")
    assert (ended.code, ended.err) == (2, "error: There is no key 'sample.cuont'. Did you mean 'sample.count'?\n")
    assert not (tmp_path / "run").exists()


class Refused(NamedTuple):
    """Runs that a teacher refused, all on one folder, and the one that then finished it."""

    folder: Path
    ends: dict[str, Ended]
    asked: dict[str, int]
    last: Ended


FAULTS: dict[str, Response] = {
    "key": fault(401, "Incorrect API key provided: sk-secret"),
    "stumbling": fault(500),
}
"""The others are in test_endpoint: they come to the same error, with other words."""


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory, on_cluster: dict[str, str]) -> Refused:
    root = tmp_path_factory.mktemp("refused")
    images = photos(root / "photos", 1)
    ends: dict[str, Ended] = {}
    asked: dict[str, int] = {}

    for name, answer in FAULTS.items():
        with listening(Script(repeat(answer))) as script:
            ends[name] = cof(*asking(script.url, root / "run", images), **on_cluster)
            asked[name] = len(script.asked)
    with oracle() as (_, script):
        last = cof(*asking(script.url, root / "run", images), **on_cluster)
    return Refused(root / "run", ends, asked, last)


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("key", "refused the key in $OPENAI_API_KEY (HTTP 401). Set the right one and run again."),
        ("stumbling", "failed 2 times in a row (HTTP 500). Start it or check the address, then run the same command "),
    ],
)
def test_a_failing_teacher_ends_the_run_with_a_sentence(fault: str, sentence: str, refused: Refused) -> None:
    ended = refused.ends[fault]
    assert ended.code == 2, ended
    assert sentence in ended.err
    assert ended.err.startswith("error: The teacher at http://127.0.0.1:")
    assert ended.err.count("\n") == 1


def test_a_failing_teacher_is_asked_as_often_as_was_said(refused: Refused) -> None:
    assert refused.asked == {"key": 1, "stumbling": 2}


def test_what_a_teacher_says_of_a_key_is_not_repeated(refused: Refused) -> None:
    ended = refused.ends["key"]
    assert "sk-secret" not in ended.out + ended.err
    assert not any(b"sk-secret" in path.read_bytes() for path in refused.folder.rglob("*") if path.is_file())


def test_a_teacher_that_came_to_its_senses_finishes_the_run(refused: Refused) -> None:
    assert refused.last.code == 0, refused.last
    summary = summary_of(refused.folder)
    assert (summary["traces"], summary["rejects"], summary["failed"]) == (3, {}, {})


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of a quarter of a megabyte."""
    with disk(tmp_path / "disk", "256k") as mounted:
        yield mounted


def test_a_full_disk_ends_the_run_with_a_sentence_and_costs_nothing(
    small_disk: Path, tmp_path: Path, on_cluster: dict[str, str]
) -> None:
    images, folder = photos(tmp_path / "photos", 1), small_disk / "run"
    with oracle() as (teacher, script):
        command = asking(script.url, folder, images)
        full = cof(*command, **on_cluster)
        assert full.code == 2, full
        assert full.err == f"error: No space is left for {folder}. Free some and run again: nothing is lost.\n"
        paid = count_of(folder)
        assert paid > 0
        enlarge(small_disk, "32m")
        last = cof(*command, **on_cluster)
        assert last.code == 0, last
        # What could not be kept may have to be asked again; what was kept is not.
        assert len(set(teacher.answered)) == count_of(folder) == 29
        assert len(teacher.answered) - 29 <= 29 - paid
    assert files(folder, "dataset")
