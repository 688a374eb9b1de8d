"""A Ray session of our own: started quietly, ended by its own handle, never by a machine-wide stop."""

import ctypes
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any

from tenacity import Retrying, retry_if_exception_message, stop_after_attempt

from pipeline.config import ConfigError, RuntimeConfig

_STORE_BYTES = 256 * 1024**2
"""Object store of a session: rows are ids, paths and boxes, so it is never large."""
_STARTS = Retrying(
    retry=retry_if_exception_message(match=".*timed out during startup"), stop=stop_after_attempt(3), reraise=True
)
"""A node gives up on itself where its helpers take more than 15 s to come up, as they do on a busy machine."""
_PR_SET_PDEATHSIG = 1
"""Of prctl(2): the signal a process gets when its parent ends."""
_ADVICE = "\nFailed to apply UDF transform"
"""How the advice begins that Ray Data writes below the message of whatever a worker raises."""


@contextmanager
def ray_session(config: RuntimeConfig) -> Iterator[None]:
    """Join the cluster at RAY_ADDRESS, or start a session on this machine; leave it at the end.

    Raises ConfigError if that cluster cannot be joined.
    """
    ray_settings()
    import ray

    # Were no address given, Ray would join whatever cluster it finds on this machine.
    local: dict[str, Any] = {"address": "local", "num_cpus": config.cpus, "object_store_memory": _STORE_BYTES}
    cluster = os.environ.get("RAY_ADDRESS")
    with _muted_core():
        try:
            for attempt in _STARTS:
                with attempt:
                    ray.init(
                        include_dashboard=None if cluster else False,
                        log_to_driver=False,
                        logging_level=logging.ERROR,
                        **({} if cluster else local),
                    )
        except ConnectionError as error:
            raise ConfigError(
                f"The Ray cluster at {cluster} cannot be joined. Start it, and set RAY_AUTH_MODE=token if it wants a "
                "token, or unset RAY_ADDRESS to run on this machine alone."
            ) from error
        _quiet()
        try:
            yield
        finally:
            ray.shutdown()


def ray_settings() -> None:
    """What Ray is told by the environment, and reads on import."""
    # A busy machine needs longer than Ray's 30 s to bring its node up.
    os.environ.setdefault("RAY_raylet_start_wait_time_s", "45")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    # Ray would put its workers behind everything else on the machine; they are what the user waits for.
    os.environ.setdefault("RAY_worker_niceness", "0")


@contextmanager
def _muted_core() -> Iterator[None]:
    """Keep Ray's C++ core off the terminal; what Python writes to standard error still gets there.

    The core calls things errors that Ray Data does on purpose, or that a Ctrl-C brings about. It writes the
    same lines to Ray's own logs, and what fails comes to us as an exception all the same.
    """
    with os.fdopen(os.dup(2), "w", buffering=1) as ours, Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
        try:
            with redirect_stderr(ours):
                yield
        finally:
            os.dup2(ours.fileno(), 2)


def _quiet() -> None:
    """The run shows its own progress and says what ended it; Ray Data's bars, plans and traces would bury it."""
    from ray.data import DataContext

    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    # Otherwise only the text of what a worker raised gets here, and nobody can tell whose fault it was.
    context.raise_original_map_exception = True
    # A thread for each block, which looks every second at a memory that all blocks of a worker share.
    context.memory_usage_poll_interval_s = None
    for name in ("ray.data", "ray.util", "ray"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def end_with_parent() -> None:
    """Have this process, which is an actor's, die with the one that started it.

    Left to itself, a worker whose Ray session was killed now and then hangs for ever on its way out.
    """
    if sys.platform == "linux":
        # The kernel sees to it: no thread of Python's runs any more where it hangs.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


@contextmanager
def unwrapped() -> Iterator[None]:
    """What a worker raises in the block comes out as itself, not in Ray's wrappings."""
    from ray.exceptions import RayTaskError

    try:
        yield
    except RayTaskError as error:
        raise _cause(error) from None


def _cause(error: BaseException) -> BaseException:
    from ray.exceptions import RayTaskError

    while isinstance(error, RayTaskError) and isinstance(error.cause, BaseException):
        error = error.cause
    if error.args and isinstance(error.args[0], str):
        error.args = (error.args[0].partition(_ADVICE)[0], *error.args[1:])
    return error
