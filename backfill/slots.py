"""Who may have a request in flight: as many as the concurrency allows, first come, first served."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from backfill.concurrency import Answer, Concurrency


class Slots:
    """Hands out the slots of one event loop; what becomes of them tells the concurrency.

    Who holds a slot waits for the pace or has a request in flight: only the latter counts for the
    concurrency, or a slow pace would look like a full server.
    """

    def __init__(self, concurrency: Concurrency) -> None:
        self._concurrency = concurrency
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def limit(self) -> int:
        """How many there are now."""
        return self._concurrency.limit

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Hold a slot, once there is one."""
        if self._waiting or self._taken >= self.limit:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._free()
                raise
        else:
            self._taken += 1
        try:
            yield
        finally:
            self._free()

    def start(self) -> None:
        """The holder's request starts."""
        self._concurrency.start()

    def end(self, now_s: float, started_s: float, answer: Answer) -> None:
        """The holder's request, started then, ended now; by the loop's clock."""
        self._concurrency.end(now_s, started_s, answer)

    def _free(self) -> None:
        self._taken -= 1
        while self._waiting and self._taken < self.limit:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                self._taken += 1
