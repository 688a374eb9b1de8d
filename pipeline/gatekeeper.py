"""The one gate of a run, in a Ray actor that all workers ask: limits hold for the run, not for each worker."""

import secrets
from pathlib import Path
from typing import Any

from agents.gate import End, Gate, Limits, Load
from agents.teachers import EndpointConfig
from pipeline.session import unwrapped
from pipeline.store import Store

LEASE_SLACK = 30.0
"""Seconds beyond a request's deadline after which the worker that sent it must have died."""
MOST_WAITING = 100_000
"""Calls that may wait in the actor: every request of every worker, if need be."""


class Gatekeeper(Gate):
    """A gate that knows from the run's folder what was spent before, also when it is started anew."""

    def __init__(self, limits: Limits, lease_seconds: float, folder: Path) -> None:
        super().__init__(limits, lease_seconds, sum(usage.cost for usage in Store(folder).usage().values()))


class RemoteGate:
    """The worker's side of it: a Turnstile."""

    def __init__(self, actor: Any) -> None:
        import ray

        self._actor = actor
        # A worker that died and was started again bears the same name: what it held before is given back.
        self._name = ray.get_runtime_context().get_actor_id() or secrets.token_hex(8)
        self._actor.forget.remote(self._name)

    async def enter(self, load: Load) -> int:
        """Wait for a place; its number. Raises SpentError."""
        with unwrapped():
            place: int = await self._actor.enter.remote(load, self._name)
        return place

    async def leave(self, place: int, end: End, load: Load, pause: float = 0.0) -> float:
        """Give the place back; only who was refused waits to hear how long the endpoint has been silent."""
        told = self._actor.leave.remote(place, end, load, pause)
        if end is not End.REFUSED:
            return 0.0
        silent: float = await told
        return silent


def start_gate(config: EndpointConfig, folder: Path) -> Any:
    """The actor of a run; it is started again where its node is lost."""
    import ray

    actor = ray.remote(Gatekeeper).options(
        num_cpus=0, max_restarts=-1, max_task_retries=-1, max_concurrency=MOST_WAITING
    )
    return actor.remote(config.limits, config.timeout_seconds + LEASE_SLACK, folder)
