"""Photos nobody vouches for: upright, RGB, bounded, or refused with a reason."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from agents.boxes import Size
from agents.photos import (
    ORIENTATION_TAG,
    PhotoCache,
    PhotoError,
    encode_jpeg,
    file_hash,
    open_photo,
    pixel_hash,
    upright_size,
)
from tests.drawn import draw

RED, GREEN = (255, 0, 0), (0, 255, 0)


def halves(mode: str = "RGB", size: tuple[int, int] = (64, 32)) -> Image.Image:
    """Left red, right green."""
    image = Image.new("RGB", size, RED)
    image.paste(GREEN, (size[0] // 2, 0, *size))
    return image.convert(mode)


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(640, 480), (333, 501), (57, 901), (1, 1)])
def test_a_photo_has_the_size_its_header_says(size: tuple[int, int], tmp_path: Path) -> None:
    path = tmp_path / "one.png"
    Image.new("RGB", size).save(path)
    assert open_photo(path).size == tuple(upright_size(path)) == size


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_a_photo_on_its_side_has_the_size_of_the_upright_one(orientation: int, tmp_path: Path) -> None:
    path = draw(tmp_path / "side.jpg", 640, 480, orientation)
    assert open_photo(path).size == tuple(upright_size(path)) == (480, 640)


@pytest.mark.parametrize("orientation", [1, 2, 3, 4])
def test_a_photo_upside_down_keeps_its_size(orientation: int, tmp_path: Path) -> None:
    path = draw(tmp_path / "down.jpg", 640, 480, orientation)
    assert open_photo(path).size == tuple(upright_size(path)) == (640, 480)


def test_the_pixels_of_a_photo_on_its_side_are_set_upright(tmp_path: Path) -> None:
    path = tmp_path / "side.png"
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = 6  # the camera's right edge is the top: turn it clockwise
    halves().save(path, exif=exif)
    upright = open_photo(path)
    assert (upright.getpixel((5, 5)), upright.getpixel((5, 60))) == (RED, GREEN)


@pytest.mark.parametrize("orientation", [0, 9, 77])
def test_an_orientation_that_does_not_exist_turns_nothing(orientation: int, tmp_path: Path) -> None:
    path = draw(tmp_path / "odd.jpg", 640, 480, orientation)
    assert open_photo(path).size == tuple(upright_size(path)) == (640, 480)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize(
    "exif",
    [b"Exif\0\0garbage", b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01"],
)
def test_a_broken_exif_does_not_cost_the_photo(exif: bytes, tmp_path: Path) -> None:
    path = tmp_path / "broken-exif.jpg"
    halves().save(path, exif=exif)
    assert open_photo(path).size == tuple(upright_size(path)) == (64, 32)


MODES = ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV"]


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_becomes_rgb(mode: str, tmp_path: Path) -> None:
    path = tmp_path / "one.tiff"
    image = halves(mode) if mode != "HSV" else halves()
    try:
        image.save(path)
    except OSError:
        image.save(path := tmp_path / "one.png")
    assert open_photo(path).mode == "RGB"


@pytest.mark.parametrize(("mode", "ending"), [("P", "png"), ("P", "gif"), ("CMYK", "tiff"), ("RGBA", "webp")])
def test_the_colours_of_other_modes_stay(mode: str, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"one.{ending}"
    if ending == "webp":
        halves(mode).save(path, lossless=True)
    else:
        halves(mode).save(path)
    opened = np.asarray(open_photo(path)).astype(int)
    assert abs(opened[5, 5] - RED).max() <= 3
    assert abs(opened[5, 60] - GREEN).max() <= 3


def test_a_grey_photo_has_three_equal_channels(tmp_path: Path) -> None:
    Image.new("L", (8, 8), 77).save(tmp_path / "grey.png")
    assert open_photo(tmp_path / "grey.png").getpixel((3, 3)) == (77, 77, 77)


def test_sixteen_bits_are_scaled_to_eight(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(1, 256).repeat(4, axis=0)
    Image.fromarray(ramp).save(tmp_path / "deep.png")
    opened = np.asarray(open_photo(tmp_path / "deep.png"))[0, :, 0].astype(int)
    assert abs(opened - np.arange(256)).max() <= 1


def test_transparency_is_laid_on_white(tmp_path: Path) -> None:
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    assert open_photo(tmp_path / "clear.png").getpixel((3, 3)) == (255, 255, 255)


def test_a_transparent_palette_colour_is_laid_on_white(tmp_path: Path) -> None:
    image = Image.new("P", (8, 8), 0)
    image.putpalette([0, 0, 0, 255, 0, 0])
    image.save(tmp_path / "clear.png", transparency=0)
    assert open_photo(tmp_path / "clear.png").getpixel((3, 3)) == (255, 255, 255)


def refused(path: Path) -> str:
    with pytest.raises(PhotoError) as caught:
        open_photo(path)
    return str(caught.value)


def test_a_truncated_photo_is_damaged(tmp_path: Path) -> None:
    path = draw(tmp_path / "half.jpg")
    path.write_bytes(path.read_bytes()[:6000])
    assert refused(path).startswith("damaged image: ")


def test_the_size_of_a_truncated_photo_is_still_known(tmp_path: Path) -> None:
    path = draw(tmp_path / "half.jpg")
    path.write_bytes(path.read_bytes()[:6000])
    assert upright_size(path) == Size(640, 480)


def test_a_png_with_too_few_pixels_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "few.png").write_bytes(png_header(300, 300))
    assert refused(tmp_path / "few.png").startswith("damaged image")


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    assert refused(tmp_path / "empty.jpg") == "the file is empty (0 bytes)"


def test_a_file_that_is_gone_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path / "gone.jpg") == "the file is gone"


@pytest.mark.parametrize(
    "content",
    [b"hello", b"<html>", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\0\0\0\0WEBP", bytes(5000)],
)
def test_a_file_that_is_no_image_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "notes.jpg").write_bytes(content)
    assert refused(tmp_path / "notes.jpg") == "not an image"


def test_a_folder_is_no_image(tmp_path: Path) -> None:
    assert refused(tmp_path) == "not an image"


@pytest.mark.parametrize("side", [12_500, 30_000, 60_000])
def test_a_file_that_claims_too_many_pixels_is_refused_unread(side: int, tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png_header(side, side))
    assert path.stat().st_size < 100
    assert refused(path).startswith("too large: ")


def test_the_size_of_a_bomb_is_refused_too(tmp_path: Path) -> None:
    (tmp_path / "bomb.png").write_bytes(png_header(30_000, 30_000))
    with pytest.raises(PhotoError, match="too large"):
        upright_size(tmp_path / "bomb.png")


def test_equal_files_have_one_hash_and_others_another(tmp_path: Path) -> None:
    one, same, other = (draw(tmp_path / f"{n}.jpg", seed=n // 2) for n in range(3))
    assert file_hash(one) == file_hash(same) != file_hash(other)


def test_the_same_pixels_always_give_the_same_jpeg() -> None:
    assert encode_jpeg(halves()) == encode_jpeg(halves())


def test_an_encoded_picture_looks_like_the_picture() -> None:
    image = Image.linear_gradient("L").convert("RGB")
    again = Image.open(io.BytesIO(encode_jpeg(image)))
    assert abs(np.asarray(again).astype(int) - np.asarray(image)).max() < 10


def test_pixels_of_another_shape_have_another_hash() -> None:
    assert pixel_hash(Image.new("RGB", (4, 2))) != pixel_hash(Image.new("RGB", (2, 4)))


def test_a_photo_is_decoded_once(photo: Path) -> None:
    cache = PhotoCache()
    assert cache.get(str(photo)) is cache.get(str(photo))


def test_the_oldest_photos_leave_a_full_cache(tmp_path: Path) -> None:
    paths = [str(draw(tmp_path / f"{n}.jpg", 100, 100, seed=n)) for n in range(3)]
    cache = PhotoCache(max_pixels=20_000)
    first = cache.get(paths[0])
    cache.get(paths[1])
    assert cache.get(paths[0]) is first  # used again, so the second is now the oldest
    cache.get(paths[2])
    assert cache.get(paths[0]) is first


def test_the_newest_photo_stays_however_large(photo: Path) -> None:
    cache = PhotoCache(max_pixels=1)
    assert cache.get(str(photo)) is cache.get(str(photo))
