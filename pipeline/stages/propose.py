"""propose: an image → tasks, asked of the teacher part by part, in native pixels."""

from random import Random
from typing import Literal, NamedTuple

from pydantic import BaseModel, Field

import prompts
from agents.answers import LETTERS, normalize
from agents.boxes import Box, BoxField, BoxFrame, checked, union
from agents.endpoint import Journal
from agents.messages import Message, Request
from agents.views import View
from pipeline.records import ImageRecord, Rejected, Task
from pipeline.stage import Reject, Stage, seed_of
from pipeline.tiles import open_edges, views_of

SAME_PLACE = 0.8
"""Tasks of one kind whose evidence overlaps this much (intersection over union) ask about one thing."""


class Suggested(BaseModel):
    """A task as the teacher writes it; boxes are in the units of the picture it saw."""

    kind: Literal["text", "colour", "relation", "count"]
    question: str = Field(min_length=8, max_length=400)
    answer: str = Field(min_length=1, max_length=120)
    wrong: list[str] = Field(default=[], max_length=7)
    evidence: list[BoxField] = Field(min_length=1, max_length=12)


class Proposed(BaseModel):
    """What the teacher asks about one part of a photo."""

    tasks: list[Suggested] = Field(max_length=20)


class Draft(NamedTuple):
    """A suggested task with its evidence in native pixels."""

    suggested: Suggested
    evidence: tuple[Box, ...]


class Propose(Stage):
    """Many parts are asked about, few tasks are kept: of several kinds, and no two about the same thing."""

    name = "propose"
    consumes = ImageRecord

    async def process(self, record: ImageRecord, journal: Journal) -> tuple[list[Task], list[Rejected]]:
        rng = Random(seed_of(self.config.seed, record.id, "propose"))
        regions = [region.box for region in await self.desk.segmenter(record, journal).regions()]
        drafts: list[Draft] = []
        calls: list[str] = []
        for index, view in enumerate(views_of(record.size, self.config.propose, rng)):
            proposed, call = await self._ask(record, view, index, regions, journal)
            calls.append(call)
            drafts += [self._draft(suggested, view) for suggested in proposed.tasks]
        kept, dropped = self._choose(drafts, rng)
        if not kept:
            raise Reject("nothing can be asked", parts=len(calls), suggested=len(drafts))
        tasks = [self._task(record, number, draft, tuple(calls), rng) for number, draft in enumerate(kept)]
        return tasks, [_aside(record, number, *one) for number, one in enumerate(dropped)]

    async def _ask(
        self, record: ImageRecord, view: View, index: int, regions: list[Box], journal: Journal
    ) -> tuple[Proposed, str]:
        photo, config = self.desk.photo(record), self.config.teacher
        message = Message(role="user", content=(photo.picture(view), self._prompt(record, view, regions)))
        request = Request(
            role="propose",
            model=config.model_for("propose"),
            messages=(message,),
            seed=seed_of(self.config.seed, record.id, "propose", index),
            temperature=config.temperature,
            max_tokens=config.max_tokens,
        )
        proposed, reply = await self.desk.endpoint.fill(request, Proposed, photo, journal)
        return proposed, reply.key

    def _prompt(self, record: ImageRecord, view: View, regions: list[Box]) -> str:
        edges = open_edges(view.box, record.size)
        relative = self.config.teacher.frame is BoxFrame.RELATIVE
        units = "in thousandths of its width and height" if relative else f"in its {view.width}x{view.height} pixels"
        return prompts.render(
            "propose",
            most=self.config.propose.tasks_per_tile,
            edges=f" (the photo goes on at its {edges} edge)" if edges else "",
            units=units,
            regions=self._regions(view, regions),
        )

    def _regions(self, view: View, regions: list[Box]) -> list[list[int]]:
        """The segmented things wholly inside a part, in the units of its picture, largest first."""
        frame = self.config.teacher.frame
        inside = [box for box in regions if view.box.holds(box)]
        return [
            list(frame.from_native(view.from_photo(box), view.size, view.size))
            for box in inside[: self.config.propose.regions]
        ]

    def _draft(self, suggested: Suggested, view: View) -> Draft:
        """A suggestion with native boxes; none where a box lies outside the picture."""
        frame = self.config.teacher.frame
        try:
            inside = [checked(box, frame.size(view.size, view.size)) for box in suggested.evidence]
        except ValueError:
            return Draft(suggested, ())
        native = [view.to_photo(frame.to_native(box, view.size, view.size)) for box in inside]
        return Draft(suggested, tuple(native))

    def _choose(self, drafts: list[Draft], rng: Random) -> tuple[list[Draft], list[tuple[Draft, str]]]:
        """The drafts to keep, kinds in turn, and the faulty ones with the reason."""
        sound: list[Draft] = []
        dropped: list[tuple[Draft, str]] = []
        for draft in drafts:
            fault = _fault(draft, sound)
            if fault:
                dropped.append((draft, fault))
            else:
                sound.append(draft)
        rng.shuffle(sound)
        kept: list[Draft] = []
        while sound and len(kept) < self.config.propose.tasks_per_image:
            best = min(sound, key=lambda draft: _crowding(draft, kept))
            sound.remove(best)
            kept.append(best)
        return kept, dropped

    def _task(self, record: ImageRecord, number: int, draft: Draft, calls: tuple[str, ...], rng: Random) -> Task:
        suggested = draft.suggested
        choices = _options(suggested, rng) if rng.random() < self.config.propose.choice_share else ()
        answer = suggested.answer.strip()
        return Task(
            id=f"{record.id}-{number:02d}",
            image=record,
            kind=suggested.kind,
            question=suggested.question.strip(),
            choices=choices,
            answer=LETTERS[choices.index(answer)] if choices else answer,
            evidence=draft.evidence,
            resolution=self._resolution(rng),
            calls=calls,
        )

    def _resolution(self, rng: Random) -> int | None:
        """The input resolution a task is posed at; None is native."""
        weights = self.config.propose.resolutions
        name = rng.choices(list(weights), list(weights.values()))[0]
        return None if name == "native" else int(name)


def _fault(draft: Draft, sound: list[Draft]) -> str | None:
    """Why a draft cannot be a task; None if it can."""
    suggested = draft.suggested
    if not draft.evidence:
        return "evidence outside the picture"
    if not normalize(suggested.answer):
        return "no answer"
    if suggested.kind == "text" and normalize(suggested.answer) in normalize(suggested.question):
        return "the question holds its answer"
    if any(normalize(suggested.question) == normalize(other.suggested.question) for other in sound):
        return "the same question again"
    if any(_same(draft, other) for other in sound):
        return "the same task again"
    return None


def _same(one: Draft, other: Draft) -> bool:
    """Whether two drafts ask the same kind of thing about the same place, and have the same answer.

    A relation asked from its other end has the opposite answer and is still the same.
    """
    return (
        one.suggested.kind == other.suggested.kind
        and (one.suggested.kind == "relation" or normalize(one.suggested.answer) == normalize(other.suggested.answer))
        and union(list(one.evidence)).iou(union(list(other.evidence))) > SAME_PLACE
    )


def _crowding(draft: Draft, kept: list[Draft]) -> float:
    """How much a draft repeats what is kept: its kind, its place."""
    box = union(list(draft.evidence))
    alike = sum(draft.suggested.kind == other.suggested.kind for other in kept)
    near = sum(box.overlaps(union(list(other.evidence))) for other in kept)
    return alike * (0.5 if draft.suggested.kind == "text" else 1.0) + near


def _options(suggested: Suggested, rng: Random) -> tuple[str, ...]:
    """The right and the wrong options, shuffled; none if there is no wrong one."""
    answer = suggested.answer.strip()
    wrong = {normalize(option): option.strip() for option in suggested.wrong}
    wrong.pop(normalize(answer), None)
    wrong.pop("", None)
    if not wrong:
        return ()
    options = [answer, *list(wrong.values())[:3]]
    rng.shuffle(options)
    return tuple(options)


def _aside(record: ImageRecord, number: int, draft: Draft, reason: str) -> Rejected:
    suggested = draft.suggested
    evidence = {"photo": record.name, "question": suggested.question, "answer": suggested.answer}
    return Rejected(id=f"{record.id}-x{number:02d}", stage="propose", reason=reason, evidence=evidence, image=record.id)
