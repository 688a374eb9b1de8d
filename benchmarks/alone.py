"""A measurement at several sizes, each in a process of its own: what one took up does not count for the next."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any


def each_alone(module: str, sizes: Sequence[int]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each size with what `python -m MODULE --alone SIZE` prints last, which is JSON."""
    for size in sizes:
        command = [sys.executable, "-m", module, "--alone", str(size)]
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        yield size, json.loads(output.splitlines()[-1])


def megabytes(what: str) -> float:
    """Memory of this process, as the kernel counts it: `VmRSS` is now, `VmHWM` is at most so far."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{what}:")[2].split()[0]) / 1e3
