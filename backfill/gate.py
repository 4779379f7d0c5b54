"""When the next request may start: the one place that every start of a process goes through."""

from __future__ import annotations

import asyncio

from backfill.concurrency import Answer, Concurrency
from backfill.pace import Pace, now_s
from backfill.verdict import Retry, Verdict
from backfill.waiting import Waiting


class Gate:
    """Lets requests through one at a time: no faster than the pace, no more in flight than may be.

    What becomes of them tells it how many may be, and tells the pace what the server bears.

    waiting: the account of what it waits for, the pace or an answer.
    """

    def __init__(self, concurrency: Concurrency, pace: Pace) -> None:
        self._concurrency, self._pace = concurrency, pace
        self._turn = asyncio.Lock()
        self._first_turns = asyncio.Semaphore(pace.ahead)
        self._asked = 0  # that may be in flight, and wait for the pace
        self._has_ended = asyncio.Event()
        self.waiting = Waiting(now_s)

    @property
    def in_flight_max(self) -> int:
        """How many requests may be in flight now."""
        return self._concurrency.limit

    async def follow(self, ago_s: float) -> None:
        """As of `Pace`."""
        await self._pace.follow(ago_s)

    async def start(self, operations: int, *, is_retry: bool) -> None:
        """Return when a request of so many operations starts, which must be at once.

        Each start has its `end`. A retry waits for other retries and for the first attempts that
        have asked the pace: however slow that is, what is queued here does not use up its time.
        """
        if is_retry:
            await self._start(operations)
            return
        async with self._first_turns:
            await self._start(operations)

    def end(self, started_s: float, verdict: Verdict | None) -> None:
        """A request that started then, by the loop's clock, has ended.

        verdict: None where we abandoned it.
        """
        self._concurrency.end(now_s(), started_s, _answer(verdict))
        self._has_ended.set()
        self._pace.end(started_s, verdict)

    async def _start(self, operations: int) -> None:
        async with self._turn:
            while self._concurrency.in_flight + self._asked >= self._concurrency.limit:
                self._has_ended.clear()
                with self.waiting.on("gate_full"):
                    await self._has_ended.wait()
            self._asked += 1
        try:
            await self._pace.turn(operations, self.waiting)
        finally:
            self._asked -= 1
            self._has_ended.set()
        self._concurrency.start()


def _answer(verdict: Verdict | None) -> Answer:
    """What a verdict says of how many requests the server bears."""
    if verdict is None:
        return Answer.ABANDONED
    return Answer.PUSHED_BACK if isinstance(verdict, Retry) else Answer.GIVEN
