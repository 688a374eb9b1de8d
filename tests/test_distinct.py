"""Near-duplicates: what looks the same is found however it was saved, and the first of the sample stays."""

from pathlib import Path

import pytest
from PIL import Image, ImageOps

from agents.likeness import Seen
from agents.photos import ORIENTATION_TAG, likeness_of
from pipeline.scenes import draw_scenes
from tests.drawn import draw
from tests.runs import SIZE, TINT, asking, cof, oracle, photos, rejects_of, summary_of


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    root = tmp_path_factory.mktemp("scenes")
    draw_scenes(root / "scenes", root / "truth", 3, 0, workers=1)
    return sorted((root / "scenes").glob("*.jpg"))


def differ(one: Path, other: Path) -> int:
    """Bits that differ."""
    return (int(likeness_of(one), 16) ^ int(likeness_of(other), 16)).bit_count()


def test_a_photo_saved_again_smaller_and_worse_stays_near(scenes: list[Path], tmp_path: Path) -> None:
    for scene in scenes:
        with Image.open(scene) as image:
            image.resize((image.width // 3, image.height // 3)).save(tmp_path / scene.name, quality=40)
        assert differ(scene, tmp_path / scene.name) <= 4


def test_a_photo_saved_on_its_side_stays_near(scenes: list[Path], tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = 6
    with Image.open(scenes[0]) as image:
        image.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "side.jpg", quality=95, exif=exif)
    assert differ(scenes[0], tmp_path / "side.jpg") <= 4


def test_other_photos_and_the_mirrored_one_are_far(scenes: list[Path], tmp_path: Path) -> None:
    with Image.open(scenes[0]) as image:
        ImageOps.mirror(image).save(tmp_path / "mirrored.jpg")
    assert min(differ(scenes[0], other) for other in (*scenes[1:], tmp_path / "mirrored.jpg")) > 12


@pytest.mark.parametrize("bits", [0, 3, 4, 12])
def test_hashes_are_near_up_to_the_bits_and_not_beyond(bits: int) -> None:
    seen = Seen(bits)
    seen.add(0, "zero")
    spread = [sum(1 << (number * 64 // (count or 1)) for number in range(count)) for count in (bits, bits + 1)]
    assert [seen.near(value) for value in spread] == ["zero", None]


def saved_again(photo: Path) -> None:
    """The same picture in another file."""
    photo.with_name(f"{photo.stem}-again.jpg").write_bytes(photo.read_bytes() + b"more")


@pytest.mark.ray
@pytest.mark.e2e
def test_the_first_of_the_sample_stays_in_every_run(tmp_path: Path, on_cluster: dict[str, str]) -> None:
    folder = photos(tmp_path / "photos", 1)
    saved_again(folder / "0.jpg")
    told = []
    for name in ("one", "two"):
        with oracle() as (_, script):
            switch = "sample.near_duplicates={bits: 0}"
            ended = cof(*asking(script.url, tmp_path / name, folder, switch), **on_cluster)
        assert ended.code == 0, ended
        assert summary_of(tmp_path / name)["rejects"]["sample"] == {"near-duplicate of another photo": 1}
        told.append({photo: one["evidence"]["of"] for photo, one in rejects_of(tmp_path / name, "sample").items()})
    assert told[0] == told[1]


@pytest.mark.ray
@pytest.mark.e2e
def test_what_looks_like_a_benchmark_image_is_kept_out(tmp_path: Path, on_cluster: dict[str, str]) -> None:
    benchmark = photos(tmp_path / "benchmark", 1)
    folder = photos(tmp_path / "photos", 1)
    saved_again(folder / "0.jpg")
    draw(folder / "0.jpg", *SIZE[::-1], seed=TINT)  # Another picture now: upright, and of another tint.
    with oracle() as (_, script):
        switch = f"sample.near_duplicates={{bits: 2, benchmarks: [{benchmark}]}}"
        ended = cof(*asking(script.url, tmp_path / "run", folder, switch), **on_cluster)
    assert ended.code == 0, ended
    assert {photo: one["reason"] for photo, one in rejects_of(tmp_path / "run", "sample").items()} == {
        "0-again.jpg": "near-duplicate of a benchmark image"
    }
