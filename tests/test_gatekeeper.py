"""The connection to a run's gate: places go over it, what ends it ends the stays, and a new gate is found."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

from agents.gate import End, Limits, Load, SpentError
from pipeline.gatekeeper import Door, Gatekeeper
from pipeline.remote_gate import RemoteGate

PATIENCE = 20
"""Seconds after which what should have come never will."""
Outcome = TypeVar("Outcome")


class Here:
    """Stands for the actor, in this process."""

    def __init__(self, folder: Path, **limits: Any) -> None:
        self.gate = Gatekeeper(Limits(**limits), 300.0, folder)
        self.door = self

    async def remote(self) -> Door:
        return await self.gate.door()


def in_time(work: Coroutine[Any, Any, Outcome]) -> Outcome:
    return asyncio.run(asyncio.wait_for(work, PATIENCE))


async def waits(here: Here, count: int) -> None:
    """Return when so many wait at the gate."""
    while len(here.gate._waiting) < count:
        await asyncio.sleep(0.01)


def cut(gate: RemoteGate) -> None:
    """End the connection of a worker, as its death would."""
    assert gate._reaching
    gate._reaching.result()._writer.transport.abort()


def test_a_place_that_is_given_back_goes_to_who_waits(tmp_path: Path) -> None:
    async def work() -> bool:
        here = Here(tmp_path, concurrency=1)
        one, other = RemoteGate(here), RemoteGate(here)
        place = await one.enter(Load())
        waiting = asyncio.ensure_future(other.enter(Load()))
        await one.leave(place, End.ANSWERED, Load())
        return await waiting != place

    assert in_time(work())


def test_more_than_may_be_out_wait(tmp_path: Path) -> None:
    async def work() -> tuple[int, int]:
        here = Here(tmp_path, concurrency=3)
        gate = RemoteGate(here)
        waiting = [asyncio.ensure_future(gate.enter(Load())) for _ in range(5)]
        await waits(here, 2)
        told = asyncio.as_completed(waiting)
        for _ in range(3):
            await next(told)
        return sum(one.done() for one in waiting), len(here.gate._waiting)

    assert in_time(work()) == (3, 2)


def test_a_worker_that_dies_gives_back_its_places(tmp_path: Path) -> None:
    async def work() -> None:
        here = Here(tmp_path, concurrency=1)
        dead, alive = RemoteGate(here), RemoteGate(here)
        await dead.enter(Load())
        waiting = asyncio.ensure_future(alive.enter(Load()))
        await waits(here, 1)
        cut(dead)
        await waiting

    in_time(work())


def test_who_waits_at_a_gate_that_is_lost_is_let_in_by_the_next(tmp_path: Path) -> None:
    async def work() -> int:
        here = Here(tmp_path, concurrency=1)
        one, other = RemoteGate(here), RemoteGate(here)
        held = await one.enter(Load())
        waiting = asyncio.ensure_future(other.enter(Load()))
        await waits(here, 1)
        here.gate = Gatekeeper(Limits(concurrency=1), 300.0, tmp_path)
        cut(one)
        cut(other)
        await waiting
        # What the lost gate gave is no place of the new one's: its own is still taken.
        await one.leave(held, End.REFUSED, Load())
        return len(here.gate._out)

    assert in_time(work()) == 1


def test_a_refusal_hears_how_long_nobody_was_answered(tmp_path: Path) -> None:
    async def work() -> float:
        gate = RemoteGate(Here(tmp_path))
        place = await gate.enter(Load())
        return await gate.leave(place, End.REFUSED, Load(), 0.1)

    assert 0 < in_time(work()) < PATIENCE


def test_spent_money_is_told_over_the_connection(tmp_path: Path) -> None:
    async def work() -> None:
        gate = RemoteGate(Here(tmp_path, max_cost=1.0))
        place = await gate.enter(Load(cost=0.9))
        await gate.leave(place, End.ANSWERED, Load(cost=0.9))
        await gate.enter(Load(cost=0.2))

    with pytest.raises(SpentError, match=r"0\.90 of 1\.00"):
        in_time(work())


def test_a_stranger_is_let_go(tmp_path: Path) -> None:
    async def work() -> bytes:
        door = await Here(tmp_path).remote()
        reader, writer = await asyncio.open_connection(door.host, door.port)
        writer.write(b'open\n["enter", 0, 0, 0]\n')
        return await reader.read()

    assert in_time(work()) == b""
