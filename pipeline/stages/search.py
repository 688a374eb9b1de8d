"""search: a task → the trajectory of the agent that solved it, wrong turns included."""

from agents.agent import VisualSearchAgent
from agents.endpoint import Journal
from pipeline.records import Rejected, Searched, Task
from pipeline.stage import Desk, Reject, Stage


class Search(Stage):
    """Runs the agent; a task it cannot solve in its attempts is rejected with the answers it gave."""

    name = "search"
    consumes = Task

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.agent = VisualSearchAgent(self.config.agent)

    async def process(self, record: Task, journal: Journal) -> tuple[list[Searched], list[Rejected]]:
        case = self.desk.case(record, journal, "search")
        trajectory = await self.agent.search(case, record.truth)
        if not trajectory.correct:
            raise Reject(
                "no accepted answer",
                answers=[attempt.answer for attempt in trajectory.attempts],
                trajectory=trajectory.model_dump(mode="json"),
            )
        return [Searched(id=record.id, task=record, trajectory=trajectory)], []
