"""When the next request may start: the one place that every start goes through."""

from __future__ import annotations

import asyncio

from aiolimiter import AsyncLimiter

from backfill import pacing
from backfill.throttle import Throttle


class Gate:
    """Lets one request through at a time, no faster than the pace and not while it is shut."""

    def __init__(self, requests_per_s: int, operations_per_s: int | None) -> None:
        self._limiter = AsyncLimiter(*pacing.bucket(requests_per_s))
        self._window = pacing.Window(operations_per_s) if operations_per_s else None
        self._throttle = Throttle(requests_per_s)
        self._turn = asyncio.Lock()
        self._shut_until_s = 0.0

    def shut(self, seconds: float) -> None:
        """Let nothing start for so long; an earlier, longer shutting stays."""
        self._shut_until_s = max(self._shut_until_s, _now_s() + seconds)

    def end(self, now_s: float, started_s: float, *, is_refused: bool) -> None:
        """A request was answered: taken, or refused for there is no room for more."""
        self._throttle.end(now_s, started_s, is_refused=is_refused)

    async def start(self, operations: int) -> None:
        """Return when a request of so many operations is to start, which must be at once."""
        async with self._turn:
            is_paced = False
            while (wait_s := self._wait_s(operations)) > 0 or not is_paced:
                if wait_s > 0:  # shut while we waited for the pace: a token lost, the limit kept
                    await asyncio.sleep(wait_s)
                    is_paced = False
                else:
                    await self._limiter.acquire()
                    is_paced = True
            now_s = _now_s()
            self._throttle.start(now_s)
            if self._window:
                self._window.spend(now_s, operations)

    def _wait_s(self, operations: int) -> float:
        now_s = _now_s()
        window_s = self._window.wait_s(now_s, operations) if self._window else 0.0
        return max(window_s, self._throttle.wait_s(now_s), self._shut_until_s - now_s)


def _now_s() -> float:
    """The loop's own clock, which the limiter and every sleep go by."""
    return asyncio.get_running_loop().time()
