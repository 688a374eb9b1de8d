"""sample: a file → an image record, if it is a photo that can be used."""

from pathlib import Path

from typing_extensions import override

from agents.endpoint import Journal
from agents.masks import read_annotations
from agents.photos import file_hash, upright_size
from pipeline.records import Candidate, ImageRecord, Rejected
from pipeline.stage import Reject, Stage


class Sample(Stage):
    """Reads the header only; damage inside is found where the photo is first decoded."""

    name = "sample"
    consumes = Candidate

    @override
    async def process(self, record: Candidate, journal: Journal) -> tuple[list[ImageRecord], list[Rejected]]:
        path, limits = Path(record.path), self.config.sample
        size = upright_size(path)
        if min(size) < limits.min_side:
            raise Reject("too small", size=list(size), least=limits.min_side)
        if max(size) > limits.max_side:
            raise Reject("too large", size=list(size), most=limits.max_side)
        if record.masks:
            read_annotations(Path(record.masks), size)
        sha256 = file_hash(path)
        image = ImageRecord(
            id=sha256[:16],
            path=record.path,
            sha256=sha256,
            width=size.width,
            height=size.height,
            masks=record.masks,
        )
        return [image], []
