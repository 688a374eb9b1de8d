"""CPU time: where a block spends it in this process, and what a whole tree of processes spends."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

Rule = Callable[[str, str], bool]
"""Whether a frame, by its file and its function, belongs to a place."""

_SAMPLE = 0.001
"""Seconds of CPU between two looks at the stack."""
_GLANCE = 0.1
"""Seconds between two looks at the process tree: a process that ends takes at most that much with it."""
_TICKS = os.sysconf("SC_CLK_TCK")


class Spent:
    """CPU seconds of this process, divided among places by looking at the stack every millisecond of CPU."""

    def __init__(self, places: dict[str, Rule], rest: str) -> None:
        self.total = 0.0
        self._places, self._rest = places, rest
        self._hits: Counter[str] = Counter()

    @property
    def seconds(self) -> dict[str, float]:
        """CPU seconds of each place, in the order of the places; they add up to the total."""
        hits = max(1, self._hits.total())
        return {place: self.total * self._hits[place] / hits for place in (*self._places, self._rest)}

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count what the block spends. In the main thread only, as Python's signals are."""
        before = time.process_time()
        old = signal.signal(signal.SIGPROF, self._look)
        signal.setitimer(signal.ITIMER_PROF, _SAMPLE, _SAMPLE)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.signal(signal.SIGPROF, old)
            self.total += time.process_time() - before

    def _look(self, _signal: int, frame: FrameType | None) -> None:
        stack: list[tuple[str, str]] = []
        while frame is not None:
            stack.append((frame.f_code.co_filename, frame.f_code.co_name))
            frame = frame.f_back
        # The first place with any frame in the stack has it: inner work is listed before what it is inner to.
        fitting = (place for place, rule in self._places.items() if any(rule(*one) for one in stack))
        self._hits[next(fitting, self._rest)] += 1


class Tree:
    """CPU seconds of a process, this one by default, and all its descendants, those that ended included."""

    def __init__(self, root: int | None = None) -> None:
        self._root = root or os.getpid()
        self._known: dict[tuple[int, str], float] = {}
        self._own = 0.0
        self._lock, self._done = threading.Lock(), threading.Event()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Look at the tree again and again while the block runs, so that what ends in it is counted."""
        thread = threading.Thread(target=self._watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._done.set()
            thread.join()

    def seconds(self) -> float:
        """CPU seconds so far, without what the watching itself takes."""
        self._glance()
        return sum(self._known.values()) - self._own

    def _watch(self) -> None:
        while not self._done.wait(_GLANCE):
            self._glance()
            self._own = time.thread_time()

    def _glance(self) -> None:
        with self._lock:
            for identity, seconds in _descendants(self._root):
                self._known[identity] = max(seconds, self._known.get(identity, 0.0))


def members(root: int) -> set[int]:
    """Ids of a process and all below it that are there now."""
    return _family(root, dict(_processes()))


def _family(root: int, fields: dict[int, list[str]]) -> set[int]:
    found = {root}
    while below := {pid for pid, one in fields.items() if int(one[1]) in found} - found:
        found |= below
    return found & fields.keys()


def _descendants(root: int) -> Iterator[tuple[tuple[int, str], float]]:
    """Id (with start time, since ids are used again) and CPU seconds of a process and all below it."""
    fields = dict(_processes())
    for pid in _family(root, fields):
        user, system = fields[pid][11:13]
        yield (pid, fields[pid][19]), (int(user) + int(system)) / _TICKS


def _processes() -> Iterator[tuple[int, list[str]]]:
    """The fields of /proc/<pid>/stat of every process, from the one after its name on."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                yield int(folder.name), (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue  # It has just ended.
