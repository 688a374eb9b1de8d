"""What is done and what is left, while it happens: a table in a terminal, a line now and then in a log."""

import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

Counts = dict[str, dict[str, float]]


class Meter:
    """Counts per stage, in a Ray actor that all workers report to."""

    def __init__(self) -> None:
        self.counts: Counts = {}

    def add(self, stage: str, counts: dict[str, float]) -> None:
        entry = self.counts.setdefault(stage, defaultdict(float))
        for name, number in counts.items():
            entry[name] += number

    def snapshot(self) -> Counts:
        return {stage: dict(entry) for stage, entry in self.counts.items()}


@contextmanager
def progress(stages: Sequence[str], photos: int, every: float) -> Iterator[Any]:
    """Show progress while the block runs; gives the meter that workers report to."""
    import ray

    meter = ray.remote(Meter).options(num_cpus=0).remote()
    done = threading.Event()
    show = _table if sys.stdout.isatty() else _lines
    thread = threading.Thread(target=show, args=(meter, stages, photos, every, done), daemon=True)
    thread.start()
    try:
        yield meter
    finally:
        done.set()
        thread.join(timeout=5)


def _snapshot(meter: Any) -> Counts:
    import ray

    try:
        counts: Counts = ray.get(meter.snapshot.remote(), timeout=5)
    except ray.exceptions.RayError:
        return {}
    return counts


def line(counts: Counts, stages: Sequence[str], photos: int, seconds: float) -> str:
    """What is done after so many seconds: records by stage, traces with their rate and yield, and what they cost."""
    parts = [f"{seconds:4.0f} s"]
    for stage in stages:
        entry = counts.get(stage, {})
        of = f"/{photos}" if stage == stages[0] else ""
        rejected = f" (-{entry['rejected']:.0f})" if entry.get("rejected") else ""
        parts.append(f"{stage} {entry.get('seen', 0):.0f}{of}{rejected}")
    return " · ".join([*parts, *_yield(counts, stages, seconds), *_spent(counts)])


def _yield(counts: Counts, stages: Sequence[str], seconds: float) -> list[str]:
    """Traces of this start so far, how many a minute, and of how many photos that were begun."""
    made, begun = counts.get(stages[-1], {}).get("made", 0), counts.get(stages[0], {}).get("seen", 0)
    if not made:
        return ["traces 0"]
    return [f"traces {made:.0f}, {60 * made / max(seconds, 1):.0f} a minute, {made / max(begun, 1):.1f} a photo begun"]


def _spent(counts: Counts) -> list[str]:
    """Tokens and cost of this start; nothing where the endpoint counts neither."""
    tokens, cost = (sum(entry.get(name, 0.0) for entry in counts.values()) for name in ("tokens", "cost"))
    return [*([f"{tokens / 1000:.0f}k tokens"] if tokens else []), *([f"cost {cost:.2f}"] if cost else [])]


def _lines(meter: Any, stages: Sequence[str], photos: int, every: float, done: threading.Event) -> None:
    started = time.monotonic()
    while not done.wait(every):
        print(line(_snapshot(meter), stages, photos, time.monotonic() - started), flush=True)


def _table(meter: Any, stages: Sequence[str], photos: int, _every: float, done: threading.Event) -> None:
    from rich.live import Live

    started = time.monotonic()
    with Live(refresh_per_second=2, transient=True) as live:
        while not done.wait(0.5):
            live.update(_as_table(_snapshot(meter), stages, photos, started))


def _as_table(counts: Counts, stages: Sequence[str], photos: int, started: float) -> Any:
    from rich.table import Table

    table = Table(title=f"{photos} photos, {time.monotonic() - started:.0f} s", title_justify="left")
    for column in ("stage", "in", "on", "set aside", "failed", "tokens", "cost"):
        table.add_column(column, justify="left" if column == "stage" else "right")
    for stage in stages:
        entry = counts.get(stage, {})
        numbers = [f"{entry.get(name, 0):.0f}" for name in ("seen", "made", "rejected", "failed", "tokens")]
        numbers.append(f"{entry.get('cost', 0):.2f}")
        table.add_row(stage, *numbers)
    return table
