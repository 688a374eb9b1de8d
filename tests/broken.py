"""The command line with a bug in it: the search fails on every task about the photo that $BROKEN_PHOTO names."""

import os
from typing import Any

from typing_extensions import override

import pipeline.stages
from agents.endpoint import Journal
from pipeline.records import Rejected, Task
from pipeline.stages.search import Search


class Broken(Search):
    """A search with a bug."""

    @override
    async def process(self, record: Task, journal: Journal) -> tuple[list[Any], list[Rejected]]:
        if record.image.name == os.environ["BROKEN_PHOTO"]:
            raise ZeroDivisionError("a bug of ours")
        return await super().process(record, journal)


if __name__ == "__main__":
    from tests import broken

    sound = pipeline.stages.STAGES
    pipeline.stages.STAGES = tuple(broken.Broken if stage is Search else stage for stage in sound)
    from pipeline.__main__ import main

    main()
