"""One job, every system, one endpoint of fixed latency and capacity: speed, a storm of refusals, crashes.

Usage: python -m benchmarks.orchestration speed|storm|crash [--systems NAME …] [--photos 640] [--latencies 0.05 0.2 1]
[--rounds 3] [--capacity 64]. What was measured is kept in outputs/benchmarks/orchestration/ as JSON; peers are
installed on first use.
"""

import argparse
import json
import shutil
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.orchestration.job import CALLS
from benchmarks.orchestration.peers import SYSTEMS, System
from benchmarks.orchestration.run import Measured, Terms, as_json, awaited, draw, endpoint, failure, measure
from benchmarks.orchestration.watch import kill

PLACE = Path("outputs/benchmarks/orchestration")
STORM_LATENCY = CRASH_LATENCY = 0.2
PATIENCE = 300
"""Seconds that a system started again may take."""


def main() -> None:
    """Measure and print a table."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("what", choices=("speed", "storm", "crash"))
    asked.add_argument("--systems", nargs="+", choices=[one.name for one in SYSTEMS])
    asked.add_argument("--photos", type=int, default=640)
    asked.add_argument("--latencies", nargs="+", type=float, default=[0.05, 0.2, 1.0])
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--capacity", type=int, default=64, help="requests the endpoint answers at once; all send 64")
    given = asked.parse_args()
    systems = [one for one in SYSTEMS if not given.systems or one.name in given.systems]
    for system in systems:
        print(f"{system.name}: {system.python}", flush=True)  # Installed before anything is timed.
    photos = draw(PLACE / f"photos-{given.photos}", given.photos)
    if given.what == "crash":
        terms = Terms(CRASH_LATENCY, given.capacity)
        crash([one for one in systems if one.resumes], photos, terms, given.rounds)
    else:
        latencies = [STORM_LATENCY] if given.what == "storm" else given.latencies
        of_all = [Terms(latency, given.capacity, given.what == "storm") for latency in latencies]
        speed(systems, photos, of_all, given.rounds)


def speed(systems: Sequence[System], photos: Path, of_all: Sequence[Terms], rounds: int) -> None:
    """Every system on all terms, in turn, so often."""
    kept: dict[tuple[float, str], list[Measured]] = {}
    for _ in range(rounds):
        for terms in of_all:
            for system in systems:
                try:
                    one = measure(system, photos, fresh(system), terms)
                except Exception as error:  # A system that fails is told, and the others go on.
                    print(f"{system.name} at {terms.latency:g} s: {error} ({failure(out_of(system))})", flush=True)
                    continue
                kept.setdefault((terms.latency, system.name), []).append(one)
                note("storm" if terms.refuse else "speed", system=system.name, **terms._asdict(), **as_json(one))
    print(
        "| latency, s | system | over the bound | in steady state | CPU ms a call | start-up, s | its CPU, s "
        "| whole, s | MB | paid again | refused |\n|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
    )
    for (latency, name), all_of in sorted(kept.items()):
        print(f"| {latency:g} | {name} | " + " | ".join(_cells(all_of)) + " |")


def _cells(rounds: Sequence[Measured]) -> Iterator[str]:
    """Medians, with the spread where it matters."""
    for name, places, spread in (
        ("work", 2, True), ("steady", 2, True), ("cpu_ms", 1, True), ("start_up", 1, False), ("start_cpu", 1, False),
        ("total", 1, False), ("megabytes", 0, False), ("again", 0, False), ("refused", 3, False),
    ):  # fmt: skip
        values = sorted(getattr(one, name) for one in rounds)
        told = f" ({values[0]:.{places}f}-{values[-1]:.{places}f})" if spread else ""
        yield f"{statistics.median(values):.{places}f}{told}"


def crash(systems: Sequence[System], photos: Path, terms: Terms, rounds: int) -> None:
    """Each system is killed at random moments, a fresh run each, and started again."""
    print("| system | killed after, calls | in flight then | paid again | done in the end |\n|---|---:|---:|---:|---|")
    expected = CALLS * sum(1 for _ in photos.glob("*.jpg"))
    for number in range(rounds):
        moment = int(Random(number).uniform(0.1, 0.9) * expected)
        for system in systems:
            told = killed(system, photos, terms, moment)
            note("crash", system=system.name, **terms._asdict(), **told)
            whole = "yes" if told["distinct"] == expected else f"{told['distinct']} of {expected}"
            print(f"| {system.name} | {moment} | {told['flying']} | {told['again']} | {whole} |", flush=True)


def killed(system: System, photos: Path, terms: Terms, moment: int) -> dict[str, Any]:
    """SIGKILL to all of a system's processes when so many calls have been answered; then it is started again."""
    out = fresh(system)
    with endpoint(terms) as server:
        process = system.start(server.url, photos, out)
        while (counts := server.counts()).calls < moment and process.poll() is None:
            time.sleep(0.05)
        kill(process.pid)
        process.wait()
        dead = server.counts()
        # All that was unanswered when the killing began, and what came until it was done.
        flying = dead.calls + dead.inside - counts.calls
        again = system.start(server.url, photos, out)
        awaited(again, PATIENCE)  # Whether it hung is told by what was done in the end.
        counts = server.counts()
    return {"moment": moment, "flying": flying, "again": counts.calls - counts.distinct, "distinct": counts.distinct}


def out_of(system: System) -> Path:
    return PLACE / "runs" / system.module


def fresh(system: System) -> Path:
    """A system's folder, with nothing in it of an earlier run."""
    out = out_of(system)
    shutil.rmtree(out, ignore_errors=True)
    Path(f"{out}.log").unlink(missing_ok=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    return out


def note(kind: str, **values: Any) -> None:
    with (PLACE / f"{kind}.jsonl").open("a") as file:
        print(json.dumps(values), file=file)


if __name__ == "__main__":
    main()
