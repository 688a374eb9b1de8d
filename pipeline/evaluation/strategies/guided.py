"""Strategies that tell the policy where to look: after one question where, or after a search through the photo."""

from heapq import heappop, heappush

from agents.boxes import Box, whole
from agents.views import View, smart_size
from pipeline.evaluation.attempt import Attempt
from pipeline.evaluation.exchange import Steps, Written
from pipeline.evaluation.strategies.once import answered, direct, settled
from pipeline.evaluation.strategies.registry import strategy


@strategy("two-view", "crop_tokens", "crop_source", "crops")
def two_view(attempt: Attempt) -> Steps:
    """The whole photo and one part of it, each answered; the surer answer counts (DualFocus, arXiv 2402.14767)."""
    seen = yield attempt.ask_plainly([attempt.posed])
    told = yield attempt.ask_where(attempt.posed)
    box = attempt.found(told, attempt.posed)
    if box is None:
        return attempt.outcome(seen) if not attempt.asks(seen) else (yield from direct(attempt))
    focused = yield from settled(attempt, attempt.having_looked(box))
    surer = seen if not attempt.asks(seen) and _confidence(seen) > _confidence(focused) else focused
    return attempt.outcome(surer)


@strategy("locate-first", "views", "sure", "crop_tokens", "crop_source", "crops")
def locate_first(attempt: Attempt) -> Steps:
    """The place first, by searching smaller and smaller parts; then the answer (V*/SEAL, arXiv 2312.14135).

    Best first: the part that overlaps most with what the policy took for the thing in the part around it comes next.
    """
    photo, best = attempt.example.photo.size, (0.0, whole(attempt.example.photo.size))
    waiting: list[tuple[float, int, Box]] = [(0.0, 0, whole(photo))]
    asked = 0
    while waiting and asked < attempt.switches.views:
        _, _, part = heappop(waiting)
        view = _posed(part, attempt.posed)
        told = yield attempt.ask_where(view)
        asked += 1
        box, confidence = attempt.found(told, view), _confidence(told)
        if box is not None and confidence > best[0]:
            best = confidence, box
        if box is not None and confidence >= attempt.switches.sure:
            break
        for number, smaller in enumerate(_parts(part) if view.scale < 1 else []):
            promise = confidence * box.coverage(smaller) if box else 0.0
            heappush(waiting, (-promise, 4 * asked + number, smaller))
    return (yield from answered(attempt, attempt.having_looked(best[1])))


def _posed(part: Box, posed: View) -> View:
    """A part of the photo as a picture of the size the whole photo is posed at."""
    if part == posed.box:
        return posed
    area = posed.size.area
    width, height = smart_size(part.size.fit(min(area, part.area)), area)
    return View(box=part, width=width, height=height)


def _parts(box: Box) -> list[Box]:
    """The four quarters of a box, or its halves where it is twice as long as wide."""
    (x, y), (width, height) = (round(middle) for middle in box.centre), box.size
    xs = [box.x1, box.x2] if height >= 2 * width else [box.x1, x, box.x2]
    ys = [box.y1, box.y2] if width >= 2 * height else [box.y1, y, box.y2]
    return [Box(xs[i], ys[j], xs[i + 1], ys[j + 1]) for j in range(len(ys) - 1) for i in range(len(xs) - 1)]


def _confidence(words: Written) -> float:
    """Where no probabilities are told, whatever was said counts as sure."""
    return 1.0 if words.confidence is None else words.confidence
