"""The gate before an endpoint: how many requests may be out at once, how many a minute, and what they may cost.

One gate serves a whole run, whatever number of workers ask. How many may be out at once is found by trying:
additive increase, multiplicative decrease (Chiu and Jain 1989), after a doubling start as TCP has it (RFC 5681).
"""

import asyncio
import itertools
import time
from collections import deque
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple, Protocol

from pydantic import BaseModel, ConfigDict, Field

FIRST = 8
"""Requests let out at once before anything is known of an endpoint."""
DECREASE = 0.9
"""What is left of the limit after a refusal. A refused request costs little, an idle place costs time: the usual half
would leave a third of the endpoint idle."""
ROUNDS = 8
"""Times the limit's worth of answers before one more is let out."""
IN_A_ROW = 3
"""So many refusals with no answer between them, and a pause that is asked of one binds all."""
BURST_SECONDS = 10.0
"""Of a minute's budget, as much may be spent at once."""


class Limits(BaseModel):
    """What a run allows itself; the endpoint's own limits are found by trying."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    concurrency: int = Field(64, ge=1)
    """Requests out at once, at most."""
    requests_per_minute: float | None = Field(None, gt=0)
    tokens_per_minute: float | None = Field(None, gt=0)
    """Of prompts and replies together."""
    max_cost: float | None = Field(None, gt=0)
    """In the currency of `prices`: no request is sent that could take the run beyond it."""


class End(StrEnum):
    """How a request ended."""

    ANSWERED = "answered"
    REFUSED = "refused"
    """Too many at once, or too many a minute (HTTP 429 and 503)."""
    FAILED = "failed"


class Load(NamedTuple):
    """What a request weighs: an estimate when it enters, what it came to when it leaves."""

    tokens: float = 0.0
    cost: float = 0.0


class SpentError(Exception):
    """The money is spent; the message says how much."""


class Turnstile(Protocol):
    """What the endpoint's client needs of a gate, here or in another process."""

    async def enter(self, load: Load) -> int:
        """Wait for a place; its number. Raises SpentError."""

    async def leave(self, place: int, end: End, load: Load, pause: float = 0.0) -> float:
        """Give the place back; `pause` is what the endpoint asked for. Seconds since it last answered anyone."""


class _Budget:
    """So much a minute; what was not used lasts for BURST_SECONDS."""

    def __init__(self, per_minute: float, now: float) -> None:
        self.per_second = per_minute / 60
        self.most = max(1.0, self.per_second * BURST_SECONDS)
        self._left, self._at = self.most, now

    def wait(self, amount: float, now: float) -> float:
        """Seconds until there is as much; a request larger than a burst waits for a full one."""
        self._left = min(self.most, self._left + (now - self._at) * self.per_second)
        self._at = now
        return max(0.0, (min(amount, self.most) - self._left) / self.per_second)

    def take(self, amount: float) -> None:
        self._left -= amount


class _Waiting(NamedTuple):
    place: int
    load: Load
    holder: str
    ready: "asyncio.Future[int]"


class _Out(NamedTuple):
    load: Load
    holder: str
    until: float
    """A worker that died never leaves; its place is free again after this."""


class Gate:
    """A Turnstile for all requests of one event loop, first come, first served."""

    def __init__(
        self,
        limits: Limits,
        lease_seconds: float = 300.0,
        spent: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        now = clock()
        self.limits, self.lease_seconds, self.spent = limits, lease_seconds, spent
        self.limit = float(min(FIRST, limits.concurrency))
        """Requests that may be out at once, by what is known now."""
        self._clock = clock
        self._starting = True
        self._places = itertools.count()
        self._cut = 0
        """Places below were given before the last decrease: their refusals are part of the same event."""
        self._refusals = 0
        self._answered_at = now
        self._paused_until = now
        self._waiting: deque[_Waiting] = deque()
        self._out: dict[int, _Out] = {}
        self._requests = limits.requests_per_minute and _Budget(limits.requests_per_minute, now)
        self._tokens = limits.tokens_per_minute and _Budget(limits.tokens_per_minute, now)
        self._timer: asyncio.TimerHandle | None = None

    async def enter(self, load: Load, holder: str = "") -> int:
        """Wait for a place, to be held by somebody; its number. Raises SpentError."""
        ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(next(self._places), load, holder, ready))
        self._admit()
        return await ready

    async def leave(self, place: int, end: End, load: Load, pause: float = 0.0) -> float:
        """Give a place back, and learn from how it ended. Seconds since the endpoint last answered anyone."""
        out = self._out.pop(place, None)
        self.spent += load.cost
        if self._tokens and out:
            self._tokens.take(load.tokens - out.load.tokens)
        if end is End.ANSWERED:
            self._grow(busy=len(self._out) + 1)
        elif end is End.REFUSED:
            self._shrink(place, pause)
        self._admit()
        return self._clock() - self._answered_at

    async def forget(self, holder: str) -> None:
        """Take back all places of a holder that died, and let none of its requests wait any longer."""
        self._waiting = deque(one for one in self._waiting if one.holder != holder)
        self._out = {place: out for place, out in self._out.items() if out.holder != holder}
        self._admit()

    def _grow(self, busy: int) -> None:
        self._refusals, self._answered_at = 0, self._clock()
        if busy < int(self.limit):
            return  # The limit was not what held anyone back.
        step = 1.0 if self._starting else 1.0 / (ROUNDS * self.limit)
        self.limit = min(float(self.limits.concurrency), self.limit + step)

    def _shrink(self, place: int, pause: float) -> None:
        self._refusals += 1
        if self._refusals >= IN_A_ROW and pause:
            self._paused_until = max(self._paused_until, self._clock() + pause)
        # Every refusal takes its own place back; the first of an event takes at least a share.
        least = self.limit - 1
        if place >= self._cut:
            self._cut = next(self._places)
            least = min(least, self.limit * DECREASE)
        self._starting = False
        self.limit = max(1.0, least)

    def _admit(self) -> None:
        """Let in who may; where only time is missing, come back when it has passed."""
        self._expire()
        while self._waiting:
            first = self._waiting[0]
            if first.ready.done():
                self._waiting.popleft()
                continue
            if len(self._out) >= int(self.limit):
                self._come_back_after_a_lease()
                return
            if not self._affordable(first.load):
                if self._out:  # They may cost less than was set aside for them.
                    self._come_back_after_a_lease()
                else:
                    self._turn_away()
                return
            if wait := self._wait(first.load):
                self._come_back(wait)
                return
            self._let_in(self._waiting.popleft())

    def _let_in(self, one: _Waiting) -> None:
        for budget, amount in ((self._requests, 1.0), (self._tokens, one.load.tokens)):
            if budget:
                budget.take(amount)
        self._out[one.place] = _Out(one.load, one.holder, self._clock() + self.lease_seconds)
        one.ready.set_result(one.place)

    def _wait(self, load: Load) -> float:
        now = self._clock()
        waits = [self._paused_until - now]
        for budget, amount in ((self._requests, 1.0), (self._tokens, load.tokens)):
            if budget:
                waits.append(budget.wait(amount, now))
        return max(0.0, *waits)

    def _affordable(self, load: Load) -> bool:
        if self.limits.max_cost is None:
            return True
        set_aside = sum(out.load.cost for out in self._out.values())
        return self.spent + set_aside + load.cost <= self.limits.max_cost

    def _turn_away(self) -> None:
        while self._waiting:
            one = self._waiting.popleft()
            if not one.ready.done():
                one.ready.set_exception(SpentError(f"{self.spent:.2f} of {self.limits.max_cost:.2f}"))

    def _come_back(self, seconds: float) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._admit)

    def _come_back_after_a_lease(self) -> None:
        """Whoever holds a place may have died: should nobody leave, there is room when the first lease has ended."""
        oldest = next(iter(self._out.values()))
        self._come_back(oldest.until - self._clock())

    def _expire(self) -> None:
        now = self._clock()
        for place in [place for place, out in self._out.items() if out.until <= now]:
            del self._out[place]
