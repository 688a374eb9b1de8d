"""Modules of the tests in processes of their own, which do as they are told and end when nobody talks to them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.runs import ROOT


class Child:
    """A process that prints a line for whatever it is told."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdin and process.stdout
        self._ears, self._mouth = process.stdin, process.stdout

    def told(self) -> str:
        """The next line it prints."""
        return self._mouth.readline().strip()

    def do(self, what: object) -> str:
        """Tell it something; what it prints then."""
        self._ears.write(f"{what}\n")
        self._ears.flush()
        return self.told()


@contextmanager
def child(module: str, *arguments: object, cwd: Path = ROOT, **environment: str) -> Iterator[Child]:
    """`python -m tests.<module>` while the block runs; its input ends with the block, and so must it."""
    command = [sys.executable, "-m", f"tests.{module}", *map(str, arguments)]
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=cwd, env=env, text=True, stdin=pipe, stdout=pipe) as process:
        assert process.stdin
        try:
            yield Child(process)
        finally:
            process.stdin.close()
