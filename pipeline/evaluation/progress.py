"""What of an evaluation is done and what is left, said while it happens: at every cell's end, and now and then."""

import time
from collections import Counter
from collections.abc import Callable, Sequence

from pipeline.evaluation.predictions import Cell, Ledger
from pipeline.evaluation.rows import accuracy
from pipeline.evaluation.workers import Job

EVERY_SECONDS = 30.0


class Progress:
    """Follows the answers to some jobs."""

    def __init__(self, jobs: Sequence[Job], ledger: Ledger, say: Callable[[str], None]) -> None:
        self._ledger, self._say = ledger, say
        self._left: Counter[Cell] = Counter()
        for job in jobs:
            self._left[job.cell] += len(job.numbers)
        self._total, self._done = self._left.total(), 0
        self._began = self._said = time.monotonic()

    def add(self, job: Job) -> None:
        """A job is answered, and its answers are kept."""
        self._left[job.cell] -= len(job.numbers)
        self._done += len(job.numbers)
        if not self._left[job.cell]:
            right = accuracy(self._ledger.read(job.cell))
            self._tell(f"{job.cell.title} · accuracy {right.mean:.3f} ({right.answers}) · ")
        elif time.monotonic() - self._said > EVERY_SECONDS:
            self._tell(f"{job.cell.title} · ")

    def _tell(self, what: str) -> None:
        self._said = time.monotonic()
        rate = self._done / max(1e-9, self._said - self._began)
        left = (self._total - self._done) / rate
        self._say(f"{what}{self._done}/{self._total}, {rate:.1f}/s, {left:.0f} s left")
