"""What a run will cost, from the first photos of it."""

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

from pipeline.journal import Usage
from pipeline.stages import STAGES
from pipeline.store import Store

STUDENT = 2.1
"""Of Student's distribution at 95 % and some 20 photos; 1.96 would promise more than so few can."""


class Estimate(NamedTuple):
    """The cost of all photos, from that of some."""

    seen: int
    photos: int
    total: Usage
    """Of the photos seen."""
    traces: int
    margin: float
    """Of the whole cost: half of the 95 % interval."""

    @property
    def text(self) -> str:
        """The estimate as a person reads it in a terminal."""
        times = self.photos / max(1, self.seen)
        calls, asked, said, cost = (value * times for value in self.total)
        lines = [
            f"pilot: {self.seen} photos, {self.traces} traces",
            f"for all {self.photos} photos: about {calls:,.0f} calls, {asked:,.0f} tokens in, {said:,.0f} out, "
            f"{self.traces * times:,.0f} traces",
        ]
        if cost:
            lines.append(f"cost: {cost:.2f} ± {self.margin:.2f} (95 %)")
        else:
            lines.append("cost: unknown; give teacher.prices to have it told")
        return "\n".join([*lines, "Run the same command without --pilot to go on from here."])


def estimate(store: Store, images: Sequence[str], seen: int, photos: int) -> Estimate:
    """From what was asked about some images (their ids), of `seen` photos, to a run over `photos` of them."""
    # A photo that was set aside at once costs nothing, and is seen all the same.
    usages = [_usage(store, image) for image in images] + [Usage()] * (seen - len(images))
    total = Usage()
    for usage in usages:
        total = total.plus(usage)
    # The interval of a mean (Student 1908), for so many photos.
    spread = statistics.stdev(usage.cost for usage in usages) if len(usages) > 1 else 0.0
    margin = STUDENT * spread / math.sqrt(max(1, len(usages))) * photos
    traces = sum(len(store.made_of(STAGES[-1].name, image)) for image in images)
    return Estimate(len(usages), photos, total, traces, margin)


def _usage(store: Store, image: str) -> Usage:
    total = Usage()
    for stage in STAGES:
        for reply in store.replies_about(stage.name, image):
            total = total.plus(Usage(1, reply["prompt_tokens"], reply["completion_tokens"], reply.get("cost", 0.0)))
    return total
