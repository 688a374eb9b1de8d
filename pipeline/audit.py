"""The audit: exported answers and crops against what was really drawn. The only reader of the truth files."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from agents.boxes import Box, union
from agents.dialects import settle
from pipeline.config import RunConfig
from pipeline.records import Traced
from pipeline.scenes.truth import LineTruth, SceneTruth, ThingTruth
from pipeline.stages import STAGES
from pipeline.store import Store
from pipeline.summary import AuditResult
from pipeline.teacher.language import ColourOf, Compare, Count, GoesOn, InColours, NextTo, Query, read
from pipeline.teacher.layout import beginning_of


class Drawn(NamedTuple):
    """The right answer by what was drawn, and the native boxes of all that shows it."""

    answer: str
    evidence: tuple[Box, ...]


class Place(NamedTuple):
    thing: ThingTruth
    line: LineTruth

    @property
    def box(self) -> Box:
        return Box(*self.line.box)


def audit_run(store: Store, config: RunConfig) -> AuditResult | None:
    """Compare the traces of a run on the drawn set; None for a run on other photos."""
    from pipeline.runner import drawn_folders

    if config.sample.images != "drawn":
        return None
    truth_folder = drawn_folders(config)[1]
    wrong: list[str] = []
    held: list[bool] = []
    compared = 0
    for _, content in store.outcomes(STAGES[-1].name):
        for record in content["records"]:
            traced = Traced.model_validate(record)
            query = read(traced.task.question)
            if query is None:
                continue  # Another teacher's wording: there is no rule to judge it by.
            compared += 1
            drawn = look_up(query, _truth(truth_folder, traced.task.image.name))
            if drawn is None or not exactly(traced.task.answer_text, drawn.answer):
                wrong.append(traced.id)
            elif traced.trace.zooms:
                held.append(_last_crop(traced, config).holds(union(list(drawn.evidence))))
    if not compared:
        return None
    return AuditResult(
        n=compared,
        answers_right=1 - len(wrong) / compared,
        evidence_in_last_crop=sum(held) / len(held) if held else 1.0,
        wrong=wrong,
    )


def exactly(answer: str, drawn: str) -> bool:
    """Whether an answer is what was drawn, letter for letter; only runs of space count as one."""
    return " ".join(answer.split()) == " ".join(drawn.split())


def _last_crop(traced: Traced, config: RunConfig) -> Box:
    """The last crop as it is exported: cut from the box as its frame can write it."""
    setting = traced.task.setting(config.zoom, config.export.frame)
    return settle(traced.trace, setting).zooms[-1].view.box


@lru_cache(maxsize=64)
def _truth(folder: Path, image: str) -> SceneTruth:
    return SceneTruth.model_validate_json((folder / image).with_suffix(".json").read_text(encoding="utf-8"))


def look_up(query: Query, scene: SceneTruth) -> Drawn | None:
    """The right answer to a query; None if what was drawn does not decide it."""
    places = [Place(thing, line) for thing in scene.things for line in thing.lines]
    match query:
        case InColours(ink=ink, ground=ground):
            fitting = [place for place in places if (place.line.colour, place.thing.colour) == (ink, ground)]
            return Drawn(fitting[0].line.text, (fitting[0].box,)) if len(fitting) == 1 else None
        case GoesOn(anchor=anchor):
            starting = [place for place in places if beginning_of(place.line.text)[0].casefold() == anchor.casefold()]
            return Drawn(beginning_of(starting[0].line.text)[1], (starting[0].box,)) if len(starting) == 1 else None
        case Compare(first=first, second=second, axis=axis):
            one, other = _only(places, first), _only(places, second)
            return _compare(one, other, axis) if one and other else None
        case NextTo(anchor=anchor, side=side):
            place = _only(places, anchor)
            return _next_to(places, place, side) if place else None
        case ColourOf(anchor=anchor, part=part):
            place = _only(places, anchor)
            if place is None:
                return None
            return Drawn(place.thing.colour if part == "ground" else place.line.colour, (place.box,))
        case Count(anchor=anchor):
            place = _only(places, anchor)
            return _count(place, query) if place else None


def _only(places: Sequence[Place], text: str) -> Place | None:
    """The one line that says `text`; None if none or several do."""
    fitting = [place for place in places if exactly(place.line.text.casefold(), text.casefold())]
    return fitting[0] if len(fitting) == 1 else None


def _compare(one: Place, other: Place, axis: str) -> Drawn:
    (ax, ay), (bx, by) = one.box.centre, other.box.centre
    names = ("above", "below", ay, by) if axis == "vertical" else ("left", "right", ax, bx)
    return Drawn(names[0] if names[2] < names[3] else names[1], (one.box, other.box))


def _next_to(places: Sequence[Place], place: Place, side: str) -> Drawn | None:
    """The nearest line on one side that shares the row or the column."""
    across = 0 if side in {"below", "above"} else 1
    along = 1 - across
    ahead = side in {"below", "right"}
    near: list[tuple[int, Place]] = []
    for other in places:
        gap = other.box[along] - place.box[along + 2] if ahead else place.box[along] - other.box[along + 2]
        common = min(place.box[across + 2], other.box[across + 2]) - max(place.box[across], other.box[across])
        if other is not place and gap >= 0 and common > 0:
            near.append((gap, other))
    if not near:
        return None
    target = min(near, key=lambda one: one[0])[1]
    return Drawn(target.line.text, (place.box, target.box))


def _count(place: Place, query: Count) -> Drawn | None:
    marks = [m for m in place.thing.marks if (m.shape, m.colour) == (query.shape, query.colour)]
    boxes = [Box(*box) for mark in marks for box in mark.boxes]
    return Drawn(str(len(boxes)), (place.box, *boxes)) if boxes else None
