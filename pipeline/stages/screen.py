"""screen: a task → the same task, tried out: not guessable, certain, unique, and how much zoom it needs."""

from random import Random

from pydantic import BaseModel

from agents.answers import LETTERS, pose
from agents.case import Case
from agents.endpoint import Journal
from agents.tools.ask import Answered
from agents.views import View, zoom_view
from pipeline.records import Rejected, Screening, Task
from pipeline.stage import Reject, Stage, seed_of
from pipeline.tiles import views_of


class Unique(BaseModel):
    """How many things in the photo a question fits."""

    things: int
    note: str = ""


class Screen(Stage):
    """Four askings, the cheapest first; a task that fails one is rejected and costs no more."""

    name = "screen"
    consumes = Task

    async def process(self, record: Task, journal: Journal) -> tuple[list[Task], list[Rejected]]:
        case = self.desk.case(record, journal, "screen")
        blind = [await self._blind(case, record, ask) for ask in range(self.config.screen.blind_asks)]
        if blind and all(right for _, right in blind):
            raise Reject("answered without the image", blind=[answer for answer, _ in blind])
        evidence: list[str | None] = []
        for ask, margin in enumerate(self.config.screen.evidence_margins):
            evidence.append(await self._on_evidence(case, record, ask, margin))
            if not record.truth.accepts(evidence[-1]):
                raise Reject("not the same answer on the evidence", answers=evidence)
        things = await self._things(case, record)
        if things != 1:
            raise Reject("not one thing", things=things)
        posed = await self._answer(case, record, [record.posed])
        screening = Screening(
            blind=tuple(answer for answer, _ in blind),
            evidence=tuple(evidence),
            posed=posed,
            things=things,
            direct=record.truth.accepts(posed),
        )
        calls = (*record.calls, *case.calls)
        return [record.model_copy(update={"screening": screening, "calls": calls})], []

    async def _blind(self, case: Case, task: Task, ask: int) -> tuple[str | None, bool]:
        """An answer without the image, options in another order each time, and whether it is right."""
        choices = list(task.choices)
        Random(ask).shuffle(choices)
        found = await case.fill("answer", Answered, [], seed=ask, question=pose(task.question, tuple(choices)))
        letter = LETTERS[choices.index(task.answer_text)] if choices else task.answer
        truth = task.truth.model_copy(update={"choices": tuple(choices), "answer": letter})
        return found.answer, truth.accepts(found.answer)

    async def _on_evidence(self, case: Case, task: Task, ask: int, margin: float) -> str | None:
        how = self.config.screen
        change = {"margin": margin, "max_pixels": how.evidence_pixels, "max_enlarge": how.evidence_enlarge}
        policy = self.config.zoom.model_copy(update=change)
        view = zoom_view(task.image.size, task.evidence_box, policy)
        return await self._answer(case, task, [view], ask)

    async def _answer(self, case: Case, task: Task, views: list[View], ask: int = 0) -> str | None:
        found = await case.fill("answer", Answered, views, seed=ask, question=pose(task.question, task.choices))
        return found.answer

    async def _things(self, case: Case, task: Task) -> int:
        """How many things the question fits, judged from the very parts the tasks were proposed on."""
        rng = Random(seed_of(self.config.seed, task.image.id, "propose"))
        views = views_of(task.image.size, self.config.propose, rng)
        found = await case.fill(
            "unique",
            Unique,
            views,
            question=task.question,
            width=task.image.width,
            height=task.image.height,
            places=[list(view.box) for view in views],
        )
        return found.things
