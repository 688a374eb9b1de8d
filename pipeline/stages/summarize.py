"""summarize: a trajectory → a trace: dead ends dropped, prose made fluent, and everything checked by code."""

from pydantic import BaseModel, Field, ValidationError

from agents.answers import pose
from agents.boxes import Box
from agents.case import Case
from agents.endpoint import Journal
from agents.trace import Answer, Focus, Segment, Think, Trace
from agents.trajectory import Step
from pipeline.checks import Fault, check_trace
from pipeline.records import Rejected, Searched, Traced
from pipeline.stage import Reject, Stage


class Kept(BaseModel):
    """A look that led to the answer, and the thought just before it."""

    number: int
    thought: str = Field(min_length=1, max_length=1500)


class Summarized(BaseModel):
    """The chain of focus as the teacher tells it."""

    looks: list[Kept] = Field(max_length=12)
    last: str = Field(min_length=1, max_length=1500)


class Summarize(Stage):
    """The teacher chooses looks by number, so that a trace cannot hold a box that was never visited."""

    name = "summarize"
    consumes = Searched

    async def process(self, record: Searched, journal: Journal) -> tuple[list[Traced], list[Rejected]]:
        case = self.desk.case(record.task, journal, "summarize")
        faults: list[str] = []
        for attempt in range(self.config.summarize.tries):
            told = await self._tell(case, record, attempt)
            try:
                trace = self._trace(case, record, told)
                check_trace(trace, record)
            except Fault as fault:
                faults.append(str(fault))
                continue
            calls = (*record.task.calls, *record.trajectory.calls, *case.calls)
            return [Traced(id=record.id, task=record.task, trajectory=record.trajectory, trace=trace, calls=calls)], []
        raise Reject(faults[-1], faults=faults)

    async def _tell(self, case: Case, record: Searched, attempt: int) -> Summarized:
        task, frame_size = (
            record.task,
            case.setting.frame.size(record.task.image.size, record.task.posed.size),
        )
        looks = [
            {"number": number, "box": case.written(_seen(step)), "thought": step.thought or "(nothing said)"}
            for number, step in enumerate(record.trajectory.looks, 1)
        ]
        return await case.fill(
            "summarize",
            Summarized,
            [],
            seed=attempt,
            question=pose(task.question, task.choices),
            answer=task.answer,
            width=frame_size.width,
            height=frame_size.height,
            looks=looks,
            last=record.trajectory.attempts[-1].thought or "(nothing said)",
        )

    def _trace(self, case: Case, record: Searched, told: Summarized) -> Trace:
        """The trace a summary describes; raises Fault if it is not one."""
        looks = dict(enumerate(record.trajectory.looks, 1))
        segments: list[Segment] = []
        try:
            for kept in told.looks:
                if kept.number not in looks:
                    raise Fault("a look that never was")
                box = _seen(looks[kept.number])
                segments += [Think(text=_tidy(kept.thought)), Focus(box=box), case.setting.zoom(box)]
            segments += [Think(text=_tidy(told.last)), Answer(text=record.task.answer)]
            return Trace(segments=tuple(segments))
        except ValidationError as error:
            raise Fault("prose that cannot stand in a trace") from error


def _seen(step: Step) -> Box:
    """The box a look was at: what was asked for, or else what was shown."""
    if step.box is not None:
        return step.box
    assert step.view is not None  # only steps that brought a picture are looks
    return step.view.box


def _tidy(text: str) -> str:
    return " ".join(text.split())
