"""Addresses: local files, URIs and members of tars, of which only the bytes needed are read."""

from pathlib import Path

import pytest

from agents.boxes import Size
from agents.files import MAX_BYTES, FileError, Member, held, member_of, name_of, read
from agents.masks import MaskError, read_annotations
from agents.photos import PhotoError, file_hash, open_photo, upright_size
from pipeline.config import SampleConfig
from pipeline.sources import candidates
from tests.drawn import draw
from tests.tarred import sa1b


def put(data: bytes, name: str) -> str:
    """Some bytes in fsspec's own memory; gives their URI."""
    import fsspec

    fsspec.filesystem("memory").pipe_file(f"/{name}", data)
    return f"memory://{name}"


def packed(photo: Path, tmp_path: Path) -> str:
    """A photo in the middle of a file; gives its address."""
    data = photo.read_bytes()
    (tmp_path / "t.tar").write_bytes(b"x" * 777 + data + b"y" * 99)
    return Member(str(tmp_path / "t.tar"), 777, len(data), "sa_1.jpg").address


def test_an_address_says_where_a_member_lies() -> None:
    member = Member("s3://b/sa_000000.tar", 512, 99, "sa_1.jpg")
    assert member_of(member.address) == member
    assert name_of(member.address) == "sa_1.jpg"


def test_a_member_whose_name_looks_like_an_address_stays_itself() -> None:
    member = Member("/a.tar", 512, 99, "x::0+5/y.jpg")
    assert member_of(member.address) == member


def test_a_local_file_is_not_read_into_memory(photo: Path) -> None:
    assert held(photo) == photo


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_photo_is_the_same_wherever_it_lies(orientation: int, tmp_path: Path) -> None:
    local = draw(tmp_path / "one.jpg", 640, 480, orientation)
    for address in (packed(local, tmp_path), put(local.read_bytes(), "one.jpg")):
        assert upright_size(address) == upright_size(local)
        assert file_hash(address) == file_hash(local)
        assert open_photo(address).tobytes() == open_photo(local).tobytes()


def test_a_member_far_too_large_is_not_read(photo: Path, tmp_path: Path) -> None:
    address = Member(packed(photo, tmp_path).partition("::")[0], 0, MAX_BYTES + 1, "a.jpg").address
    with pytest.raises(PhotoError, match="the file cannot be read: "):
        upright_size(address)
    with pytest.raises(MaskError, match="broken annotation"):
        read_annotations(address, Size(1, 1))


def test_a_member_that_the_tar_no_longer_holds_is_a_reject(tmp_path: Path) -> None:
    (tmp_path / "t.tar").write_bytes(b"short")
    with pytest.raises(PhotoError, match="ends within it"):
        open_photo(Member(str(tmp_path / "t.tar"), 0, 99, "a.jpg").address)


def test_a_remote_file_that_is_gone_is_a_reject() -> None:
    with pytest.raises(PhotoError, match="the file is gone"):
        open_photo("memory://nowhere.jpg")


def test_a_place_nobody_knows_is_the_operators() -> None:
    with pytest.raises(FileError, match=r"nothing://x cannot be read"):
        read("nothing://x")


def test_tars_at_a_uri_are_indexed_and_read_as_local_ones(tmp_path: Path) -> None:
    for path in sa1b(tmp_path).glob("*.tar"):
        put(path.read_bytes(), f"bucket/{path.name}")
    remote, local = (
        candidates(SampleConfig(count=4), images, 5, tmp_path / "index", lambda _: None)
        for images in ("memory://bucket/", str(tmp_path / "tars"))
    )
    assert [one.id for one in remote] == [one.id for one in local]
    assert [read(one.path) for one in remote] == [read(one.path) for one in local]
