"""SA-1B annotations: regions of a photo, and files that do not fit it."""

import json
from asyncio import run
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco

from agents.boxes import Box, Size
from agents.masks import MaskError, MaskFile, read_annotations

SIZE = Size(80, 60)


def annotation(box: Box, hole: Box | None = None) -> dict[str, Any]:
    """A thing as SA-1B has it: a filled box, maybe with a hole."""
    pixels = np.zeros((SIZE.height, SIZE.width), np.uint8, order="F")
    pixels[box.y1 : box.y2, box.x1 : box.x2] = 1
    if hole:
        pixels[hole.y1 : hole.y2, hole.x1 : hole.x2] = 0
    encoded = coco.encode(pixels)
    return {
        "bbox": [box.x1, box.y1, *box.size],
        "area": int(pixels.sum()),
        "predicted_iou": 0.9,
        "segmentation": {"size": encoded["size"], "counts": encoded["counts"].decode()},
    }


LARGE, SMALL, RING = Box(0, 0, 60, 50), Box(10, 10, 20, 20), Box(30, 10, 50, 40)
HOLE = Box(35, 15, 45, 35)


def content() -> dict[str, Any]:
    return {
        "image": {"width": SIZE.width, "height": SIZE.height},
        "annotations": [annotation(SMALL), annotation(LARGE), annotation(RING, HOLE)],
    }


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "sa_1.json"
    file.write_text(json.dumps(content()))
    return file


@pytest.fixture
def masks(path: Path) -> MaskFile:
    return MaskFile(path, SIZE)


def test_regions_come_largest_first(masks: MaskFile) -> None:
    assert [region.box for region in run(masks.regions())] == [LARGE, RING, SMALL]


def test_a_point_finds_the_smallest_thing_first(masks: MaskFile) -> None:
    assert [region.box for region in run(masks.at_point(15, 15))] == [SMALL, LARGE]


def test_a_point_in_the_hole_of_a_thing_does_not_find_it(masks: MaskFile) -> None:
    assert [region.box for region in run(masks.at_point(40, 25))] == [LARGE]


def test_a_point_beside_everything_finds_nothing(masks: MaskFile) -> None:
    assert run(masks.at_point(79, 59)) == []


def test_a_box_finds_the_thing_it_fits_best(masks: MaskFile) -> None:
    assert run(masks.at_box(Box(9, 9, 21, 21)))[0].box == SMALL


def test_a_box_beside_everything_finds_nothing(masks: MaskFile) -> None:
    assert run(masks.at_box(Box(70, 55, 80, 60))) == []


def test_without_a_file_there_are_no_regions() -> None:
    masks = MaskFile(None, SIZE)
    assert run(masks.regions()) == run(masks.at_point(1, 1)) == run(masks.at_box(LARGE)) == []


def broken(path: Path, **changes: Any) -> str:
    path.write_text(json.dumps({**content(), **changes}))
    return refused(path)


def refused(path: Path) -> str:
    with pytest.raises(MaskError) as caught:
        read_annotations(path, SIZE)
    return str(caught.value)


def test_a_file_for_another_photo_is_refused_with_both_sizes(path: Path) -> None:
    said = broken(path, image={"width": 60, "height": 80})
    assert "60x80" in said
    assert "80x60" in said


def test_a_file_that_is_gone_is_refused(tmp_path: Path) -> None:
    assert "sa_9.json" in refused(tmp_path / "sa_9.json")


@pytest.mark.parametrize("text", ["", "no json", "[]", "null", "7", '{"image": {}}', '{"image": null}', "\ud800"])
def test_a_file_that_is_no_annotation_is_refused(text: str, path: Path) -> None:
    path.write_bytes(text.encode(errors="surrogatepass"))
    assert "broken annotation" in refused(path)


BAD: list[Any] = [
    None,
    7,
    "thing",
    {},
    {"bbox": None},
    {"bbox": [1, 2, 3]},
    {"bbox": "abcd"},
    {"bbox": [float("nan"), 0, 5, 5]},
    {"bbox": [0, 0, float("inf"), 5]},
    {"area": None},
    {"area": float("inf")},
    {"predicted_iou": "high"},
    {"segmentation": None},
    {"segmentation": {}},
]


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_an_annotation_that_is_none_makes_the_file_broken(bad: Any, path: Path) -> None:
    one = {**annotation(SMALL), **bad} if isinstance(bad, dict) and bad else bad
    assert "broken annotation" in broken(path, annotations=[one])


def test_the_reason_is_the_same_words_for_the_same_cause(tmp_path: Path) -> None:
    """The reason is what stands before the colon: rejects are counted by it."""
    reasons = set()
    for name in ("sa_1.json", "sa_2.json"):
        (tmp_path / name).write_text("{")
        reasons.add(refused(tmp_path / name).partition(":")[0])
    assert len(reasons) == 1


def test_a_file_for_another_photo_has_one_reason_too(tmp_path: Path) -> None:
    reasons = {
        broken(tmp_path / f"sa_{width}.json", image={"width": width, "height": 80}).partition(":")[0]
        for width in (50, 60)
    }
    assert len(reasons) == 1
