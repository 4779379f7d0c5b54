"""When the next request may start: the one place that every start goes through."""

from __future__ import annotations

import asyncio

from aiolimiter import AsyncLimiter

from backfill import pacing
from backfill.concurrency import Answer, Concurrency
from backfill.throttle import Throttle
from backfill.verdict import Retry, Verdict
from backfill.waiting import Waiting


class Gate:
    """Lets one request through at a time: no faster than the pace, no more in flight than may be.

    What becomes of them tells it how many may be, and what pace the server bears.

    waiting: the account of what it waits for, the pace or an answer.
    """

    def __init__(
        self, requests_per_s: int, operations_per_s: int | None, concurrency: Concurrency
    ) -> None:
        self._concurrency = concurrency
        self._limiter = AsyncLimiter(*pacing.bucket(requests_per_s))
        self._window = pacing.Window(operations_per_s) if operations_per_s else None
        self._throttle = Throttle(requests_per_s)
        self._turn = asyncio.Lock()
        self._first_turn = asyncio.Lock()
        self._has_ended = asyncio.Event()
        self._shut_until_s = 0.0
        self.waiting = Waiting(_now_s)

    @property
    def in_flight_max(self) -> int:
        """How many requests may be in flight now."""
        return self._concurrency.limit

    def shut(self, seconds: float) -> None:
        """Let nothing start for so long; an earlier, longer shutting stays."""
        now_s = _now_s()
        open_from_s = max(self._shut_until_s, now_s)
        self._shut_until_s = max(open_from_s, now_s + seconds)
        self._throttle.pause(self._shut_until_s - open_from_s)

    async def follow(self, ago_s: float) -> None:
        """Keep to the pace together with a run that used it to the full, before the first start.

        ago_s: since its last request as far as it is known; one that was killed may have sent
               more. Below 0, after the clock was set back, it counts as 0.
        """
        await self._limiter.acquire(self._limiter.max_rate)
        if self._window:
            self._window.fill(_now_s() - max(ago_s, 0.0))

    async def start(self, operations: int, *, is_retry: bool) -> None:
        """Return when a request of so many operations starts, which must be at once.

        Each start has its `end`. A retry waits for other retries and for one first attempt at
        most: however slow the pace, what is queued here does not use up its time.
        """
        if is_retry:
            await self._start(operations)
            return
        async with self._first_turn:
            await self._start(operations)

    def end(self, started_s: float, verdict: Verdict | None) -> None:
        """A request that started then, by the loop's clock, has ended.

        verdict: None where we abandoned it.
        """
        now_s = _now_s()
        self._concurrency.end(now_s, started_s, _answer(verdict))
        self._has_ended.set()
        if isinstance(verdict, Retry):
            if verdict.is_for_all:
                self._throttle.end(now_s, started_s, is_refused=True)
                self.shut(verdict.after_s)
        elif verdict is not None:
            self._throttle.end(now_s, started_s, is_refused=False)

    async def _start(self, operations: int) -> None:
        async with self._turn:
            while self._concurrency.in_flight >= self._concurrency.limit:
                self._has_ended.clear()
                with self.waiting.on("gate_full"):
                    await self._has_ended.wait()
            with self.waiting.on("gate_pace"):
                await self._pace(operations)
            now_s = _now_s()
            self._concurrency.start()
            self._throttle.start(now_s)
            if self._window:
                self._window.spend(now_s, operations)

    async def _pace(self, operations: int) -> None:
        is_paced = False
        while (wait_s := self._wait_s(operations)) > 0 or not is_paced:
            if wait_s > 0:  # shut while we waited for the pace: a token lost, the limit kept
                await asyncio.sleep(wait_s)
                is_paced = False
            else:
                await self._limiter.acquire()
                is_paced = True

    def _wait_s(self, operations: int) -> float:
        now_s = _now_s()
        window_s = self._window.wait_s(now_s, operations) if self._window else 0.0
        return max(window_s, self._throttle.wait_s(now_s), self._shut_until_s - now_s)


def _answer(verdict: Verdict | None) -> Answer:
    """What a verdict says of how many requests the server bears."""
    if verdict is None:
        return Answer.ABANDONED
    return Answer.PUSHED_BACK if isinstance(verdict, Retry) else Answer.GIVEN


def _now_s() -> float:
    """The loop's own clock, which the limiter and every sleep go by."""
    return asyncio.get_running_loop().time()
