"""Photos in tars: found without unpacking, indexed once, sampled by seed, and no member leads anywhere."""

import random
import tarfile
from pathlib import Path

import pytest

from agents import files
from agents.photos import open_photo
from pipeline import tars as reading
from pipeline.config import ConfigError, SampleConfig
from pipeline.index import Tar, indexed
from pipeline.records import Candidate, Traced
from pipeline.sources import candidates
from pipeline.tars import Reading
from tests.flows import flow
from tests.runs import oracle, photos
from tests.tarred import pair, sa1b, tar


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sa1b(tmp_path_factory.mktemp("sa1b"))


def found(images: Path | list[str], index: Path, seed: int = 0, count: int | None = None) -> list[Candidate]:
    where = str(images) if isinstance(images, Path) else images
    return list(candidates(SampleConfig(count=count), where, seed, index, lambda _: None))


def said(images: Path, index: Path) -> list[str]:
    lines: list[str] = []
    candidates(SampleConfig(count=None), str(images), 0, index, lines.append)
    return lines


def names(found: list[Candidate]) -> list[str]:
    return [files.name_of(one.path) for one in found]


def test_all_photos_of_all_tars_are_found_with_their_annotations(folder: Path, tmp_path: Path) -> None:
    photos = found(folder, tmp_path)
    assert sorted(names(photos)) == [f"sa_{n}.jpg" for n in range(6)]
    for one in photos:
        assert one.masks is not None
        beside = folder.parent / "loose" / files.name_of(one.path)
        assert files.read(one.path) == beside.read_bytes()
        assert files.read(one.masks) == beside.with_suffix(".json").read_bytes()


def test_a_photo_in_a_tar_opens_like_the_file(folder: Path, tmp_path: Path) -> None:
    one = found(folder, tmp_path, count=1)[0]
    assert open_photo(one.path).tobytes() == open_photo(folder.parent / "loose" / files.name_of(one.path)).tobytes()


def test_the_seed_sets_the_order_and_a_sample_is_its_beginning(folder: Path, tmp_path: Path) -> None:
    assert found(folder, tmp_path, 1) != found(folder, tmp_path, 2)
    assert found(folder, tmp_path, 1, 4) == found(folder, tmp_path, 1)[:4]


def test_the_order_of_the_tars_makes_no_difference(folder: Path, tmp_path: Path) -> None:
    listed = sorted(map(str, folder.glob("*.tar")))
    assert found(listed, tmp_path, 3) == found(listed[::-1], tmp_path, 3) == found(folder, tmp_path, 3)


def test_tars_and_loose_photos_mix(folder: Path, tmp_path: Path) -> None:
    more = pair(tmp_path / "more", 99)[0].parent
    mixed = found([str(folder / "sa_*.tar"), str(more)], tmp_path / "index")
    assert sorted(names(mixed)) == sorted([f"sa_{n}.jpg" for n in range(6)] + ["sa_99.jpg"])
    assert len({one.id for one in mixed}) == 7


def test_a_finished_tar_is_not_read_again(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = found(folder, tmp_path)
    monkeypatch.setattr(reading, "read_range", lambda *_: pytest.fail("a tar was read again"))
    assert found(folder, tmp_path) == before


def test_an_index_that_was_being_written_is_made_again(folder: Path, tmp_path: Path) -> None:
    before = found(folder, tmp_path)
    path = next(tmp_path.glob("sa_000000-*.parquet"))
    path.write_bytes(path.read_bytes()[:100])
    assert found(folder, tmp_path) == before


def test_a_tar_that_changed_is_indexed_again(tmp_path: Path) -> None:
    tar(tmp_path / "t" / "sa_000000.tar", pair(tmp_path / "a", 1))
    assert names(found(tmp_path / "t", tmp_path / "index")) == ["sa_1.jpg"]
    tar(tmp_path / "t" / "sa_000000.tar", [*pair(tmp_path / "a", 2), *pair(tmp_path / "a", 3)])
    assert sorted(names(found(tmp_path / "t", tmp_path / "index"))) == ["sa_2.jpg", "sa_3.jpg"]


def test_only_the_headers_are_read_for_an_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bulk = random.Random(0).randbytes(2_000_000)
    path = tar(tmp_path / "sa_000000.tar", pair(tmp_path / "a", 1), **{"./sa_2.jpg": bulk, "./sa_3.jpg": bulk})
    read: list[int] = []

    def counting(address: str, offset: int, size: int) -> bytes:
        data = files.read_range(address, offset, size)
        read.append(len(data))
        return data

    monkeypatch.setattr(reading, "read_range", counting)
    assert len(list(Reading(str(path), path.stat().st_size).rows())) == 3
    assert sum(read) < 50_000


@pytest.mark.parametrize("name", ["../../x.jpg", "/etc/x.jpg", "a/../../x.jpg", "a\nb.jpg"])
def test_a_member_whose_name_leads_out_is_refused(name: str, tmp_path: Path) -> None:
    path = tar(tmp_path / "t" / "sa_000000.tar", pair(tmp_path / "a", 1), **{name: b"photo"})
    assert names(found(path.parent, tmp_path / "index")) == ["sa_1.jpg"]
    assert "1 members are refused" in said(path.parent, tmp_path / "index")[-1]


def test_a_link_in_a_tar_is_refused(tmp_path: Path) -> None:
    path = tar(tmp_path / "t" / "sa_000000.tar", pair(tmp_path / "a", 1))
    with tarfile.open(path, "a") as archive:
        link = tarfile.TarInfo("sa_9.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    assert names(found(path.parent, tmp_path / "index")) == ["sa_1.jpg"]


def test_what_is_whole_of_a_truncated_tar_is_used_and_the_operator_is_told(tmp_path: Path) -> None:
    both = [*pair(tmp_path / "a", 1), *pair(tmp_path / "a", 2)]
    path = tar(tmp_path / "t" / "sa_000000.tar", both)
    with tarfile.open(path) as archive:
        second = archive.getmember("./sa_2.jpg").offset_data
    with path.open("r+b") as file:
        file.truncate(second + 100)
    assert names(found(path.parent, tmp_path / "index")) == ["sa_1.jpg"]
    assert "sa_000000.tar is cut short" in said(path.parent, tmp_path / "index")[-1]


def test_a_whole_tar_is_not_called_cut(folder: Path, tmp_path: Path) -> None:
    assert not any("cut short" in line for line in said(folder, tmp_path))


def test_a_tar_without_any_photo_is_said_plainly(tmp_path: Path) -> None:
    (tmp_path / "sa_000000.tar").write_bytes(b"no tar at all")
    with pytest.raises(ConfigError, match="no whole photo"):
        found(tmp_path, tmp_path / "index")


def test_a_header_that_claims_a_gigabyte_is_not_read_into_memory(tmp_path: Path) -> None:
    header = tarfile.TarInfo("././@PaxHeader")
    header.type, header.size = tarfile.XHDTYPE, 2**30
    path = tar(tmp_path / "sa_000000.tar", pair(tmp_path / "a", 1))
    path.write_bytes(header.tobuf() + path.read_bytes())
    read = Reading(str(path), path.stat().st_size + 2**31)
    assert list(read.rows()) == []
    assert read.cut


def test_indexes_are_in_the_order_of_names(folder: Path, tmp_path: Path) -> None:
    listed = [Tar(str(path), path.stat().st_size, "") for path in sorted(folder.glob("*.tar"), reverse=True)]
    made = indexed(listed, tmp_path, lambda _: None)
    assert [files.name_of(one.tar.address) for one in made] == ["sa_000000.tar", "sa_000001.tar"]


def test_a_run_on_tars_makes_the_traces_of_a_run_on_their_photos(tmp_path: Path) -> None:
    loose = photos(tmp_path / "photos", 3)
    tar(tmp_path / "tars" / "sa_000000.tar", sorted(loose.iterdir()))
    made = []
    for images in (loose, tmp_path / "tars"):
        with oracle() as (_, script):
            store = flow(script.url, tmp_path / f"run-{images.name}", images)
        traces = [
            Traced.model_validate(record) for _, content in store.outcomes("summarize") for record in content["records"]
        ]
        made.append(sorted((one.task.image.name, one.task.question, one.trace.model_dump_json()) for one in traces))
    assert made[0] == made[1]
    assert len(made[0]) == 9
