"""The gate: how many requests are let out at once, how many a minute, and for how much money. Time is simulated."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from agents.gate import End, Gate, Limits, Load, SpentError


class Simulated(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next thing that is due: waiting costs no time."""

    now = 0.0

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self.now = max(self.now, self._scheduled[0].when())  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]


def simulate(work: Callable[["Simulated"], Coroutine[Any, Any, Any]]) -> Any:
    loop = Simulated()
    try:
        return loop.run_until_complete(work(loop))
    finally:
        loop.close()


class Busy:
    """An endpoint that answers `most` requests at once, each in a second, and refuses the others."""

    def __init__(self, most: int, pause: float = 0.0) -> None:
        self.most, self.pause = most, pause
        self.busy = self.refused = self.answered = self.highest = 0

    async def ask(self, gate: Gate) -> None:
        while True:
            place = await gate.enter(Load())
            if self.busy >= self.most:
                self.refused += 1
                await gate.leave(place, End.REFUSED, Load(), self.pause)
                await asyncio.sleep(max(self.pause, 0.2))
                continue
            self.busy += 1
            self.highest = max(self.highest, self.busy)
            await asyncio.sleep(1.0)
            self.busy -= 1
            self.answered += 1
            await gate.leave(place, End.ANSWERED, Load(10))
            return


def crowd(endpoint: Busy, count: int, limits: Limits) -> float:
    """Seconds until so many requests are answered, all asked at once."""

    async def work(loop: Simulated) -> float:
        gate = Gate(limits, clock=loop.time)
        await asyncio.gather(*(endpoint.ask(gate) for _ in range(count)))
        return loop.time()

    seconds: float = simulate(work)
    return seconds


@pytest.mark.parametrize("most", [3, 8, 20, 50])
def test_an_endpoint_that_takes_only_so_many_is_kept_busy_and_seldom_refuses(most: int) -> None:
    endpoint = Busy(most)
    seconds = crowd(endpoint, 100 * most, Limits(concurrency=64))
    assert endpoint.answered == 100 * most
    assert seconds < 1.05 * 100 + 6
    assert endpoint.refused <= 0.05 * endpoint.answered


def test_a_pause_that_is_asked_of_one_request_does_not_stop_the_others() -> None:
    endpoint = Busy(8, pause=1.0)
    assert crowd(endpoint, 800, Limits()) < 1.1 * 100 + 6


def test_more_than_allowed_are_never_out_at_once() -> None:
    endpoint = Busy(1000)
    crowd(endpoint, 500, Limits(concurrency=40))
    assert endpoint.highest == 40


def test_an_endpoint_that_refuses_everyone_is_left_alone_for_as_long_as_it_asks() -> None:
    async def work(loop: Simulated) -> float:
        gate = Gate(Limits(), clock=loop.time)
        for _ in range(3):
            await gate.leave(await gate.enter(Load()), End.REFUSED, Load(), 60.0)
        await gate.enter(Load())
        return loop.time()

    assert simulate(work) == pytest.approx(60)


def entered_at(limits: Limits, loads: list[Load]) -> list[float]:
    """When each of several requests is let in; an answer takes no time."""

    async def work(loop: Simulated) -> list[float]:
        gate, times = Gate(limits, clock=loop.time), []
        for load in loads:
            place = await gate.enter(load)
            times.append(loop.time())
            await gate.leave(place, End.ANSWERED, load)
        return times

    times: list[float] = simulate(work)
    return times


def test_no_more_requests_a_minute_than_allowed() -> None:
    times = entered_at(Limits(requests_per_minute=60), [Load()] * 130)
    assert times[-1] == pytest.approx(120, abs=1)
    windows = [sum(start <= time < start + 60 for time in times) for start in range(60)]
    assert max(windows) <= 70  # a minute's worth, and what had been saved before


def test_no_more_tokens_a_minute_than_allowed() -> None:
    assert entered_at(Limits(tokens_per_minute=6000), [Load(500)] * 22)[-1] == pytest.approx(100, abs=5)


def test_a_request_larger_than_the_budget_is_sent_all_the_same() -> None:
    assert entered_at(Limits(tokens_per_minute=60), [Load(1000)])[-1] == 0


def test_tokens_that_were_set_aside_and_not_used_are_given_back() -> None:
    async def work(loop: Simulated) -> float:
        gate = Gate(Limits(tokens_per_minute=600), clock=loop.time)
        for _ in range(20):
            await gate.leave(await gate.enter(Load(100)), End.ANSWERED, Load(1))
        return loop.time()

    assert simulate(work) < 11


def test_the_money_is_never_exceeded_and_those_who_wait_are_told() -> None:
    async def work(loop: Simulated) -> tuple[float, int]:
        gate, refused = Gate(Limits(max_cost=1.0), spent=0.2, clock=loop.time), 0

        async def ask() -> None:
            place = await gate.enter(Load(cost=0.1))
            await asyncio.sleep(1)
            await gate.leave(place, End.ANSWERED, Load(cost=0.07))

        for outcome in await asyncio.gather(*(ask() for _ in range(30)), return_exceptions=True):
            refused += isinstance(outcome, SpentError)
        return gate.spent, refused

    spent, refused = simulate(work)
    assert 0.9 < spent <= 1.0
    assert refused == 30 - round((spent - 0.2) / 0.07)


def test_places_of_workers_that_died_are_free_again() -> None:
    async def work(loop: Simulated) -> float:
        gate = Gate(Limits(concurrency=1), lease_seconds=30, clock=loop.time)
        await gate.enter(Load())
        waiting = asyncio.ensure_future(gate.enter(Load()))
        await asyncio.sleep(31)
        late = asyncio.ensure_future(gate.enter(Load()))
        await waiting
        late.cancel()
        return loop.time()

    assert simulate(work) == pytest.approx(31)


def test_those_who_wait_are_let_in_when_everyone_who_was_out_has_died() -> None:
    async def work(loop: Simulated) -> float:
        gate = Gate(Limits(concurrency=2), lease_seconds=150, clock=loop.time)
        for _ in range(2):
            await gate.enter(Load())
        await gate.enter(Load())
        return loop.time()

    assert simulate(work) == pytest.approx(150)


def test_a_holder_that_died_gives_back_its_places_at_once_and_waits_no_more() -> None:
    async def work(loop: Simulated) -> tuple[int, float]:
        gate = Gate(Limits(concurrency=1), lease_seconds=150, clock=loop.time)
        await gate.enter(Load(), "dead")
        lost = asyncio.ensure_future(gate.enter(Load(), "dead"))
        await asyncio.sleep(1)
        await gate.forget("dead")
        place = await gate.enter(Load(), "alive")
        lost.cancel()
        return place, loop.time()

    assert simulate(work) == (2, 1.0)


def test_the_places_of_others_are_not_given_back() -> None:
    async def work(loop: Simulated) -> float:
        gate = Gate(Limits(concurrency=1), lease_seconds=150, clock=loop.time)
        await gate.enter(Load(), "alive")
        await gate.forget("dead")
        await gate.enter(Load(), "other")
        return loop.time()

    assert simulate(work) == pytest.approx(150)


def test_requests_are_let_in_in_the_order_they_came() -> None:
    async def work(loop: Simulated) -> list[int]:
        gate, order = Gate(Limits(concurrency=1), clock=loop.time), []

        async def ask(number: int) -> None:
            place = await gate.enter(Load())
            order.append(number)
            await asyncio.sleep(1)
            await gate.leave(place, End.ANSWERED, Load())

        await asyncio.gather(*(ask(number) for number in range(10)))
        return order

    assert simulate(work) == list(range(10))
