"""sample: which files become image records, and why the others do not."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from agents.files import FileError
from agents.photos import file_hash
from pipeline.records import Candidate, ImageRecord, Rejected
from pipeline.stage import Worker
from pipeline.stages.sample import Sample
from tests.drawn import config_at, draw
from tests.scripted import closed_port


def sample(path: Path, masks: Path | None = None, **limits: Any) -> tuple[list[ImageRecord], list[Rejected]]:
    """What the stage makes of a file, through its worker."""
    worker = Worker((Sample,), config_at(closed_port(), path.parent / "run", sample=limits))
    candidate = Candidate(id=path.stem, path=str(path), masks=str(masks) if masks else None)
    made = asyncio.run(worker.work(candidate.model_dump_json()))
    assert list(worker.store.failed("sample")) == []
    return [ImageRecord.model_validate_json(text) for text in made], list(worker.store.rejected("sample"))


def reason(path: Path, masks: Path | None = None, **limits: Any) -> str:
    made, rejects = sample(path, masks, **limits)
    assert made == []
    return rejects[0].reason


def test_a_sound_photo_becomes_a_record(photo: Path) -> None:
    ((record,), rejects) = sample(photo)
    assert (record.size, record.sha256, record.id) == ((640, 480), file_hash(photo), file_hash(photo)[:16])
    assert rejects == []


def test_a_photo_on_its_side_has_its_upright_size(tmp_path: Path) -> None:
    ((record,), _) = sample(draw(tmp_path / "side.jpg", 640, 480, orientation=6))
    assert record.size == (480, 640)


def test_a_small_photo_is_rejected(photo: Path) -> None:
    assert reason(photo, min_side=500) == "too small"


def test_a_large_photo_is_rejected(photo: Path) -> None:
    assert reason(photo, max_side=600) == "too large"


def test_a_photo_just_large_enough_is_taken(photo: Path) -> None:
    assert sample(photo, min_side=480, max_side=640)[1] == []


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"", "the file is empty (0 bytes)"), (b"hello", "not an image"), (b"\xff\xd8\xff", "not an image")],
)
def test_a_file_that_is_no_photo_is_rejected(content: bytes, why: str, tmp_path: Path) -> None:
    (tmp_path / "one.jpg").write_bytes(content)
    assert reason(tmp_path / "one.jpg") == why


def test_a_file_that_is_gone_is_rejected(tmp_path: Path) -> None:
    assert reason(tmp_path / "one.jpg") == "the file is gone"


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_a_photo_with_a_broken_exif_is_taken(tmp_path: Path) -> None:
    Image.new("RGB", (300, 300)).save(tmp_path / "one.jpg", exif=b"Exif\0\0garbage")
    assert len(sample(tmp_path / "one.jpg")[0]) == 1


def annotate(photo: Path, width: int, height: int) -> Path:
    path = photo.with_suffix(".json")
    path.write_text(json.dumps({"image": {"width": width, "height": height}, "annotations": []}))
    return path


def test_a_photo_keeps_its_annotation(photo: Path) -> None:
    masks = annotate(photo, 640, 480)
    assert sample(photo, masks)[0][0].masks == str(masks)


def test_a_photo_with_the_annotation_of_another_is_rejected(photo: Path) -> None:
    assert "annotation" in reason(photo, annotate(photo, 480, 640))


def test_a_photo_with_a_broken_annotation_is_rejected(photo: Path) -> None:
    photo.with_suffix(".json").write_text("{")
    assert "broken annotation" in reason(photo, photo.with_suffix(".json"))


def with_masks(photo: Path, *areas: int) -> Path:
    """An annotation with masks of these areas, in pixels."""
    box = {"bbox": [0, 0, 10, 10], "predicted_iou": 0.9, "segmentation": {"size": [480, 640], "counts": "x"}}
    path = photo.with_suffix(".json")
    content = {"image": {"width": 640, "height": 480}, "annotations": [{**box, "area": area} for area in areas]}
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        ({"min_masks": 5}, "too few masks"),
        ({"max_masks": 3}, "too many masks"),
        ({"small_masks": {"below": 0.001, "least": 0.6}}, "too few small masks"),
        ({"small_masks": {"below": 0.001, "most": 0.4}}, "too many small masks"),
    ],
)
def test_a_photo_with_other_masks_than_wanted_is_rejected(limits: dict[str, Any], why: str, photo: Path) -> None:
    assert reason(photo, with_masks(photo, 10, 306, 308, 9999), **limits) == why  # a thousandth is 307.2 pixels


def test_a_photo_whose_masks_are_just_as_wanted_is_taken(photo: Path) -> None:
    masks = with_masks(photo, 10, 306, 308, 9999)
    small = {"below": 0.001, "least": 0.5, "most": 0.5}
    assert sample(photo, masks, min_masks=4, max_masks=4, small_masks=small)[1] == []


def test_a_photo_without_an_annotation_has_no_masks(photo: Path) -> None:
    assert reason(photo, min_masks=1) == "too few masks"


@pytest.mark.parametrize(
    "line", ["photo", "photo.jpg  # of V*", '{"image": "direct_attributes/photo.jpg", "label": "A"}']
)
def test_a_photo_whose_name_is_on_a_list_is_kept_out(line: str, photo: Path, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text(f"# a benchmark\nother\n\n{line}\n")
    assert reason(photo, exclude=[str(tmp_path / "list.txt")]) == "on a list of photos to keep out"


def test_a_photo_is_kept_out_by_its_hash_under_any_name(photo: Path, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text(file_hash(photo).upper())
    assert reason(photo, exclude=[str(tmp_path / "list.txt")]) == "on a list of photos to keep out"


def test_a_photo_on_no_list_is_taken(photo: Path, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("photo2\n")
    assert sample(photo, exclude=[str(tmp_path / "list.txt")])[1] == []


def test_a_list_that_is_gone_is_the_operators(photo: Path) -> None:
    with pytest.raises(FileError, match=r"The list nowhere.txt in sample.exclude cannot be read"):
        sample(photo, exclude=["nowhere.txt"])


def test_photos_with_broken_annotations_are_counted_together(tmp_path: Path) -> None:
    reasons = set()
    for name in ("sa_1", "sa_2"):
        (tmp_path / name).mkdir()
        photo = draw(tmp_path / name / f"{name}.jpg")
        photo.with_suffix(".json").write_text("{")
        reasons.add(reason(photo, photo.with_suffix(".json")))
    assert len(reasons) == 1
