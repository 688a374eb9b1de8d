"""sample: a file → an image record, if it is a photo that can be used."""

from functools import cached_property
from typing import Any

from typing_extensions import override

from agents.boxes import Size
from agents.endpoint import Journal
from agents.masks import read_annotations
from agents.photos import file_hash, likeness_of, taken, upright_size
from pipeline.config import SampleConfig
from pipeline.exclusion import Exclusion, exclusion
from pipeline.records import Candidate, ImageRecord, Rejected
from pipeline.stage import Reject, Stage


class Sample(Stage):
    """Reads the header only; damage inside is found where the photo is first decoded."""

    name = "sample"
    consumes = Candidate

    @override
    async def process(self, record: Candidate, journal: Journal) -> tuple[list[ImageRecord], list[Rejected]]:
        limits = self.config.sample
        if self._excluded.has_name(record.path):
            raise Reject("on a list of photos to keep out")
        photo = taken(record.path)
        size = upright_size(photo)
        if min(size) < limits.min_side:
            raise Reject("too small", size=list(size), least=limits.min_side)
        if max(size) > limits.max_side:
            raise Reject("too large", size=list(size), most=limits.max_side)
        check_masks(read_annotations(record.masks, size) if record.masks else [], size, limits)
        sha256 = file_hash(photo)
        if sha256 in self._excluded.hashes:
            raise Reject("on a list of photos to keep out", sha256=sha256)
        image = ImageRecord(
            id=sha256[:16],
            path=record.path,
            sha256=sha256,
            width=size.width,
            height=size.height,
            masks=record.masks,
            likeness=likeness_of(photo) if limits.near_duplicates else "",
        )
        return [image], []

    @cached_property
    def _excluded(self) -> Exclusion:
        return exclusion(self.config.sample.exclude or [])


def check_masks(annotations: list[dict[str, Any]], size: Size, limits: SampleConfig) -> None:
    """Raises Reject for a photo of `size` whose masks are not as the configuration wants them."""
    count = len(annotations)
    if limits.min_masks is not None and count < limits.min_masks:
        raise Reject("too few masks", masks=count, least=limits.min_masks)
    if limits.max_masks is not None and count > limits.max_masks:
        raise Reject("too many masks", masks=count, most=limits.max_masks)
    if (small := limits.small_masks) is None:
        return
    bound = small.below * size.width * size.height
    share = sum(annotation["area"] < bound for annotation in annotations) / max(1, count)
    if share < small.least:
        raise Reject("too few small masks", share=round(share, 4), least=small.least)
    if share > small.most:
        raise Reject("too many small masks", share=round(share, 4), most=small.most)
