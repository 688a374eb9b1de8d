"""What tests draw and put together: photos on disk, and the case of a search on one."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from PIL import Image, ImageDraw

from agents.boxes import BoxFrame, Size
from agents.case import Case
from agents.dialects import Setting
from agents.endpoint import Endpoint
from agents.masks import MaskFile
from agents.messages import Photo
from agents.photos import ORIENTATION_TAG, PhotoCache, file_hash, upright_size
from agents.teachers import EndpointConfig
from agents.views import ZoomPolicy, posed_view
from pipeline.config import RunConfig
from pipeline.journal import FileJournal
from pipeline.records import ImageRecord

T = TypeVar("T")
POLICY = ZoomPolicy(margin=0.25, min_side=56, max_pixels=64 * 28**2)


def draw(path: Path, width: int = 640, height: int = 480, orientation: int = 1, seed: int = 0) -> Path:
    """A gradient with a red box in its middle, as a JPEG; `orientation` as EXIF has it, `seed` its tint."""
    across = Image.linear_gradient("L").rotate(90).resize((width, height))
    down = Image.linear_gradient("L").resize((width, height))
    image = Image.merge("RGB", (across, down, Image.new("L", (width, height), seed % 256)))
    middle = (width * 2 // 5, height * 2 // 5, width * 3 // 5, height * 3 // 5)
    ImageDraw.Draw(image).rectangle(middle, fill=(220, 20, 40))
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = orientation
    image.save(path, quality=92, exif=exif)
    return path


def photo_of(path: Path) -> Photo:
    return Photo(str(path), file_hash(path), upright_size(path), PhotoCache())


def record_of(path: Path, masks: Path | None = None) -> ImageRecord:
    sha256, size = file_hash(path), upright_size(path)
    return ImageRecord(
        id=sha256[:16],
        path=str(path),
        sha256=sha256,
        width=size.width,
        height=size.height,
        masks=str(masks) if masks else None,
    )


def endpoint_at(url: str, tries: int = 3, timeout: float = 20.0, key_env: str = "COF_TEST_KEY") -> Endpoint:
    """An endpoint that is asked without patience."""
    patience = {"max_wait_seconds": 0.01, "patience_seconds": 0.0}
    return Endpoint(EndpointConfig(base_url=url, tries=tries, timeout_seconds=timeout, key_env=key_env, **patience))


def answer_of(endpoint: Endpoint, asking: Coroutine[Any, Any, T]) -> T:
    """What comes of asking an endpoint, which lets go of its connections then."""

    async def and_close() -> T:
        try:
            return await asking
        finally:
            await endpoint.close()

    return asyncio.run(and_close())


def setting_of(size: Size, frame: BoxFrame = BoxFrame.NATIVE, resolution: int | None = 224) -> Setting:
    return Setting(size, posed_view(size, resolution).size, POLICY, frame)


def case_at(url: str, path: Path, journal: Path, frame: BoxFrame = BoxFrame.NATIVE) -> Case:
    """A case on a photo, posed small, whose teacher is at `url`."""
    photo = photo_of(path)
    posed = posed_view(photo.size, 224)
    segmenter = MaskFile(None, photo.size)
    setting = setting_of(photo.size, frame)
    return Case(photo, setting, posed, segmenter, endpoint_at(url), FileJournal(journal), seed=5)


def config_at(url: str, out: Path, frame: str = "native", **sections: Any) -> RunConfig:
    """A run whose teacher is at `url` and asked without patience."""
    patience = {"tries": 2, "max_wait_seconds": 0.01, "patience_seconds": 0.0}
    teacher = {"base_url": url, "local": False, "key_env": "COF_TEST_KEY", "frame": frame, **patience}
    return RunConfig.model_validate({"out": str(out), "teacher": teacher, **sections})
