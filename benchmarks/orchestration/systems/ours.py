"""The job with this project: three stages, the last of which is the agent's own.

Usage: python -m benchmarks.orchestration.systems.ours BASE_URL PHOTOS OUT
"""

import sys
from pathlib import Path

from typing_extensions import override

from agents.agent import AgentConfig
from agents.boxes import Box
from agents.endpoint import Journal
from agents.gate import Limits
from agents.messages import Message, Request
from agents.views import ZoomPolicy
from benchmarks.orchestration.job import ASK, CROP, MODEL, Asked
from pipeline import sources
from pipeline.config import RunConfig, RuntimeConfig, SampleConfig, TeacherSection
from pipeline.flow import stream
from pipeline.gatekeeper import start_gate
from pipeline.records import ImageRecord, Rejected, Task
from pipeline.session import ray_session
from pipeline.stage import Stage
from pipeline.stages.sample import Sample
from pipeline.stages.search import Search

RESOLUTION = 388
"""R of the posed view: as many pixels as the other systems send of a photo of 640x480."""


class Ask(Stage):
    """One structured question about a photo, which becomes a task."""

    name = "ask"
    consumes = ImageRecord

    @override
    async def process(self, record: ImageRecord, journal: Journal) -> tuple[list[Task], list[Rejected]]:
        photo = self.desk.photo(record)
        task = Task(id=record.id, image=record, kind="text", question="", answer="", evidence=(), resolution=RESOLUTION)
        words = ASK.format(name=Path(record.path).stem)
        message = Message(role="user", content=(photo.picture(task.posed), words))
        request = Request(role="propose", model=MODEL, messages=(message,))
        asked, _ = await self.desk.endpoint.fill(request, Asked, photo, journal)
        made = {"question": asked.question, "answer": asked.answer, "evidence": (Box(*asked.box),)}
        return [task.model_copy(update=made)], []


STAGES: tuple[type[Stage], ...] = (Sample, Ask, Search)


def main(url: str, folder: str, out: str) -> None:
    """Start the run, or go on with it."""
    config = RunConfig(
        out=out,
        sample=SampleConfig(images=folder, count=None),
        agent=AgentConfig(tools=("zoom",)),
        zoom=ZoomPolicy(margin=0.0, max_pixels=CROP * CROP * 3 // 4),
        teacher=TeacherSection(local=False, base_url=url, model=MODEL, limits=Limits(concurrency=64)),
        runtime=RuntimeConfig(photos=32),
    )
    found = sources.candidates(config.sample, folder, config.seed, config.folder / "index")
    with ray_session(config.runtime):
        gate = start_gate(config.teacher, config.folder)
        made = sum(1 for _ in stream(found, STAGES, config, gate=gate))
    assert made == len(found), f"{made} of {len(found)} photos came through"


if __name__ == "__main__":
    main(*sys.argv[1:4])
