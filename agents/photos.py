"""Opening photos nobody vouches for: upright, RGB, bounded in size, and never decoded twice."""

import base64
import hashlib
import io
import warnings
from collections import OrderedDict
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from agents import files
from agents.boxes import Size

MAX_PIXELS = 150_000_000
"""Larger photos are refused: a decoded one would take 450 MB. SA-1B's are 3.4 MP."""
ORIENTATION_TAG = 0x0112
_URL_OF_JPEG = "data:image/jpeg;base64,"
SIDEWAYS = {5, 6, 7, 8}
"""EXIF orientations that swap width and height."""


class PhotoError(Exception):
    """A photo that cannot be used; the message says why, for the curator of the data."""


Source = Path | str | bytes
"""A photo's address, or its bytes where they have been read."""


def taken(address: str) -> Path | bytes:
    """A photo to look at more than once: a local path as it is, anything else read; raises PhotoError."""
    try:
        return files.held(address)
    except FileNotFoundError as error:
        raise PhotoError("the file is gone") from error
    except OSError as error:
        raise PhotoError(f"the file cannot be read: {error}") from error


def file_hash(source: Source) -> str:
    """SHA-256 of a file's bytes, in hex; raises OSError."""
    held = source if isinstance(source, bytes) else files.held(source)
    if isinstance(held, bytes):
        return hashlib.sha256(held).hexdigest()
    with held.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def upright_size(source: Source) -> Size:
    """Width and height of the upright photo, from its header alone; raises PhotoError."""
    with _opened(source) as image:
        size = Size(*image.size)
        orientation = image.getexif().get(ORIENTATION_TAG, 1)
    return Size(size.height, size.width) if orientation in SIDEWAYS else size


def open_photo(source: Source) -> Image.Image:
    """The whole photo, upright, 8-bit RGB; raises PhotoError for anything that is not a sound photo."""
    with _opened(source) as image:
        try:
            image.load()
            ImageOps.exif_transpose(image, in_place=True)
            return _to_rgb(image)
        except (OSError, SyntaxError, ValueError, MemoryError) as error:
            raise PhotoError(f"damaged image: {error}") from error


def likeness_of(source: Source) -> str:
    """The perceptual hash of a photo, in hex; a JPEG is decoded small for it. Raises PhotoError."""
    from agents.likeness import likeness

    with _opened(source) as image:
        try:
            image.draft("RGB", (256, 256))
            image.load()
            return f"{likeness(_to_rgb(ImageOps.exif_transpose(image))):016x}"
        except (OSError, SyntaxError, ValueError, MemoryError) as error:
            raise PhotoError(f"damaged image: {error}") from error


def _opened(source: Source) -> Image.Image:
    held = source if isinstance(source, bytes) else taken(str(source))
    if isinstance(held, Path) and not held.exists():
        raise PhotoError("the file is gone")
    if (len(held) if isinstance(held, bytes) else held.stat().st_size) == 0:
        raise PhotoError("the file is empty (0 bytes)")
    with warnings.catch_warnings():
        # Pillow only warns where we refuse below, with our own bound.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            image = Image.open(io.BytesIO(held) if isinstance(held, bytes) else held)
        except Image.DecompressionBombError as error:
            raise PhotoError(f"too large: more than {MAX_PIXELS:,} pixels") from error
        except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
            raise PhotoError("not an image") from error
    if image.width * image.height > MAX_PIXELS:
        image.close()
        raise PhotoError(f"too large: {image.width}x{image.height} is more than {MAX_PIXELS:,} pixels")
    return image


def _to_rgb(image: Image.Image) -> Image.Image:
    """Any mode as RGB: 16-bit is scaled to 8, transparency is laid on white."""
    if image.mode.startswith("I;16") or image.mode in {"I", "F"}:
        image = image.convert("F").point(lambda value: value / 257.0).convert("L")
    if "A" in image.getbands() or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        image = Image.alpha_composite(white, rgba)
    return image if image.mode == "RGB" else image.convert("RGB")


def encode_jpeg(image: Image.Image, quality: int = 90) -> bytes:
    """An RGB image as JPEG bytes; the same pixels always give the same bytes."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def data_url(image: Image.Image) -> str:
    """An RGB image as it is sent in a request: a JPEG."""
    return f"{_URL_OF_JPEG}{base64.b64encode(encode_jpeg(image)).decode()}"


def bytes_in(url: str) -> bytes | None:
    """The file that a data URL of a picture holds; None for any other address. Raises ValueError for broken base64."""
    head, _, data = url.partition(",")
    if not head.startswith("data:image/") or not head.endswith(";base64"):
        return None
    return base64.b64decode(data, validate=True)


def pixel_hash(image: Image.Image) -> str:
    """SHA-256 of an image's size and RGB pixels: what must be equal when a crop is made again."""
    digest = hashlib.sha256(f"{image.width}x{image.height}:".encode())
    digest.update(image.tobytes())
    return digest.hexdigest()


class PhotoCache:
    """The last decoded photos of one worker, so that neighbouring records decode nothing twice."""

    def __init__(self, max_pixels: int = 60_000_000) -> None:
        self.max_pixels = max_pixels
        """Pixels kept, at 3 bytes each: by default 180 MB, or 17 photos of SA-1B. The newest always stays."""
        self._photos: OrderedDict[str, Image.Image] = OrderedDict()

    def get(self, path: str) -> Image.Image:
        """The decoded photo at an address; raises PhotoError."""
        if path not in self._photos:
            self._photos[path] = open_photo(path)
            while len(self._photos) > 1 and self._pixels() > self.max_pixels:
                self._photos.popitem(last=False)
        self._photos.move_to_end(path)
        return self._photos[path]

    def _pixels(self) -> int:
        return sum(photo.width * photo.height for photo in self._photos.values())
