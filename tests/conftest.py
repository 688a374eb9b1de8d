"""Fixtures that many tests share: a drawn photo, and a scripted endpoint."""

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings

from tests.cluster import running_cluster
from tests.drawn import draw
from tests.scripted import Body, Line, Response, Script, listening

# The same examples every time, however busy the machine.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")

# Several processes test side by side: with a thread for each core in each of them, they wait for one another.
# What the tests start inherits it.
os.environ["OMP_NUM_THREADS"] = "1"

# A suite started in the background ignores Ctrl-C, and so would every run it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

Scripted = Callable[[Iterable[Line] | Callable[[Body], Response]], Script]


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    """Starts an endpoint that follows a script; it ends with the test."""
    with ExitStack() as stack:
        yield lambda lines: stack.enter_context(listening(Script(lines)))


@pytest.fixture(scope="session")
def on_cluster() -> Iterator[dict[str, str]]:
    """The environment of runs that join a Ray cluster, which starts once for all of them."""
    with running_cluster() as address:
        # A session started here wants the token that it left for this user.
        yield {"RAY_ADDRESS": address, "RAY_AUTH_MODE": "token"}


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A sound photo, 640x480."""
    return draw(tmp_path / "photo.jpg")
