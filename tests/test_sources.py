"""Finding photos: in a folder, by a glob, beside their masks; no file twice, a sample by seed."""

import os
import shutil
from pathlib import Path

import pytest

from pipeline.config import ConfigError, SampleConfig
from pipeline.records import Candidate
from pipeline.sources import candidates
from tests.drawn import draw


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight photos, two in a folder of their own."""
    root = tmp_path_factory.mktemp("photos")
    (root / "inner").mkdir()
    for number in range(8):
        draw((root / "inner" if number > 5 else root) / f"{number}.jpg", 64, 48, seed=30 * number)
    (root / "notes.txt").write_text("not a photo")
    return root


def names(images: Path | str, seed: int = 0, count: int | None = None) -> list[str]:
    return [Path(one.path).name for one in candidates(SampleConfig(count=count), str(images), seed)]


def test_a_folder_is_searched_to_its_depth(folder: Path) -> None:
    assert sorted(names(folder)) == [f"{number}.jpg" for number in range(8)]


def test_a_glob_takes_what_it_matches(folder: Path) -> None:
    assert sorted(names(f"{folder}/[0-2].jpg")) == ["0.jpg", "1.jpg", "2.jpg"]


def test_a_glob_may_go_deep(folder: Path) -> None:
    assert len(names(f"{folder}/**/*.jpg")) == 8


def test_one_file_is_a_source_too(folder: Path) -> None:
    assert names(folder / "3.jpg") == ["3.jpg"]


def test_the_seed_sets_the_order(folder: Path) -> None:
    assert names(folder, 1) == names(folder, 1) != names(folder, 2)


def test_a_sample_is_the_beginning_of_the_order(folder: Path) -> None:
    assert names(folder, 1, 3) == names(folder, 1)[:3]


def test_all_are_taken_when_more_are_asked_for(folder: Path) -> None:
    assert len(names(folder, 1, 100)) == 8


def test_an_empty_folder_is_said_plainly(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ConfigError, match=r"There is no image in .* \(looked for \.bmp, "):
        names(tmp_path)


@pytest.mark.parametrize("images", ["nowhere", "nowhere/*.jpg"])
def test_a_place_without_photos_is_said_plainly(images: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no folder or file"):
        names(f"{tmp_path}/{images}")


def test_equal_files_are_taken_once(folder: Path, tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg", "c.jpeg"):
        shutil.copy(folder / "1.jpg", tmp_path / name)
    shutil.copy(folder / "2.jpg", tmp_path / "other.jpg")
    assert sorted(names(tmp_path)) == ["a.jpg", "other.jpg"]


def test_files_of_one_size_are_not_copies_for_that(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"aaaa")
    (tmp_path / "b.jpg").write_bytes(b"bbbb")
    assert len(names(tmp_path)) == 2


def test_the_ending_may_be_in_capitals(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "1.jpg", tmp_path / "A.JPG")
    assert names(tmp_path) == ["A.JPG"]


def test_a_folder_that_is_named_like_a_photo_is_none(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "album.jpg").mkdir()
    shutil.copy(folder / "1.jpg", tmp_path / "album.jpg" / "1.jpg")
    assert names(tmp_path) == ["1.jpg"]


def test_an_annotation_beside_a_photo_is_found(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "1.jpg", tmp_path / "sa_1.jpg")
    shutil.copy(folder / "2.jpg", tmp_path / "sa_2.jpg")
    (tmp_path / "sa_1.json").write_text("{}")
    found = {Path(one.path).name: one.masks for one in candidates(SampleConfig(), str(tmp_path), 0)}
    assert found == {"sa_1.jpg": str(tmp_path / "sa_1.json"), "sa_2.jpg": None}


def test_an_id_depends_on_the_place_within_the_folder_only(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "moved")
    one, other = (
        {candidate.id for candidate in candidates(SampleConfig(), str(where), 0)}
        for where in (folder, tmp_path / "moved")
    )
    assert one == other
    assert len(one) == 8


def test_a_file_name_that_is_no_text_does_not_stop_the_run(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "1.jpg", tmp_path / os.fsdecode(b"caf\xe9.jpg"))
    shutil.copy(folder / "2.jpg", tmp_path / "2.jpg")
    found = candidates(SampleConfig(), str(tmp_path), 0)
    assert [Candidate.model_validate_json(one.model_dump_json()) for one in found] == found
    assert "2.jpg" in {Path(one.path).name for one in found}


def test_a_folder_whose_name_holds_a_glob_is_still_a_folder(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "shots [1]").mkdir()
    shutil.copy(folder / "1.jpg", tmp_path / "shots [1]" / "1.jpg")
    assert names(tmp_path / "shots [1]") == ["1.jpg"]


def test_a_link_that_leads_nowhere_is_no_photo(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "1.jpg", tmp_path / "1.jpg")
    (tmp_path / "2.jpg").symlink_to(tmp_path / "gone.jpg")
    assert names(tmp_path) == ["1.jpg"]


def test_a_home_folder_may_be_written_as_its_sign(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder.parent))
    assert sorted(names(f"~/{folder.name}")) == sorted(names(folder))
    assert sorted(names(f"~/{folder.name}/**/*.jpg")) == sorted(names(folder))
