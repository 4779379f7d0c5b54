"""How fast requests may start: the limits of the config, and what the server bears of them."""

from __future__ import annotations

import asyncio
from typing import Protocol

from aiolimiter import AsyncLimiter

from backfill import pacing
from backfill.throttle import Throttle
from backfill.verdict import Retry, Verdict
from backfill.waiting import Waiting


class Pace(Protocol):
    """Whom a gate asks when the next request may start.

    ahead: how many first attempts may ask at once.
    """

    @property
    def ahead(self) -> int:
        """See above."""
        ...

    async def follow(self, ago_s: float) -> None:
        """Keep to the pace together with a run that used it to the full, before the first start.

        ago_s: since its last request as far as it is known; one that was killed may have sent
               more. Below 0, after the clock was set back, it counts as 0.
        """

    async def turn(self, operations: int, waiting: Waiting) -> None:
        """Return when a request of so many operations starts, which must be at once."""

    def end(self, started_s: float, verdict: Verdict | None) -> None:
        """A request that started then, by the loop's clock, has ended; None: we abandoned it."""


class Restraint:
    """What a server's refusals of every request bring: pauses, and a slower pace."""

    def __init__(self, requests_per_s: int) -> None:
        self._throttle = Throttle(requests_per_s)
        self.shut_until_s = 0.0

    def wait_s(self, now_s: float) -> float:
        """Seconds until the next request may start; not above 0 when it may start now."""
        return max(self._throttle.wait_s(now_s), self.shut_until_s - now_s)

    def start(self, now_s: float) -> None:
        """Note that a request starts now."""
        self._throttle.start(now_s)

    def end(self, now_s: float, started_s: float, shut_s: float | None) -> None:
        """Note that a request that started then was answered now.

        shut_s: for how long nothing is to start, where it was refused for all; None: it was not.
        """
        self._throttle.end(now_s, started_s, is_refused=shut_s is not None)
        if shut_s is not None:
            self._shut(now_s, shut_s)

    def _shut(self, now_s: float, seconds: float) -> None:
        """Let nothing start for so long; an earlier, longer shutting stays."""
        open_from_s = max(self.shut_until_s, now_s)
        self.shut_until_s = max(open_from_s, now_s + seconds)
        self._throttle.pause(self.shut_until_s - open_from_s)


class OwnPace:
    """The pace of a process that sends alone."""

    ahead = 1

    def __init__(self, requests_per_s: int, operations_per_s: int | None) -> None:
        self._limiter = AsyncLimiter(*pacing.bucket(requests_per_s))
        self._window = pacing.Window(operations_per_s) if operations_per_s else None
        self._restraint = Restraint(requests_per_s)
        self._turn = asyncio.Lock()

    async def follow(self, ago_s: float) -> None:
        """See `Pace`."""
        await self._limiter.acquire(self._limiter.max_rate)
        if self._window:
            self._window.fill(now_s() - max(ago_s, 0.0))

    async def turn(self, operations: int, waiting: Waiting) -> None:
        """See `Pace`."""
        async with self._turn:
            with waiting.on("gate_pace"):
                await self._pace(operations)
            self._restraint.start(now_s())
            if self._window:
                self._window.spend(now_s(), operations)

    def end(self, started_s: float, verdict: Verdict | None) -> None:
        """See `Pace`."""
        if is_telling(verdict):
            self._restraint.end(now_s(), started_s, shut_s(verdict))

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
        now = now_s()
        window_s = self._window.wait_s(now, operations) if self._window else 0.0
        return max(window_s, self._restraint.wait_s(now))


def is_telling(verdict: Verdict | None) -> bool:
    """Whether a verdict tells of the pace: it took the request, or refuses all of them for now."""
    return verdict is not None and (not isinstance(verdict, Retry) or verdict.is_for_all)


def shut_s(verdict: Verdict | None) -> float | None:
    """For how many seconds a verdict says that nothing is to start; None: it says no such thing."""
    return verdict.after_s if isinstance(verdict, Retry) and verdict.is_for_all else None


def now_s() -> float:
    """The loop's own clock, which the limiter and every sleep go by."""
    return asyncio.get_running_loop().time()
