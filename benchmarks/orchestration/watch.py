"""What a system takes while it runs: CPU and memory of its whole tree of processes, over time."""

import os
import signal
import time
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

from benchmarks.cpu import Tree, members

_GLANCE = 0.2
"""Seconds between two looks at the tree."""
_WEIGHED = 5
"""Looks between two sums of memory: reading the kernel's count of shared pages takes a while."""


class Watch:
    """CPU seconds and peak memory of a process and all below it."""

    def __init__(self, root: int) -> None:
        self._root, self._tree = root, Tree(root)
        self.began = self.ended = time.time()
        self._times, self._seconds = [self.began], [0.0]
        self.megabytes = 0.0
        """At most at once; a page that processes share is counted once (PSS)."""
        self._done = Event()

    @contextmanager
    def watching(self) -> Iterator[None]:
        thread = Thread(target=self._look, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.ended = time.time()
            self._done.set()
            thread.join()

    def cpu(self, start: float, end: float) -> float:
        """CPU seconds between two times, in seconds since the epoch."""
        return self._at(end) - self._at(start)

    def _at(self, moment: float) -> float:
        """By straight lines between the looks."""
        place = bisect_right(self._times, moment)
        if place in (0, len(self._times)):
            return self._seconds[min(place, len(self._seconds) - 1)]
        (t0, t1), (s0, s1) = self._times[place - 1 : place + 1], self._seconds[place - 1 : place + 1]
        return s0 + (s1 - s0) * (moment - t0) / (t1 - t0)

    def _look(self) -> None:
        looks = 0
        while not self._done.wait(_GLANCE):
            self._seconds.append(self._tree.seconds())
            self._times.append(time.time())
            looks += 1
            if looks % _WEIGHED == 0:
                self.megabytes = max(self.megabytes, sum(map(_proportional, members(self._root))))


def _proportional(pid: int) -> float:
    """Megabytes of a process, shared pages divided among those who share them; 0 when it is gone."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return int(rollup.partition("\nPss:")[2].split()[0]) / 1e3


def kill(root: int) -> None:
    """End a process and all below it at once, as a power cut would."""
    for pid in members(root):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
