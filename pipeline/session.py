"""A Ray session of our own: started quietly, ended by its own handle, never by a machine-wide stop."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pipeline.config import RuntimeConfig

_STORE_BYTES = 256 * 1024**2
"""Object store of a session: rows are ids, paths and boxes, so it is never large."""


@contextmanager
def ray_session(config: RuntimeConfig) -> Iterator[None]:
    """Join the cluster at RAY_ADDRESS, or start a session on this machine; leave it at the end."""
    # A busy machine needs longer than Ray's 30 s to bring its node up; Ray reads these on import.
    os.environ.setdefault("RAY_raylet_start_wait_time_s", "180")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray

    local: dict[str, Any] = {"num_cpus": config.cpus, "object_store_memory": _STORE_BYTES}
    at_cluster = bool(os.environ.get("RAY_ADDRESS"))
    ray.init(
        include_dashboard=None if at_cluster else False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        **({} if at_cluster else local),
    )
    _quiet()
    try:
        yield
    finally:
        ray.shutdown()


def _quiet() -> None:
    """The run shows its own progress; Ray Data's bars and plans would bury it."""
    from ray.data import DataContext

    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    for name in ("ray.data", "ray.util", "ray"):
        logging.getLogger(name).setLevel(logging.ERROR)
