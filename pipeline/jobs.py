"""Runs as jobs of a Ray cluster: handed over, followed, listed and stopped through its dashboard."""

import asyncio
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

from tenacity import (
    AsyncRetrying,
    Retrying,
    retry_if_exception_message,
    retry_if_exception_type,
    stop_after_delay,
    wait_fixed,
)

from pipeline.config import ConfigError
from pipeline.parcel import PROJECT

PATIENCE = 300.0
"""Seconds that a dashboard may be out of reach while a job is followed: its own, or a port-forward's, restart."""
TRUSTED = 600.0
"""Seconds that one connection to a log is used: nobody tells of one that a router has forgotten."""
PAUSE = 0.5

Tell = Callable[[str], None]
"""Writes text as it is, without a line's end of its own."""


def submit(address: str, parcel: dict[str, Any], tell: Tell) -> int:
    """Hand a run to the cluster whose dashboard is at an address, and follow it; gives its exit code.

    Raises ConfigError if the cluster cannot be reached.
    """
    client = _client(address)
    with _said_plainly(address):
        job = _submitted(client, parcel)
    tell(f"{job} makes {parcel['metadata']['run']}\n")
    return _followed(client, address, job, tell)


def follow(address: str, job: str, tell: Tell) -> int:
    """Write a job's log from its beginning to its end; gives the job's exit code, or 130 at a Ctrl-C.

    The job goes on then. Raises ConfigError if there is no such job, or the cluster cannot be reached.
    """
    return _followed(_client(address), address, job, tell)


def status(address: str) -> str:
    """All jobs of this project that the cluster remembers, newest last. Raises ConfigError."""
    client = _client(address)
    with _said_plainly(address):
        return "\n".join(map(_row, _jobs(client))) or "No run was submitted to this cluster."


def stop(address: str, job: str | None, tell: Tell) -> None:
    """Stop a job, or the newest that has not ended, and wait until it has. Raises ConfigError."""
    client = _client(address)
    with _said_plainly(address):
        running = [found.submission_id for found in _jobs(client) if not found.status.is_terminal()]
        if not job and not running:
            tell("No job is running.\n")
            return
        job = job or running[-1]
        while not (found := _job(client, job)).status.is_terminal():
            # Asked again each time: a job that is only just being started does not hear it.
            client.stop_job(job)
            time.sleep(PAUSE)
    tell(f"{_row(found)}\n")


def exit_code(job: Any) -> int:
    """What the job's command exited with, as a shell says it; 130 if it was stopped, 1 if it never ran."""
    code = job.driver_exit_code
    if job.status == "STOPPED":
        return 130
    if code is None:
        return 0 if job.status == "SUCCEEDED" else 1
    return int(code) if code >= 0 else 128 - int(code)


def _client(address: str) -> Any:
    """The dashboard's client; raises ConfigError if nobody answers there."""
    if not address.startswith(("http://", "https://")):
        raise ConfigError(
            f"RAY_ADDRESS={address} is not the address of a Ray dashboard. Give it as RAY_ADDRESS=http://head:8265."
        )
    # The environment goes before the argument, and RAY_ADDRESS may hold where *runs* join a cluster.
    os.environ["RAY_API_SERVER_ADDRESS"] = address
    with _said_plainly(address):
        from ray.job_submission import JobSubmissionClient

        # It would tell of every file that it looks at.
        for handler in logging.getLogger("ray").handlers:
            handler.setLevel(logging.ERROR)
        return JobSubmissionClient(address)


@contextmanager
def _said_plainly(address: str) -> Iterator[None]:
    """Turn what Ray's client raises into a sentence for the operator."""
    from ray.exceptions import AuthenticationError

    try:
        yield
    except AuthenticationError as error:
        raise ConfigError(
            f"The Ray dashboard at {address} wants another token. Set RAY_AUTH_MODE=token and the cluster's "
            "RAY_AUTH_TOKEN in this environment."
        ) from error
    except (OSError, RuntimeError, KeyError) as error:
        why = " ".join(str(error).split())[:200]
        if "ray[default]" in why:
            raise ConfigError("Jobs need more of Ray than is installed. Install chain-of-focus[cluster].") from error
        raise ConfigError(
            f"The Ray dashboard at {address} cannot be used ({why}). Start the cluster, or see to the address and "
            "the port-forward; jobs that run go on."
        ) from error


def _submitted(client: Any, parcel: dict[str, Any]) -> str:
    """The job's id. A cluster that only just came up answers before it has anyone to start a job."""
    early = retry_if_exception_message(match=".*No available agent")
    again = Retrying(retry=early, stop=stop_after_delay(PATIENCE), wait=wait_fixed(PAUSE), reraise=True)
    return str(again(client.submit_job, **parcel))


def _jobs(client: Any) -> list[Any]:
    """Those of this project, newest last."""
    ours = [job for job in client.list_jobs() if job.submission_id and (job.metadata or {}).get("project") == PROJECT]
    return sorted(ours, key=lambda job: job.start_time or 0)


def _job(client: Any, name: str) -> Any:
    found = [job for job in _jobs(client) if job.submission_id == name]
    if not found:
        raise ConfigError(f"There is no run's job {name} on this cluster. `make status` lists those there are.")
    return found[0]


def _row(job: Any) -> str:
    since = datetime.fromtimestamp((job.end_time or job.start_time or 0) / 1000)
    # The message of a job that failed holds the end of its log, where our sentence may not come last.
    lines = (job.message or "").strip().splitlines()
    said = [line for line in lines if line.startswith("error: ")] or lines
    return "  ".join(
        [job.submission_id, f"{job.status:<9}", f"{since:%Y-%m-%d %H:%M}", job.metadata["run"], *said[-1:]]
    )


def _followed(client: Any, address: str, job: str, tell: Tell) -> int:
    try:
        with _said_plainly(address):
            ended = asyncio.run(_to_its_end(client, job, _Log(tell)))
    except KeyboardInterrupt:
        with_job = f"RAY_ADDRESS={address} JOB={job}"
        tell(f"\n{job} goes on. `make status {with_job}` follows it again, `make stop {with_job}` stops it.\n")
        return 130
    tell(f"{_row(ended)}\n")
    return exit_code(ended)


class _Log:
    """A job's log on its way to the terminal: whenever it comes from its beginning again, what was told is left out."""

    def __init__(self, tell: Tell) -> None:
        self._tell, self._told, self._seen = tell, 0, 0

    def begin(self) -> None:
        self._seen = 0

    def add(self, part: str) -> None:
        fresh = part[max(0, self._told - self._seen) :]
        self._seen += len(part)
        self._told = max(self._told, self._seen)
        if fresh:
            self._tell(fresh)


async def _to_its_end(client: Any, job: str, log: _Log) -> Any:
    """The job once it has ended. A connection that ends says nothing: what the cluster says of the job counts."""
    while True:
        found = await _patiently(client, job)
        if found.status.is_terminal():
            break
        await _tail(client, job, log)
    with suppress(OSError, RuntimeError):
        log.begin()
        log.add(client.get_job_logs(job))
    return found


async def _tail(client: Any, job: str, log: _Log) -> None:
    import aiohttp

    log.begin()
    with suppress(OSError, RuntimeError, aiohttp.ClientError):
        async with asyncio.timeout(TRUSTED):
            async for part in client.tail_job_logs(job):
                log.add(part)
    await asyncio.sleep(PAUSE)


async def _patiently(client: Any, job: str) -> Any:
    """The job as it is now; raises what the client raises when it has not been reached for long."""
    gone = retry_if_exception_type((OSError, RuntimeError))
    again = AsyncRetrying(retry=gone, stop=stop_after_delay(PATIENCE), wait=wait_fixed(PAUSE), reraise=True)
    async for attempt in again:
        with attempt:
            return _job(client, job)
    raise AssertionError("tenacity either returns or raises")
