"""All stages in this process: a run without Ray, for tests of what it meets on its way."""

import asyncio
from pathlib import Path

from pipeline.config import load
from pipeline.runner import index_folder
from pipeline.sources import candidates
from pipeline.stage import Worker
from pipeline.stages import STAGES
from pipeline.store import Store
from tests.runs import asking


def flow(url: str, out: Path, images: Path, *more: str) -> Store:
    """The run folder of a run on a folder of photos, whose teacher is at `url`; raises what a worker raises."""
    config = load(None, asking(url, out, images, *more)[1:])
    texts = [
        photo.model_dump_json() for photo in candidates(config.sample, str(images), config.seed, index_folder(config))
    ]

    async def through() -> None:
        worker = Worker(STAGES, config)
        await asyncio.gather(*(worker.work(text) for text in texts))
        await worker.desk.endpoint.close()

    asyncio.run(through())
    return Store(out)
