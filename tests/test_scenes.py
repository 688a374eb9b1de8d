"""The drawn sample set: its layout, its truth, and that drawing again changes nothing."""

import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco

from pipeline.scenes import SceneTruth, draw_scenes
from pipeline.scenes.lettering import text_ink
from pipeline.scenes.palette import COLOUR_NAMES, PALETTE, contrast, jittered, readable_on
from pipeline.scenes.pose import Lean, pose_of

COUNT, SEED = 3, 11


class Drawn(NamedTuple):
    """The folders of a small sample set."""

    images: Path
    truth: Path

    def truths(self) -> list[SceneTruth]:
        return [SceneTruth.model_validate_json(path.read_bytes()) for path in sorted(self.truth.iterdir())]

    def annotations(self) -> list[dict[str, Any]]:
        return [json.loads(path.read_bytes()) for path in sorted(self.images.glob("sa_*.json"))]

    def contents(self) -> dict[str, bytes]:
        files = (*self.images.iterdir(), *self.truth.iterdir())
        return {f"{path.parent.name}/{path.name}": path.read_bytes() for path in files}


def draw_in(folder: Path, count: int = COUNT, seed: int = SEED, workers: int = 1) -> Drawn:
    drawn = Drawn(folder / "images", folder / "truth")
    draw_scenes(drawn.images, drawn.truth, count, seed, workers)
    return drawn


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    return draw_in(tmp_path_factory.mktemp("scenes"))


def decode(annotation: dict[str, Any]) -> NDArray[np.uint8]:
    return np.asarray(coco.decode(annotation["segmentation"]), dtype=np.uint8)


def test_every_scene_is_a_picture_an_annotation_and_a_truth(drawn: Drawn) -> None:
    expected = {f"{folder}/sa_{n}.json" for folder in ("images", "truth") for n in range(1, COUNT + 1)}
    assert set(drawn.contents()) == expected | {f"images/sa_{n}.jpg" for n in range(1, COUNT + 1)}


def test_the_same_seed_draws_the_same_bytes_in_any_number_of_processes(drawn: Drawn, tmp_path: Path) -> None:
    assert draw_in(tmp_path, workers=2).contents() == drawn.contents()


def test_another_seed_draws_other_scenes(drawn: Drawn, tmp_path: Path) -> None:
    other = draw_in(tmp_path, count=1, seed=SEED + 1).contents()
    assert other["images/sa_1.jpg"] != drawn.contents()["images/sa_1.jpg"]


def test_drawing_again_writes_no_file(tmp_path: Path) -> None:
    drawn = draw_in(tmp_path, count=1)
    before = [path.stat().st_mtime_ns for path in (*drawn.images.iterdir(), *drawn.truth.iterdir())]
    draw_in(tmp_path, count=1)
    assert before == [path.stat().st_mtime_ns for path in (*drawn.images.iterdir(), *drawn.truth.iterdir())]


@pytest.mark.parametrize("lost", ["images/sa_1.jpg", "images/sa_1.json", "truth/sa_1.json"])
def test_a_lost_file_is_drawn_again(drawn: Drawn, tmp_path: Path, lost: str) -> None:
    draw_in(tmp_path, count=1)
    (tmp_path / lost).unlink()
    assert draw_in(tmp_path, count=1).contents()[lost] == drawn.contents()[lost]


def test_scenes_of_another_seed_are_replaced(drawn: Drawn, tmp_path: Path) -> None:
    draw_in(tmp_path, count=1, seed=SEED + 1)
    now = draw_in(tmp_path, count=1).contents()
    assert now == {name: drawn.contents()[name] for name in now}


def test_a_damaged_truth_file_is_drawn_again(tmp_path: Path) -> None:
    drawn = draw_in(tmp_path, count=1)
    (drawn.truth / "sa_1.json").write_text('{"image": "sa_1')
    assert draw_in(tmp_path, count=1).truths()[0].seed == SEED


def test_picture_annotation_and_truth_agree_on_name_and_size(drawn: Drawn) -> None:
    for truth, annotation in zip(drawn.truths(), drawn.annotations(), strict=True):
        image = annotation["image"]
        assert (image["file_name"], image["width"], image["height"]) == (
            truth.image,
            truth.width,
            truth.height,
        )
        assert Image.open(drawn.images / truth.image).size == (truth.width, truth.height)


def test_annotations_have_the_fields_of_sa_1b(drawn: Drawn) -> None:
    fields = {
        "id", "segmentation", "bbox", "area", "predicted_iou", "point_coords", "stability_score", "crop_box",
    }  # fmt: skip
    for annotation in drawn.annotations():
        assert set(annotation["image"]) == {"image_id", "width", "height", "file_name"}
        assert all(set(entry) == fields for entry in annotation["annotations"])
        ids = [entry["id"] for entry in annotation["annotations"]]
        assert len(set(ids)) == len(ids) > 20


def test_masks_decode_to_the_picture_size_and_their_box_and_area(drawn: Drawn) -> None:
    annotation = drawn.annotations()[0]
    height, width = annotation["image"]["height"], annotation["image"]["width"]
    for entry in annotation["annotations"]:
        mask = decode(entry)
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        tight = [columns[0], rows[0], columns[-1] + 1 - columns[0], rows[-1] + 1 - rows[0]]
        assert mask.shape == (height, width)
        assert entry["area"] == mask.sum() > 0
        assert entry["bbox"] == tight


def test_the_prompt_point_lies_on_its_mask(drawn: Drawn) -> None:
    for entry in drawn.annotations()[0]["annotations"]:
        x, y = entry["point_coords"][0]
        assert decode(entry)[int(y), int(x)] == 1


def test_every_thing_has_a_mask(drawn: Drawn) -> None:
    for truth, annotation in zip(drawn.truths(), drawn.annotations(), strict=True):
        boxes = np.array([entry["bbox"] for entry in annotation["annotations"]])
        boxes[:, 2:] += boxes[:, :2]
        for thing in truth.things:
            assert np.abs(boxes - thing.box).max(axis=1).min() <= 1


def test_boxes_lie_inside_one_another(drawn: Drawn) -> None:
    for truth in drawn.truths():
        for thing in truth.things:
            left, top, right, bottom = thing.box
            assert 0 <= left < right <= truth.width and 0 <= top < bottom <= truth.height
            marks = [box for marks in thing.marks for box in marks.boxes]
            for x0, y0, x1, y1 in (*(line.box for line in thing.lines), *marks):
                assert left < x0 < x1 < right and top < y0 < y1 < bottom


def test_things_do_not_overlap(drawn: Drawn) -> None:
    for truth in drawn.truths():
        covered = np.zeros((truth.height, truth.width), dtype=np.uint8)
        for x0, y0, x1, y1 in (thing.box for thing in truth.things):
            covered[y0:y1, x0:x1] += 1
        assert covered.max() == 1


def test_no_line_of_a_scene_is_written_twice(drawn: Drawn) -> None:
    for truth in drawn.truths():
        texts = [line.text.casefold() for thing in truth.things for line in thing.lines]
        assert len(set(texts)) == len(texts)


def test_every_scene_has_writing_at_many_scales(drawn: Drawn) -> None:
    for truth in drawn.truths():
        heights = [line.height for thing in truth.things for line in thing.lines]
        assert min(heights) < 14 and max(heights) > 80
        assert any(20 <= height <= 60 for height in heights)


def test_the_ink_of_a_line_fills_its_box(drawn: Drawn) -> None:
    """The box is tight: where the picture differs from the ground reaches all four edges, up to JPEG blur."""
    for truth in drawn.truths():
        picture = np.asarray(Image.open(drawn.images / truth.image).convert("L"), dtype=np.int16)
        for line in (line for thing in truth.things for line in thing.lines):
            left, top, right, bottom = line.box
            ground = np.median(picture[top - 3 : bottom + 3, left - 3 : right + 3])
            ink = np.abs(picture[top:bottom, left:right] - ground) > 40
            rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
            assert rows[0] <= 2 and columns[0] <= 2
            assert rows[-1] >= bottom - top - 3 and columns[-1] >= right - left - 3


def test_marks_are_large_enough_to_count(drawn: Drawn) -> None:
    for thing in (thing for truth in drawn.truths() for thing in truth.things):
        smallest = min(line.height for line in thing.lines)
        boxes = [box for marks in thing.marks for box in marks.boxes]
        assert len(boxes) in (0, *range(2, 8))
        assert all(min(x1 - x0, y1 - y0) >= max(13, 0.4 * smallest) for x0, y0, x1, y1 in boxes)


@pytest.mark.parametrize("background", COLOUR_NAMES)
def test_lettering_stands_out_from_every_background(background: Any) -> None:
    names = readable_on(background)
    assert names
    assert all(contrast(PALETTE[name], PALETTE[background]) >= 4.5 for name in names)


@given(st.sampled_from(COLOUR_NAMES), st.integers(0, 2**32))
def test_a_jittered_colour_is_still_nearest_to_its_name(name: Any, seed: int) -> None:
    colour = np.array(jittered(name, np.random.default_rng(seed)))
    assert min(COLOUR_NAMES, key=lambda other: np.linalg.norm(colour - PALETTE[other])) == name


@given(st.floats(11, 150), st.floats(0, 0.045))
def test_capitals_are_as_high_as_asked_for(cap: float, weight: float) -> None:
    rows = text_ink("H", cap, weight, tracking=0.02).shape[0]
    # A letter that begins within a pixel touches one row more than it is high.
    assert math.floor(0.98 * cap) - 1 <= rows <= math.ceil(1.02 * cap) + 1


@given(st.floats(-0.05, 0.05), st.floats(0, 0.05), st.tuples(st.integers(20, 900), st.integers(20, 600)))
def test_a_leaning_sheet_stays_inside_its_patch(turn: float, left: float, size: tuple[int, int]) -> None:
    pose = pose_of(size, 1, Lean(turn=turn, left=left))
    corners = pose.carry(np.array([(0, 0), (size[0], 0), size, (0, size[1])], dtype=np.float64))
    assert (corners >= -0.01).all() and (corners <= np.array(pose.size) + 0.01).all()
