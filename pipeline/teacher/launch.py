"""Starting the local teacher beside a run, and ending it with the run, however the run ends."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from agents.sender import EndpointError
from pipeline.teacher.server import TeacherConfig

START_SECONDS = 60.0


@contextmanager
def running_teacher(config: TeacherConfig) -> Iterator[str]:
    """The base URL of a local teacher on a free loopback port; it ends with the block.

    The server reads its standard input and ends when that closes, so it dies with this process even
    after `kill -9`.
    """
    command = [sys.executable, "-m", "pipeline", "teacher", "--port", "0", "--with-parent"]
    for name, value in config.model_dump(exclude_defaults=True).items():
        command += [f"--{name.replace('_', '-')}", str(value)]
    # In a session of its own: a Ctrl-C is the run's to hear, which then ends its teacher.
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        assert server.stdout is not None  # it is a pipe
        first = server.stdout.readline()
        if not first:
            raise EndpointError("The local teacher did not start; run `python -m pipeline teacher` to see why.")
        url: str = json.loads(first)["base_url"]
        _wait_for(url)
        yield url
    finally:
        server.terminate()
        server.wait()


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"{url}/models", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            if time.monotonic() > deadline:
                raise EndpointError(f"The local teacher did not answer within {START_SECONDS:g} s.") from None
            time.sleep(0.05)
