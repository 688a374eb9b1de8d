"""A tiny finished run, written by hand through the store: a zooming, a direct and a rejected task on two photos."""

from pathlib import Path
from typing import Any

from agents.boxes import Box
from agents.messages import Photo
from agents.photos import pixel_hash
from agents.trace import Answer, Focus, Segment, Think, Trace
from agents.trajectory import Attempt, Step, Trajectory, Verdict
from pipeline.config import RunConfig, fixed
from pipeline.export import CardFacts, export
from pipeline.records import ImageRecord, Rejected, Screening, Searched, Task, Traced
from pipeline.store import Outcome, Store
from tests.drawn import draw, photo_of, record_of

EVIDENCE = Box(260, 200, 380, 280)
ASTRAY, NEAR = Box(20, 20, 120, 120), Box(250, 190, 390, 290)


class Finished:
    """A run folder; records may be replaced to see what is noticed."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "run"
        self.store = Store(self.folder)
        self.config = RunConfig(out=str(self.folder))
        self.store.write_json("run.json", {"config": fixed(self.config)})
        images = [record_of(draw(root / f"photo{seed}.jpg", seed=seed)) for seed in (0, 9)]
        self.zooming = self.traced(images[0], "MARKET", None, [self._look(images[0], box) for box in (ASTRAY, NEAR)])
        self.direct = self.traced(images[1], "HALL", "Hall", [])
        for one in (self.zooming, self.direct):
            self.keep(one)
        self.vain = self._rejected(images[0])
        export(sorted((self.zooming, self.direct), key=lambda one: one.id), self.config.exporting, self.dataset, FACTS)

    @property
    def dataset(self) -> Path:
        return self.folder / "dataset"

    def traced(self, image: ImageRecord, answer: str, posed: str | None, looks: list[Step]) -> Traced:
        """A trace that looks at the last of the looks, if there is any, and answers."""
        screening = Screening(blind=(None,), evidence=(answer,), posed=posed, things=1, direct=not looks)
        task = self.task(image, 0, answer).model_copy(update={"screening": screening})
        segments: list[Segment] = [Think(text="I look at the sign.")]
        if looks:
            box = looks[-1].box
            assert box is not None
            segments += [Focus(box=box), task.setting(self.config.zoom, self.config.teacher.frame).zoom(box)]
            segments.append(Think(text="Now I can read it."))
        attempts = (
            Attempt(steps=tuple(looks[:1]), answer="I cannot", verdict=Verdict(correct=False, hint="Look lower.")),
            Attempt(steps=tuple(looks[1:]), answer=answer, verdict=Verdict(correct=True)),
        )
        return Traced(
            id=task.id,
            task=task,
            trajectory=Trajectory(attempts=attempts if looks else attempts[1:], calls=()),
            trace=Trace(segments=(*segments, Answer(text=answer))),
            calls=(),
        )

    def task(self, image: ImageRecord, number: int, answer: str) -> Task:
        return Task(
            id=f"{image.id}-{number:02d}",
            image=image,
            kind="text",
            question="What does the [bold]sign[/bold] say?",
            answer=answer,
            evidence=(EVIDENCE,),
            resolution=224,
        )

    def keep(self, traced: Traced, **task: Any) -> None:
        """Write the records of a trace, its task changed as told."""
        changed = traced.model_copy(update={"task": traced.task.model_copy(update=task)})
        searched = Searched(id=traced.id, task=changed.task, trajectory=changed.trajectory)
        self._finish("propose", traced.task.image.id, changed.task)
        self._finish("screen", traced.id, changed.task)
        self._finish("search", traced.id, searched)
        self._finish("summarize", traced.id, changed)

    def keep_step(self, traced: Traced, **values: Any) -> None:
        """Write a trace whose last step is changed as told."""
        *before, last = traced.trajectory.attempts
        steps = (*last.steps[:-1], last.steps[-1].model_copy(update=values))
        attempts = (*before, last.model_copy(update={"steps": steps}))
        self.keep(traced.model_copy(update={"trajectory": Trajectory(attempts=attempts, calls=())}))

    def _look(self, image: ImageRecord, box: Box) -> Step:
        photo: Photo = photo_of(Path(image.path))
        task = self.task(image, 0, "x")
        view = task.setting(self.config.zoom, self.config.teacher.frame).zoom(box).view
        return Step(
            thought=f"I look at {list(box)}.",
            tool="zoom",
            arguments={"box": list(box)},
            observation="Here is the closer look.",
            box=box,
            view=view,
            pixels=pixel_hash(photo.render(view)),
        )

    def _rejected(self, image: ImageRecord) -> Rejected:
        """A search that found no accepted answer."""
        task = self.task(image, 1, "CAFE")
        attempt = Attempt(steps=(self._look(image, ASTRAY),), answer="CAKE", verdict=Verdict(correct=False, hint="No."))
        told = Trajectory(attempts=(attempt,), calls=()).model_dump(mode="json")
        evidence = {"question": task.question, "answers": ["CAKE"], "trajectory": told}
        reject = Rejected(
            id=task.id, stage="search", reason="no accepted answer", evidence=evidence, image=task.image.id
        )
        self._finish("propose", image.id, self.zooming.task, task)
        self._finish("screen", task.id, task)
        self.store.finish("search", task.id, Outcome([], [reject]))
        return reject

    def _finish(self, stage: str, identity: str, *records: Any) -> None:
        self.store.finish(stage, identity, Outcome([record.model_dump_json() for record in records], []))


FACTS = CardFacts(teacher="a-teacher", seed=0, code_version="0.1.0", prompts={})
