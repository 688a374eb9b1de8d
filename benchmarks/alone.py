"""A measurement at several sizes, each in a process of its own: what one took up does not count for the next."""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any


def tabulate(
    doc: str | None,
    unit: str,
    sizes: Sequence[int],
    measured: Callable[[int], dict[str, Any]],
    columns: Mapping[str, str],
) -> None:
    """Be a program that measures those sizes, or the ones it is given, and prints a table as they are done.

    `measured` tells the `seconds` that a size took, and what else `columns`, formats by their titles, speak of.
    """
    asked = argparse.ArgumentParser(description=doc)
    asked.add_argument(f"--{unit}", dest="sizes", nargs="+", type=int, default=sizes)
    asked.add_argument("--alone", type=int, help="measure this size, here, and print it as JSON")
    given = asked.parse_args()
    if given.alone:
        print(json.dumps(measured(given.alone)))
        return
    _row(unit, "s", f"{unit} a second", *columns)
    print("|---:" * (3 + len(columns)) + "|", flush=True)
    for size in given.sizes:
        told = _alone(size)
        rate = size / told["seconds"]
        _row(f"{size:,}", f"{told['seconds']:.1f}", f"{rate:.0f}", *(cell.format(**told) for cell in columns.values()))


def megabytes(what: str) -> float:
    """Memory of this process, as the kernel counts it: `VmRSS` is now, `VmHWM` is at most so far."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{what}:")[2].split()[0]) / 1e3


def _alone(size: int) -> Any:
    """What this program tells of one size in a process of its own: its last line."""
    command = [sys.executable, *sys.orig_argv[1:], "--alone", str(size)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(output.splitlines()[-1])


def _row(*cells: str) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)
